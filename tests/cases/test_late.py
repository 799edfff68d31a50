# SPDX-License-Identifier: GPL-2.0-or-later
"""binder --device: one device that has come after the boot's pass."""

import fcntl
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from lib import limited
from lib import machine as machines
from lib.binder import MADE_AGAIN, UNDER_STRACE, collect
from lib.quick import fixture_memory  # noqa: F401
from lib.tree import Tree

CARD = """\
0000:01:00.0	020000	8086:10fb	-	-	ixgbe	0	-	-	-	-
0000:01:10.0	020000	8086:10ed	-	-	-	1	-	-	-	-
0000:01:10.2	020000	8086:10ed	-	-	-	2	-	-	-	-
0000:02:00.0	010802	144d:a80a	-	-	-	3	-	-	-	-
0000:03:00.0	010802	144d:a80a	-	-	nvme	4	-	-	-	-
#sriov 0000:01:00.0 63 10ed
#physfn 0000:01:10.0 0000:01:00.0 0
#physfn 0000:01:10.2 0000:01:00.0 1
"""
PF, CHOSEN, OTHER, DRIVE, ROOT = (line.split("\t")[0] for line in CARD.splitlines()[:5])
RULE = f"bind network pf={PF} vf=0\n"
DRIVES = "bind nvme id=144d:a80a\n"
HOST_LIVES_ON = "storage path=0000:03/00.0 id=144d:a80a"
CALLS, SETTLED = 80, 60  # system calls of a late pass: for each one it binds, for one that is bound
NOTHING = [], []  # no line of the report, none of the log


class Late:
    """A machine on which the boot's pass has been, unless that is to be left out."""

    def __init__(self, root, binder, policy, machine=CARD):
        self.binder = binder
        self.tree = Tree(root, machines.parse(machine))
        self.policy(policy)
        self.tree.protect([HOST_LIVES_ON])

    def policy(self, text):
        self.tree.policy({"vfio-bind.conf": text.encode()})

    def boot(self):
        """The boot's pass. In a tree no driver link ever moves, so what it bound it calls failed;
        what it did to those that are to come later is undone."""
        assert limited.run([self.binder, "--root", self.tree.root]).returncode in (0, 1)
        self.forget()
        for override in self.tree_path("sys/bus/pci/devices").glob("*/driver_override"):
            override.write_text("(null)\n", "ascii")
        return self

    def forget(self):
        """What was written so far, but for what is below run."""
        for path in ("dev/kmsg", "sys/bus/pci/drivers_probe", "sys/bus/pci/drivers/vfio-pci/bind"):
            self.tree_path(path).write_bytes(b"")

    def tree_path(self, name):
        return pathlib.Path(self.tree.path(name))

    def come(self, address, **env):
        """udev tells of the device."""
        done = limited.run([self.binder, "--root", self.tree.root, "--device", address], env=env)
        return collect(self.tree, done.returncode)

    def attribute(self, address, name):
        return self.tree.read(f"sys/bus/pci/devices/{address}/{name}").strip()

    def bound(self):
        """The last that was told to vfio-pci's bind."""
        return self.tree.read("sys/bus/pci/drivers/vfio-pci/bind")

    def probed(self):
        return self.tree.read("sys/bus/pci/drivers_probe")


@pytest.fixture(name="late")
def fixture_late(memory, binder):
    with tempfile.TemporaryDirectory(dir=memory) as root:
        yield lambda policy=RULE: Late(root, binder, policy)


def rows(run):
    return [row[:4] + row[6:] for row in run.rows]


def test_a_chosen_virtual_function(late):
    """It is bound, told as late, and its sibling is let at its own driver."""
    host = late().boot()
    host.come(CHOSEN)
    assert host.attribute(CHOSEN, "driver_override") == "vfio-pci"
    assert host.bound() == CHOSEN
    assert host.attribute(OTHER, "driver_override") == "(null)"
    assert host.probed() == OTHER
    assert host.attribute(PF, "sriov_drivers_autoprobe") == "0"


def test_one_that_no_rule_chooses(late):
    """It waits neither for its sibling's event nor for a rule of its own."""
    host = late().boot()
    run = host.come(OTHER)
    assert host.probed() == OTHER
    assert host.bound() == CHOSEN  # a sibling that waits for its own pass is seen to as well
    assert [row[0] for row in run.rows if row[1] == "bind"] == [CHOSEN]


def test_not_let_at_a_driver_twice(late):
    """A driver that did not want it is not asked at every event of its siblings."""
    host = late().boot()
    host.come(OTHER)
    host.forget()
    host.come(CHOSEN)
    assert host.probed() == ""


