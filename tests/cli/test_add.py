# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-bind add: the rule it writes, what it refuses, and that the file is never half there."""

import contextlib
import os
import re
import resource
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from lib import golden, limited
from lib.binder import MADE_AGAIN
from lib.editing import CONF, MARK, get_conf, let_in, plant, run, set_conf
from lib.hosttree import HostTree
from lib.payload import fixture_program, own_mounts  # noqa: F401

FREE = "0000:03:00.0"
FREE_RULE = "bind nvme path=0000:00/03.0/00.0 id=144d:a80a"
TEMPORARY = CONF + ".new"
OLD = "# old\n"


@pytest.fixture(name="root")
def fixture_root(tmp_path):
    plant(tmp_path / "root")
    return tmp_path / "root"


@pytest.mark.parametrize("address, rule", [
    ("0000:03:00.0", FREE_RULE),
    ("03:00.0", FREE_RULE),
    ("0000:04:00.0", "bind nvme dsn=00-25-38-b1-21-00-51-3a id=144d:a80a"),
    ("05:00.0", "bind display path=0000:00/05.0/00.0 id=10de:1c82"),
    ("05:00.1", "bind audio path=0000:00/05.0/00.1 id=10de:0fb9"),
    ("00:14.0", "bind usb path=0000:00/14.0 id=8086:a12f"),
    ("00:14.2", "bind path=0000:00/14.2 id=8086:a131"),
    # Both ports of the card carry one serial number, so it names neither.
    ("07:00.1", "bind network path=0000:00/07.0/00.1 id=8086:1572"),
])
def test_the_rule_has_the_most_stable_identity(program, root, address, rule):
    done = run(program, root, "add", address)
    assert (done.status, done.rules) == (0, ["+ " + rule]), done.stderr
    comment, written = get_conf(root).splitlines()
    assert written == rule
    assert comment.startswith("# ") and comment.endswith(" " + MARK)
    assert "0000:" + address[-7:] in comment
    assert "vfio-bind update" in done.stdout


@pytest.mark.parametrize("dsn", ["00-00-00-00-00-00-00-00", "ff-ff-ff-ff-ff-ff-ff-ff",
                                 "00-25-38-b1-21-00-51-3a"])
def test_a_serial_number_that_names_nothing_or_two_slots_is_not_used(program, tmp_path, dsn):
    root = tmp_path / "root"
    plant(root, f"0000:09:00.0 010802 c0a9:5407 - - - 20 - {dsn} - -\n")
    done = run(program, root, "add", "09:00.0")
    assert done.rules == ["+ bind nvme path=0000:09/00.0 id=c0a9:5407"], done.stderr


def test_functions_of_a_card_with_one_number_but_two_ids(program, tmp_path):
    root = tmp_path / "root"
    plant(root, "0000:09:00.0 020000 15b3:1013 - - - 20 - 11-22-33-44-55-66-77-88 - -\n"
                "0000:09:00.1 020000 15b3:1014 - - - 21 - 11-22-33-44-55-66-77-88 - -\n")
    done = run(program, root, "add", "09:00.1")
    assert done.rules == ["+ bind network dsn=11-22-33-44-55-66-77-88 id=15b3:1014"], done.stderr


def test_what_goes_along_stands_in_the_comment(program, root):
    done = run(program, root, "add", "05:00.0")
    assert "with audio 0000:05:00.1" in get_conf(root).splitlines()[0]
    assert "0000:01:00.1" not in done.stdout


@pytest.mark.parametrize("before, after", [
    (None, "{}"),
    ("", "{}"),
    ("# mine\n", "# mine\n{}"),
    ("# no end", "# no end\n{}"),
    ("# dos\r\n", "# dos\r\n{}"),
    ("\ufeffkeep 01:00.0\n\n\n", "\ufeffkeep 01:00.0\n\n\n{}"),
])
def test_all_else_in_the_file_stays(program, root, before, after):
    if before is not None:
        set_conf(root, before)
    run(program, root, "add", FREE)
    text = get_conf(root)
    end = "\r\n" if "\r\n" in after else "\n"
    comment = re.search(r"# [^\r\n]*\(vfio-bind add\)", text)[0]
    assert text == after.format(comment + end + FREE_RULE + end)


