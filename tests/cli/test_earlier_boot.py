# SPDX-License-Identifier: GPL-2.0-or-later
"""status --boot=-1: what an earlier boot did, by the lines of the binder that are left of it."""

import os
import subprocess

import pytest

from lib import golden, limited
from lib import machine as machines
from lib.binder import BINDER
from lib.generator import UNPRIVILEGED, compile_fake
from lib.payload import fixture_program  # noqa: F401
from lib.tree import Tree

# A journalctl: notes how it was called, prints what /journal holds, and exits as /status says.
FAKE = r"""
#include <stdio.h>
int main(int argc, char *argv[])
{
	FILE *log = fopen("/log", "a"), *in = fopen("/journal", "r"), *status = fopen("/status", "r");
	int c, code = 0;

	for (int i = 1; i < argc; i++)
		fprintf(log, "%s%s", i > 1 ? " " : "", argv[i]);
	fprintf(log, "\n");
	while (in && (c = getc(in)) != EOF)
		putchar(c);
	fprintf(stderr, "a hint that nobody asked for\n");
	if (status && fscanf(status, "%d", &code) != 1)
		return 99;
	return code;
}
"""
LINES = """on trial: 0 boots left
0000:41:00.0 bound to vfio-pci (/etc/vfio-bind.conf:2)
0000:41:00.1 bound to vfio-pci, goes with 0000:41:00.0 (/etc/vfio-bind.conf:2)
0000:05:00.0 refused: holds the host's storage (/etc/vfio-bind.conf:4)
0000:08:00.0 kept with the host (/etc/vfio-bind.conf:5)
0000:09:00.0 failed: its driver is not there; it stays with nvme (/etc/my (own).conf:6)
0000:0a:00.0 hung: unbind (/etc/vfio-bind.conf:7)
/etc/vfio-bind.conf:8 binds nothing: nothing is there
"""
ROWS = [
    ("0000:41:00.0", "vfio-pci", "bound", "/etc/vfio-bind.conf:2", "/etc/vfio-bind.conf:2"),
    ("0000:41:00.1", "vfio-pci", "bound", "/etc/vfio-bind.conf:2",
     "/etc/vfio-bind.conf:2; goes with 0000:41:00.0"),
    ("0000:05:00.0", None, "refused", "/etc/vfio-bind.conf:4",
     "/etc/vfio-bind.conf:4; holds the host's storage"),
    ("0000:08:00.0", None, "kept", "/etc/vfio-bind.conf:5", "/etc/vfio-bind.conf:5"),
    ("0000:09:00.0", None, "failed", "/etc/my (own).conf:6",
     "/etc/my (own).conf:6; its driver is not there; it stays with nvme"),
    ("0000:0a:00.0", None, "hung", "/etc/vfio-bind.conf:7", "/etc/vfio-bind.conf:7; unbind"),
]
MESSAGES = ["on trial: 0 boots left", "/etc/vfio-bind.conf:8 binds nothing: nothing is there"]


@pytest.fixture(name="fake", scope="module")
def fixture_fake(tmp_path_factory):
    """The program that stands for journalctl."""
    return compile_fake(tmp_path_factory.mktemp("fake") / "journalctl", FAKE)


@pytest.fixture(name="root")
def fixture_root(tmp_path, fake):
    """A machine with a journal of which a test writes what it says."""
    root = tmp_path / "root"
    (root / "usr/bin").mkdir(parents=True)
    os.link(fake, root / "usr/bin/journalctl")
    return root


