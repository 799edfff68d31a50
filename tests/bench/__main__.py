# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures and prints them all. Fails where a figure could not be measured."""

import subprocess
import sys
from functools import partial

from . import generators, machine, plain
from .figure import Figure, NotMeasured, show

FIGURES = (
    (plain.size, Figure("size of the binder", "bytes", most=65536)),
    (plain.memory, Figure("memory (VmHWM) with 256 functions", "KiB", most=1024),
     Figure("memory (VmHWM) with 16,384 functions", "KiB", most=4096)),
    (plain.calls, Figure("system calls a function (strace)", "", most=4, digits=2)),
    (plain.instructions, Figure("instructions a function (callgrind)", "", most=1500)),
    (machine.growth, Figure("growth of the initramfs image", "bytes")),
    (machine.times, Figure("functions of the machine that is booted", ""),
     Figure("there: median time of the binder", "ms", digits=2),
     Figure("there: median time of the shell recipe", "ms", digits=2),
     Figure("there: median time of a walk that reads each uevent", "ms", digits=2),
     Figure("there: times faster than the recipe", "", least=20, digits=1),
     Figure("there: times as long as the walk", "", most=1.3, digits=2)),
    *((partial(generators.overlay, release),
       Figure(f"{release}: an overlay takes", "s", digits=3),
       Figure(f"{release}: it has", "bytes"),
       Figure(f"{release}: a whole image takes", "s", digits=1),
       Figure(f"{release}: it has", "bytes"),
       Figure(f"{release}: times faster", "", least=100)) for release in generators.WHOLE),
    *((partial(generators.added, *cell),
       Figure(f"{cell[0]}, {cell[1].name}: our first log line to the last", "ms", digits=1))
      for cell in generators.CELLS),
)


def main():
    """Prints the table, and the line that all of tests/run ends with."""
    passed = skipped = 0
    for measure, *figures in FIGURES:
        try:
            values = measure()
            for figure, value in zip(figures, values):
                show(figure, figure.text(value), figure.met(value))
            passed += len(figures)
        except (NotMeasured, OSError, AssertionError, subprocess.SubprocessError) as why:
            for figure in figures:
                show(figure, "not measured", "-")
            print(f"    {str(why).splitlines()[0]}")
            skipped += len(figures)
    print(f"{passed} passed, 0 failed, {skipped} skipped")
    return 1 if skipped else 0


sys.exit(main())
