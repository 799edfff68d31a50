# SPDX-License-Identifier: GPL-2.0-or-later
"""The packages of other distributions, as far as Debian's tools can build and judge them."""

import re
import subprocess
import tarfile

import pytest

from vm.images import SOURCE
from .contents import ARCH, RPM, contents, expected
from .deb import copy_source

SPEC = SOURCE / "packaging/rpm/vfio-bind.spec"
PKGBUILD = SOURCE / "packaging/arch/PKGBUILD"
(VERSION,) = re.findall(r"^VERSION = (.*)$", (SOURCE / "Makefile").read_text("utf-8"),
                        re.MULTILINE)
# What Fedora defines and Debian's rpm does not; and no debug package, whose tools are not here.
DEFINES = ("debug_package %{nil}", "_build_id_links none", "_docdir_fmt %%{NAME}")


def tarball(folder):
    """The sources as a release has them."""
    copy_source(folder / "source")
    path = folder / f"vfio-bind-{VERSION}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder / "source", f"vfio-bind-{VERSION}")
    return path


@pytest.fixture(name="rpm", scope="module")
def built_rpm(tmp_path_factory):
    """The package that the spec gives."""
    folder = tmp_path_factory.mktemp("rpm")
    tarball(folder)
    defines = [word for define in (f"_topdir {folder}", f"_sourcedir {folder}", *DEFINES)
               for word in ("--define", define)]
    # What it requires has Debian's names here.
    done = subprocess.run(["rpmbuild", "--nodeps", "-bb", *defines, SPEC], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout
    (path,) = folder.glob("RPMS/*/*.rpm")
    return path


def test_rpm_holds_the_list(rpm, tmp_path):
    """Nothing more, nothing less."""
    subprocess.run(f"rpm2cpio '{rpm}' | cpio -i -d --quiet", shell=True, cwd=tmp_path, check=True)
    assert contents(tmp_path) == expected(RPM)


def test_rpmlint_is_content(rpm):
    """The package and its spec; each line of the .rpmlintrc says why."""
    done = subprocess.run(["rpmlint", "--rpmlintrc", SPEC.with_suffix(".rpmlintrc"), SPEC, rpm],
                          capture_output=True, text=True, check=False)
    assert "1 specfiles checked; 0 errors, 0 warnings" in done.stdout, done.stdout


def test_rpm_is_the_makefiles_version(rpm):
    """One number in each place."""
    query = subprocess.check_output(["rpm", "-qp", "--qf", "%{VERSION}", rpm], text=True)
    assert query == VERSION
    assert f"\npkgver={VERSION}\n" in PKGBUILD.read_text("utf-8")


@pytest.mark.parametrize("scriptlet, called", [("posttrans", "vfio-bind update\n"),
                                               ("postun", "dracut --regenerate-all --force\n")])
@pytest.mark.parametrize("policy", [None, "etc/vfio-bind.conf", "etc/vfio-bind.conf.d/10.conf",
                                    "usr/lib/vfio-bind.conf.d/10.conf", "etc/vfio-bind.conf.d/README"])
def test_scriptlets_of_the_spec_know_where_rules_are(tmp_path, scriptlet, called, policy):
    """Images are built anew where there are rules, be it in a drop-in alone; nowhere else."""
    (script,) = re.findall(rf"^%{scriptlet}\n(.*?)^%(?!{{)", SPEC.read_text("utf-8"),
                           re.MULTILINE | re.DOTALL)
    script = re.sub(r"^%\{.*\n", "", re.sub(r"/(?=(etc|usr|var)/)", f"{tmp_path}/", script),
                    flags=re.MULTILINE)
    for name in ("vfio-bind", "dracut"):
        program = tmp_path / "usr/bin" / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f"#!/bin/sh\necho {name} $*\nexit 1\n", "utf-8")
        program.chmod(0o755)
    if policy:
        (tmp_path / policy).parent.mkdir(parents=True)
        (tmp_path / policy).touch()
    done = subprocess.run(["sh", "-c", script, "sh", "0"], capture_output=True, text=True,
                          env={"PATH": f"{tmp_path}/usr/bin:/usr/bin:/bin"}, check=True)
    assert done.stdout == (called if policy and policy.endswith(".conf") else "")


@pytest.mark.nightly
def test_pkgbuild_gives_the_list(tmp_path):
    """Its two functions, run as makepkg runs them: in srcdir, with a folder to fill."""
    with tarfile.open(tarball(tmp_path)) as archive:
        archive.extractall(tmp_path / "src")
    script = 'set -e; . "$0"; srcdir=$PWD pkgdir=$1; build; package'
    done = subprocess.run(["bash", "-c", script, PKGBUILD, tmp_path / "pkg"], text=True,
                          cwd=tmp_path / "src", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    assert done.returncode == 0, done.stdout
    assert contents(tmp_path / "pkg") == expected(ARCH)
