# SPDX-License-Identifier: GPL-2.0-or-later
"""binder --undo on a tree of plain files: what a host whose root device is missing gets back, when,
and when not. The tree's clock is proc/uptime."""

import os
import subprocess
import threading

import pytest

from lib import golden, limited
from lib.binder import BINDER
from lib.bootreport import NVME, RULE, set_report
from lib.bootreport import drive as other_drive
from lib.hosttree import HostTree
from lib.payload import fixture_program, set_policy  # noqa: F401

DRIVE, CARD, SCREEN, SOUND, KEPT = (f"0000:0{n}:00.0" for n in range(1, 6))
CLASSES = {DRIVE: "0x010802", CARD: "0x020000", SCREEN: "0x030000", SOUND: "0x040300",
           KEPT: "0x010802"}
OVERRIDE = "sys/bus/pci/devices/{}/driver_override"
GONE = "0000:09:00.0"
AT = "rule\t/etc/vfio-bind.conf:{}"
ROWS = (f"{DRIVE}\tbind\t{AT.format(1)}\tnvme\tvfio-pci\t\n"
        f"{SCREEN}\tbind\t{AT.format(2)}\t-\tvfio-pci\t\n"
        f"{CARD}\tbind\t{AT.format(3)}\t-\tvfio-pci\tgroup-shared {SOUND}\n"
        f"{SOUND}\tbind\tcompanion\t/etc/vfio-bind.conf:2\t-\tvfio-pci\tgoes with {SCREEN}\n"
        f"{KEPT}\trefuse\thost-storage\t/etc/vfio-bind.conf:1\tnvme\tnvme\t\n"
        f"{GONE}\tbind\t{AT.format(4)}\t-\tvfio-pci\t\n"
        f"-\tnone\tabsent\t/etc/vfio-bind.conf:5\t-\t-\t\n")
WHY = "undone: the root device was missing"
UNDONE = (ROWS.replace("\tnvme\tvfio-pci\t\n", f"\tnvme\tnvme\t{WHY}\n")
          .replace("vfio-pci\tgroup", f"-\t{WHY}; group"))
SAID = [f"<3>vfio-bind: {address} undone: given back to the host, as the root device is missing "
        f"(/etc/vfio-bind.conf:{line})" for address, line in ((DRIVE, 1), (CARD, 3))]


