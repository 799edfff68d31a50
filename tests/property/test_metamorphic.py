# SPDX-License-Identifier: GPL-2.0-or-later
"""What must not change a verdict: the order of lines, other bus numbers, twins that change
places, a card more. Here nobody says what is right, only what is the same."""

import itertools
import os
import random
import re
from pathlib import Path

import pytest

from lib import binder as binders
from lib import machine as machines
from lib import randompolicy
from lib.quick import fixture_memory  # noqa: F401
from lib.tree import Tree

FILES = sorted((Path(__file__).parents[1] / "machines").glob("*.tsv"))
STEMS = [path.stem for path in FILES]
STRANGER = "0fff:00:00.0\t0d1100\tfffe:fffe\tfffe:fffe\t-\t-\t99\t-\t-\t-\t-"
ADDRESS = re.compile(r"\b[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]\b")
TIMES = 8  # for each machine


@pytest.fixture(scope="module", name="grow")
def fixture_grow(memory, binder):
    """Makes a tree of a machine file's text; the same text has the same tree."""
    assert binder == binders.BINDER
    trees = {}

    def tree(text):
        if text not in trees:
            trees[text] = Tree(os.path.join(memory, str(len(trees))), machines.parse(text))
        return trees[text]

    return tree


def text_of(stem):
    return (FILES[0].parent / f"{stem}.tsv").read_text(encoding="utf-8")


def judge(tree, policy, cmdline="rd.vfio_bind=dry-run", protect=()):
    tree.policy({"vfio-bind.conf": policy})
    tree.boot(cmdline)
    tree.protect(protect)
    return binders.run(tree)


def fates(run):
    return {address: verdict[0] for address, verdict in run.verdicts.items()}


def tables(tree):
    """(random numbers, writer) for each of the runs on that machine."""
    for number in range(TIMES):
        rng = random.Random(f"{tree.machine.kernel} {number}")
        yield rng, randompolicy.Writer(rng, tree.machine)


# The order of lines.

@pytest.mark.parametrize("stem", STEMS)
def test_the_order_of_lines(grow, stem):
    """The rule that is named first also gives its reason to a refusal, and tells `rule` from
    `companion`: only what becomes of a device is the same."""
    tree = grow(text_of(stem))
    for rng, writer in tables(tree):
        policy, protect = writer.policy(), writer.protect()
        lines = policy.removeprefix(b"\xef\xbb\xbf").splitlines()
        before = judge(tree, policy, protect=protect)
        rng.shuffle(lines)
        after = judge(tree, b"\n".join(lines), protect=protect)
        assert (fates(before), before.status) == (fates(after), after.status), (policy, lines)
        assert sorted(reason for _, reason in before.findings) == sorted(
            reason for _, reason in after.findings), (policy, lines)


# Other bus numbers.

def renumber(text, rng):
    """The text with every bus below a bridge given another number, and {old address: new}.
    Buses of a root stay: firmware gives those."""
    machine = machines.parse(text)
    roots = {device.key[:2] for device in machine if not device.parent}
    names = {}
    for domain in {device.key[0] for device in machine}:
        buses = sorted({device.key[1] for device in machine if device.key[0] == domain})
        below = [bus for bus in buses if (domain, bus) not in roots]
        free = [bus for bus in range(256) if (domain, bus) not in roots]
        new = dict(zip(below, rng.sample(free, len(below))))
        for device in machine:
            if device.key[0] == domain:
                start, _, end = device.address.split(":")
                bus = new.get(device.key[1], device.key[1])
                names[device.address] = f"{start}:{bus:02x}:{end}"
    return ADDRESS.sub(lambda match: names.get(match[0], match[0]), text), names


def path_rules(writer, rng):
    rules = []
    for _ in range(rng.randint(1, 4)):
        device = writer.device()
        words = ["path=" + writer.path(device)]
        words += ["id=" + writer.id(device)] if rng.random() < 0.5 else []
        words += ["allow=bound-display,no-iommu"] if rng.random() < 0.5 else []
        rules.append(" ".join(["bind", *words]))
    return "\n".join(rules).encode() + b"\n"


@pytest.mark.parametrize("stem", STEMS)
def test_other_bus_numbers(grow, stem):
    text, names = renumber(text_of(stem), random.Random(stem))
    tree, moved = grow(text_of(stem)), grow(text)
    assert set(names.values()) == set(moved.machine.devices)
    for rng, writer in tables(tree):
        policy, protect = path_rules(writer, rng), writer.protect()
        before, after = (judge(each, policy, protect=protect) for each in (tree, moved))
        assert {names[address]: verdict for address, verdict in before.verdicts.items()} == (
            after.verdicts), policy
        assert (before.findings, before.status) == (after.findings, after.status), policy


def test_buses_do_get_other_numbers():
    changed = [old for stem in STEMS
               for old, new in renumber(text_of(stem), random.Random(stem))[1].items()
               if old != new]
    assert len(changed) > 300


# Twins.

def twins(machine):
    """Pairs of the same kind that differ in what is read of them."""
    for one, other in itertools.combinations(machine, 2):
        alike = all(getattr(one, name) == getattr(other, name) for name in (
            "vendor", "device", "subvendor", "subdevice", "cls"))
        if alike and one.base in randompolicy.INTERESTING and one.slot != other.slot:
            yield one, other


def with_numbers(text, numbers):
    rows = [line.split("\t") for line in text.splitlines()]
    for columns in rows:
        if columns[0] in numbers:
            columns[8] = "%016x" % numbers[columns[0]]
    return "\n".join("\t".join(columns) for columns in rows) + "\n"


def pairs():
    for stem in STEMS:
        for one, other in itertools.islice(twins(machines.parse(text_of(stem))), 2):
            yield stem, one.address, other.address


@pytest.mark.parametrize("stem, one, other", pairs())
def test_twins_change_places(grow, stem, one, other):
    """Who is named by place stays where it is; who is named by serial number is followed."""
    text = text_of(stem)
    machine = machines.parse(text)
    tree = grow(with_numbers(text, {one: 0x1111, other: 0x2222}))
    other_tree = grow(with_numbers(text, {one: 0x2222, other: 0x1111}))
    device = machine.devices[one]
    kind = "id=%04x:%04x with=none allow=bound-display,no-iommu,boot-display" % (
        device.vendor, device.device)
    at = {"path": randompolicy.path_text(machine, device), "address": one,
          "dsn": randompolicy.dsn_text(0x1111)}
    for selector, value in at.items():
        policy = f"bind {selector}={value} {kind}\n".encode()
        before, after = (judge(each, policy) for each in (tree, other_tree))
        assert set(before.verdicts) == {one}, policy
        assert set(after.verdicts) == {other if selector == "dsn" else one}, policy


# A card more.

@pytest.mark.parametrize("stem", STEMS)
def test_a_card_no_rule_matches(grow, stem):
    text = text_of(stem)
    tree, more = grow(text), grow(text + STRANGER + "\n")
    compared = 0
    for _, writer in tables(tree):
        policy, cmdline, protect = writer.policy(), writer.cmdline(), writer.protect()
        before, after = (judge(each, policy, cmdline, protect) for each in (tree, more))
        if "0fff:00:00.0" in after.verdicts or b"*:*" in policy:
            continue  # a rule that matches every card there is
        compared += 1
        assert (before.verdicts, before.findings, before.status) == (
            after.verdicts, after.findings, after.status), policy
    assert compared > TIMES / 2
