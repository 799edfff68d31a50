# SPDX-License-Identifier: GPL-2.0-or-later
"""An initramfs without any generator: busybox, the drivers of the twins, our payload, an init."""

import lzma
import shutil
import subprocess
import tempfile
from pathlib import Path

from .cache import cached, key_of, key_of_tree
from .images import GUEST, POLICY, SOURCE, Image, unpack

# In the order they are loaded in; ext4 looks for crc32c by a modprobe that is not there.
CRC32C = "crc32c_generic"
DRIVERS = ("nvme", "bochs", "snd_hda_intel", "xhci_pci", CRC32C, "ext4")
# Where a policy may be in an image.
POLICIES = (POLICY, "etc/vfio-bind.conf.d", "usr/lib/vfio-bind.conf.d")


def busybox_image(lab, recipe, more=()):
    """An image with the payload that a generator's image of that recipe has. more: drivers.

    The init of one's own is /init.vfio-bind-next and the documented one is /init: with
    rdinit= the binder runs in place of that.
    """
    source = lab.image(recipe)
    parts = (GUEST / "busybox", GUEST / "common/usr/lib/lab", SOURCE / "hooks/busybox")
    key = key_of(source.key, (*DRIVERS, *more), *(key_of_tree(part) for part in parts))

    def make(folder):
        tree = folder / "tree"
        fill(lab.root, tree, more)
        take_payload(lab.root, source, tree)
        subprocess.run(["sh", "-ec", "find . | cpio --quiet -o -H newc >../initrd"], cwd=tree,
                       check=True)
        shutil.rmtree(tree)

    folder = cached(f"busybox-{lab.release}-{recipe.name}", key, make)
    return Image(source.kernel, folder / "initrd", source.log, key)


def fill(root, tree, more):
    """All but the payload."""
    for name in ("bin", "sbin", "proc", "sys", "dev", "run", "root", "modules", "usr/lib/lab"):
        (tree / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", tree / "bin/busybox")
    for applet in ("sh", "mount", "grep"):
        (tree / "bin" / applet).symlink_to("busybox")
    shutil.copy(GUEST / "common/usr/lib/lab/facts", tree / "usr/lib/lab/facts")
    shutil.copy(SOURCE / "hooks/busybox/init", tree / "init")
    shutil.copy(GUEST / "busybox/init", tree / "init.vfio-bind-next")
    for number, path in enumerate(module_files(root, more)):
        content = path.read_bytes()
        name = path.name.removesuffix(".xz")
        (tree / f"modules/{number:02}-{name}").write_bytes(
            lzma.decompress(content) if name != path.name else content)


def drivers_of(root):
    """DRIVERS of its kernel: Linux 7 has no crc32c_generic, and jbd2 brings what is in its place."""
    return [name for name in DRIVERS
            if name != CRC32C or int(root.kernel_release.partition(".")[0]) < 7]


def module_files(root, more):
    """The drivers' modules, more's, and what they need, each once, in the order to load them."""
    found = {}
    for name in (*drivers_of(root), *more):
        done = subprocess.run(["modprobe", "-d", root.tree, "-S", root.kernel_release, "-C",
                               "/nonexistent", "--show-depends", name],
                              stdout=subprocess.PIPE, text=True, check=True)
        for line in done.stdout.splitlines():
            action, _, rest = line.partition(" ")
            if action == "insmod":
                found[Path(rest.split()[0])] = True
    return found


def take_payload(root, image, tree):
    """Copies the payload out of a generator's image."""
    with tempfile.TemporaryDirectory() as temporary:
        unpacked = unpack(root, image.initrd, Path(temporary))
        shutil.copytree(unpacked / "usr/lib/vfio-bind", tree / "usr/lib/vfio-bind")
        for path in filter(lambda path: (unpacked / path).exists(), POLICIES):
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-a", unpacked / path, tree / path], check=True)