def test_dry_run_shows_the_same_and_writes_nothing(program, root):
    dry = run(program, root, "add", "--dry-run", FREE)
    assert get_conf(root) is None and "not written" in dry.stdout
    done = run(program, root, "add", FREE)
    assert dry.stdout.splitlines()[:3] == done.stdout.splitlines()[:3]
    assert dry.stdout.splitlines()[0] == "/" + CONF


REFUSALS = [
    # A line of the machine or the policy, the device, the status, and what is said.
    ("", "01:00.0", 5, r"refused \(boot-display\): the boot display \(by the firmware"),
    ("", "02:00.0", 5, r"refused \(host-storage\).*\nFree ones of its kind: 0000:03:00.0, 0000:04:0"),
    ("", "06:00.0", 5, r"refused \(host-network\)"),
    ("", "00:01.0", 5, r"refused \(bridge\)"),
    ("", "08:00.0", 5, r"refused \(no-iommu\)"),
    ("keep 03:00.0\n", FREE, 5, r"would be kept: /etc/vfio-bind.conf:1 says so"),
    ("", "09:00.0", 3, "09:00.0: there is no such device"),
    ("", "zz", 2, r"zz: expected an address, \[DDDD:\]BB:DD.F, or a node"),
    ("", "01:00", 2, "expected an address"),
    ("bind nvme idd=1\n", FREE, 2, r"vfio-bind.conf:1:11: expected .*(\n.*)*while the policy has "),
    ("bind ff:00.0\n" * 256, FREE, 2, "the policy has 256 rules, and no more fit"),
    ("#" * 65500 + "\n", FREE, 2, "vfio-bind.conf:1:4097: expected a line"),
    ("# 3456\n" * 9362, FREE, 2, "the policy has 65534 bytes, and no more fit"),
]


@pytest.mark.parametrize("policy, what, status, said", REFUSALS)
@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_what_a_check_would_refuse_is_not_written(program, root, policy, what, status, said, dry):
    set_conf(root, policy)
    done = run(program, root, "add", *dry, what)
    assert done.status == status, done.stderr
    assert re.search(said, done.stderr), done.stderr
    assert get_conf(root) == policy
    assert done.stdout == "" and not (root / TEMPORARY).exists()


USED_TOO = "storage path=0000:00/03.0/00.0 id=144d:a80a\n"
TWINS = [
    # What else the host is known to use, the policy, and what is said of the other two.
    ("", "", ["Free ones of its kind: 0000:03:00.0, 0000:04:00.0"]),
    (USED_TOO, "", ["Free ones of its kind: 0000:04:00.0",
                    "Others of its kind that the host uses too: 0000:03:00.0"]),
    ("", "bind 03:00.0\n", ["Free ones of its kind: 0000:04:00.0",
                            "Others of its kind that are chosen already: 0000:03:00.0"]),
    (USED_TOO, "bind 03:00.0\nbind 04:00.0\n", [
        "Others of its kind that are chosen already: 0000:04:00.0",
        "Others of its kind that the host uses too: 0000:03:00.0"]),
    (USED_TOO + "unknown\n", "", [
        "Others of its kind, perhaps the host's too: 0000:04:00.0",
        "Others of its kind that the host uses too: 0000:03:00.0"]),
]


@pytest.mark.parametrize("used, policy, said", TWINS)
def test_the_others_of_its_kind_that_are_free_are_told_from_the_hosts(program, root, used, policy,
                                                                      said):
    with open(root / "usr/lib/vfio-bind/protect", "a", encoding="ascii") as file:
        file.write(used)
    set_conf(root, policy)
    done = run(program, root, "add", "02:00.0")
    assert done.status == 5 and done.stderr.splitlines()[1:] == said, done.stderr


@pytest.mark.parametrize("words, said", [
    ((), r"usage: vfio-bind add \[--dry-run\] ADDRESS"),
    (("a", "b"), "usage"),
    (("--nonsense", FREE), "unrecognized option"),
    (("--machine", "x.tsv", FREE), "only --dry-run"),
])
def test_words_that_make_no_command(program, root, words, said):
    done = run(program, root, "add", *words)
    assert done.status == 2 and re.search(said, done.stderr), done.stderr


