# SPDX-License-Identifier: GPL-2.0-or-later
"""Random policies: the binder, list and explain say what the reference says, whatever the
policy and the machine."""

import math
import random
from functools import lru_cache

import pytest

from lib import binder as binders
from lib import machine as machines
from lib.agreement import FOLDER, Forest, Question
from lib.quick import fixture_memory  # noqa: F401

FILES = sorted(FOLDER.glob("*.tsv"))
USUAL = 45  # functions of a machine
VARIANTS = 3  # of each machine: as it is, and with other facts


@pytest.fixture(scope="module", name="forest")
def fixture_forest(memory, binder):
    assert binder == binders.BINDER
    forest = Forest(memory)
    yield forest
    forest.host.close()


@lru_cache
def share(stem):
    """How often a machine is asked about: one of many functions takes long, and tells no more."""
    return min(1.5, USUAL / len(machines.load(FOLDER / f"{stem}.tsv").devices))


def agree(forest, stem, count, seed):
    """Asks about a machine its share of so many policies."""
    whole = sum(share(path.stem) for path in FILES)
    for number in range(math.ceil(count * share(stem) / whole)):
        rng = random.Random("%s %s %d" % (seed, stem, number))
        question = Question(forest, forest.tree(stem, rng.randrange(VARIANTS)), rng)
        if question.differences():
            found = question.shrink()
            pytest.fail("number %d\n%s\n%s" % (number, question.story(), "\n".join(
                "%s: %s, reference %s" % (name, *pair) for name, pair in found.items())))


@pytest.mark.parametrize("stem", [path.stem for path in FILES])
def test_all_agree_with_the_reference(forest, stem):
    agree(forest, stem, 2000, "daily")


@pytest.mark.nightly
@pytest.mark.parametrize("stem", [path.stem for path in FILES])
def test_all_agree_with_the_reference_all_night(forest, stem):
    agree(forest, stem, 100_000, "nightly")
