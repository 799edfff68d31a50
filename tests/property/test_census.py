# SPDX-License-Identifier: GPL-2.0-or-later
"""Every command on 160 real machines: what `add` writes selects the one function that was meant,
what `list` foretells is what the binder says, and nothing that is shown is blank or absurd."""

import json
import os
import random
import re

import pytest

from lib import binder as binders
from lib import census, reference
from lib.agreement import NAME, Forest, Question
from lib.quick import fixture_memory  # noqa: F401

NAMES = sorted(census.texts())
BY_DAY = 2  # functions of a machine
ABSURD = re.compile(r"\(null\)|\bnan\b|%[sdu]|  +$|0xffff|4294967295|ffffffff:ff")


class Census(Forest):
    """Machine files in memory, and trees of them."""

    def machine(self, stem):
        return census.load(stem)

    def run(self, stem, *words):
        """(exit status, stdout, stderr) of a command that looks at the machine's file."""
        path = os.path.join(self.root, f"{stem}.tsv")
        if not os.path.exists(path):
            with open(path, "w", encoding="utf-8") as file:
                file.write(census.texts()[stem])
        return self.host.run("vfio-bind", "--root", self.root, "--machine", path, *words)


@pytest.fixture(scope="module", name="forest")
def fixture_forest(memory, binder):
    assert binder == binders.BINDER
    forest = Census(memory)
    yield forest
    forest.host.close()


def add_selects(forest, stem, address):
    """Whether a rule was written; it selects that function, and what goes along with it."""
    status, stdout, stderr = forest.run(stem, "add", "--dry-run", "--json", address)
    said = json.loads(stdout)
    if status == 5:
        assert said["verdict"] == "refuse" and said["reason"] != "-", said
        return False
    assert status == 0, stderr
    rule = "".join(line["text"] + "\n" for file in said["files"] for line in file["diff"])
    result = reference.run(census.load(stem), [(NAME, rule.encode())], "")
    assert not result.mistakes, (rule, result.mistakes)
    chosen = {at for at, (_, reason, _) in result.verdicts.items() if reason != "companion"}
    assert chosen == {address}, (rule, result.verdicts)
    # At boot no driver holds it yet.
    assert result.verdicts[address][:2] in (("bind", "rule"), ("refuse", "bound-display"))
    return True


@pytest.mark.parametrize("stem", NAMES)
def test_add_selects_one_function(forest, stem):
    devices = sorted(census.load(stem).devices)
    for address in random.Random(stem).sample(devices, min(BY_DAY, len(devices))):
        add_selects(forest, stem, address)


@pytest.mark.nightly
@pytest.mark.parametrize("stem", NAMES)
def test_add_selects_each_function(forest, stem):
    for address in census.load(stem).devices:
        add_selects(forest, stem, address)


def agree(forest, stem, count, seed):
    for number in range(count):
        rng = random.Random(f"{seed} {stem} {number}")
        question = Question(forest, forest.tree(stem, number % 2), rng)
        found = question.differences()
        assert not found, f"number {number}\n{question.story()}\n{found}"


@pytest.mark.parametrize("stem", NAMES)
def test_what_list_foretells_is_what_the_binder_says(forest, stem):
    agree(forest, stem, 1, "daily")


@pytest.mark.nightly
@pytest.mark.parametrize("stem", NAMES)
def test_what_list_foretells_is_what_the_binder_says_all_night(forest, stem):
    agree(forest, stem, 200, "nightly")


@pytest.mark.parametrize("stem", NAMES)
def test_nothing_shown_is_blank_or_absurd(forest, stem):
    status, stdout, _ = forest.run(stem, "list", "--raw", "-o", "ADDRESS,CLASS,ID,NAME")
    assert status in (0, 6)
    for row in stdout.splitlines()[1:]:
        assert all(row.split(" ")[:4]), row
    for words in (["list"], ["check"], ["status"]):
        _, stdout, stderr = forest.run(stem, *words)
        for line in (stdout + stderr).splitlines():
            assert not ABSURD.search(line.rstrip()), line