def status(program, root, *words):
    return limited.run([*UNPRIVILEGED, program, "--root", root, "status", *words], text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def found(done, code):
    """The object of --json."""
    assert (done.returncode, done.stderr) == (code, "")
    return golden.validate(done.stdout, "status-boot")


def rows(shown):
    return [tuple(row[key] for key in ("address", "driver", "status", "rule", "detail"))
            for row in shown["devices"]]


def test_a_journal(program, root):
    """journald has taken the name off each line."""
    (root / "journal").write_text(LINES)
    shown = found(status(program, root, "--boot=-2", "--json"), 1)
    assert (root / "log").read_text() == "-b -2 -k -t vfio-bind -o cat -q --no-pager\n"
    assert (shown["result"], shown["source"]) == ("failed", "journal")
    assert rows(shown) == ROWS and shown["messages"] == MESSAGES
    done = status(program, root, "--boot=-1")
    assert done.stdout.splitlines()[:2] == MESSAGES
    for address, _, word, _, detail in ROWS:
        assert any(line.startswith(address) and word in line and detail in line
                   for line in done.stdout.splitlines())
    raw = status(program, root, "--boot=-1", "--raw", "--noheadings", "-o", "ADDRESS,STATUS")
    assert raw.stdout.splitlines() == [f"{row[0]} {row[2]}" for row in ROWS]


@pytest.mark.parametrize("lines, code, result", [
    (LINES.splitlines()[1], 0, "as-configured"),
    (LINES.splitlines()[3], 5, "refused"),
    (LINES.splitlines()[6], 1, "failed"),
    ("off by rd.vfio_bind=0", 0, "as-configured"),
    ("", 6, "not-configured"),
])
def test_exit_status(program, root, lines, code, result):
    (root / "journal").write_text(lines + "\n" if lines else "")
    assert found(status(program, root, "--boot=-1", "--json"), code)["result"] == result


@pytest.mark.parametrize("folder", ["sys/fs/pstore", "var/lib/systemd/pstore/176423/001"])
def test_a_crash_that_left_a_dump(program, root, folder):
    """Where the journal of that boot did not come to the disk."""
    (root / "status").write_text("1")
    (root / folder).mkdir(parents=True)
    log = "".join(f"<6>[    1.{at:06}] vfio-bind: {line}\n" for at, line
                  in enumerate(LINES.splitlines()))
    (root / folder / "dmesg.txt").write_text(
        f"Panic#1 Part1\n<6>[    0.1] pci 0000:41:00.0: enabled\n{log}<0>[    2.0] Kernel panic\n")
    shown = found(status(program, root, "--boot=-1", "--json"), 1)
    assert shown["source"] == "pstore" and rows(shown) == ROWS and shown["messages"] == MESSAGES
    assert status(program, root, "--boot=-2").returncode == 1


def test_neither(program, root):
    (root / "status").write_text("1")
    for _ in range(2):
        done = status(program, root, "--boot=-1")
        assert done.returncode == 1 and done.stdout == ""
        assert "neither the journal nor pstore has the boot 1 before this one" in done.stderr
        (root / "usr/bin/journalctl").unlink(missing_ok=True)


@pytest.mark.parametrize("value", ["1", "0", "-0", "-", "-x", "-100", ""])
def test_a_boot_that_is_none(program, root, value):
    done = status(program, root, f"--boot={value}")
    assert done.returncode == 2 and f"--boot={value}: expected -1" in done.stderr


def test_no_machine_file(program, root):
    machine = golden.MACHINES / "desktop-q57-gt220.tsv"
    done = status(program, root, "--boot=-1", "--machine", machine)
    assert done.returncode == 2 and "no --machine" in done.stderr


def test_escapes_reach_no_terminal(program, root):
    (root / "journal").write_text("0000:41:00.0 refused: \x1b]0;title (/etc/x:1)\n\x1b[2J\n")
    assert "\x1b" not in status(program, root, "--boot=-1").stdout


def test_what_the_binder_says_is_understood(program, root, tmp_path):
    """Each line about a device that it writes, of a machine with some of every kind."""
    machine = machines.load(golden.MACHINES / "desktop-trx40-rtx3080-early.tsv")
    tree = Tree(tmp_path / "tree", machine)
    tree.policy({"vfio-bind.conf": b"bind display\nbind nvme\nbind usb\nkeep audio\n"})
    for words in ("", "rd.vfio_bind=dry-run"):
        tree.boot(words)
        (tmp_path / "tree/dev/kmsg").write_text("")
        limited.run([BINDER, "--root", tree.root])
        lines = [line.partition("vfio-bind: ")[2] for line in tree.read("dev/kmsg").splitlines()]
        (root / "journal").write_text("".join(f"{line}\n" for line in lines))
        shown = golden.validate(status(program, root, "--boot=-1", "--json").stdout, "status-boot")
        devices = [line for line in lines if line[:5] == "0000:"]
        assert [row["address"] for row in shown["devices"]] == [line[:12] for line in devices]
        assert len({row["status"] for row in shown["devices"]}) > 1
