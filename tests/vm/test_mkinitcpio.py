# SPDX-License-Identifier: GPL-2.0-or-later
"""mkinitcpio's images, where mkinitcpio is on this machine: busybox's and systemd's, each with
vfio-bind as the last word of HOOKS and drivers forced by MODULES."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from .images import POLICY, File, Recipe, build_by, copy_into
from .machine import GPU2, TWINS
from .overlay import with_overlay
from .proof import VFIO, prove
from .roots import TRIXIE

NVME = "1b36:0010"
ABSENT = "0000:77:00.0"
RULES = (f"bind display boot_display=0 with=functions\nbind {TWINS.address('disk2')} id={NVME}\n"
         f"bind {ABSENT} id={NVME}\n")
TAKEN = (*GPU2, "disk2")
ROOT = replace(TRIXIE, variant="mkinitcpio", packages=(
    *TRIXIE.packages, "gawk", "libarchive-tools", "diffutils", "binutils", "bsdextrautils"))
HOOKS = {"busybox": "base lab udev vfio-bind", "systemd": "systemd vfio-bind"}
CONFIG = "MODULES=(nvme bochs snd_hda_intel xhci_pci ext4)\nHOOKS=({})\nCOMPRESSION=zstd\n"
# Arch has one folder for programs and one for libraries. Where it misses a file, as Debian's
# systemd has not all of Arch's, mkinitcpio writes the image all the same and says 1.
BUILD = """
cp -n /usr/sbin/* /usr/bin/
for name in kmod seccomp acl blkid mount audit pam crypt; do
    cp -n /usr/lib/x86_64-linux-gnu/lib$name*.so.* /usr/lib/ || :
done
cp /usr/bin/busybox /usr/lib/initcpio/busybox
touch /etc/udev/hwdb.bin /usr/lib/udev/hwdb.bin
mkinitcpio -k "$(ls /usr/lib/modules)" -c /etc/lab.conf -g /boot/mkinitcpio.img || :
"""
STAGES = {"busybox": ["initramfs", "root"], "systemd": ["root"]}


@pytest.fixture(scope="session", name="release", params=[ROOT], ids=str)
def release_with_its_needs(request):
    """One is enough: it is the same program."""
    return request.param


@pytest.fixture(scope="module", params=HOOKS)
def kind(request):
    """Of init."""
    return request.param


def build(lab, name, hooks):
    """The image of those hooks, built in a root by this machine's mkinitcpio."""
    program = shutil.which("mkinitcpio")
    if not program:
        pytest.skip("no mkinitcpio on this machine")
    recipe = Recipe(f"mkinitcpio-{name}", policy=RULES, trees=("mkinitcpio",),
                    files=(("etc/lab.conf", CONFIG.format(hooks)),))

    def add(tree):
        shutil.copy(program, tree / "usr/bin/mkinitcpio")
        (tree / "usr/lib/initcpio").mkdir(exist_ok=True)
        copy_into(Path(program).parents[1] / "lib/initcpio", tree / "usr/lib/initcpio")

    return build_by(lab.root, recipe, BUILD, "boot/mkinitcpio.img", add)


@pytest.fixture(name="image", scope="module")
def image_of_kind(lab, kind):
    """An image with us."""
    return build(lab, kind, HOOKS[kind])


def test_build(image, kind):
    """An early hook that stands before ours is named; there is no other warning of ours."""
    warned = [line for line in image.log.splitlines() if "WARNING: vfio-bind" in line]
    assert [line.split("vfio-bind: ")[1] for line in warned] == (
        ["the early hook of lab runs first: put vfio-bind before it"] if kind == "busybox" else [])


def test_drivers_forced(lab, image, kind):
    """MODULES are loaded after us and before udev sees the machine."""
    boot = lab.boot(image=image)
    prove(boot, TWINS, taken=TAKEN, stages=STAGES[kind])
    assert (ABSENT, "none", "absent") in boot.stages["root"].verdicts()
    if kind == "busybox":
        probed = boot.probes(boot.between(None, "before trigger"))
        assert "nvme" in probed[TWINS.address("disk1")], "nothing was forced"
        assert "bochs-drm" in probed[TWINS.address("gpu1")], "nothing was forced"


@pytest.mark.nightly
def test_off(lab, image, kind):
    """What the test above is worth."""
    boot = lab.boot(words="rd.vfio_bind=0", image=image)
    prove(boot, TWINS, stages=STAGES[kind])
    assert boot.said(level=3) == ["off by rd.vfio_bind=0"]
    if kind == "busybox":
        probed = boot.probes(boot.between(None, "before trigger"))
        assert probed[TWINS.address("disk2")] == ["nvme"], "nothing was forced"


@pytest.mark.nightly
def test_disabled_hook(lab, image, kind):
    """mkinitcpio's own way to do without a hook."""
    if kind == "systemd":
        pytest.skip("its init reads no disablehooks=")
    boot = lab.boot(words="disablehooks=vfio-bind", image=image)
    prove(boot, TWINS, stages=STAGES[kind])
    assert boot.said() == []


@pytest.mark.nightly
def test_broken_policy(lab, image, kind):
    """Nothing is bound, one line says why."""
    boot = lab.boot(files={POLICY: File(f"{RULES}bind nvme colour=red\n".encode())}, image=image)
    prove(boot, TWINS, stages=STAGES[kind])
    (line,) = boot.said(level=3)
    assert line.startswith(f"nothing bound: /{POLICY}:4:11: expected ")


@pytest.mark.nightly
def test_without_modules(lab, image, kind):
    """A plan whose files are missing: nothing else takes a device."""
    plan = "\n".join(("vfio-bind-plan 1", f"kernel {lab.root.kernel_release}",
                      "load gone.ko required", ""))
    boot = lab.boot(files={"usr/lib/vfio-bind/plan": File(plan.encode())}, image=image)
    expected = TWINS.host_drivers() | dict.fromkeys(TWINS.addresses(*TAKEN))
    for stage in STAGES[kind]:
        assert boot.stages[stage].drivers == expected
        assert boot.stages[stage].overrides == dict.fromkeys(TWINS.addresses(*TAKEN), VFIO)


def test_overlay(lab, tmp_path):
    """Behind an image that knows nothing of us, the binder is the kernel's first program."""
    image, said = with_overlay(lab, build(lab, "without-us", "base lab udev"), tmp_path, RULES)
    assert "it takes rdinit=/usr/lib/vfio-bind/binder" in said.replace("\\x20", " "), said
    boot = lab.boot(words="rdinit=/usr/lib/vfio-bind/binder", image=image)
    prove(boot, TWINS, taken=TAKEN)
    probed = boot.probes(boot.between(None, "before trigger"))
    assert "nvme" in probed[TWINS.address("disk1")], "nothing was forced"
