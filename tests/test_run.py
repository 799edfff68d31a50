# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests/run leaves out, it says; and the parts of a night are together all of it."""

import collections
import subprocess
from pathlib import Path

import pytest

from lib import parts
from lib.build import TOP


@pytest.mark.parametrize("words", [["unit", "units"], ["nightly", "7/6"], ["nightly", "13/12"], ["nightly", "1/100"], ["unit", "demo"]],
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


def test_all_suites_can_be_collected_at_once():
    """As a night does: of what is in no package, Python knows a module by the file's name alone."""
    names = collections.Counter(path.name for path in Path(TOP, "tests").glob("*/test_*.py")
                                if not (path.parent / "__init__.py").exists())
    assert [name for name, count in names.items() if count > 1] == []