@pytest.mark.parametrize("file", [CONF, CONF + ".d/x.conf"])
@pytest.mark.parametrize("rule, what", [("bind 05:00.0", "05:00.0"), ("bind 05:00.0", "05:00.1"),
                                        ("bind nvme", FREE)])
def test_what_is_chosen_already_is_said_and_nothing_written(program, root, file, rule, what):
    set_conf(root, "# one\n" + rule + "\n", file)
    done = run(program, root, "add", what)
    assert done.status == 0 and f"is chosen already by /{file}:2\n" in done.stdout
    assert get_conf(root, file) == "# one\n" + rule + "\n"
    assert file == CONF or not (root / CONF).exists()


def test_twice_changes_nothing(program, root):
    run(program, root, "add", FREE)
    before = get_conf(root)
    done = run(program, root, "add", FREE)
    assert done.status == 0 and get_conf(root) == before


def test_two_at_once_both_get_their_line(program, root):
    words = [[str(program), "--root", str(root), "add", what]
             for what in ("03:00.0", "04:00.0", "05:00.0", "07:00.0", "00:14.0")] * 3
    running = [subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
               for line in words]
    ended = [(process.args[-1], process.communicate()[1], process.returncode)
             for process in running]
    # Who comes second finds the file changed, or the other at it, and says so.
    assert all(code == 0 or "changed meanwhile" in said or "somebody else is at it" in said
               for _, said, code in ended), ended
    rules = [line for line in get_conf(root).splitlines() if line.startswith("bind")]
    assert len(rules) == len(set(rules)) >= 1
    # And nobody overwrites the other's line.
    assert all(f" at 0000:{what}" in get_conf(root)
               for what, _, code in ended if code == 0), ended
    assert not (root / TEMPORARY).exists()


@pytest.mark.parametrize("drop, what, said", [
    ((), "05:00.0", "This depends on the monitor: 0000:01:00.0 is the boot display "
                    "(by the firmware's framebuffer)"),
    (("#framebuffer",), "05:00.0", "0000:01:00.0 is the boot display (by boot_vga, which the "
                                   "monitor's cable can change). With the monitor on 0000:05:00.0"),
    ((), FREE, None),
    ((), "07:00.0", None),
])
def test_it_says_where_a_verdict_hangs_on_the_monitor(program, tmp_path, drop, what, said):
    plant(tmp_path / "root", drop=drop)
    done = run(program, tmp_path / "root", "add", what)
    assert done.status == 0
    assert said in done.stderr if said else "monitor" not in done.stderr


def test_nobody_knows_which_card_shows_the_picture(program, tmp_path):
    screens = ("0000:09:00.0 038000 1002:1638 - - - 20 - - - -\n"
               "0000:0a:00.0 038000 1002:1638 - - - 21 - - - -\n")
    root = tmp_path / "root"
    plant(root, screens, drop=("#framebuffer", "0000:01:00", "0000:05:00"))
    done = run(program, root, "add", "0a:00.0")
    assert done.status == 0 and "Nobody can tell which card" in done.stderr


def test_the_last_screen_stays(program, root):
    set_conf(root, "bind 01:00.0 allow=boot-display\n")
    done = run(program, root, "add", "05:00.0")
    assert done.status == 5 and "(last-display)" in done.stderr
    assert "id=10de:1c82 allow=last-display" in done.stderr
    assert get_conf(root) == "bind 01:00.0 allow=boot-display\n"


def test_what_is_bound_already_stays_so(program, root):
    policy = "bind 05:00.1 driver=pci-stub\n"
    set_conf(root, policy)
    done = run(program, root, "add", "05:00.0")
    assert (done.status, get_conf(root)) == (5, policy)
    assert "with it, 0000:05:00.1 would not be bound any more" in done.stderr


def test_functions_that_keep_a_guest_from_it_are_named(program, root):
    done = run(program, root, "add", "00:14.0")
    assert done.status == 0 and "Its IOMMU group has also 0000:00:14.2" in done.stderr


