# SPDX-License-Identifier: GPL-2.0-or-later
"""memcheck over the unit tables and over what the binder does with each folder of tests/cases: no
use of what nobody wrote, no byte beyond, nothing lost."""

import re
import subprocess

import pytest

from cases.test_cases import FOLDERS, Case, dry, judge
from lib import instructions
from lib.binder import collect
from mutation.lab import UNITS, Lab
from test_pure import core

ERROR = 99  # no exit status of a test table or of the binder
BATCH = 8  # one in four by day


@pytest.fixture(scope="module", name="lab")
def fixture_lab(tmp_path_factory):
    """Programs with a libc that valgrind knows."""
    return Lab(tmp_path_factory.mktemp("lab"), core(), instructions.SOURCE)


def check(log, *words):
    """Runs words under memcheck; returns the exit status, which is no error's."""
    done = subprocess.run(
        ["valgrind", "--quiet", f"--error-exitcode={ERROR}", "--leak-check=full",
         "--errors-for-leak-kinds=definite,indirect", f"--log-file={log}.%p", *words],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=1800, check=False)
    said = "".join(path.read_text("utf-8", "replace") for path in log.parent.glob(log.name + ".*"))
    assert done.returncode != ERROR and not re.search(r"^==\d+== \S", said, re.MULTILINE), said
    return done.returncode


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_unit(unit, lab, tmp_path):
    """A table of rows."""
    assert check(tmp_path / "log", lab.folder / unit.stem) == 0


@pytest.mark.parametrize("start", [
    pytest.param(start, marks=[pytest.mark.nightly] if start // BATCH % 4 else [])
    for start in range(0, len(FOLDERS), BATCH)])
def test_cases(start, lab, tmp_path):
    """The same verdicts, and not an error on the way."""
    for folder in FOLDERS[start:start + BATCH]:
        case = Case(folder)
        tree = case.unfold(tmp_path / folder.name, dry(case))
        status = check(tmp_path / f"{folder.name}.log", lab.folder / "main", "--root", tree.root)
        judge(case, collect(tree, status))
