# SPDX-License-Identifier: GPL-2.0-or-later
"""All figures there are: what measures, and what it returns. doc/figures.md has a row for each."""

from functools import partial

from . import generators, machine, plain
from .figure import Figure

FIGURES = (
    (plain.size, Figure("size of the binder", "bytes", most=98304)),
    (plain.memory, Figure("memory (VmHWM) with 256 functions", "KiB", most=1024),
     Figure("memory (VmHWM) with 16,384 functions", "KiB", most=4096)),
    (plain.calls, Figure("system calls a function (strace)", "", most=4, digits=2)),
    (plain.instructions, Figure("instructions a function (callgrind)", "", most=1500)),
    (plain.core, Figure("the core alone: a function of 10,000", "ns", digits=1),
     Figure("the core alone: times as long as a function of 1,000", "", most=1.3, digits=2)),
    (plain.scale, Figure("10,000 functions as plain files", "ms", digits=1),
     Figure("there: times as long a function as with 1,000", "", most=1.3, digits=2)),
    (plain.check, Figure("check --json with 256 functions", "ms", most=50, digits=1),
     Figure("check --json with 256 functions: memory (VmHWM)", "KiB", most=16384)),
    (machine.growth, Figure("growth of the initramfs image", "bytes")),
    (machine.times, Figure("functions of the machine that is booted", ""),
     Figure("there: median time of the binder", "ms", digits=2),
     Figure("there: median time of the shell recipe", "ms", digits=2),
     Figure("there: times faster than the recipe", "", least=20, digits=1),
     Figure("there: median time of a walk that reads each uevent", "ms", digits=2),
     Figure("there: times as long as the walk", "", most=1.3, digits=2),
     Figure("there: median time of driverctl, told the 2 functions", "ms", digits=2),
     Figure("there: times faster than driverctl", "", digits=1),
     Figure("there: median time of vfio-pci with ids=, no more", "ms", digits=2),
     Figure("there: functions that ids= takes for the 2", "")),
    *((partial(generators.overlay, release),
       Figure(f"{release}: an overlay takes", "s", digits=3),
       Figure(f"{release}: it has", "bytes"),
       Figure(f"{release}: a whole image takes", "s", digits=1),
       Figure(f"{release}: it has", "bytes"),
       Figure(f"{release}: times faster", "", least=100)) for release in generators.WHOLE),
)

# One for each way into an image; doc/figures.md leaves them out.
SPANS = tuple(
    (partial(generators.added, *cell),
     Figure(f"{cell[0]}, {cell[1].name.removeprefix('bench-')}: first to last log line", "ms",
            digits=1))
    for cell in generators.CELLS)
