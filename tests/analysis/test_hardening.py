# SPDX-License-Identifier: GPL-2.0-or-later
"""What the programs are while they run: both are stopped in a write that does not return, and the
kernel is asked what they have mapped. Of the one that is stopped the stack is then smashed."""

import contextlib
import os
import re
import signal
import struct
import subprocess
import time
from pathlib import Path

import pytest

from lib.machine import parse
from lib.payload import fixture_program  # noqa: F401
from lib.tree import Tree

DEVICE = "0000:01:00.0\t020000\t8086:1533\t-\t-\tigb\t0\t-\t-\t-\t-\n"
UNBIND = "sys/bus/pci/drivers/igb/unbind"
AT_RANDOM = 25
OPENAT2 = "437 "
pytestmark = pytest.mark.skipif(os.geteuid() != 0 or os.uname().machine != "x86_64",
                                reason="apply takes root, and canaries differ by machine")


class Stopped:
    """A program that works on a machine with one device, at the unbind of it, which hangs."""

    def __init__(self, root, program, *words):
        self.tree = Tree(root, parse(DEVICE))
        self.tree.policy({"vfio-bind.conf": b"bind network\n"})
        self.gate = Path(self.tree.path(UNBIND))
        self.gate.unlink()
        os.mkfifo(self.gate)
        self.program = str(program)
        self.output = Path(root).with_suffix(".output")
        with open(self.output, "wb") as output:
            self.parent = subprocess.Popen([program, "--root", self.tree.root, *words],
                                           stdout=output, stderr=subprocess.STDOUT,
                                           start_new_session=True)
        self.pid = self.wait_for_child()

    def wait_for_child(self):
        """The process that hangs: the last of those that wait for each other."""
        while self.parent.poll() is None:
            # A number is there only of a call that waits: proc_pid_syscall(5).
            with contextlib.suppress(OSError):  # it may have ended meanwhile
                last = self.processes()[-1]
                if Path(f"/proc/{last}/syscall").read_text("ascii").startswith(OPENAT2):
                    return last
            time.sleep(0.01)
        raise AssertionError("nothing hangs at the unbind")

    def processes(self):
        """The program's own and its child's, and so on."""
        found = [self.parent.pid]
        while True:
            children = Path(f"/proc/{found[-1]}/task/{found[-1]}/children").read_text("ascii")
            if not children:
                return found
            found.append(int(children.split()[0]))

    def maps(self, pid=None):
        """(start, end, permissions, name) of all that is mapped."""
        lines = Path(f"/proc/{pid or self.pid}/maps").read_text("utf-8").splitlines()
        found = [re.match(r"(\w+)-(\w+) (\S+) \w+ \S+ \d+ *(.*)", line).groups() for line in lines]
        return [(int(start, 16), int(end, 16), *rest) for start, end, *rest in found]

    def own(self):
        """What is mapped of the program's file."""
        return [row for row in self.maps() if row[3] == self.program]

    def at_random(self):
        """Where the kernel left the bytes a canary is made of: getauxval(3)."""
        words = Path(f"/proc/{self.pid}/auxv").read_bytes()
        pairs = dict(struct.iter_unpack("QQ", words))
        return pairs[AT_RANDOM]

    def end(self):
        """Ends all that are left."""
        if self.parent.poll() is None:
            os.killpg(self.parent.pid, signal.SIGKILL)
            self.parent.wait()

    def go_on(self):
        """Lets the write through; returns the exit status and what was said."""
        fd = os.open(self.gate, os.O_RDONLY | os.O_NONBLOCK)
        status = self.parent.wait(timeout=600)
        os.close(fd)
        return status, self.output.read_text("utf-8") + self.tree.read("dev/kmsg")

    def smash(self):
        """Changes every canary of a function that has not returned; returns how many there were.
        glibc and musl each make one byte of it zero: the first, and the second."""
        random = self.at_random()
        end = next(row[1] for row in self.maps() if row[3] == "[stack]")
        start = int(Path(f"/proc/{self.pid}/syscall").read_text("ascii").split()[-2], 16)
        with open(f"/proc/{self.pid}/mem", "r+b", buffering=0) as memory:
            memory.seek(random)
            seed = memory.read(8)
            memory.seek(start)
            stack = memory.read(end - start)
            canaries = [b"\0" + seed[1:], seed[:1] + b"\0" + seed[2:], seed]
            places = [at for at in range(0, random - start - 7, 8) if stack[at:at + 8] in canaries]
            for at in places:
                memory.seek(start + at)
                memory.write(b"AAAAAAAA")
        return len(places)


@pytest.fixture(name="stopped", params=["binder", "vfio-bind"])
def fixture_stopped(request, tmp_path, binder, program):
    """Both of them."""
    words = [binder] if request.param == "binder" else [program, "apply"]
    stopped = Stopped(tmp_path / "root", *words)
    yield stopped
    stopped.end()


def test_nothing_is_writable_and_executable(stopped):
    """Nor the stack executable, of the process that works nor of those that wait for it."""
    assert len(stopped.processes()) > 1
    for pid in stopped.processes():
        rows = stopped.maps(pid)
        assert [row for row in rows if "w" in row[2] and "x" in row[2]] == []
        assert [row[2] for row in rows if row[3] == "[stack]"] == ["rw-p"]
    assert any("x" in row[2] for row in stopped.own())


def test_the_binder_runs_alone(tmp_path, binder):
    """Static: no interpreter, no library, nothing of any file but its own."""
    stopped = Stopped(tmp_path / "root", binder)
    files = {row[3] for row in stopped.maps() if row[3].startswith("/") and "/dev/zero" not in row[3]}
    stopped.go_on()
    assert files == {binder}


def test_relocations_of_the_host_program_are_read_only(tmp_path, program):
    """Its own and those of its libraries; and it was loaded where no one could know."""
    stopped = Stopped(tmp_path / "root", program, "apply")
    rows, own = stopped.maps(), stopped.own()
    checked = 0
    for path in {row[3] for row in rows if row[3].startswith("/") and row[2] == "r-xp"}:
        base = min(row[0] for row in rows if row[3] == path)
        for start, size in relro(path):
            place = base + start
            inside = [row for row in rows if row[0] < place + size and place < row[1]]
            assert inside and all(row[2] == "r--p" for row in inside), (path, inside)
            checked += path == str(program)
    stopped.go_on()
    assert checked == 1
    assert own[0][0] > 1 << 32  # a PIE


def relro(path):
    """(start, size) of what a file wants read-only once it is relocated, in whole pages."""
    text = subprocess.run(["readelf", "-lW", path], stdout=subprocess.PIPE, text=True,
                          check=True).stdout
    for address, size in re.findall(r"GNU_RELRO +\S+ (\S+) \S+ \S+ (\S+)", text):
        start = int(address, 16) & ~0xfff
        yield start, (int(address, 16) + int(size, 16) & ~0xfff) - start


def test_a_smashed_stack_ends_it(stopped):
    """The function returns, sees that its canary is another, and goes no further."""
    assert stopped.smash() > 2  # one or two may be libc's own
    status, said = stopped.go_on()
    assert status == 1 and "died: unbind" in said, said


def test_a_stack_that_is_whole_goes_on(stopped):
    """Without the smash the same write ends otherwise: nobody dies."""
    _, said = stopped.go_on()
    assert "died" not in said