def test_json_says_the_same(program, root):
    done = run(program, root, "--json", "add", "05:00.0")
    said = golden.validate(done.stdout, "add")
    assert (done.status, said["result"], said["written"]) == (0, "as-configured", True)
    assert (said["verdict"], said["reason"], said["rule"]) == ("bind", "rule", f"/{CONF}:2")
    assert [line["text"] for line in said["files"][0]["diff"]] == get_conf(root).splitlines()
    assert said["notes"] and done.stderr == ""
    refused = golden.validate(run(program, root, "--json", "add", "02:00.0").stdout, "add")
    assert (refused["result"], refused["reason"], refused["written"]) \
        == ("refused", "host-storage", False)


# Device nodes.

@pytest.fixture(name="host")
def fixture_host(tmp_path):
    """Root on the first of two drives; the second has a partition and a mapped device on it."""
    host = HostTree(tmp_path / "root")
    host.first, disk = host.nvme()
    host.second, host.disk = host.nvme("0000:02:00.0", "0000:00:04.0", "259:5", "nvme1n1")
    host.part = host.partition(host.disk, "259:6")
    host.node(host.part, "disk/by-uuid/1111")
    host.node(host.virtual("dm-0", "254:0", [host.part]), "mapper/home")
    host.node(host.virtual("md0", "9:0", [host.part, disk]))
    host.node(host.virtual("ram0", "1:0"))
    host.mount("/", "259:0")
    host.write("dev/null", "")
    for number, place in enumerate(host.ids):
        (host.root / f"sys/kernel/iommu_groups/{number}").mkdir(parents=True)
        host.link(f"sys/devices/{place}/iommu_group", f"sys/kernel/iommu_groups/{number}")
    (host.root / "etc").mkdir()
    return host


@pytest.mark.parametrize("node", ["/dev/nvme1n1", "/dev/nvme1n1p1", "/dev/disk/by-uuid/1111",
                                  "/dev/mapper/home", "/dev/dm-0"])
def test_a_node_leads_to_its_function(program, host, node):
    done = run(program, host.root, "add", node)
    assert done.rules == ["+ bind nvme path=0000:00/04.0/00.0 id=144d:a80a"], done.stderr


@pytest.mark.parametrize("node, status, said", [
    ("/dev/nvme0n1", 5, "host-storage"),
    ("/dev/md0", 2, "stands on several devices"),
    ("/dev/ram0", 3, "leads to no PCI function"),
    ("/dev/null", 3, "leads to no PCI function"),
    ("/dev/nothing", 3, "leads to no PCI function"),
])
def test_a_node_that_leads_to_no_device_of_its_own(program, host, node, status, said):
    done = run(program, host.root, "add", node)
    assert done.status == status and said in done.stderr, done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="to make a node takes root")
def test_a_node_of_a_character_device(program, host):
    os.mknod(host.root / "dev/nvme1", stat.S_IFCHR | 0o600, os.makedev(242, 1))
    host.link("sys/dev/char/242:1", f"sys/devices/{host.second}")
    done = run(program, host.root, "add", "/dev/nvme1")
    assert done.rules == ["+ bind nvme path=0000:00/04.0/00.0 id=144d:a80a"], done.stderr


def test_a_disk_that_shares_its_controller(program, host):
    place = host.pci("pci0000:00/0000:00:17.0", "8086:a102", 0x010601)
    host.link(f"sys/devices/{place}/iommu_group", "sys/kernel/iommu_groups/0")
    host.node(host.block(f"{place}/ata1/host0/target0:0:0/0:0:0:0/block/sdb", "8:16"))
    done = run(program, host.root, "add", "/dev/sdb")
    assert done.rules == ["+ bind sata path=0000:00/17.0 id=8086:a102"]
    assert "/dev/sdb is on 0000:00:17.0" in done.stderr


def test_a_drive_is_named_by_what_is_printed_on_it(program, host):
    controller = f"sys/devices/{host.second}/nvme/nvme1"
    host.write(controller + "/model", "Samsung PM9A1 1TB        \n")
    host.write(controller + "/serial", "S64A\x1b[2JNS0R   \n")
    host.link("sys/class/nvme/nvme1", controller)
    run(program, host.root, "add", "02:00.0")
    assert get_conf(host.root).startswith("# Samsung PM9A1 1TB S64A?[2JNS0R at 0000:02:00.0 ")


