# SPDX-License-Identifier: GPL-2.0-or-later
"""`vfio-bind list`: what it shows of machines, of a host's use of its devices, and of a boot."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from lib import binder as binders
from lib import golden
from lib import machine as machines
from lib.bootreport import BOUND, FAILED, NVME, RULE, drive, set_report
from lib.editing import let_in, plant
from lib.hosttree import HostTree
from lib.instructions import instructions
from lib.payload import fixture_program, own_mounts, set_policy  # noqa: F401
from lib.tree import Tree

POLICIES = {
    "laptop-cfl-gtx1660ti-4func": "bind display boot_display=0\nbind nvme\n",
    "desktop-trx40-rtx3080": "bind nvme path=0000:00/01.2/00.0 id=1987:5016\n"
                             "bind usb id=1022:149c with=group\nkeep 47:00.1\nbind 21:00.0\n",
    "server-r710-quadnic-sriov-iommu-early": "bind id=8086:1520\nbind network id=14e4:1639 nth=2 "
                                             "count=4\nbind vga\n",
    "macpro61-dual-firepro-iommu-early": "bind vga slot=3-3\nbind display\n",
    "laptop-adl-vmd-tb4dock": "bind nvme\nbind 0000:00:0e.0\n",
}
FORMS = {"tree": [], "flat": ["-o", "+group,state,use,rule,reason,with,subsystem,path,twin,twins"],
         "raw": ["--raw", "--noheadings"], "all": ["--all"], "json": ["--json"]}


# The tree and its columns, in which machines differ most, of all; of each other form one is enough.
ONE = {"raw": "desktop-trx40-rtx3080", "all": "desktop-trx40-rtx3080",
       "json": "laptop-cfl-gtx1660ti-4func"}
GOLDEN = [(name, form) for name in POLICIES for form in FORMS if ONE.get(form, name) == name]


@pytest.mark.parametrize("name, form", GOLDEN)
def test_golden(program, tmp_path, name, form):
    set_policy(tmp_path, POLICIES[name])
    text = golden.on_machine(program, tmp_path, name, "list", *FORMS[form]).stdout
    if form == "json":
        golden.validate(text, "list")
    golden.compare(f"list/{name}.{form}", text)


@pytest.mark.parametrize("path", sorted(golden.MACHINES.glob("*.tsv")), ids=lambda path: path.stem)
def test_every_machine_fits_the_schema(program, tmp_path, path):
    set_policy(tmp_path, "bind display\nbind nvme\nbind network with=group\n")
    shown = golden.validate(
        golden.on_machine(program, tmp_path, path.stem, "list", "--json").stdout, "list")
    assert [d["address"] for d in shown["devices"]] == list(machines.load(path).devices)


@pytest.mark.parametrize("path", sorted(golden.MACHINES.glob("*.tsv")), ids=lambda path: path.stem)
def test_a_key_has_one_answer(program, tmp_path, path):
    """Whatever command gives it: check and status speak of the devices that list has. A guest has
    every third of them now."""
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    for number, columns in enumerate(lines):
        if len(columns) > 5 and not number % 3 and columns[5] not in ("-", "driver"):
            columns[5] = "vfio-pci"
    machine = tmp_path / "machine.tsv"
    machine.write_text("".join("\t".join(columns) + "\n" for columns in lines), encoding="utf-8")
    set_policy(tmp_path, "bind display\nbind nvme\nbind network with=group\nkeep nvme\nkeep usb\n")
    found = {command: json.loads(golden.run(program, "--root", tmp_path, "--machine", machine,
                                            command, "--json", status=None).stdout)
             for command in ("list", "status", "check")}
    devices = {device["address"]: device for device in found["list"]["devices"]}
    for row in found["status"]["devices"] + found["check"]["plan"]:
        device = devices[row["address"]]
        shared = (row.keys() & device.keys()) - {"note"}
        assert len(shared) >= 10
        assert {key: row[key] for key in shared} == {key: device[key] for key in shared}


KEPT = """\
# columns: bdf	class	vendor:device	subvendor:subdevice	rev	driver	iommu_group	parent	dsn	slot	boot_vga
0000:01:00.0	010802	144d:a80a	-	-	nvme	14	-	-	-	-
0000:02:00.0	010802	144d:a80a	-	-	vfio-pci	15	-	-	-	-
"""


def test_a_kept_device_that_a_guest_has_now_goes_back_to_the_hosts_driver(program, tmp_path):
    (tmp_path / "machine.tsv").write_text(KEPT, encoding="ascii")
    set_policy(tmp_path, "keep 02:00.0\nbind nvme\n")
    words = ["--root", tmp_path, "--machine", tmp_path / "machine.tsv"]
    shown = [json.loads(golden.run(program, *words, command, "--json", status=None).stdout)[key]
             for command, key in (("list", "devices"), ("status", "devices"), ("check", "plan"))]
    assert [row["driver_next"] for rows in shown for row in rows
            if row["address"] == "0000:02:00.0"] == 3 * ["nvme"]


def listed(program, root, *words, **more):
    """{address: device} of a tree."""
    shown = golden.run(program, "--root", root, "list", "--json", *words, **more)
    return {d["address"]: d for d in golden.validate(shown.stdout, "list")["devices"]}


@pytest.fixture(name="host")
def fixture_host(tmp_path):
    host = HostTree(tmp_path / "root")
    (host.root / "etc").mkdir()
    return host


def test_what_the_host_uses(program, host):
    _, disk = host.nvme("0000:01:00.0", "0000:00:03.0", "259:0", "nvme0n1")
    _, other = host.nvme("0000:02:00.0", "0000:00:04.0", "259:5", "nvme1n1")
    _, spare = host.nvme("0000:03:00.0", "0000:00:05.0", "259:9", "nvme2n1")
    root, boot, swap = (host.partition(disk, f"259:{n}", n) for n in (1, 2, 3))
    data = host.partition(other, "259:6", 1)
    volume = host.virtual("dm-0", "254:0", [root])
    for place in (boot, swap, data):
        host.node(place)
    host.mount("/", "254:0", "/dev/mapper/root")
    host.mount("/boot", "259:2", "/dev/nvme0n1p2")
    host.mount("/var/lib/part", "259:2", "/dev/nvme0n1p2", top="/part")
    host.write("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n"
                             "/dev/nvme0n1p3 partition 1 0 -2\n")
    host.write("etc/fstab", "/dev/nvme1n1p1 /data ext4 noauto 0 0\n")
    nic = host.pci("pci0000:00/0000:00:1c.0/0000:05:00.0", "8086:1521", 0x020000)
    host.network("eth0", nic)
    host.network("br0", lower=["eth0"])
    host.routes(("br0", "0.0.0.0", "0.0.0.0"))
    usb = host.pci("pci0000:00/0000:00:14.0", "8086:a36d", 0x0c0330)
    host.keyboards(f"{usb}/usb1/1-1/1-1:1.0")
    gpu = host.pci("pci0000:00/0000:00:02.0", "8086:3e9b", 0x030000)
    host.write(f"sys/devices/{gpu}/boot_vga", "1\n")
    host.write(f"sys/devices/{gpu}/graphics/fb0/name", "i915drmfb\n")
    host.link("sys/class/graphics/fb0", f"sys/devices/{gpu}/graphics/fb0")
    assert volume and spare
    shown = listed(program, host.root)
    assert {address: device["use"] for address, device in shown.items() if device["use"]} == {
        "0000:00:02.0": ["boot-display", "framebuffer"],
        "0000:00:14.0": ["keyboard"],
        "0000:01:00.0": ["root", "/boot", "swap"],
        "0000:02:00.0": ["storage"],
        "0000:05:00.0": ["default-route"],
    }
    assert shown["0000:01:00.0"]["note"].startswith("root, /boot, swap; 1 of 3 twins")
    assert shown["0000:00:02.0"]["note"] == "boot display, framebuffer"


def test_twins_by_model_serial_slot_and_dsn(program, host):
    for number, (bus, serial) in enumerate((("01", " S64A\x1b0R \n"), ("02", "S64A0T\n"))):
        function, disk = host.nvme(f"0000:{bus}:00.0", f"0000:00:0{number + 3}.0",
                                   f"259:{number}", f"nvme{number}n1")
        top = f"sys/devices/{function}/nvme/nvme{number}"
        host.write(f"{top}/model", "Samsung PM9A1 1TB       \n")
        host.write(f"{top}/serial", serial)
        host.link(f"sys/class/nvme/nvme{number}", top)
        host.link(f"sys/block/nvme{number}n1", f"sys/devices/{disk}")
    host.write("sys/bus/pci/slots/M2 \u00e4/address", "0000:01:00\n")
    host.write("sys/devices/pci0000:00/0000:00:04.0/0000:02:00.0/serial_number",
               "00-25-38-b1-21-00-51-3a\n")
    host.write("sys/devices/pci0000:00/0000:00:04.0/0000:02:00.0/label", b"M.2 \xff socket\n")
    sata = host.pci("pci0000:00/0000:00:17.0", "8086:a352", 0x010601)
    for name, number in (("sda", "8:0"), ("sdb", "8:16")):
        disk = host.block(f"{sata}/ata1/host0/target0:0:0/{name}/block/{name}", number)
        host.write(f"sys/devices/{disk}/device/model", "Disk of " + name)
        host.write(f"sys/devices/{disk}/device/vpd_pg80", b"\0\x80\0\x06AB12" + name.encode()[1:])
        host.link(f"sys/block/{name}", f"sys/devices/{disk}")
    shown = listed(program, host.root)
    first, second = shown["0000:01:00.0"], shown["0000:02:00.0"]
    assert first["name"] == "Samsung PM9A1 1TB S64A?0R"
    assert (first["slot"], first["dsn"], first["twin"], first["twins"]) == ("M2 \u00e4", None, 1, 2)
    assert first["note"] == "1 of 2 twins, slot M2 \u00e4"
    assert second["name"] == "Samsung PM9A1 1TB S64A0T"
    assert second["note"] == "2 of 2 twins; dsn=00-25-38-b1-21-00-51-3a"
    assert second["label"] == "M.2 ? socket"
    assert second["disks"] == [{"name": "nvme1", "model": "Samsung PM9A1 1TB", "serial": "S64A0T"}]
    assert sorted(tuple(disk.values()) for disk in shown["0000:00:17.0"]["disks"]) == [
        ("sda", "Disk of sda", "AB12da"), ("sdb", "Disk of sdb", "AB12db")]
    assert shown["0000:00:17.0"]["twins"] is None


REBUILD = "pending: rebuild the image (vfio-bind update)"
NEXT = "pending: the next boot binds it"


STATES = {
    # name: (driver now, policy, rows of the report or None for no report, note, policy of the
    # boot, state, driver at the next boot, how the note begins)
    "no rule": ("nvme", "", "", None, None, "host", "nvme", None),
    "bound as it shall be": ("vfio-pci", RULE, BOUND, None, None, "vfio", "vfio-pci", None),
    "never booted with us": ("nvme", RULE, None, None, None, "pending", "vfio-pci", REBUILD),
    "rule added since": ("nvme", RULE, "", None, "", "pending", "vfio-pci", NEXT),
    "off in this boot": ("nvme", RULE, "", "off", "", "pending", "vfio-pci", NEXT),
    "a dry run": ("nvme", RULE, BOUND, "dry-run", None, "pending", "vfio-pci", NEXT),
    "taken back": ("nvme", RULE, BOUND, None, None, "drift", "vfio-pci",
                   "drift: the boot bound it, and it was taken back since"),
    "never arrived": (None, RULE, FAILED, None, None, "drift", "vfio-pci",
                      "drift: failed: its driver is not there"),
    "rule removed since": ("vfio-pci", "", BOUND, None, RULE, "pending", None,
                           "pending: the next boot leaves it to the host"),
    "somebody else's": ("vfio-pci", "", "", None, None, "foreign", None, "foreign: "),
    "refused": ("nvme", "bind nvme id=144d:a80a driver=pci-stub\nbind 02:00.0\n", "", None, "",
                "refused", "nvme", "refused: two rules name different drivers"),
    "kept": ("nvme", RULE + "keep 02:00.0\n", "", None, None, "host", "nvme", "kept by a rule"),
    "ids dropped is no news of a device": ("vfio-pci", RULE, BOUND, "ids dropped", None, "vfio",
                                           "vfio-pci", None),
}


@pytest.mark.parametrize("place", ("run/vfio-bind", "dev/vfio-bind"))
@pytest.mark.parametrize("name", STATES)
def test_states(program, host, name, place):
    driver, policy, rows, note, then, state, driver_next, words = STATES[name]
    drive(host, driver)
    set_policy(host.root, policy)
    if rows is not None:
        set_report(host.root, rows, note, then, place)
    device = listed(program, host.root)[NVME]
    assert (device["driver"], device["state"], device["driver_next"]) == (driver, state,
                                                                          driver_next)
    twin = "2 of 2 twins"
    if words is None:
        assert device["note"].startswith(twin)
    else:
        assert device["note"].startswith(words) and twin in device["note"]


def test_a_released_device_gets_the_driver_of_its_twin(program, host):
    drive(host, "vfio-pci")
    path = host.root / "sys/devices/pci0000:00/0000:00:03.0/0000:01:00.0/uevent"
    path.write_text("DRIVER=nvme\n" + path.read_text(encoding="ascii"), encoding="ascii")
    set_policy(host.root, "")
    set_report(host.root, BOUND, policy=RULE)
    assert listed(program, host.root)[NVME]["driver_next"] == "nvme"


@pytest.mark.parametrize("stamp, words", (
    ("bind 0000:09:00.0\n", REBUILD), (RULE, NEXT), (None, NEXT)))
def test_a_pending_device_says_what_to_do(program, host, stamp, words):
    drive(host, "nvme")
    set_policy(host.root, RULE)
    set_report(host.root, "", policy="")
    host.write("proc/sys/kernel/osrelease", "6.1.0-test\n")
    host.write("lib/modules/6.1.0-test/modules.builtin", "")
    if stamp is not None:
        host.write("var/lib/vfio-bind/images/6.1.0-test",
                   "vfio-bind-image 1\nversion 0.1.0\npolicy\n# /etc/vfio-bind.conf\n" + stamp)
    assert listed(program, host.root)[NVME]["note"].startswith(words)


APU = """\
# columns: bdf	class	vendor:device	subvendor:subdevice	rev	driver	iommu_group	parent	dsn	slot	boot_vga
0000:00:01.0	060400	8086:1901	-	-	pcieport	0	-	-	-	-
0000:00:08.0	038000	1002:1681	-	-	amdgpu	1	-	-	-	-
0000:01:00.0	030000	1002:73ff	-	-	amdgpu	2	0000:00:01.0	-	-	1
"""


@pytest.mark.parametrize("note, display, refused", (
    (None, "0000:01:00.0", {"0000:00:08.0": "ambiguous-display", "0000:01:00.0": "boot-display"}),
    ("boot-display 0000:00:08.0 firmware", "0000:00:08.0", {"0000:00:08.0": "boot-display"}),
    ("boot-display 0000:01:00.0 boot_vga", "0000:01:00.0",
     {"0000:00:08.0": "ambiguous-display", "0000:01:00.0": "boot-display"}),
    ("boot-display 0000:0f:00.0 firmware", "0000:01:00.0",
     {"0000:00:08.0": "ambiguous-display", "0000:01:00.0": "boot-display"}),
))
def test_the_boot_remembers_its_display(program, tmp_path, note, display, refused):
    """amdgpu has replaced the framebuffer of an APU that has no boot_vga."""
    Tree(tmp_path, machines.parse(APU))
    (tmp_path / "sys/bus/pci/drivers/amdgpu/module").mkdir()  # it is not built in
    set_policy(tmp_path, "bind display\n")
    set_report(tmp_path, "", note)
    shown = listed(program, tmp_path)
    assert [a for a, d in shown.items() if "boot-display" in d["use"]] == [display]
    assert not any("framebuffer" in device["use"] for device in shown.values())
    assert {a: d["reason"] for a, d in shown.items() if d["verdict"] == "refuse"} == refused
    explained = json.loads(golden.run(program, "--root", tmp_path, "explain", "00:08.0",
                                      "--json").stdout)
    assert explained["reason"] == refused["0000:00:08.0"]


def test_the_binder_leaves_word_of_the_display(program, binder, tmp_path):
    assert str(binder) == binders.BINDER
    tree = Tree(tmp_path, machines.parse("#framebuffer 0000:00:08.0\n" + APU))
    set_policy(tmp_path, "bind display\n")
    binders.run(tree)
    (tmp_path / "proc/iomem").write_text("", encoding="ascii")
    (tmp_path / "sys/bus/platform/devices/efi-framebuffer.0").unlink()
    shown = listed(program, tmp_path)
    assert {a: d["use"] for a, d in shown.items() if d["use"]} == {"0000:00:08.0": ["boot-display"]}


def test_a_framebuffer_that_is_there_is_told(program, tmp_path):
    Tree(tmp_path, machines.parse("#framebuffer 0000:00:08.0\n" + APU))
    shown = listed(program, tmp_path)
    assert shown["0000:00:08.0"]["use"] == ["boot-display", "framebuffer"]
    assert not shown["0000:01:00.0"]["use"]


def test_a_mistake_is_said_and_the_devices_are_listed(program, tmp_path):
    set_policy(tmp_path, "bind nvme id=144x:a80a\n")
    done = golden.on_machine(program, tmp_path, "desktop-trx40-rtx3080", "list", "--json", status=2)
    shown = golden.validate(done.stdout, "list")
    assert shown["result"] == "mistake" and len(shown["devices"]) == 94
    assert shown["mistakes"] == [{"file": "/etc/vfio-bind.conf", "line": 1, "column": 14,
                                  "expected": shown["mistakes"][0]["expected"],
                                  "text": "bind nvme id=144x:a80a"}]
    check = golden.on_machine(program, tmp_path, "desktop-trx40-rtx3080", "check", "--json", status=2)
    assert json.loads(check.stdout)["mistakes"] == shown["mistakes"]
    assert "/etc/vfio-bind.conf:1:14: expected" in done.stderr


@pytest.mark.skipif(not shutil.which("strace"), reason="no strace")
@pytest.mark.parametrize("command", ("list", "check", "status", "explain", "add"))
def test_a_policy_is_read_once_and_its_mistakes_are_told_once(program, host, command):
    """As text and as JSON, from one reading."""
    drive(host, "nvme")
    set_policy(host.root, "bind nvme id=144x:a80a\nbond nvme\n")
    log = host.root.parent / "strace"
    words = [NVME] if command in ("explain", "add") else []
    done = golden.run(program, "--root", host.root, command, "--json", *words, status=2,
                      prefix=["strace", "-f", "-qq", "-e", "trace=openat,openat2", "-o", log])
    assert len([line for line in log.read_text(encoding="ascii").splitlines()
                if 'vfio-bind.conf"' in line and binders.MADE_AGAIN not in line]) == 1
    assert re.findall(r"^/etc/vfio-bind.conf:(\d+):(\d+): expected", done.stderr, re.M) == [
        ("1", "14"), ("2", "1")]
    if command in ("list", "check"):
        assert [(mistake["line"], mistake["column"])
                for mistake in json.loads(done.stdout)["mistakes"]] == [(1, 14), (2, 1)]


def test_a_warning_is_told_once_and_before_the_complaint_it_explains(program, host):
    host.nvme("0000:01:00.0", "0000:00:03.0", "259:0", "nvme0n1")
    host.mount("/srv", "0:44", "somewhere", fstype="odd")
    host.mount("/srv", "0:44", "somewhere", fstype="odd")
    host.write("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n/dev/gone partition 1 0 -2\n")
    set_policy(host.root, "")
    done = golden.run(program, "--root", host.root, "list")
    lines = done.stderr.splitlines()
    assert lines and len(lines) == len(set(lines))
    assert all(line.startswith("vfio-bind: warning: ") for line in lines)
    refused = golden.run(program, "--root", host.root, "add", "77:00.0", status=3).stderr
    assert refused.splitlines()[:-1] == lines and "no such device" in refused.splitlines()[-1]


@pytest.mark.parametrize("words, status, said", (
    (["-o", "address,colour"], 2, "there is no column colour"),
    (["extra"], 2, "usage: vfio-bind list"),
    (["--machine", "/nowhere/at/all"], 1, "/nowhere/at/all: No such file"),
    (["--root", "/nowhere/at/all"], 1, "No such file"),
))
def test_bad_arguments(program, tmp_path, words, status, said):
    done = golden.on_machine(program, tmp_path, "desktop-trx40-rtx3080", "list", *words,
                             status=status)
    assert said in done.stderr and not done.stdout


def test_bridges_are_shown_with_all(program, tmp_path):
    tables = [golden.on_machine(program, tmp_path, "laptop-cfl-gtx1660ti-4func", "list", "--raw",
                                "-o", "address", "--noheadings", *words).stdout.split()
              for words in ([], ["--all"])]
    bridges = set(tables[1]) - set(tables[0])
    assert len(tables[1]) == 31 and "0000:00:1f.0" in bridges and "0000:02:00.0" in bridges
    assert len(bridges) == 11 and set(tables[0]) < set(tables[1])


def on_terminal(command, columns, **more):
    """What a program prints on a terminal of that width."""
    pid, fd = pty.fork()
    if not pid:
        os.execve("/bin/sh", ["sh", "-c", f'stty cols {columns}; exec "$@"', "sh",
                              *map(str, command)], golden.environment(**more))
    text = b""
    try:
        while chunk := os.read(fd, 65536):
            text += chunk
    except OSError:
        pass  # EIO: the other end is closed
    os.close(fd)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, text
    return text.decode().replace("\r\n", "\n")


def test_eighty_columns(program, tmp_path):
    name = "desktop-trx40-rtx3080"
    set_policy(tmp_path, POLICIES[name])
    command = [program, "--root", tmp_path, "--machine", golden.MACHINES / f"{name}.tsv", "list"]
    text = on_terminal(command, 80, NO_COLOR="1")
    assert all(len(line) <= 80 for line in text.splitlines()) and "\x1b" not in text
    golden.compare(f"list/{name}.80", text)


@pytest.mark.parametrize("no_color, coloured", ((None, True), ("", True), ("1", False)))
def test_colour(program, tmp_path, no_color, coloured):
    set_policy(tmp_path, "bind nvme\n")
    command = [program, "--root", tmp_path, "--machine",
               golden.MACHINES / "laptop-cfl-gtx1660ti-4func.tsv", "list"]
    more = {} if no_color is None else {"NO_COLOR": no_color}
    assert ("\x1b[31m" in on_terminal(command, 200, **more)) == coloured
    assert "\x1b" not in golden.run(*command, **more).stdout


@pytest.mark.parametrize("words", (["list"], ["list", "--json"], ["list", "--raw"]))
@pytest.mark.parametrize("ignored", (False, True))
def test_a_closed_pipe_makes_no_noise(program, tmp_path, words, ignored):
    handler = signal.SIG_IGN if ignored else signal.SIG_DFL
    read, write = os.pipe()
    os.close(read)
    with subprocess.Popen(
            [program, "--root", tmp_path, "--machine", golden.MACHINES / "server-dgx-b200.tsv",
             *words], stdout=write, stderr=subprocess.PIPE, env=golden.environment(),
            restore_signals=False,
            preexec_fn=lambda: signal.signal(signal.SIGPIPE, handler)) as started:
        os.close(write)
        assert started.communicate(timeout=600)[1] == b""


@pytest.mark.parametrize("words", (["list"], ["list", "--json"], ["status"], ["graph"]))
def test_a_full_disk_is_told(program, tmp_path, words):
    set_policy(tmp_path, "bind vga\n")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [program, "--root", tmp_path, "--machine", golden.MACHINES / "server-dgx-b200.tsv",
             *words], stdout=full, stderr=subprocess.PIPE, env=golden.environment(), check=False)
    assert done.returncode == 1 and b"vfio-bind: " in done.stderr, done.stderr


def test_an_ordinary_user_can_look(program, host):
    if os.geteuid():
        pytest.skip("takes root to become somebody else")
    drive(host, "vfio-pci")
    set_policy(host.root, RULE)
    set_report(host.root, BOUND)
    let_in(host.root)
    user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    device = listed(program, host.root, prefix=user)[NVME]
    assert device["state"] == "vfio"


FEW, MANY = 32, 160
# Instructions for each device more, a quarter over what they are.
EACH = {"list": 455_000, "list --json": 160_000, "status": 155_000, "graph": 42_000}


@pytest.fixture(scope="module", name="crowds")
def fixture_crowds(tmp_path_factory):
    """As many twins, as a machine file and as a tree."""
    roots = []
    for count in (FEW, MANY):
        root = tmp_path_factory.mktemp("crowd")
        rows = [f"0000:{1 + number // 32:02x}:{number % 32:02x}.0\t010802\t144d:a80a\t144d:a801"
                f"\t-\tnvme\t{number}\t-\t-\t-\t-\n" for number in range(count)]
        (root / "machine.tsv").write_text("".join(rows), encoding="ascii")
        Tree(root, machines.parse("".join(rows)))
        set_policy(root, "bind nvme\nkeep 01:00.0\n")
        roots.append(root)
    return roots


@pytest.mark.parametrize("command", EACH)
@pytest.mark.parametrize("from_file", (True, False))
def test_each_device_takes_few_instructions(program, crowds, command, from_file):
    if b"__asan_init" in Path(program).read_bytes():
        pytest.skip("sanitizers take instructions of their own")
    few, many = (instructions(
        program, "--root", root, *(["--machine", root / "machine.tsv"] if from_file else []),
        *command.split()) for root in crowds)
    print(f"{(many - few) / (MANY - FEW):.0f} instructions")
    assert EACH[command] / 3 < (many - few) / (MANY - FEW) < EACH[command]


def test_a_tree_grows_by_its_rows_alone(program, tmp_path):
    """Twice the devices, twice the instructions: each group is looked for once."""
    counts = []
    for count in (1000, 2000):
        machine = tmp_path / f"{count}.tsv"
        machine.write_text("".join(
            f"0000:{number >> 8:02x}:{number >> 3 & 31:02x}.{number & 7}\t020000\t8086:10ed\t-\t-"
            f"\t-\t{number // 2}\t-\t-\t-\t-\n" for number in range(count)))
        counts.append(instructions(program, "--root", tmp_path, "--machine", machine, "list"))
    start = instructions(program, "--version")
    assert counts[1] - start < 2.2 * (counts[0] - start)


def install(program, root):
    """Copies the program and what it is linked to below root, for chroot(1)."""
    linked = subprocess.run(["ldd", program], stdout=subprocess.PIPE, text=True, check=True).stdout
    for path in re.findall(r"(/\S+) \(0x", linked):
        (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, root / path[1:])
    shutil.copy(program, root / "vfio-bind")


def test_a_protect_file_counts_in_the_tree_of_an_image_only(program, tmp_path):
    """Left over on the host itself it would say what the host lived on some time ago."""
    root = Path(plant(tmp_path / "root").root)
    set_policy(root, "bind nvme\n")
    assert [listed(program, root)[f"0000:0{bus}:00.0"]["verdict"] for bus in (2, 3, 4)] == [
        "refuse", "bind", "bind"]
    install(program, root)
    prefix = [] if os.geteuid() == 0 else ["unshare", "--map-root-user"]
    if os.environ.get("SANITIZE"):  # the sanitizers read maps in /proc
        prefix = own_mounts(f"mount --rbind /proc {root}/proc")
    done = subprocess.run([*prefix, "chroot", root, "/vfio-bind", "list", "--json"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, done.stderr
    reasons = {device["address"]: device["reason"] for device in json.loads(done.stdout)["devices"]}
    assert [reasons[f"0000:0{bus}:00.0"] for bus in (2, 3, 4)] == ["host-unknown"] * 3
