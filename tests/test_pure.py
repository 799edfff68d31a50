# SPDX-License-Identifier: GPL-2.0-or-later
"""The core makes no system call, allocates nothing and prints nothing, and the boot program is
one small static file: asserted on what the compiler made of them."""

import os
import subprocess

import pytest

from lib.build import BUILD, TOP, make

LIMIT = 96 * 1024
pytestmark = pytest.mark.skipif("SANITIZE" in os.environ,
                                reason="sanitizers put their own calls into it")
ALLOWED = {"memchr", "memcmp", "memcpy", "memmove", "memset", "strchr", "strlen",
           "__stack_chk_fail",
           "_GLOBAL_OFFSET_TABLE_"}


def core():
    """The modules the Makefile calls the core."""
    text = subprocess.run(["make", "-s", "--no-print-directory", "-C", TOP,
                           "--eval=core:;@echo $(CORE)", "core"],
                          stdout=subprocess.PIPE, text=True, check=True).stdout
    return text.split()


def symbols(path, *options):
    text = subprocess.run(["nm", *options, path], stdout=subprocess.PIPE, text=True,
                          check=True).stdout
    return {line.split()[-1] for line in text.splitlines() if line.strip()}


@pytest.fixture(scope="module", name="objects")
def fixture_objects():
    files = {name: f"core/{name}.o" for name in core()}
    failure = make(*files.values())
    assert failure is None, failure
    return {name: os.path.join(BUILD, file) for name, file in files.items()}


def test_the_core_is_more_than_nothing(objects):
    assert {"policy", "decide", "guard", "match", "protect", "display"} <= set(objects)


def test_the_core_calls_nothing_but_itself(objects):
    own = set().union(*(symbols(path, "--defined-only", "-g") for path in objects.values()))
    foreign = {name: symbols(path, "-u") - own - ALLOWED for name, path in objects.items()}
    assert {name: calls for name, calls in foreign.items() if calls} == {}


def test_the_core_keeps_no_state(objects):
    """What it writes to, its caller hands in: no variable outlives a call."""
    lines = {name: subprocess.run(["nm", path], stdout=subprocess.PIPE, text=True,
                                  check=True).stdout.splitlines()
             for name, path in objects.items()}
    kept = {name: [line for line in text if line.split()[-2] in "bBdDC"]
            for name, text in lines.items()}
    # Tables of pointers land in .data.rel.ro, which nm calls "d" and nobody can write to.
    assert {name: found for name, found in kept.items()
            if [line for line in found if " d " not in line]} == {}


def test_the_binder_is_static(binder):
    headers = subprocess.run(["readelf", "-lW", binder], stdout=subprocess.PIPE, text=True,
                             check=True).stdout
    assert "INTERP" not in headers
    assert "DYNAMIC" not in headers


def test_the_binder_is_stripped_and_small(binder):
    assert os.path.getsize(binder) <= LIMIT
    assert symbols(binder) == set()


def test_nothing_of_the_binder_is_writable_and_executable(binder):
    headers = subprocess.run(["readelf", "-lW", binder], stdout=subprocess.PIPE, text=True,
                             check=True).stdout
    assert "RWE" not in headers
