# SPDX-License-Identifier: GPL-2.0-or-later
"""How much of the core the fast suites reach, counted by gcov in an instrumented build of its own,
and how much they have to."""

import json
import subprocess
from pathlib import Path

import pytest

from lib.build import APART
from test_pure import core

TOP = Path(__file__).parents[2]
FOLDER = TOP / "build/coverage"
WANTED = {"line": 95, "branch": 90}  # percent


@pytest.mark.nightly
def test_the_core_is_covered(record_property, tmp_path):
    """By unit, cases and property together, all of which have to be green."""
    for counts in FOLDER.rglob("*.gcda"):
        counts.unlink()
    done = subprocess.run(["make", "-s", "-j2", "counted"], cwd=TOP, env=APART, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout
    summary = tmp_path / "summary.json"
    subprocess.run(["gcovr", "--root", TOP, "--object-directory", FOLDER / "core",
                    "--filter", f"{TOP}/binder/core/({'|'.join(core())})[.]c$",
                    "--json-summary", summary, FOLDER / "core"], check=True)
    found = json.loads(summary.read_text("utf-8"))
    for kind in WANTED:
        record_property(f"covered, {kind}", f"{found[f'{kind}_covered']} of "
                        f"{found[f'{kind}_total']}, {found[f'{kind}_percent']} %")
    assert len(found["files"]) == len(core())
    assert {kind: found[f"{kind}_percent"] for kind in WANTED
            if found[f"{kind}_percent"] < WANTED[kind]} == {}
