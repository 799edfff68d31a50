# SPDX-License-Identifier: GPL-2.0-or-later
"""The decision, written a second time from its description alone: a machine, a policy and a
kernel command line to a verdict for each function, a finding for each rule that binds nothing,
and the exit status. Plain and slow on purpose: a specification that runs."""

import functools
import re
from dataclasses import dataclass, field

from . import variants
from .reference_policy import Rule, parse, parse_line, read_address, read_dsn, read_id, read_path

CMDLINE = "cmdline"
BRIDGES = (0x0600, 0x0601, 0x0604, 0x0607, 0x0609)
NO_DSN = (0, 2 ** 64 - 1)
NO_MATTER_WHAT = ("count", "dsn")  # findings of a rule that is void


@dataclass
class Result:
    status: int = 0
    off: bool = False
    mistakes: list = field(default_factory=list)  # (file, line, column)
    verdicts: dict = field(default_factory=dict)  # address -> (verdict, reason, file:line)
    findings: list = field(default_factory=list)  # (file:line, reason) in file order
    drivers: dict = field(default_factory=dict)  # bound address -> the driver it is to have
    shared: dict = field(default_factory=dict)  # bound address -> host functions of its group


def is_guest_driver(name):
    return name == "pci-stub" or name.endswith(("vfio-pci", "vfio_pci"))


def is_bridge(device):
    return device.class16 in BRIDGES or device.header_type == 1


def is_screen(device):
    return not device.physfn and (
        device.base == 0x03 and device.class16 != 0x0302 or device.framebuffer)


def heads(machine, device):
    """All functions of class 03xx on the card that the device is of: they are one screen."""
    if device.base != 0x03 or device.physfn:
        return [device]
    return [d for d in machine if d.base == 0x03 and d.slot == device.slot and not d.physfn]


def has_screen(machine, device):
    return any(map(is_screen, heads(machine, device)))


# The kernel command line.

def words(cmdline):
    """(column of the value in the word, name, value) of each word before a `--`, as the kernel
    takes them apart: double quotes keep blanks in, and are none of a value or word that they
    begin. `-` and `_` are the same in names."""
    for match in re.finditer('(?:"[^"]*(?:"|$)|[^"\t-\r \xa0])+', cmdline):
        if match[0] == "--":
            return
        name, equals, value = unquoted(match[0]).partition("=")
        column = match[0].startswith('"') + len(name + equals) + 1
        yield (column + value.startswith('"'), name.replace("-", "_"),
               unquoted(value) if equals else None)


def unquoted(text):
    return text[1:].removesuffix('"') if text.startswith('"') else text


def mode(cmdline):
    """Off wins over everything, and an unknown value is off."""
    values = [value or "" for _, name, value in words(cmdline)
              if name in ("rd.vfio_bind", "vfio_bind")]
    if any(value not in ("1", "on", "yes", "dry-run") for value in values):
        return "off"
    return "dry-run" if "dry-run" in values else "on"


def cmdline_rules(policy, cmdline):
    """keep=ADDR,... adds vetoes; bind=ADDR[+VVVV:DDDD],... and rule="..." rules, where the policy
    accepts them. Each such word is a line of its own."""
    number = 0
    for column, name, value in words(cmdline):
        verb = {"rd.vfio_bind.keep": "keep", "rd.vfio_bind.bind": "bind",
                "rd.vfio_bind.rule": "rule"}.get(name)
        number += bool(verb)
        if not verb or verb != "keep" and not policy.accept_cmdline:
            continue
        if verb == "rule":
            parse_line(policy, CMDLINE, number, value or "", column)
            continue
        for item in (value or "").split(","):
            address, plus, ids = item.partition("+")
            rule = Rule(verb, CMDLINE, number, {"address": [read_address(address)]})
            if plus:
                rule.select["id"] = [read_id(ids)]
            if plus and verb == "keep" or any(None in values for values in rule.select.values()):
                policy.mistakes.append((CMDLINE, number, column))
            policy.rules.append(rule)
            column += len(item) + 1


# Which device shows the picture.

