# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests/run says of tests that do not run."""

import subprocess
import sys

import pytest

from lib.build import APART, TOP


def test_no_such_suite():
    """Nobody takes it for a suite that passed."""
    done = subprocess.run(["tests/run", "--no-install", "unit", "units"], cwd=TOP, check=False,
                          stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "tests/run: units: there is no such suite\n"


def counted(result, test, status, cwd=TOP, **more):
    """The lines that are printed of a run of that test, which ends with that status."""
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p",
                           "no:xdist", f"--junit-xml={result}", "-o", "junit_family=xunit1", test],
                          cwd=cwd, check=False, env={**APART, **more}, stdout=subprocess.PIPE)
    assert done.returncode == status
    return subprocess.run([sys.executable, "tests/lib/count.py", result], cwd=TOP, check=True,
                          stdout=subprocess.PIPE, text=True).stdout


@pytest.mark.parametrize("until, said", [
    ("0", "no time is left for boots: 1 tests of those that are skipped\n"
          "0 passed, 0 failed, 1 skipped\n"),
    ("9e9", "1 passed, 0 failed, 0 skipped\n"),
])
def test_boots_that_are_too_late(tmp_path, until, said):
    """They are skipped, and counted as that."""
    story = "tests/vm/test_stories.py::test_every_block_has_a_story"
    assert counted(tmp_path / "result", story, 0, VFIO_BIND_BOOTS_UNTIL=until) == said


def test_what_failed_is_told_last(tmp_path):
    """With the end of the reason, below what was recorded: that of one table in one line."""
    test = tmp_path / "test_it.py"
    test.write_text("""import pytest
@pytest.mark.parametrize("n", range(30))
def test_row(n, record_property):
    record_property("calls", n)
    record_property("noticed by", f"row {n}")
    assert n != 7, "seven"
def test_alone(record_property):
    record_property("share", "99.0 %")
""")
    lines = counted(tmp_path / "result", test, 1, cwd=tmp_path).splitlines()
    assert lines[:4] == [
        "test_row: calls: 435", "test_row: noticed by: told 30 times", "test_alone: share: 99.0 %",
        "FAILED test_it::test_row[7]"]
    assert lines[-4:] == [
        "    E       assert 7 != 7", "    ", "    test_it.py:6: AssertionError",
        "30 passed, 1 failed, 0 skipped"]
