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


@pytest.mark.parametrize("until, said", [
    ("0", "no time is left for boots: 1 tests of those that are skipped\n"
          "0 passed, 0 failed, 1 skipped\n"),
    ("9e9", "1 passed, 0 failed, 0 skipped\n"),
])
def test_boots_that_are_too_late(tmp_path, until, said):
    """They are skipped, and counted as that."""
    result = tmp_path / "result"
    subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p",
                    "no:xdist", f"--junit-xml={result}", "-o", "junit_family=xunit1",
                    "tests/vm/test_stories.py::test_every_block_has_a_story"], cwd=TOP, check=True,
                   env={**APART, "VFIO_BIND_BOOTS_UNTIL": until}, stdout=subprocess.PIPE)
    done = subprocess.run([sys.executable, "tests/lib/count.py", result], cwd=TOP, check=True,
                          stdout=subprocess.PIPE, text=True)
    assert done.stdout == said
