# SPDX-License-Identifier: GPL-2.0-or-later
"""What of the host's storage a payload protects: from mounts and lists down to functions."""

import os

import pytest

from lib.hosttree import HostTree
from lib.payload import build, fixture_program, in_chroot  # noqa: F401

UNKNOWN = "cannot be seen from here"


@pytest.fixture(name="host")
def fixture_host(tmp_path):
    """A machine whose root is the first of two drives; the second is nobody's."""
    host = HostTree(tmp_path / "root")
    host.first, host.first_disk = host.nvme()
    host.second, host.second_disk = host.nvme("0000:02:00.0", "0000:00:04.0", "259:5", "nvme1n1")
    host.root_partition = host.partition(host.first_disk, "259:1")
    host.node(host.root_partition, "disk/by-uuid/1111", "disk/by-label/root\\x20disk")
    host.mount("/", "259:1", "/dev/nvme0n1p1")
    return host


@pytest.fixture(name="protect")
def fixture_protect(program, host, tmp_path):
    """Builds and returns the storage lines; stderr is kept in host.said."""
    def run():
        payload = build(program, host.root, tmp_path / "out")
        assert payload.status == 0, payload.stderr
        host.said = payload.stderr.replace("vfio-bind: warning: kernel 6.9.0-test has no vfio-pci: "
                                           "what is chosen for it will be left without a driver\n",
                                           "")
        return [line for line in payload.protect if line.startswith(("storage", "unknown"))]
    return run


def second(host):
    """Lines when both drives are in use."""
    return host.lines("storage", host.first, host.second)


def test_a_plain_root_protects_its_drive_and_the_port_above(host, protect):
    assert protect() == host.lines("storage", host.first) == [
        "storage path=0000:00/03.0 id=8086:1901", "storage path=0000:00/03.0/00.0 id=144d:a80a"]
    assert host.said == ""


def test_every_mount_counts(host, protect):
    host.mount("/srv", "259:5", "/dev/nvme1n1", "xfs")
    host.mount("/proc", "0:21", "proc", "proc")
    host.mount("/tmp", "0:30", "tmpfs", "tmpfs")
    host.mount("/run/user/0/doc", "0:40", "/dev/fuse", "fuse.portal")
    assert protect() == second(host)
    assert host.said == ""


def test_lvm_on_luks(host, protect):
    crypt = host.virtual("dm-0", "253:0", [host.root_partition])
    host.virtual("dm-1", "253:1", [crypt])
    host.mounts.clear()
    host.mount("/", "253:1", "/dev/mapper/vg-root")
    assert protect() == host.lines("storage", host.first)


def test_md_mirror_and_its_partition(host, protect):
    mirror = host.virtual("md0", "9:0", [host.root_partition, host.second_disk])
    host.partition(mirror, "259:9")
    host.mounts.clear()
    host.mount("/", "259:9", "/dev/md0p1")
    assert protect() == second(host)


def test_bcache_and_its_cache(host, protect):
    host.virtual("bcache0", "252:0", [host.root_partition, host.second_disk])
    host.mounts.clear()
    host.mount("/", "252:0", "/dev/bcache0")
    assert protect() == second(host)


def test_dm_multipath_protects_every_path(host, protect):
    """Two ports of one adapter, and another adapter: a lost path is a lost mirror."""
    paths = []
    for number, function in enumerate(("pci0000:00/0000:00:05.0/0000:03:00.0",
                                       "pci0000:00/0000:00:05.0/0000:03:00.1")):
        host.pci(function, "1077:2532", 0x0c0400)
        disk = f"{function}/host{number}/rport-{number}:0/target{number}:0:0/{number}:0:0:0/block"
        paths.append(host.block(f"{disk}/sd{'ab'[number]}", f"8:{16 * number}"))
    host.virtual("dm-0", "253:0", paths)
    host.mounts.clear()
    host.mount("/", "253:0", "/dev/mapper/mpatha")
    assert protect() == host.lines("storage", *[place.split("/host")[0] for place in paths])


def test_native_nvme_multipath_protects_every_controller(host, protect):
    head = host.block("virtual/nvme-subsystem/nvme-subsys0/nvme7n1", "259:20")
    host.link("sys/class/nvme-subsystem/nvme-subsys0",
              "sys/devices/virtual/nvme-subsystem/nvme-subsys0")
    for name, function in (("nvme7", host.first), ("nvme8", host.second)):
        host.write(f"sys/devices/{function}/nvme/{name}/transport", "pcie\n")
        host.link(f"sys/devices/virtual/nvme-subsystem/nvme-subsys0/{name}",
                  f"sys/devices/{function}/nvme/{name}")
    host.partition(head, "259:21")
    host.mounts.clear()
    host.mount("/", "259:21", "/dev/nvme7n1p1")
    assert protect() == second(host)


