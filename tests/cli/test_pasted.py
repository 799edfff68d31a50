# SPDX-License-Identifier: GPL-2.0-or-later
"""--machine takes what people paste into bug reports: lspci, udevadm, the loop over groups."""

import re
import subprocess
from pathlib import Path

import pytest

from lib.payload import fixture_program  # noqa: F401

MACHINES = sorted(p for p in (Path(__file__).parents[1] / "machines").glob("*.tsv")
                  if not p.stem.endswith("-early"))
GONE = "ffffffff:ff:1f.7"
# What a class without its last two digits is taken for, by the driver: linux/pci_ids.h.
INTERFACES = {("nvme", "0108"): "02", ("ahci", "0106"): "01", ("xhci_hcd", "0c03"): "30",
              ("ehci-pci", "0c03"): "20", ("uhci_hcd", "0c03"): "00", ("ohci-pci", "0c03"): "10",
              ("sdhci-pci", "0805"): "01"}


def rows_of(text):
    return [line.split("\t") for line in text.splitlines() if line and line[0] != "#"]


def run(program, tmp_path, text, *words):
    path = tmp_path / "pasted"
    path.write_text(text)
    return subprocess.run([program, "--root", tmp_path, "--machine", path, *words], text=True,
                          capture_output=True, check=False)


def dumped(program, tmp_path, text):
    """The rows that come out, and what is said not to be known."""
    done = run(program, tmp_path, text, "dump")
    assert done.returncode == 0, done.stderr
    return rows_of(done.stdout), done.stderr, done.stdout


def buses(rows):
    """The bus below each bridge that has a function below it."""
    return {row[7]: row[0].split(":")[1] for row in rows if row[7] != "-"}


def lspci(rows, verbose):
    """As lspci -nnkD, or -nnvvvD, prints these rows: ls-pci.c of pciutils 3.9."""
    below = buses(rows)
    for address, cls, ids, sub, rev, driver, group, _, dsn, slot, _ in rows:
        interface = f" (prog-if {cls[4:]} [Something])" if verbose else ""
        yield (f"{address} Some class [{cls[:4]}]: Vendor [of a kind] Name [Model] [{ids}]"
               f"{'' if rev == '-' else f' (rev {rev})'}{interface}")
        yield "" if sub == "-" else f"\tSubsystem: Vendor Name [{sub}]"
        if verbose:
            yield "" if slot == "-" else f"\tPhysical Slot: {slot}"
            yield "\tControl: I/O+ Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr-"
            yield "" if group == "-" else f"\tIOMMU group: {group}"
            if address in below:
                yield (f"\tBus: primary={address[5:7]}, secondary={below[address]}, "
                       "subordinate=ff, sec-latency=0")
            yield "" if dsn == "-" else f"\tCapabilities: [148 v1] Device Serial Number {dsn}"
        yield "" if driver == "-" else f"\tKernel driver in use: {driver}"
        yield "\tKernel modules: nouveau, nvidia"


def known(row, verbose, roots):
    """The row as that text tells it."""
    address, cls, ids, sub, rev, driver, group, parent, dsn, slot, _ = row
    if not verbose:
        cls = cls[:4] + INTERFACES.get((driver, cls[:4]), "00")
        group = dsn = slot = "-"
        parent = "-" if address[:7] in roots else GONE
    sub = "-" if sub.startswith("0000:") else sub
    dsn = "-" if set(dsn) == set("0-") else dsn
    return [address, cls, ids, sub, rev, driver, group, parent, dsn, slot, "-"]


def usual(rows):
    """What a paste cannot tell from other machines is left out: VMD, and bridges that are gone."""
    return all(row[0].startswith("0000:") and row[7] != GONE for row in rows)


