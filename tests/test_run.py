# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests/run leaves out, it says; and the parts of a night are together all of it."""

import subprocess

import pytest

from lib import parts
from lib.build import TOP


@pytest.mark.parametrize("words", [["unit", "units"], ["nightly", "7/6"], ["unit", "demo"]],
                         ids=" ".join)
def test_no_such_suite(words):
    """Nobody takes it for a suite that passed."""
    done = subprocess.run(["tests/run", "--no-install", *words], cwd=TOP, check=False,
                          stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"tests/run: {words[-1]}: there is no such suite\n"


class Item:
    """As much of a test as parts looks at."""

    def __init__(self, nodeid):
        self.nodeid = nodeid


def test_every_nightly_test_is_in_one_part():
    """However many parts there are."""
    items = [Item(f"tests/vm/test_{number % 7}.py::test_{number}") for number in range(100)]
    for count in range(1, 10):
        dealt = [item for number in range(1, count + 1)
                 for item in parts.choose(items, f"{number}/{count}")[0]]
        assert sorted(map(id, dealt)) == sorted(map(id, items))
