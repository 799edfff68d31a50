# SPDX-License-Identifier: GPL-2.0-or-later
"""The examples of README and of vfio-bind.conf(5), each booted as it is printed there."""

import re
from dataclasses import dataclass, replace

import pytest

from lib.manual import literals, section
from .busybox import busybox_image
from .images import SOURCE, Recipe
from .machine import GPU2, QXL, TWINS, Function, Machine, Slot, nic
from .nights import by_night
from .proof import prove, prove_links
from .roots import BOOKWORM, TRIXIE

PAGE = "vfio-bind.conf.5"
USB = Slot((Function("usb", "qemu-xhci", "xhci_hcd"),))
WITH_QXL = TWINS.with_slots(QXL)
WITH_USB = TWINS.with_slots(USB)
THREE_DRIVES = Machine(TWINS.slots[:-1])
ONE_GPU = Machine((TWINS.slots[0], nic("nic", 1), *TWINS.slots[2:]))
OWN_INIT = "A system with an initramfs of one's own"
RUNNING = "A USB controller and an NVMe drive of a running host"
MOVING = "Moving over from something else"
IDS = "1b36:0010"


@pytest.fixture(scope="module", name="release", ids=str,
                params=[TRIXIE, *by_night(BOOKWORM)])
def release_to_tell_them_on(request):
    """The other one by night."""
    return request.param


def blocks(title):
    """What the page prints below that heading, block by block."""
    return literals(section(PAGE, title))


@dataclass(frozen=True)
class Story:
    """One block of an example, the machine it is told of, and who has what in the end."""

    title: str
    block: int
    machine: Machine
    taken: tuple

    def __str__(self):
        return f"{self.title}-{self.block}"


TWO_GPUS = Story("Two identical GPUs", 0, WITH_QXL, ("gpu2", "qxl", "qxl_usb"))
STORIES = (
    TWO_GPUS,
    Story("Two identical GPUs", 1, TWINS, ("gpu2",)),
    Story("One of three identical NVMe drives", 0, TWINS, ("disk2",)),
    Story("One of three identical NVMe drives", 1, THREE_DRIVES, ("disk1", "disk2")),
    Story("GPU with audio, USB-C and UCSI", 0, WITH_QXL, ("qxl", "qxl_usb")),
    Story("GPU with audio, USB-C and UCSI", 1, WITH_QXL, ("qxl", "qxl_usb")),
    Story("The only GPU, on purpose", 0, ONE_GPU, ("gpu1",)),
    Story(RUNNING, 0, WITH_USB, ("usb", "disk1")),
)


@pytest.mark.parametrize("story", STORIES, ids=str)
def test_story(lab, story):
    """The functions the page speaks of are vfio-pci's, and nothing is refused."""
    boot = lab.boot(blocks(story.title)[story.block], machine=story.machine)
    prove(boot, story.machine, taken=story.taken)
    bound = {row[0] for row in boot.stages["root"].verdicts() if row[1] == "bind"}
    assert bound == set(story.machine.addresses(*story.taken))
    assert "refuse" not in {row[1] for row in boot.stages["root"].verdicts()}


def test_every_block_has_a_story():
    """Up to the heading that the page names, nothing is printed that is not booted."""
    examples = section(PAGE, "EXAMPLES")
    told = examples[:examples.index(f".Ss {MOVING}\n")]
    titles = re.findall(r"^\.Ss (.*)", told, re.M)
    assert [(title, number) for title in titles for number, _ in enumerate(blocks(title))] == \
        [(story.title, story.block) for story in STORIES]


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


def test_own_init(lab):
    """The same line in an initramfs without a generator, with the init that is shipped."""
    recipe = Recipe("story", policy=blocks(TWO_GPUS.title)[TWO_GPUS.block])
    boot = lab.boot(image=busybox_image(lab, recipe), machine=WITH_QXL)
    # It loads the drivers of TWINS: nobody's is the third card's screen.
    host = replace(WITH_QXL, slots=(*TWINS.slots, Slot((replace(QXL.functions[0], driver=None),
                                                        *QXL.functions[1:]))))
    prove(boot, host, taken=TWO_GPUS.taken)


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