@pytest.mark.parametrize("path", MACHINES, ids=lambda p: p.stem)
@pytest.mark.parametrize("verbose", [False, True], ids=["-nnk", "-nnvvv"])
def test_lspci_tells_what_it_can(program, tmp_path, path, verbose):
    rows = rows_of(path.read_text())
    if not usual(rows):
        rows = [row for row in rows if row[0].startswith("0000:")]
    roots = {"0000:00"} | {row[0][:7] for row in rows if row[1].startswith("0600")}
    if verbose:  # a bus without a host bridge is not taken for a root bus
        for row in rows:
            if row[7] == "-" and row[0][:7] not in roots:
                row[7] = GONE
    text = "\n".join(["$ lspci", "```", *lspci(rows, verbose), "```"])
    came, said, _ = dumped(program, tmp_path, text)
    assert came == [known(row, verbose, roots) for row in rows]
    assert ("IOMMU groups" in said) == all(row[6] == "-" for row in came)
    assert ("serial numbers" in said) == (not verbose or all(row[8] == "-" for row in rows))
    assert ("the bridges above" in said) == any(row[7] == GONE for row in came)


@pytest.mark.parametrize("path", MACHINES, ids=lambda p: p.stem)
def test_udevadm_tells_what_it_can(program, tmp_path, path):
    rows = rows_of(path.read_text())
    above = {row[0]: row[7] for row in rows}
    below = dict(line.split()[1:] for line in path.read_text().splitlines()
                 if line.startswith("#below "))

    def place(address):
        if above.get(address, "-") != "-":
            return f"{place(above[address])}/{address}"
        root = f"pci{address[:-5]}"
        start = place(below[root[3:]]) if root[3:] in below else "/devices"
        return f"{start}/{root}/{address}"

    text = []
    for address, cls, ids, sub, _, driver, *_ in rows:
        text += [f"P: {place(address)}", "L: 0", f"E: DEVPATH={place(address)}",
                 *([] if driver == "-" else [f"E: DRIVER={driver}"]),
                 f"E: PCI_CLASS={cls.lstrip('0').upper()}", f"E: PCI_ID={ids.upper()}",
                 *([] if sub == "-" else [f"E: PCI_SUBSYS_ID={sub.upper()}"]), "",
                 f"P: {place(address)}/something/something0", "E: DRIVER=another", ""]
    came, said, whole = dumped(program, tmp_path, "\n".join(text))
    for one, other in zip(came, rows, strict=True):
        sub = "-" if other[3].startswith("0000:") else other[3]
        assert [word.lower() for word in one[:9]] == [*other[:3], sub, "-", other[5], "-", other[7],
                                                      "-"]
    assert "is text of udevadm and does not tell: IOMMU groups" in said
    assert {line for line in whole.splitlines() if line.startswith("#below")} == {
        f"#below {root} {address}" for root, address in below.items()}


GROUPS = """\
IOMMU Group 1 00:01.0 PCI bridge [0604]: Intel Corporation Device [8086:1901] (rev 0a)
IOMMU Group 1 01:00.0 VGA compatible controller [0300]: NVIDIA GP104 [GTX 1070] [10de:1b81]
IOMMU Group 12:
\t00:1f.0 ISA bridge [0601]: Intel Corporation Z370 [8086:a2c9]
    00:1f.2 Memory controller [0580]: Intel Corporation [8086:a2a1]
IOMMU group 7
> 00:14.0 USB controller [0c03]: Intel Corporation xHCI [8086:a2af] (prog-if 30 [XHCI])\r
"""


def test_the_loop_over_groups(program, tmp_path):
    rows, said, _ = dumped(program, tmp_path, GROUPS)
    assert [(row[0], row[1], row[6]) for row in rows] == [
        ("0000:00:01.0", "060400", "1"), ("0000:00:14.0", "0c0330", "7"),
        ("0000:00:1f.0", "060100", "12"), ("0000:00:1f.2", "058000", "12"),
        ("0000:01:00.0", "030000", "1")]
    assert "IOMMU groups" not in said


