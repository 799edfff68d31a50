# SPDX-License-Identifier: GPL-2.0-or-later
"""`vfio-bind check`: each finding in a row of a table, on a machine of plain files."""

import fcntl
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from lib import golden, limited, machine
from lib.bootimage import BINDER, set_image
from lib.editing import let_in
from lib.instructions import instructions
from lib.moduletree import MLX5, ModuleTree
from lib.payload import fixture_program  # noqa: F401
from lib.tree import Tree

NOBODY = 65534
KERNEL = "6.9.0-test"
CARD, CARD_AUDIO, OTHER, OTHER_AUDIO = ("0000:01:00.0", "0000:01:00.1", "0000:41:00.0",
                                        "0000:41:00.1")
ROOT_DRIVE, TWIN, USB, NIC = "0000:05:00.0", "0000:08:00.0", "0000:00:14.0", "0000:09:00.0"
ROWS = """
0000:00:00.0 060000 8086:4650 - 00 - 0 - - - -
0000:00:01.0 060400 8086:460d - 00 pcieport 1 - - - -
0000:00:02.0 060400 8086:460d - 00 pcieport 2 - - - -
0000:00:03.0 060400 8086:460d - 00 pcieport 3 - - - -
0000:00:04.0 060400 8086:460d - 00 pcieport 4 - - - -
0000:00:05.0 060400 8086:460d - 00 pcieport 5 - - - -
0000:00:14.0 0c0330 8086:7ae0 - 00 xhci_hcd 6 - - - -
0000:00:1f.0 060100 8086:7a84 - 00 - 7 - - - -
0000:00:1f.3 040300 8086:7ad0 - 00 snd_hda_intel 7 - - - -
0000:01:00.0 030000 10de:1c82 - a1 nvidia 14 0000:00:01.0 - - 1
0000:01:00.1 040300 10de:0fb9 - a1 snd_hda_intel 14 0000:00:01.0 - - -
0000:05:00.0 010802 144d:a80a - 00 nvme 39 0000:00:03.0 - - -
0000:08:00.0 010802 144d:a80a - 00 nvme 40 0000:00:04.0 - - -
0000:09:00.0 020000 8086:15f3 - 00 igc 41 0000:00:05.0 - - -
0000:41:00.0 030000 10de:1c82 - a1 nvidia 15 0000:00:02.0 - - 0
0000:41:00.1 040300 10de:0fb9 - a1 snd_hda_intel 15 0000:00:02.0 - - -
"""
PROTECT = ["storage path=0000:00/03.0/00.0 id=144d:a80a", "network path=0000:00/05.0/00.0 "
           "id=8086:15f3", "input path=0000:00/14.0 id=8086:7ae0"]
GOOD = "bind 0000:08:00.0 id=144d:a80a\n"
INTEL = "processor\t: 0\nvendor_id\t: GenuineIntel\n\nprocessor\t: 1\n\n"
AMD = "processor\t: 0\nvendor_id\t: AuthenticAMD\n\n"
REMAPPED = "           CPU0\n  0:   9  IR-IO-APIC    2-edge      timer\n"


WORDS = {0: "as-configured", 1: "failed", 2: "mistake", 5: "refused", 6: "not-configured",
         10: "pending", 12: "warnings"}


def write(root, name, content):
    path = Path(root) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(0o644)


@pytest.fixture(scope="session", name="kernels")
def fixture_kernels(tmp_path_factory):
    """lib/modules with two kernels that have vfio-pci, and no vfio_virqfd."""
    root = tmp_path_factory.mktemp("kernels")
    for release in (KERNEL, "6.12.0-test"):
        tree = ModuleTree(root, release)
        tree.builtin = ["vfio", "vfio-pci", "mlx5-vfio-pci", "odd_vfio_pci", "e1000"]
        tree.builtin_info = [f"mlx5_vfio_pci.alias={MLX5}"]
        tree.index()
    return root / "lib"


class Host:
    """A host on which all is well, to spoil one thing of."""

    def __init__(self, program, root, kernels):
        self.program, self.root = program, Path(root)
        text = "\n".join("\t".join(row.split()) for row in ROWS.strip().splitlines())
        self.rows = f"#kernel {KERNEL}\n{text}\n"
        self.machine = machine.parse(self.rows)
        self.machine.protect = PROTECT
        self.tree = Tree(self.root, self.machine)
        shutil.copytree(kernels, self.root / "lib", symlinks=True)
        self.modules()
        self.write("proc/cpuinfo", INTEL)
        self.write("proc/interrupts", REMAPPED)
        self.write("sys/firmware/acpi/tables/DMAR", "")
        self.policy(GOOD)

    def modules(self):
        """Every function can be reset; no driver is part of the kernel."""
        for address, device in self.machine.devices.items():
            self.write(f"sys/bus/pci/devices/{address}/reset", "")
            if device.driver:
                self.write(f"sys/bus/pci/drivers/{device.driver}/module/refcnt", "1\n")

    def write(self, name, content):
        write(self.root, name, content)

    def remove(self, name):
        path = self.root / name
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

    def policy(self, text, stamped=True, **how):
        """Sets the policy, with images that have it."""
        self.write("etc/vfio-bind.conf", text)
        for release in (KERNEL, "6.12.0-test") if stamped else ():
            set_image(self.root, release, text, **how)

    def run(self, *words, machine_file=None, prefix=()):
        first = ["--root", self.root] + (["--machine", machine_file] if machine_file else [])
        done = limited.run([*prefix, self.program, *first, "check", *words], text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           env=golden.environment(LC_ALL="C"))
        for word in ("AddressSanitizer", "runtime error", "LeakSanitizer"):
            assert word not in done.stderr, done.stderr
        return done

    def check(self, *words, **how):
        """The exit status, and the object --json prints."""
        done = self.run("--json", *words, **how)
        result = golden.validate(done.stdout, "check")
        assert WORDS[done.returncode] == result["result"]
        return done.returncode, result


