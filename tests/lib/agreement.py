# SPDX-License-Identifier: GPL-2.0-or-later
"""What the binder, list and explain say of a random policy, beside what the reference says."""

import copy
import json
import os
import random
from pathlib import Path

from . import binder as binders
from . import golden, randompolicy, reference
from . import machine as machines
from .quick import Again
from .tree import Tree

FOLDER = Path(__file__).parents[1] / "machines"
NAME = "/etc/vfio-bind.conf"
DROP_IN = "/usr/lib/vfio-bind.conf.d/10-rules.conf"  # where a policy stands now and then


class Forest:
    """Trees of machines, each unfolded when it is first asked for: only policy, protect and
    command line change."""

    def __init__(self, root):
        self.root, self.trees = root, {}
        self.host = Again(root, golden.environment())

    def machine(self, stem):
        return machines.load(FOLDER / f"{stem}.tsv")

    def tree(self, stem, variant):
        if (stem, variant) not in self.trees:
            machine = self.machine(stem)
            rng = random.Random(f"{stem} {variant}")
            facts = randompolicy.vary(rng, machine) if variant else machine
            self.trees[stem, variant] = Tree(os.path.join(self.root, stem, str(variant)), facts,
                                             serial_number=variant == 1)
        return self.trees[stem, variant]

    def ask(self, tree, *words):
        """What the host program prints as JSON, or None."""
        _, stdout, _ = self.host.run("vfio-bind", "--root", tree.root, *words, "--json")
        return json.loads(stdout) if stdout else None


def plain(drivers):
    """Names of modules have no dash, those of drivers may."""
    return {address: driver.replace("_", "-") for address, driver in drivers.items()}


class Question:
    """A machine, a policy and a command line; and one of its devices to be explained."""

    def __init__(self, forest, tree, rng):
        writer = randompolicy.Writer(rng, tree.machine)
        self.forest, self.tree, self.policy = forest, tree, writer.policy()
        self.cmdline, self.protect = writer.cmdline(), writer.protect()
        self.chance = rng.random()
        self.name = DROP_IN if self.chance < 0.1 else NAME

    def ask_binder(self):
        other = DROP_IN if self.name == NAME else NAME
        self.tree.policy({self.name.removeprefix("/etc").lstrip("/"): self.policy})
        if os.path.exists(self.tree.path(other[1:])):
            os.unlink(self.tree.path(other[1:]))
        self.tree.boot(self.cmdline)
        self.tree.protect(self.protect)
        return binders.run(self.tree)

    def ask_reference(self):
        self.tree.machine.protect = self.protect
        return reference.run(self.tree.machine, [(self.name, self.policy)], self.tree.cmdline())

    def ask_list(self):
        """Verdicts, and the drivers that bound devices will have."""
        devices = self.forest.ask(self.tree, "list")["devices"]
        return ({device["address"]: (device["verdict"], device["reason"], device["rule"])
                 for device in devices if device["verdict"] != "none"},
                plain({device["address"]: device["driver_next"]
                       for device in devices if device["verdict"] == "bind"}))

    def ask_explain(self, address):
        shown = self.forest.ask(self.tree, "explain", address)
        return (shown["verdict"], shown["reason"]) if "verdict" in shown else None

    def host_pairs(self, result):
        """What the host program says; of a machine that is told to do without, nothing."""
        if result.off:
            return {}
        drivers = {address: "late" if self.tree.machine.devices[address].physfn else driver
                   for address, driver in result.drivers.items()}
        pairs = {"list": (self.ask_list(), (result.verdicts, plain(drivers)))}
        addresses = sorted(result.verdicts) or list(self.tree.machine.devices)
        address = addresses[int(self.chance * len(addresses))]
        expected = result.verdicts.get(address, ("none", "-"))[:2]
        pairs["explain " + address] = (self.ask_explain(address),
                                       None if result.mistakes else expected)
        return pairs

    def differences(self):
        """{what: (theirs, the reference's)} where they differ."""
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
            "drivers": (plain(run.drivers), plain(result.drivers)),
            **self.host_pairs(result),
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