@functools.cache
def evidence(machine):
    """The first kind of evidence that says anything, and the devices it names."""
    for kind, named in (
            ("firmware", [d for d in machine
                          if (d.framebuffer or d.boot_display) and not d.physfn]),
            ("boot_vga", [d for d in machine if d.boot_vga == 1 and is_screen(d)
                          or d.boot_vga == 1 and d.base == 0x03 and not d.physfn])):
        if named:
            return kind, named
    screens = [d for d in machine if is_screen(d)]
    return "only", screens if len({heads(machine, d)[0].address for d in screens}) == 1 else []


def picture(machine, device):
    """True, False, or None where nobody knows."""
    kind, named = evidence(machine)
    cards = heads(machine, device)
    if any(head in named for head in cards):
        return True
    if kind == "firmware" or not has_screen(machine, device):
        return False
    return False if kind == "boot_vga" and any(
        head.boot_vga is not None and is_screen(head) for head in cards) else None


# What a rule matches.

@functools.cache
def hop_path(machine, device):
    hops = [device.key[2:]]
    while device.parent:
        device = machine.devices[device.parent]
        hops.insert(0, device.key[2:])
    return device.key[:2], tuple(hops)


def bridges(machine, device):
    """The bridges above a device, nearest first, up to its root bus."""
    while device.parent:
        device = machine.devices[device.parent]
        yield device


def value_matches(machine, device, selector, value):
    if selector == "address":
        return device.slot == value[:3] and value[3] in (None, device.key[3])
    if selector == "id":
        return value[0] in (None, device.vendor) and value[1] in (None, device.device)
    if selector == "subsystem":
        return value[0] in (None, device.subvendor) and value[1] in (None, device.subdevice)
    if selector == "class":
        return device.cls & value[1] == value[0] and device.cls != value[2]
    if selector == "boot_vga":
        return device.boot_vga == int(value)
    if selector == "boot_display":
        return (device.base == 0x03 and not device.physfn or value == "1" and device.base != 0x03
                ) and picture(machine, device) is (value == "1")
    if selector == "pf":
        physical = machine.devices.get(device.physfn)
        return physical and value in (physical.key, hop_path(machine, physical))
    if selector == "vf":
        return device.physfn and value[0] <= device.vf <= value[1]
    if selector == "path":
        return hop_path(machine, device) == value
    if selector == "slot":
        slot = machine.slots.get(value)
        return slot and any(d.key[:2] == slot[:2] and slot[2] in (None, d.key[2])
                            for d in (device, *bridges(machine, device)))
    return device.dsn == value and value not in NO_DSN


def any_matches(machine, device, rule, selector):
    """What could not be read may be what is meant."""
    values = rule.select.get(selector, ())
    return any(value_matches(machine, device, selector, value) for value in values) or bool(
        values and selector == "dsn" and device.unreadable)


def matching(machine, rule):
    """Every selector of the rule has a value that fits."""
    return [device for device in machine
            if all(any_matches(machine, device, rule, selector) for selector in rule.select)]


def finding(machine, rule, found):
    """Why a rule selects nothing at all, as far as its selectors say."""
    if rule.verb == "bind":
        if rule.option("count", len(found)) != len(found) or rule.option("count") and any(
                d.unreadable for d in found):
            return "count"
        for value in rule.select.get("dsn", ()):
            if len({device.slot for device in found if device.dsn == value}) > 1:
                return "dsn"
    stands = any(any_matches(machine, device, rule, selector)
                 for device in machine for selector in ("address", "path"))
    return None if found else "moved" if stands else "absent"


# What goes along.

def is_companion(machine, device, leader):
    """Audio, USB and UCSI of a display's slot, audio below its card's own switch."""
    if leader.base != 0x03 or device.vendor != leader.vendor:
        return False
    if device.slot == leader.slot:
        return device.class16 in (0x0403, 0x0c80, 0x0c03) and device.cls != 0x0c0340
    above = list(machine.above(leader))[:2]
    own = len(above) == 2 and all(bridge.vendor == leader.vendor for bridge in above)
    return own and device.class16 == 0x0403 and above[1] in machine.above(device)


