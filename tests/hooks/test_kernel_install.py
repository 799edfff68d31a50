# SPDX-License-Identifier: GPL-2.0-or-later
"""The plugin of kernel-install: when an overlay goes into an entry, and what the entry then says."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from lib.payload import fixture_program  # noqa: F401

PLUGIN = Path(__file__).resolve().parents[2] / "hooks/89-vfio-bind.install"
FALLBACK = PLUGIN.with_name("95-vfio-bind-fallback.install")
LOADERENTRY = Path("/usr/lib/kernel/install.d/90-loaderentry.install")
RELEASE = "6.9.0-test"
# Stands for the host program: notes what it is asked, and answers what the test wants.
FAKE = """#!/bin/sh
echo "$@" >>"$LAB/calls"
case $1 in
verify) exit "$(cat "$LAB/verify")" ;;
overlay)
	[ "$(cat "$LAB/overlay")" = 0 ] && echo an overlay >"$5"
	echo noise
	exit "$(cat "$LAB/overlay")"
	;;
esac
"""


class Lab:
    """A staging area and a host program that answers as told."""

    def __init__(self, path):
        self.path, self.staging = path, path / "staging"
        (path / "bin").mkdir()
        self.staging.mkdir()
        (path / "bin/vfio-bind").write_text(FAKE)
        (path / "bin/vfio-bind").chmod(0o755)
        self.answer(verify=10, overlay=0)
        self.environment = {**os.environ, "LAB": str(path), "KERNEL_INSTALL_LAYOUT": "bls",
                            "PATH": f"{path}/bin:{os.environ['PATH']}",
                            "KERNEL_INSTALL_STAGING_AREA": str(self.staging)}

    def answer(self, **codes):
        for name, code in codes.items():
            (self.path / name).write_text(str(code))

    def calls(self):
        return (self.path / "calls").read_text().splitlines() if (
            self.path / "calls").exists() else []

    def run(self, *initrds, verb="add"):
        done = subprocess.run([PLUGIN, verb, RELEASE, self.path / "entry", "/vmlinuz", *initrds],
                              env=self.environment, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False)
        assert (done.returncode, done.stdout) == (0, "")
        return done.stderr


@pytest.fixture(name="lab")
def fixture_lab(tmp_path):
    return Lab(tmp_path)


def test_beside_an_image_without_us(lab):
    (lab.staging / "initrd").write_text("an image")
    assert lab.run() == ""
    assert (lab.staging / "initrd-vfio-bind").read_text() == "an overlay\n"
    assert lab.calls() == [f"verify --kernel {RELEASE} {lab.staging}/initrd",
                           f"overlay --kernel {RELEASE} -o {lab.staging}/initrd-vfio-bind"]


def test_beside_an_image_that_was_given(lab):
    (lab.path / "given").write_text("an image")
    lab.run(lab.path / "given")
    assert lab.calls()[0] == f"verify --kernel {RELEASE} {lab.path}/given"
    assert (lab.staging / "initrd-vfio-bind").exists()


def test_not_beside_an_image_that_is_right(lab):
    for name in ("initrd-1", "initrd-2"):
        (lab.staging / name).write_text("an image")
    lab.answer(verify=0)
    lab.run()
    assert not (lab.staging / "initrd-vfio-bind").exists() and len(lab.calls()) == 1


@pytest.mark.parametrize("layout", ["uki", "other", ""])
def test_not_in_other_layouts(lab, layout):
    (lab.staging / "initrd").write_text("an image")
    lab.environment["KERNEL_INSTALL_LAYOUT"] = layout
    lab.run()
    assert lab.calls() == []


def test_not_alone(lab):
    """Else 90-loaderentry would take ours for the entry's initrd, and the machine not boot."""
    lab.run()
    lab.run(lab.path / "absent")
    assert lab.calls() == [] and list(lab.staging.iterdir()) == []


def test_not_on_removal(lab):
    (lab.staging / "initrd").write_text("an image")
    lab.run(verb="remove")
    assert lab.calls() == []


@pytest.mark.parametrize("code, says", [(6, ""), (1, f"no overlay for kernel {RELEASE} (vfio-bind "
                                                     "overlay: exit 1)")])
def test_failures(lab, code, says):
    (lab.staging / "initrd").write_text("an image")
    lab.answer(overlay=code)
    said = lab.run()
    assert says in said and bool(says) == bool(said)


def test_without_the_host_program(lab):
    (lab.staging / "initrd").write_text("an image")
    (lab.path / "bin/vfio-bind").unlink()
    assert "exit 127" in lab.run()


@pytest.mark.skipif(not shutil.which("kernel-install") or not LOADERENTRY.exists(),
                    reason="kernel-install is not on this machine")
