# SPDX-License-Identifier: GPL-2.0-or-later
"""
Prints of JUnit files what tests recorded, the slowest tests, each that failed and why, and
`N passed, N failed, N skipped`: a skipped test is no passed one.
"""

import sys
import xml.etree.ElementTree as ElementTree

SOME = 20  # texts of one kind that a reader wants to see; of more, how many there are
SLOWEST = 10


def figures(cases):
    """What was recorded, a line each. What the rows of one table record is put together."""
    kinds = {}
    for case in cases:
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


def name_of(case):
    """Its file and its own name."""
    return f"{case.get('classname')}::{case.get('name')}"


def slowest(cases):
    """With what a test prepares for those behind it."""
    yield "The slowest tests, in seconds:"
    for case in sorted(cases, key=lambda case: -float(case.get("time")))[:SLOWEST]:
        yield f"{float(case.get('time')):7.1f} {name_of(case)}"


def failures(cases):
    """What failed, with the end of what pytest says of it: near the end nobody overlooks it."""
    for case in cases:
        for result in (*case.iter("failure"), *case.iter("error")):
            yield f"FAILED {name_of(case)}"
            yield from (f"    {line[:200]}" for line in (result.text or "").splitlines()[-SOME:])


def tell(roots):
    """Prints it."""
    cases = [case for root in roots for case in root.iter("testcase")]
    for line in (*figures(cases), *slowest(cases), *failures(cases)):
        print(line)
    total = failed = skipped = 0
    for suite in (suite for root in roots for suite in root.iter("testsuite")):
        total += int(suite.get("tests"))
        failed += int(suite.get("failures")) + int(suite.get("errors"))
        skipped += int(suite.get("skipped"))
    print(f"{total - failed - skipped} passed, {failed} failed, {skipped} skipped")


if __name__ == "__main__":
    tell([ElementTree.parse(path).getroot() for path in sys.argv[1:]])
