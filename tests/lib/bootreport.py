# SPDX-License-Identifier: GPL-2.0-or-later
"""A host with two equal drives, and what its boot left of the second: report and policy."""

NVME, RULE = "0000:02:00.0", "bind nvme path=0000:00/04.0/00.0 id=144d:a80a\n"
BOUND = f"{NVME}\tbind\trule\t/etc/vfio-bind.conf:1\t-\tvfio-pci\t\n"
FAILED = f"{NVME}\tbind\trule\t/etc/vfio-bind.conf:1\t-\t-\tfailed: its driver is not there\n"


def set_report(root, rows, note=None, policy=None, place="run/vfio-bind"):
    """The report of a boot, and the policy it went by: None for the one in /etc."""
    header = "# address\tverdict\treason\trule\tdriver-before\tdriver-after\tdetail\n"
    folder = root / place
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report").write_text(header + (f"# {note}\n" if note else "") + rows,
                                   encoding="ascii")
    if policy is None:
        policy = (root / "etc/vfio-bind.conf").read_text(encoding="ascii")
    text = f"# /etc/vfio-bind.conf\n{policy}" if policy else ""
    (folder / "policy").write_text(text, encoding="ascii")


def drive(host, driver):
    """A second drive for the rule, of which the host's root is not a part."""
    host.nvme("0000:01:00.0", "0000:00:03.0", "259:0", "nvme0n1")
    function = host.pci("pci0000:00/0000:00:04.0/0000:02:00.0")
    host.write("sys/kernel/iommu_groups/7/type", "DMA\n")
    host.link(f"sys/devices/{function}/iommu_group", "sys/kernel/iommu_groups/7")
    host.link("sys/kernel/iommu_groups/7/devices/0000:02:00.0", f"sys/devices/{function}")
    host.write("usr/lib/vfio-bind/protect", "vfio-bind-protect 1\n")
    if driver:
        host.write(f"sys/bus/pci/drivers/{driver}/bind", "")
        path = host.root / f"sys/devices/{function}/uevent"
        path.write_text(f"DRIVER={driver}\n" + path.read_text(encoding="ascii"), encoding="ascii")
