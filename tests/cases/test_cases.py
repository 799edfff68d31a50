# SPDX-License-Identifier: GPL-2.0-or-later
"""One folder here is one story: a machine, a policy, and what has to come of it.

A folder holds `machine` (see lib/machine.py), `policy`, `conf.d/*` and `vendor.d/*` (what
/etc/vfio-bind.conf, /etc/vfio-bind.conf.d/* and /usr/lib/vfio-bind.conf.d/* hold, a link what is
switched off), and `expected`, a line of which is

    status N                        what the binder exits with in a dry run, and in a boot but
                                    where it says that something failed: then 1 in place of 0
    ADDRESS VERDICT REASON RULE     a line of the report, of which these are the first columns
    detail ADDRESS TEXT             its last column
    after ADDRESS DRIVER            its last but one, of a boot
    note TEXT                       a line of the report behind its header that begins with "#"
    write PATH VALUE                a write below sys/ of a boot, in order
    kmsg TEXT                       a line of the kernel log of a dry run
    boot TEXT                       a line of the kernel log of a boot

Also `protect` (the lines behind its header), `cmdline`, and `setup.sh`, which runs in the
unfolded tree; what that does the reference decision does not know.
"""

import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

from lib import machine as machines
from lib import limited, reference
from lib.binder import UNDER_STRACE, clear, collect
from lib.quick import fixture_memory  # noqa: F401
from lib.reference_policy import in_order
from lib.tree import Tree

FOLDERS = sorted(path.parent for path in pathlib.Path(__file__).parent.glob("*/machine"))
DRY_RUN = "rd.vfio_bind=dry-run"


class Expected:
    """What a folder says has to come of it."""

    def __init__(self, path):
        self.status, self.rows, self.details, self.after, self.lines = None, [], {}, {}, {}
        for line in path.read_text(encoding="utf-8").splitlines():
            word, _, rest = line.partition(" ")
            if word == "status":
                self.status = int(rest)
            elif word == "detail":
                address, _, detail = rest.partition(" ")
                self.details[address] = detail
            elif word == "after":
                address, _, driver = rest.partition(" ")
                self.after[address] = driver
            elif word in ("note", "write", "kmsg", "boot"):
                self.lines.setdefault(word, []).append(rest)
            elif line:
                self.rows.append(line.split(" "))

    def all(self, word):
        return self.lines.get(word, [])


class Case:
    """A folder, read."""

    def __init__(self, folder):
        self.folder = folder
        self.machine = machines.load(folder / "machine")
        if (folder / "protect").exists():
            self.machine.protect = self.text("protect").splitlines()
        self.cmdline = (self.machine.cmdline + " " + self.text("cmdline").strip()).strip()
        self.files = {}
        if (folder / "policy").exists():
            self.files["vfio-bind.conf"] = (folder / "policy").read_bytes()
        for where, below in (("conf.d", ""), ("vendor.d", "usr/lib/")):
            for path in sorted(folder.glob(where + "/*")):
                self.files[f"{below}vfio-bind.conf.d/{path.name}"] = (
                    None if path.is_symlink() else path.read_bytes())
        self.expected = Expected(folder / "expected")

    def text(self, name):
        path = self.folder / name
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def unfold(self, root, cmdline):
        tree = Tree(root, self.machine)
        tree.policy(self.files)
        tree.boot(cmdline)
        if (self.folder / "setup.sh").exists():
            subprocess.run(["sh", "-eu", self.folder.resolve() / "setup.sh"], cwd=root, check=True)
        clear(tree)
        return tree


@pytest.fixture(name="root")
def fixture_root(memory):
    """A folder that goes when the test ends, for a tree has many files."""
    with tempfile.TemporaryDirectory(dir=memory) as root:
        yield pathlib.Path(root)


@pytest.fixture(name="case", params=FOLDERS, ids=lambda folder: folder.name)
def fixture_case(request):
    return Case(request.param)


def dry(case):
    return (DRY_RUN + " " + case.cmdline).strip()


def are_in_order(wanted, lines):
    """True if lines that begin as the wanted ones are among lines, in that order."""
    rest = iter(lines)
    return all(any(line.startswith(want) for line in rest) for want in wanted)


def judge(case, run):
    """What a dry run has to have left."""
    assert [row[:4] for row in run.rows] == case.expected.rows
    assert run.status == case.expected.status
    details = {row[0]: row[6] for row in run.rows}
    assert {key: details.get(key) for key in case.expected.details} == case.expected.details
    assert are_in_order(case.expected.all("kmsg"), run.kmsg), run.kmsg
    assert are_in_order(["# " + note for note in case.expected.all("note")], run.notes), run.notes


def test_verdicts(case, root, binder):
    tree = case.unfold(root, dry(case))
    done = limited.run([binder, "--root", tree.root])
    judge(case, collect(tree, done.returncode))


def test_reference(case):
    """The second specification says the same as the folder."""
    if (case.folder / "setup.sh").exists():
        pytest.skip("the reference does not know what setup.sh does")
    files = {("/" if name.startswith("usr/") else "/etc/") + name: content
             for name, content in case.files.items()}
    result = reference.run(case.machine, in_order(files), dry(case))
    rows = [tuple(row) for row in case.expected.rows]
    assert [(address, *verdict) for address, verdict in result.verdicts.items()] == [
        row for row in rows if row[1] != "none"]
    assert result.findings == [(row[3], row[2]) for row in rows if row[1] == "none"]
    assert result.status == case.expected.status


def test_writes(case, root, binder):
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    tree, log = case.unfold(root / "tree", case.cmdline), root / "strace"
    done = limited.run(
        ["strace", "-f", "--seccomp-bpf", "-y", "-s", "4096", "-o", log, *UNDER_STRACE, "-e",
         "trace=write,pwrite64,writev,openat,openat2", binder, "--root", tree.root])
    calls = log.read_text(encoding="utf-8", errors="replace")
    assert writes(calls, tree.root) == case.expected.all("write")
    # The folder's own name, which is chance, may end like that too.
    assert not re.search(r"sys/\S* .*O_CREAT", calls.replace(tree.root, ""))
    run = collect(tree, done.returncode)
    failed = any(" failed: " in line for line in run.kmsg)
    assert run.status == (case.expected.status or int(failed))
    assert [row[:4] for row in run.rows] == case.expected.rows
    after = {row[0]: row[5] for row in run.rows}
    assert {key: after.get(key) for key in case.expected.after} == case.expected.after
    assert are_in_order(case.expected.all("boot"), run.kmsg), run.kmsg


def writes(calls, root):
    """PATH VALUE of every write below sys/. Links are gone through: devices/ADDRESS is short
    for a device's directory, as it is under sys/bus/pci."""
    found = []
    for path, value in re.findall(r'write\w*\(\d+<([^>]*)>, "((?:[^"\\]|\\.)*)"', calls):
        path = path.removeprefix(str(root) + "/")
        if path.startswith("sys/"):
            path = re.sub(r"^sys/devices/.*/([0-9a-f:]+\.[0-7])/(?=[a-z0-9_]+$)", r"\1/", path)
            found.append("%s %s" % (path.removeprefix("sys/bus/"), value))
    return found


@pytest.mark.parametrize("arguments", (["--root"], ["--release"], ["--root", "/", "--release"],
                                       ["--what"], ["all"]))
def test_arguments_that_make_no_sense(binder, arguments):
    done = limited.run([binder, *arguments], stderr=subprocess.PIPE)
    assert done.returncode == 2
    assert done.stderr.startswith(b"usage: ")
