# SPDX-License-Identifier: GPL-2.0-or-later
"""Trees of plain files with any number of functions: cards, drives, and ports full of NICs."""

from lib.machine import parse
from lib.tree import Tree

POLICY = b"""bind display boot_display=0
bind nvme path=0000:00/03.0/00.0 id=144d:a80a
"""
PROTECTED = ["storage path=0000:00/04.0/00.0 id=144d:a80a"]
# What is behind the first root ports: class, id and boot_vga of each function.
CARD = (("030000", "10de:2684", "0"), ("040300", "10de:22ba", "-"))
BOOT_CARD = (("030000", "10de:2684", "1"), ("040300", "10de:22ba", "-"))
DRIVE = (("010802", "144d:a80a", "-"),)
NIC = (("020000", "8086:154c", "-"),) * 256  # a bus full of virtual functions


def rows():
    """One machine that never ends, a row of a machine file at a time."""
    bus, group = 0, 0
    while True:
        bus += 1
        behind = {1: BOOT_CARD, 2: CARD, 3: DRIVE, 4: DRIVE}.get(bus, NIC)
        port = f"0000:00:{bus % 32:02x}.{bus // 32}"
        functions = [(port, "060400", "8086:460d", "-", "-")]
        functions += [(f"0000:{bus:02x}:{devfn >> 3:02x}.{devfn & 7}", *ids, port, vga)
                      for devfn, (*ids, vga) in enumerate(behind)]
        for address, kind, name, parent, vga in functions:
            group += 1
            yield "\t".join((address, kind, name, "8086:0000", "-", "-", str(group), parent, "-",
                             "-", vga))


def crowd(folder, count):
    """The tree of the first count functions of it."""
    lines = [row for row, _ in zip(rows(), range(count))]
    tree = Tree(folder, parse("\n".join(lines)))
    tree.policy({"vfio-bind.conf": POLICY})
    tree.protect(PROTECTED)
    return tree