def test_while_some_are_not_made_yet(late):
    """Lifting the 0 then would let a driver at those that come after. A chosen one is bound."""
    host = late().boot()
    config = bytearray(host.tree_path(f"sys/bus/pci/devices/{PF}/config").read_bytes())
    config += bytes(4096 - len(config))
    config[0x100:0x104] = (0x00010010).to_bytes(4, "little")
    config[0x110:0x112] = (3).to_bytes(2, "little")
    host.tree_path(f"sys/bus/pci/devices/{PF}/config").write_bytes(config)
    host.come(CHOSEN)
    assert host.bound() == CHOSEN
    assert host.probed() == ""
    config[0x110:0x112] = (2).to_bytes(2, "little")
    host.tree_path(f"sys/bus/pci/devices/{PF}/config").write_bytes(config)
    host.come(OTHER)
    assert host.probed() == OTHER


def test_a_pass_that_was_killed(late):
    """Between the 1 and the 0: the next one writes the 0, and lets a driver at what had none."""
    host = late().boot()
    host.tree_path(f"sys/bus/pci/devices/{PF}/sriov_drivers_autoprobe").write_text("1\n", "ascii")
    host.come(CHOSEN)
    assert host.attribute(PF, "sriov_drivers_autoprobe") == "0"
    assert host.probed() == OTHER


def test_no_rule_is_about_them(late):
    """And nobody holds them back: then it is none of ours."""
    host = late(DRIVES).boot()
    host.come(OTHER)
    assert host.probed() == ""
    assert host.attribute(PF, "sriov_drivers_autoprobe") == "1"


def test_somebody_else_holds_them_back(late):
    """An administrator's own 0 is none of ours either."""
    host = late(DRIVES).boot()
    host.tree_path(f"sys/bus/pci/devices/{PF}/sriov_drivers_autoprobe").write_text("0\n", "ascii")
    host.come(OTHER)
    assert host.probed() == ""
    assert host.attribute(PF, "sriov_drivers_autoprobe") == "0"


@pytest.mark.parametrize("before", ["boot", PF, OTHER])
def test_a_rule_that_is_gone(late, before):
    """Whichever pass wrote the 0: it goes."""
    host = late()
    if before == "boot":
        host.boot()
    else:
        host.come(before)
    assert host.attribute(PF, "sriov_drivers_autoprobe") == "0"
    host.policy(DRIVES)
    host.come(CHOSEN)
    assert host.attribute(PF, "sriov_drivers_autoprobe") == "1"


def test_no_rule_is_about_them_any_more(late):
    """The 0 that the boot wrote goes once nobody waits."""
    host = late().boot()
    assert host.attribute(PF, "sriov_drivers_autoprobe") == "0"
    host.policy(DRIVES)
    host.come(OTHER)
    assert host.probed() in (CHOSEN, OTHER)
    assert host.attribute(PF, "sriov_drivers_autoprobe") == "1"


def test_a_late_physical_function_is_held_first(late):
    """Before its driver can make the others."""
    host = late()
    host.come(PF)
    assert host.attribute(PF, "sriov_drivers_autoprobe") == "0"


@pytest.mark.parametrize("numvfs, written", [("0", "5"), ("2", "2")])
def test_vfs(late, numvfs, written):
    """Made once the host's driver is there, and never over those that somebody else made."""
    host = late(f"bind pf={PF} vfs=5\n").boot()
    path = host.tree_path(f"sys/bus/pci/devices/{PF}/sriov_numvfs")
    path.write_text(numvfs + "\n", "ascii")
    host.come(PF)
    assert path.read_text("ascii").strip() == written


def test_vfs_without_a_driver(late):
    """It would be told ENOENT."""
    host = late(f"bind pf={PF} vfs=5\n").boot()
    host.tree_path(f"sys/bus/pci/devices/{PF}/sriov_numvfs").write_text("0\n", "ascii")
    uevent = host.tree_path(f"sys/bus/pci/devices/{PF}/uevent")
    uevent.write_text(uevent.read_text("ascii").replace("DRIVER=ixgbe\n", ""), "ascii")
    host.come(PF)
    assert host.attribute(PF, "sriov_numvfs") == "0"


def test_by_its_id_a_twin_of_the_root(late):
    """The guards know what the host lives on from the boot."""
    host = late(DRIVES).boot()
    run = host.come(DRIVE)
    assert host.attribute(DRIVE, "driver_override") == "vfio-pci"
    run = host.come(ROOT)
    assert [ROOT, "refuse", "host-storage", "/etc/vfio-bind.conf:1", "late"] in rows(run)
    assert host.attribute(ROOT, "driver_override") == "(null)"


