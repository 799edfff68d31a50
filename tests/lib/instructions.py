# SPDX-License-Identifier: GPL-2.0-or-later
"""Counts the instructions of a program's run: the same on every host, however busy it is."""

import os
import re
import subprocess
from functools import lru_cache
from pathlib import Path

from . import golden
from .build import APART, BUILD

SOURCE = Path(__file__).with_name("openat2.c")


@lru_cache
def preloaded():
    """The object that makes openat2(2) known to valgrind."""
    path = os.path.join(BUILD, "tests", f"openat2-{os.getpid()}.so")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    subprocess.run(["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", path, SOURCE], check=True,
                   env=APART)
    return path


def instructions(program, *words):
    """How many a run takes that ends by itself."""
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--trace-children=no",
         program, *words], env=golden.environment(LD_PRELOAD=preloaded()), check=False,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
    assert done.returncode not in (1, 2) and done.returncode >= 0, (done.returncode, done.stderr)
    return int(re.search(r"Collected : (\d+)$", done.stderr, re.MULTILINE)[1])
