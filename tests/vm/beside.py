# SPDX-License-Identifier: GPL-2.0-or-later
"""A host with other programs that move PCI devices about, as Debian ships them, and us."""

import shutil
from dataclasses import replace

from .cache import cached
from .images import Image, furnish, key_of_guest, make_disk
from .roots import TRIXIE, run_in

TRIXIE_BESIDE = replace(TRIXIE, variant="beside", packages=(
    *TRIXIE.packages, "driverctl", "pciutils", "dpdk", "iproute2", "libvirt-clients",
    "libvirt-daemon-system", "qemu-system-x86"))


def host_beside(lab, recipe):
    """Its image and its disk: what is in the one is what the other one has in /boot."""
    root, generator = lab.root, lab.release.generator

    def make(folder):
        tree = folder / "tree"
        furnish(root, recipe, tree)
        run_in(tree, generator.build)
        shutil.copy(tree / generator.image.format(root.kernel_release), folder / "initrd")
        make_disk(tree, folder / "disk", "2G")
        shutil.rmtree(tree)

    key = key_of_guest(root, recipe)
    folder = cached(f"beside-{lab.release}", key, make)
    return Image(root.kernel, folder / "initrd", "", key), folder / "disk"
