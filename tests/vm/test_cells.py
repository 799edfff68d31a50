# SPDX-License-Identifier: GPL-2.0-or-later
"""Each cell of cells.py: all of them in turn in one boot, and by night each in a boot of its own,
through the hooks and beside the host's drivers."""

import re

import pytest

from lib.manual import section
from .cells import CELLS, MACHINE, PAGE, STORIES, blocks
from .images import GUEST, POLICY, File
from .machine import GPU2
from .nights import by_night
from .proof import VFIO, prove, prove_links
from .roots import BOOKWORM, SID, TRIXIE

MOVING = "Moving over from something else"
TURNS = tuple(cell for cell in CELLS if cell.plugged is MACHINE)
LAST = "bind display boot_display=0 with=functions\nbind nvme\n"
LAST_TAKEN = (*GPU2, "qxl", "qxl_audio", "qxl_usb", "disk1", "disk2", "disk3")
# /init reads what is in conf.d before it runs anything of init-top.
EARLY = """
. /usr/lib/lab/facts
. /lab/turns/turns
facts before
{turns}
printf '{last}' >/etc/vfio-bind.conf
mark "all done"
"""
GONE = """
. /lab/turns/turns
gone {gone}
"""
# Scenario n: once more at the end of the initramfs, and everything given back in the real root.
AGAIN = """
mark again
/usr/lib/vfio-bind/binder
status=$?
mark "again done"
facts again
value status $status
"""
RELEASE = """
mark release
/usr/lib/vfio-bind/binder --release all
status=$?
udevadm settle
facts released
value status $status
mark "release done"
"""


@pytest.fixture(scope="module", name="release", ids=str, params=[
    TRIXIE, BOOKWORM, *by_night(SID)])
def release_of_each_kernel(request):
    """Kernels 6.12 and 6.1; by night 7.x too."""
    return request.param


def label(cell):
    """Its name, as a file and a word of shell may have it."""
    return re.sub(r"\W+", "-", cell.name)


def turns():
    """The segment of the image, by paths."""
    script = "\n".join(" ".join(("turn", label(cell), *MACHINE.addresses(*cell.gone)))
                       for cell in TURNS)
    early = EARLY.format(turns=script, last=LAST.replace("\n", "\\n"))
    files = {"conf/conf.d/lab": File(early.encode()),
             "lab/turns/turns": File((GUEST / "turns/lab/turns").read_bytes())}
    for cell in TURNS:
        files[f"lab/turns/{label(cell)}.words"] = File(f"{cell.words}\n".encode())
        if cell.file:
            files[f"lab/turns/{label(cell)}.conf"] = cell.file
    return files


@pytest.fixture(name="boot", scope="module")
def boot_in_turn(lab):
    """All in one boot. It goes on with a policy of its own."""
    return lab.boot(words="printk.devkmsg=on", machine=MACHINE, files=turns(),
                    in_initramfs=AGAIN, in_root=RELEASE)


def judge(boot, cell, stage, log):
    """What the binder said, in its report and in the kernel's log."""
    if cell.verdicts is not None:
        assert stage.verdicts() == {
            (name if name == "-" else cell.machine.address(name), *verdict.split())
            for name, verdict in cell.verdicts.items()}
    bound = {row[0] for row in stage.verdicts() if row[1] == "bind"}
    assert bound == set(cell.machine.addresses(*cell.taken, *cell.would))
    assert stage.overrides == dict.fromkeys(cell.machine.addresses(*cell.taken), VFIO)
    if cell.notes is not None:
        assert stage.notes()[:len(cell.notes)] == list(cell.notes)
    if cell.said is not None:
        lines = boot.said(3, log)
        assert len(lines) == bool(cell.said)
        assert all(cell.said in line and f"vfio-bind: {line}" in boot.console for line in lines)
    if cell.warned is not None:
        assert any(cell.warned in line for line in boot.said(4, log))


@pytest.mark.parametrize("cell", TURNS, ids=str)
def test_in_turn(boot, cell):
    """No driver is loaded yet: vfio-pci has what is chosen, and nobody has anything else."""
    stage = boot.stages[label(cell)]
    log = boot.between(label(cell), f"{label(cell)} done")
    gone = cell.machine.addresses(*cell.gone)
    before = {at: driver for at, driver in boot.stages["before"].drivers.items() if at not in gone}
    chosen = cell.machine.addresses(*cell.taken)
    assert VFIO not in before.values()
    assert stage.drivers == before | dict.fromkeys(chosen, VFIO)
    assert boot.probes(log) == {address: [VFIO] for address in chosen}
    judge(boot, cell, stage, log)


def test_after_all_of_them(boot):
    """The drivers that come now get all but what the last policy chooses."""
    for stage in ("initramfs", "root"):
        prove_links(boot, MACHINE, LAST_TAKEN, stage)
    probed = boot.probes(boot.between("all done", "release"))
    assert {at: probed.get(at) for at in MACHINE.addresses(*LAST_TAKEN)} == \
        {at: [VFIO] for at in MACHINE.addresses(*LAST_TAKEN)}


def test_second_run_changes_nothing(boot):
    """Same links, and the driver core had nothing to do meanwhile."""
    prove_links(boot, MACHINE, LAST_TAKEN, "again")
    assert boot.probes(boot.between("again", "again done")) == {}
    # 1: the root's drive, which "bind nvme" selects as well, is refused again.
    assert boot.stages["again"].values["status"] == "1"
    assert boot.stages["again"].verdicts() == boot.stages["initramfs"].verdicts()


def test_release_gives_everything_back(boot):
    """Every function is the host's again, by its own driver, and no override is left."""
    prove_links(boot, MACHINE, (), "released")
    assert boot.stages["released"].overrides == {}
    assert boot.stages["released"].values["status"] == "0"
    probed = boot.probes(boot.between("release", "release done"))
    drivers = MACHINE.host_drivers()
    assert probed == {address: [drivers[address]] for address in MACHINE.addresses(*LAST_TAKEN)}


@pytest.mark.nightly
@pytest.mark.parametrize("cell", CELLS, ids=str)
@pytest.mark.parametrize("release", [TRIXIE, BOOKWORM], ids=str, indirect=True, scope="module")
def test_alone(lab, cell):
    """From power-on to power-off what is chosen is vfio-pci's, and everything else the host's."""
    addresses = cell.machine.addresses(*cell.gone)
    early = GONE.format(gone=" ".join(addresses))
    if cell.file is None:
        early += f"rm /{POLICY}\n"
    files = {"conf/conf.d/lab": File(early.encode()),
             "lab/turns/turns": File((GUEST / "turns/lab/turns").read_bytes())}
    if cell.file is not None:
        files[POLICY] = cell.file
    boot = lab.boot(words=cell.words, machine=cell.machine, files=files)
    prove(boot, cell.machine, taken=cell.taken)
    judge(boot, cell, boot.stages["root"], boot.log)


def test_every_block_has_a_story():
    """Up to the heading that the page names, nothing is printed that is not booted."""
    examples = section(PAGE, "EXAMPLES")
    told = examples[:examples.index(f".Ss {MOVING}\n")]
    titles = re.findall(r"^\.Ss (.*)", told, re.M)
    assert [(title, number) for title in titles for number, _ in enumerate(blocks(title))] == \
        [(story.title, story.block) for story in STORIES]