def goes_along(machine, device, leader, rule):
    how = rule.option("with", "companions")
    if how == "functions":
        return device.slot == leader.slot
    if how == "group":
        return leader.group is not None and device.group == leader.group and not is_bridge(device)
    return how == "companions" and is_companion(machine, device, leader)


# The payload's list of what the host lives on.

@functools.cache
def read_protect(line):
    match = re.fullmatch("(storage|network|input) path=(\\S+) id=(\\S+)(?: dsn=(\\S+))?", line)
    if not match:
        return None
    path, ids = read_path(match[2]), read_id(match[3])
    dsn = read_dsn(match[4]) if match[4] else 0
    return None if None in (path, ids, dsn) or None in ids else (match[1], path, ids, dsn)


def protect_unknown(machine):
    return machine.protect is None or None in map(read_protect, machine.protect)


def protected(machine, device, use):
    """True if a line of that use names the device, or nobody can say which one it names."""
    for line_use, path, ids, dsn in map(read_protect, machine.protect):
        same = [d for d in machine if (d.vendor, d.device) == ids]
        there = [d for d in same if hop_path(machine, d) == path]
        if dsn not in NO_DSN:
            serial = [d for d in same if d.dsn == dsn]
            there = serial or [d for d in there if d.dsn in NO_DSN]
        if line_use == use and device in (there or same):
            return True
    return False


class Judge:
    """One round of the decision. `last` is up when no screen would be left to the host."""

    def __init__(self, machine, rules, last=False):
        self.machine, self.last, self.conflicts = machine, last, {}
        self.binding = [rule for rule in rules if rule.verb == "bind"]
        self.why, self.selected, self.kept = {}, {}, {}  # the first two by id of the rule
        for rule in rules:
            found = matching(machine, rule)
            self.why[id(rule)] = finding(machine, rule, found)
            if rule.verb == "keep":
                self.kept = {**dict.fromkeys((d.address for d in found), rule), **self.kept}
            nth = rule.option("nth")
            self.selected[id(rule)] = (
                [] if self.why[id(rule)] else found[nth - 1:nth] if nth else found)
        self.ask_all()
        self.conflicts = {
            address: letting[0][0] for address, letting in self.letting.items()
            if len({self.driver(rule, address).replace("_", "-") for rule, _ in letting}) > 1}
        self.ask_all()

    def driver(self, rule, address):
        name = rule.option("driver") or "vfio-pci"
        return name if name != "auto" else variants.best(self.machine.variants,
                                                         self.machine.devices[address])

    def ask_all(self):
        """Who is let through by which rules, and who is held back by which, in file order."""
        self.letting, self.refusing = {}, {}
        for rule in self.binding:
            own = self.selected[id(rule)]
            self.ask(rule, own, "rule")
            leaders = [device for device in own if self.binds(rule, device.address)]
            self.ask(rule, [d for d in self.machine if d not in own and any(
                goes_along(self.machine, d, leader, rule) for leader in leaders)], "companion")

    def ask(self, rule, devices, how):
        for device in devices:
            guard = self.guard(rule, device, how == "rule")
            if guard:
                self.refusing.setdefault(device.address, (rule, guard))
            else:
                self.letting.setdefault(device.address, []).append((rule, how))

    def guard(self, rule, device, itself):
        """The first guard that strikes, or None."""
        for token, allow, strikes in GUARDS:
            if not rule.allows(*allow.split()) and strikes(self, rule, device, itself):
                return token
        return None

    def is_bound(self, address):
        return (address in self.letting and address not in self.kept
                and address not in self.conflicts)

    def binds(self, rule, address):
        return self.is_bound(address) and any(by is rule for by, _ in self.letting[address])

    def leaves_no_screen(self):
        screens = [d for d in self.machine if is_screen(d)]
        taken = any(self.is_bound(d.address) and has_screen(self.machine, d) for d in self.machine)
        return taken and all(d.unreadable or any(
            self.is_bound(head.address) or is_guest_driver(head.driver)
            for head in heads(self.machine, d)) for d in screens)

    def verdict(self, address):
        """(verdict, reason, rule), or None where no bind rule has anything to say."""
        letting, refusing = self.letting.get(address), self.refusing.get(address)
        if not letting and not refusing:
            return None
        if address in self.kept:
            return "keep", "rule", self.kept[address]
        if address in self.conflicts:
            return "refuse", "driver-conflict", self.conflicts[address]
        if letting:
            return "bind", letting[0][1], letting[0][0]
        return "refuse", refusing[1], refusing[0]

    def outcome(self, rule):
        """The finding that is reported for a rule."""
        why = self.why[id(rule)]
        unmet = rule.option("required") and why not in NO_MATTER_WHAT
        return "required" if unmet and not any(
            self.binds(rule, address) for address in self.letting) else why


