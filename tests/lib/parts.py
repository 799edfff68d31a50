# SPDX-License-Identifier: GPL-2.0-or-later
"""Deals out the nightly tests to parts that can be run alone: tests/run nightly 1/6."""

# About how many minutes of one processor a test takes; one that is not named takes a second.
MINUTES = {
    "tests/vm/": 1.0,
}


def minutes(item):
    """By the longest beginning of its name that is listed."""
    known = [start for start in MINUTES if item.nodeid.startswith(start)]
    return MINUTES[max(known, key=len)] if known else 1 / 60


def group_of(item):
    """What shares a root and images stays together: a file, and a release in it."""
    release = getattr(item, "callspec", None) and item.callspec.params.get("release")
    return f"{item.nodeid.partition('::')[0]} {release or ''}".strip()


def deal(items, count):
    """The groups of each part: the longest first, each to the part that has least."""
    length = {}
    for item in items:
        length[group_of(item)] = length.get(group_of(item), 0) + minutes(item)
    parts = [{} for _ in range(count)]
    for group in sorted(length, key=lambda group: (-length[group], group)):
        min(parts, key=lambda part: sum(part.values()))[group] = length[group]
    return parts


def choose(items, part):
    """The items of a part, "1/6"; and its groups."""
    number, count = map(int, part.split("/"))
    groups = deal(items, count)[number - 1]
    return [item for item in items if group_of(item) in groups], groups
