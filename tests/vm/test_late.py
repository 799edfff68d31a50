# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices that come after the boot's pass, in the running root with its udev.

The driver core names a driver before the bus asks whether it may probe, so what counts is that
nvme's own probe says nothing of a function that was chosen: "nvme nvme5: pci function ADDRESS".
"""

import re

import pytest

from .machine import TWINS, Function, Slot
from .proof import VFIO

ROUNDS = 20
PF = Slot((Function("pf", "nvme", "nvme", vfs=7),), reserve=1)
MACHINE = TWINS.with_slots(PF)
DEVICE = f"/sys/bus/pci/devices/{MACHINE.address('pf')}"
POLICY = f"bind nvme pf={MACHINE.path('pf')} vf=0-2\n"


def virtual(number):
    """The address of the virtual function of that number."""
    devfn = 1 + number
    return MACHINE.address("pf")[:-4] + f"{devfn >> 3:02x}.{devfn & 7}"


CHOSEN = [virtual(number) for number in range(3)]
OTHERS = [virtual(number) for number in range(3, 7)]
SCRIPT = f"""
cat >/etc/vfio-bind.conf <<'END'
{POLICY}END
/usr/lib/systemd/systemd-udevd --daemon
udevadm trigger --action=add --subsystem-match=pci
udevadm settle
facts before
value autoprobe $(cat {DEVICE}/sriov_drivers_autoprobe)
mark made
echo 7 >{DEVICE}/sriov_numvfs
value made $?
udevadm settle
facts made
for round in $(seq {ROUNDS}); do
	mark "round $round"
	echo 0 >{DEVICE}/sriov_numvfs
	echo 7 >{DEVICE}/sriov_numvfs
done
udevadm settle
facts rounds
mark released
vfio-bind release {CHOSEN[0]} >/dev/null
facts released
echo 0 >{DEVICE}/sriov_numvfs
mark vfs
echo 'bind nvme pf={MACHINE.address('pf')} vfs=5' >/etc/vfio-bind.conf
echo {MACHINE.address('pf')} >/sys/bus/pci/drivers/nvme/unbind
echo {MACHINE.address('pf')} >/sys/bus/pci/drivers/nvme/bind
udevadm settle
facts vfs
"""


@pytest.fixture(name="boot", scope="module")
def boot_once(lab):
    """All of it in one boot."""
    return lab.boot(POLICY, machine=MACHINE, in_root=SCRIPT)


def probed_by_nvme(log):
    """The functions that nvme's probe was called for."""
    return {match[1] for _, text in log if (match := re.search(r"pci function (\S+)$", text))}


def test_held_back_before_they_are_made(boot):
    """The boot's pass writes the 0, and says that they are to come."""
    assert boot.stages["before"].values["autoprobe"] == "0"
    assert any("virtual functions that are to come" in line
               for line in boot.stages["initramfs"].report)


@pytest.mark.parametrize("stage", ["made", "rounds"])
def test_only_the_chosen(boot, stage):
    """These and no others, each with its line."""
    drivers = boot.stages[stage].drivers
    assert {address: drivers[address] for address in CHOSEN} == dict.fromkeys(CHOSEN, VFIO)
    assert all(drivers[address] != VFIO for address in OTHERS)
    rows = [line.split("\t") for line in boot.stages[stage].report if "\tbind\t" in line]
    assert sorted((row[0], row[5], row[6]) for row in rows) == [
        (address, VFIO, "late") for address in CHOSEN]


def test_no_chosen_one_meets_the_hosts_driver(boot):
    """Not in any of the rounds, though they are made again before udev knows that they went."""
    assert not probed_by_nvme(boot.between(None, "released")) & set(CHOSEN)


def test_the_others_meet_it(boot):
    """As if we were not there. (QEMU's do not work before they were given resources.)"""
    assert probed_by_nvme(boot.between("made", "round 1")) >= set(OTHERS)
    assert probed_by_nvme(boot.between(f"round {ROUNDS}", "released")) >= set(OTHERS)


def test_release(boot):
    """The host's driver is let at a virtual function that is given back."""
    assert boot.stages["released"].drivers[CHOSEN[0]] != VFIO
    assert CHOSEN[0] in probed_by_nvme(boot.between("released", "vfs"))


def test_vfs(boot):
    """Made once the physical function has its driver, and all of them bound."""
    drivers = boot.stages["vfs"].drivers
    made = {address: drivers.get(address) for address in CHOSEN + OTHERS}
    assert made == {virtual(n): VFIO if n < 5 else None for n in range(7)}


def test_the_rest_of_the_machine(boot):
    """No other function has another driver than ever."""
    for stage in ("made", "rounds", "vfs"):
        drivers = boot.stages[stage].drivers
        assert {a: drivers[a] for a in MACHINE.host_drivers(all_up=False) if a.startswith(
            "0000:0") and a in drivers and not a.startswith("0000:00:1f")
                and a not in CHOSEN + OTHERS} == {
            a: d for a, d in MACHINE.host_drivers().items() if not a.startswith("0000:00:1f")}
