# SPDX-License-Identifier: GPL-2.0-or-later
"""One image without a rule in it, on many machines: each has its rules on its command line, from a
boot loader, from an addon of a unified kernel image, or from whoever runs the virtual machine."""

import pytest

from .busybox import busybox_image
from .fleet import ALL_BUT_THE_PICTURE, BY_DAY, FLEET, NVME
from .images import Recipe
from .machine import OVMF, Machine, card, disk, nic
from .proof import prove
from .stub import FOR_ALL, FOR_ONE, SMBIOS, by_stub
from .tiny import tiny_disk

# What a vendor puts beside the product; nothing is in /etc.
VENDORS = "usr/lib/vfio-bind.conf.d/50-fleet.conf"
SEALED = Recipe("sealed", files=((VENDORS, "accept cmdline\n"),))
SHOW = """
value cmdline "$(cat /proc/cmdline)"
lines output /run/vfio-bind/policy >"$TOLD"
"""


@pytest.fixture(name="boot")
def fixture_boot(lab):
    """Boots the same image every time, with no policy but that one line."""
    def boot(machine, words="", **more):
        done = lab.boot(words=words, machine=machine, in_root=SHOW,
                        image=busybox_image(lab, SEALED, ["e1000e"]),
                        drives={"root": f"{tiny_disk()},snapshot=on"}, **more)
        assert done.stages["root"].output == [f"# /{VENDORS}", "accept cmdline"]
        return done
    return boot


def reported(boot):
    """Address, verdict, reason where it is not that of a bind, and rule."""
    rows = [line.split("\t") for line in boot.stages["root"].report if not line.startswith("#")]
    return {(row[0], row[1], row[3]) if row[1] == "bind" else tuple(row[:4]) for row in rows}


def test_the_fleet():
    """No machine and no command line is there twice but where one line is to do two things."""
    assert len({host.slots for host in FLEET}) == len(FLEET) == 20
    assert len({host.words for host in FLEET}) == len(FLEET) - 1


@pytest.mark.parametrize("host", [
    pytest.param(host, id=host.name, marks=[] if host.name in BY_DAY else [pytest.mark.nightly])
    for host in FLEET])
def test_one_image(boot, host):
    """vfio-pci has what is written down beside the machine, and no other function."""
    done = boot(host.machine, host.cmdline)
    prove(done, host.machine, taken=host.taken)
    assert reported(done) == host.rows()
    shown = done.said(level=3)
    assert all(host.said in line for line in shown) and bool(shown) == bool(host.said), shown


UNIFIED = Machine((card("gpu1"), card("gpu2", ("gpu2_audio", "intel-hda")), nic("nic1", 1),
                   disk("disk1"), disk("root"), nic("nic2", 2)), firmware=OVMF)
# Two words in one addon, with either kind of quotes.
CARD = f'{ALL_BUT_THE_PICTURE} "rd.vfio_bind.rule=keep {UNIFIED.address("gpu2_audio")}"'
DRIVE = f'rd.vfio_bind.rule="bind nvme path={UNIFIED.path("disk1")} {NVME}"'
CARDS = 'rd.vfio_bind.rule="bind class=0200,0280 count=2 nth=2"'
WAYS = {
    "none": ({}, "", ()),
    "addon-for-all": ({FOR_ALL: CARD}, "", ("gpu2",)),
    "addon-for-one": ({FOR_ONE: DRIVE}, "", ("disk1",)),
    "smbios": ({}, CARDS, ("nic2",)),
    "all-three": ({FOR_ALL: CARD, FOR_ONE: DRIVE}, CARDS, ("gpu2", "disk1", "nic2")),
}


@pytest.mark.nightly
@pytest.mark.parametrize("way", WAYS)
def test_by_stub(boot, way):
    """Under UEFI: the command line that is built into the image has no rule. What systemd's stub
    adds to it comes with its quotes, and the rest of the line stands."""
    addons, smbios, taken = WAYS[way]
    done = boot(UNIFIED, start=by_stub(addons, [SMBIOS + smbios] if smbios else []))
    cmdline, added = done.stages["root"].values["cmdline"], (*addons.values(), smbios)
    assert all(words in cmdline for words in added), cmdline
    assert cmdline.count(".rule=") == " ".join(added).count(".rule=")
    prove(done, UNIFIED, taken=taken)
    assert {row[0] for row in reported(done) if row[1] == "bind"} == set(UNIFIED.addresses(*taken))
    assert done.said(level=3) == []
