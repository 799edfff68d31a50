# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian roots with a kernel and an initramfs generator, made by mmdebstrap."""

import os
import subprocess
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

from .cache import cached, key_of
from .generators import DRACUT, INITRAMFS_TOOLS, Generator
from .kernel import built_in_kernel

MIRROR = os.environ.get("VFIO_BIND_MIRROR", "http://deb.debian.org/debian")
BASE_PACKAGES = ("linux-image-amd64", "systemd-sysv", "udev", "kmod")


@dataclass(frozen=True)
class Release:
    """A Debian release as the tests use it: suite, generator, and what the host program needs."""

    suite: str
    generator: Generator
    packages: tuple
    apt_options: tuple = ()
    variant: str = ""  # of more than one with that suite and generator
    built_in: bool = False  # a kernel of our own, in place of Debian's
    gated: bool = False  # that, with the idea of kernel.py

    def __str__(self):
        return "-".join(filter(None, (self.suite, str(self.generator), self.variant)))


BOOKWORM = Release("bookworm", INITRAMFS_TOOLS,
                   ("libkmod2", "libmount1", "libblkid1", "libarchive13", "libjson-c5", "libpci3",
                    "libsmartcols1"))
TRIXIE = Release("trixie", INITRAMFS_TOOLS,
                 ("libkmod2", "libmount1", "libblkid1", "libarchive13t64", "libjson-c5", "libpci3",
                  "libsmartcols1"))
RELEASES = (TRIXIE, BOOKWORM)

# What a host's storage is made with.
TRIXIE_STORAGE = replace(TRIXIE, variant="storage", packages=(
    *TRIXIE.packages, "mdadm", "lvm2", "cryptsetup-bin", "btrfs-progs", "bcache-tools",
    "dosfstools", "e2fsprogs", "fdisk"))

BOOKWORM_BUILT_IN = replace(BOOKWORM, variant="builtin", built_in=True)
BOOKWORM_GATED = replace(BOOKWORM_BUILT_IN, variant="gated", gated=True)
BOOKWORM_DRACUT = replace(BOOKWORM, generator=DRACUT)
TRIXIE_DRACUT = replace(TRIXIE, generator=DRACUT)
# A mirror's Release file may be older than it allows.
SID = replace(TRIXIE, suite="sid", apt_options=('Acquire::Check-Valid-Until "false"',))
# switch_root is in util-linux-extra.
SID_DRACUT = replace(SID, generator=DRACUT, packages=(*SID.packages, "util-linux-extra"))


@dataclass(frozen=True)
class Root:
    """An unpacked root. Nobody writes to it: whoever wants to takes a copy()."""

    release: Release
    tree: Path
    key: str

    @cached_property
    def kernel_release(self):
        """The one kernel that is installed, as uname -r names it."""
        (modules,) = (self.tree / "usr/lib/modules").iterdir()
        return modules.name

    @cached_property
    def kernel(self):
        """Where its bzImage is: in /boot, or beside its modules from Debian's 7.2 on."""
        places = (self.tree / "boot" / f"vmlinuz-{self.kernel_release}",
                  self.tree / "usr/lib/modules" / self.kernel_release / "vmlinuz")
        return next(place for place in places if place.exists())

    def copy(self, to):
        """A tree of one's own at to, which must not exist."""
        subprocess.run(["cp", "-a", "--reflink=auto", self.tree, to], check=True)


def bootstrapped(name, suite, packages, apt_options=()):
    """A tree with those packages and no more, downloaded if it is not in the cache; and its key."""
    options = ('APT::Install-Recommends "false"', *apt_options)
    key = key_of(suite, packages, options, MIRROR)

    def make(folder):
        subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase",
                        f"--include={','.join(packages)}",
                        *(f"--aptopt={option}" for option in options),
                        suite, folder / "tree", f"deb {MIRROR} {suite} main"], check=True)

    return cached(name, key, make) / "tree", key


def root_of(release):
    """The root of a release, downloaded if it is not in the cache."""
    if release.built_in:
        return with_kernel(release, root_of(replace(release, variant="", built_in=False,
                                                    gated=False)))
    packages = (*BASE_PACKAGES, *release.generator.packages, *release.packages)
    tree, key = bootstrapped(f"root-{release}", release.suite, packages, release.apt_options)
    return Root(release, tree, key)


def with_kernel(release, root):
    """A copy of that root with our own kernel in it and no other."""
    kernel = built_in_kernel(release.gated)
    key = key_of(root.key, kernel.key)

    def make(folder):
        tree = folder / "tree"
        root.copy(tree)
        for old in (*(tree / "usr/lib/modules").iterdir(), *(tree / "boot").iterdir()):
            subprocess.run(["rm", "-r", old], check=True)
        subprocess.run(["cp", "-a", f"{kernel.tree}/.", tree], check=True)
        # update-initramfs -u builds anew what is there, and nothing else.
        (tree / "boot" / f"initrd.img-{kernel.release}").touch()

    return Root(release, cached(f"root-{release}", key, make) / "tree", key)


IN_TREE = 'exec chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -ec "$2"'
WITH_PROC = f'mount -t proc proc "$1/proc"\n{IN_TREE}'


@lru_cache
def may_mount():
    """Many a container forbids it."""
    return subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL,
                          check=False).returncode == 0


def run_in(tree, script):
    """Runs shell in a tree, with /proc where we may mount; returns what it printed."""
    shell = ["unshare", "-m", "sh", "-ec", WITH_PROC] if may_mount() else ["sh", "-ec", IN_TREE]
    done = subprocess.run([*shell, "sh", tree, script], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, f"exit {done.returncode}: {script}\n{done.stdout}"
    return done.stdout
