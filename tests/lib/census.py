# SPDX-License-Identifier: GPL-2.0-or-later
"""160 real machines in one file, tests/machines/census.xz: hardware facts that their owners have
published, in the format of the machine files, each behind a line `## NAME`."""

import functools
import lzma
from pathlib import Path

from lib import machine as machines

FILE = Path(__file__).parents[1] / "machines" / "census.xz"


@functools.cache
def texts():
    """{name: machine file}."""
    with lzma.open(FILE, "rt", encoding="utf-8") as file:
        pieces = file.read().split("## ")[1:]
    return dict(piece.split("\n", 1) for piece in pieces)


@functools.cache
def load(name):
    """The machine as tests/lib/machine.py knows it."""
    return machines.parse(texts()[name])
