# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads a machine file: `#key value` lines, then one row of tab-separated columns per function.

Lines that begin with "# " are comments. A key has no blank after the "#".
"""

import functools
import re
from dataclasses import dataclass, field

HEADER_TYPES = {0x0604: 1, 0x0607: 2, 0x0609: 1}
KEYS = {"framebuffer", "boot-display", "below", "header-type", "disk-in-use", "protect", "kernel",
        "cmdline", "slot", "physfn", "sriov", "unreadable", "variant"}


@dataclass(eq=False)
class Device:
    address: str  # DDDD:BB:DD.F, lower case
    cls: int  # six hex digits: base class, subclass, programming interface
    vendor: int
    device: int
    subvendor: int
    subdevice: int
    driver: str  # "" without one
    group: int | None
    parent: str | None  # the bridge above, None on a root bus
    dsn: int  # 0 without one
    boot_vga: int | None  # None without the file
    header_type: int
    framebuffer: bool = False
    physfn: str | None = None  # of a virtual function: the physical one
    vf: int | None = None  # and which of its own it is
    total_vfs: int = 0  # of a physical function: virtual ones that it can have
    vf_device: int = 0  # and their device id
    unreadable: bool = False  # its config space cannot be read
    boot_display: bool = False
    disks: list = field(default_factory=list)  # names of disks below it that are claimed

    @property
    def key(self):
        return address_key(self.address)

    @property
    def slot(self):
        """Domain, bus and device: all functions of one slot have these in common."""
        return self.key[:3]

    @property
    def class16(self):
        return self.cls >> 8

    @property
    def base(self):
        return self.cls >> 16


@dataclass(eq=False)
class Machine:
    devices: dict = field(default_factory=dict)  # address -> Device, in address order
    slots: dict = field(default_factory=dict)  # name -> (domain, bus, device or None)
    below: dict = field(default_factory=dict)  # (domain, bus) of a root bus -> address
    protect: list | None = None  # lines behind the header, None for a missing file
    variants: list = field(default_factory=list)  # (driver, alias) of the kernel's modules
    kernel: str = "6.12.0-test"
    cmdline: str = ""

    def __iter__(self):
        return iter(self.devices.values())

    def root(self, device):
        """(domain, bus) of the last root bus above the device."""
        while device.parent:
            device = self.devices[device.parent]
        return device.key[:2]

    def above(self, device):
        """The PCI functions above a device, nearest first, through a root bus below one."""
        while True:
            address = device.parent or self.below.get(device.key[:2])
            if not address:
                return
            device = self.devices[address]
            yield device


@functools.cache
def address_key(address):
    domain, bus, rest = address.split(":")
    device, function = rest.split(".")
    return int(domain, 16), int(bus, 16), int(device, 16), int(function, 16)


def _id(text):
    vendor, device = ("0", "0") if text == "-" else text.split(":")
    return int(vendor, 16), int(device, 16)


def _row(columns):
    address, cls, ids, subsystem, _, driver, group, parent, dsn, _, boot_vga = columns
    cls = int(cls, 16)
    return Device(
        address, cls, *_id(ids), *_id(subsystem),
        driver="" if driver == "-" else driver,
        group=None if group == "-" else int(group),
        parent=None if parent == "-" else parent,
        dsn=0 if dsn == "-" else int(dsn.replace("-", ""), 16),
        boot_vga=int(boot_vga) if boot_vga in "01" else None,
        header_type=HEADER_TYPES.get(cls >> 8, 0))


def _slot(text):
    domain, bus, *device = (int(part, 16) for part in text.split(":"))
    return domain, bus, device[0] if device else None


def _apply(machine, key, value):
    """A `#key value` line, once all rows are known."""
    words = value.split()
    if key == "framebuffer":
        machine.devices[words[0]].framebuffer = True
    elif key == "boot-display":
        machine.devices[words[0]].boot_display = True
    elif key == "below":
        machine.below[_slot(words[0])[:2]] = words[1]
    elif key == "physfn":
        device = machine.devices[words[0]]
        device.physfn, device.vf = words[1], int(words[2])
    elif key == "sriov":
        device = machine.devices[words[0]]
        device.total_vfs, device.vf_device = int(words[1]), int(words[2], 16)
    elif key == "unreadable":
        machine.devices[words[0]].unreadable = True
    elif key == "header-type":
        machine.devices[words[0]].header_type = int(words[1])
    elif key == "disk-in-use":
        machine.devices[words[0]].disks.append(words[1])
    elif key == "variant":
        machine.variants.append(tuple(words))
    elif key == "protect":
        machine.protect = (machine.protect or []) + [value]
    elif key == "slot":
        name, address = value.rsplit(None, 1)
        machine.slots[name] = _slot(address)
    else:
        setattr(machine, key, value)


def parse(text):
    machine, keys, rows = Machine(), [], []
    for line in text.splitlines():
        match = re.fullmatch(r"#(\S+) ?(.*)", line)
        if match:
            assert match[1] in KEYS, "unknown key: " + line
            keys.append(match.groups())
        elif line and not line.startswith("#"):
            rows.append(line.split("\t"))
    for columns in sorted(rows, key=lambda row: address_key(row[0])):
        device = _row(columns)
        machine.devices[device.address] = device
        if columns[9] != "-":
            machine.slots[columns[9]] = device.slot
    for key, value in keys:
        _apply(machine, key, value)
    vmd = [device.address for device in machine if device.driver == "vmd"]
    if len(vmd) == 1:
        for device in machine:
            if device.key[0] > 0xffff:
                machine.below.setdefault(machine.root(device), vmd[0])
    return machine


def load(path):
    with open(path, encoding="utf-8") as file:
        return parse(file.read())