@pytest.fixture(name="host")
def fixture_host(program, tmp_path, kernels):
    return Host(program, tmp_path / "root", kernels)


def found(result):
    """What was found, as (severity, check), in the order of severity and name."""
    return sorted((finding["severity"], finding["check"]) for finding in result["findings"])


def only(result, check):
    """The one finding of a check."""
    findings = [finding for finding in result["findings"] if finding["check"] == check]
    assert len(findings) == 1, result["findings"]
    assert findings[0]["advice"] and findings[0]["text"]
    return findings[0]


def test_nothing_is_found_where_all_is_well(host):
    status, result = host.check("--strict")
    assert (status, result["result"], found(result)) == (0, "as-configured", [])
    assert result["mistakes"] == []
    assert [(row["address"], row["verdict"], row["driver"], row["driver_next"], row["rule"])
            for row in result["plan"]] == [
                (TWIN, "bind", "nvme", "vfio-pci", "/etc/vfio-bind.conf:1")]


def test_quiet_text_where_all_is_well(host):
    done = host.run("--noheadings", "-o", "address,next")
    assert (done.returncode, done.stderr) == (0, "")
    assert [" ".join(line.split()) for line in done.stdout.splitlines()] == [
        "0000:08:00.0 vfio-pci", "next boot: 1 bound, 0 refused, 0 kept; 0 errors, 0 warnings"]


# The plan.

def test_every_mistake_has_a_line_a_column_and_a_caret(host):
    host.policy("bind nvme id=144x:a80a\nbind nvme\nbind nvm\n")
    done = host.run("--json")
    result = golden.validate(done.stdout, "check")
    assert (done.returncode, result["result"]) == (2, "mistake")
    assert [(m["file"], m["line"], m["column"], m["text"]) for m in result["mistakes"]] == [
        ("/etc/vfio-bind.conf", 1, 14, "bind nvme id=144x:a80a"),
        ("/etc/vfio-bind.conf", 3, 6, "bind nvm")]
    assert all(m["expected"] for m in result["mistakes"])
    assert only(result, "policy")["text"].startswith("the policy has 2 mistakes; nothing")
    assert result["plan"] == []
    assert re.search(r"^/etc/vfio-bind.conf:1:14: expected .*\n  bind nvme id=144x:a80a\n {15}\^$",
                     done.stderr, re.MULTILINE)


def test_no_rule(host):
    for name in ("etc/vfio-bind.conf", "boot"):
        host.remove(name)
    status, result = host.check()
    assert (status, result["result"], found(result)) == (6, "not-configured", [])
    assert "no rule in /etc/vfio-bind.conf" in host.run().stdout


REFUSED = [
    ("the drive of the root", "bind nvme", ROOT_DRIVE, "host-storage", "storage"),
    ("the default route", "bind 0000:09:00.0", NIC, "host-network", "network"),
    ("the only keyboard", "bind 0000:00:14.0", USB, "host-input", "keyboard"),
    ("the screen of the boot", "bind 0000:01:00.0", CARD, "boot-display", "boot_vga"),
    ("a bridge", "bind 0000:00:01.0", "0000:00:01.0", "bridge", "bridge"),
    ("two drivers", "bind 0000:08:00.0\nbind nvme id=144d:* driver=mlx5-vfio-pci nth=2 count=2",
     TWIN, "driver-conflict", "drivers"),
]


@pytest.mark.parametrize("policy, address, reason, word", [row[1:] for row in REFUSED],
                         ids=[row[0] for row in REFUSED])
def test_refused_by_a_guard(host, policy, address, reason, word):
    host.policy(policy + "\n")
    status, result = host.check()
    assert (status, result["result"]) == (5, "refused")
    finding = only(result, "guard")
    assert (finding["severity"], finding["device"], finding["reason"]) == ("error", address, reason)
    assert finding["place"] == "/etc/vfio-bind.conf:1"
    assert word in finding["text"] and f"({reason})" in finding["text"]
    assert finding["advice"].endswith(f"keep {address}")


def test_what_is_kept_is_no_error(host):
    host.policy(f"bind nvme\nkeep {ROOT_DRIVE}\n")
    status, result = host.check("--strict")
    assert (status, found(result)) == (0, [])
    assert [(row["address"], row["verdict"]) for row in result["plan"]] == [
        (ROOT_DRIVE, "keep"), (TWIN, "bind")]


LIFTED = [
    ("storage", f"bind {ROOT_DRIVE} allow=host-storage", "the host's storage"),
    ("network", f"bind {NIC} allow=host-network", "the host's network"),
    ("keyboard", f"bind {USB} allow=host-input", "keyboard"),
    ("screen", f"bind {CARD} allow=boot-display", "the boot's picture"),
]


@pytest.mark.parametrize("policy, words", [row[1:] for row in LIFTED],
                         ids=[row[0] for row in LIFTED])
def test_a_guard_that_is_lifted_is_warned_of(host, policy, words):
    host.policy(policy + "\n")
    status, result = host.check()
    assert (status, found(result)) == (0, [("warning", "guard")])
    assert words in only(result, "guard")["text"]
    assert host.check("--strict")[0] == 12


RULES = [
    ("absent", "bind 0000:77:00.0", 0, "warning", "absent"),
    ("moved", "bind 0000:08:00.0 id=144d:ffff", 0, "warning", "moved"),
    ("keep that keeps nothing", "keep 0000:77:00.0", 0, "warning", "absent"),
    ("count", "bind nvme id=144d:a80a count=3", 1, "error", "count"),
    ("required", "bind 0000:77:00.0 required", 1, "error", "required"),
]


@pytest.mark.parametrize("line, status, severity, reason", [row[1:] for row in RULES],
                         ids=[row[0] for row in RULES])
def test_a_rule_that_binds_nothing(host, line, status, severity, reason):
    host.policy(f"{GOOD}{line}\n")
    code, result = host.check()
    finding = only(result, "rule")
    assert (code, finding["severity"], finding["reason"]) == (status, severity, reason)
    assert finding["place"] == "/etc/vfio-bind.conf:2" and f'"{line}"' in finding["text"]
    if reason == "moved":
        assert "0000:08:00.0 nvme 144d:a80a" in finding["text"]


