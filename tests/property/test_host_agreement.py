# SPDX-License-Identifier: GPL-2.0-or-later
"""Random policies: graph shows of every device what the reference says. List and explain are asked
the same in test_agreement.py."""

import os
import pathlib
import random

import pytest

from lib import dot, golden, randompolicy, reference
from lib import machine as machines
from lib.payload import fixture_program  # noqa: F401
from lib.quick import fixture_memory  # noqa: F401
from lib.tree import Tree

FILES = sorted((pathlib.Path(__file__).parents[1] / "machines").glob("*.tsv"))
FILLS = {"palegreen": "bind", "lightcoral": "refuse", "lightskyblue": "keep"}


@pytest.fixture(scope="module", name="trees")
def fixture_trees(memory):
    found = {}
    for path in FILES:
        machine = machines.load(path)
        facts = randompolicy.vary(random.Random(path.stem), machine)
        found[path.stem] = [Tree(os.path.join(memory, path.stem, str(number)), each)
                            for number, each in enumerate((machine, facts))]
    return found


def ask(program, tree, *words):
    """Once more without a word about the status, which a mistake in the policy makes 2."""
    return golden.run(program, "--root", tree.root, *words, status=None)


def drawn(program, tree):
    graph = dot.parse(ask(program, tree, "graph").stdout)
    return {address: FILLS[node["fillcolor"]] for node in graph.nodes.values()
            for address in node.get("functions", "").split() if node["fillcolor"] in FILLS}


def compare(program, tree, rng):
    writer = randompolicy.Writer(rng, tree.machine)
    policy, protect = writer.policy(), writer.protect()
    tree.policy({"vfio-bind.conf": policy})
    tree.protect(protect)
    tree.machine.protect = protect
    result = reference.run(tree.machine, [("/etc/vfio-bind.conf", policy)], tree.cmdline())
    story = f"{tree.root}\n{policy.decode('latin-1')}\nprotect {protect}"
    assert drawn(program, tree) == {a: v[0] for a, v in result.verdicts.items()}, story


def agree(program, trees, stem, count, seed):
    for number in range(count):
        rng = random.Random(f"{seed} {stem} {number}")
        compare(program, rng.choice(trees[stem]), rng)


@pytest.mark.parametrize("stem", [path.stem for path in FILES])
def test_graph_agrees_with_the_reference(program, trees, stem):
    agree(program, trees, stem, 100 // len(FILES), "host daily")


@pytest.mark.nightly
@pytest.mark.parametrize("stem", [path.stem for path in FILES])
def test_graph_agrees_with_the_reference_all_night(program, trees, stem):
    agree(program, trees, stem, 2000 // len(FILES), "host nightly")
