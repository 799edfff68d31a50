# SPDX-License-Identifier: GPL-2.0-or-later
"""The smallest root there is, busybox and the laboratory's own init: on a disk, on two of them, on
one that is encrypted, or as the tree that a server hands out."""

import os
import shutil
import subprocess

from .cache import cached, key_of, key_of_tree
from .images import GUEST, ROOT_UUID, copy_into, make_disk, write

LOCKED_UUID = "22222222-3333-4444-5555-666666666666"
USR_UUID = "33333333-4444-5555-6666-777777777777"
PASSWORD = "a secret"
SIZE = "16M"
FOLDERS = ("proc", "sys", "dev", "run", "tmp", "root", "usr/bin", "usr/sbin", "usr/lib/lab")
PARTS = (GUEST / "common/usr/lib/lab", GUEST / "tiny")
# One block after another, so that openssl(1) can encrypt all of it at once; and quick to unlock.
FORMAT = """
truncate -s $((32 << 20)) "$1/disk"
head -c 32 /dev/zero >"$1/key"
printf %s "$2" | cryptsetup luksFormat -q --type luks1 --cipher aes-ecb --key-size 256 \
    --volume-key-file "$1/key" --pbkdf-force-iterations 1000 --uuid "$3" "$1/disk" -
offset=$(cryptsetup luksDump "$1/disk" | sed -n 's/^Payload offset:[[:space:]]*//p')
openssl enc -aes-256-ecb -nopad -K "$(printf %064d 0)" -in "$4" |
    dd of="$1/disk" bs=512 seek="$offset" conv=notrunc status=none
"""


def tree_key():
    """Changes with all that is in it."""
    return key_of(FOLDERS, *map(key_of_tree, PARTS))


def make_tree(tree):
    """Busybox and its names, an init, and places for what an image hands on."""
    for name in FOLDERS:
        (tree / name).mkdir(parents=True)
    for name in ("bin", "sbin"):
        (tree / name).symlink_to(f"usr/{name}")
    shutil.copy("/bin/busybox", tree / "bin/busybox")
    names = subprocess.run(["/bin/busybox", "--list"], stdout=subprocess.PIPE, text=True,
                           check=True).stdout.split()
    for name in names:
        if name != "busybox":
            (tree / "bin" / name).symlink_to("busybox")
    for part, to in zip(PARTS, (tree / "usr/lib/lab", tree)):
        copy_into(part, to)
    os.symlink("/usr/lib/lab/init", tree / "sbin/init")
    write(tree, "etc/os-release", "ID=lab\n")  # without it no systemd goes on to a root


def tiny_tree():
    """The tree itself."""
    return cached("tiny-tree", tree_key(), lambda folder: make_tree(folder / "tree")) / "tree"


def tiny_disk():
    """With the UUID that the laboratory's machines look for."""
    tree = tiny_tree()
    return cached("tiny-disk", key_of(tree_key(), SIZE),
                  lambda folder: make_disk(tree, folder / "disk", SIZE)) / "disk"


def split_disks(folder):
    """Two, in that folder: a root that has nothing in /usr, and what belongs there."""
    tree = folder / "tree"
    shutil.copytree(tiny_tree(), tree, symlinks=True)
    (tree / "usr").rename(folder / "usr-tree")
    (tree / "usr").mkdir()
    write(tree, "etc/fstab", f"UUID={ROOT_UUID} / ext4 rw 0 0\nUUID={USR_UUID} /usr ext4 ro 0 0\n")
    make_disk(tree, folder / "root", SIZE)
    make_disk(folder / "usr-tree", folder / "usr", SIZE, USR_UUID)
    return folder / "root", folder / "usr"


def locked_disk():
    """The same in LUKS, behind PASSWORD."""
    plain = tiny_disk()

    def make(folder):
        subprocess.run(["sh", "-ec", FORMAT, "sh", folder, PASSWORD, LOCKED_UUID, plain], check=True)

    return cached("tiny-locked", key_of(tree_key(), SIZE, FORMAT), make) / "disk"