def test_vmd_controller_above_a_drive(host, protect):
    """The drive's root bus hangs below the controller, which has to stay too."""
    vmd = host.pci("pci0000:00/0000:00:0e.0", "8086:467f", 0x010400)
    drive = host.pci(f"{vmd}/pci10000:e0/10000:e0:06.0/10000:e1:00.0")
    host.block(f"{drive}/nvme/nvme3/nvme3n1", "259:30")
    host.mounts.clear()
    host.mount("/", "259:30", "/dev/nvme3n1")
    assert protect() == [
        "storage path=0000:00/0e.0 id=8086:467f", "storage path=10000:e0/06.0 id=8086:1901",
        "storage path=10000:e0/06.0/00.0 id=144d:a80a"]


def test_a_usb_stick_protects_its_controller(host, protect):
    xhci = host.pci("pci0000:00/0000:00:14.0", "8086:a36d", 0x0c0330)
    host.block(f"{xhci}/usb2/2-4/2-4:1.0/host9/target9:0:0/9:0:0:0/block/sdc", "8:32")
    host.mount("/media", "8:32", "/dev/sdc", "vfat")
    assert protect() == host.lines("storage", host.first, xhci)


def test_btrfs_on_two_devices(host, protect):
    """Such a mount has no device number, and names one of the two."""
    host.btrfs("aaaa", host.second_disk)
    host.btrfs("bbbb", host.root_partition, host.second_disk)
    host.mounts.clear()
    host.mount("/", "0:25", "/dev/nvme0n1p1", "btrfs", "rw,subvolid=256,subvol=/@", "/@")
    assert protect() == second(host)


def test_bcachefs_names_all_its_parts(host, protect):
    host.mount("/srv", "0:25", "/dev/nvme0n1p1:/dev/nvme1n1", "bcachefs")
    assert protect() == second(host)


def test_zfs_by_the_label_of_its_pool(host, protect):
    host.node(host.second_disk, "disk/by-label/tank")
    host.mount("/srv", "0:44", "tank/srv", "zfs")
    assert protect() == second(host)


def test_a_zfs_pool_that_is_not_found_is_unknown(host, protect):
    host.mount("/srv", "0:44", "tank/srv", "zfs")
    assert protect() == ["unknown"] + host.lines("storage", host.first)
    assert "tank/srv" in host.said


def test_an_external_log_counts(host, protect):
    host.mount("/srv", "259:1", "/dev/nvme0n1p1", "xfs", "rw,logdev=/dev/nvme1n1,noquota")
    assert protect() == second(host)


FSTAB = [
    "/dev/nvme1n1 /srv ext4 defaults 0 2",
    "UUID=2222 /srv ext4 noauto 0 2",
    'UUID="2222" /srv ext4 noauto 0 2',
    "LABEL=a\\040disk /srv ext4 defaults 0 2",
    "PARTUUID=abcd-02 none swap sw 0 0",
    "PARTLABEL=data /srv xfs defaults 0 2",
    "/dev/disk/by-id/nvme-Some_Drive /srv ext4 nofail 0 2",
    "/dev/vg/lv /srv ext4 defaults 0 2",
    "UUID=1111 / btrfs device=/dev/nvme0n1p1,device=/dev/nvme1n1 0 1",
]


@pytest.mark.parametrize("line", FSTAB)
def test_fstab_counts_though_not_mounted(host, protect, line):
    host.node(host.second_disk, "disk/by-uuid/2222", "disk/by-label/a\\x20disk",
              "disk/by-partuuid/abcd-02", "disk/by-partlabel/data",
              "disk/by-id/nvme-Some_Drive")
    volume = host.virtual("dm-5", "253:5", [host.second_disk])
    host.node(volume, "vg/lv", "mapper/vg-lv")
    host.write("etc/fstab", f"# /etc/fstab\nUUID=1111 / ext4 defaults 0 1\n{line}\n")
    assert protect() == second(host)
    assert host.said == ""


def test_a_node_in_a_folder_of_dev(host, protect):
    """sysfs has no "/" in a name."""
    raid = host.pci("pci0000:00/0000:00:0b.0/0000:0b:00.0", "103c:323a", 0x010400)
    host.node(host.block(f"{raid}/cciss0/block/cciss!c0d0", "104:0"))
    host.write("etc/fstab", "/dev/cciss/c0d0 /srv ext4 defaults 0 2\n")
    assert protect() == host.lines("storage", host.first, raid)