def test_a_rule_by_boot_vga_follows_the_cable(host):
    host.policy("bind display boot_display=0\n")
    status, result = host.check("--strict")
    assert (status, found(result)) == (0, [("note", "display")])
    assert [(row["address"], row["note"]) for row in result["plan"]] == [
        (OTHER, ""), (OTHER_AUDIO, f"goes with {OTHER}")]


def test_group_with_a_device_of_the_hosts(host):
    host.policy(f"bind {OTHER} with=none\n")
    status, result = host.check()
    finding = only(result, "group")
    assert (status, finding["severity"], finding["devices"]) == (0, "warning", [OTHER_AUDIO])
    assert "group 15" in finding["text"] and OTHER_AUDIO in finding["text"]


def test_group_with_a_device_without_a_driver(host):
    host.policy(f"bind {OTHER} with=none\n")
    host.remove(f"sys/bus/pci/devices/{OTHER_AUDIO}/driver")
    host.write(f"sys/bus/pci/devices/{OTHER_AUDIO}/uevent",
               "PCI_CLASS=40300\nPCI_ID=10DE:0FB9\nPCI_SUBSYS_ID=0000:0000\n"
               f"PCI_SLOT_NAME={OTHER_AUDIO}\n")
    assert only(host.check()[1], "group")["severity"] == "note"


CMDLINE = [
    ("off", "rd.vfio_bind=0", "off", '"rd.vfio_bind=0"'),
    ("off by a value nobody knows", "rd.vfio_bind=nope", "off", "nobody knows that value"),
    ("a word nobody knows", "rd.vfio_bind.kep=01:00.0", "cmdline", '"rd.vfio_bind.kep=01:00.0"'),
    ("bind, not accepted", "rd.vfio_bind.bind=08:00.0", "cmdline", "is ignored"),
    ("rule, not accepted", '"rd.vfio_bind.rule=bind 08:00.0"', "cmdline", "is ignored"),
]


@pytest.mark.parametrize("word, check, text", [row[1:] for row in CMDLINE],
                         ids=[row[0] for row in CMDLINE])
def test_words_on_the_kernel_command_line(host, word, check, text):
    host.tree.boot(word)
    status, result = host.check("--strict")
    assert (status, found(result)) == (12, [("warning", check)])
    assert text in only(result, check)["text"]


# The IOMMU.

IOMMU = [
    ("Intel", INTEL, "", ("DMAR",), "add intel_iommu=on to the kernel command line, with VT-d"),
    ("Intel, firmware has it off", INTEL, "", (), "turn VT-d on in the firmware's setup, add "
     "intel_iommu=on"),
    ("Intel, the option is there", INTEL, "intel_iommu=on", (), "intel_iommu=on is there: turn"),
    ("Intel, turned off", INTEL, "intel_iommu=off", ("DMAR",), 'remove "intel_iommu=off"'),
    ("AMD", AMD, "", (), "turn IOMMU (AMD-Vi) from Auto to Enabled"),
    ("AMD, the firmware has it on", AMD, "", ("IVRS",), "the kernel needs no option"),
    ("AMD, turned off", AMD, "amd_iommu=off", ("IVRS",), 'remove "amd_iommu=off"'),
    ("turned off for all", AMD, "iommu=off", ("IVRS",), 'remove "iommu=off"'),
    ("ARM", "processor\t: 0\nCPU implementer\t: 0x41\n", "", (), "turn the SMMU on"),
    ("a virtual machine", INTEL.replace("\n\n", "\nflags\t\t: fpu hypervisor\n\n", 1), "", (),
     "this is a virtual machine: give it an IOMMU (QEMU: -device intel-iommu"),
    ("no cpuinfo, a host bridge of Intel's", "", "", ("DMAR",), "add intel_iommu=on"),
]


@pytest.mark.parametrize("cpu, cmdline, tables, advice", [row[1:] for row in IOMMU],
                         ids=[row[0] for row in IOMMU])
def test_iommu_off(host, cpu, cmdline, tables, advice):
    for address in host.machine.devices:
        host.remove(f"sys/bus/pci/devices/{address}/iommu_group")
    host.remove("sys/firmware/acpi/tables/DMAR")
    for table in tables:
        host.write(f"sys/firmware/acpi/tables/{table}", "")
    host.write("sys/firmware/acpi/tables/FACP", "")
    host.write("proc/cpuinfo", cpu)
    host.tree.boot(cmdline)
    status, result = host.check()
    assert (status, found(result)) == (5, [("error", "iommu")])
    assert only(result, "iommu")["advice"].startswith(advice) or advice in (
        only(result, "iommu")["advice"])
    assert result["plan"][0]["reason"] == "no-iommu"


def test_iommu_off_without_rules_is_a_warning(host):
    for address in host.machine.devices:
        host.remove(f"sys/bus/pci/devices/{address}/iommu_group")
    for name in ("etc/vfio-bind.conf", "boot"):
        host.remove(name)
    status, result = host.check()
    assert (status, found(result)) == (6, [("warning", "iommu")])


ON_PURPOSE = {
    "nobody tells vfio": ("", "", None),
    "off": ("vfio.enable_unsafe_noiommu_mode=0", "", None),
    "another module": ("vfio_pci.enable_unsafe_noiommu_mode=1", "options kvm x=1\n", None),
    "on the command line": ("vfio.enable_unsafe_noiommu_mode=1", "", "vfio-pci"),
    "a kernel nobody knows": ("", "", "vfio-pci"),
    "a kernel that cannot": ("vfio.enable_unsafe_noiommu_mode=1", "", None),
    "in modprobe.d": ("", "options vfio foo=1 enable_unsafe_noiommu_mode=Y\n", "vfio-pci"),
}


