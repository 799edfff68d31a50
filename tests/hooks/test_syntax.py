# SPDX-License-Identifier: GPL-2.0-or-later
"""All our shell and units by the programs that know the language."""

import re
import shutil
import subprocess

import pytest

from lib.hookcalls import TOP

IN_IMAGES = ("initramfs-tools/scripts/init-top/00-vfio-bind", "dracut-module/vfio-bind.sh",
             "mkinitcpio/hooks/vfio-bind", "hooks/busybox/init", "dracut-module/vfio-bind-undo.sh",
             "initramfs-tools/scripts/local-block/vfio-bind",
             "initramfs-tools/scripts/local-top/vfio-bind",
             "initramfs-tools/scripts/nfs-top/vfio-bind")
ON_HOSTS = ("initramfs-tools/hooks/vfio-bind", "dracut-module/module-setup.sh",
            "mkinitcpio/install/vfio-bind", "hooks/booster/booster", "hooks/89-vfio-bind.install",
            "hooks/95-vfio-bind-fallback.install", "hooks/grub-fallback")
PARSERS = {"dash": ["dash", "-n"], "busybox": ["busybox", "sh", "-n"], "bash": ["bash", "-n"]}
UNITS = {"vfio-bind-initrd.service": "", "vfio-bind.service": "",
         "vfio-bind-undo.service": " --undo=wait"}


def run(*command):
    """Runs a program, or skips where there is none."""
    if not shutil.which(command[0]):
        pytest.skip(f"no {command[0]} on this machine")
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("path", IN_IMAGES)
def test_every_shell_reads_it(parser, path):
    """What runs in an image may be read by any shell there is."""
    done = run(*PARSERS[parser], TOP / path)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("path", IN_IMAGES + ON_HOSTS)
def test_shellcheck(path):
    """Nothing to complain about."""
    done = run("shellcheck", TOP / path)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", UNITS)
def test_unit(name, tmp_path):
    """systemd knows every word of it; the binder it calls is another one, as none is installed."""
    text = (TOP / "hooks" / name).read_text("utf-8")
    assert f"ExecStart=-/usr/lib/vfio-bind/binder{UNITS[name]}\n" in text
    unit = tmp_path / name
    unit.write_text(text.replace("/usr/lib/vfio-bind/binder", "/bin/true"), "utf-8")
    done = run("systemd-analyze", "verify", "--man=no", unit)
    assert (done.returncode, done.stdout) == (0, "")


def test_confirming_unit(tmp_path):
    """systemd knows every word. It runs in a trial, behind the target, and if all is right."""
    text = (TOP / "hooks/vfio-bind-confirm.service").read_text("utf-8")
    header = (TOP / "binder/trial.h").read_text("utf-8")
    variable = "/sys/firmware/efi/efivars" + re.search('EFIVARS_DIR "(/VfioBind.*)"', header)[1]
    for line in (f"ConditionPathExists={variable}", "After=multi-user.target",
                 "ExecCondition=/usr/bin/vfio-bind status", "ExecStart=/usr/bin/vfio-bind confirm"):
        assert f"{line}\n" in text
    unit = tmp_path / "vfio-bind-confirm.service"
    unit.write_text(text.replace("/usr/bin/vfio-bind", "/bin/true"), "utf-8")
    done = run("systemd-analyze", "verify", "--man=no", unit)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", ["vfio-bind-initrd.service", "vfio-bind.service"])
def test_unit_waits_for_nobody(name):
    """Neither a hang nor a failure stops a boot, and there is no cycle to be in."""
    lines = (TOP / "hooks" / name).read_text("utf-8").splitlines()
    assert "DefaultDependencies=no" in lines and "TimeoutStartSec=15s" in lines
    assert not any(line.startswith(("After=", "Requires=", "Wants=")) for line in lines)
    before = " ".join(line.removeprefix("Before=") for line in lines
                      if line.startswith("Before=")).split()
    for other in ("modules-load", "udevd", "udev-trigger"):
        assert f"systemd-{other}.service" in before


def test_unit_that_waits_for_a_root():
    """Not before devices are looked for; nobody waits for it, and on the way to the root it ends."""
    lines = (TOP / "hooks/vfio-bind-undo.service").read_text("utf-8").splitlines()
    assert "DefaultDependencies=no" in lines and "ConditionPathExists=/etc/initrd-release" in lines
    assert "After=vfio-bind-initrd.service systemd-udev-trigger.service" in lines
    for word in ("Before", "Conflicts"):
        assert f"{word}=shutdown.target initrd-switch-root.target" in lines
    assert not any(line.startswith(("Type=", "Requires=", "Wants=")) for line in lines)


@pytest.mark.parametrize("other", [
    "systemd-udev-load-credentials.service", "dracut-cmdline.service", "dracut-pre-udev.service",
    "plymouth-start.service", "breakpoint-pre-udev.service", "initrd-switch-root.target"])
def test_unit_comes_first_in_an_initrd(other):
    """Each of them can load a driver or start what does: ours may not even run beside it."""
    text = (TOP / "hooks/vfio-bind-initrd.service").read_text("utf-8")
    before = [line.split("=")[1] for line in text.splitlines() if line.startswith("Before=")]
    assert other in " ".join(before).split()
