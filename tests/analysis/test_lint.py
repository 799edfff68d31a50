# SPDX-License-Identifier: GPL-2.0-or-later
"""What reads the sources without running them."""

import os
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]


@pytest.mark.nightly
def test_nobody_finds_anything():
    """clang-format, cppcheck, clang-tidy, gcc's analyzer and shellcheck."""
    done = subprocess.run(["make", "-s", "-j2", "lint"], cwd=TOP, text=True, errors="replace",
                          env={**os.environ, "MAKEFLAGS": ""}, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
