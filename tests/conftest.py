# SPDX-License-Identifier: GPL-2.0-or-later
"""Collects the cmocka tables in unit/ as one pytest item a row, and builds what is tested."""

import itertools
import os
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest

from lib import limited, parts
from lib.build import BUILD, built, make

UNIT = Path(__file__).parent / "unit"


def pytest_addoption(parser):
    parser.addoption("--part", metavar="N/M", help="of the nightly tests only that part")


def pytest_configure(config):
    config.addinivalue_line("markers", "nightly: takes minutes; runs with -m nightly only")
    config.addinivalue_line("markers", "xdist_group: tests of one group share a process")


def pytest_collection_modifyitems(config, items):
    nightly = [item for item in items if item.get_closest_marker("nightly")]
    if "nightly" not in (config.option.markexpr or ""):
        for item in nightly:
            item.add_marker(pytest.mark.skip(reason="runs with -m nightly only"))
    elif config.option.part:
        items[:], groups = parts.choose(nightly, config.option.part)
        # One of the processes says so.
        if os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0":
            print(f"part {config.option.part}:", file=sys.__stderr__)
            for group, minutes in groups.items():
                print(f"  {group}: about {minutes:.0f} min", file=sys.__stderr__)


def pytest_collect_file(parent, file_path):
    if file_path.suffix == ".c" and file_path.name.startswith("unit_"):
        return CmockaFile.from_parent(parent, path=file_path)
    return None


@lru_cache
def tables_are_built():
    """All of them at once: each make reads the whole Makefile, and what each object is made of."""
    return make(*(f"tests/{path.stem}" for path in UNIT.glob("unit_*.c"))) is None


class CmockaFile(pytest.File):
    """One table, a program of its own. cmocka cannot list tests, so collecting runs it."""

    def collect(self):
        name = self.path.stem
        failure = None if tables_are_built() else make("tests/" + name)
        if failure is not None:
            return [CmockaItem.from_parent(self, name="is built", failure=failure)]
        done = limited.run([os.path.join(BUILD, "tests", name)], text=True, errors="replace",
                           env={**os.environ, "CMOCKA_MESSAGE_OUTPUT": "TAP"},
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        items = [CmockaItem.from_parent(self, name=test, failure=failure)
                 for test, failure in read_tap(done.stdout)]
        wanted = sum(map(int, re.findall(r"^1\.\.(\d+)$", done.stdout, re.MULTILINE)))
        if len(items) != wanted or not items or done.returncode < 0:
            items.append(CmockaItem.from_parent(self, name="runs to its end", failure=done.stdout))
        return items


def read_tap(output):
    """(name, None or why it failed) of each test in cmocka's TAP output."""
    tests = []
    for line in output.splitlines():
        match = re.fullmatch(r"(not ok|ok) \d+ (?:- |# SKIP )(.*)", line)
        if match:
            tests.append((match[2], None if match[1] == "ok" else []))
        elif tests and tests[-1][1] is not None and not line.startswith(("1..", "# not ok -")):
            tests[-1][1].append(line)
    return [(name, why and "\n".join(why) or ("failed" if why is not None else None))
            for name, why in tests]


class CmockaItem(pytest.Item):
    """One row of a table."""

    def __init__(self, failure, **kwargs):
        super().__init__(**kwargs)
        self.failure = failure

    def runtest(self):
        if self.failure is not None:
            raise AssertionError(self.failure)

    def repr_failure(self, excinfo):
        return str(excinfo.value)

    def reportinfo(self):
        return self.path, None, self.name


@pytest.fixture(scope="session")
def binder():
    """The path of the binder, built."""
    return built("binder")


@pytest.fixture(scope="session", name="numbers")
def fixture_numbers():
    """One after the other."""
    return itertools.count()


@pytest.fixture(name="tmp_path")
def fixture_tmp_path(tmp_path_factory, numbers):
    """As pytest's own, which takes longer with each test: it looks for a number nobody has."""
    path = tmp_path_factory.getbasetemp() / f"test-{next(numbers)}"
    path.mkdir(mode=0o700)
    return path