def test_two_listings_of_one_machine_are_one_machine(program, tmp_path):
    more = "01:00.0 VGA compatible controller [0300]: NVIDIA [10de:1b81] (rev a1)\n" \
           "\tKernel driver in use: nvidia\n"
    rows, _, _ = dumped(program, tmp_path, GROUPS + more)
    assert len(rows) == 5
    assert rows[-1][4:7] == ["a1", "nvidia", "1"]


def test_a_vmd_controller_is_above_its_domain(program, tmp_path):
    _, _, whole = dumped(program, tmp_path, """\
0000:00:0e.0 RAID bus controller [0104]: Intel Corporation VMD [8086:9a0b]
\tKernel driver in use: vmd
10000:e0:06.0 PCI bridge [0604]: Intel Corporation Device [8086:9a09]
\tBus: primary=e0, secondary=e1, subordinate=e1, sec-latency=0
10000:e1:00.0 Non-Volatile memory controller [0108]: Samsung [144d:a808] (prog-if 02 [NVMe])
""")
    assert "#below 10000:e0 0000:00:0e.0\n" in whole
    assert "\n10000:e1:00.0\t010802\t144d:a808\t-\t-\t-\t-\t10000:e0:06.0\t" in whole


def test_a_framebuffer_below_a_card_is_the_picture(program, tmp_path):
    _, _, whole = dumped(program, tmp_path, """\
P: /devices/pci0000:00/0000:00:02.0
E: PCI_CLASS=38000
E: PCI_ID=8086:9A49
P: /devices/pci0000:00/0000:00:02.0/simple-framebuffer.0
E: DRIVER=simple-framebuffer
P: /devices/pci0000:00/0000:00:03.0
E: PCI_CLASS=30000
E: PCI_ID=10DE:1B81
""")
    assert "#framebuffer 0000:00:02.0\n" in whole


@pytest.mark.parametrize("text, line", [
    ("00:00.0 Host bridge: Intel Corporation\n", 1),
    ("$ lspci\n00:00.0 Host bridge: Intel Corporation\n", 2),
    ("00:00.0 Host bridge [0600]: Intel Corporation\n", 1),
])
def test_lspci_without_ids_is_told_so(program, tmp_path, text, line):
    done = run(program, tmp_path, text, "list")
    assert done.returncode == 2 and not done.stdout
    assert done.stderr == (f"vfio-bind: {tmp_path}/pasted:{line}:1: expected class and id in "
                           "brackets, as `lspci -nnk` prints them\n")


@pytest.mark.parametrize("text", ["", "nothing of a machine\n", "00:00.0\n", "IOMMU Group 7\n"])
def test_other_text_is_no_machine(program, tmp_path, text):
    done = run(program, tmp_path, text, "dump")
    assert done.returncode == (2 if text else 0)
    assert "lspci" not in done.stderr and "udevadm" not in done.stderr


# One machine as threads show it: how it is dressed, and what of it is still told.
PLAIN = """\
00:00.0 Host bridge [0600]: Intel Corporation Device [8086:9b43] (rev 05)
\tSubsystem: ASRock Incorporation Device [1849:9b43]
00:01.0 PCI bridge [0604]: Intel Corporation 6th-10th Gen PCIe Controller (x16) [8086:1901] \
(rev 05) (prog-if 00 [Normal decode])
\tBus: primary=00, secondary=01, subordinate=01, sec-latency=0
\tKernel driver in use: pcieport
01:00.0 VGA compatible controller [0300]: NVIDIA Corporation GA104 [GeForce RTX 3070] [10de:2484] \
(rev a1) (prog-if 00 [VGA controller])
\tSubsystem: Micro-Star International Co., Ltd. [MSI] Device [1462:3904]
\tFlags: bus master, fast devsel, latency 0, IRQ 139, IOMMU group 1
\tCapabilities: [900] Device Serial Number 00-25-38-b1-21-00-51-3a
\tKernel driver in use: nvidia
\tKernel modules: nvidiafb, nouveau, nvidia
"""
ROWS = [
    ["0000:00:00.0", "060000", "8086:9b43", "1849:9b43", "05", "-", "-", "-", "-"],
    ["0000:00:01.0", "060400", "8086:1901", "-", "05", "pcieport", "-", "-", "-"],
    ["0000:01:00.0", "030000", "10de:2484", "1462:3904", "a1", "nvidia", "1", "0000:00:01.0",
     "00-25-38-b1-21-00-51-3a"],
]


