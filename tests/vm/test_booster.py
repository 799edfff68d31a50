# SPDX-License-Identifier: GPL-2.0-or-later
"""booster's images, where booster is on this machine: the binder in front of its init."""

import shutil
from pathlib import Path

import pytest

from .busybox import drivers_of
from .images import POLICY, File, Recipe, build_by
from .machine import GPU2, TWINS
from .proof import VFIO, prove

NVME = "1b36:0010"
ABSENT = "0000:77:00.0"
RULES = (f"bind display boot_display=0 with=functions\nbind {TWINS.address('disk2')} id={NVME}\n"
         f"bind {ABSENT} id={NVME}\n")
TAKEN = (*GPU2, "disk2")
# booster begins to load what is forced before it looks at the machine, and waits for none of it.
CONFIG = """universal: true
modules: {drivers}
modules_force_load: nvme,bochs
extra_files: /usr/lib/booster/init
"""
# ahci would take the chipset's own controller, which other images here leave alone.
BUILD = """
mkdir -p /sys/module
kernel=$(ls /usr/lib/modules)
rm -r "/usr/lib/modules/$kernel/kernel/drivers/ata"
depmod "$kernel"
/usr/lib/vfio-bind/booster build --force --kernel-version "$kernel" /boot/booster.img
"""
# booster has no place for a last look from the initramfs.
STAGES = ["root"]


@pytest.fixture(name="image", scope="module")
def image_of_booster(lab):
    """Built in a root by this machine's booster."""
    booster = shutil.which("booster")
    if not booster:
        pytest.skip("no booster on this machine")

    def add(tree):
        shutil.copy(booster, tree / "usr/bin/booster")
        shutil.copy(Path(booster).parents[1] / "lib/booster/init", tree / "usr/lib/booster/init")

    config = CONFIG.format(drivers=",".join(drivers_of(lab.root)))
    recipe = Recipe("booster", policy=RULES, files=(("etc/booster.yaml", config),))
    return build_by(lab.root, recipe, BUILD, "boot/booster.img", add)


def test_drivers_forced(lab, image):
    """modules_force_load and the walk of /sys come after us; an absent device is no matter."""
    boot = lab.boot(image=image)
    prove(boot, TWINS, taken=TAKEN, stages=STAGES)


def test_off(lab, image):
    """What the test above is worth."""
    boot = lab.boot(words="rd.vfio_bind=0", image=image)
    prove(boot, TWINS, stages=STAGES)
    assert boot.said(level=3) == ["off by rd.vfio_bind=0"]


def test_broken_policy(lab, image):
    """Nothing is bound, one line says why."""
    boot = lab.boot(files={POLICY: File(f"{RULES}bind nvme colour=red\n".encode())}, image=image)
    prove(boot, TWINS, stages=STAGES)
    (line,) = boot.said(level=3)
    assert line.startswith(f"nothing bound: /{POLICY}:4:11: expected ")


def test_without_modules(lab, image):
    """A plan whose files are missing: nothing else takes a device."""
    plan = "\n".join(("vfio-bind-plan 1", f"kernel {lab.root.kernel_release}",
                      "load gone.ko required", ""))
    boot = lab.boot(files={"usr/lib/vfio-bind/plan": File(plan.encode())}, image=image)
    expected = TWINS.host_drivers() | dict.fromkeys(TWINS.addresses(*TAKEN))
    assert boot.stages["root"].drivers == expected
    assert boot.stages["root"].overrides == dict.fromkeys(TWINS.addresses(*TAKEN), VFIO)
