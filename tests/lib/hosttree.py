# SPDX-License-Identifier: GPL-2.0-or-later
"""A host as a tree of plain files: PCI functions, block devices stacked on them, network,
keyboards, and the lists that say what of it is in use. Links are relative, as in sysfs."""

import os
from pathlib import Path

BRIDGE = ("8086:1901", 0x060400)
CMDLINE = "BOOT_IMAGE=/vmlinuz root=/dev/sda1 quiet"


def is_address(name):
    return name.count(":") == 2 and "." in name


def hop_path(place):
    """The hop path of a place such as pci0000:00/0000:00:03.0/0000:01:00.0."""
    names = place.split("/")
    last = max(i for i, name in enumerate(names) if name.startswith("pci"))
    return "/".join([names[last][3:]] + [name[-4:] for name in names[last + 1:]])


class HostTree:
    """Places are paths below sys/devices."""

    def __init__(self, root):
        self.root = Path(root)
        for name in ("bus/pci/devices", "dev/block", "class/block", "class/net", "fs/btrfs",
                     "class/nvme-subsystem", "devices/virtual/block"):
            (self.root / "sys" / name).mkdir(parents=True)
        self.ids = {}  # place of a function -> its id
        self.mounts = []
        self.write("proc/cmdline", CMDLINE + "\n")
        self.write("proc/self/mountinfo", "")

    def write(self, name, content):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def link(self, name, target):
        """Makes a link at name that leads to target, both paths in the tree."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(os.path.relpath(self.root / target, path.parent))

    def pci(self, place, device="144d:a80a", cls=0x010802, dsn=None):
        """A function, with the bridges above it; returns its place."""
        names = place.split("/")
        for count in range(1, len(names)):
            above = "/".join(names[:count])
            if is_address(names[count - 1]) and above not in self.ids:
                self._function(above, *BRIDGE)
        self._function(place, device, cls)
        if dsn:
            self.write(f"sys/devices/{place}/serial_number", dsn + "\n")
        return place

    def nvme_twins(self):
        """Two alike in IOMMU groups of their own, the first with a disk; returns their places."""
        places = [self.nvme()[0], self.pci("pci0000:00/0000:00:05.0/0000:05:00.0")]
        for number, place in enumerate(places, 1):
            group = f"sys/kernel/iommu_groups/{number}"
            self.link(f"sys/devices/{place}/iommu_group", group)
            self.link(f"{group}/devices/{place.rsplit('/', 1)[1]}", f"sys/devices/{place}")
        return places

    def _function(self, place, device, cls):
        address = place.rsplit("/", 1)[-1]
        self.ids[place] = device
        self.write(f"sys/devices/{place}/uevent",
                   f"PCI_CLASS={cls:X}\nPCI_ID={device.upper()}\nPCI_SUBSYS_ID=0000:0000\n"
                   f"PCI_SLOT_NAME={address}\n")
        self.link(f"sys/bus/pci/devices/{address}", f"sys/devices/{place}")

    def lines(self, use, *places, dsn=None):
        """The protect lines of functions and of all above them, in address order."""
        functions = set()
        for place in places:
            names = place.split("/")
            functions.update("/".join(names[:count]) for count in range(1, len(names) + 1)
                             if "/".join(names[:count]) in self.ids)
        ordered = sorted(functions, key=lambda place: place.rsplit("/", 1)[-1].rjust(20))
        return [f"{use} path={hop_path(place)} id={self.ids[place]}"
                + (f" dsn={dsn[place]}" if dsn and place in dsn else "") for place in ordered]

    def block(self, place, number, slaves=()):
        """A block device; its node, and links of udev's, are up to node()."""
        name = place.rsplit("/", 1)[-1]
        self.write(f"sys/devices/{place}/dev", number + "\n")
        (self.root / "sys/devices" / place / "slaves").mkdir()
        for slave in slaves:
            self.link(f"sys/devices/{place}/slaves/{slave.rsplit('/', 1)[-1]}",
                      f"sys/devices/{slave}")
        self.link(f"sys/dev/block/{number}", f"sys/devices/{place}")
        self.link(f"sys/class/block/{name}", f"sys/devices/{place}")
        return place

    def partition(self, disk, number, index=1):
        name = disk.rsplit("/", 1)[-1]
        place = f"{disk}/{name}{'p' if name[-1].isdigit() else ''}{index}"
        self.block(place, number)
        (self.root / "sys/devices" / place / "slaves").rmdir()
        self.write(f"sys/devices/{place}/partition", f"{index}\n")
        return place

    def virtual(self, name, number, slaves=()):
        """A block device of the kernel's own making: dm-0, md0, loop0."""
        return self.block(f"virtual/block/{name}", number, slaves)

    def node(self, place, *links):
        """/dev/NAME, and links to it, given by their paths below /dev."""
        name = place.rsplit("/", 1)[-1].replace("!", "/")
        self.write(f"dev/{name}", "")
        for link in links:
            self.link(f"dev/{link}", f"dev/{name}")

    def nvme(self, address="0000:01:00.0", port="0000:00:03.0", number="259:0", name="nvme0n1"):
        """A drive behind a root port: (place of the function, place of the disk)."""
        function = self.pci(f"pci0000:00/{port}/{address}")
        disk = self.block(f"{function}/nvme/{name[:-2]}/{name}", number)
        self.node(disk)
        return function, disk

    def mount(self, target, number, source="/dev/root", fstype="ext4", options="rw", top="/"):
        count = len(self.mounts) + 1
        self.mounts.append(f"{30 + count} 1 {number} {top} {target} rw,relatime shared:{count} - "
                           f"{fstype} {source} {options}\n")
        self.write("proc/self/mountinfo", "".join(self.mounts))

    def btrfs(self, fsid, *devices):
        for device in devices:
            self.link(f"sys/fs/btrfs/{fsid}/devices/{device.rsplit('/', 1)[-1]}",
                      f"sys/devices/{device}")

    def network(self, name, place=None, lower=()):
        """An interface: of a function, or of the kernel's own making on lower ones."""
        path = f"sys/devices/{place}/net/{name}" if place else f"sys/devices/virtual/net/{name}"
        self.write(f"{path}/operstate", "up\n")
        self.link(f"sys/class/net/{name}", path)
        for other in lower:
            self.link(f"{path}/lower_{other}", f"sys/class/net/{other}")

    def routes(self, *routes):
        """(interface, destination, mask) each, addresses as in `10.0.0.0`."""
        lines = ["Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU"]
        for interface, to, mask in routes:
            lines.append(f"{interface}\t{hex_address(to)}\t00000000\t0001\t0\t0\t0\t"
                         f"{hex_address(mask)}\t0")
        self.write("proc/net/route", "\n".join(lines) + "\n")

    def keyboards(self, *sysfs, keys="1000000000007 ff9f207ac14057ff febeffdfffefffff "
                                     "fffffffffffffffe"):
        """Input devices with the keys of a keyboard at these places."""
        text = ""
        for number, place in enumerate(sysfs):
            text += ("I: Bus=0003 Vendor=046d Product=c31c Version=0110\nN: Name=\"A Keyboard\"\n"
                     f"S: Sysfs=/devices/{place}/input/input{number}\nU: Uniq=\n"
                     f"H: Handlers=sysrq kbd event{number} leds \nB: PROP=0\nB: EV=120013\n"
                     f"B: KEY={keys}\nB: MSC=10\nB: LED=7\n\n")
        self.write("proc/bus/input/devices", text)


def hex_address(text):
    """As the kernel of a little-endian machine prints an address."""
    return "".join(f"{int(byte):02X}" for byte in reversed(text.split(".")))
