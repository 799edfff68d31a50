# SPDX-License-Identifier: GPL-2.0-or-later
"""
Prints what tests of a JUnit file recorded, and `N passed, N failed, N skipped`: a skipped test is
no passed one.
"""

import sys
import xml.etree.ElementTree as ElementTree

NO_TIME = "no time is left for boots"


def tell(root):
    """Prints it."""
    total = failed = skipped = 0
    for case in root.iter("testcase"):
        for figure in case.iter("property"):
            print(f"{case.get('name')}: {figure.get('name')}: {figure.get('value')}")
    late = [case for case in root.iter("skipped") if case.get("message") == NO_TIME]
    if late:
        print(f"{NO_TIME}: {len(late)} tests of those that are skipped")
    for suite in root.iter("testsuite"):
        total += int(suite.get("tests"))
        failed += int(suite.get("failures")) + int(suite.get("errors"))
        skipped += int(suite.get("skipped"))
    print(f"{total - failed - skipped} passed, {failed} failed, {skipped} skipped")


if __name__ == "__main__":
    tell(ElementTree.parse(sys.argv[1]).getroot())
