# SPDX-License-Identifier: GPL-2.0-or-later
"""The house by its includes: no arrow upwards, no circle of files, no way in but the doors."""

from pathlib import Path

import pytest

import rooms

ROOMS = {"core": set(), "binder": set(), "base": {"table.h"}, "show": set(), "program": set()}
CLEAN = {
    "binder/core/rule.c": {"binder/core/rule.h"},
    "binder/core/rule.h": set(),
    "cli/base/table.h": {"binder/core/rule.h"},
    "cli/show/list.c": {"cli/base/table.h"},
    "cli/program.c": {"cli/base/table.h"},
}


def arrows(**more):
    """CLEAN with other arrows, as paths."""
    return {Path(path): set(map(Path, targets)) for path, targets in {**CLEAN, **more}.items()}


def test_the_house():
    """What `tests/rooms.py` prints in words."""
    listed = rooms.read_rooms((rooms.TOP / "cli/ROOMS").read_text("utf-8"))
    found = rooms.arrows_of(rooms.files_of())
    assert len(found) > 100
    assert {rooms.room_of(path) for path in found} == set(listed)
    assert list(rooms.faults(found, listed)) == []


@pytest.mark.parametrize("more, fault", [
    ({}, None),
    ({"cli/base/table.h": {"cli/show/row.h"}},
     "cli/base/table.h includes cli/show/row.h: show is above base"),
    ({"cli/show/list.c": {"cli/base/table.h", "cli/base/marks.h"}},
     "cli/show/list.c includes cli/base/marks.h, which is no door of base"),
    ({"binder/core/rule.h": {"binder/core/value.h"}, "binder/core/value.c": {"binder/core/rule.h"},
      "binder/core/value.h": set()}, "a circle: binder/core/rule, binder/core/value"),
    ({"cli/show/list.c": set(), "cli/program.c": set()},
     "base: no other room includes its door table.h"),
])
def test_what_is_seen(more, fault):
    """Each thing that must not be is told, and nothing else."""
    assert list(rooms.faults(arrows(**more), ROOMS)) == ([fault] if fault else [])