@pytest.mark.parametrize("config", [f"boot/config-{KERNEL}", f"lib/modules/{KERNEL}/config"])
@pytest.mark.parametrize("cmdline, conf, driver", ON_PURPOSE.values(), ids=ON_PURPOSE)
def test_iommu_off_on_purpose(host, request, config, cmdline, conf, driver):
    """The rule alone is not enough: vfio has a parameter of its own, or refuses the device."""
    for address in host.machine.devices:
        host.remove(f"sys/bus/pci/devices/{address}/iommu_group")
    host.tree.boot(cmdline)
    cannot = "cannot" in request.node.name
    if "nobody_knows" not in request.node.name.replace(" ", "_"):
        host.write(config, "# CONFIG_VFIO_NOIOMMU is not set\n"
                   if cannot else "# a comment\nCONFIG_VFIO_NOIOMMU=y\n")
    host.write("etc/modprobe.d/vfio.conf", conf)
    host.policy("bind 0000:08:00.0 id=144d:a80a allow=no-iommu\n",
                vfio=conf if conf.startswith("options vfio ") else "")
    status, result = host.check()
    assert (status, found(result)) == (0 if driver else 1, [
        ("warning" if driver else "error", "guard"), ("warning", "iommu")])
    advice = only(result, "guard")["advice"]
    assert ("IOMMU on: this kernel" in advice) == cannot
    assert ("vfio.enable_unsafe_noiommu_mode=1" in advice) == (not driver and not cannot)
    assert result["plan"][0]["driver_next"] == driver


INTERRUPTS = [
    ("off", " 0: 9 IO-APIC 2-edge timer\n", "", "", "warning", "turn it on in the firmware"),
    ("turned off", " 0: 9 IO-APIC 2-edge\n", "intremap=off", "", "warning",
     'remove "intremap=off"'),
    ("permitted", " 0: 9 IO-APIC 2-edge\n", "", "Y\n", "note", "turn it on"),
    ("not permitted", " 0: 9 IO-APIC 2-edge\n", "", "N\n", "warning", "turn it on"),
    ("cannot be told", None, "", "", "unknown", "check on the running machine"),
]


@pytest.mark.parametrize("interrupts, cmdline, unsafe, severity, advice",
                         [row[1:] for row in INTERRUPTS], ids=[row[0] for row in INTERRUPTS])
def test_interrupt_remapping(host, interrupts, cmdline, unsafe, severity, advice):
    host.tree.boot(cmdline)
    if interrupts is None:
        host.remove("proc/interrupts")
    else:
        host.write("proc/interrupts", interrupts)
    if unsafe:
        host.write("sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", unsafe)
    status, result = host.check()
    assert (status, found(result)) == (0, [(severity, "interrupts")])
    assert advice in only(result, "interrupts")["advice"]


# What else binds devices.

BOTH = [ROOT_DRIVE]
CONFLICTS = [
    # name, file or None for the command line, its content, check, severity, devices, line
    ("ids on the command line", None, "vfio-pci.ids=144d:a80a", "ids", "warning", BOTH, None),
    ("by the other spelling", None, "vfio_pci.ids=144d:a80a", "ids", "warning", BOTH, None),
    ("in quotes", None, 'vfio-pci.ids="10de:1c82,144d:a80a"', "ids", "warning",
     [CARD, ROOT_DRIVE, OTHER], None),
    ("of pci-stub", None, "pci-stub.ids=144d:a80a", "ids", "warning", BOTH, None),
    ("by class", None, "vfio-pci.ids=ffffffff:ffffffff:ffffffff:ffffffff:00010802:00ffffff",
     "ids", "warning", BOTH, None),
    ("of bridges, which vfio-pci does not take", None, "vfio-pci.ids=8086:460d", "ids", "note",
     None, None),
    ("of nothing that is there", None, "vfio-pci.ids=1234:5678", "ids", "note", None, None),
    ("the kernel's blacklist", None, "module_blacklist=nouveau,vfio_pci", "blacklist", "error",
     None, None),
    ("ids in modprobe.d", "etc/modprobe.d/vfio.conf",
     "# comment\noptions vfio-pci disable_vga=1 ids=144d:a80a\n", "ids", "warning", BOTH, 2),
    ("in a line that goes on", "etc/modprobe.d/vfio.conf",
     "softdep a pre: b\noptions vfio-pci \\\n  disable_vga=1 \\\n  ids=144d:a80a\n", "ids", "warning",
     BOTH, 2),
    ("in the distribution's", "usr/lib/modprobe.d/vfio.conf", "options vfio_pci ids=144d:a80a\n",
     "ids", "warning", BOTH, 1),
    ("in initramfs-tools' modules", "etc/initramfs-tools/modules",
     "# comment\nvfio_pci ids=144d:a80a\n", "ids", "warning", BOTH, 2),
    ("of pci-stub there", "etc/initramfs-tools/modules", "pci_stub ids=144d:a80a\n", "ids",
     "warning", BOTH, 1),
    ("in dracut's command line", "etc/dracut.conf.d/vfio.conf",
     'kernel_cmdline="quiet vfio-pci.ids=144d:a80a"\n', "ids", "warning", BOTH, 1),
    ("appended to it", "etc/dracut.conf", "kernel_cmdline+=' vfio_pci.ids=144d:a80a '\n", "ids",
     "warning", BOTH, 1),
    ("for the next entry", "etc/kernel/cmdline", "quiet vfio-pci.ids=144d:a80a\n", "ids",
     "warning", BOTH, 1),
    ("for the next image", "etc/cmdline.d/v.conf", "vfio-pci.ids=144d:a80a\n", "ids", "warning",
     BOTH, 1),
    ("in a boot entry", "boot/loader/entries/arch.conf",
     "title Arch\noptions quiet vfio-pci.ids=144d:a80a\n", "ids", "warning", BOTH, 2),
    ("for GRUB, in its quotes", "etc/default/grub",
     'GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX="vfio-pci.ids=\\"144d:a80a\\""\n', "ids", "warning",
     BOTH, 2),
    ("a host's driver blacklisted", "etc/modprobe.d/x.conf", "blacklist nvidia\n", "blacklist",
     "warning", [CARD, OTHER], 1),
    ("install", "etc/modprobe.d/vfio.conf", "\ninstall vfio-pci /sbin/vfio-pci-override.sh\n",
     "install", "warning", None, 2),
    ("softdep of a host driver", "etc/modprobe.d/vfio.conf", "softdep nvidia pre: vfio-pci\n",
     "softdep", "note", None, 1),
    ("softdep that brings one along", "etc/modprobe.d/vfio.conf",
     "softdep vfio_pci pre: nouveau\n", "softdep", "warning", None, 1),
    ("driverctl for the host's", f"etc/driverctl.d/pci-{ROOT_DRIVE}", "vfio-pci\n", "driverctl",
     "warning", None, 0),
    ("driverctl as the policy", f"etc/driverctl.d/pci-{TWIN}", "vfio-pci\n", "driverctl", "note",
     None, 0),
    ("driverctl against the policy", f"etc/driverctl.d/pci-{TWIN}", "nvme\n", "driverctl",
     "warning", None, 0),
]


