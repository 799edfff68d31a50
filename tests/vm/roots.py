# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian roots with a kernel and an initramfs generator, made by mmdebstrap."""

import os
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .cache import cached, key_of
from .generators import INITRAMFS_TOOLS, Generator

MIRROR = os.environ.get("VFIO_BIND_MIRROR", "http://deb.debian.org/debian")
BASE_PACKAGES = ("linux-image-amd64", "systemd-sysv", "udev", "kmod")


@dataclass(frozen=True)
class Release:
    """A Debian release as the tests use it: a suite, a generator, and what the host program needs."""

    suite: str
    generator: Generator
    packages: tuple
    apt_options: tuple = ()

    def __str__(self):
        return f"{self.suite}-{self.generator}"


BOOKWORM = Release("bookworm", INITRAMFS_TOOLS,
                   ("libkmod2", "libmount1", "libblkid1", "libarchive13", "libjson-c5", "libpci3",
                    "libsmartcols1"))
TRIXIE = Release("trixie", INITRAMFS_TOOLS,
                 ("libkmod2", "libmount1", "libblkid1", "libarchive13t64", "libjson-c5", "libpci3",
                  "libsmartcols1"))
RELEASES = (TRIXIE, BOOKWORM)


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


def root_of(release):
    """The root of a release, downloaded if it is not in the cache."""
    packages = (*BASE_PACKAGES, *release.generator.packages, *release.packages)
    options = ('APT::Install-Recommends "false"', *release.apt_options)
    key = key_of(release.suite, packages, options, MIRROR)

    def make(folder):
        subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase",
                        f"--include={','.join(packages)}",
                        *(f"--aptopt={option}" for option in options),
                        release.suite, folder / "tree", f"deb {MIRROR} {release.suite} main"],
                       check=True)

    return Root(release, cached(f"root-{release}", key, make) / "tree", key)


IN_TREE = """
mount -t proc proc "$1/proc"
[ -z "$3" ] || mount --bind "$3" "$1/mnt"
exec chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -ec "$2"
"""


def run_in(tree, script, mnt=""):
    """Runs shell in a tree, with /proc, and mnt as its /mnt; returns what it printed."""
    done = subprocess.run(["unshare", "-m", "sh", "-ec", IN_TREE, "sh", tree, script, mnt],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    assert done.returncode == 0, f"exit {done.returncode}: {script}\n{done.stdout}"
    return done.stdout
