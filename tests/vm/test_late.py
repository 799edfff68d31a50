# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices that come after the boot's pass, in the running root with its udev."""

import pytest

from .machine import TWINS, Function, Slot
from .proof import VFIO

PF = Slot((Function("pf", "nvme", "nvme", vfs=7),), reserve=1)
MACHINE = TWINS.with_slots(PF)
CHOSEN = range(3)
POLICY = f"bind nvme pf={MACHINE.path('pf')} vf=0-2\n"
UDEV = """
write_policy() { cat >/etc/vfio-bind.conf; }
/usr/lib/systemd/systemd-udevd --daemon
udevadm trigger --action=add --subsystem-match=pci
udevadm settle
"""


def virtual(number):
    """The address of the virtual function of that number."""
    devfn = 1 + number
    return MACHINE.address("pf")[:-4] + f"{devfn >> 3:02x}.{devfn & 7}"


@pytest.fixture(name="boot", scope="module")
def boot_once(lab):
    pf = f"/sys/bus/pci/devices/{MACHINE.address('pf')}"
    script = f"""
write_policy() {{ cat >/etc/vfio-bind.conf; }}
write_policy <<'END'
{POLICY}END
{UDEV}
facts before
value autoprobe $(cat {pf}/sriov_drivers_autoprobe)
value total $(cat {pf}/sriov_totalvfs)
mark made
echo 7 >{pf}/sriov_numvfs
value made $?
udevadm settle
facts after
value autoprobe $(cat {pf}/sriov_drivers_autoprobe)
ls -l /run/vfio-bind >/run/ls
lines output /run/ls >$TOLD
for round in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	mark "round $round"
	echo 0 >{pf}/sriov_numvfs
	echo 7 >{pf}/sriov_numvfs
done
mark "rounds done"
udevadm settle
facts rounds
"""
    return lab.boot(POLICY, machine=MACHINE, in_root=script)


def test_chosen_meet_no_other_driver(boot):
    print(boot.told)
    assert 0
