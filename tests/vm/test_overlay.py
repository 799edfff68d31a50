# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-bind overlay: behind an image that holds nothing of us, it runs by itself."""

import re

import pytest

from .images import Recipe
from .machine import GPU2, TWINS
from .overlay import with_overlay
from .nights import by_night
from .proof import prove_links, prove_probes
from .roots import BOOKWORM, SID, TRIXIE

POLICY = f"bind display boot_display=0 with=functions\nbind {TWINS.address('disk2')} id=1b36:0010\n"
# Debian's own kind of image, on a host that has none of our hooks.
WITHOUT_US = Recipe("without-us", files=(("etc/initramfs-tools/conf.d/lab", "MODULES=most\n"),),
                    prepare="rm /usr/share/initramfs-tools/hooks/vfio-bind"
                            " /usr/share/initramfs-tools/scripts/init-top/00-vfio-bind")


@pytest.fixture(scope="module", ids=str, params=[TRIXIE, *by_night(BOOKWORM, SID)])
def release(request):
    """Kernel 6.12; by night 6.1 and 7.x too."""
    return request.param


@pytest.fixture(name="overlaid", scope="module", params=[1, *by_night(0, 2, 3)])
def image_with_overlay(lab, tmp_path_factory, request):
    """The image with an overlay behind it, which verify finds right; alone, it was not."""
    return with_overlay(lab, lab.image(WITHOUT_US), tmp_path_factory.mktemp("overlay"), POLICY,
                        request.param)


def test_overlay(lab, overlaid):
    """The chosen devices are never another driver's, in a boot whose image knows nothing of us."""
    image, said = overlaid
    # In a chroot nobody can tell what an image will do on the machine: all else of it is right.
    assert "binder missing" in said and "verdicts unknown this\\x20machine" in said, said
    assert re.findall(r"exit (\d+)", said) == ["10", "1"], said
    assert "order right in\\x20conf/conf.d" in said, said  # --raw writes blanks so
    boot = lab.boot(image=image)
    taken = (*GPU2, "disk2")
    for stage in ("initramfs", "root"):
        prove_links(boot, TWINS, taken, stage, all_up=True)
    prove_probes(boot, TWINS, taken, all_up=True)
    bound = [line for line in boot.said(level=6) if " bound to vfio-pci" in line]
    assert len(bound) == len(taken)
