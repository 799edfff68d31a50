# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenario n: the binder run a second time, and everything given back."""

import pytest

from .machine import GPU2, TWINS
from .nights import ONE_BY_DAY
from .proof import prove, prove_links

pytestmark = ONE_BY_DAY
TAKEN = (*GPU2, "disk1", "disk2", "disk3")
POLICY = "bind display boot_display=0 with=functions\nbind nvme\n"
AGAIN = """
mark again
/usr/lib/vfio-bind/binder
status=$?
mark "again done"
facts again
value status $status
"""
RELEASE = """
mark release
/usr/lib/vfio-bind/binder --release all
status=$?
udevadm settle
facts released
value status $status
mark "release done"
"""


@pytest.fixture(name="boot", scope="module")
def boot_twice(lab):
    """One boot: the binder again at the end of the initramfs, the release in the real root."""
    return lab.boot(POLICY, in_initramfs=AGAIN, in_root=RELEASE)


def test_second_run_changes_nothing(boot):
    """Same links, and the driver core had nothing to do meanwhile."""
    prove_links(boot, TWINS, TAKEN, "initramfs")
    prove_links(boot, TWINS, TAKEN, "again")
    prove_links(boot, TWINS, TAKEN, "root")
    assert boot.probes(boot.between("again", "again done")) == {}
    # 1: the root's drive, which "bind nvme" selects as well, is refused again.
    assert boot.stages["again"].values["status"] == "1"
    assert boot.stages["again"].verdicts() == boot.stages["initramfs"].verdicts()


def test_release_gives_everything_back(boot):
    """Every function is the host's again, by its own driver, and no override is left."""
    prove_links(boot, TWINS, (), "released")
    assert boot.stages["released"].overrides == {}
    assert boot.stages["released"].values["status"] == "0"
    probed = boot.probes(boot.between("release", "release done"))
    drivers = TWINS.host_drivers()
    assert probed == {address: [drivers[address]] for address in TWINS.addresses(*TAKEN)}
