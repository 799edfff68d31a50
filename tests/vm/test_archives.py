# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel unpacks what tests/lib/archives.py says it does, and gives up where that says so:
verify is tested with the same table. What it takes is all unpacked in one boot, each row into a
folder of its own; where it gives up it takes a boot for each."""

import re
import subprocess
from pathlib import Path

import pytest

from lib import archives
from lib.archives import END, FOLDER, LINK, put

from .boot import CPU, FAST_WORDS, LIMIT, STEADY_WORDS

POLICY = b"bind nvme id=144d:a80a # a policy\n"
PROGRAM = 0o100755
INIT = br"""#!/bin/sh
busybox=/bin/busybox
$busybox mount -t proc proc /proc
echo
for folder in /etc /[a-z][0-9][0-9]; do
	at=$folder/vfio-bind.conf
	if [ -f $at ]; then
		echo "lab: $folder file $($busybox head -c 100 $at | $busybox tr '\000' 0)"
	elif [ -e $at ]; then
		echo "lab: $folder other"
	else
		echo "lab: $folder missing"
	fi
done
$busybox dmesg | $busybox grep -E 'unpacking failed|not initramfs' | $busybox sed 's/^/lab: said /'
echo 'lab: end'
$busybox poweroff -f
"""
WORDS = {name: archives.made(name, POLICY)[1] for name in archives.CASES}
STOPS = [name for name, word in WORDS.items() if word in ("wrong", "unsure", "cut")]
# Only at the end of an image may padding be missing.
LAST = ["no padding", "no padding of the trailer"]
TAKEN = [name for name in WORDS if name not in STOPS + LAST]


def front(*folders):
    """An archive with all that tells what became of the rest."""
    return (b"".join(put(name, mode=FOLDER) for name in ("bin", "proc", "dev", *folders))
            + put("bin/busybox", Path("/bin/busybox").read_bytes(), PROGRAM)
            + put("bin/sh", b"busybox", LINK) + put("init", INIT, PROGRAM) + END)


def boot(lab, folder, content):
    """What the kernel said of the image, and what became of the policy in each folder."""
    (folder / "initrd").write_bytes(content)
    done = subprocess.run(
        ["qemu-system-x86_64", "-accel", "tcg", "-cpu", CPU, "-m", "800", "-display", "none",
         "-monitor", "none", "-serial", "stdio", "-nic", "none", "-no-reboot", "-kernel",
         lab.root.kernel, "-initrd", folder / "initrd", "-append",
         f"console=ttyS0 quiet {STEADY_WORDS} {FAST_WORDS}"],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT, check=False)
    text = done.stdout.decode(errors="replace").replace("\r", "")
    assert "lab: end" in text, text[-2000:] + done.stderr.decode(errors="replace")
    found = {}
    for at, what in re.findall(r"^lab: /(\S+) (.*)", text, re.MULTILINE):
        found[at] = "same" if what == "file " + POLICY.decode().strip() else (
            "missing" if what == "missing" else "other")
    return re.findall(r"^lab: said .*(?:failed: |not initramfs \()(.*)", text, re.MULTILINE), found


def test_what_the_kernel_unpacks(lab, tmp_path):
    """The last of them has a wrong sum: all the others are there all the same, and it is told."""
    folders = {name: f"{'ab'[number // 100]}{number % 100:02}" for number, name in enumerate(TAKEN)}
    content = front("etc", *folders.values())
    for name in TAKEN:
        content += bytes(-len(content) % 512) + archives.made(name, POLICY, folders[name])[0]
        # lz4 takes four zeros to end, and not every row has the trailer that ends hard links.
        content += bytes(512 - len(content) % 512) + END
    content += bytes(-len(content) % 512) + archives.made("wrong sum", POLICY)[0]
    said, found = boot(lab, tmp_path, content)
    assert said == ["bad data checksum"]
    assert {name: found[folder] for name, folder in folders.items()} == {
        name: WORDS[name] for name in TAKEN}


@pytest.mark.nightly
@pytest.mark.parametrize("name", STOPS + LAST)
def test_where_the_kernel_gives_up(lab, tmp_path, name):
    said, found = boot(lab, tmp_path, front("etc") + archives.made(name, POLICY)[0])
    assert bool(said) == (WORDS[name] in ("wrong", "unsure")), said
    if WORDS[name] == "cut":
        assert found["etc"] != "same"
    elif not said:
        assert found["etc"] == WORDS[name]
