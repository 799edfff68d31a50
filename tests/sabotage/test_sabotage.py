# SPDX-License-Identifier: GPL-2.0-or-later
"""Does the suite notice? Each row of sabotages.py breaks one promise, in a copy of the tree;
the tests that it names have to be green without it and red with it. One that stays green is a test
that is missing."""

import contextlib
import fcntl
import functools
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lib.build import APART
from sabotages import SABOTAGES

TOP = Path(__file__).parents[2]
# What neither the build nor a test that is named looks at.
LEFT_OUT = shutil.ignore_patterns(".git", "build", "corpus", "sabotage", "__pycache__")


def build(folder):
    """Builds all; a tree that cannot be built proves nothing."""
    done = subprocess.run(["make", "-s", "-j2", "all"], cwd=folder, env=APART, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="session", name="pristine")
def fixture_pristine(tmp_path_factory, worker_id):
    """The tree as it is, copied and built once for all lanes."""
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent
    folder = shared / "pristine"
    with open(shared / "pristine.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "build/vfio-bind").exists():
            shutil.copytree(TOP, folder, symlinks=True, ignore=LEFT_OUT, dirs_exist_ok=True)
            build(folder)
    return folder


def run_tests(folder, arguments):
    """(status, output) of those tests in a tree."""
    with subprocess.Popen(
            [sys.executable, "-m", "pytest", "-q", "-x", "-rf", "-p", "no:cacheprovider", "-p",
             "no:xdist", *shlex.split(arguments)],
            cwd=folder, env=APART, text=True, errors="replace", start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as tests:
        said, _ = tests.communicate()
    with contextlib.suppress(ProcessLookupError):  # what is broken may not have ended
        os.killpg(tests.pid, signal.SIGKILL)
    return tests.returncode, said


@functools.cache
def demand_green(folder, arguments):
    """Tests that fail anyhow notice nothing; nor do tests that are skipped."""
    status, said = run_tests(folder, arguments)
    assert status == 0 and re.search(r"\b\d+ passed", said), said


# Each takes a build and two runs of tests: by day every third one, and the others at night.
@pytest.mark.parametrize("sabotage", [
    pytest.param(sabotage, marks=[pytest.mark.nightly] if number % 3 else [])
    for number, sabotage in enumerate(SABOTAGES)], ids=str)
def test_it_is_noticed(sabotage, pristine, tmp_path, record_property):
    """Green without it, red with it."""
    demand_green(pristine, sabotage.noticed_by)
    folder = tmp_path / "broken"
    shutil.copytree(pristine, folder, symlinks=True)
    sabotage.commit(folder)
    build(folder)
    status, said = run_tests(folder, sabotage.noticed_by)
    shutil.rmtree(folder)
    red = re.search(r"^FAILED (.+?)(?: - |$)", said, re.MULTILINE)
    assert status == 1 and red, said
    assert "is built" not in said, said
    record_property("noticed by", red[1])
