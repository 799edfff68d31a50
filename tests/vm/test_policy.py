# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenario h: policies nobody can use. Nothing is bound, one line says why, the host comes up."""

import random

import pytest

from .images import POLICY, File
from .machine import TWINS
from .nights import ONE_BY_DAY
from .proof import prove

pytestmark = ONE_BY_DAY
GOOD = "bind display boot_display=0\nbind nvme\n"
BAD = {
    "error": (File(f"{GOOD}bind nvme colour=red\n".encode()), "3:11: expected "),
    "random": (File(random.Random(0).randbytes(1 << 20)), "1:1: expected at most 65536 bytes"),
    "writable": (File(GOOD.encode(), 0o666), "1:1: expected a file that nobody but its owner"),
}


@pytest.mark.parametrize("policy, complaint", BAD.values(), ids=BAD)
def test_bad_policy(lab, policy, complaint):
    """One line at a level that quiet shows, on the console too."""
    boot = lab.boot(files={POLICY: policy})
    prove(boot, TWINS)
    (line,) = boot.said(level=3)
    assert line.startswith(f"nothing bound: /{POLICY}:{complaint}")
    assert f"vfio-bind: {line}" in boot.console
    assert boot.stages["root"].notes() == ["# the policy is in error"]
    assert boot.stages["root"].overrides == {}


def test_empty_policy(lab):
    """Nothing to do, and nothing to say."""
    boot = lab.boot(files={POLICY: File(b"")})
    prove(boot, TWINS)
    assert boot.said() == []
    assert boot.stages["root"].notes() == ["# no rules"]


def test_missing_policy(lab):
    """The binder is there, but its policy is not: gone before init-top."""
    boot = lab.boot(files={"conf/conf.d/lab": File(f"rm /{POLICY}\n".encode())})
    prove(boot, TWINS)
    assert boot.said() == []
    assert boot.stages["root"].notes() == ["# no rules"]