@pytest.mark.parametrize("content", [None, "", "nonsense\n", "vfio-bind-protect 1\nstorage\n"])
def test_protect_that_is_missing_or_broken(late, content):
    """Then nobody knows what the host lives on."""
    host = late(DRIVES).boot()
    path = host.tree_path("run/vfio-bind/protect")
    path.unlink()
    if content is not None:
        path.write_text(content, "ascii")
    run = host.come(DRIVE)
    assert [DRIVE, "refuse", "host-unknown", "/etc/vfio-bind.conf:1", "late"] in rows(run)


def test_without_a_pass_at_boot(late):
    """As with an image without us: nobody knows what the host lives on."""
    run = late(DRIVES).come(DRIVE)
    assert rows(run) == [[DRIVE, "refuse", "host-unknown", "/etc/vfio-bind.conf:1", "late"]]
    assert run.notes[0].startswith("# address\t")


def test_a_line_each(late):
    """Told again it takes the place of the one before; what the boot told stays."""
    host = late(RULE + DRIVES).boot()
    before = host.come(OTHER).rows
    after = host.come(CHOSEN).rows
    assert sorted(before) == sorted(after)
    assert [row[0] for row in after].count(CHOSEN) == 1
    assert {row[0] for row in after} >= {DRIVE, ROOT, CHOSEN}


@pytest.mark.parametrize("address", ["0000:7f:00.0", CHOSEN])
def test_a_device_that_is_gone(late, address):
    """No error, and no trace."""
    host = late().boot()
    shutil.rmtree(host.tree_path("sys/bus/pci/devices/" + address), ignore_errors=True)
    link = host.tree_path("sys/bus/pci/devices/" + address)
    if link.is_symlink():
        shutil.rmtree(link.resolve())
        link.unlink()
    report = host.tree.read("run/vfio-bind/report")
    run = host.come(address)
    assert (run.status, run.kmsg) == (0, [])
    assert host.tree.read("run/vfio-bind/report") == report


@pytest.mark.parametrize("words", ["rd.vfio_bind=0", "vfio_bind=off", "rd.vfio_bind=nonsense"])
def test_off(late, words):
    """Off is off for the late ones too, and said once, at boot."""
    host = late()
    host.tree.boot(words)
    run = host.come(CHOSEN)
    assert (run.status, rows(run), run.kmsg) == (0, *NOTHING)
    assert host.attribute(CHOSEN, "driver_override") == "(null)"


@pytest.mark.parametrize("note", ["the trial failed", "the trial cannot be counted"])
def test_after_a_trial_that_failed(late, note):
    """What was called off at boot is so for the late ones."""
    host = late().boot()
    report = host.tree_path("run/vfio-bind/report")
    report.write_text(report.read_text("ascii").replace("\n", f"\n# {note}\n", 1), "ascii")
    host.come(CHOSEN)
    assert host.attribute(CHOSEN, "driver_override") == "(null)"


def test_dry_run(late):
    """Says what it would do, and does nothing."""
    host = late()
    host.tree.boot("rd.vfio_bind=dry-run")
    run = host.come(CHOSEN)
    assert "would be bound to vfio-pci" in run.kmsg[0]
    assert host.attribute(CHOSEN, "driver_override") == "(null)"
    assert host.attribute(PF, "sriov_drivers_autoprobe") == "1"


def test_a_policy_in_error(late):
    """Binds nothing; the boot has named the mistake."""
    host = late(RULE + "bind nvme colour=red\n")
    run = host.come(CHOSEN)
    assert (run.status, rows(run), run.kmsg) == (2, *NOTHING)
    assert host.attribute(CHOSEN, "driver_override") == "(null)"


def test_what_udev_tells_once_more(late):
    """At each of its starts: what the boot has judged is not judged again, what is new is."""
    host = late(DRIVES).boot()
    host.tree_path(f"sys/bus/pci/devices/{DRIVE}/driver_override").write_text("(null)\n", "ascii")
    host.come(DRIVE, SYNTH_UUID="0")
    assert host.attribute(DRIVE, "driver_override") == "(null)"
    seen = host.tree_path("run/vfio-bind/seen")
    seen.write_text(seen.read_text("ascii").replace(DRIVE + "\n", ""), "ascii")
    host.come(DRIVE, SYNTH_UUID="0")
    assert host.attribute(DRIVE, "driver_override") == "vfio-pci"


def test_a_pass_that_was_out_of_time(late):
    """What comes of it is told once more, and counts where the boot has seen another in its slot."""
    host = late(DRIVES).boot()
    assert DRIVE in host.tree.read("run/vfio-bind/seen").split()
    host.come(DRIVE, SYNTH_UUID="0", SYNTH_ARG_AGAIN="1")
    assert host.attribute(DRIVE, "driver_override") == "vfio-pci"


