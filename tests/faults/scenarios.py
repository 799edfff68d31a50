# SPDX-License-Identifier: GPL-2.0-or-later
"""What the binder is made to fail at, and what may come of it."""

import os
import re
from dataclasses import dataclass, field

from lib.binder import HEADER, REPORT
from lib.editing import MACHINE
from lib.machine import parse
from lib.tree import Tree

VFIO = "vfio-pci"
VARIABLE = ("sys/firmware/efi/efivars/"
            "VfioBindTrial-29816690-cd8b-438a-9722-e290f7c7a2d5")
TRIAL = "vfio-bind-trial 1\nboots {}\npolicy 0123456789abcdef\n"
OURS = re.compile(r"(run/vfio-bind(/((report|policy|waiting|seen|plan|protect)(\.new)?|undone|lock))?|run"
                  r"|dev/kmsg|dev)")
# What the kernel is asked for by a late pass that had no time: an event that says so.
AGAIN = "add 00000000-0000-0000-0000-000000000000 AGAIN=1"
REPORTED = "\t".join(HEADER) + "\n" + "".join(
    f"{address}\tbind\trule\t/etc/vfio-bind.conf:1\t-\tvfio-pci\t\n"
    for address in ("0000:03:00.0", "0000:07:00.1"))


@dataclass(frozen=True)
class Scenario:
    """A machine, a policy, and what a run without a fault makes of it."""

    name: str
    policy: dict
    status: int
    bound: tuple = ()  # what is chosen: nothing else of any device may be written
    drivers: dict = field(default_factory=dict)  # held before
    drop: tuple = ()  # functions this machine has not
    extra: str = ""  # lines of more of them
    cmdline: str = ""
    arguments: tuple = ()
    report: str = ""
    after: str = VFIO  # who has what is chosen, once it is done
    trial: bool = False  # it has one boot left

    def __str__(self):
        return self.name

    def plant(self, root):
        """The tree."""
        lines = [line if line.startswith("#") else "\t".join(line.split())
                 for line in (MACHINE + self.extra).splitlines() if not line.startswith(self.drop or "!")]
        machine = parse("\n".join(lines))
        for address, driver in self.drivers.items():
            machine.devices[address].driver = driver
        tree = Tree(root, machine)
        tree.policy({name: text.encode() for name, text in self.policy.items()})
        tree.boot(self.cmdline)
        os.makedirs(tree.path("sys/bus/pci/drivers/host"))
        if self.report:
            os.makedirs(tree.path("run/vfio-bind"))
            with open(tree.path(REPORT), "w", encoding="ascii") as file:
                file.write(self.report)
        if self.trial:
            self.put(tree, "usr/lib/vfio-bind/trial", TRIAL.format(1))
            self.put(tree, VARIABLE, "\7\0\0\0" + TRIAL.format(1))
        for address in self.bound if "--undo" in self.arguments else ():
            with open(tree.path(device(address), "class"), "w", encoding="ascii") as file:
                file.write(f"0x{machine.devices[address].cls:06x}\n")
        for address, driver in self.drivers.items():
            if driver == VFIO:
                with open(tree.path(device(address), "driver_override"), "wb") as file:
                    file.write(b"vfio-pci\n")
        return tree

    def put(self, tree, name, text):
        """A file of the tree."""
        os.makedirs(os.path.dirname(tree.path(name)), exist_ok=True)
        with open(tree.path(name), "w", encoding="ascii") as file:
            file.write(text)

    def uncounted(self, changed):
        """What a trial must never be: anything written for a device before the boot was counted."""
        written = [name for name in changed if name != VARIABLE and not OURS.fullmatch(name)]
        counted = changed.get(VARIABLE) == ("\7\0\0\0" + TRIAL.format(0)).encode()
        if self.trial and written and not counted:
            yield f"not counted: {written}"

    def strays(self, tree, changed):
        """What a run wrote that it should not have: the functions it chose and the report."""
        folders = {os.path.relpath(os.path.realpath(tree.path(device(address))), tree.root)
                   for address in self.bound}
        yield from self.uncounted(changed)
        for name, now in changed.items():
            if self.trial and name == VARIABLE:
                continue
            folder, last = os.path.split(name)
            if OURS.fullmatch(name) or name in folders:
                continue
            if folder in folders and last in ("driver", "driver_override"):
                continue
            if folder in folders and last == "uevent" and \
                    ("add".startswith(now.decode()) or now.decode() == AGAIN):
                continue
            if last in ("bind", "unbind", "drivers_probe") and name.startswith("sys/bus/pci/"):
                # What is cut short here a kernel would refuse.
                if any(address.startswith(now.decode()) for address in self.bound):
                    continue
                if not now:
                    continue
            yield f"{name} became {now!r}"

    def is_done(self, tree):
        """True if all that is chosen has the driver it should have."""
        return all(driver_of(tree, address) == self.after for address in self.bound)


