# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices that come after the boot's pass, in the running root with its udev."""

import subprocess

import pytest

from .late import CHOSEN, DEVICE, MACHINE, OTHERS, POLICY, probed_by_nvme, prove_chosen, virtual
from .proof import VFIO

ROUNDS = 5
SYSFS = {name: f"/sys/bus/pci/devices/{MACHINE.address(name)}" for name in ("card", "disk2", "disk3")}
PLUGGED = f"""\
bind network path={MACHINE.path('card')}
bind nvme path={MACHINE.path('disk2')} id=1b36:0010
bind nvme path={MACHINE.path('disk3')} id=1b36:0010 allow=host-storage
"""
SCRIPT = f"""
echo 1 >{SYSFS['card']}/remove
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
mark plugged
cat >/etc/vfio-bind.conf <<'END'
{PLUGGED}END
echo 1 >{SYSFS['disk2']}/remove
echo 1 >/sys/bus/pci/rescan
udevadm settle
facts plugged
mark used
udevadm control --stop-exec-queue
echo 1 >{SYSFS['disk3']}/remove
echo 1 >/sys/bus/pci/rescan
until node=$(basename {SYSFS['disk3']}/nvme/nvme*/nvme*n1) && [ -b "/dev/$node" ]; do
	:
done
mount "/dev/$node" /mnt
mounted=$?
udevadm control --start-exec-queue
udevadm settle
facts used
value node "$node"
value mounted $mounted
"""


@pytest.fixture(name="boot", scope="module")
def boot_once(lab, tmp_path_factory):
    """All of it in one boot."""
    drive = tmp_path_factory.mktemp("late") / "drive"
    subprocess.run(["mke2fs", "-q", "-t", "ext4", drive, "16M"], check=True)
    return lab.boot(POLICY, machine=MACHINE, in_root=SCRIPT, drives={"disk3": drive})


def test_held_back_before_they_are_made(boot):
    """The boot's pass writes the 0, and says that they are to come."""
    assert boot.stages["before"].values["autoprobe"] == "0"
    assert any("virtual functions that are to come" in line
               for line in boot.stages["initramfs"].report)


@pytest.mark.parametrize("stage", ["made", "rounds"])
def test_only_the_chosen(boot, stage):
    """These and no others, each with its line."""
    prove_chosen(boot, stage)


def test_no_chosen_one_meets_the_hosts_driver(boot):
    """Not in any of the rounds, though they are made again before udev knows that they went."""
    assert not probed_by_nvme(boot.between(None, "released")) & set(CHOSEN)


@pytest.mark.nightly
def test_many_rounds(lab):
    """The same, four times as often."""
    many = SCRIPT.replace(f"$(seq {ROUNDS})", f"$(seq {4 * ROUNDS})").split("mark released")[0]
    boot = lab.boot(POLICY, machine=MACHINE, in_root=many)
    assert f"lab: round {4 * ROUNDS}" in [text for _, text in boot.log]
    test_only_the_chosen(boot, "rounds")
    assert not probed_by_nvme(boot.log) & set(CHOSEN)


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


def test_a_rescan(boot):
    """With its driver loaded it is taken from it, without it no other ever sees the device."""
    drivers = boot.stages["plugged"].drivers
    assert [drivers[MACHINE.address(name)] for name in ("card", "disk1", "disk2", "disk3")] == [
        VFIO, "nvme", VFIO, "nvme"]
    probes = boot.probes(boot.between("plugged", "used"))
    assert probes[MACHINE.address("card")] == [VFIO]
    assert probes[MACHINE.address("disk2")][-1] == VFIO
    assert MACHINE.address("disk1") not in probes


def test_a_drive_in_use_by_then(boot):
    """Its driver was first, and somebody mounted it: it stays with the host."""
    stage = boot.stages["used"]
    assert stage.values["mounted"] == "0"
    assert stage.drivers[MACHINE.address("disk3")] == "nvme"
    row = next(line.split("\t") for line in stage.report if line.startswith(MACHINE.address("disk3")))
    assert row[1:3] == ["refuse", "in-use"]
    assert row[6] == f"late; {stage.values['node']}"


def test_the_rest_of_the_machine(boot):
    """No other function has another driver than ever."""
    wanted = {address: driver for address, driver in MACHINE.host_drivers().items()
              if not address.startswith("0000:00:1f") and address != MACHINE.address("card")}
    for stage in ("made", "rounds", "vfs"):
        drivers = boot.stages[stage].drivers
        assert {address: drivers[address] for address in wanted} == wanted
