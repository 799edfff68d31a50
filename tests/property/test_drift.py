# SPDX-License-Identifier: GPL-2.0-or-later
"""A rule that `add` wrote, on the same machine after a change: it selects the same device or
nothing, never another; and `repair` points it to that device where one alone can be meant."""

import collections
import json
import os
import random

import pytest

from lib import agreement, census, drift, golden, reference
from lib import machine as machines
from lib.quick import Again, fixture_memory  # noqa: F401

FILES = sorted(path.stem for path in agreement.FOLDER.glob("*.tsv"))
NAMES = FILES + sorted(census.texts())
KINDS = [kind.__name__ for kind in drift.Drift.KINDS]
CONF = "etc/vfio-bind.conf"


def load(stem):
    return machines.load(agreement.FOLDER / f"{stem}.tsv") if stem in FILES else census.load(stem)


def patched(text, diff):
    """The text with the lines of a diff taken out and put in, each where its number says."""
    gone = {row["line"]: row["text"] for row in diff if row["change"] == "-"}
    lines = list(enumerate(text.splitlines(), 1))
    assert all(gone.get(number, line) == line for number, line in lines) and gone.keys() <= dict(lines).keys()
    lines = [line for number, line in lines if number not in gone]
    for row in diff:
        if row["change"] == "+":
            lines.insert(row["line"] - 1, row["text"])
    return "".join(f"{line}\n" for line in lines)


class Host:
    """The host program, with a policy and a machine's file."""

    def __init__(self, root):
        self.root, self.machine = root, os.path.join(root, "machine.tsv")
        self.program = Again(root, golden.environment())
        os.makedirs(os.path.join(root, "etc"), exist_ok=True)

    def write(self, name, text):
        with open(os.path.join(self.root, name), "w", encoding="utf-8") as file:
            file.write(text)

    def ask(self, *words):
        _, stdout, stderr = self.program.run("vfio-bind", "--root", self.root, "--machine",
                                             self.machine, *words, "--json")
        assert stdout, stderr
        return json.loads(stdout)

    def edit(self, *words):
        """What a command that edits says; the policy is then as it would have left it."""
        said = self.ask(words[0], "--dry-run", *words[1:])
        for file in said.get("files", ()):
            assert file["file"] == f"/{CONF}"
            self.write(CONF, patched(self.policy(), file["diff"]))
        return said

    def policy(self):
        with open(os.path.join(self.root, CONF), encoding="utf-8") as file:
            return file.read()

    def chosen(self):
        """What the rule selects, whatever a guard says."""
        return {device["address"] for device in self.ask("list")["devices"]
                if device["verdict"] != "none" and device["reason"] != "companion"}


@pytest.fixture(scope="module", name="host")
def fixture_host(memory):
    host = Host(memory)
    yield host
    host.program.close()


def is_twin(one, other):
    """Nothing that a rule may name tells these apart but the place."""
    return (one.vendor, one.device) == (other.vendor, other.device)


def story(host, device, kinds):
    with open(host.machine, encoding="utf-8") as file:
        return f"{device.address} {kinds}\n{host.policy()}\n{file.read()}"


def outcome(host, stem, kinds, rng):
    """One device, one change: what became of its rule. None where there was nothing to try."""
    before = drift.Drift(load(stem), rng)
    spot = rng.choice([s for s in before.spots if not reference.is_bridge(s.device)])
    host.write("machine.tsv", drift.text(before.result()))
    host.write(CONF, "")
    alike = [s for s in before.spots if is_twin(s.device, spot.device)]
    if not host.edit("add", spot.device.address).get("files"):
        return None
    assert host.chosen() == {spot.device.address}
    device = spot.device
    for kind in kinds:
        if not getattr(before, kind)():
            return None
    after = before.result()
    host.write("machine.tsv", drift.text(after))
    meant = {s.device.address for s in before.spots if s is spot}
    found = host.chosen()
    tale = story(host, device, kinds)
    has_twins = len(alike) > 1 or any(
        is_twin(d, device) and d.address not in meant for d in after)
    if found:
        return selected(after, found, meant, device, has_twins, tale)
    return mended(host, after, meant, device, tale)


def selected(after, found, meant, device, has_twins, tale):
    if found == meant:
        return "found as it is"
    # Of two that only their places tell apart, one has the other's.
    assert len(found) == 1 and has_twins and "dsn=" not in tale.partition("\n0000")[0], tale
    assert is_twin(after.devices[min(found)], device), tale
    return "a twin stands in its place"


def mended(host, after, meant, device, tale):
    """The rule finds nothing."""
    said = host.edit("repair")
    found = host.chosen()
    if said.get("files") and not meant:
        # It is gone, of its twins one is left, and nothing else tells them apart: whoever reads the
        # diff decides.
        assert len(found) == 1 and not device.dsn, (tale, said)
        assert is_twin(after.devices[min(found)], device), (tale, said)
        return "gone, and its only twin left is proposed"
    assert found <= meant, (tale, said)
    if said.get("files"):
        assert found == meant, (tale, said)
        return "repaired"
    if " path=" not in host.policy() and not meant:
        return "gone, as its serial number says"
    assert said["result"] == "refused" and said["notes"], (tale, said)
    if not meant:
        return "gone, and said so"
    if len([d for d in after if is_twin(d, device)]) > 1:
        return "left to a person, as it has twins"
    assert "would be refused" in said["notes"][0], (tale, said)
    return "a guard would refuse it there"


def kinds_of(rng):
    return [rng.choice(KINDS) for _ in range(rng.choice((1, 1, 1, 2, 3)))]


def drifts(host, stem, count, seed):
    counts = collections.Counter()
    for number in range(count):
        rng = random.Random(f"{seed} {stem} {number}")
        kinds = kinds_of(rng)
        counts[kinds[0] if len(kinds) == 1 else "several", outcome(host, stem, kinds, rng)] += 1
    return counts


@pytest.mark.parametrize("stem", [name for name in NAMES if drift.fits(load(name))])
def test_the_same_device_or_none(host, stem):
    drifts(host, stem, 1, "daily")


@pytest.mark.nightly
@pytest.mark.parametrize("stem", [name for name in NAMES if drift.fits(load(name))])
def test_the_same_device_or_none_all_night(host, stem, record_property):
    record_property("changes", dict(drifts(host, stem, 10, "nightly")))
