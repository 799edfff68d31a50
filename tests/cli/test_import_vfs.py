# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-bind import: lines of guides that make virtual functions, as pf= and vfs=."""

import pytest

from lib import golden
from lib.editing import MACHINE, run, set_conf
from lib.machine import parse
from lib.payload import fixture_program  # noqa: F401
from lib.tree import Tree

PF = "sys/bus/pci/devices/0000:07:00.0"
ONE = "bind pf=0000:00/07.0/00.0 vfs=4"
OTHER = "bind pf=0000:00/07.0/00.1 vfs=4"
RC = "etc/rc.local"
UDEV = "etc/udev/rules.d/80-vfs.rules"
MODPROBE = "etc/modprobe.d/ixgbe.conf"
ADD = 'ACTION=="add", SUBSYSTEM=="net", '

SRIOV = "#sriov 0000:07:00.0 63 154c\n#sriov 0000:07:00.1 63 154c\n"

FORMS = [
    (RC, f"#!/bin/sh\necho 4 > /{PF}/sriov_numvfs\nexit 0\n", [ONE]),
    (RC, f"echo '4' | tee /{PF}/sriov_numvfs\n", [ONE]),
    (RC, f"echo -n 4 >/{PF}/sriov_numvfs || exit 1\n", [ONE]),
    (RC, "echo 4 > /sys/devices/pci0000:00/0000:00:07.0/0000:07:00.1/sriov_numvfs\n", [OTHER]),
    (RC, "echo 4 > /sys/class/net/eth0/device/sriov_numvfs\n", [ONE]),
    (RC, f"echo 0 > /{PF}/sriov_numvfs\necho 4 > /{PF}/sriov_numvfs\n", [ONE]),
    ("etc/sysfs.conf", "devices/pci0000:00/0000:00:07.0/0000:07:00.0/sriov_numvfs = 4\n", [ONE]),
    ("etc/sysfs.d/vfs.conf", "bus/pci/devices/0000:07:00.0/sriov_numvfs=4\n", [ONE]),
    ("etc/tmpfiles.d/vfs.conf", f"w /{PF}/sriov_numvfs - - - - 4\n", [ONE]),
    ("etc/systemd/system/vfs.service",
     f"[Service]\nExecStart=/bin/sh -c 'echo 4 > /{PF}/sriov_numvfs'\n", [ONE]),
    ("usr/local/sbin/sriov-up", f"#!/bin/sh\necho 4 > /{PF}/sriov_numvfs\n", [ONE]),
    (UDEV, f'{ADD}ENV{{ID_NET_DRIVER}}=="ixgbe", ATTR{{device/sriov_numvfs}}="4"\n', [ONE, OTHER]),
    (UDEV, f'{ADD}KERNEL=="eth0", ATTR{{device/sriov_numvfs}}="4"\n', [ONE]),
    (UDEV, f'{ADD}NAME=="eth0", RUN+="/bin/sh -c \'echo 4 > /sys$devpath/device/sriov_numvfs\'"\n',
     [ONE]),
    (UDEV, 'ACTION=="add", KERNEL=="0000:07:00.1", ATTR{sriov_numvfs}="4"\n', [OTHER]),
    (UDEV, 'SUBSYSTEM=="pci", ATTR{vendor}=="0x8086", ATTR{device}=="0x1572", \\\n'
           ' ATTR{sriov_numvfs}="4"\n', [ONE, OTHER]),
    (UDEV, f'{ADD}RUN+="/bin/sh -c \'echo 4 > /{PF}/sriov_numvfs\'"\n', [ONE]),
    (MODPROBE, "options ixgbe max_vfs=4\n", [ONE, OTHER]),
    (MODPROBE, "options ixgbe allow_unsupported_sfp=1 max_vfs=4,4\n", [ONE, OTHER]),
]

UNREAD = [
    (RC, "echo 4 > /sys/bus/pci/devices/0000:09:00.0/sriov_numvfs\n", "names no device that is here"),
    (RC, "echo 4 > /sys/class/net/eth9/device/sriov_numvfs\n", "names no device that is here"),
    (RC, f"cat /{PF}/sriov_totalvfs > /{PF}/sriov_numvfs\n", "does not say how many"),
    (RC, f'echo "$1" > /{PF}/sriov_numvfs\n', "does not say how many"),
    (RC, "echo 4 > /sys/bus/pci/devices/0000:06:00.0/sriov_numvfs\n",
     "0000:06:00.0: can have no virtual functions"),
    (MODPROBE, "options igb max_vfs=7\n", "igb: drives nothing here"),
]


@pytest.fixture(name="root")
def fixture_root(tmp_path):
    """Two ports of a card whose driver is loaded; eth0 is the first."""
    root = tmp_path / "root"
    text = MACHINE.replace("8086:1572 - - -", "8086:1572 - - ixgbe") + SRIOV
    Tree(root, parse("\n".join(line if line.startswith("#") else "\t".join(line.split())
                               for line in text.splitlines())))
    (root / "sys/class/net/eth0").mkdir(parents=True)
    (root / "sys/class/net/eth0/device").symlink_to(f"../../../{PF[4:]}")
    return root


def rules(done):
    return [line for line in done.stdout.splitlines() if line.startswith("bind")]


@pytest.mark.parametrize("name, text, bound", FORMS)
def test_what_makes_them(program, root, tmp_path, name, text, bound):
    """Where it stands, in JSON, and as a file that is named; and what comes out is a policy."""
    set_conf(root, text, name)
    done = run(program, root, "import")
    assert (done.status, rules(done)) == (0, bound), done.stdout + done.stderr
    said = golden.validate(run(program, root, "--json", "import").stdout, "import")
    assert [entry["rule"] for entry in said["imports"]] == bound
    if name != MODPROBE and "\\\n" not in text:
        path = set_conf(tmp_path, text, "there/file")
        assert rules(run(program, root, "import", str(path))) == bound
    set_conf(root, done.stdout)
    assert run(program, root, "check").status in (0, 10, 11, 12)


@pytest.mark.parametrize("name, text, said", UNREAD)
def test_what_cannot_be_taken(program, root, name, text, said):
    set_conf(root, text, name)
    done = run(program, root, "import")
    assert (done.status, rules(done)) == (0, []) and said in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("name, text", [
    (RC, f"echo 0 > /{PF}/sriov_numvfs\n"), (RC, f"#echo 4 > /{PF}/sriov_numvfs\n"),
    (RC, f"test -e /{PF}/sriov_numvfs\n"), (RC, f"cat /{PF}/sriov_numvfs\n"),
    (MODPROBE, "options i915 max_vfs=7\n"), (MODPROBE, "options ixgbe max_vfs=0\n"),
])
def test_what_makes_none(program, root, name, text):
    set_conf(root, text, name)
    done = run(program, root, "import")
    assert (done.status, done.stdout) == (6, ""), done.stdout