@pytest.mark.parametrize("name, content, check, severity, devices, line",
                         [row[1:] for row in CONFLICTS], ids=[row[0] for row in CONFLICTS])
def test_conflict(host, name, content, check, severity, devices, line):
    if name:
        host.write(name, content)
    else:
        host.tree.boot(content)
    status, result = host.check()
    assert (status, found(result)) == (1 if severity == "error" else 0, [(severity, check)])
    finding = only(result, check)
    assert finding.get("devices") == devices
    if name:
        assert finding["place"] == f"/{name}" + (f":{line}" if line else "")
        assert f"/{name}" in finding["text"]
    if devices and ROOT_DRIVE in devices:
        assert f"{ROOT_DRIVE} holds the host's storage" in finding["text"]


HARMLESS = [
    ("options without ids", "etc/modprobe.d/vfio.conf", "options vfio-pci disable_vga=1\n"),
    ("a comment", "etc/modprobe.d/vfio.conf", "#options vfio-pci ids=144d:a80a\n"),
    ("not a .conf", "etc/modprobe.d/vfio.conf.old", "options vfio-pci ids=144d:a80a\n"),
    ("a line that goes on, but not that far", "etc/modprobe.d/vfio.conf",
     "options vfio-pci disable_vga=1 \\\n\n ids=144d:a80a\n"),
    ("another module", "etc/modprobe.d/vfio.conf", "install nouveau /bin/false\n"),
    ("vfio's own softdep", "etc/modprobe.d/vfio.conf",
     "softdep vfio-pci pre: vfio vfio_iommu_type1\n"),
    ("driverctl among host drivers", f"etc/driverctl.d/pci-{NIC}", "igc\n"),
    ("driverctl for what is not there", "etc/driverctl.d/pci-0000:77:00.0", "vfio-pci\n"),
    ("driverctl of another bus", "etc/driverctl.d/vmbus-0000:05:00.0", "vfio-pci\n"),
]


@pytest.mark.parametrize("name, content", [row[1:] for row in HARMLESS],
                         ids=[row[0] for row in HARMLESS])
def test_no_conflict(host, name, content):
    host.write(name, content)
    status, result = host.check("--strict")
    assert (status, found(result)) == (0, [])


def test_ids_that_take_what_the_policy_binds_are_redundant(host):
    host.policy(f"bind {OTHER}\n")
    host.tree.boot("vfio-pci.ids=10de:0fb9:ffffffff,1234:1234")
    assert only(host.check()[1], "ids")["devices"] == [CARD_AUDIO]
    host.policy(f"bind {OTHER}\n")
    host.tree.boot("vfio-pci.ids=144d:a80a")
    assert " takes 0000:05:00.0, 0000:08:00.0, which the policy leaves" in only(
        host.check()[1], "ids")["text"]
    host.policy("bind nvme\n")
    host.tree.protect([])
    host.tree.boot("vfio-pci.ids=144d:a80a")
    finding = only(host.check()[1], "ids")
    assert (finding["severity"], finding["devices"]) == ("note", [ROOT_DRIVE, TWIN])


def test_a_file_that_another_of_its_name_masks_does_not_count(host):
    host.write("usr/lib/modprobe.d/vfio.conf", "options vfio-pci ids=144d:a80a\n")
    host.write("etc/modprobe.d/vfio.conf", "")
    assert found(host.check()[1]) == []


def places(result, check):
    """Where it was found, in the order it is told."""
    return [finding["place"] for finding in result["findings"] if finding["check"] == check]