def device(address):
    """Its folder, as a link."""
    return f"sys/bus/pci/devices/{address}"


def driver_of(tree, address):
    """The driver that has it, or an empty text."""
    try:
        return os.path.basename(os.readlink(tree.path(f"{device(address)}/driver")))
    except FileNotFoundError:
        return ""


def lies(tree, after):
    """What the report, if there is one, says of a driver and is not so; or lines cut off."""
    if not os.path.exists(tree.path(REPORT)):
        return
    text = tree.read(REPORT)
    if not text.startswith("\t".join(HEADER) + "\n") or not text.endswith("\n"):
        yield f"report cut off: {text!r}"
    for line in text.splitlines():
        columns = line.split("\t")
        if line.startswith("#") or columns[1] != "bind":
            continue
        if len(columns) != len(HEADER):
            yield f"report: {line!r}"
        elif columns[5] == after and driver_of(tree, columns[0]) != after:
            yield f"report: {columns[0]} has {columns[5]}"


CONF = "vfio-bind.conf"
SCENARIOS = (
    Scenario("display", {CONF: "bind vga boot_vga=0\n"}, 0, ("0000:05:00.0", "0000:05:00.1"),
             {"0000:05:00.1": "snd_hda_intel"}),
    # The only screen; where binding fails it gets its own driver back.
    Scenario("last screen", {CONF: "bind display allow=last-display\n"}, 0,
             ("0000:01:00.0", "0000:01:00.1"), drop=("0000:05:00",)),
    Scenario("mistakes", {CONF: "bind nvme\n", f"{CONF}.d/10.conf": "bind network\nbind colour=red\n",
                          f"{CONF}.d/20.conf": "keep usb\n"}, 2),
    # The host's own, 02, is refused.
    Scenario("drives", {CONF: "bind nvme\n"}, 1, ("0000:03:00.0", "0000:04:00.0"),
             {"0000:02:00.0": "nvme", "0000:03:00.0": "nvme", "0000:07:00.0": VFIO}),
    Scenario("command line", {CONF: "accept cmdline\nbind id=8086:1572\n"}, 0,
             ("0000:00:14.0", "0000:07:00.0"), {"0000:00:14.0": "xhci_hcd"},
             cmdline="rd.vfio_bind.keep=07:00.1 rd.vfio_bind.bind=0000:00:14.0+8086:a12f"),
    Scenario("trial", {CONF: "bind nvme dsn=00-25-38-b1-21-00-51-3a\n"}, 0, ("0000:04:00.0",),
             trial=True),
    # All there is to the policy is in the folder.
    Scenario("folder", {f"{CONF}.d/10.conf": "bind nvme dsn=00-25-38-b1-21-00-51-3a\n",
                        f"{CONF}.d/20.conf": "keep 0000:03:00.0\nbind 05:00.0 with=functions\n"}, 0,
             ("0000:04:00.0", "0000:05:00.0", "0000:05:00.1")),
    Scenario("release", {CONF: "bind nvme\n"}, 0, ("0000:03:00.0", "0000:07:00.1"),
             {"0000:03:00.0": VFIO, "0000:07:00.1": VFIO, "0000:02:00.0": VFIO},
             arguments=("--release", "all"), report=REPORTED, after="host"),
    # It came after the boot's pass, which left nothing: storage would be refused.
    Scenario("late", {CONF: "bind network id=8086:1572\nkeep 0000:07:00.0\n"}, 0,
             ("0000:07:00.1",), arguments=("--device", "0000:07:00.1")),
    Scenario("undo", {CONF: "bind nvme\n"}, 0, ("0000:03:00.0", "0000:07:00.1"),
             {"0000:03:00.0": VFIO, "0000:07:00.1": VFIO, "0000:02:00.0": VFIO},
             arguments=("--undo",), report=REPORTED, after="host"),
)
