# SPDX-License-Identifier: GPL-2.0-or-later
"""Virtual functions of a network card whose drivers work: igb, and igbvf of those no rule chooses."""

import re
from dataclasses import replace

import pytest

from .emulator import debian_13
from .machine import TWINS, Function, Slot
from .proof import VFIO
from .roots import TRIXIE

pytestmark = pytest.mark.nightly

ROUNDS = 20
CARD = Slot((Function("pf", "igb", "igb", "mac=52:54:00:00:00:01,romfile="),), reserve=1)
MACHINE = replace(TWINS.with_slots(CARD), emulator=debian_13)
PF = MACHINE.address("pf")
DEVICE = f"/sys/bus/pci/devices/{PF}"
POLICY = f"bind network pf={MACHINE.path('pf')} vf=0-2 vfs=7\n"
# PCIe 9.3.3: the first stands at an offset of 128, each next one two further.
VIRTUAL = [f"{PF[:-4]}{0x10 + n // 4:02x}.{2 * n % 8}" for n in range(7)]
CHOSEN, OTHERS = VIRTUAL[:3], VIRTUAL[3:]
# The host's network is the emulator's own, which answers for its gateway.
NETWORK = f"""
network() {{
	card=$(basename {DEVICE}/net/*)
	busybox ip link set "$card" up
	busybox ip addr add 10.0.2.15/24 dev "$card" 2>/run/said
	busybox ping -c 3 10.0.2.2 >/run/said 2>&1
	value network $?
}}
"""
SCRIPT = f"""{NETWORK}
printf '{POLICY.strip()}\\n' >/etc/vfio-bind.conf
/usr/lib/systemd/systemd-udevd --daemon
udevadm trigger --action=add
udevadm settle
facts made
network
mark rounds
for round in $(seq {ROUNDS}); do
	udevadm trigger --action=change --subsystem-match=pci
	echo 0 >{DEVICE}/sriov_numvfs
	echo 7 >{DEVICE}/sriov_numvfs
done
udevadm settle
facts rounds
network
value autoprobe $(cat {DEVICE}/sriov_drivers_autoprobe)
mark reloaded
modprobe -r igb
facts unloaded
modprobe igb
udevadm settle
facts reloaded
network
mark "all done"
"""


@pytest.fixture(name="release", scope="module", params=[TRIXIE], ids=str)
def release_with_such_a_kernel(request):
    """Kernel 6.12."""
    return request.param


@pytest.fixture(name="boot", scope="module")
def boot_once(lab):
    """All of it in one boot, by the QEMU that has such a card."""
    return lab.boot(POLICY, machine=MACHINE, in_root=SCRIPT)


def probed_by_igbvf(log):
    """The functions that its probe says anything of."""
    return {match[1] for _, text in log
            if (match := re.match(r"igbvf (\S+): (?!bus: |probe with|.*really_probe)", text))}


@pytest.mark.parametrize("stage", ["made", "rounds", "reloaded"])
def test_three_of_seven(boot, stage):
    """At boot by vfs=, after rounds in which udev was busy, and after igb was loaded anew: no one is
    wrong, and none is left without a driver."""
    drivers = boot.stages[stage].drivers
    assert {at: drivers.get(at) for at in VIRTUAL} == \
        {**dict.fromkeys(CHOSEN, VFIO), **dict.fromkeys(OTHERS, "igbvf")}
    assert drivers[PF] == "igb"
    assert boot.stages[stage].values["network"] == "0"


def test_gone_with_their_driver(boot):
    """What is made later is made anew."""
    assert not set(VIRTUAL) & boot.stages["unloaded"].drivers.keys()


def test_no_chosen_one_meets_the_hosts_driver(boot):
    """From power-on to power-off."""
    assert boot.stages["rounds"].values["autoprobe"] == "0"
    assert not probed_by_igbvf(boot.log) & set(CHOSEN)
    for first, last in ((None, "rounds"), ("rounds", "reloaded"), ("reloaded", "all done")):
        assert probed_by_igbvf(boot.between(first, last)) >= set(OTHERS)


def test_told(boot):
    """One line for each, as late."""
    rows = [line.split("\t") for line in boot.stages["rounds"].report if "\tbind\t" in line]
    assert sorted((row[0], row[5], row[6]) for row in rows) == [(at, VFIO, "late") for at in CHOSEN]


def test_the_rest_of_the_machine(boot):
    """No other function has another driver than ever."""
    wanted = {at: driver for at, driver in MACHINE.host_drivers().items()
              if not at.startswith("0000:00:1f")}
    for stage in ("made", "rounds", "reloaded"):
        drivers = boot.stages[stage].drivers
        assert {at: drivers[at] for at in wanted} == wanted
