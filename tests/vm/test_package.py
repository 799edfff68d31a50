# SPDX-License-Identifier: GPL-2.0-or-later
"""As a user: the .deb installed with apt, a rule, a reboot; upgraded, recovered from, removed."""

import base64
import json
import shutil
import subprocess

import pytest

from package.deb import cached_deb, next_version
from .cache import cached, key_of, key_of_tree
from .images import GUEST, Image, copy_into, make_disk
from .machine import TWINS
from .proof import prove
from .roots import BOOKWORM, BOOKWORM_DRACUT, TRIXIE, TRIXIE_DRACUT, run_in

DRIVE = TWINS.address("disk2")
APT = "apt-get -q -y --no-install-recommends"
# told NAME COMMAND...: its exit code and what it printed, to the test.
TOLD = """
export DEBIAN_FRONTEND=noninteractive
told() {
    name=$1
    shift
    "$@" >/run/told 2>&1
    value "$name" "$? $(base64 -w0 /run/told)"
}
"""
INSTALL = f"""{TOLD}
told install {APT} install /root/vfio-bind.deb
told list vfio-bind list
told add vfio-bind add {DRIVE}
told before vfio-bind status --json
told update vfio-bind update
told after vfio-bind status --json
told next vfio-bind list --json
cp /etc/vfio-bind.conf /root/kept
echo '# another word' >>/etc/vfio-bind.conf
told edited vfio-bind status --json
cat /root/kept >/etc/vfio-bind.conf
told check vfio-bind check --json
"""
STATUS = f"""{TOLD}
told status vfio-bind status
"""
UPGRADE = f"""{STATUS}
told upgrade {APT} install /root/next.deb
"""
REMOVE = f"""{STATUS}
told remove {APT} remove vfio-bind
"""


pytestmark = pytest.mark.nightly  # images are built in the machine; by day tests/package has a chroot


@pytest.fixture(scope="module", name="release", ids=str, params=[
    BOOKWORM, TRIXIE, TRIXIE_DRACUT, BOOKWORM_DRACUT])
def release_to_install_on(request):
    """Each in turn."""
    return request.param


def fill(lab, deb, folder):
    """A disk that has never seen us but for two files in /root, and the image it boots with."""
    tree, generator = folder / "tree", lab.release.generator
    lab.root.copy(tree)
    copy_into(GUEST / "common", tree)
    copy_into(GUEST / generator.name, tree)
    run_in(tree, generator.build)
    shutil.copy(tree / generator.image.format(lab.root.kernel_release), folder / "initrd")
    shutil.copy(deb.file, tree / "root/vfio-bind.deb")
    next_version(deb, folder / "next")
    shutil.copy(folder / "next/next.deb", tree / "root/next.deb")
    make_disk(tree, folder / "disk", "2G")
    shutil.rmtree(tree)
    shutil.rmtree(folder / "next")


class Host:
    """A machine with a disk of its own, booted again and again with what is on that disk."""

    def __init__(self, lab, folder):
        deb = cached_deb()
        generator = lab.release.generator
        key = key_of(lab.root.key, deb.key, generator,
                     *(key_of_tree(GUEST / part) for part in ("common", generator.name)))
        fresh = cached(f"fresh-{lab.release}", key, lambda new: fill(lab, deb, new))
        self.lab = lab
        self.version = deb.version
        self.disk, self.initrd = folder / "disk", folder / "initrd"
        subprocess.run(["cp", "--sparse=always", fresh / "disk", self.disk], check=True)
        shutil.copy(fresh / "initrd", self.initrd)

    def boot(self, script="", words=""):
        """Boots with the image the disk has, then takes out the one that was built meanwhile."""
        image = Image(self.lab.root.kernel, self.initrd, "", "")
        boot = self.lab.boot(words=words, image=image, in_root=script,
                             drives={"root": self.disk})
        subprocess.run(["e2fsck", "-p", self.disk], stdout=subprocess.DEVNULL, check=False)
        name = self.lab.release.generator.image.format(self.lab.root.kernel_release)
        subprocess.run(["debugfs", "-R", f"dump {name} {self.initrd}", self.disk],
                       stderr=subprocess.DEVNULL, check=True)
        return boot


def told(boot, name, code=0):
    """What a command printed in a boot; it has to have ended with that code."""
    status, _, text = boot.stages["root"].values[name].partition(" ")
    text = base64.b64decode(text).decode("utf-8", errors="replace")
    assert int(status) == code, f"{name}: exit {status}\n{text}"
    return text


def test_life_of_a_host(lab, tmp_path):
    """Installed, upgraded, recovered from, removed, in five boots: the second twin is ours in each
    behind the first but the one with the kill word, and nothing else ever is."""
    host = Host(lab, tmp_path)
    installed = host.boot(INSTALL)
    prove(installed, TWINS)
    told(installed, "install")
    assert DRIVE in told(installed, "list")
    assert f"path={TWINS.path('disk2')} id=1b36:0010" in told(installed, "add")
    told(installed, "update")
    # What the image on the disk will do, before it was built and after; and after an edit.
    states = [json.loads(told(installed, name, code=10))["images"][-1]["state"]
              for name in ("before", "after", "edited")]
    assert states[0] in ("none", "other-policy") and states[1:] == ["current", "other-policy"]
    devices = json.loads(told(installed, "next"))["devices"]
    assert {device["driver_next"] for device in devices if device["address"] == DRIVE} == {
        "vfio-pci"}
    assert not [finding for finding in json.loads(told(installed, "check"))["findings"]
                if finding["check"] == "image"]

    ours = host.boot(UPGRADE)
    prove(ours, TWINS, taken=["disk2"])
    assert DRIVE in told(ours, "status")
    assert f"({host.version}+next)" in told(ours, "upgrade")
    upgraded = host.boot()
    prove(upgraded, TWINS, taken=["disk2"])

    recovery = host.boot(REMOVE, words="rd.vfio_bind=0")
    prove(recovery, TWINS)
    assert "This boot: off" in told(recovery, "status", code=10)
    told(recovery, "remove")
    removed = host.boot()
    prove(removed, TWINS)
    assert removed.said() == []
