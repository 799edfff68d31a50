# SPDX-License-Identifier: GPL-2.0-or-later
"""The Debian package in the life of a root: images follow it, and in the end nothing is left."""

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from vm.images import GUEST, copy_into, unpack, write
from vm.nights import by_night
from vm.roots import BOOKWORM, BOOKWORM_DRACUT, TRIXIE, TRIXIE_DRACUT, Root, root_of, run_in
from .deb import BINDER, next_version

POLICY = "bind display boot_display=0\n"
DROP_IN = "vfio-bind.conf.d/rules.conf"
APT = "DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends"
# A boot entry, as one of systemd-boot, and ours beside it.
MENU = """
mkdir -p /boot/loader/entries
printf 'title Debian\\nlinux /linux\\n' >/boot/loader/entries/debian.conf
vfio-bind fallback"""
FALLBACK = "-0-without_vfio_bind.conf"
ENABLED = "etc/systemd/system/sysinit.target.wants/vfio-bind.service"
# What any package leaves behind, whatever it holds: logs, caches, and the package manager's own
# books, whose lists of files are compared all the same.
LEGITIMATE = ("var/log/", "var/cache/", "var/lib/apt/", "var/lib/dpkg/status",
              "var/lib/dpkg/available", "var/lib/dpkg/lock", "var/lib/dpkg/triggers/Lock",
              # The image is unpacked and compared; this is its checksum.
              "boot/initrd.img-", "var/lib/initramfs-tools/", "tmp/")


@dataclass
class Stage:
    """What is true after one step of the package's life."""

    rebuilt: bool  # the image is another file than before
    image: dict  # path and checksum of each file in it
    files: dict  # the root: a line for each path
    output: str


def checksum(path):
    """Of a file's content; short."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def snapshot(tree):
    """Mode, owner and content of all there is below a tree."""
    found = {}
    for folder, folders, files in os.walk(tree):
        for name in (*folders, *files):
            path = Path(folder, name)
            state = path.lstat()
            content = os.readlink(path) if path.is_symlink() else ""
            if path.is_file() and not path.is_symlink():
                content = checksum(path)
            found[str(path.relative_to(tree))] = (
                f"{state.st_mode:o} {state.st_uid}:{state.st_gid} {content}")
    return {path: line for path, line in found.items() if not path.startswith(LEGITIMATE)}


class Life:
    """A root of its own, and what becomes of it step by step."""

    def __init__(self, release, folder):
        base = root_of(release)
        self.root = Root(release, folder / "tree", base.key)
        self.tree = self.root.tree
        base.copy(self.tree)
        copy_into(GUEST / "common", self.tree)
        copy_into(GUEST / release.generator.name, self.tree)
        self.image = self.tree / release.generator.image.format(self.root.kernel_release)
        self.stages = {}
        self.step("before", release.generator.build)

    def step(self, name, script):
        """Runs shell in the root, and looks at everything."""
        if self.image.exists():
            os.utime(self.image, (0, 0))
        output = run_in(self.tree, script)
        with tempfile.TemporaryDirectory() as temporary:
            inside = unpack(self.root, self.image, Path(temporary) / "image")
            image = snapshot(inside)
        self.stages[name] = Stage(self.image.stat().st_mtime != 0, image, snapshot(self.tree),
                                  output)


@pytest.fixture(name="life", scope="module",
                params=(BOOKWORM, *by_night(TRIXIE, TRIXIE_DRACUT, BOOKWORM_DRACUT)), ids=str)
def whole_life(request, deb, tmp_path_factory):
    """All of it, in one go; the tests look at what was noted down."""
    folder = tmp_path_factory.mktemp("life")
    life = Life(request.param, folder)
    shutil.copy(deb.file, life.tree / "tmp/vfio-bind.deb")
    shutil.copy(next_version(deb, folder / "next"), life.tree / "tmp/next.deb")
    life.step("installed", f"{APT} install /tmp/vfio-bind.deb")
    write(life.tree, "etc/vfio-bind.conf", POLICY)
    write(life.tree, "etc/vfio-bind.conf.d/more.conf", "keep 0000:05:00.0\n")
    life.step("upgraded",
              f"systemctl enable vfio-bind.service; {MENU}; {APT} install /tmp/next.deb")
    life.step("removed", f"{APT} remove vfio-bind")
    life.step("again", f"mv /etc/vfio-bind.conf /etc/{DROP_IN}; {APT} install /tmp/vfio-bind.deb")
    life.step("purged", f"{APT} purge vfio-bind; rm -r /boot/loader")
    yield life
    shutil.rmtree(folder)


def in_image(stage):
    """Paths of ours in an image."""
    return {path for path in stage.image if "vfio-bind" in path}


def test_every_step_rebuilds_the_image(life):
    """By the trigger: nobody called a generator."""
    assert {name: stage.rebuilt for name, stage in life.stages.items()} == dict.fromkeys(
        ("before", "installed", "upgraded", "removed", "again", "purged"), True)


def test_without_a_policy_nothing_of_ours_would_run(life):
    """Installed is not active: no file in /etc, no unit enabled, no binder in the image."""
    before, installed = life.stages["before"].files, life.stages["installed"].files
    assert not [path for path in set(installed) - set(before) if path.startswith("etc/")]
    assert BINDER in installed
    assert BINDER not in life.stages["installed"].image


def test_image_holds_the_binder_that_is_installed(life):
    """That of the first version, and after the upgrade that of the next; and the rules, though all
    of them be in drop-ins."""
    for name, rules in (("upgraded", "etc/vfio-bind.conf"), ("again", f"etc/{DROP_IN}")):
        stage = life.stages[name]
        assert stage.image[BINDER].split()[-1] == stage.files[BINDER].split()[-1], name
        assert {"etc/vfio-bind.conf.d/more.conf", rules} <= set(stage.image), name
    upgraded, again = life.stages["upgraded"].files, life.stages["again"].files
    assert upgraded[BINDER] != again[BINDER]


def test_removed_package_leaves_the_policy_but_no_image(life):
    """What runs at boot is gone with the program; what its owner wrote is not."""
    removed = life.stages["removed"]
    assert in_image(removed) == set()
    assert BINDER not in removed.files
    assert {"etc/vfio-bind.conf", "etc/vfio-bind.conf.d/more.conf", ENABLED} <= set(removed.files)


def test_boot_entry_goes_with_the_package(life):
    """Not before: an upgrade keeps it. The kernel's own stays."""
    entries = {name: sorted(path for path in stage.files if path.startswith("boot/loader/entries/"))
               for name, stage in life.stages.items()}
    ours, kernel = entries["upgraded"]
    assert ours.endswith(FALLBACK) and kernel == "boot/loader/entries/debian.conf"
    assert entries["removed"] == entries["again"] == [kernel]


def test_purged_root_is_as_before(life):
    """Every path, mode, owner and content of the root, and every file of its image."""
    before, purged = life.stages["before"], life.stages["purged"]
    assert purged.files == before.files
    assert set(purged.image) == set(before.image)
    status = (life.tree / "var/lib/dpkg/status").read_text("utf-8")
    assert "Package: vfio-bind" not in status