@pytest.mark.parametrize("dirs, content, check", [
    (("etc/modprobe.d", "usr/lib/modprobe.d"), "softdep nvidia pre: vfio-pci\n", "softdep"),
    (("usr/lib/dracut/dracut.conf.d", "etc/dracut.conf.d"), 'add_drivers+=" vfio_virqfd "\n',
     "virqfd"),
    (("run/modules-load.d", "etc/modules-load.d"), "vfio_virqfd\n", "virqfd"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_files_are_read_in_the_order_of_their_names_over_all_directories(host, dirs, content,
                                                                         check):
    names = [f"{number:02}.conf" for number in range(24)]
    for name in random.Random(1).sample(names, len(names)):
        host.write(f"{dirs[int(name[:2]) % 2]}/{name}", content)
    assert places(host.check()[1], check) == [
        f"/{dirs[number % 2]}/{name}:1" for number, name in enumerate(names)]


def test_settings_of_driverctl_are_read_in_the_order_of_their_names(host):
    devices = [ROOT_DRIVE, TWIN, OTHER, CARD, CARD_AUDIO, NIC]
    for address in random.Random(1).sample(devices, len(devices)):
        host.write(f"etc/driverctl.d/pci-{address}", "vfio-pci\n")
    assert places(host.check()[1], "driverctl") == [
        f"/etc/driverctl.d/pci-{address}" for address in sorted(devices)]


GENERATORS = [
    ("etc/initramfs-tools/modules", "vfio\nvfio_virqfd\n", 2),
    ("etc/dracut.conf.d/vfio.conf", 'force_drivers+=" vfio_pci vfio vfio_virqfd "\n', 1),
    ("etc/dracut.conf", 'add_drivers+=" vfio-virqfd "\n', 1),
    ("etc/mkinitcpio.conf", "# MODULES=(vfio_virqfd)\nMODULES=(vfio_pci vfio_virqfd)\n", 2),
    ("etc/mkinitcpio.conf.d/vfio.conf", "MODULES+=(vfio_virqfd vfio)\n", 1),
    ("etc/booster.yaml", "modules: -*,vfio_virqfd,vfio_pci\n", 1),
    ("etc/modules-load.d/vfio.conf", "vfio_virqfd\n", 1),
    ("etc/modules", "vfio_virqfd\n", 1),
]


@pytest.mark.parametrize("name, content, line", GENERATORS, ids=[row[0] for row in GENERATORS])
def test_a_module_that_is_no_more(host, name, content, line):
    host.write(name, content)
    status, result = host.check()
    finding = only(result, "virqfd")
    assert (status, found(result)) == (0, [("warning", "virqfd")])
    assert finding["place"] == f"/{name}:{line}" and "kernel 6.12.0-test" in finding["text"]


def test_a_module_that_all_kernels_have_is_no_mistake(host):
    for release in (KERNEL, "6.12.0-test"):
        with open(host.root / "lib/modules" / release / "modules.builtin", "a",
                  encoding="ascii") as file:
            file.write("kernel/vfio_virqfd.ko\n")
        subprocess.run(["depmod", "-b", host.root, release], check=True,
                       env={**os.environ, "PATH": "/usr/sbin:/sbin:" + os.environ["PATH"]})
    host.write("etc/modules", "vfio_virqfd\n")
    assert found(host.check()[1]) == []


# Images.

NEWEST = "boot/initrd.img-6.12.0-test"
IMAGES = [
    ("nothing of ours", {"policy": None}, 10, "warning", "without vfio-bind"),
    ("another policy", {"policy": "bind nvme\n"}, 10, "warning", "another policy"),
    ("another binder", {"binder": b"\x7fELF, another\n"}, 0, "note", "another binder"),
    ("no program", {"binder": b""}, 1, "error", "is no program"),
    ("without a protect list", {"protect": "vfio-bind-protect 1\nunknown\n",
                                "policy": "bind nvme 0000:08:00.0\n"}, 10, "warning",
     "0000:08:00.0 stays with the host: host-unknown"),
]


@pytest.mark.parametrize("how, status, severity, words", [row[1:] for row in IMAGES],
                         ids=[row[0] for row in IMAGES])
def test_image(host, how, status, severity, words):
    """What is in the image counts, whatever was built by whom."""
    host.write("usr/lib/vfio-bind/binder", BINDER.decode())
    if "protect" in how:
        host.policy(how["policy"])
    set_image(host.root, "6.12.0-test", **{"policy": GOOD, **how})
    code, result = host.check()
    assert (code, found(result)) == (status, [(severity, "image")])
    finding = only(result, "image")
    assert "6.12.0-test" in finding["text"] and words in finding["text"]
    assert KERNEL not in finding["text"] and "vfio-bind update" in finding["advice"]


def test_an_image_left_behind_by_a_policy_that_is_gone(host):
    host.remove("etc/vfio-bind.conf")
    status, result = host.check()
    assert (status, found(result)) == (10, [("warning", "image")])


def test_a_kernel_that_does_not_boot_next_is_warned_of_but_not_pending(host):
    """Neither running nor the newest; its modules are not indexed, and so it has none."""
    host.write("lib/modules/5.10.0-old/modules.builtin", "")
    status, result = host.check()
    assert (status, found(result)) == (0, [("warning", "driver"), ("warning", "image")])
    assert all("kernel 5.10.0-old: " in finding["text"] for finding in result["findings"])


def test_no_kernel_is_unknown_not_right(host):
    host.remove("lib/modules")
    status, result = host.check("--strict")
    assert (status, found(result)) == (0, [("unknown", "image")])


def test_a_driver_that_a_kernel_lacks(host):
    host.policy(f"bind {TWIN} id=144d:a80a driver=pci-stub\n")
    status, result = host.check()
    assert status == 1
    assert [finding["text"] for finding in result["findings"]] == [
        f"kernel {release}: pci-stub is not among its modules"
        for release in (KERNEL, "6.12.0-test")]


@pytest.mark.parametrize("driver, findings", [
    ("auto", []), ("mlx5_vfio_pci", []), ("odd-vfio-pci", ["odd-vfio-pci"] * 2)])
def test_a_driver_from_outside_the_tree_is_warned_of(host, driver, findings):
    """Its module is there: whoever named it may know what it does."""
    host.policy(f"bind {TWIN} id=144d:a80a driver={driver}\n")
    status, result = host.check()
    assert status == 0
    assert [(finding["severity"], finding["text"].split(": ")[1]) for finding in result["findings"]
            if finding["check"] == "driver"] == [
        ("warning", f"nothing says that {name} hands devices to a guest") for name in findings]


# What hardware has against it.

def test_memory_the_firmware_reserves(host):
    regions = "0x00000000fee00000 0x00000000feefffff msi\n"
    name = "sys/kernel/iommu_groups/40/reserved_regions"
    host.write(name, regions + "0x00000000000a0000 0x00000000000affff direct-relaxable\n")
    assert found(host.check()[1]) == []
    host.write(name, "0x00000000000e8000 0x00000000000e8fff direct\n" + regions)
    status, result = host.check()
    assert (status, found(result)) == (0, [("warning", "reserved-region")])
    assert only(result, "reserved-region")["device"] == TWIN
    host.policy(f"keep {TWIN}\n")
    assert found(host.check()[1]) == []


RESETS = [
    ("alone on its bus", GOOD, TWIN, "sys/bus/pci/devices/0000:08:00.0/reset", None, []),
    ("all of its bus is bound", f"bind {OTHER}\n", OTHER,
     f"sys/bus/pci/devices/{OTHER}/reset", None, []),
    ("its bus is shared", f"bind {OTHER} with=none\n", OTHER, f"sys/bus/pci/devices/{OTHER}/reset",
     None, [OTHER_AUDIO]),
    ("on a root bus", "bind 0000:00:1f.3 with=none\n", "0000:00:1f.3",
     "sys/bus/pci/devices/0000:00:1f.3/reset", None, None),
    ("emptied", "bind 0000:00:1f.3 with=none\n", "0000:00:1f.3", None, "\n", None),
    ("there is one", "bind 0000:00:1f.3 with=none\n", "0000:00:1f.3", None, "flr bus\n", []),
]


@pytest.mark.parametrize("policy, address, removed, methods, shared", [row[1:] for row in RESETS],
                         ids=[row[0] for row in RESETS])
def test_reset(host, policy, address, removed, methods, shared):
    host.policy(policy)
    if removed:
        host.remove(removed)
    if methods:
        host.write(f"sys/bus/pci/devices/{address}/reset_method", methods)
    result = host.check()[1]
    if shared == []:
        assert ("warning", "reset") not in found(result)
        return
    finding = only(result, "reset")
    assert (finding["device"], finding.get("devices")) == (address, shared)


ASKED = [
    # What the rule asks, what there is, what is said, and the next step.
    ("flr", "flr bus\n", None, None),
    ("bus,flr", "flr bus\n", None, None),
    ("pm,flr,bus", "flr bus\n", "not all methods of reset=pm,flr,bus (/etc/vfio-bind.conf:1): "
     "what it has is flr bus", "those it has are used: reset=flr,bus"),
    ("pm", "flr bus\n", "has none of the methods of reset=pm", "name methods that it has"),
    ("pm,flr", None, "what it has is nothing", "leave reset= out"),
]


@pytest.mark.parametrize("asked, methods, said, advice", ASKED)
def test_reset_methods_that_a_rule_asks_for(host, asked, methods, said, advice):
    host.policy(f"bind {TWIN} id=144d:a80a reset={asked}\n")
    if methods:
        host.write(f"sys/bus/pci/devices/{TWIN}/reset_method", methods)
    status, result = host.check("--strict")
    if said is None:
        assert (status, found(result)) == (0, [])
        return
    finding = only(result, "reset")
    assert (status, finding["severity"]) == (12, "warning")
    assert (finding["device"], finding["place"]) == (TWIN, "/etc/vfio-bind.conf:1")
    assert said in finding["text"] and advice in finding["advice"]


def test_d3cold_where_there_is_no_such_thing(host):
    host.policy(f"bind {TWIN} id=144d:a80a d3cold=0\n")
    finding = only(host.check("--strict")[1], "d3cold")
    assert (finding["device"], finding["place"]) == (TWIN, "/etc/vfio-bind.conf:1")
    host.write(f"sys/bus/pci/devices/{TWIN}/d3cold_allowed", "1\n")
    assert found(host.check()[1]) == []


def test_a_kernel_that_shows_no_reset_at_all(host):
    host.policy("bind 0000:00:1f.3\n")
    for address in host.machine.devices:
        host.remove(f"sys/bus/pci/devices/{address}/reset")
    assert ("warning", "reset") not in found(host.check()[1])


def test_the_firmware_framebuffer_in_a_card_that_is_bound(program, tmp_path, kernels):
    host = Host(program, tmp_path / "root", kernels)
    path = host.tree.paths[OTHER]
    host.write("proc/iomem", f"d0000000-dfffffff : PCI Bus 0000:41\n  d0000000-d0ffffff : {OTHER}\n"
               "    d0000000-d02fffff : efifb\n")
    assert path.endswith(OTHER)
    host.policy(f"bind {OTHER} allow=boot-display\n")
    status, result = host.check()
    assert (status, found(result)) == (0, [("note", "framebuffer"), ("warning", "guard")])
    assert only(result, "framebuffer")["device"] == OTHER


# Where the machine cannot be seen.

def test_machine_file(host, tmp_path):
    """What it does not hold is unknown; what it does hold is judged."""
    host.write("etc/modprobe.d/vfio.conf", "options vfio-pci ids=144d:a80a\n")
    host.write("etc/modules", "vfio_virqfd\n")
    path = tmp_path / "machine.tsv"
    path.write_text("#cmdline vfio-pci.ids=10de:0fb9\n" + host.rows
                    + "".join(f"#protect {line}\n" for line in PROTECT))
    status, result = host.check(machine_file=path)
    assert (status, found(result)) == (0, [("unknown", "machine"), ("warning", "ids")])
    assert only(result, "ids")["devices"] == [CARD_AUDIO, OTHER_AUDIO]


def test_machine_file_without_the_hosts_own(host, tmp_path):
    path = tmp_path / "machine.tsv"
    path.write_text(host.rows)
    assert found(host.check(machine_file=path)[1]) == [("unknown", "host"), ("unknown", "machine")]


@pytest.mark.parametrize("name", sorted(path.name for path in
                                        (Path(__file__).parents[1] / "machines").glob("*.tsv")))
def test_every_machine(host, name):
    """The plan is the decision's, and every finding says what to do."""
    host.write("etc/vfio-bind.conf", "bind display boot_display=0\nbind nvme\nbind network\n"
               "bind usb with=group\n")
    path = Path(__file__).parents[1] / "machines" / name
    status, result = host.check(machine_file=path)
    assert status in (0, 5)
    assert (status == 5) == any(row["verdict"] == "refuse" for row in result["plan"])
    assert all(finding["text"] and finding["advice"] for finding in result["findings"])
    off = not any(device.group is not None for device in machine.load(path))
    assert any(check == "iommu" for _, check in found(result)) == off


def test_unreadable_configuration_is_unknown(host):
    host.write("etc/modprobe.d/vfio.conf", "options vfio-pci ids=144d:a80a\n")
    (host.root / "etc/modprobe.d/vfio.conf").chmod(0)
    prefix = []
    if os.geteuid() == 0:
        let_in(host.root)
        prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    status, result = host.check(prefix=prefix)
    assert (status, found(result)) == (0, [("unknown", "modprobe")])
    finding = only(result, "modprobe")
    assert finding["advice"] == "run check as root"
    assert finding["text"].startswith("/etc/modprobe.d/vfio.conf cannot be read")


# The text.

def test_text_is_in_the_order_of_severity(host):
    host.policy("bind nvme\nbind 0000:77:00.0\nbind display boot_display=0\n")
    host.remove("proc/interrupts")
    host.tree.boot("vfio-pci.ids=144d:a80a")
    done = host.run()
    lines = done.stdout.splitlines()
    starts = [re.match(r"(error|warning|unknown|note): \S", line) for line in lines]
    named = [match[1] for match in starts if match]
    assert named == ["error", "warning", "warning", "unknown", "note"]
    for number, match in enumerate(starts):
        if match:
            assert re.match(" " * (len(match[1]) + 2) + r"\S", lines[number + 1])
    assert lines[-1] == "next boot: 3 bound, 1 refused, 0 kept; 1 error, 2 warnings"
    assert (done.returncode, done.stderr) == (5, "") and "\033" not in done.stdout


def on_terminal(host, columns=80, **environment):
    """What a person sees."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 25, columns, 0, 0))
    own = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS")}
    child = subprocess.Popen([host.program, "--root", host.root, "check"], stdout=slave,
                             env={**own, "LC_ALL": "C", "TERM": "xterm", **environment})
    os.close(slave)
    text = b""
    try:
        while piece := os.read(master, 4096):
            text += piece
    except OSError:  # the end, on a terminal
        pass
    os.close(master)
    child.wait()
    return text.decode()


def test_colour_on_a_terminal_only_and_never_with_no_color(host):
    host.policy("bind nvme\n")
    assert "\033[1;31merror:\033[0m " in on_terminal(host)
    assert "\033" not in on_terminal(host, NO_COLOR="1")


@pytest.mark.parametrize("columns", [80, 132])
def test_a_narrow_terminal_shows_what_matters(host, columns):
    host.policy(f"bind nvme\nkeep {ROOT_DRIVE}\n")
    lines = on_terminal(host, columns, NO_COLOR="1").splitlines()
    assert all(len(line) <= columns for line in lines)
    assert [line.split() for line in lines if line.startswith(TWIN)][0][-2:] == [
        "vfio-pci", "/etc/vfio-bind.conf:1"]
    assert ("NAME" in lines[0]) == (columns == 132) and "CLASS" in lines[0]


USAGE = [("an argument", ["what"]), ("an option", ["--nope"]), ("a column", ["-o", "nope"])]


@pytest.mark.parametrize("words", [row[1] for row in USAGE], ids=[row[0] for row in USAGE])
def test_usage(host, words):
    done = host.run(*words)
    assert done.returncode == 2 and done.stderr


# How much it takes.

def many(program, root, kernels):
    """A host of 256 functions, of which a rule takes 223."""
    host = Host(program, root, kernels)
    rows = [f"0000:00:{bus:02x}.0 060400 8086:460d - 00 pcieport {bus} - - - -"
            for bus in range(32)]
    rows += [f"0000:{1 + i // 7:02x}:00.{i % 7} 010802 144d:a80a - 00 nvme {100 + i} "
             f"0000:00:{i // 7:02x}.0 - - -" for i in range(224)]
    host.rows = "\n".join("\t".join(row.split()) for row in rows)
    shutil.rmtree(host.root / "sys")
    shutil.rmtree(host.root / "usr")
    host.machine = machine.parse(f"#kernel {KERNEL}\n{host.rows}\n")
    host.machine.protect = ["storage path=0000:00/03.0/00.0 id=144d:a80a"]
    for name in ("proc", "dev", "run"):
        shutil.rmtree(host.root / name)
    host.tree = Tree(host.root, host.machine)
    host.modules()
    host.write("proc/interrupts", REMAPPED)
    host.policy("bind nvme\nkeep 0000:04:00.0\n")
    return host


# A process begins with the memory of the one that forked it on its account: so a small one does.
PEAK = """
import os, sys
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ,
                       file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
_, status, usage = os.wait4(child, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)
"""
INSTRUCTIONS = 100_000_000


def peak(*arguments):
    """KiB of memory that one run has at most."""
    status, memory = subprocess.check_output(
        [sys.executable, "-I", "-S", "-c", PEAK, *map(str, arguments)], text=True).split()
    assert status == "0"
    return int(memory)


def test_256_devices(program, tmp_path, kernels):
    if b"__asan_init" in Path(program).read_bytes():
        pytest.skip("sanitizers take instructions and memory of their own")
    host = many(program, tmp_path / "root", kernels)
    status, result = host.check()
    assert (status, found(result), len(result["plan"])) == (0, [], 224)
    command = (program, "--root", host.root, "check", "--json")
    assert instructions(*command) < INSTRUCTIONS
    assert peak(*command) < 16 * 1024


@pytest.mark.parametrize("driver, value, told", [
    ("pci-stub", "N", True), ("pci-stub", "Y", False), ("vfio-pci", "N", False)])
def test_a_kernel_that_wants_driver_override_allowed(host, driver, value, told):
    host.policy(f"bind {TWIN} id=144d:a80a driver={driver}\n")
    host.write("sys/module/driver_core/parameters/allow_driver_override", f"{value}\n")
    _, result = host.check()
    advice = [finding["advice"] for finding in result["findings"]
              if "gives a device by driver_override only" in finding["text"]]
    assert advice == ["add driver_core.allow_driver_override=1 to the kernel command line, or name "
                      "driver=vfio-pci"] * told