@pytest.mark.parametrize("given", [True, False], ids=["with an image", "without"])
def test_entry(lab, given):
    """By kernel-install itself: the overlay is the second initrd of the entry, and never the
    only one."""
    boot, conf = lab.path / "boot", lab.path / "conf"
    (boot / "0123").mkdir(parents=True)
    conf.mkdir()
    (conf / "install.conf").write_text(f"layout=bls\nBOOT_ROOT={boot}\nMACHINE_ID={'0' * 31}1\n")
    (conf / "entry-token").write_text("0123\n")
    (conf / "cmdline").write_text("quiet\n")
    for name in ("vmlinuz", "an-initrd"):
        (lab.path / name).write_text(name)
    environment = {**lab.environment, "KERNEL_INSTALL_CONF_ROOT": str(conf),
                   "KERNEL_INSTALL_PLUGINS": f"{PLUGIN} {LOADERENTRY}", "BOOT_ROOT": str(boot)}
    done = subprocess.run(["kernel-install", "add", RELEASE, lab.path / "vmlinuz",
                           *([lab.path / "an-initrd"] if given else [])], text=True,
                          env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    assert done.returncode == 0, done.stdout
    (entry,) = (boot / "loader/entries").iterdir()
    initrds = [Path(line.split()[1]) for line in entry.read_text().splitlines()
               if line.startswith("initrd")]
    assert [path.name for path in initrds] == (["an-initrd", "initrd-vfio-bind"] if given else [])
    overlay = boot / "0123" / RELEASE / "initrd-vfio-bind"
    assert overlay.read_text() == "an overlay\n" if given else not overlay.exists()


# The entry without vfio-bind.

ID = "0" * 31 + "1"
OWN = "0123-0-without_vfio_bind"


class Menu(Lab):
    """A boot partition, and the host program on a tree that has it."""

    def __init__(self, path, program):
        super().__init__(path)
        self.root = path / "root"
        self.boot, self.conf = self.root / "boot", path / "conf"
        (self.boot / "0123").mkdir(parents=True)
        (self.boot / "loader/entries").mkdir(parents=True)
        (self.root / "etc/kernel").mkdir(parents=True)
        (self.root / "etc/machine-id").write_text(f"{ID}\n")
        (self.root / "etc/kernel/entry-token").write_text("0123\n")
        self.conf.mkdir()
        (self.conf / "install.conf").write_text(f"layout=bls\nMACHINE_ID={ID}\n")
        (self.conf / "entry-token").write_text("0123\n")
        (self.conf / "cmdline").write_text("quiet\n")
        (path / "vmlinuz").write_text("a kernel")
        (path / "bin/vfio-bind").write_text(
            f"#!/bin/sh\necho \"$@\" >>\"$LAB/calls\"\n[ $1 = fallback ] || exit 0\n"
            f"exec {program} --root {self.root} \"$@\"\n")
        self.environment |= {"KERNEL_INSTALL_CONF_ROOT": str(self.conf), "BOOT_ROOT": str(self.boot),
                             "KERNEL_INSTALL_PLUGINS": f"{PLUGIN} {LOADERENTRY} {FALLBACK}"}

    def kernel_install(self, *words):
        done = subprocess.run(["kernel-install", *words], text=True, env=self.environment,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        assert done.returncode == 0 and "vfio-bind" not in done.stdout, done.stdout

    def entries(self):
        return sorted(path.name for path in (self.boot / "loader/entries").iterdir())

    def ours(self):
        (path,) = (self.boot / "loader/entries").glob(f"{OWN}*")
        return path.read_text()


@pytest.fixture(name="menu")
def fixture_menu(program, tmp_path):
    if os.geteuid() or not shutil.which("kernel-install") or not LOADERENTRY.exists():
        pytest.skip("needs root and kernel-install")
    return Menu(tmp_path, program)


@pytest.mark.parametrize("tries", ["", "3"])
def test_fallback_follows_the_newest_kernel(menu, tries):
    """By kernel-install itself: none before it was asked for; then the newest, whichever comes or
    goes, and with as many boots as that where they are counted."""
    if tries:
        for folder in (menu.conf, menu.root / "etc/kernel"):
            (folder / "tries").write_text(f"{tries}\n")
    number = f"+{tries}" if tries else ""
    menu.kernel_install("add", "6.9.0-test", menu.path / "vmlinuz")
    assert menu.entries() == [f"0123-6.9.0-test{number}.conf"]
    subprocess.run([menu.path / "bin/vfio-bind", "fallback"], env=menu.environment, check=True,
                   stdout=subprocess.PIPE)
    assert "options    rd.vfio_bind=0 quiet\n" in menu.ours() and "6.9.0-test/linux" in menu.ours()
    menu.kernel_install("add", "6.12.0-test", menu.path / "vmlinuz")
    assert "6.12.0-test/linux" in menu.ours()
    assert menu.entries() == sorted([f"{OWN}{number}.conf", f"0123-6.9.0-test{number}.conf",
                                     f"0123-6.12.0-test{number}.conf"])
    menu.kernel_install("remove", "6.12.0-test")
    assert "6.9.0-test/linux" in menu.ours()


@pytest.mark.parametrize("verb, calls", [("add", ["fallback --refresh"]), ("inspect", []),
                                         ("remove", ["fallback --refresh"])])
def test_fallback_is_asked_for(lab, verb, calls):
    done = subprocess.run([FALLBACK, verb, RELEASE], env=lab.environment, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert (done.returncode, done.stdout, done.stderr, lab.calls()) == (0, "", "", calls)


def test_fallback_never_fails(lab):
    (lab.path / "bin/vfio-bind").write_text("#!/bin/sh\nexit 1\n")
    done = subprocess.run([FALLBACK, "add", RELEASE], env=lab.environment, text=True, check=False,
                          stderr=subprocess.PIPE)
    assert (done.returncode, "is not in step (exit 1)" in done.stderr) == (0, True)
