# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-bind verify --boot: real images and kernels, booted by the program itself."""

import json
import shutil
import subprocess
from dataclasses import replace

import pytest

from lib.initramfs import pe

from .images import install_product, write
from .lab import NO_POLICY
from .test_forced import FORCED, POLICY


class Host:
    """A root with that release's kernel, a policy and the command line of a boot."""

    def __init__(self, lab, folder):
        self.root = folder / "root"
        write(self.root, f"boot/vmlinuz-{lab.root.kernel_release}", "")
        shutil.copy(lab.root.kernel, self.root / f"boot/vmlinuz-{lab.root.kernel_release}")
        write(self.root, "etc/vfio-bind.conf", POLICY)
        self.release = lab.root.kernel_release

    def verify(self, image, words=""):
        """The status, and what it says of order."""
        write(self.root, "proc/cmdline", f"quiet root=/dev/lab {words}\n")
        done = subprocess.run(
            [install_product() / "usr/bin/vfio-bind", "--root", self.root, "verify", "--json",
             "--kernel", self.release, "--boot", image.initrd],
            stdout=subprocess.PIPE, text=True, check=False)
        checks = json.loads(done.stdout)["checks"]
        (order,) = [check for check in checks if check["check"] == "order"]
        return done.returncode, order["result"], order["detail"]


@pytest.fixture(name="host")
def fixture_host(lab, tmp_path):
    """Of the release that is booted."""
    return Host(lab, tmp_path)


def test_a_script_before_ours(lab, host, tmp_path):
    """The same image: its script loads drivers before ours if the command line says so, which is
    that of a unified kernel image the second time."""
    image = lab.image(FORCED)
    assert host.verify(image)[1:] == (
        "right", "booted: the binder ended before any other driver probed a device")
    unified = replace(image, initrd=tmp_path / "unified.efi")
    unified.initrd.write_bytes(pe({
        b".linux": lab.root.kernel.read_bytes(), b".cmdline": b"root=/dev/lab lab.force=first\n",
        b".initrd": image.initrd.read_bytes()}))
    status, result, detail = host.verify(unified)
    assert (status, result) == (1, "wrong")
    assert detail.startswith("booted: ") and detail.endswith(" before the binder had started")


@pytest.mark.nightly
def test_an_image_without_us(lab, host):
    """The first driver is there, and no binder was."""
    status, result, detail = host.verify(lab.image(NO_POLICY))
    assert (status, result) == (1, "wrong")
    assert detail.endswith(" before the binder had started")


@pytest.mark.nightly
def test_pid_1(lab, host):
    """The command line makes the binder process 1, and nothing else starts it."""
    image = lab.image(FORCED)
    assert host.verify(image, "rdinit=/usr/lib/vfio-bind/binder lab.force=first")[1] == "right"
