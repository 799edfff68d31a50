# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds the Debian package in a root that has nothing but what debian/control asks for."""

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from vm.cache import cache_folder, cached, key_of, key_of_tree
from vm.images import SOURCE
from vm.roots import bootstrapped, run_in

SUITE = "bookworm"  # what is built there is installed on later releases too
DEBIAN = SOURCE / "packaging/debian"
BINDER = "usr/lib/vfio-bind/binder"
NOT_SOURCE = ("build", ".git", "__pycache__", ".pytest_cache")
# As any user: nothing in the build asks for root, and some tests tell root from others.
BUILD = """
cd /build/vfio-bind
chown -R nobody: /build
export HOME=/build DEB_BUILD_OPTIONS="{options}" DEB_BUILD_PROFILES="{profile}" LC_ALL=C.UTF-8
setpriv --reuid=nobody --regid=nogroup --clear-groups dpkg-buildpackage -us -uc -b
"""


@dataclass(frozen=True)
class Deb:
    """A package as dpkg-buildpackage left it, with what belongs to it."""

    folder: Path
    key: str

    @property
    def changes(self):
        """What lintian is given."""
        (path,) = self.folder.glob("*.changes")
        return path

    @property
    def file(self):
        """What apt is given; the other one holds debug symbols."""
        (path,) = self.folder.glob("vfio-bind_*.deb")
        return path

    @property
    def version(self):
        """As dpkg has it."""
        return subprocess.check_output(["dpkg-deb", "-f", self.file, "Version"], text=True).strip()


def build_packages(profile=""):
    """The packages Build-Depends names; profile: those marked with it are left out."""
    text = (DEBIAN / "control").read_text("utf-8")
    (field,) = re.findall(r"^Build-Depends:(.*?)^\S", text, re.MULTILINE | re.DOTALL)
    names = []
    for item in field.split(","):
        name, *rest = item.split()
        if f"<!{profile}>" not in rest:
            names.append(name.replace("debhelper-compat", "debhelper"))
    return tuple(names)


def build_root(profile=""):
    """A root to build in."""
    packages = ("build-essential", *build_packages(profile))
    name = f"build-root-{SUITE}" + (f"-{profile}" if profile else "")
    return bootstrapped(name, SUITE, packages)


def copy_source(to):
    """The sources as a release has them, with debian/ where dpkg-buildpackage looks for it."""
    shutil.copytree(SOURCE, to, symlinks=True, ignore=shutil.ignore_patterns(*NOT_SOURCE))
    shutil.copytree(to / "packaging/debian", to / "debian")


def build(source, root, to, profile=""):
    """Builds the package of a tree that copy_source() made; its results go to a folder."""
    with tempfile.TemporaryDirectory(prefix="build-", dir=cache_folder()) as temporary:
        tree = Path(temporary) / "tree"
        subprocess.run(["cp", "-a", "--reflink=auto", root, tree], check=True)
        shutil.copytree(source, tree / "build/vfio-bind", symlinks=True)
        options = f"{profile} parallel={os.cpu_count()}".strip()
        log = run_in(tree, BUILD.format(options=options, profile=profile))
        (to / "log").write_text(log, encoding="utf-8")
        for path in (tree / "build").glob("vfio-bind*_*"):
            shutil.copy(path, to)


def cached_deb():
    """The package of this tree, built without its tests."""
    root, root_key = build_root("nocheck")
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary) / "vfio-bind"
        copy_source(source)
        for folder in (".ci", "packaging", "tests"):  # the package holds nothing of them
            shutil.rmtree(source / folder)
        key = key_of(root_key, key_of_tree(source), BUILD)
        folder = cached("deb", key, lambda new: build(source, root, new, "nocheck"))
    return Deb(folder, key)


def next_version(deb, folder):
    """The package as its next version: another number, and a binder that can be told apart."""
    tree = folder / "tree"
    folder.mkdir()
    subprocess.run(["dpkg-deb", "-R", deb.file, tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(control.read_text("utf-8").replace(deb.version, deb.version + "+next"),
                       encoding="utf-8")
    with open(tree / BINDER, "ab") as binder:
        binder.write(b"next\n")
    (tree / "DEBIAN/md5sums").unlink()
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, folder / "next.deb"],
                   stdout=subprocess.DEVNULL, check=True)
    return folder / "next.deb"
