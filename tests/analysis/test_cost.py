# SPDX-License-Identifier: GPL-2.0-or-later
"""What the binder may weigh, and what one function more may cost it: counted, not timed."""

import os

import pytest

from bench import plain
from bench.build import built

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a tree in place of /")


@pytest.fixture(autouse=True)
def fixture_crowd(monkeypatch):
    """The slope needs no larger one."""
    monkeypatch.setattr(plain, "MANY", 3000)


def test_size():
    """96 KiB, stripped."""
    assert os.path.getsize(built("binder")) <= 96 * 1024


def test_instructions():
    """Of the whole work, from the scan to what it leaves below /run."""
    assert plain.instructions()[0] <= 1500


def test_calls():
    """On the plain path."""
    assert plain.calls()[0] <= 4