def test_fstab_names_what_is_no_device(host, protect):
    host.write("etc/fstab", "proc /proc proc defaults 0 0\ntmpfs /tmp tmpfs size=1G 0 0\n"
                            "/srv/a /srv/b none bind 0 0\n/swapfile none swap sw 0 0\n"
                            "server:/export /n nfs _netdev 0 0\n//server/share /c cifs guest 0 0\n")
    assert protect() == host.lines("storage", host.first)
    assert host.said == ""


def test_a_drive_that_is_not_there_is_a_warning(host, protect):
    host.write("etc/fstab", "UUID=9999 /srv ext4 defaults 0 2\nUUID=8888 /usb ext4 noauto 0 0\n"
                            "/dev/sdz1 /x ext4 rw 0 2\n")
    assert protect() == host.lines("storage", host.first)
    assert "/etc/fstab: UUID=9999 is not there now" in host.said
    assert "/etc/fstab: /dev/sdz1 is not there now" in host.said
    assert "8888" not in host.said, "whoever wrote noauto counts with that"


def test_crypttab_counts(host, protect):
    host.node(host.second_disk, "disk/by-uuid/2222")
    host.write("etc/crypttab", "# name device\n\nroot UUID=1111 none luks,discard\n"
                               "\tdata\tUUID=2222 /etc/key luks\nswap /dev/sdz none nofail\n"
                               "lost UUID=7777\n")
    assert protect() == second(host)
    assert "/etc/crypttab: UUID=7777" in host.said and "sdz" not in host.said


def test_swap_counts_and_a_swap_file_is_on_a_mount(host, protect):
    host.write("proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
                             "/dev/nvme1n1                            partition\t976\t0\t-2\n"
                             "/swapfile                               file\t976\t0\t-3\n")
    assert protect() == second(host)
    assert host.said == ""


def test_swap_in_memory_stands_on_nothing(host, protect):
    host.node(host.virtual("zram0", "251:0"))
    host.write("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n/dev/zram0 partition 9 0 100\n")
    assert protect() == host.lines("storage", host.first)


@pytest.mark.parametrize("value", ["UUID=2222", "/dev/nvme1n1", "259:5", "PARTUUID=abcd-02"])
def test_resume_counts(host, protect, value):
    host.node(host.second_disk, "disk/by-uuid/2222", "disk/by-partuuid/abcd-02")
    host.write("proc/cmdline", f"root=/dev/sda1 resume={value} quiet\n")
    assert protect() == second(host)
    host.write("proc/cmdline", f"quiet -- resume={value}\n")
    assert protect() == host.lines("storage", host.first)
    host.write("etc/initramfs-tools/conf.d/resume", f'# a comment\nRESUME="{value}"\n')
    assert protect() == second(host)


@pytest.mark.parametrize("value", ["none", "auto", ""])
def test_no_resume_is_no_device(host, protect, value):
    host.write("etc/initramfs-tools/conf.d/resume", f"RESUME={value}\n")
    assert protect() == host.lines("storage", host.first)
    assert host.said == ""


def test_a_loop_device_is_what_another_mount_holds(host, protect):
    host.mount("/snap/core", "7:0", "/dev/loop0", "squashfs")
    host.virtual("loop0", "7:0")
    assert protect() == host.lines("storage", host.first)
    assert host.said == ""


def test_a_virtual_function_needs_its_physical_one(host, protect):
    physical = host.pci("pci0000:00/0000:00:06.0/0000:04:00.0", "144d:a824")
    function = host.pci("pci0000:00/0000:00:06.0/0000:04:00.4", "144d:a824")
    host.link(f"sys/devices/{function}/physfn", f"sys/devices/{physical}")
    host.block(f"{function}/nvme/nvme5/nvme5n1", "259:50")
    host.mount("/srv", "259:50", "/dev/nvme5n1")
    assert protect() == host.lines("storage", host.first, physical, function)


def test_serial_numbers_are_written_where_they_are_nobody_elses(host, protect):
    places = [host.pci(f"pci0000:00/0000:00:07.0/0000:05:00.{i}", "1344:51c0", dsn=dsn)
              for i, dsn in enumerate(("00-a0-75-01-01-02-03-04", "00-a0-75-01-01-02-03-05"))]
    host.block(f"{places[0]}/nvme/nvme6/nvme6n1", "259:60")
    host.mount("/srv", "259:60", "/dev/nvme6n1")
    own = host.lines("storage", host.first, places[0],
                     dsn={places[0]: "00-a0-75-01-01-02-03-04"})
    assert protect() == own
    host.write(f"sys/devices/{places[1]}/serial_number", "00-a0-75-01-01-02-03-04\n")
    assert protect() == host.lines("storage", host.first, places[0])


