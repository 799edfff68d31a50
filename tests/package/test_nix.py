# SPDX-License-Identifier: GPL-2.0-or-later
"""NixOS's package and module, where nix-bin is installed: read by Nix, with stand-ins for nixpkgs;
the shell that comes of them is run. Nothing is fetched, and nothing is built by Nix."""

import json
import shutil
import subprocess

import pytest

from lib.moduletree import RELEASE, vfio_tree
from lib.payload import OURS
from vm.images import SOURCE, install_product
from .test_others import VERSION

NIX = SOURCE / "packaging/nix"
HERE = SOURCE / "tests/package"
POLICY = "bind display boot_display=0\n"
# Those of nixpkgs, as far as they are used: stdenv/setup.sh and make-wrapper.sh.
SHELL = """
set -e
substituteInPlace() {
    files=
    while [ "$1" != --replace-fail ]; do files="$files $1"; shift; done
    for file in $files; do
        grep -q "$2" "$file"
        sed -i "s|$2|$3|g" "$file"
    done
}
wrapProgram() {
    [ "$2" = --set-default ]
    printf '#!/bin/sh\\n%s=%s exec %s "$@"\\n' "$3" "$4" "$1.real" >"$1.new"
    mv "$1" "$1.real"
    mv "$1.new" "$1"
    chmod 755 "$1"
}
"""
pytestmark = pytest.mark.skipif(not shutil.which("nix-instantiate"),
                                reason="takes nix-bin, which tests/run does not install")


def nix(tmp_path, *words):
    """What nix-instantiate says, with a store of its own that it may write to."""
    done = subprocess.run(["nix-instantiate", "--option", "build-users-group", "", *words],
                          env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path),
                               "NIX_STATE_DIR": str(tmp_path / "state")},
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def evaluated(tmp_path, what, systemd=True):
    """A part of what the files come to."""
    names = {"policy": tmp_path / "policy", "modules": tmp_path / "kernel", "release": RELEASE,
             "package": tmp_path / "package"}
    arguments = [word for name, value in names.items() for word in ("--argstr", name, str(value))]
    return json.loads(nix(tmp_path, "--eval", "--strict", "--json", HERE / "stand_in.nix",
                          "-A", what, "--arg", "systemd", str(systemd).lower(), *arguments))


def sh(script, folder, **variables):
    """Runs what would be a builder."""
    return subprocess.run(["bash", "-c", SHELL + script], cwd=folder, text=True, check=False,
                          env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **variables},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.mark.parametrize("name", ["module.nix", "package.nix"])
def test_parses(tmp_path, name):
    assert nix(tmp_path, "--parse", NIX / name)


def test_package(tmp_path):
    """Its flags and its last phase, on what make install leaves."""
    package = evaluated(tmp_path, "package.makeFlags")
    assert package[1] == "BINDER_CC=/usr/bin/musl-gcc" and package[0].startswith("PREFIX=/")
    assert evaluated(tmp_path, "package.version") == VERSION
    out = tmp_path / "out"
    shutil.copytree(install_product() / "usr", out, symlinks=True)
    done = sh(evaluated(tmp_path, "package.postInstall"), tmp_path, out=str(out))
    assert done.returncode == 0, done.stdout
    assert sorted(path.name for path in out.iterdir()) == ["bin", "lib", "share"]
    assert sorted(path.name for path in (out / "lib").iterdir()) == ["systemd", "udev", "vfio-bind"]
    units = out / "lib/systemd/system"
    for path in (out / "lib/udev/rules.d/79-vfio-bind.rules", units / "vfio-bind.service"):
        assert f"{out}/lib/vfio-bind/binder" in path.read_text("utf-8")
        assert "/usr/" not in path.read_text("utf-8").replace(str(out), "")
    # These two are for the initrd, where the overlay has it.
    for name in ("vfio-bind-initrd.service", "vfio-bind-undo.service"):
        assert "=-/usr/lib/vfio-bind/binder" in (units / name).read_text("utf-8")
    done = subprocess.run([out / "bin/vfio-bind", "--version"], capture_output=True, text=True,
                          check=True)
    assert VERSION in done.stdout


@pytest.fixture(name="inputs")
def fixture_inputs(tmp_path):
    """A policy, a kernel and a package for it to be built of."""
    (tmp_path / "policy").write_text(POLICY, "utf-8")
    vfio_tree(tmp_path / "kernel", compress=".xz")
    (tmp_path / "kernel/nixos.conf").write_text("options vfio-pci disable_idle_d3=1\n", "utf-8")
    shutil.copytree(install_product() / "usr", tmp_path / "package", symlinks=True)
    return tmp_path


def overlay(folder, systemd=True):
    """Builds it by the script that the module has."""
    first, script = evaluated(folder, "module.boot.initrd.prepend", systemd)
    assert first == "what others prepend"
    (folder / "build").mkdir()
    return sh(script, folder / "build", out=str(folder / "overlay"),
              VFIO_BIND_BINDER=str(folder / "package/lib/vfio-bind/binder"))


def test_overlay(inputs):
    """Policy, binder, modules with the options of modprobe.d; not what the build machine lives on."""
    done = overlay(inputs)
    assert done.returncode == 0, done.stdout
    (inputs / "plain").mkdir()
    subprocess.run("tail -c +513 ../overlay | gzip -dcq 2>/dev/null | cpio -idm --quiet", shell=True,
                   cwd=inputs / "plain", check=True)
    ours = inputs / "plain" / OURS
    assert (inputs / "plain/etc/vfio-bind.conf").read_text("utf-8") == POLICY
    plan = (ours / "plan").read_text("utf-8").splitlines()
    assert f"kernel {RELEASE}" in plan and "load vfio-pci.ko required disable_idle_d3=1" in plan
    assert (ours / "modules/vfio-pci.ko").exists() and (ours / "binder").exists()
    assert (ours / "protect").read_text("utf-8").splitlines()[1:] == ["unknown"]


@pytest.mark.parametrize("policy", ["bnd display\n", "# no rule\n"])
def test_policy_that_binds_nothing_fails_the_build(inputs, policy):
    (inputs / "policy").write_text(policy, "utf-8")
    assert overlay(inputs).returncode != 0
    assert not (inputs / "overlay").exists()


def test_stage_1_with_systemd(tmp_path):
    """By units, which NixOS's systemd takes from packages and from nowhere else."""
    boot = evaluated(tmp_path, "module.boot.initrd.systemd")
    assert boot["packages"] == [str(tmp_path / "package")]
    assert boot["services"] == {name: {"wantedBy": ["sysinit.target"]}
                                for name in ("vfio-bind-initrd", "vfio-bind-undo")}
    assert evaluated(tmp_path, "module.boot.kernelParams") == {}


def test_stage_1_without_systemd(tmp_path):
    """As process 1: its script loads modules before it runs anything else."""
    assert evaluated(tmp_path, "module.boot.kernelParams", systemd=False) == [
        "rdinit=/usr/lib/vfio-bind/binder"]
    assert evaluated(tmp_path, "module.boot.initrd.systemd", systemd=False) == {}
