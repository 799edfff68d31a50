# SPDX-License-Identifier: GPL-2.0-or-later
"""What check, explain, status and import print of machines, to the byte: for a person at 80
columns, into a pipe, and as JSON that fits the schema."""

import os

import pytest

from lib import golden
from lib.editing import plant
from lib.payload import fixture_program, set_policy  # noqa: F401
from lib.terminal import on_terminal

POLICIES = {
    "laptop-cfl-gtx1660ti-4func": "bind display boot_display=0\nbind nvme\n",
    "desktop-trx40-rtx3080": "bind nvme path=0000:00/01.2/00.0 id=1987:5016\nbind 21:00.0\n"
                             "bind usb id=1022:149c with=group\nkeep 47:00.1\nbind 0f:00.0\n",
    "server-r710-quadnic-sriov-iommu-early": "bind id=8086:1520\nbind vga\nbind network "
                                             "id=14e4:1639 nth=2 count=4\n",
    "macpro61-dual-firepro-iommu-early": "bind vga slot=3-3\nbind display required\n",
    "laptop-adl-vmd-tb4dock": "bind nvme\nbind 0000:00:0e.0\nbind network with=group\n",
}
EXPLAINED = {
    # A machine, an address: a leader, a companion, one refused, one kept, one no rule names.
    "leader": ("laptop-cfl-gtx1660ti-4func", "01:00.0"),
    "companion": ("laptop-cfl-gtx1660ti-4func", "01:00.1"),
    "refused": ("laptop-cfl-gtx1660ti-4func", "3b:00.0"),
    "kept": ("desktop-trx40-rtx3080", "47:00.1"),
    "not-named": ("desktop-trx40-rtx3080", "00:00.0"),
    "another": ("server-r710-quadnic-sriov-iommu-early", "01:00.0"),
    "screen": ("macpro61-dual-firepro-iommu-early", "02:00.0"),
}
OLD = {"proc/cmdline": "quiet vfio-pci.ids=10de:1c82,10de:0fb9,144d:a80a\n",
       "etc/modprobe.d/vfio.conf": "options vfio-pci disable_vga=1 ids=8086:a12f\n",
       "etc/driverctl.d/pci-0000:07:00.0": "vfio-pci\n",
       "usr/bin/vfio-pci-override.sh": "for i in /sys/bus/pci/devices/*/boot_vga; do\n"
       "  [ $(cat $i) -eq 0 ] && echo vfio-pci > ${i%/boot_vga}/driver_override\ndone\n"}


def compare(program, name, command, words):
    """The three forms of a command's output."""
    piped = golden.run(program, *words, status=None).stdout
    assert "\033" not in piped
    golden.compare(f"{name}.txt", piped)
    golden.compare(f"{name}.80", on_terminal(program, *words))
    text = golden.run(program, *words, "--json", status=None).stdout
    golden.validate(text, command)
    golden.compare(f"{name}.json", text)


def words_of(root, machine, *command):
    set_policy(root, POLICIES[machine])
    return ["--root", root, "--machine", golden.MACHINES / f"{machine}.tsv", *command]


@pytest.mark.parametrize("machine", POLICIES)
@pytest.mark.parametrize("command", ["check", "status"])
def test_of_a_machine(program, tmp_path, command, machine):
    folder = command if command == "check" else "status/next"
    compare(program, f"{folder}/{machine}", command, words_of(tmp_path, machine, command))


@pytest.mark.parametrize("name", EXPLAINED)
def test_explain(program, tmp_path, name):
    machine, address = EXPLAINED[name]
    compare(program, f"explain/{name}", "explain", words_of(tmp_path, machine, "explain", address))


def test_import(program, tmp_path):
    plant(tmp_path / "root")
    for name, text in OLD.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
    compare(program, "import/twins", "import", ["--root", tmp_path / "root", "import"])


def test_a_policy_with_mistakes(program, tmp_path):
    set_policy(tmp_path, "bind nvme id=144d\nbind\nkeep 01:00.0 required\n bind vga  boot_vga=2\n")
    words = ["--root", tmp_path, "--machine", golden.MACHINES / "desktop-q57-gt220.tsv", "check"]
    compare(program, "check/mistakes", "check", words)
    golden.compare("check/mistakes.err", golden.run(program, *words, status=2).stderr)


@pytest.mark.parametrize("path", sorted(golden.MACHINES.glob("*.tsv")), ids=lambda path: path.stem)
def test_every_machine_fits_the_schema(program, tmp_path, path):
    set_policy(tmp_path, "bind display\nbind nvme with=group\nbind 0f:00.0\nkeep audio\n")
    words = ["--root", tmp_path, "--machine", path, "--json"]
    for command in ("check", "status"):
        golden.validate(golden.run(program, *words, command, status=None).stdout, command)
    address = next(line.split("\t")[0] for line in path.read_text().splitlines()[::-1]
                   if not line.startswith("#"))
    golden.validate(golden.run(program, *words, "explain", address).stdout, "explain")
    for command in ("add", "remove"):
        text = golden.run(program, *words, command, "--dry-run", address, status=None).stdout
        assert text or command == "remove"
        if text:
            golden.validate(text, command)


@pytest.mark.skipif(os.geteuid() != 0, reason="apply takes root")
@pytest.mark.parametrize("policy, status", [("bind 03:00.0\n", 1), ("bind nvme\nkeep 03:00.0\n", 1),
                                            ("bind 02:00.0\n", 5)])
def test_apply_fits_the_schema(program, tmp_path, policy, status):
    """On plain files no driver comes to a device that is bound."""
    plant(tmp_path / "root")
    set_policy(tmp_path / "root", policy)
    done = golden.run(program, "--root", tmp_path / "root", "apply", "--json", status=status)
    assert golden.validate(done.stdout, "apply")["devices"]


def test_every_command_that_prints_json_has_a_schema(program):
    """But for those that refuse --json: test_every_command.py."""
    told = golden.run(program, "--help").stdout.splitlines()
    commands = {line.split()[0] for line in told if line.startswith("  ")}
    assert commands - set(golden.SCHEMA["$defs"]) == {"graph", "dump", "payload"}
