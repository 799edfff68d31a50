# SPDX-License-Identifier: GPL-2.0-or-later
"""A power cut at any write of an emulated machine's drive: the file system is clean, and the policy
is the one before the command or the one behind it."""

import base64
import hashlib
import random
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from lib.quick import fixture_memory  # noqa: F401
from vm.lab import Lab
from vm.machine import TWINS, Function, Slot, nic
from vm.roots import TRIXIE

from .blocklog import Replay, json_drive

# Not an NVMe: QEMU 7.2's forgets that a write is to be on the drive for good (FUA).
DRIVE = Slot((Function("cut", "virtio-blk-pci", None, "drive=drive-cut"),))
MACHINE = TWINS.with_slots(nic("nic1", 0x01), nic("nic2", 0x02), DRIVE)
DEVICES = ("disk1", "gpu2", "nic1", "disk2", "nic2", "disk3")
POINTS = {"day": 80, "night": 500}
CONF = "/etc/vfio-bind.conf"
MINE = "# Mine.\nkeep 0000:00:1f.3\n"
IMAGE = "/boot/initrd.img"
OLD_IMAGE = b"An image of long ago.\n"
# The generator makes an image of an overlay: what is in it is not what this is about.
SCRIPT = """
modprobe -a virtio_pci virtio_blk
while [ ! -b /dev/vda ]; do sleep 1; done
mount /dev/vda /mnt
mount --bind /mnt/etc /etc
mount --bind /mnt/boot /boot
cat >/usr/sbin/update-initramfs <<'END'
#!/bin/sh
exec vfio-bind overlay --kernel "$(uname -r)" -o {image}
END
count=0
step() {{
	vfio-bind "$@" >/run/out 2>&1
	echo "output $? $(base64 -w0 {conf}) $(sha256sum <{image} | cut -c1-64) $*" >"$TOLD"
	count=$((count + 1))
	mkdir "/mnt/done/$count"
}}
{steps}
sync
value finished yes
umount /boot /etc /mnt
"""


def steps():
    """Every set of the devices once: each step adds one or takes one away. And what reads."""
    words, before = [], 0
    for number in range(1, 1 << len(DEVICES)):
        code = number ^ number >> 1
        device = DEVICES[(code ^ before).bit_length() - 1]
        words.append(f"{'add' if code > before else 'remove'} {MACHINE.address(device)}")
        before = code
    return [*words[:20], "import", "update", *words[20:], "update"]


def digest(content):
    """As sha256sum prints it."""
    return hashlib.sha256(content).hexdigest()


@dataclass
class Ran:
    """What the machine left: the drive as it was before, the log, and the files at each step."""

    drive: Path
    log: Path
    states: list  # the policy, and the image's SHA-256


def make_drive(root, folder):
    """An ext4 file system of a root's /etc, in which nothing is left to be done later."""
    tree = folder / "tree"
    for name in ("boot", "done"):
        (tree / name).mkdir(parents=True)
    subprocess.run(["cp", "-a", root.tree / "etc", tree], check=True)
    (tree / "etc/vfio-bind.conf").write_text(MINE)
    (tree / f"boot/{Path(IMAGE).name}").write_bytes(OLD_IMAGE)
    drive = folder / "drive"
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-b", "4096", "-E",
                    "lazy_itable_init=0,lazy_journal_init=0", "-d", tree, drive, "32M"], check=True)
    shutil.rmtree(tree)
    return drive


@pytest.fixture(name="ran", scope="module")
def run_all(tmp_path_factory):
    """One boot, in which every step is done and none is cut."""
    folder = tmp_path_factory.mktemp("cut")
    lab = Lab(TRIXIE, folder)
    before = make_drive(lab.root, folder)
    drive, log = folder / "end", folder / "log"
    shutil.copy(before, drive)
    script = SCRIPT.format(conf=CONF, image=IMAGE,
                           steps="\n".join(f"step {words}" for words in steps()))
    boot = lab.boot("# nothing\n", machine=MACHINE, in_root=script,
                    drives={"cut": json_drive(drive, log)})
    stage = boot.stages["root"]
    assert stage.values["finished"] == "yes"
    told = [line.split(" ", 3) for line in stage.output]
    assert [words for *_, words in told] == steps()
    # What an overlay alone would do in a boot nobody can tell, and update says so.
    assert {status for status, *_, words in told if words not in ("import", "update")} == {"0"}
    states = [(base64.b64decode(text), image) for _, text, image, _ in told]
    return Ran(before, log, [(MINE.encode(), digest(OLD_IMAGE)), *states])


def debugfs(command, drive):
    """What it prints."""
    return subprocess.run(["debugfs", "-R", command, drive], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout


def look(drive):
    """The policy and the image, how many steps had come to their end, what of ours is in /etc."""
    done = re.findall(rb"^/\d+/\d+/0/0/(\d+)/", debugfs("ls -p /done", drive), re.MULTILINE)
    names = re.findall(rb"/0/0/(vfio-bind[^/]*)/", debugfs("ls -p /etc", drive))
    image = digest(debugfs(f"cat {IMAGE}", drive))
    return (debugfs(f"cat {CONF}", drive), image), len(done), set(names)


def prove_clean(drive):
    """The journal is all it takes: what a boot does first, and then a look at everything."""
    first = subprocess.run(["e2fsck", "-p", drive], check=False, stdout=subprocess.PIPE, text=True)
    assert first.returncode in (0, 1), first.stdout
    second = subprocess.run(["e2fsck", "-fn", drive], check=False, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)
    assert second.returncode == 0, second.stdout


def prove_cut(drive, states):
    """The step that was cut short has been done or not; returns which, and what it left behind."""
    prove_clean(drive)
    state, done, names = look(drive)
    assert state in states[done:done + 2], (done, state)
    assert names <= {b"vfio-bind.conf", b"vfio-bind.conf.new"}
    return {"done": done, "new": state != states[done], "left": len(names) > 1}


def cut_everywhere(ran, folder, count):
    """As many cuts as that, from the first write to the last; every other one loses writes."""
    rng, found = random.Random("cut"), []
    base, drive = folder / "base", folder / "cut"
    shutil.copy(ran.drive, base)
    replay = Replay(base, ran.log)
    assert len(replay.records) >= count
    for number in range(count):
        replay.go_to(len(replay.records) * (number + 1) // count)
        subprocess.run(["cp", "--sparse=always", base, drive], check=True)
        lossy = number % 2 and number + 1 < count
        replay.cut(drive, lambda: lossy and rng.random() < 0.5)
        found.append(prove_cut(drive, ran.states))
    replay.close()
    return found


@pytest.mark.parametrize("when", ["day", pytest.param("night", marks=pytest.mark.nightly)])
def test_cut_at_any_write(ran, memory, when, record_property):
    """Old or new, and clean: with all that was written by then, or without some of what no flush
    has come behind."""
    found = cut_everywhere(ran, Path(memory), POINTS[when])
    record_property("cuts", len(found))
    assert found[-1]["done"] == len(steps())
    assert len({cut["done"] for cut in found}) > len(steps()) * 3 // 4
    # Some fell between the rename and the end of the step, and some before it.
    assert {cut["new"] for cut in found} == {True, False}
    assert any(cut["left"] for cut in found)
