# SPDX-License-Identifier: GPL-2.0-or-later
"""A host whose images are in its /boot, and what the commands say of it."""

from . import golden
from .bootimage import BINDER, set_image
from .hosttree import HostTree
from .moduletree import RELEASE, vfio_tree
from .payload import OURS, set_policy

HEAD = "vfio-bind-protect 1\n"


class Machine:
    """A host whose root is on one of two NVMe twins; its policy gives away the other."""

    def __init__(self, program, folder):
        self.program, self.root = program, folder / "root"
        self.host = host = HostTree(self.root)
        self.places = host.nvme_twins()
        for place in self.places:
            uevent = self.root / f"sys/devices/{place}/uevent"
            uevent.write_text("DRIVER=nvme\n" + uevent.read_text())
        host.write("sys/bus/pci/drivers/nvme/module/refcnt", "1\n")
        self.used, self.free = (place.rsplit("/", 1)[1] for place in self.places)
        host.mount("/", "259:0")
        vfio_tree(self.root)
        host.write(f"{OURS}/binder", BINDER)
        host.write("proc/sys/kernel/osrelease", RELEASE + "\n")
        self.policy(f"bind nvme {self.free}\n")
        self.protect = HEAD + "".join(f"{line}\n" for line in host.lines("storage", self.places[0]))

    def policy(self, text):
        self.text = text
        set_policy(self.root, text)

    def image(self, policy=None, **how):
        return set_image(self.root, RELEASE, self.text if policy is None else policy,
                         **{"protect": self.protect, **how})

    def run(self, command, status=None, prefix=()):
        done = golden.run(self.program, "--root", self.root, command, "--json", status=status,
                          prefix=prefix)
        return golden.validate(done.stdout, command)

    def images(self, **how):
        """What check says of them, and its result."""
        shown = self.run("check", **how)
        return shown["result"], [(finding["severity"], finding["text"].split(": ", 1)[1])
                                 for finding in shown["findings"] if finding["check"] == "image"]

    def state(self, **how):
        (image,) = self.run("status", **how)["images"]
        return image["state"], image["image"]

    def next(self, address=None, command="list"):
        rows = self.run(command)["devices" if command == "list" else "plan"]
        return {row["address"]: row["driver_next"] for row in rows}[address or self.free]

    def note(self, address=None):
        rows = self.run("list")["devices"]
        return {row["address"]: row["note"] for row in rows}[address or self.free]
