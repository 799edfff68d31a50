# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-bind dump: what was read from a machine file is written so that it reads the same."""

import subprocess
from pathlib import Path

import pytest

from lib import golden
from lib.machine import parse
from lib.payload import fixture_program  # noqa: F401
from lib.tree import Tree

BRIDGE = "0000:00:01.0\t060400\t8086:1901\t-\t05\tpcieport\t1\t-\t-\t-\t-\n"
DRIVE = "0000:01:00.0\t010802\t144d:a80a\t-\t-\tnvme\t2\t0000:00:01.0\t-\t-\t-\n"
# Found by fuzzing; what it is, and a line that is in the file and has to be in the dump.
KEPT = {
    "a disk in use": ("#disk-in-use 0000:01:00.0 nvme0n1\n" + BRIDGE + DRIVE,
                      "#disk-in-use 0000:01:00.0 disk\n"),
    "a virtual function whose physical one is gone": (f"#physfn 0000:01:00.0 -\n{BRIDGE}{DRIVE}",
                                                      "#physfn 0000:01:00.0 -\n"),
    "one that its physical one does not list": (
        f"#physfn 0000:01:00.0 0000:00:01.0 -\n{BRIDGE}{DRIVE}",
        "#physfn 0000:01:00.0 0000:00:01.0 -\n"),
    "a host known to need nothing": ("#protect\n" + BRIDGE, "#protect\n"),
    "nobody knows what the host needs": (BRIDGE, "#protect unknown\n"),
    "a bridge that is gone": (DRIVE, DRIVE.replace("0000:00:01.0", "ffffffff:ff:1f.7")),
    "the last of two kernels": ("#kernel 6.12.0\n#kernel 6.1\n" + BRIDGE, "#kernel 6.1\n"),
    "a variant that matches nothing": ("#variant a_vfio_pci x\n" + BRIDGE,
                                       "#variant a_vfio_pci x\n"),
    "the last of two command lines": ("#cmdline quiet splash\n#cmdline ro\n" + BRIDGE,
                                      "#cmdline ro\n"),
}


def dump(program, path, text):
    path.write_text(text)
    return subprocess.run([program, "--root", path.parent, "--machine", path, "dump"], check=True,
                          stdout=subprocess.PIPE, text=True).stdout


@pytest.mark.parametrize("name", KEPT)
def test_nothing_is_lost(program, tmp_path, name):
    text, kept = KEPT[name]
    once = dump(program, tmp_path / "machine", text)
    assert kept in once.splitlines(keepends=True)
    assert dump(program, tmp_path / "machine", once) == once


@pytest.mark.parametrize("path", sorted(golden.MACHINES.glob("*.tsv")), ids=lambda path: path.stem)
def test_a_dump_of_a_dump_is_the_same(program, tmp_path, path):
    once = dump(program, tmp_path / "machine", path.read_text())
    assert dump(program, tmp_path / "machine", once) == once


def test_what_a_terminal_would_obey_is_not_written(program, tmp_path):
    """Firmware names slots, a boot loader writes the command line; the dump can be read again."""
    tree = Tree(tmp_path / "root", parse(BRIDGE + DRIVE))
    tree.policy({"vfio-bind.conf": b"bind 01:00.0 slot=x\n"})
    tree.boot("quiet\x1b[31m\tro")
    slot = Path(tree.root) / "sys/bus/pci/slots/a\x1b[31m\tb"
    slot.mkdir(parents=True)
    (slot / "address").write_text("0000:01:00\n")
    once = subprocess.run([program, "--root", tree.root, "dump"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    assert " quiet?[31m ro\n" in once and "\ta?[31m?b\t" in once
    explained = subprocess.run([program, "--root", tree.root, "explain", "01:00.0"], text=True,
                               stdout=subprocess.PIPE, check=False).stdout
    assert "slot a?[31m?b" in explained and "\x1b" not in explained
    again = dump(program, tmp_path / "machine", once)
    assert again.splitlines() == [line for line in once.splitlines() if line[:2] != "# " or
                                  line.startswith("# columns")]


SECRET = "ip=10.0.0.5::10.0.0.1 rd.iscsi.password=hunter2 root=nfs://me:pw@host/x luks.key=abc " \
    "fips=1 rootflags=credentials=/x roam"
KEPT_WORDS = "root=/dev/nvme0n1p2 ro vfio-pci.ids=10de:1c82 rd.vfio-bind.keep=0000:01:00.0 " \
    '"rd.vfio_bind.rule=bind nvme" rd.vfio_bind.rule="bind usb" ' \
    "intel_iommu=on modprobe.blacklist=nouveau console=ttyS0"


def test_no_secret_is_in_it(program, tmp_path):
    """It is made to be attached to bug reports."""
    tree = Tree(tmp_path, parse(BRIDGE))
    tree.boot(f"{SECRET} {KEPT_WORDS}")
    done = subprocess.run([program, "--root", tmp_path, "dump"], text=True, check=True,
                          stdout=subprocess.PIPE).stdout
    (line,) = [line for line in done.splitlines() if line.startswith("#cmdline ")]
    assert line.split()[1:] == ["root=/dev/sda1", "quiet", *KEPT_WORDS.split()]
    assert "# 8 words of the kernel command line are left out\n" in done


def test_variants_of_the_kernel_that_match_a_function(program, tmp_path):
    """What driver=auto goes by is in the dump, and list says the same of it as of the machine."""
    machine = parse(BRIDGE + DRIVE)
    machine.variants = [("vfio-pci", "vfio_pci:v*d*sv*sd*bc*sc*i*"),
                        ("a_vfio_pci", "vfio_pci:v0000144Dd*sv*sd*bc01sc*i*"),
                        ("b_vfio_pci", "vfio_pci:v0000144Dd*sv*sd*bc02sc*i*")]
    tree = Tree(tmp_path / "root", machine)
    tree.policy({"vfio-bind.conf": b"bind 01:00.0 driver=auto\n"})
    tree.protect([])
    words = (program, "--root", tree.root)
    once = subprocess.run([*words, "dump"], check=True, text=True, stdout=subprocess.PIPE).stdout
    assert [line for line in once.splitlines() if line.startswith("#variant")] == [
        "#variant a_vfio_pci vfio_pci:v0000144Dd*sv*sd*bc01sc*i*"]
    (tmp_path / "machine").write_text(once)
    words += ("--machine", tmp_path / "machine")
    listed = golden.validate(golden.run(*words, "list", "--json").stdout, "list")
    assert listed["devices"][1]["driver_next"] == "a_vfio_pci"
    explained = golden.run(*words, "explain", "01:00.0", "--json")
    assert golden.validate(explained.stdout, "explain")["driver"] == "a_vfio_pci"
    assert "\n  driver: a_vfio_pci\n" in golden.run(*words, "explain", "01:00.0").stdout


def test_a_variant_that_makes_no_sense(program, tmp_path):
    (tmp_path / "machine").write_text("#variant nvme vfio_pci:v*\n" + BRIDGE)
    done = subprocess.run([program, "--machine", tmp_path / "machine", "dump"], text=True,
                          stderr=subprocess.PIPE, check=False)
    assert done.returncode == 2 and ":1:10: expected DRIVER ALIAS" in done.stderr
