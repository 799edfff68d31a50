# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds what is measured and what measures."""

import os
import subprocess
from pathlib import Path

from .figure import NotMeasured

HERE = Path(__file__).parent
TOP = HERE.parents[1]
BUILD = os.environ.get("BUILD", "build")


def run(*command, fine=(0,), **options):
    """Runs a program and returns what it printed; its failure is why there is no figure."""
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False, **options)
    if done.returncode not in fine:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise NotMeasured(f"{Path(command[0]).name}: exit {done.returncode}: {''.join(last)}")
    return done.stdout


def built(target):
    """The path of a program below the build folder."""
    run("make", "-s", "-C", TOP, f"BUILD={BUILD}", f"{BUILD}/{target}")
    return TOP / BUILD / target
