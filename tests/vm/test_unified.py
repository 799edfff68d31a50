# SPDX-License-Identifier: GPL-2.0-or-later
"""dracut's unified kernel image: one file with kernel, command line and image, built and looked
into."""

from dataclasses import replace

import pytest

from .images import Recipe, furnish
from .machine import TWINS
from .roots import TRIXIE_DRACUT, run_in

pytestmark = pytest.mark.nightly  # what is in it is what test_dracut.py boots
POLICY = f"bind {TWINS.address('disk2')} id=1b36:0010\n"
RELEASE = replace(TRIXIE_DRACUT, variant="unified",
                  packages=(*TRIXIE_DRACUT.packages, "systemd-boot-efi", "binutils"))
BUILD = """
kernel=$(ls /usr/lib/modules)
dracut --force --uefi --kernel-cmdline "root=/dev/lab" /tmp/unified.efi "$kernel"
vfio-bind verify --kernel "$kernel" --raw --noheadings /tmp/unified.efi || echo "exit $?"
printf 'keep nvme\\n' >>/etc/vfio-bind.conf
vfio-bind verify --kernel "$kernel" --raw --noheadings /tmp/unified.efi || echo "exit $?"
"""


@pytest.fixture(scope="session", name="release", params=[RELEASE], ids=str)
def release_with_a_stub(request):
    """The one of them."""
    return request.param


def test_built_and_looked_into(lab, tmp_path):
    """verify finds all of us in it, in order; and the policy stale once /etc says another thing."""
    furnish(lab.root, Recipe("unified", policy=POLICY), tmp_path / "tree")
    said = run_in(tmp_path / "tree", BUILD)
    before, after = said.split("exit 10")[0], said.count("exit ")
    for part in ("binder", "policy", "plan", "modules", "order"):
        assert f"{part} right" in before, said
    assert after == 1, said
