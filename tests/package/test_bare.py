# SPDX-License-Identifier: GPL-2.0-or-later
"""README's two commands in a Debian 12 that has little but a shell and apt, from a tarball."""

import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from vm.roots import MIRROR, bootstrapped, run_in
from .deb import SUITE
from .test_others import VERSION, tarball


@pytest.fixture(name="bare")
def bare_root(tmp_path):
    """A copy of it, with the sources and the names of this machine's name servers."""
    root, _ = bootstrapped(f"bare-{SUITE}", SUITE, ("apt",))
    tree = tmp_path / "tree"
    subprocess.run(["cp", "-a", "--reflink=auto", root, tree], check=True)
    for name in ("make", "gcc", "python3", "git"):
        assert not (tree / "usr/bin" / name).exists()
    with tarfile.open(tarball(tmp_path)) as archive:
        archive.extractall(tree / "root")
    for name in ("resolv.conf", "hosts"):
        shutil.copy(Path("/etc", name), tree / "etc" / name)
    yield tree
    shutil.rmtree(tree)


def run(tree, words):
    """Its lines, behind those of apt."""
    return run_in(tree, f"cd /root/vfio-bind-{VERSION}; VFIO_BIND_MIRROR={MIRROR} tests/run {words}"
                  ).splitlines()


def test_tests_run(bare):
    """What is missing is installed, the programs are built, and each test of a suite passes."""
    *said, last = run(bare, "unit")
    assert any(line.startswith("tests/run: installing gcc make ") for line in said)
    assert last.endswith(" passed, 0 failed, 0 skipped") and int(last.split()[0]) > 500, last


@pytest.mark.nightly
def test_tests_run_demo(bare):
    """All of it: three boots of a Debian that is fetched there."""
    said = run(bare, "demo")
    assert said[-2].startswith("Proven by the driver link of every function"), said
