# SPDX-License-Identifier: GPL-2.0-or-later
"""A root behind a password, which somebody types a minute after being asked: until then nothing is
given back, for nothing is missing."""

from dataclasses import replace

import pytest

from .images import File, Recipe
from .keyboard import ENTER, attended
from .machine import GPU2, Machine, card, disk
from .proof import prove_links
from .roots import TRIXIE
from .tiny import LOCKED_UUID, PASSWORD, locked_disk

pytestmark = pytest.mark.nightly

NVME = "1b36:0010"
MACHINE = Machine((card("gpu1"), card("gpu2", ("gpu2_audio", "intel-hda"), ("gpu2_usb", "qemu-xhci")),
                   disk("disk1"), disk("root")))
CARD = "bind display boot_display=0 with=functions\n"
DRIVE = f"bind {MACHINE.address('disk1')} id={NVME} allow=host-storage\n"
WORDS = "root=/dev/mapper/cryptroot rw intel_iommu=on quiet init=/usr/lib/lab/init"
LOCKED = replace(TRIXIE, variant="locked", packages=(*TRIXIE.packages, "cryptsetup-initramfs"))
IMAGE = Recipe("locked", policy=CARD, files=(
    ("etc/crypttab", f"cryptroot UUID={LOCKED_UUID} none luks,initramfs\n"),
    ("etc/initramfs-tools/modules", "dm_crypt\naes_generic\necb\n"),
))
# Says when the question is a minute old, by the guest's clock.
MINUTE = """#!/bin/sh
is_asked() {
	for program in /proc/[0-9]*/comm; do
		read -r name <"$program" || continue
		[ "$name" != askpass ] || return 0
	done 2>/dev/null
	return 1
}
uptime() {
	read -r seconds rest </proc/uptime
	seconds=${seconds%.*}
}
until is_asked; do
	sleep 1
done
uptime
began=$seconds
while [ $((seconds - began)) -lt 60 ]; do
	sleep 1
	uptime
done
echo "lab: a minute old" >/dev/console
"""
FILES = {
    "lab/minute": File(MINUTE.encode(), 0o755),
    "conf/conf.d/lab": File(b"/lab/minute &\n"),
}


@pytest.fixture(scope="session", name="release", params=[LOCKED], ids=str)
def release_with_cryptsetup(request):
    """cryptsetup's own question."""
    return request.param


def type_after_a_minute(console):
    """Somebody who makes tea first."""
    console.wait("Please unlock disk")
    console.wait("lab: a minute old")
    console.press(PASSWORD + ENTER)


def boot_locked(lab, policy):
    """To the root behind the password."""
    return lab.boot(policy, image=lab.image(IMAGE), base=WORDS, machine=MACHINE, files=FILES,
                    drives={"root": f"{locked_disk()},snapshot=on"},
                    start=attended(type_after_a_minute))


def test_nothing_is_undone(lab):
    """The drive beside it stays bound."""
    boot = boot_locked(lab, CARD + DRIVE)
    for stage in ("initramfs", "root"):
        prove_links(boot, MACHINE, (*GPU2, "disk1"), stage)
    assert "undone" not in "".join(boot.stages["root"].report) + "".join(boot.said())
