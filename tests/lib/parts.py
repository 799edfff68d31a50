# SPDX-License-Identifier: GPL-2.0-or-later
"""Deals out the nightly tests to parts that can be run alone: tests/run nightly 1/12."""

SHARED = 2  # minutes for what the tests of a group share: an image or two
# About how many minutes of one processor a test takes by which name begins so, on a host that takes
# two seconds for python3 -c 'sum(range(60_000_000))'. What is not named takes a second.
MINUTES = {
    "tests/vm/": 0.7,
    "tests/vm/test_archives.py": 0.2,
    "tests/vm/test_beside.py": 0.3,
    "tests/vm/test_builtin.py": 3,
    "tests/vm/test_cells.py::test_in_turn": 0.05,
    "tests/vm/test_dracut.py": 1.3,
    "tests/vm/test_faults.py": 3.6,
    "tests/vm/test_gate.py": 2,
    "tests/vm/test_hostile.py::test_nothing_changes": 1,
    "tests/vm/test_locked.py": 2,
    "tests/vm/test_network.py": 2,
    "tests/vm/test_package.py": 8,
    "tests/vm/test_plugged.py": 0.2,
    "tests/vm/test_running.py::test_step": 0.1,
    "tests/vm/test_running.py::test_unbind_that_hangs": 2,
    "tests/vm/test_sabotaged.py": 0.3,
    "tests/vm/test_sealed.py": 0.3,
    "tests/vm/test_storage.py": 4,
    "tests/vm/test_truth.py": 2,
    "tests/analysis/test_lint.py": 12,
    "tests/analysis/test_valgrind.py": 0.2,
    "tests/coverage": 6,
    "tests/faults": 0.1,
    "tests/fuzz": 3.5,
    "tests/mutation": 25,
    "tests/package/test_bare.py": 6,
    "tests/package/test_deb.py": 10,
    "tests/package/test_install.py": 0.6,
    "tests/power": 2,
    "tests/property": 0.7,
    "tests/property/test_census.py": 0.1,
    "tests/property/test_drift.py": 0.05,
    "tests/sabotage": 0.2,
}


def minutes(item):
    """By the longest beginning of its name that is listed."""
    known = [start for start in MINUTES if item.nodeid.startswith(start)]
    return MINUTES[max(known, key=len)] if known else 1 / 60


def group_of(item):
    """What shares a root and images stays together: a file, and a release in it. A night's share of
    what takes several is on its own."""
    params = item.callspec.params if hasattr(item, "callspec") else {}
    words = (item.nodeid.partition("::")[0], params.get("release"), params.get("night"))
    return " ".join(str(word) for word in words if word is not None)


def deal(items, count):
    """The groups of each part: the longest first, each to the part that has least."""
    length = {}
    for item in items:
        length[group_of(item)] = length.get(group_of(item), SHARED) + minutes(item)
    parts = [{} for _ in range(count)]
    for group in sorted(length, key=lambda group: (-length[group], group)):
        min(parts, key=lambda part: sum(part.values()))[group] = length[group]
    return parts


def choose(items, part):
    """The items of a part, "1/6"; and its groups."""
    number, count = map(int, part.split("/"))
    groups = deal(items, count)[number - 1]
    return [item for item in items if group_of(item) in groups], groups
