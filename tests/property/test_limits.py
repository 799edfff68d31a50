# SPDX-License-Identifier: GPL-2.0-or-later
"""As many functions as the binder takes, and one more."""

import os

import pytest

from lib import binder as binders
from lib.quick import fixture_memory  # noqa: F401
from lib.tree import PAYLOAD

pytestmark = pytest.mark.xdist_group("crowd")
FUNCTIONS_MAX = 16384
UEVENT = "PCI_CLASS=20000\nPCI_ID=8086:1520\nPCI_SUBSYS_ID=0000:0000\nPCI_SLOT_NAME=%s\n"


class Crowd:
    """A tree with no more in it than the bus walk reads."""

    def __init__(self, root):
        self.root, self.count = str(root), 0
        for name in ("sys/bus/pci/devices", "sys/bus/pci/slots", "sys/devices/pci0000:00", "etc",
                     "proc", "dev", "run", PAYLOAD):
            os.makedirs(self.path(name))
        self.write("dev/kmsg", "")
        self.write("proc/cmdline", "rd.vfio_bind=dry-run\n")
        self.write("uevent", UEVENT % "0000:00:00.0")
        self.write("etc/vfio-bind.conf", "bind network count=%d\n" % FUNCTIONS_MAX)

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def grow(self, count):
        for number in range(self.count, count):
            address = "0000:%02x:%02x.%x" % (number >> 8, number >> 3 & 0x1f, number & 7)
            os.mkdir(self.path("sys/devices/pci0000:00", address))
            os.link(self.path("uevent"), self.path("sys/devices/pci0000:00", address, "uevent"))
            os.symlink("../../../devices/pci0000:00/" + address,
                       self.path("sys/bus/pci/devices", address))
        self.count = count


@pytest.fixture(scope="module", name="crowd")
def fixture_crowd(memory, binder):
    assert binder == binders.BINDER
    crowd = Crowd(os.path.join(memory, "crowd"))
    crowd.grow(FUNCTIONS_MAX)
    return crowd


def test_16384_functions_are_judged(crowd):
    run = binders.run(crowd)
    assert run.status == 1  # in no IOMMU group, all of them
    assert len(run.rows) == FUNCTIONS_MAX
    assert {tuple(row[1:3]) for row in run.rows} == {("refuse", "no-iommu")}


def test_one_more_is_an_error_that_names_the_limit(crowd):
    crowd.grow(FUNCTIONS_MAX + 1)
    run = binders.run(crowd)
    assert run.status == 3
    assert run.rows == []
    assert "16384" in "\n".join(run.kmsg)


def test_more_slots_than_the_limit_cost_only_slot_rules(memory, binder):
    """1,025 slots: the function that a rule names otherwise is judged, and the rest is told."""
    assert binder == binders.BINDER
    crowd = Crowd(os.path.join(memory, "slots"))
    crowd.grow(1)
    for number in range(1025):
        slot = crowd.path("sys/bus/pci/slots", str(number))
        os.mkdir(slot)
        with open(os.path.join(slot, "address"), "w", encoding="ascii") as file:
            file.write("0000:ff:1f\n")
    crowd.write("etc/vfio-bind.conf", "bind network\nbind slot=nowhere\n")
    run = binders.run(crowd)
    assert run.status == 1
    assert [tuple(row[1:3]) for row in run.rows] == [("refuse", "no-iommu"), ("none", "absent")]
    assert "more than 1024 slots" in "\n".join(run.kmsg)
