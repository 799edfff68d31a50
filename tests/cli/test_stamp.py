# SPDX-License-Identifier: GPL-2.0-or-later
"""The stamp that a payload leaves for each kernel: a hint where no image can be read, and no more."""

import json
import os
import subprocess

import pytest

from lib.bootimage import set_image
from lib.hosttree import HostTree
from lib.moduletree import RELEASE, ModuleTree
from lib.payload import RULE, build, fixture_program, set_policy  # noqa: F401

STAMP = f"var/lib/vfio-bind/images/{RELEASE}"
OTHER = f"bind 0000:02:00.0 id=144d:a80a  # {'x' * 300}\n"


@pytest.fixture(name="root")
def fixture_root(tmp_path):
    host = HostTree(tmp_path / "root")
    host.mount("/", "259:0", "/dev/nvme0n1")
    host.nvme()
    host.nvme("0000:02:00.0", "0000:00:04.0", "259:5", "nvme1n1")
    tree = ModuleTree(host.root)
    tree.builtin = ["vfio-pci"]
    tree.index()
    set_policy(host.root, RULE)
    return host.root


@pytest.fixture(name="image")
def fixture_image(tmp_path):
    """A directory that a generator fills."""
    (tmp_path / "image/usr/bin").mkdir(parents=True)
    return tmp_path / "image"


def images(program, root):
    """What check says of images, and whether it calls for a new one."""
    done = subprocess.run([program, "--root", root, "check", "--json"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False, env={**os.environ, "LC_ALL": "C"})
    return [(finding["severity"], finding["text"].split(": ", 1)[1])
            for finding in json.loads(done.stdout)["findings"] if finding["check"] == "image"]


WITHOUT = [("warning", "the image was built without vfio-bind, which binds nothing there")]
STALE = [("warning", "the image has another policy than /etc now")]
NOBODY_KNOWS = [("unknown", "the image cannot be read: what it will do is not known")]


def test_before_and_after_an_image_is_built(program, root, image):
    """A stamp is left before the image is there: it proves nothing."""
    assert images(program, root) == WITHOUT
    assert build(program, root, image).status == 0
    assert images(program, root) == NOBODY_KNOWS
    assert oct((root / STAMP).stat().st_mode) == "0o100644"


def test_the_policy_changes_after_it(program, root, image):
    build(program, root, image)
    set_policy(root, OTHER)
    assert images(program, root) == STALE
    build(program, root, image)
    assert images(program, root) == NOBODY_KNOWS
    set_policy(root, RULE, "vfio-bind.conf.d/more.conf")
    assert images(program, root) == STALE


def test_a_comment_is_a_change_too(program, root, image):
    """Better one image too many than a guess at what a change means."""
    build(program, root, image)
    set_policy(root, RULE + "# a comment\n")
    assert images(program, root) == STALE


def test_a_file_that_is_switched_off(program, binder, root, image):
    """Its name is in the stamp, and in what the boot notes down of the empty file in its place."""
    folder = root / "usr/lib/vfio-bind.conf.d"
    folder.mkdir(parents=True)
    (folder / "10-a.conf").write_text("keep usb\n")
    build(program, root, image)
    (root / "etc/vfio-bind.conf.d").mkdir()
    (root / "etc/vfio-bind.conf.d/10-a.conf").symlink_to("/dev/null")
    assert images(program, root) == STALE
    build(program, root, image)
    assert images(program, root) == NOBODY_KNOWS
    for name in ("sys/bus/pci/devices", "proc", "dev", "run"):
        (image / name).mkdir(parents=True)
    subprocess.run([binder, "--root", image], check=True)
    said = (image / "run/vfio-bind/policy").read_text()
    assert (root / STAMP).read_text().endswith("\npolicy\n" + said)
    assert said.endswith("# /etc/vfio-bind.conf.d/10-a.conf\n") and "keep usb" not in said


def test_an_image_that_can_be_read_overrules_it(program, root, image):
    """A generator that failed left the old image; another run of it left our hook out."""
    protect = "usr/lib/vfio-bind/protect"
    build(program, root, image)
    text = (image / protect).read_text()
    set_image(root, RELEASE, OTHER, protect=text)
    assert images(program, root) == STALE
    set_image(root, RELEASE, None)
    assert images(program, root) == WITHOUT
    (root / STAMP).unlink()
    set_image(root, RELEASE, RULE, protect=text)
    assert images(program, root) == []


def test_a_directory_that_is_no_image_leaves_no_stamp(program, root, tmp_path):
    assert build(program, root, tmp_path / "look").status == 0
    assert not (root / STAMP).exists()
    assert images(program, root) == WITHOUT


def test_a_policy_that_is_taken_away(program, root, image):
    build(program, root, image)
    (root / "etc/vfio-bind.conf").unlink()
    assert images(program, root) == STALE
    assert build(program, root, image, policy=None).status == 6
    assert not (root / STAMP).exists()
    assert images(program, root) == []


def test_an_image_that_could_not_be_built_takes_the_stamp_with_it(program, root, image):
    """Nobody knows what the generator made of it."""
    build(program, root, image)
    (root / STAMP).write_text((root / STAMP).read_text())
    (image / "etc").mkdir(exist_ok=True)
    done = build(program, root, image, binder="/nonexistent")
    assert done.status == 1
    assert not (root / STAMP).exists()


@pytest.mark.parametrize("content", ["", "vfio-bind-image 2\n", "vfio-bind-image 1\nversion ",
                                     "vfio-bind-image 1\nversion 0.1.0\n" + RULE,
                                     f"vfio-bind-image 1\nversion {'9' * 64}\npolicy\n",
                                     "x" * 300000],
                         ids=["empty", "another format", "cut short", "without a policy",
                              "a version too long", "too long"])
def test_a_stamp_that_makes_no_sense(program, root, image, content):
    build(program, root, image)
    (root / STAMP).write_text(content)
    assert images(program, root) == NOBODY_KNOWS


def test_a_place_that_cannot_be_written_fails_nothing(program, root, image):
    (root / "var").write_text("a file where a directory should be")
    done = build(program, root, image)
    assert (done.status, done.stderr) == (0, "")
