# SPDX-License-Identifier: GPL-2.0-or-later
"""A root with a program of others that uses what we bound, as Debian ships it."""

import shutil
import subprocess

from .cache import cached, key_of, key_of_tree
from .images import GUEST, copy_into, make_disk
from .roots import bootstrapped

PACKAGES = ("qemu-utils",)
NOT_RUN = ("usr/share/doc", "usr/share/locale", "usr/share/man", "var/lib/apt/lists", "var/cache")


def consumers_disk(release):
    """An ext4 disk to be the root of a machine: no kernel and nothing of ours is in it."""
    root, key = bootstrapped(f"consumers-{release.suite}", release.suite, PACKAGES)
    key = key_of(key, key_of_tree(GUEST / "common"))

    def make(folder):
        tree = folder / "tree"
        subprocess.run(["cp", "-a", "--reflink=auto", root, tree], check=True)
        copy_into(GUEST / "common", tree)
        for part in NOT_RUN:
            shutil.rmtree(tree / part, ignore_errors=True)
        make_disk(tree, folder / "disk", "1G")
        shutil.rmtree(tree)

    return cached(f"consumers-disk-{release.suite}", key, make) / "disk"