def test_a_device_that_leads_nowhere_is_unknown(host, protect):
    host.virtual("drbd0", "147:0")
    host.mount("/srv", "147:0", "/dev/drbd0")
    assert protect() == ["unknown"] + host.lines("storage", host.first)
    assert "147:0 drbd0" in host.said


def test_disks_without_pci_are_no_riddle(host, protect):
    host.block("platform/soc/mmc_host/mmc0/mmc0:0001/block/mmcblk0", "179:0")
    host.mount("/srv", "179:0", "/dev/mmcblk0")
    assert protect() == host.lines("storage", host.first)
    assert host.said == ""


HIDDEN = {
    "overlay": ("0:50", "overlay", "overlay"),
    "tmpfs": ("0:50", "tmpfs", "tmpfs"),
    "rootfs": ("0:1", "rootfs", "rootfs"),
    "a number that sysfs does not know": ("8:99", "/dev/sdx", "ext4"),
    "an image file": ("7:0", "/dev/loop0", "ext4"),
    "the file system of a virtual machine's host": ("0:50", "share", "9p"),
}


@pytest.mark.parametrize("why", HIDDEN)
def test_a_root_that_leads_to_no_device_is_unknown(host, protect, why):
    number, source, fstype = HIDDEN[why]
    host.virtual("loop0", "7:0")
    host.mounts.clear()
    host.mount("/", number, source, fstype)
    host.mount("/srv", "259:5", "/dev/nvme1n1")
    assert protect() == ["unknown"]
    assert UNKNOWN in host.said


def test_a_chroot_whose_root_is_no_mount_is_unknown(host, protect):
    host.mounts.clear()
    host.mount("/srv", "259:1", "/dev/nvme0n1p1")
    assert protect() == ["unknown"]
    assert "chroot" in host.said


@pytest.mark.parametrize("script, why", [
    ("", "/ is not mounted"),
    ("mount --rbind {0} {0}", "/ is a directory of another system")],
    ids=["a directory", "a directory that is mounted"])
def test_a_real_chroot_is_unknown(program, tmp_path, script, why):
    """With this machine's own /proc, /sys and /dev, as image builders set it up."""
    done, root = in_chroot(program, tmp_path / "chroot", script, "/tmp/out")
    assert done.returncode == 0, done.stderr
    assert f"(a chroot: {why})" in done.stderr or "(a container)" in done.stderr
    assert (root / "tmp/out/usr/lib/vfio-bind/protect").read_text() == \
        "vfio-bind-protect 1\nunknown\n"


@pytest.mark.parametrize("mark", ["run/systemd/container", "run/host/container-manager",
                                  "run/.containerenv", ".dockerenv"])
def test_a_container_is_unknown(host, protect, mark):
    host.write(mark, "podman\n")
    assert protect() == ["unknown"]
    assert "container" in host.said


@pytest.mark.parametrize("number, lines", [("4026531836", 2), ("4026532195", 1)])
def test_processes_of_its_own_are_a_container(host, protect, number, lines):
    (host.root / "proc/self/ns").mkdir()
    (host.root / "proc/self/ns/pid").symlink_to(f"pid:[{number}]")
    assert len(protect()) == lines
    assert ("a container" in host.said) == (lines == 1)


@pytest.mark.parametrize("name", ["proc/self/mountinfo", "sys/bus/pci/devices"])
def test_without_proc_or_sys_it_is_unknown(host, protect, name):
    os.rename(host.root / name, host.root / "gone")
    assert protect() == ["unknown"]


def test_a_tree_without_anything_is_unknown(program, tmp_path):
    (tmp_path / "root").mkdir()
    assert build(program, tmp_path / "root", tmp_path / "out").protect == ["unknown"]


@pytest.mark.parametrize("fstype, options", [("nfs4", "rw,addr=10.0.0.1"), ("ceph", "rw")])
def test_a_root_over_the_network_is_a_host_that_is_seen(host, protect, fstype, options):
    host.mounts.clear()
    host.mount("/", "0:50", "10.0.0.1:/root", fstype, options)
    assert protect() == []
    assert host.said == ""


def test_iscsi_is_no_riddle(host, protect):
    host.block("platform/host3/session1/target3:0:0/3:0:0:0/block/sdd", "8:48")
    host.mounts.clear()
    host.mount("/", "8:48", "/dev/sdd")
    assert protect() == []
