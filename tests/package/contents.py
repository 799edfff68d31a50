# SPDX-License-Identifier: GPL-2.0-or-later
"""What a package holds, next to packaging/files."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from vm.images import SOURCE


@dataclass(frozen=True)
class Distribution:
    """How a distribution's package differs from what `make install` gives."""

    moved: tuple = ()  # pairs: what begins with the first begins with the second there
    without: tuple = ()  # beginnings of what is left out
    more: tuple = ()  # lines of what is added
    compressed: tuple = ()  # beginnings of what gets ".gz"


DEBIAN = Distribution(
    moved=(("usr/share/zsh/site-functions", "usr/share/zsh/vendor-completions"),),
    without=("usr/lib/initcpio", "usr/lib/booster", "usr/lib/vfio-bind/booster"),  # not in Debian
    more=("0644 usr/share/doc/vfio-bind/NEWS.gz", "0644 usr/share/doc/vfio-bind/README.md.gz",
          "0644 usr/share/doc/vfio-bind/changelog.Debian.gz",
          "0644 usr/share/doc/vfio-bind/copyright",
          "0644 usr/share/lintian/overrides/vfio-bind"),
    compressed=("usr/share/man/", "usr/share/doc/vfio-bind/vfio-bind.schema.json"),
)

RPM = Distribution(
    without=("usr/share/initramfs-tools", "usr/lib/initcpio"),  # Debian's and Arch's
    more=("0644 usr/share/doc/vfio-bind/NEWS", "0644 usr/share/doc/vfio-bind/README.md",
          "0644 usr/share/licenses/vfio-bind/LICENSE"),
)

ARCH = Distribution(
    without=("usr/share/initramfs-tools",),  # Debian's
    more=("0644 usr/share/doc/vfio-bind/NEWS", "0644 usr/share/doc/vfio-bind/README.md"),
)


def listed():
    """The lines of packaging/files."""
    lines = (SOURCE / "packaging/files").read_text("utf-8").splitlines()
    return {line for line in lines if not line.startswith("#")}


def expected(distribution):
    """The lines for a distribution. Each of its differences has to strike something."""
    lines = set(distribution.more)
    unused = {*distribution.without, *distribution.compressed,
              *(old for old, _ in distribution.moved)}
    for line in listed():
        mode, _, path = line.partition(" ")
        unused -= {start for start in unused if path.startswith(start)}
        if path.startswith(distribution.without):
            continue
        for old, new in distribution.moved:
            if path.startswith(old):
                path = new + path.removeprefix(old)
        if path.startswith(distribution.compressed):
            path += ".gz"
        lines.add(f"{mode} {path}")
    assert not unused, f"there is nothing of the kind in packaging/files: {unused}"
    return lines


def contents(tree):
    """A line for each file and link below a tree, in the form of packaging/files."""
    lines = set()
    for folder, folders, files in os.walk(tree):
        for name in (*folders, *files):
            path = Path(folder, name)
            if path.is_symlink():
                lines.add(f"link {path.relative_to(tree)} -> {os.readlink(path)}")
            elif not path.is_dir():
                lines.add(f"{path.stat().st_mode & 0o7777:04o} {path.relative_to(tree)}")
    return lines


def unpacked(deb, to):
    """The tree of a .deb."""
    subprocess.run(["dpkg-deb", "-x", deb, to], check=True)
    return to
