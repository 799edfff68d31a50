# SPDX-License-Identifier: GPL-2.0-or-later
"""What README and vfio-bind.conf(5) tell, as it is printed there. The blocks of the page's examples
are cells: test_cells.py."""

import re
from dataclasses import replace

import pytest

from .busybox import busybox_image
from .cells import RUNNING, STORIES, WITH_USB, blocks
from .images import SOURCE, Recipe
from .machine import GPU2, QXL, TWINS, Slot
from .nights import by_night
from .proof import prove, prove_links
from .roots import BOOKWORM, TRIXIE

WITH_QXL = TWINS.with_slots(QXL)
TWO_GPUS = STORIES[0]
IDS = "1b36:0010"


@pytest.fixture(scope="module", name="release", ids=str,
                params=[TRIXIE, *by_night(BOOKWORM)])
def release_to_tell_them_on(request):
    """The other one by night."""
    return request.param


@pytest.mark.nightly
def test_running_host(lab):
    """vfio-bind apply in place of a reboot, and vfio-bind release."""
    usb, drive = WITH_USB.addresses("usb", "disk1")
    boot = lab.boot("# nothing\n", machine=WITH_USB, in_root=f"""
cat >/etc/vfio-bind.conf <<'END'
{blocks(RUNNING)[0]}END
vfio-bind apply >/run/out 2>&1
status=$?
facts applied
value status $status
vfio-bind release {usb}
vfio-bind release {drive}
facts released
""")
    assert boot.stages["applied"].values["status"] == "0"
    prove_links(boot, WITH_USB, ("usb", "disk1"), "applied")
    prove_links(boot, WITH_USB, (), "released")


@pytest.mark.nightly
def test_own_init(lab):
    """The same line in an initramfs without a generator, with the init that is shipped."""
    recipe = Recipe("story", policy=blocks(TWO_GPUS.title)[TWO_GPUS.block])
    boot = lab.boot(image=busybox_image(lab, recipe), machine=WITH_QXL)
    # It loads the drivers of TWINS: nobody's is the third card's screen.
    host = replace(WITH_QXL, slots=(*TWINS.slots, Slot((replace(QXL.functions[0], driver=None),
                                                        *QXL.functions[1:]))))
    prove(boot, host, taken=TWO_GPUS.taken)


@pytest.mark.nightly
def test_moving_over(lab):
    """What import makes of vfio-pci.ids= binds the twins it took, but not the host's drive."""
    before = lab.boot("# nothing\n", words=f"vfio-pci.ids={IDS}", in_root="""
rm /etc/vfio-bind.conf
vfio-bind import >/run/out 2>/run/err
status=$?
facts imported
value status $status
lines output /run/out >$TOLD
""")
    stage = before.stages["imported"]
    policy = "\n".join(stage.output) + "\n"
    assert policy.count("\nbind ") == 3, policy
    boot = lab.boot(policy)
    prove(boot, TWINS, taken=("disk1", "disk2", "disk3"))


@pytest.mark.nightly
def test_moving_over_on_proxmox(lab):
    """A mapping and the lines of guests: what they name is bound, but not the host's own drive, and
    `list --for` gives the lines of a guest back."""
    card, drive, root = TWINS.addresses("gpu2", "disk2", "root")
    before = lab.boot("# nothing\n", in_root=f"""
rm /etc/vfio-bind.conf
mkdir -p /etc/pve/mapping /etc/pve/qemu-server
printf 'card\\n\\tmap id=1234:1111,node=%s,path={card[:-2]}\\n' "$(cat /etc/hostname)" \\
	>/etc/pve/mapping/pci.cfg
cat >/etc/pve/qemu-server/100.conf <<'END'
hostpci0: mapping=card,pcie=1
hostpci1: {drive}
hostpci2: {root}
END
vfio-bind import >/run/out 2>/run/err
status=$?
facts imported
value status $status
lines output /run/out >$TOLD
""")
    policy = "\n".join(before.stages["imported"].output) + "\n"
    assert "refused (host-storage)" in policy and "is no mapping" not in policy, policy
    boot = lab.boot(policy, in_root=f"""
vfio-bind list --for proxmox {drive} >/run/out
facts handed
lines output /run/out >$TOLD
""")
    prove(boot, TWINS, taken=(*GPU2, "disk2"))
    assert boot.stages["handed"].output == [f"hostpci0: {drive}"]


def readme():
    """The blocks of README's example."""
    text = (SOURCE / "README.md").read_text("utf-8")
    example = text[text.index("\n## An example\n"):text.index("\n## Install it\n")]
    return re.findall(r"^```\n(.*?)^```$", example, re.M | re.S)


def test_readme(lab):
    """Its policy, and line by line what it says the boot will say."""
    policy, said = readme()
    boot = lab.boot(policy)
    prove(boot, TWINS, taken=(*GPU2, "disk2"))
    assert [f"vfio-bind: {line}" for line in boot.said(level=6) if " bound to " in line] == \
        said.splitlines()
