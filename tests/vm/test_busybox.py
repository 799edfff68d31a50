# SPDX-License-Identifier: GPL-2.0-or-later
"""An initramfs of one's own: the binder as process 1, and called by the three-line /init."""

import pytest

from .busybox import busybox_image
from .images import POLICY, File, Recipe
from .machine import GPU2, TWINS
from .proof import VFIO, prove

NVME = "1b36:0010"
ABSENT = "0000:77:00.0"
RULES = (f"bind display boot_display=0 with=functions\nbind {TWINS.address('disk2')} id={NVME}\n"
         f"bind {ABSENT} id={NVME}\n")
TAKEN = (*GPU2, "disk2")
PAYLOAD = Recipe("payload", policy=RULES)
PROCESS_1 = "rdinit=/usr/lib/vfio-bind/binder"
WAYS = pytest.mark.parametrize("way", [PROCESS_1, ""], ids=["process-1", "three-lines"])
# Process 1 has no /run that stays; devtmpfs does.
SHOW_REPORT = "lines report /dev/vfio-bind/report >$TOLD\n"


@WAYS
def test_normal(lab, way):
    """Before the init of one's own, which loads everything at once; an absent device as well."""
    boot = lab.boot(words=way, image=busybox_image(lab, PAYLOAD), in_root=SHOW_REPORT)
    prove(boot, TWINS, taken=TAKEN)
    assert boot.probes(boot.between(None, "own init")).keys() >= set(TWINS.addresses(*TAKEN))
    chosen = {(TWINS.address(name), "bind") for name in TAKEN} | {(ABSENT, "none")}
    assert {row[:2] for row in boot.stages["root"].verdicts()} == chosen


@pytest.mark.nightly
@WAYS
def test_off(lab, way):
    """What the test above is worth: the same drivers take every twin."""
    boot = lab.boot(words=f"{way} rd.vfio_bind=0", image=busybox_image(lab, PAYLOAD))
    prove(boot, TWINS)
    assert boot.said(level=3) == ["off by rd.vfio_bind=0"]
    assert not boot.probes(boot.between(None, "own init")).keys() & set(TWINS.addresses(*TAKEN))


@pytest.mark.nightly
@WAYS
def test_broken_policy(lab, way):
    """Nothing is bound, one line says why."""
    boot = lab.boot(words=way, files={POLICY: File(f"{RULES}bind nvme colour=red\n".encode())},
                    image=busybox_image(lab, PAYLOAD))
    prove(boot, TWINS)
    (line,) = boot.said(level=3)
    assert line.startswith(f"nothing bound: /{POLICY}:4:11: expected ")


@pytest.mark.nightly
@WAYS
def test_without_modules(lab, way):
    """A plan whose files are missing: nothing is bound, but nothing else takes a device."""
    plan = "\n".join(("vfio-bind-plan 1", f"kernel {lab.root.kernel_release}",
                      "load gone.ko required", ""))
    boot = lab.boot(words=way, files={"usr/lib/vfio-bind/plan": File(plan.encode())},
                    image=busybox_image(lab, PAYLOAD))
    for stage in ("initramfs", "root"):
        expected = TWINS.host_drivers() | dict.fromkeys(TWINS.addresses(*TAKEN))
        assert boot.stages[stage].drivers == expected
        assert boot.stages[stage].overrides == dict.fromkeys(TWINS.addresses(*TAKEN), VFIO)
