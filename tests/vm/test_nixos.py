# SPDX-License-Identifier: GPL-2.0-or-later
"""What packaging/nix/module.nix has built, in images that are Debian's otherwise: the overlay is made
where no machine can be seen and lies in front, and systemd finds units in /etc/systemd/system only."""

import subprocess
from dataclasses import replace

import pytest

from . import test_dracut, test_overlay
from .images import Recipe, copy_into, furnish, install_product, unpack
from .machine import TWINS
from .proof import prove
from .roots import TRIXIE, TRIXIE_DRACUT, run_in
from .test_dracut import RULES, TAKEN

pytestmark = pytest.mark.nightly
PROCESS_1 = "rdinit=/usr/lib/vfio-bind/binder"
UNITS = ("vfio-bind-initrd.service", "vfio-bind-undo.service")
# NixOS has it built in; a path that does not end with a colon is all there is.
UNIT_PATH = "SYSTEMD_UNIT_PATH=" + ":".join(
    ["/etc/systemd/system", "/run/systemd/system",
     *(f"/run/systemd/generator{kind}" for kind in (".early", "", ".late"))])
# The script of the module, in little.
OVERLAY = """
mkdir -p /tmp/tree/etc /tmp/tree/usr/lib/systemd/system
cp /etc/vfio-bind.conf /tmp/tree/etc
cp -r /usr/lib/modules /tmp/tree/usr/lib
cp /usr/lib/systemd/system/vfio-bind-* /tmp/tree/usr/lib/systemd/system
VFIO_BIND_BINDER=/usr/lib/vfio-bind/binder vfio-bind --root /tmp/tree overlay \\
    --kernel "$(ls /usr/lib/modules)" -o /tmp/overlay
"""


@pytest.fixture(scope="session", name="release", ids=str, params=[TRIXIE, TRIXIE_DRACUT])
def release_of_each_kind(request):
    """An image whose init is a script, and one with systemd."""
    return request.param


def make_overlay(lab, folder):
    """The overlay, in a file of the folder."""
    furnish(lab.root, Recipe("nixos", policy=RULES), folder / "tree")
    run_in(folder / "tree", OVERLAY)
    (folder / "tree/tmp/overlay").rename(folder / "overlay")
    subprocess.run(["rm", "-r", folder / "tree"], check=True)
    return (folder / "overlay").read_bytes()


def to_the_store(tree, with_ours):
    """Moves an image's units to where NixOS has them."""
    store = tree / "nix/store/1-initrd-units"
    store.mkdir(parents=True)
    for place in (tree / "usr/lib/systemd/system", tree / "etc/systemd/system"):
        copy_into(place, store)
        subprocess.run(["rm", "-r", place], check=True)
    (tree / "etc/systemd/system").symlink_to("/nix/store/1-initrd-units")
    for unit in UNITS if with_ours else ():
        source = install_product() / "usr/lib/systemd/system" / unit
        (store / unit).write_bytes(source.read_bytes())
        (store / "sysinit.target.wants" / unit).symlink_to(f"../{unit}")


def in_front(lab, folder, with_ours=True):
    """An image that knows nothing of us, with the overlay in front; not compressed."""
    systemd = lab.release == TRIXIE_DRACUT
    image = lab.image((test_dracut if systemd else test_overlay).WITHOUT_US)
    tree = unpack(lab.root, image.initrd, folder / "image")
    if systemd:
        to_the_store(tree, with_ours)
    main = subprocess.run("find . | cpio -o -H newc --quiet", shell=True, cwd=tree, check=True,
                          stdout=subprocess.PIPE).stdout
    (folder / "initrd").write_bytes(make_overlay(lab, folder) + main)
    return replace(image, initrd=folder / "initrd"), UNIT_PATH if systemd else PROCESS_1


def test_overlay_in_front(lab, tmp_path):
    """The chosen devices are never another driver's."""
    (tmp_path / "image").mkdir()
    image, words = in_front(lab, tmp_path)
    boot = lab.boot(words=words, image=image)
    prove(boot, TWINS, taken=TAKEN)


def test_units_in_the_overlay_are_not_enough(lab, tmp_path):
    """What the module's own are worth."""
    if lab.release != TRIXIE_DRACUT:
        pytest.skip("no unit is asked for there")
    (tmp_path / "image").mkdir()
    image, words = in_front(lab, tmp_path, with_ours=False)
    boot = lab.boot(words=words, image=image)
    prove(boot, TWINS)
    assert boot.said() == []
