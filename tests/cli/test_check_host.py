# SPDX-License-Identifier: GPL-2.0-or-later
"""`vfio-bind check` keeps what the host lives on: its drive, its network card, its keyboard."""

import json
import os
import subprocess

import pytest

from lib import limited
from lib.hosttree import HostTree
from lib.payload import fixture_program, set_policy  # noqa: F401

ROOT, TWIN = "0000:01:00.0", "0000:02:00.0"
USB = "usb1/1-3/1-3:1.0/0003:046D:C31C.0001"


@pytest.fixture(name="host")
def fixture_host(tmp_path):
    """Twin drives, each behind a port and in a group of its own; the root is on the first."""
    host = HostTree(tmp_path / "root")
    host.first, host.first_disk = host.nvme(ROOT)
    host.second, host.second_disk = host.nvme(TWIN, "0000:00:04.0", "259:5", "nvme1n1")
    host.part = host.partition(host.first_disk, "259:1")
    host.node(host.part, "disk/by-uuid/1111")
    host.card = host.pci("pci0000:00/0000:00:08.0/0000:08:00.0", "8086:10d3", 0x020000)
    host.network("eth0", host.card)
    host.xhci = host.pci("pci0000:00/0000:00:14.0", "8086:a36d", 0x0c0330)
    for number, place in enumerate(list(host.ids)):
        (host.root / f"sys/kernel/iommu_groups/{number}").mkdir(parents=True)
        host.link(f"sys/devices/{place}/iommu_group", f"sys/kernel/iommu_groups/{number}")
    return host


def check(program, host, policy):
    """The exit status, the verdicts by address, and what guards had to say."""
    set_policy(host.root, policy)
    done = limited.run([program, "--root", host.root, "check", "--json"], text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       env={**os.environ, "LC_ALL": "C"})
    result = json.loads(done.stdout)
    return (done.returncode, {row["address"]: row["verdict"] for row in result["plan"]},
            [finding["text"] for finding in result["findings"] if finding["check"] == "guard"])


def plain(host):
    host.mount("/", "259:1", "/dev/nvme0n1p1")
    host.mount("/boot/efi", "259:1", "/dev/nvme0n1p1", "vfat")


def lvm_on_luks(host):
    crypt = host.virtual("dm-0", "253:0", [host.part])
    host.virtual("dm-1", "253:1", [crypt])
    host.mount("/", "253:1", "/dev/mapper/vg-root")


def mirror(host):
    host.mount("/", "9:0", "/dev/md0")
    host.virtual("md0", "9:0", [host.part])


def multipath(host):
    host.partition(host.virtual("dm-0", "253:0", [host.first_disk]), "253:1")
    host.mount("/", "253:1", "/dev/mapper/mpatha-part1")


def btrfs(host):
    host.btrfs("bbbb", host.part)
    host.mount("/", "0:25", "/dev/nvme0n1p1", "btrfs", "rw,subvolid=256,subvol=/@", "/@")


def bcache(host):
    host.virtual("bcache0", "252:0", [host.part])
    host.mount("/", "252:0", "/dev/bcache0")


def elsewhere(host):
    """The root is on a disk of another controller."""
    sata = host.pci("pci0000:00/0000:00:17.0", "8086:a352", 0x010601)
    host.block(f"{sata}/ata1/block/sda", "8:0")
    host.mount("/", "8:0", "/dev/sda")


def swap(host):
    elsewhere(host)
    host.write("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n"
               "/dev/nvme0n1p1 partition 976 0 -2\n")


def later(host):
    """Not mounted yet: fstab alone knows."""
    elsewhere(host)
    host.write("etc/fstab", "UUID=1111 /srv ext4 defaults 0 2\n")


STACKS = [(plain, "root"), (lvm_on_luks, "root"), (mirror, "root"), (multipath, "root"),
          (btrfs, "root"), (bcache, "root"), (swap, "swap"), (later, None)]


@pytest.mark.parametrize("stack, use", STACKS, ids=[row[0].__name__ for row in STACKS])
def test_the_hosts_drive_is_refused_and_its_twin_is_not(program, host, stack, use):
    stack(host)
    status, verdicts, said = check(program, host, "bind nvme id=144d:a80a\n")
    assert (status, verdicts) == (5, {ROOT: "refuse", TWIN: "bind"})
    assert len(said) == 1 and said[0].startswith(f"{ROOT} nvme 144d:a80a is refused (host-storage)")
    if use:
        assert f"holds the host's storage: {use}" in said[0]


def test_ids_that_take_the_drive_of_the_root(program, host):
    plain(host)
    host.write("proc/cmdline", "root=/dev/nvme0n1p1 vfio-pci.ids=144d:a80a\n")
    set_policy(host.root, f"bind {TWIN} id=144d:a80a\n")
    done = subprocess.run([program, "--root", host.root, "check"], stdout=subprocess.PIPE,
                          text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    assert (f'warning: "vfio-pci.ids=144d:a80a" on the kernel command line takes all 2 devices of '
            f"its kinds, also {ROOT}, which the policy leaves to the host; {ROOT} holds the host's "
            "storage: root, /boot/efi\n") in done.stdout


def test_ids_that_take_all_the_host_lives_on(program, tmp_path):
    """Root first, wherever it is: here on the second drive, and /boot on the first."""
    host = HostTree(tmp_path / "root")
    host.nvme("0000:01:00.0", "0000:00:03.0", "259:0", "nvme0n1")
    host.nvme("0000:02:00.0", "0000:00:04.0", "259:1", "nvme1n1")
    host.mount("/boot", "259:0")
    host.mount("/", "259:1")
    host.write("proc/cmdline", "root=/dev/nvme1n1 vfio-pci.ids=144d:a80a\n")
    set_policy(host.root, "keep usb\n")
    done = subprocess.run([program, "--root", host.root, "check"], stdout=subprocess.PIPE,
                          text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    assert ("; 0000:02:00.0 holds the host's storage: root; 0000:01:00.0 holds the host's storage: "
            "/boot\n") in done.stdout


def test_the_card_of_the_default_route(program, host):
    plain(host)
    host.routes(("eth0", "0.0.0.0", "0.0.0.0"))
    status, verdicts, said = check(program, host, "bind network\n")
    assert (status, verdicts) == (5, {"0000:08:00.0": "refuse"})
    assert "host-network" in said[0] and "default-route" in said[0]


def test_the_only_keyboard(program, host):
    plain(host)
    host.keyboards(f"{host.xhci}/{USB}")
    status, verdicts, said = check(program, host, "bind usb\n")
    assert (status, verdicts) == (5, {"0000:00:14.0": "refuse"})
    assert "host-input" in said[0]


def test_a_container_cannot_see_the_host(program, host):
    plain(host)
    host.write("run/systemd/container", "docker\n")
    status, verdicts, said = check(program, host, "bind nvme\nbind 0000:02:00.0 id=144d:a80a\n")
    assert (status, verdicts) == (5, {ROOT: "refuse", TWIN: "bind"})
    assert "host-unknown" in said[0]