def each_line(before, behind=""):
    return "".join(f"{before}{line}{behind}\n" for line in PLAIN.splitlines())


def coloured():
    """As grep --color=always marks what it was asked for, and a prompt in colours."""
    marked = PLAIN.replace("NVIDIA", "\x1b[01;31m\x1b[KNVIDIA\x1b[m\x1b[K")
    return "\x1b]0;me@host\x07\x1b[1;32mme@host\x1b[0m:~$ lspci -nnv\n" + \
        marked.replace("01:00.0", "\x1b[33m01:00.0\x1b[0m")


def wrapped(width):
    """As a mail program breaks lines, between words."""
    lines = []
    for line in PLAIN.splitlines():
        while not line.startswith("\t") and len(line) > width:
            at = line.rindex(" ", 0, width)
            lines.append(line[:at])
            line = line[at + 1:]
        lines.append(line)
    return "\n".join(lines)


DRESSED = {
    "as it is": PLAIN,
    "prompts": f"me@host:~$ lspci -nnv\n{PLAIN}me@host:~$ lspci -nnv | wc\n",
    "root's prompt": f"[root@arch ~]# lspci -nnv\n{PLAIN}[root@arch ~]#\n",
    "four blanks": each_line("    "),
    "one tab": each_line("\t"),
    "no indentation": "".join(line.lstrip() + "\n" for line in PLAIN.splitlines()),
    "quoted twice": each_line("> > "),
    "quoted in HTML": each_line("&gt; "),
    "Markdown": f"~~~text\n{PLAIN}~~~\n",
    "a list": "".join(f"* {line}\n" if line[0] != "\t" else f"  {line}\n"
                      for line in PLAIN.splitlines()),
    "BBCode": f"[code]{PLAIN}[/code]",
    "BBCode in a spoiler": f'[spoiler="lspci"][font=monospace]{PLAIN}[/font][/spoiler]',
    "HTML": f"<pre><code>{PLAIN}</code></pre>",
    "a byte order mark": f"\ufeff{PLAIN}",
    "blanks that do not break": PLAIN.replace("\t", "\u00a0\u00a0\u00a0\u00a0"),
    "CRLF": PLAIN.replace("\n", "\r\n"),
    "trailing blanks": each_line("", "  "),
    "a blank line between all": PLAIN.replace("\n", "\n\n"),
    "colours": coloured(),
    "with domains": "".join(line if line[0] == "\t" else "0000:" + line
                            for line in PLAIN.splitlines(keepends=True)),
    "wrapped at 72": wrapped(72),
    "no last line end": PLAIN.rstrip(),
    "told twice": f"{PLAIN}and once more\n{PLAIN}",
    "without ids first": "".join(
        re.sub(r" \[[0-9a-f:]{4,9}\]", "", line) for line in PLAIN.splitlines(keepends=True)
        if line[0] != "\t") + PLAIN,
    "groups by find": PLAIN.replace(", IOMMU group 1", "") +
        "$ find /sys/kernel/iommu_groups/ -type l\n"
        "/sys/kernel/iommu_groups/1/devices/0000:01:00.0\n",
    "groups by the kernel's log": PLAIN.replace(", IOMMU group 1", "") +
        "[    0.412345] pci 0000:01:00.0: Adding to iommu group 1\n",
    "-vv has a line for the group": PLAIN.replace(", IOMMU group 1", "\n\tIOMMU group: 1"),
}


