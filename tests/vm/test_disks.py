# SPDX-License-Identifier: GPL-2.0-or-later
"""Identical drives and network cards: one of them, and never the one the host lives on."""

import pytest

from .boot import BootFailed
from .images import ROOT_UUID, File
from .machine import TWINS, nic
from .nights import ONE_BY_DAY
from .proof import prove, verdicts

NVME = "1b36:0010"
DRIVES = ("disk1", "disk2", "disk3")
PATHS = ",".join(TWINS.path(name) for name in DRIVES)
NICS = TWINS.with_slots(nic("nic1", 0x01), nic("nic2", 0x02))


@ONE_BY_DAY
@pytest.mark.parametrize("rule", [
    f"bind {TWINS.address('disk2')} id={NVME}",
    f"bind nvme path={TWINS.path('disk2')}",
    f"bind nvme path={PATHS} nth=2 count=3",
], ids=["address", "path", "nth"])
def test_one_of_three_drives(lab, rule):
    """Scenario b: the second of three identical drives, by each way to name it."""
    boot = lab.boot(f"{rule}\n")
    prove(boot, TWINS, taken=["disk2"])
    verdicts(TWINS, boot.stages["root"], {"disk2": "bind rule"})


@ONE_BY_DAY
def test_one_of_two_network_cards(lab):
    """Scenario b: one of two e1000e by its serial number; and a count that is wrong binds none."""
    boot = lab.boot("bind network dsn=52-54-00-ff-ff-00-00-02\n"
                    f"bind nvme id={NVME} nth=3 count=3\n", machine=NICS)
    prove(boot, NICS, taken=["nic2"])
    assert boot.stages["root"].verdicts() == {
        (NICS.address("nic2"), "bind", "rule"), ("-", "none", "count")}


@ONE_BY_DAY
def test_keep_against_a_broad_rule(lab):
    """Scenario c: every drive but one that is kept, and but the root's."""
    boot = lab.boot(f"bind nvme\nkeep {TWINS.address('disk2')}\n")
    prove(boot, TWINS, taken=["disk1", "disk3"])
    verdicts(TWINS, boot.stages["root"], {
        "disk1": "bind rule", "disk2": "keep rule", "disk3": "bind rule",
        "root": "refuse host-storage"})


def test_every_drive_but_the_root(lab):
    """Scenario f: bind nvme, with protect as a running Debian wrote it into its own image."""
    boot = lab.boot("bind nvme\n")
    prove(boot, TWINS, taken=DRIVES)
    verdicts(TWINS, boot.stages["root"], {
        **dict.fromkeys(DRIVES, "bind rule"), "root": "refuse host-storage"})


@ONE_BY_DAY
def test_root_drive_by_its_address(lab):
    """Scenario f: named as exactly as can be, the root's drive is refused all the same."""
    boot = lab.boot(f"bind {TWINS.address('root')} id={NVME} path={TWINS.path('root')}\n")
    prove(boot, TWINS)
    verdicts(TWINS, boot.stages["root"], {"root": "refuse host-storage"})


@pytest.mark.nightly
def test_without_protect_the_root_is_lost(lab):
    """What the test above is worth: nothing but the line in protect keeps the root."""
    empty = {"usr/lib/vfio-bind/protect": File(b"vfio-bind-protect 1\n")}
    with pytest.raises(BootFailed, match="off before its end") as failure:
        lab.boot(f"bind {TWINS.address('root')} id={NVME}\n", files=empty)
    assert f"{ROOT_UUID} does not exist" in str(failure.value)


def test_bus_numbers_shift(lab):
    """Scenario g: the path still names the drive; the address shows a GPU, or even the root."""
    policy = (f"bind {TWINS.address('disk1')} id={NVME}\n"
              f"bind nvme path={TWINS.path('disk2')} id={NVME}\n"
              f"bind {TWINS.address('disk3')} id={NVME}\n")
    machine = TWINS.with_reserve("gpu1", 1)
    assert machine.address("gpu2") == TWINS.address("disk1")
    assert machine.address("root") == TWINS.address("disk3")
    boot = lab.boot(policy, machine=machine)
    prove(boot, machine, taken=["disk2"])
    verdicts(machine, boot.stages["root"], {
        "gpu2": "none moved", "disk2": "bind rule", "root": "refuse host-storage"})
