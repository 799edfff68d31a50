# SPDX-License-Identifier: GPL-2.0-or-later
"""The Debian package as a file: what it holds, what lintian says, the same bytes each time."""

import hashlib
import re
import subprocess

import pytest

from vm.images import SOURCE, install_product
from .contents import DEBIAN, contents, expected, listed, unpacked
from .deb import build, build_root, copy_source

# Debian 12's lintian is older than the field. The .deb does not say so: a later one knows it.
TOO_NEW = re.compile(r"W: vfio-bind(-dbgsym)?: unknown-field Static-Built-Using")


def test_make_install_gives_the_list():
    """What the packages are compared with is what the Makefile does."""
    assert contents(install_product()) == listed()


def test_package_holds_the_list(deb, tmp_path):
    """Nothing more, nothing less; and nothing of it in /etc."""
    assert contents(unpacked(deb.file, tmp_path / "tree")) == expected(DEBIAN)


def test_binder_is_small_and_static(deb, tmp_path):
    """Also with the flags that dpkg hands over."""
    binder = unpacked(deb.file, tmp_path / "tree") / "usr/lib/vfio-bind/binder"
    headers = subprocess.check_output(["readelf", "-lW", binder], text=True)
    assert "LOAD" in headers and "INTERP" not in headers
    assert binder.stat().st_size <= 96 * 1024


def test_lintian_is_content(deb):
    """No error and no warning, of the package and of its debug symbols."""
    done = subprocess.run(["lintian", "--allow-root", "--tag-display-limit=0", deb.changes],
                          capture_output=True, text=True, check=False)
    said = [line for line in done.stdout.splitlines() if not TOO_NEW.fullmatch(line)]
    assert (said, done.stderr) == ([], "")


def test_overrides_are_needed_and_explained(deb):
    """Each follows a comment, and lintian would say something without it."""
    overrides = (SOURCE / "packaging/debian/lintian-overrides").read_text("utf-8").splitlines()
    done = subprocess.run(["lintian", "--allow-root", "--show-overrides", deb.changes],
                          capture_output=True, text=True, check=False)
    said = [line.removeprefix("O: ") for line in done.stdout.splitlines() if line[:3] == "O: "]
    assert sorted(said) == sorted(line for line in overrides if line[:1] != "#")
    for before, line in zip(["", *overrides], overrides):
        assert line.startswith("#") or before.startswith("#"), line


def test_version_is_the_makefiles(deb):
    """One number in three places."""
    (version,) = re.findall(r"^VERSION = (.*)$", (SOURCE / "Makefile").read_text("utf-8"),
                            re.MULTILINE)
    news = (SOURCE / "NEWS").read_text("utf-8").splitlines()[0]
    assert deb.version.rpartition("-")[0] == version == news.removeprefix("vfio-bind ")


def test_dependencies(deb):
    """What the host program links is there; a generator is only recommended; the static libc."""
    fields = subprocess.check_output(
        ["dpkg-deb", "-f", deb.file, "Depends", "Recommends", "Static-Built-Using"], text=True)
    for library in ("libkmod2", "libarchive13", "libmount1", "libblkid1", "libpci3", "libjson-c5",
                    "libsmartcols1", "libc6"):
        assert f"{library} (>=" in fields
    assert "Recommends: initramfs-tools | linux-initramfs-tool" in fields
    assert re.search(r"^Static-Built-Using: musl \(= \S+\)$", fields, re.MULTILINE)


def sums(folder):
    """Of the packages there."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.glob("*.deb")}


@pytest.mark.nightly
def test_same_bytes_again(deb, tmp_path):
    """Another build, later, of the whole tree and with its tests: byte by byte the same."""
    copy_source(tmp_path / "source")
    root, _ = build_root()
    build(tmp_path / "source", root, tmp_path)
    assert re.search(r"^\d+ passed, 0 failed, \d+ skipped$", (tmp_path / "log").read_text("utf-8"),
                     re.MULTILINE)
    assert len(sums(deb.folder)) == 2
    assert sums(tmp_path) == sums(deb.folder)
