# SPDX-License-Identifier: GPL-2.0-or-later
"""
Prints of a JUnit file what tests recorded, then each that failed and why, and
`N passed, N failed, N skipped`: a skipped test is no passed one.
"""

import sys
import xml.etree.ElementTree as ElementTree

NO_TIME = "no time is left for boots"
SOME = 20  # texts of one kind that a reader wants to see; of more, how many there are


def figures(root):
    """What was recorded, a line each. What the rows of one table record is put together."""
    kinds = {}
    for case in root.iter("testcase"):
        for figure in case.iter("property"):
            kind = case.get("name").partition("[")[0], figure.get("name")
            kinds.setdefault(kind, []).append(figure.get("value"))
    for (test, name), values in kinds.items():
        if all(value.isdecimal() for value in values):
            yield f"{test}: {name}: {sum(map(int, values))}"
        elif len(values) > SOME:
            yield f"{test}: {name}: told {len(values)} times"
        else:
            yield from (f"{test}: {name}: {value}" for value in values)


def failures(root):
    """What failed, with the end of what pytest says of it: near the end nobody overlooks it."""
    for case in root.iter("testcase"):
        for result in (*case.iter("failure"), *case.iter("error")):
            yield f"FAILED {case.get('classname')}::{case.get('name')}"
            yield from (f"    {line[:200]}" for line in (result.text or "").splitlines()[-SOME:])


def tell(root):
    """Prints it."""
    total = failed = skipped = 0
    for line in (*figures(root), *failures(root)):
        print(line)
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
