# SPDX-License-Identifier: GPL-2.0-or-later
"""Random policies: list, graph and explain say of every device what the reference says."""

import json
import pathlib
import random
import shutil

import pytest

from lib import dot, golden, randompolicy, reference
from lib import machine as machines
from lib.payload import fixture_program  # noqa: F401
from lib.tree import Tree

FILES = sorted((pathlib.Path(__file__).parents[1] / "machines").glob("*.tsv"))
FILLS = {"palegreen": "bind", "lightcoral": "refuse", "lightskyblue": "keep"}


@pytest.fixture(scope="module", name="trees")
def fixture_trees(tmp_path_factory):
    root = tmp_path_factory.mktemp("trees")
    found = {}
    for path in FILES:
        machine = machines.load(path)
        facts = randompolicy.vary(random.Random(path.stem), machine)
        found[path.stem] = [Tree(root / path.stem / str(number), each)
                            for number, each in enumerate((machine, facts))]
    yield found
    shutil.rmtree(root)


def ask(program, tree, *words):
    """Once more without a word about the status, which a mistake in the policy makes 2."""
    return golden.run(program, "--root", tree.root, *words, status=None)


def listed(program, tree):
    shown = json.loads(ask(program, tree, "list", "--json").stdout)
    return {device["address"]: (device["verdict"], device["reason"], device["rule"])
            for device in shown["devices"] if device["verdict"] != "none"}


def drawn(program, tree):
    graph = dot.parse(ask(program, tree, "graph").stdout)
    return {address: FILLS[node["fillcolor"]] for node in graph.nodes.values()
            for address in node.get("functions", "").split() if node["fillcolor"] in FILLS}


def explained(program, tree, address):
    shown = json.loads(ask(program, tree, "explain", address, "--json").stdout)
    return shown["verdict"], shown["reason"]


def compare(program, tree, rng):
    writer = randompolicy.Writer(rng, tree.machine)
    policy, protect = writer.policy(), writer.protect()
    tree.policy({"vfio-bind.conf": policy})
    tree.protect(protect)
    tree.machine.protect = protect
    result = reference.run(tree.machine, [("/etc/vfio-bind.conf", policy)], tree.cmdline())
    story = f"{tree.root}\n{policy.decode('latin-1')}\nprotect {protect}"
    assert listed(program, tree) == result.verdicts, story
    if rng.random() < 0.1:
        assert drawn(program, tree) == {a: v[0] for a, v in result.verdicts.items()}, story
    if result.verdicts and not result.mistakes:
        address = rng.choice(sorted(result.verdicts))
        assert explained(program, tree, address) == result.verdicts[address][:2], story


def agree(program, trees, stem, count, seed):
    for number in range(count):
        rng = random.Random(f"{seed} {stem} {number}")
        compare(program, rng.choice(trees[stem]), rng)


@pytest.mark.parametrize("stem", [path.stem for path in FILES])
def test_list_agrees_with_the_reference(program, trees, stem):
    agree(program, trees, stem, 200 // len(FILES), "host daily")


@pytest.mark.nightly
@pytest.mark.parametrize("stem", [path.stem for path in FILES])
def test_list_agrees_with_the_reference_all_night(program, trees, stem):
    agree(program, trees, stem, 10000 // len(FILES), "host nightly")
