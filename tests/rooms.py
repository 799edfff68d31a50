#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Draws the house by its includes: the rooms of cli/ROOMS, the arrows between them, and what must not
be: an arrow upwards, a circle of files, a header that is used from outside and is no door.
"""

import re
import sys
from pathlib import Path

TOP = Path(__file__).parents[1]
SEARCHED = ("binder/core", "binder", "cli")  # the folders that the Makefile names with -I


def read_rooms(text):
    """room -> the headers that other rooms may include, from the lowest room to the highest."""
    rooms = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            room, _, doors = line.partition(":")
            rooms[room.strip()] = set(doors.split())
    return rooms


def files_of(top=TOP):
    """All files of the two programs."""
    return sorted(path.relative_to(top) for folder in ("binder", "cli")
                  for path in (top / folder).rglob("*.[ch]"))


def room_of(path):
    """core, binder, a folder of cli/, or program for what is in cli/ itself."""
    if path.parts[0] == "binder":
        return "core" if path.parts[1] == "core" else "binder"
    return path.parts[1] if len(path.parts) > 2 else "program"


def includes(path, files, top=TOP):
    """The files that a file includes by quotes, found as the compiler finds them."""
    for name in re.findall(r'^#include "([^"]+)"', (top / path).read_text("utf-8"), re.MULTILINE):
        for folder in (path.parent, *map(Path, SEARCHED)):
            if folder / name in files:
                yield folder / name
                break
        else:
            raise LookupError(f"{path} includes {name}, which is nowhere")


def arrows_of(files, top=TOP):
    """file -> the files it includes."""
    known = set(files)
    return {path: set(includes(path, known, top)) for path in files}


def modules(arrows):
    """The same with a header and its .c as one, by their names without the ending."""
    joined = {}
    for path, targets in arrows.items():
        joined.setdefault(path.with_suffix(""), set()).update(
            target.with_suffix("") for target in targets)
    return {path: targets - {path} for path, targets in joined.items()}


def circles(arrows):
    """The circles, each as the set of its files: what can be reached from itself."""
    reached = {}

    def reach(path):
        found, todo = set(), list(arrows.get(path, ()))
        while todo:
            target = todo.pop()
            if target not in found:
                found.add(target)
                todo.extend(arrows.get(target, ()))
        return found

    for path in arrows:
        reached[path] = reach(path)
    return sorted({frozenset({path, *(other for other in reached[path] if path in reached[other])})
                   for path in arrows if path in reached[path]}, key=sorted)


def faults(arrows, rooms):
    """What must not be, a sentence each."""
    order = list(rooms)
    for path, targets in arrows.items():
        for target in targets:
            here, there = room_of(path), room_of(target)
            if order.index(there) > order.index(here):
                yield f"{path} includes {target}: {there} is above {here}"
            if here != there and rooms[there] and str(target.name) not in rooms[there]:
                yield f"{path} includes {target}, which is no door of {there}"
    for circle in circles(modules(arrows)):
        yield "a circle: " + ", ".join(map(str, sorted(circle)))
    for room, doors in rooms.items():
        used = {target.name for path, targets in arrows.items() for target in targets
                if room_of(target) == room != room_of(path)}
        for door in sorted(doors - used):
            yield f"{room}: no other room includes its door {door}"


def draw(arrows, rooms):
    """The rooms from the top down, with the rooms each looks into."""
    for room in reversed(rooms):
        inside = [path for path in arrows if room_of(path) == room]
        lines = sum(len((TOP / path).read_text("utf-8").splitlines()) for path in inside)
        into = {}
        for path in inside:
            for target in arrows[path]:
                if room_of(target) != room:
                    into[room_of(target)] = into.get(room_of(target), 0) + 1
        names = ", ".join(f"{name} {into[name]}" for name in rooms if name in into)
        yield f"{room:8} {len(inside):3} files {lines:6} lines  -> {names or '-'}"


def main():
    """Draws, and returns 1 if something must not be."""
    rooms = read_rooms((TOP / "cli/ROOMS").read_text("utf-8"))
    arrows = arrows_of(files_of())
    found = list(faults(arrows, rooms))
    print("\n".join(draw(arrows, rooms)))
    upwards = sum("is above" in fault for fault in found)
    print(f"{len(circles(modules(arrows)))} circles, {upwards} arrows upwards")
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
