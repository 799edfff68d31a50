# SPDX-License-Identifier: GPL-2.0-or-later
"""Random policies: the binder says what the reference says, whatever the policy and machine."""

import copy
import pathlib
import random
import shutil

import pytest

from lib import binder as binders
from lib import machine as machines
from lib import randompolicy, reference
from lib.tree import Tree

FILES = sorted((pathlib.Path(__file__).parents[1] / "machines").glob("*.tsv"))
VARIANTS = 3  # of each machine: as it is, and with other facts
NAME = "/etc/vfio-bind.conf"


class Forest:
    """Trees of all machines; unfolded once, for only policy, protect and command line change."""

    def __init__(self, root):
        self.trees = {}
        for path in FILES:
            machine = machines.load(path)
            for variant in range(VARIANTS):
                rng = random.Random("%s %d" % (path.stem, variant))
                facts = randompolicy.vary(rng, machine) if variant else machine
                self.trees[path.stem, variant] = Tree(
                    root / path.stem / str(variant), facts, serial_number=variant == 1)


@pytest.fixture(scope="module", name="forest")
def fixture_forest(tmp_path_factory, binder):
    assert binder == binders.BINDER
    root = tmp_path_factory.mktemp("forest")
    yield Forest(root)
    shutil.rmtree(root)


class Question:
    """A machine, a policy and a command line."""

    def __init__(self, tree, rng):
        writer = randompolicy.Writer(rng, tree.machine)
        self.tree, self.policy = tree, writer.policy()
        self.cmdline, self.protect = writer.cmdline(), writer.protect()

    def ask_binder(self):
        self.tree.policy({"vfio-bind.conf": self.policy})
        self.tree.boot(self.cmdline)
        self.tree.protect(self.protect)
        return binders.run(self.tree)

    def ask_reference(self):
        self.tree.machine.protect = self.protect
        return reference.run(self.tree.machine, [(NAME, self.policy)], self.tree.cmdline())

    def differences(self):
        """{what: (the binder's, the reference's)} where they differ."""
        run, result = self.ask_binder(), self.ask_reference()
        # The kernel log takes no more than so many mistakes.
        mistakes = sorted(result.mistakes)
        mistakes = mistakes[:len(run.mistakes)] if run.mistakes else mistakes
        shared = {address: others for address, others in result.shared.items() if others}
        both = {
            "status": (run.status, result.status),
            "mistakes": (sorted(run.mistakes), mistakes),
            "verdicts": (run.verdicts, result.verdicts),
            "findings": (sorted(run.findings), sorted(result.findings)),
            "shared": (run.shared, shared),
        }
        return {name: pair for name, pair in both.items() if pair[0] != pair[1]}

    def shrink(self):
        """Leaves out lines and words as long as they do not agree; returns the differences."""
        smaller = True
        while smaller:
            smaller = any(self.tries(pieces, name, join)
                          for name, pieces, join in self.pieces())
        return self.differences()

    def pieces(self):
        lines = self.policy.split(b"\n")
        yield "policy", lines, b"\n".join
        for number, line in enumerate(lines):
            yield ("policy", line.split(b" "), lambda words, n=number: b"\n".join(
                lines[:n] + [b" ".join(words)] + lines[n + 1:]))
        yield "protect", self.protect or [], list

    def tries(self, pieces, name, join):
        for i in range(len(pieces)):
            other = copy.copy(self)
            setattr(other, name, join(pieces[:i] + pieces[i + 1:]))
            if other.differences():
                setattr(self, name, getattr(other, name))
                return True
        return False

    def story(self):
        return "machine %s\npolicy:\n%s\ncmdline %s\nprotect %s" % (
            self.tree.root, self.policy.decode("latin-1"), self.cmdline, self.protect)


def agree(forest, stem, count, seed):
    for number in range(count):
        rng = random.Random("%s %s %d" % (seed, stem, number))
        question = Question(forest.trees[stem, rng.randrange(VARIANTS)], rng)
        if question.differences():
            found = question.shrink()
            pytest.fail("number %d\n%s\n%s" % (number, question.story(), "\n".join(
                "%s: binder %s, reference %s" % (name, *pair) for name, pair in found.items())))


@pytest.mark.parametrize("stem", [path.stem for path in FILES])
def test_the_binder_agrees_with_the_reference(forest, stem):
    agree(forest, stem, 2000 // len(FILES), "daily")


@pytest.mark.nightly
@pytest.mark.parametrize("stem", [path.stem for path in FILES])
def test_the_binder_agrees_with_the_reference_all_night(forest, stem):
    agree(forest, stem, 100000 // len(FILES), "nightly")


def bound(run):
    return {address for address, verdict in run.verdicts.items() if verdict[0] == "bind"}


@pytest.mark.parametrize("number", range(150))
def test_the_order_of_lines_does_not_change_what_is_bound(forest, number):
    rng = random.Random("order %d" % number)
    question = Question(forest.trees[rng.choice(list(forest.trees))], rng)
    first = question.ask_binder()
    lines = question.policy.removeprefix(b"\xef\xbb\xbf").splitlines()
    rng.shuffle(lines)
    question.policy = b"\n".join(lines)
    second = question.ask_binder()
    assert (bound(first), first.status) == (bound(second), second.status), question.story()


STRANGER = "0fff:00:00.0\t0d1100\tfffe:fffe\tfffe:fffe\t-\t-\t99\t-\t-\t-\t-"


@pytest.fixture(scope="module", name="pairs")
def fixture_pairs(tmp_path_factory, binder):
    """Each machine twice, the second time with a card no rule has anything to do with."""
    pairs = []
    for path in FILES:
        root = tmp_path_factory.mktemp(path.stem)
        text = path.read_text(encoding="utf-8")
        pairs.append((Tree(root / "without", machines.parse(text)),
                      Tree(root / "with", machines.parse(text + STRANGER + "\n"))))
    yield pairs
    for tree in sum(pairs, ()):
        shutil.rmtree(tree.root)


@pytest.mark.parametrize("number", range(150))
def test_a_card_no_rule_matches_changes_nothing(pairs, number):
    rng = random.Random("stranger %d" % number)
    without, with_ = rng.choice(pairs)
    question = Question(without, rng)
    first = question.ask_binder()
    question.tree = with_
    second = question.ask_binder()
    if "0fff:00:00.0" in second.verdicts or b"*:*" in question.policy:
        pytest.skip("a rule of this policy matches every card there is")
    assert (first.verdicts, first.findings, first.status) == (
        second.verdicts, second.findings, second.status), question.story()
