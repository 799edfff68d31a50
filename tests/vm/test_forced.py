# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenario o: hosts that load their drivers by themselves in init-top."""

import pytest

from .images import Recipe
from .machine import GPU2, TWINS
from .proof import VFIO, prove, prove_links

ABSENT = "0000:77:00.0"
POLICY = ("bind display boot_display=0 with=functions\n"
          f"bind {TWINS.address('disk2')} id=1b36:0010\nbind {ABSENT} id=1b36:0010\n")
FORCED = Recipe("forced", policy=POLICY, trees=("initramfs-tools-forced",))
TAKEN = (*GPU2, "disk2")


def forced_by(boot, mark):
    """What had been probed by the time the host's script was done."""
    return boot.probes(boot.between(None, mark))


def test_drivers_forced_early(lab):
    """After us but before udev: nvme and the GPU's driver are loaded, and get no chosen device.
    One that is absent is no matter."""
    boot = lab.boot(words="lab.force=early", image=lab.image(FORCED))
    prove(boot, TWINS, taken=TAKEN)
    assert (ABSENT, "none", "absent") in boot.stages["root"].verdicts()
    probed = forced_by(boot, "forced early")
    assert "nvme" in probed[TWINS.address("disk1")], "the script forced nothing"
    assert "bochs-drm" in probed[TWINS.address("gpu1")]


@pytest.mark.nightly
def test_forced_drivers_bite(lab):
    """What the test above is worth: without us the same boot gives every twin to its own driver."""
    boot = lab.boot(words="lab.force=early rd.vfio_bind=0", image=lab.image(FORCED))
    prove(boot, TWINS)
    probed = forced_by(boot, "forced early")
    drivers = TWINS.host_drivers()
    assert {at: probed[at] for at in TWINS.addresses(*TAKEN)} == {
        at: [drivers[at]] for at in TWINS.addresses(*TAKEN)}


def test_drivers_forced_before_us(lab):
    """Held already: the drive changes hands, the card and what it would bring are refused."""
    boot = lab.boot(words="lab.force=first", image=lab.image(FORCED))
    taken = ["disk2"]
    for stage in ("initramfs", "root"):
        prove_links(boot, TWINS, taken, stage)
    probed = boot.probes()
    assert probed[TWINS.address("disk2")] == ["nvme", VFIO]
    assert [at for at, drivers in probed.items() if VFIO in drivers] == [TWINS.address("disk2")]
    assert (TWINS.address("gpu2"), "refuse", "bound-display") in boot.stages["root"].verdicts()
