# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine with virtual functions to be made, and what proves who was let at them.

The driver core names a driver before the bus asks whether it may probe, so what counts is that
nvme's own probe says nothing of a function that was chosen: "nvme nvme5: pci function ADDRESS".
"""

import re

from .machine import TWINS, Function, Slot
from .proof import VFIO

PF = Slot((Function("pf", "nvme", "nvme", vfs=7),), reserve=1)
# Of a kind of its own, so that its driver is loaded for it alone.
CARD = Slot((Function("card", "vmxnet3", "vmxnet3"),))
MACHINE = TWINS.with_slots(PF, CARD)
DEVICE = f"/sys/bus/pci/devices/{MACHINE.address('pf')}"
POLICY = f"bind nvme pf={MACHINE.path('pf')} vf=0-2\n"


def virtual(number):
    """The address of the virtual function of that number."""
    devfn = 1 + number
    return MACHINE.address("pf")[:-4] + f"{devfn >> 3:02x}.{devfn & 7}"


CHOSEN = [virtual(number) for number in range(3)]
OTHERS = [virtual(number) for number in range(3, 7)]


def probed_by_nvme(log):
    """The functions that nvme's probe was called for."""
    return {match[1] for _, text in log if (match := re.search(r"pci function (\S+)$", text))}


def prove_chosen(boot, stage):
    """These are bound and no others, each with its line."""
    drivers = boot.stages[stage].drivers
    assert {address: drivers[address] for address in CHOSEN} == dict.fromkeys(CHOSEN, VFIO)
    assert all(drivers[address] != VFIO for address in OTHERS)
    rows = [line.split("\t") for line in boot.stages[stage].report if "\tbind\t" in line]
    assert sorted((row[0], row[5], row[6]) for row in rows) == [
        (address, VFIO, "late") for address in CHOSEN]