# The file.

def test_mode_and_owner_stay(program, root):
    path = set_conf(root, "", mode=0o600)
    if os.geteuid() == 0:
        os.chown(path, 0, 1)
    before = path.stat()
    run(program, root, "add", FREE)
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == \
        (before.st_mode, before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino and after.st_size > 0


def test_a_new_file_is_readable_whatever_the_umask(program, root):
    run(program, root, "add", FREE, umask=0o077)
    assert stat.S_IMODE((root / CONF).stat().st_mode) == 0o644


def test_a_link_stays_and_its_target_is_replaced(program, root):
    target = set_conf(root, "# here\n", "srv/policy")
    (root / CONF).symlink_to("/srv/policy")  # below --root it is root's /srv
    done = run(program, root, "add", FREE)
    assert done.status == 0, done.stderr
    assert (root / CONF).is_symlink() and FREE_RULE in target.read_text()
    assert os.listdir(root / "srv") == ["policy"]


def test_a_link_to_where_others_may_write_is_refused(program, root):
    target = set_conf(root, "# here\n", "tmp/policy")
    (root / "tmp").chmod(0o1777)
    (root / CONF).symlink_to("../tmp/policy")
    done = run(program, root, "add", FREE)
    assert done.status == 1 and "where others may write" in done.stderr
    assert target.read_text() == "# here\n" and os.listdir(root / "tmp") == ["policy"]


def test_a_link_that_leads_nowhere_is_refused(program, root):
    (root / CONF).symlink_to("nowhere")
    assert run(program, root, "add", FREE).status == 2
    assert not (root / "etc/nowhere").exists()


@pytest.mark.parametrize("mode, status", [(0o644, 0), (0o664, 2), (0o646, 2)])
def test_a_file_others_may_write_is_refused(program, root, mode, status):
    set_conf(root, "", mode=mode)
    done = run(program, root, "add", FREE)
    assert done.status == status, done.stderr
    assert bool(get_conf(root)) == (status == 0)


@pytest.mark.parametrize("kind", ["file", "link", "folder", "fifo", "hard link"])
def test_what_has_the_temporary_name(program, root, kind):
    path, victim = root / TEMPORARY, root / "victim"
    victim.write_text("precious")
    {"file": lambda: path.write_text("left behind by one that was killed " * 100),
     "link": lambda: path.symlink_to(victim), "folder": path.mkdir,
     "fifo": lambda: os.mkfifo(path), "hard link": lambda: os.link(victim, path)}[kind]()
    done = run(program, root, "add", FREE)
    assert (done.status == 0) == (kind == "file"), done.stderr
    assert victim.read_text() == "precious"
    if kind == "file":
        assert get_conf(root).endswith(FREE_RULE + "\n") and not path.exists()
    else:
        assert get_conf(root) is None and done.status == 1


@pytest.mark.parametrize("command", ["add", "remove"])
def test_a_full_disk_leaves_the_old_file(program, root, command):
    script = f"mount -t tmpfs -o size=8k none {root}/etc; cat {root}/../old > {root}/{CONF}; "
    rule = FREE_RULE + "\n" if command == "remove" else ""
    # Two pages: none is left for the new file.
    (root / "../old").write_text(rule + "# old\n" * 1350)
    check = 'LC_ALL=C "$@"; echo "status $?"; cmp {0}/../old {0}/{1} && ls {0}/etc'
    done = subprocess.run(
        [*own_mounts(script), "sh", "-c", check.format(root, CONF), "sh", str(program), "--root",
         str(root), command, FREE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        check=False)
    assert done.stdout == "status 1\nvfio-bind.conf\n", done.stdout + done.stderr
    assert "No space left on device: it is as it was" in done.stderr


def test_a_limit_on_file_sizes_leaves_the_old_file(program, root):
    old = "# old\n" * 100
    set_conf(root, old)
    done = run(program, root, "add", FREE,
               preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300)))
    assert done.status == 1 and "File too large" in done.stderr
    assert get_conf(root) == old and not (root / TEMPORARY).exists()


