# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenario i: our words on the kernel's command line."""

import pytest

from .machine import GPU2, TWINS
from .nights import ONE_BY_DAY
from .proof import prove

pytestmark = ONE_BY_DAY
POLICY = "bind display boot_display=0 with=functions\nbind nvme\n"


@pytest.mark.parametrize("words, complaint", [
    ("rd.vfio_bind=0", "off by rd.vfio_bind=0"),
    ("vfio-bind=off rd.vfio_bind=1", "off by vfio-bind=off"),
    ("rd.vfio_bind=nonsense", "off: rd.vfio_bind=nonsense is neither 0, 1 nor dry-run"),
], ids=["0", "off-wins", "nonsense"])
def test_off(lab, words, complaint):
    """Off, and so is a value that nobody knows: nothing is bound, and a line says so."""
    boot = lab.boot(POLICY, words)
    prove(boot, TWINS)
    assert boot.said(level=3) == [complaint]
    assert boot.stages["root"].notes() == ["# off"]
    assert boot.stages["root"].overrides == {}


def test_dry_run(lab):
    """Everything is decided and reported, nothing is written."""
    boot = lab.boot(POLICY, "rd.vfio_bind=dry-run")
    prove(boot, TWINS)
    root = boot.stages["root"]
    assert root.overrides == {}
    assert root.notes()[0] == "# dry-run"
    for name in (*GPU2, "disk1", "disk2", "disk3"):
        assert any(at == TWINS.address(name) and verdict == "bind"
                   for at, verdict, _ in root.verdicts()), name


def test_on_with_vetoes(lab):
    """1 is as without; keep= takes two devices out; bind= counts only if the policy accepts it."""
    keep = ",".join(TWINS.addresses("disk1", "gpu2_usb"))
    boot = lab.boot("bind display boot_display=0 with=functions\n"
                    f"bind nvme path={TWINS.path('disk1')},{TWINS.path('disk2')}\n",
                    f"rd.vfio_bind=1 rd.vfio-bind.keep={keep} "
                    f"rd.vfio_bind.bind={TWINS.address('disk3')}+1b36:0010")
    prove(boot, TWINS, taken=["gpu2", "gpu2_audio", "disk2"])
    assert any("ignored: the policy does not accept cmdline" in line for line in boot.said(level=4))


def test_rule_on_the_command_line(lab):
    """bind= under accept cmdline: the drive whose id it names, and not the one it misnames."""
    boot = lab.boot("accept cmdline\n",
                    f"rd.vfio_bind.bind={TWINS.address('disk3')}+1b36:0010,"
                    f"{TWINS.address('disk1')}+8086:5845")
    prove(boot, TWINS, taken=["disk3"])
    assert (TWINS.address("disk1"), "none", "moved") in boot.stages["root"].verdicts()


def test_no_iommu(lab):
    """Scenario j: with the IOMMU off all is refused before any write, and the console stays."""
    boot = lab.boot(f"{POLICY}bind {TWINS.address('gpu1')} allow=boot-display\n", "intel_iommu=off")
    prove(boot, TWINS)
    root = boot.stages["root"]
    assert root.overrides == {}
    reasons = {(verdict, reason) for _, verdict, reason in root.verdicts()}
    assert reasons == {("refuse", "no-iommu")}
    assert root.framebuffer == ["0 bochs-drmdrmfb", "1 bochs-drmdrmfb"]
