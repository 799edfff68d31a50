# SPDX-License-Identifier: GPL-2.0-or-later
"""A program of others on what we bound: qemu-io drives the NVMe by DMA through the emulated IOMMU.
What it reads is what was planted on that drive; what it writes is found on it."""

import random
from dataclasses import dataclass

import pytest

from .busybox import busybox_image
from .consumers import consumers_disk
from .machine import TWINS
from .nights import by_night
from .proof import VFIO, prove
from .roots import BOOKWORM, TRIXIE
from .test_busybox import PAYLOAD

DRIVES = ("disk1", "disk2", "disk3")
PIECE, PIECES = 64 << 10, 64
WRITTEN = 17  # the piece that it overwrites
TWIN, CHOSEN = TWINS.addresses("disk1", "disk2")
# Each piece of a drive is one byte again and again: qemu-io compares it by itself.
PLANTED = {name: random.Random(name).sample(range(1, 256), PIECES) for name in DRIVES}
AFTER = PLANTED | {"disk2": [*PLANTED["disk2"]]}
AFTER["disk2"][WRITTEN] = 0


def compare(pieces):
    """Its words for: all of the drive is this."""
    return " ".join(f'-c "read -P {byte} {at * PIECE} {PIECE}"' for at, byte in enumerate(pieces))


# QEMU's driver enables MSI-X after the controller, and QEMU's controller then drops the interrupts
# of the admin queue: qemu-io would wait for ever unless the answer comes while it submits the
# command. Each of its eventfds is written to, so it looks. pidfd_open is 434, pidfd_getfd 438.
WAKE = r"""
my $pid = 0 + shift; # syscall takes text for an address
while (readlink "/proc/$pid/exe") {
	my $process = syscall 434, $pid, 0;
	for my $file (glob "/proc/$pid/fd/*") {
		next unless (readlink($file) // "") eq "anon_inode:[eventfd]";
		my $fd = syscall 438, $process, 0 + ($file =~ /(\d+)$/)[0], 0;
		open my $event, ">&=", $fd or next;
		syswrite $event, pack("Q", 1);
	}
	open my $close, "<&=", $process;
	select undef, undef, undef, .05;
}
"""

SCRIPT = f"""
cat >/run/wake <<'END'{WAKE}END
consumer() {{
	name=$1
	shift
	"$@" >/run/out 2>&1 &
	perl /run/wake $!
	wait $!
	value $name $?
	lines output /run/out >$TOLD
}}
facts consumers
consumer used qemu-io -f raw {compare(PLANTED["disk2"])} \\
	-c "write -P {AFTER["disk2"][WRITTEN]} {WRITTEN * PIECE} {PIECE}" -c flush \\
	{compare(AFTER["disk2"])} nvme://{CHOSEN}/1
consumer twin qemu-io -r -f raw -c "read 0 512" nvme://{TWIN}/1
facts afterwards
"""


@pytest.fixture(scope="module", name="release", ids=str, params=[TRIXIE, *by_night(BOOKWORM)])
def both_releases(request):
    """Each brings its own QEMU and its own vfio."""
    return request.param


@dataclass
class Used:
    """The one boot, what qemu-io printed in it, and the drives' files."""

    boot: object
    values: dict
    said: str
    files: dict


def content(pieces):
    """What is in the file of a drive."""
    return b"".join(bytes([byte]) * PIECE for byte in pieces)


@pytest.fixture(scope="module", name="used")
def use_them(lab, tmp_path_factory):
    """Three drives of one kind, each with other bytes; one of them is a guest's."""
    folder = tmp_path_factory.mktemp("planted")
    files = {name: folder / name for name in DRIVES}
    for name, pieces in PLANTED.items():
        files[name].write_bytes(content(pieces))
    boot = lab.boot(f"bind nvme path={TWINS.path('disk2')} id=1b36:0010\n",
                    image=busybox_image(lab, PAYLOAD), in_root=SCRIPT,
                    drives={**files, "root": f"{consumers_disk(lab.release)},snapshot=on"})
    stage = boot.stages["consumers"]
    return Used(boot, stage.values, "\n".join(stage.output), files)


def test_the_chosen_drive_is_read(used):
    """Byte for byte: what was planted on it, and with it what was written meanwhile."""
    assert used.values["used"] == "0" and "verification failed" not in used.said, used.said
    assert used.said.count(f"read {PIECE}/{PIECE} bytes") == 2 * PIECES, used.said


def test_the_twin_is_not_to_be_had(used):
    """The host has it: a program that takes the wrong address gets nothing."""
    assert used.values["twin"] == "1" and "Failed to open VFIO group file" in used.said, used.said


def test_what_is_written_is_on_that_drive(used):
    """Found from outside; all the rest of it and its twins are as they were."""
    right = {name: file.read_bytes() == content(AFTER[name]) for name, file in used.files.items()}
    assert right == dict.fromkeys(DRIVES, True), used.said


def test_the_drive_is_still_ours(used):
    """A program that has ended leaves it with vfio-pci, as the boot bound it."""
    prove(used.boot, TWINS, taken=("disk2",),
          stages=("initramfs", "root", "consumers", "afterwards"))
    assert used.boot.stages["afterwards"].overrides == {CHOSEN: VFIO}