class Boot:
    """A boot of a host that has not found its root yet."""

    def __init__(self, root, rows=ROWS, place="run/vfio-bind"):
        self.host = HostTree(root)
        self.root = self.host.root
        for address, cls in CLASSES.items():
            self.host.pci(f"pci0000:00/{address}")
            self.write(f"sys/bus/pci/devices/{address}/class", cls + "\n")
            self.write(OVERRIDE.format(address), "vfio-pci\n")
        self.host.link(f"sys/bus/pci/devices/{DRIVE}/driver", "sys/bus/pci/drivers/nvme")
        self.write("sys/bus/pci/drivers_probe", "")
        self.write("dev/kmsg", "")
        self.write("proc/1/comm", "init\n")
        self.host.link("proc/1/root", ".")
        self.write("etc/vfio-bind.conf", "")
        set_report(self.root, rows, "ids dropped", place=place)
        self.place = place

    def write(self, name, text):
        self.host.write(name, text)

    def words(self, words):
        self.write("proc/cmdline", f"root=UUID=1 {words}\n")

    def run(self, word="", uptime=None):
        if uptime is not None:
            self.write("proc/uptime", f"{uptime}.99 1.00\n")
        return limited.run([BINDER, "--root", self.root, f"--undo{word}"], text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def look(self, uptime):
        """True if what was bound is given back by now."""
        done = self.run("=look", uptime)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        return self.is_undone()

    def is_undone(self):
        return self.override(DRIVE) == ""

    def override(self, address):
        """A file that is no attribute has what was written to it: an empty line for none."""
        return (self.root / OVERRIDE.format(address)).read_text("ascii").rstrip("\n")

    def rows(self, place=None):
        lines = (self.root / (place or self.place) / "report").read_text("ascii")
        head, note, rows = lines.split("\n", 2)
        assert head.startswith("# address\t") and note == "# ids dropped"
        return rows

    def kmsg(self):
        return (self.root / "dev/kmsg").read_text("ascii").splitlines()


@pytest.fixture(name="boot")
def fixture_boot(tmp_path):
    return Boot(tmp_path / "root")


def test_what_is_given_back(boot):
    """Drives and network cards that were bound; of one without a driver udev hears once more."""
    assert boot.run().returncode == 0
    assert {address: boot.override(address) for address in CLASSES} == {
        DRIVE: "", CARD: "", SCREEN: "vfio-pci", SOUND: "vfio-pci", KEPT: "vfio-pci"}
    assert boot.rows() == UNDONE
    assert boot.kmsg() == SAID
    uevents = {address: (boot.root / f"sys/bus/pci/devices/{address}/uevent").read_text("ascii")
               for address in CLASSES}
    assert [address for address, text in uevents.items() if text == "add"] == [CARD]


def test_once(boot):
    """Whoever binds it afterwards keeps it."""
    boot.run()
    boot.write(OVERRIDE.format(DRIVE), "vfio-pci\n")
    assert boot.run().returncode == 0
    assert not boot.look(1000)
    assert boot.override(DRIVE) == "vfio-pci"
    assert (boot.rows(), boot.kmsg()) == (UNDONE, SAID)


def test_a_device_that_stays(boot):
    """What an ids= somewhere takes right back: told, and the others go on."""
    link = boot.root / f"sys/bus/pci/devices/{DRIVE}/driver"
    link.unlink()
    boot.host.link(f"sys/bus/pci/devices/{DRIVE}/driver", "sys/bus/pci/drivers/vfio-pci")
    boot.write("sys/bus/pci/drivers/vfio-pci/unbind", "")
    assert boot.run().returncode == 1
    assert boot.rows() == UNDONE.replace(f"\tnvme\tnvme\t{WHY}\n",
                                         "\tnvme\tvfio-pci\tnot undone: EBUSY\n")
    assert boot.kmsg() == [f"<3>vfio-bind: {DRIVE} not given back to the host: EBUSY, as the root "
                           "device is missing (/etc/vfio-bind.conf:1)", SAID[1]]


def test_a_class_that_cannot_be_read(boot):
    """A drive for all that is known: a failure, and the others go on."""
    boot.write(f"sys/bus/pci/devices/{SCREEN}/class", "0x01\n")
    assert boot.run().returncode == 1
    assert (boot.rows(), boot.kmsg()) == (UNDONE, SAID)


def test_both_reports(boot):
    """Where /run does not last there is a second one."""
    set_report(boot.root, ROWS, "ids dropped", place="dev/vfio-bind")
    boot.run()
    assert boot.rows() == boot.rows("dev/vfio-bind") == UNDONE
    assert boot.kmsg() == SAID


def test_only_the_other_report(tmp_path):
    """That of a boot whose /run is another one by now."""
    boot = Boot(tmp_path / "root", place="dev/vfio-bind")
    assert not boot.look(100) and boot.look(105) is False
    boot.write("dev/vfio-bind/waiting", "100 120")
    assert boot.look(121)
    assert (boot.rows(), boot.kmsg()) == (UNDONE, SAID)


def test_no_report(boot):
    """The binder did nothing in this boot, so there is nothing to undo."""
    (boot.root / "run/vfio-bind/report").unlink()
    for word in ("=look", "=wait"):
        assert boot.run(word, 1000).returncode == 0
    assert not boot.is_undone() and boot.kmsg() == []
    assert boot.run("").returncode == 1
    assert boot.kmsg() == ["<3>vfio-bind: no report of what was bound"]


EVEN = range(0, 100, 2)
WAITS = {
    # name: (words of the command line, seconds of the looks, that of the look which undoes)
    "fifteen seconds": ("", EVEN, 16),
    "not a second more": ("", (0, 5, 10, 14, 15, 16), 15),
    "as many as are named": ("rd.vfio_bind.undo=40", EVEN, 40),
    "none": ("rd.vfio_bind.undo=0", EVEN, None),
    "a word that makes no sense": ("rd.vfio_bind.undo=soon", EVEN, 16),
    "a look now and then": ("", range(0, 100, 16), None),
    "looks as far apart as may be": ("", range(0, 100, 15), 15),
    "a shell was open meanwhile": ("", (0, 4, 8, 12, 28, 32, 36, 40, 43, 44), 43),
    "a clock that went back": ("", (10, 12, 2, 6, 10, 14, 16, 17), 17),
}


@pytest.mark.parametrize("words, seconds, undone", WAITS.values(), ids=WAITS)
def test_looks(boot, words, seconds, undone):
    boot.words(words)
    done = next((second for second in seconds if boot.look(1000 + second)), None)
    assert done == undone


PROCESSES = {
    # name: (comm, command line, whether it keeps the undo off)
    "cryptsetup": ("cryptsetup", "/sbin/cryptsetup\0open\0/dev/sda1\0root", True),
    "cryptsetup's prompt": ("askpass", "/lib/cryptsetup/askpass\0Please unlock", True),
    "systemd's": ("systemd-ask-pas", "systemd-ask-password\0Who?", True),
    "systemd-cryptsetup": ("systemd-cryptse", "systemd-cryptsetup\0attach", True),
    "systemd's console agent, which is always there": (
        "systemd-tty-ask", "systemd-tty-ask-password-agent\0--watch", False),
    "plymouth that asks": ("plymouth", "plymouth\0ask-for-password\0--prompt=x", True),
    "plymouth that shows something": ("plymouth", "plymouth\0message\0--text=x", False),
    "plymouthd": ("plymouthd", "/usr/sbin/plymouthd\0--mode=boot", False),
    "a shell": ("sh", "sh\0-i", True),
    "a login shell": ("bash", "-bash", True),
    "dracut's shell": ("sh", "/bin/sh\0-i\0-l", True),
    "a script": ("sh", "sh\0/init\0-i", False),
    "a script with a long word": ("sh", "sh\0" + 2000 * "x", False),
    "sulogin": ("sulogin", "sulogin", True),
    "a check of a file system": ("fsck.ext4", "fsck.ext4\0-a\0/dev/sda1", True),
    "a mount": ("mount", "mount\0/dev/sda1\0/root", True),
    "the kernel's": ("kworker/0:1-mou", "", False),
    "a server": ("sshd", "sshd\0-D", False),
    "udev": ("systemd-udevd", "/lib/systemd/systemd-udevd\0--daemon", False),
}


@pytest.mark.parametrize("comm, cmdline, busy", PROCESSES.values(), ids=PROCESSES)
def test_processes(boot, comm, cmdline, busy):
    """While one is there that asks somebody or works on it, the time does not begin."""
    boot.write("proc/7/comm", comm + "\n")
    boot.write("proc/7/cmdline", cmdline)
    assert [boot.look(100 + second) for second in range(0, 21, 4)][-1] != busy
    (boot.root / "proc/7/comm").unlink()
    later = [boot.look(100 + second) for second in range(24, 41, 4)]
    assert later == [not busy] * 3 + [True] * 2


@pytest.mark.parametrize("name, busy", [("ask.x7", True), ("sck.x7", False), ("mask.x", False)])
def test_password_agents(boot, name, busy):
    """A question for them is a file."""
    boot.write(f"run/systemd/ask-password/{name}", "")
    assert [boot.look(100 + second) for second in range(0, 21, 4)][-1] != busy


def test_time_begins_when_the_password_was_typed(boot):
    """After a minute, and not at once, as the drive is only being unlocked then."""
    boot.write("run/systemd/ask-password/ask.x", "")
    assert not any(boot.look(second) for second in range(100, 161, 4))
    (boot.root / "run/systemd/ask-password/ask.x").unlink()
    assert [second for second in range(161, 180) if boot.look(second)][0] == 175


def test_wait(boot):
    """By itself, where nobody calls again; here it has waited already."""
    boot.write("run/vfio-bind/waiting", "100 114")
    assert boot.run("=wait", 115).returncode == 0
    assert (boot.rows(), boot.kmsg()) == (UNDONE, SAID)


def test_the_report_moves_meanwhile(boot):
    """As an init does that mounts a /run of its own: the other report is there, and the wait goes on
    by that one."""
    set_report(boot.root, ROWS, "ids dropped", place="dev/vfio-bind")
    for place in ("run", "dev"):
        boot.write(f"{place}/vfio-bind/waiting", "100 114")
    report = boot.root / "run/vfio-bind/report"
    text = report.read_text("ascii")
    report.unlink()
    os.mkfifo(report)

    def move():
        report.write_text(text, "ascii")  # it looks whether there is anything to wait for
        while not (boot.root / "run/vfio-bind/undone").exists():
            pass
        with open(report, "w", encoding="ascii"):  # and again, to give all of it back
            report.unlink()

    threading.Thread(target=move, daemon=True).start()
    assert boot.run("=wait", 115).returncode == 0
    assert (boot.rows("dev/vfio-bind"), boot.kmsg()) == (UNDONE, SAID)


def test_the_report_is_not_there_for_once(boot, tmp_path):
    """As it is moved between two looks at it: there is something to wait for all the same."""
    boot.write("run/vfio-bind/waiting", "100 114")
    boot.write("proc/uptime", "115.00 1.00\n")
    report = "run/vfio-bind/report"
    done = subprocess.run(
        ["strace", "-f", "-o", tmp_path / "log", "-P", report, "-e", "trace=openat,openat2", "-e",
         "inject=openat,openat2:error=ENOENT:when=1", BINDER, "--root", boot.root, "--undo=wait"],
        check=False)
    assert (tmp_path / "log").read_text().count("INJECTED") == 1
    assert (done.returncode, boot.rows(), boot.kmsg()) == (0, UNDONE, SAID)


@pytest.mark.parametrize("case", ["another root", "no /proc of process 1", "never", "no drive",
                                  "done"])
def test_nothing_to_wait_for(boot, case):
    """It ends at once, and undoes nothing, though the time were over."""
    boot.write("run/vfio-bind/waiting", "100 114")
    if case == "another root":
        (boot.root / "real").mkdir()
        (boot.root / "proc/1/root").unlink()
        boot.host.link("proc/1/root", "real")
    elif case == "no /proc of process 1":
        (boot.root / "proc/1/root").unlink()
    elif case == "never":
        boot.words("rd.vfio_bind.undo=0")
    elif case == "no drive":
        set_report(boot.root, "".join(ROWS.splitlines(True)[i] for i in (1, 3, 4)), "ids dropped")
    else:
        boot.write("run/vfio-bind/undone", "")
    assert boot.run("=wait", 115).returncode == 0
    assert not boot.is_undone() and boot.kmsg() == []


@pytest.mark.parametrize("word", ["=", "=now", "=looks", "=wait ", "x"])
def test_other_words(boot, word):
    done = boot.run(word)
    assert done.returncode == 2 and "--undo[=look|=wait]" in done.stderr
    assert not boot.is_undone()


def test_status_shows_it(program, tmp_path):
    """The device is not as configured, and why."""
    host = HostTree(tmp_path / "root")
    host.write("proc/sys/kernel/osrelease", "6.1.0-test\n")
    other_drive(host, "nvme")
    set_policy(host.root, RULE)
    set_report(host.root, f"{NVME}\tbind\t{AT.format(1)}\t-\tnvme\t{WHY}; goes with x\n")
    shown = golden.validate(golden.run(program, "--root", host.root, "status", "--json",
                                       status=11).stdout, "status")
    row, = [row for row in shown["devices"] if row["address"] == NVME]
    assert (row["status"], row["detail"]) == ("drift", f"/etc/vfio-bind.conf:1; {WHY}")
