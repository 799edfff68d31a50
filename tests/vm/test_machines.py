# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines that are other than the one an image was built for, or that lack what a bind takes."""

import pytest

from .boot import BootFailed
from .cells import DRIVES, NVME
from .images import ROOT_UUID, File
from .machine import TWINS
from .proof import prove, verdicts


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


def test_no_iommu(lab):
    """Scenario j: with the IOMMU off all is refused before any write, and the console stays."""
    boot = lab.boot("bind display boot_display=0 with=functions\nbind nvme\n"
                    f"bind {TWINS.address('gpu1')} allow=boot-display\n", "intel_iommu=off")
    prove(boot, TWINS)
    root = boot.stages["root"]
    assert root.overrides == {}
    assert {row[0] for row in root.verdicts()} > set(TWINS.addresses("gpu1", "gpu2", *DRIVES))
    assert {row[1:] for row in root.verdicts()} == {("refuse", "no-iommu")}
    assert root.framebuffer == ["0 bochs-drmdrmfb", "1 bochs-drmdrmfb"]


@pytest.mark.nightly
def test_no_iommu_on_purpose(lab):
    """allow=no-iommu is not enough: Debian's kernels are built without what vfio has for it."""
    at = TWINS.address("disk1")
    boot = lab.boot(f"bind {at} id={NVME} allow=no-iommu\n",
                    "intel_iommu=off vfio.enable_unsafe_noiommu_mode=1")
    assert boot.stages["root"].drivers[at] is None
    assert boot.stages["root"].drivers[TWINS.address("disk2")] == "nvme"


@pytest.mark.nightly
def test_without_protect_the_root_is_lost(lab):
    """What refusing it is worth: nothing but the line in protect keeps the root."""
    empty = {"usr/lib/vfio-bind/protect": File(b"vfio-bind-protect 1\n")}
    with pytest.raises(BootFailed, match="off before its end") as failure:
        lab.boot(f"bind {TWINS.address('root')} id={NVME}\n", files=empty)
    assert f"{ROOT_UUID} does not exist" in str(failure.value)