@pytest.mark.parametrize("dress", DRESSED)
def test_as_threads_show_it(program, tmp_path, dress):
    rows, said, _ = dumped(program, tmp_path, DRESSED[dress])
    # Where the class has no last two digits in the text, they are unknown.
    assert [row[:9] for row in rows] == ROWS
    assert "without ids" not in said


CUT = """\
0000:01:00.0 VGA compatible controller: NVIDIA Corporation GA104 (rev a1)
02:00.0 Non-Volatile memory controller [0108]: Samsung [144d:a80a] (prog-if 02 [NVM Express])
"""


def test_what_is_left_out_is_told(program, tmp_path):
    rows, said, _ = dumped(program, tmp_path, CUT)
    assert [row[0] for row in rows] == ["0000:02:00.0"]
    assert "pasted:1: 1 function without ids is left out: `lspci -nnk` prints them" in said


@pytest.mark.parametrize("line, row", [
    ("01:00.0 0300: 10de:2484 (rev a1)", ["030000", "10de:2484", "-", "a1", "-"]),
    ("01:00.0 0300: 10de:2484", ["030000", "10de:2484", "-", "-", "-"]),
    # It no longer answers; what the kernel remembers of it stands.
    ("01:00.0 VGA [0300]: NVIDIA [10de:2484] (rev ff) (prog-if ff)\n"
     "\t!!! Unknown header type 7f\n\tKernel driver in use: vfio-pci",
     ["030000", "10de:2484", "-", "ff", "vfio-pci"]),
    ("01:00.0 Class [0300]: Device [10de:2484]", ["030000", "10de:2484", "-", "-", "-"]),
    ("01:00.0 VGA [0300]: A [B] [C:D] [10de:2484] (rev a1) (prog-if 00)",
     ["030000", "10de:2484", "-", "a1", "-"]),
    ("01:00.0 VGA [0300]: NVIDIA [10de:2484]\n\tCapabilities: <access denied>",
     ["030000", "10de:2484", "-", "-", "-"]),
])
def test_lines_of_other_kinds(program, tmp_path, line, row):
    rows, _, _ = dumped(program, tmp_path, line + "\n")
    assert [one[1:6] for one in rows] == [row]


def test_a_heading_counts_for_its_own_functions_only(program, tmp_path):
    rows, _, _ = dumped(program, tmp_path, """\
IOMMU Group 4:
\t00:14.0 USB controller [0c03]: Intel [8086:a36d]
\t00:14.2 RAM memory [0500]: Intel [8086:a36f]
$ lspci -nn
00:1f.0 ISA bridge [0601]: Intel [8086:a305]
IOMMU Group 7 01:00.0 VGA [0300]: NVIDIA [10de:2484]
02:00.0 Audio device [0403]: NVIDIA [10de:228b]
""")
    assert [row[6] for row in rows] == ["4", "4", "-", "7", "-"]


def test_check_does_not_say_what_the_text_does_not_tell(program, tmp_path):
    said = run(program, tmp_path, "01:00.0 VGA [0300]: NVIDIA [10de:2484]\n", "check").stdout
    assert "the IOMMU is off, or the machine file has no groups" in said


def test_udevadm_and_lspci_in_one_text(program, tmp_path):
    rows, _, _ = dumped(program, tmp_path, """\
$ udevadm info -e
P: /devices/pci0000:00/0000:00:01.0
E: PCI_CLASS=60400
E: PCI_ID=8086:1901

P: /devices/pci0000:00/0000:00:01.0/0000:01:00.0
E: PCI_CLASS=30000
E: PCI_ID=10DE:2484

IOMMU Group 1 01:00.0 VGA compatible controller [0300]: NVIDIA [10de:2484] (rev a1)
""")
    assert rows[1][:8] == ["0000:01:00.0", "030000", "10DE:2484".lower(), "-", "a1", "-", "1",
                           "0000:00:01.0"]