@pytest.mark.parametrize("dry, status", [((), 4), (("--dry-run",), 0)])
def test_somebody_who_may_not_write(program, root, dry, status):
    words = [] if os.geteuid() else ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    if words and not shutil.which(words[0]):
        pytest.skip("no setpriv")
    let_in(root)
    (root / "etc").chmod(0o755 if os.geteuid() == 0 else 0o555)
    copy = root.parent / "program"
    shutil.copy(program, copy)
    done = run(copy, root, "add", *dry, FREE, prefix=words)
    assert done.status == status, done.stderr
    assert status == 0 or "Permission denied: to write it takes root" in done.stderr
    assert get_conf(root) is None and not (root / TEMPORARY).exists()


@pytest.mark.skipif(not shutil.which("strace"), reason="no strace")
def test_a_file_that_somebody_changed_meanwhile_is_left_alone(program, root):
    set_conf(root, OLD)
    words = ["strace", "-qq", "-o", root / "../strace", "-e", "inject=flock:signal=SIGSTOP",
             program, "--root", root, "add", FREE]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as slow:
        while not (root / TEMPORARY).exists() and slow.poll() is None:
            time.sleep(0.01)
        set_conf(root, "# theirs\n")
        # Again and again: it may not have come to its stop yet.
        while slow.poll() is None:
            children = Path(f"/proc/{slow.pid}/task/{slow.pid}/children").read_text("ascii")
            for child in children.split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(child), signal.SIGCONT)
            time.sleep(0.01)
        said = slow.communicate()[1]
    assert slow.returncode == 1 and "changed meanwhile: run this again" in said, said
    assert get_conf(root) == "# theirs\n" and not (root / TEMPORARY).exists()


CALLS = ["openat,openat2", "flock", "ftruncate", "write", "fchown", "fchmod", "fsync", "renameat",
         "close"]


@pytest.mark.skipif(not shutil.which("strace"), reason="no strace")
@pytest.mark.parametrize("calls", CALLS)
def test_killed_at_a_call_the_file_is_old_or_new(program, root, calls):
    """The last few calls of each kind, and the run after it: that is where the file is written."""
    set_conf(root, OLD)
    if calls == "fchown":
        if os.geteuid() != 0:
            pytest.skip("who is not root owns the file it may write")
        os.chown(root / CONF, 0, 1)
    run(program, root, "add", FREE)
    new, total = get_conf(root), count_calls(program, root, calls)
    assert total
    for number in range(total, max(total - 6, 0), -1):
        set_conf(root, OLD)
        kill_at(program, root, calls, number)
        assert get_conf(root) in (OLD, new), (calls, number)
        assert run(program, root, "add", FREE).status == 0
        assert get_conf(root) == new and not (root / TEMPORARY).exists()


@pytest.mark.skipif(not shutil.which("strace"), reason="no strace")
def test_it_is_on_the_disk_before_it_has_its_name(program, root):
    """And the name with it before the command ends: a power cut may come at any time."""
    set_conf(root, OLD)
    calls = strace(program, root, "-y", "-e", "trace=write,fsync,renameat")
    order = [re.search(r"(write|fsync|renameat)\(\d+<([^>]*)>", line).groups()
             for line in calls.splitlines() if str(root) in line]
    assert order == [("write", str(root / TEMPORARY)), ("fsync", str(root / TEMPORARY)),
                     ("renameat", str(root / "etc")), ("fsync", str(root / "etc"))]


def strace(program, root, *options):
    log = root.parent / "strace"
    words = ["strace", "-f", "-qq", "-o", log, *options]
    limited.run([*words, program, "--root", root, "add", FREE], stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
    return log.read_text()


def count_calls(program, root, calls):
    """How many of these calls a run makes."""
    set_conf(root, OLD)
    return len([line for line in strace(program, root, "-e", "trace=" + calls).splitlines()
                if "(" in line and MADE_AGAIN not in line])


def kill_at(program, root, calls, number):
    return strace(program, root, "-e", "trace=" + calls, "-e",
                  f"inject={calls}:signal=KILL:when={number}")
