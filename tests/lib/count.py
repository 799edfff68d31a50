# SPDX-License-Identifier: GPL-2.0-or-later
"""
Prints what tests of a JUnit file recorded, and `N passed, N failed, N skipped`: a skipped test is
no passed one.
"""

import sys
import xml.etree.ElementTree as ElementTree

root = ElementTree.parse(sys.argv[1]).getroot()
for case in root.iter("testcase"):
    for figure in case.iter("property"):
        print(f"{case.get('name')}: {figure.get('name')}: {figure.get('value')}")
total = failed = skipped = 0
for suite in root.iter("testsuite"):
    total += int(suite.get("tests"))
    failed += int(suite.get("failures")) + int(suite.get("errors"))
    skipped += int(suite.get("skipped"))
print(f"{total - failed - skipped} passed, {failed} failed, {skipped} skipped")
