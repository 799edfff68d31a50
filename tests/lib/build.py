# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds what is tested."""

import fcntl
import os
import subprocess
from functools import lru_cache

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))
# The environment of a make or pytest of its own, that builds where it always does.
APART = {name: value for name, value in os.environ.items()
         if name != "BUILD" and not name.startswith("PYTEST_")}


def make(*targets):
    """Builds targets below the build folder; returns what make said if it failed."""
    os.makedirs(BUILD, exist_ok=True)
    with open(os.path.join(BUILD, ".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # pytest-xdist builds in several processes at once
        folder = os.path.relpath(BUILD, TOP)
        done = subprocess.run(
            ["make", "-s", "-C", TOP, "BUILD=" + folder,
             *(os.path.join(folder, target) for target in targets)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout if done.returncode else None


@lru_cache
def built(target):
    """The path of what is below the build folder, built once however often it is asked for."""
    failure = make(target)
    assert failure is None, failure
    return os.path.join(BUILD, target)