# What the guards strike at.

def ambiguous_display(judge, rule, device, itself):
    named = itself and rule.has("address", "path", "slot", "dsn")
    return picture(judge.machine, device) is None and not named


def host_unknown(judge, rule, device, itself):
    ids = rule.select.get("id", ())
    whole = len(ids) == 1 and None not in ids[0]
    named = itself and rule.names_one_device() and whole
    return device.base == 0x01 and protect_unknown(judge.machine) and not named


def host(use):
    return lambda judge, _, device, __: (
        not protect_unknown(judge.machine) and protected(judge.machine, device, use))


def in_use(judge, _, device, __):
    return any(d.disks and (d is device or device in judge.machine.above(d))
               for d in judge.machine)


def bound_display(_, __, device, ___):
    return device.base in (0x03, 0x12) and device.driver and not is_guest_driver(device.driver)


def has_vfs(judge, _, device, __):
    return any(d.physfn == device.address and d.vf == 0 for d in judge.machine)


GUARDS = (  # in the order they are asked: token, the words that lift it, what it strikes at
    ("unreadable", "", lambda _, __, device, ___: device.unreadable),
    ("bridge", "", lambda _, __, device, ___: is_bridge(device)),
    ("has-vfs", "", has_vfs),
    ("behind-vmd", "", lambda j, _, device, __: j.machine.root(device) in j.machine.below),
    ("no-iommu", "no-iommu", lambda _, __, device, ___: device.group is None),
    ("ambiguous-display", "", ambiguous_display),
    ("boot-display", "boot-display last-display", lambda j, _, d, __: picture(j.machine, d)),
    ("host-storage", "host-storage", host("storage")),
    ("host-network", "host-network", host("network")),
    ("host-input", "host-input", host("input")),
    ("host-unknown", "", host_unknown),
    ("in-use", "", in_use),
    ("bound-display", "bound-display", bound_display),
    ("last-display", "last-display",
     lambda j, _, device, __: j.last and has_screen(j.machine, device)),
)


def decide(machine, rules):
    judge = Judge(machine, rules)
    return Judge(machine, rules, last=True) if judge.leaves_no_screen() else judge


def group_shared(machine, judge, device):
    """Functions the host may still use in a bound device's IOMMU group."""
    return [d.address for d in machine
            if device.group is not None and d.group == device.group and not is_bridge(d)
            and not judge.is_bound(d.address) and not is_guest_driver(d.driver)]


def run(machine, files, cmdline):
    """What the binder reports for files, (name, bytes) in the order they are read."""
    if mode(cmdline) == "off":
        return Result(off=True)
    policy = parse(files)
    cmdline_rules(policy, cmdline)
    if policy.mistakes:
        return Result(status=2, mistakes=policy.mistakes)
    result, judge = Result(), decide(machine, policy.rules)
    for device in machine:
        verdict = judge.verdict(device.address)
        if verdict:
            result.verdicts[device.address] = *verdict[:2], verdict[2].where
            if verdict[0] == "bind":
                result.shared[device.address] = group_shared(machine, judge, device)
                result.drivers[device.address] = judge.driver(verdict[2], device.address)
    outcomes = [(rule.where, judge.outcome(rule)) for rule in policy.rules]
    result.findings = [(where, outcome) for where, outcome in outcomes if outcome]
    unmet = any(outcome in ("required", *NO_MATTER_WHAT) for _, outcome in outcomes)
    refused = any(verdict[0] == "refuse" for verdict in result.verdicts.values())
    result.status = 1 if refused or unmet else 0
    return result
