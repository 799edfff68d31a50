# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures and prints them all, and draws doc/growth.svg. Fails where one could not be measured."""

import subprocess
import sys

from . import growth
from .figure import NotMeasured, show
from .figures import FIGURES, SPANS
from .plain import parts


def main():
    """Prints the table, and the line that all of tests/run ends with."""
    passed = skipped = 0
    for measure, *figures in FIGURES + SPANS:
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
    try:
        growth.PICTURE.write_text(growth.draw(growth.count()), "utf-8")
        print(f"drawn: {growth.PICTURE}")
        passed += 1
    except (NotMeasured, OSError, subprocess.SubprocessError) as why:
        print(f"not drawn: {str(why).splitlines()[0]}")
        skipped += 1
    print("\nbytes of each part of the binder")
    for weight, part in parts():
        print(f"{weight:8,} {part}")
    print(f"{passed} passed, 0 failed, {skipped} skipped")
    return 1 if skipped else 0


sys.exit(main())
