# SPDX-License-Identifier: GPL-2.0-or-later
"""A policy that gives the root's own drive away, past every guard: the host is up all the same, and
what it does not need stays bound."""

import pytest

from .images import File
from .lab import TO_INIT
from .machine import GPU2, TWINS
from .nights import by_night
from .proof import VFIO, prove_links
from .roots import BOOKWORM, BOOKWORM_DRACUT, SID_DRACUT, TRIXIE, TRIXIE_DRACUT
from .test_dracut import NVME, image_of
from .tiny import split_disks

DRIVES = ("disk1", "root")
RULES = "bind display boot_display=0 with=functions\n" + "".join(
    f"bind {TWINS.address(name)} id={NVME} allow=host-storage\n" for name in DRIVES)
# While somebody is asked for a password nothing is given back; after half a minute all is told.
TELL = """#!/bin/sh
. /usr/lib/lab/facts
facts initramfs
echo end >$TOLD
echo o >/proc/sysrq-trigger
sleep 1000
"""
# initramfs-tools: a program of that name, and a script that is run once a second behind ours.
ASKPASS = {
    "conf/conf.d/lab-asks": File(b"/lab/askpass &\n"),
    "lab/askpass": File(b"#!/bin/sh\nsleep 1000\n", 0o755),
    "lab/tell": File(TELL.encode(), 0o755),
    "scripts/local-block/ORDER": File(
        b'/scripts/local-block/vfio-bind "$@"\necho x >>/run/lab-waited\n'
        b'[ "$(wc -l </run/lab-waited)" -lt 25 ] || /lab/tell\n'),
}
# systemd: a question for its agents, while the unit is at it.
QUESTION = {
    "etc/systemd/system/vfio-bind-undo.service.d/lab.conf": File(
        b"[Service]\nExecStartPre=/bin/mkdir -p /run/systemd/ask-password/ask.lab\n"
        b"ExecStartPost=/bin/sleep 30\nExecStartPost=/bin/sh /lab/tell\nTimeoutStartSec=600\n"),
    "lab/tell": File(TELL.encode(), 0o755),
}


@pytest.fixture(scope="session", name="release", params=[TRIXIE, *by_night(
    BOOKWORM, TRIXIE_DRACUT, BOOKWORM_DRACUT, SID_DRACUT)], ids=str)
def release_of_a_generator(request):
    """Each with its own way to wait for a root."""
    return request.param


@pytest.fixture(name="kind", params=[
    "as built", pytest.param("sh", marks=pytest.mark.nightly)])
def kind_of_image(request, release):
    """dracut's images are with systemd and without."""
    if request.param == "sh" and "dracut" not in str(release):
        pytest.skip("its image has one kind of init")
    return request.param


@pytest.fixture(name="image")
def image_of_kind(lab, kind, release):
    """The image that a Debian built for itself, so that it knows its root's drive; or dracut's."""
    return image_of(lab, kind) if "dracut" in str(release) else lab.host_image


# By the guest's clock, hence no upper limit: that is tests/cli/test_undo.py's, by a clock it owns.
WAITED = """
for place in /run /dev; do
	[ ! -e $place/vfio-bind/waiting ] || read -r began last <$place/vfio-bind/waiting
done
value waited $((last - began))
"""


def prove_undone(boot):
    """Root and a drive beside it had vfio-pci first and then nvme; a graphics card keeps it."""
    prove_links(boot, TWINS, GPU2, "root")
    for name in DRIVES:
        probed = list(dict.fromkeys(boot.probes()[TWINS.address(name)]))
        assert probed == [VFIO, "nvme"], name
    said = [line for line in boot.said(level=3) if "undone" in line]
    assert said == [f"{TWINS.address(name)} undone: given back to the host, as the root device is "
                    f"missing (/etc/vfio-bind.conf:{line})" for line, name in enumerate(DRIVES, 2)]


def test_the_host_is_up(lab, image):
    """And the report says the same."""
    boot = lab.boot(RULES, image=image, base=TO_INIT, in_root=WAITED)
    prove_undone(boot)
    assert int(boot.stages["root"].values["waited"]) >= 15
    rows = {row[0]: row for row in (line.split("\t") for line in boot.stages["root"].report
                                    if not line.startswith("#"))}
    for name in DRIVES:
        assert rows[TWINS.address(name)][1:3] == ["bind", "rule"]
        assert rows[TWINS.address(name)][5:] == ["nvme", "undone: the root device was missing"]
    assert [rows[TWINS.address(name)][5] for name in GPU2] == [VFIO] * 3


ONE = "".join(RULES.splitlines(True)[:2])


def prove_only_disk1(boot):
    """It was given back; the root's own was never given away."""
    prove_links(boot, TWINS, GPU2, "root")
    probed = boot.probes()
    assert list(dict.fromkeys(probed[TWINS.address("disk1")])) == [VFIO, "nvme"]
    assert set(probed[TWINS.address("root")]) == {"nvme"}
    assert len([line for line in boot.said(level=3) if "undone" in line]) == 1


@pytest.mark.nightly
def test_usr_on_another_drive(lab, image, kind, release, tmp_path):
    """The root is there, and what it cannot do without is not."""
    if "dracut" not in str(release) or kind == "sh":
        pytest.skip("with systemd the root is mounted by then; others wait as for the root")
    root, usr = split_disks(tmp_path)
    boot = lab.boot(ONE, image=image, base=TO_INIT,
                    drives={"root": root, "disk1": usr})
    prove_only_disk1(boot)


@pytest.mark.nightly
def test_somebody_is_asked(lab, image, kind, release):
    """The drive may be waiting for its password: it stays as it is, however long that takes."""
    if kind == "sh":
        pytest.skip("what asks there keeps dracut from looking")
    boot = lab.boot(RULES, image=image, base=TO_INIT,
                    files=QUESTION if "dracut" in str(release) else ASKPASS)
    prove_links(boot, TWINS, (*GPU2, *DRIVES), "initramfs")
    assert "undone" not in "".join(boot.stages["initramfs"].report)
