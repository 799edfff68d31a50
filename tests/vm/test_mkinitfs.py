# SPDX-License-Identifier: GPL-2.0-or-later
"""Images of mkinitfs, where Alpine's is on this machine: with an overlay behind, the binder is the
first program, and goes on with the init of mkinitfs."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from .images import Recipe, build_by, copy_into
from .machine import GPU2, Machine, card, disk
from .overlay import with_overlay
from .proof import prove
from .roots import TRIXIE

MACHINE = Machine((card("gpu1"),
                   card("gpu2", ("gpu2_audio", "intel-hda"), ("gpu2_usb", "qemu-xhci")),
                   disk("disk1"), disk("disk2"), disk("root")))
RULES = ("bind display boot_display=0 with=functions\n"
         f"bind {MACHINE.address('disk2')} id=1b36:0010\n")
ROOT = replace(TRIXIE, variant="mkinitfs",
               packages=(*TRIXIE.packages, "pax-utils", "libcryptsetup12"))
# Of kms only this machine's driver; and what Debian's programs need, whose libraries are links.
FEATURE = (("etc/mkinitfs/features.d/lab.modules", "kernel/drivers/gpu/drm/tiny/bochs.ko*\n"),)
BUILD = """
ln -sf busybox /usr/bin/sh
for file in $(ldd /usr/sbin/nlplug-findfs /usr/bin/kmod /usr/bin/busybox | grep -o '/[^ :]*'); do
    echo "$file"
    readlink -f "$file"
done | sort -u >/etc/mkinitfs/features.d/lab.files
mkinitfs -F "lab base ext4 nvme usb" -o /boot/mkinitfs.img "$(ls /usr/lib/modules)"
"""
WORDS = "rdinit=/usr/lib/vfio-bind/binder modules=ext4 rootfstype=ext4"


@pytest.fixture(scope="session", name="release", params=[ROOT], ids=str)
def release_with_its_needs(request):
    """One is enough: it is the same program."""
    return request.param


@pytest.fixture(name="image", scope="module")
def image_of_mkinitfs(lab, tmp_path_factory):
    """Built in a root by this machine's mkinitfs; then the overlay."""
    program = shutil.which("mkinitfs")
    if not program:
        pytest.skip("no mkinitfs on this machine")
    top = Path(program).parents[1]

    def add(tree):
        for name in ("mkinitfs", "nlplug-findfs"):
            shutil.copy(top / "sbin" / name, tree / "usr/sbin" / name)
        for name in ("usr/share/mkinitfs", "etc/mkinitfs"):
            (tree / name).mkdir(parents=True, exist_ok=True)
            copy_into(top / name, tree / name)

    recipe = Recipe("mkinitfs", files=FEATURE)
    plain = build_by(lab.root, recipe, BUILD, "boot/mkinitfs.img", add)
    image, said = with_overlay(lab, plain, tmp_path_factory.mktemp("overlay"), RULES)
    assert "it takes rdinit=/usr/lib/vfio-bind/binder" in said.replace("\\x20", " "), said
    return image


def test_process_1(lab, image):
    """The chosen devices are bound before nlplug-findfs loads a driver for every device."""
    boot = lab.boot(words=WORDS, machine=MACHINE, image=image)
    prove(boot, MACHINE, taken=(*GPU2, "disk2"), stages=["root"])


@pytest.mark.nightly
def test_off(lab, image):
    """What the test above is worth."""
    boot = lab.boot(words=f"{WORDS} rd.vfio_bind=0", machine=MACHINE, image=image)
    assert boot.probes()[MACHINE.address("disk2")] == ["nvme"]
    assert boot.said(level=3) == ["off by rd.vfio_bind=0"]