def test_a_boot_without_a_run_to_keep(late):
    """As process 1: what it left in /dev counts, and its report goes on in /run."""
    host = late(RULE + DRIVES).boot()
    shutil.rmtree(host.tree_path("dev/vfio-bind"), ignore_errors=True)
    host.tree_path("run/vfio-bind").rename(host.tree_path("dev/vfio-bind"))
    run = host.come(CHOSEN)
    assert {row[0] for row in run.rows} >= {DRIVE, ROOT, CHOSEN}
    assert [ROOT, "refuse", "host-storage", "/etc/vfio-bind.conf:2", ""] in rows(run)
    host.come(DRIVE, SYNTH_UUID="0")
    assert host.attribute(DRIVE, "driver_override") == "(null)"


def test_vfs_of_one_that_udev_tells_of_once_more(late):
    """Its driver may be there by then: built in, or loaded by an image without udev."""
    host = late(f"bind pf={PF} vfs=5\n").boot()
    host.tree_path(f"sys/bus/pci/devices/{PF}/sriov_numvfs").write_text("0\n", "ascii")
    host.come(PF, SYNTH_UUID="0")
    assert host.attribute(PF, "sriov_numvfs") == "5"


def test_several_at_once(late):
    """The second waits until the first is through: here for good, until it is let on."""
    host = late().boot()
    with open(host.tree_path("run/vfio-bind/lock"), "w", encoding="ascii") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        words = [host.binder, "--root", host.tree.root, "--device", CHOSEN]
        with subprocess.Popen(words) as waiting:
            status = pathlib.Path(f"/proc/{waiting.pid}/task/{waiting.pid}/children")
            while not is_waiting_for_lock(status.read_text("ascii").split()):
                assert waiting.poll() is None
            assert host.attribute(CHOSEN, "driver_override") == "(null)"
            lock.close()
    assert host.attribute(CHOSEN, "driver_override") == "vfio-pci"


def crowd(count):
    """That many virtual functions of one physical one."""
    names = [f"0000:01:{devfn >> 3:02x}.{devfn & 7}" for devfn in range(1, 1 + count)]
    rows = ["0000:01:00.0 020000 8086:10fb - - ixgbe 0 - - - -",
            *(f"{name} 020000 8086:10ed - - - {group} - - - -" for group, name in enumerate(names, 1))]
    return names, "\n".join([*("\t".join(row.split()) for row in rows),
                             f"#sriov 0000:01:00.0 {count} 10ed",
                             *(f"#physfn {name} 0000:01:00.0 {vf}" for vf, name in enumerate(names))])


def calls_of(host, address):
    """The system calls of a pass, those that are made again left out."""
    log = host.tree.root + ".calls"
    limited.run(["strace", "-f", "-qq", "-o", log, *UNDER_STRACE, host.binder, "--root",
                 host.tree.root, "--device", address])
    lines = pathlib.Path(log).read_text("utf-8", "replace").splitlines()
    os.unlink(log)
    return len([line for line in lines if "(" in line and MADE_AGAIN not in line])


def test_what_254_take(binder, memory):
    """One pass binds all that are there, and takes as many calls for each of 254 as for each of 64;
    each of the other passes takes what it takes in a machine of any size."""
    if b"__asan_init" in pathlib.Path(binder).read_bytes():
        pytest.skip("sanitizers make calls of their own")
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    taken = {}
    for count in (64, 254):
        names, machine = crowd(count)
        with tempfile.TemporaryDirectory(dir=memory) as root:
            host = Late(root, binder, "bind network pf=01:00.0\n", machine)
            taken[count] = calls_of(host, names[-1])
            assert {host.attribute(name, "driver_override") for name in names} == {"vfio-pci"}
            folder = host.tree_path(f"sys/bus/pci/devices/{names[0]}")
            (folder / "driver").symlink_to("/sys/bus/pci/drivers/vfio-pci")
            taken[count, "bound"] = calls_of(host, names[0])
    assert taken[254] - taken[64] <= CALLS * (254 - 64)
    assert taken[254, "bound"] == taken[64, "bound"] <= SETTLED


def is_waiting_for_lock(children):
    """True if one of them is in fcntl(2), by the kernel's own list of locks that are waited for."""
    waiting = [line.split() for line in
               pathlib.Path("/proc/locks").read_text("ascii").splitlines() if "->" in line]
    return any(child in words for child in children for words in waiting)


def test_not_an_address(late):
    assert late().come("all").status == 2
