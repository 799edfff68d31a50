# SPDX-License-Identifier: GPL-2.0-or-later
"""The decision, written a second time from its description alone: a machine, a policy and a
kernel command line to a verdict for each function, a finding for each rule that binds nothing,
and the exit status. Plain and slow on purpose: a specification that runs."""

import re
from dataclasses import dataclass, field

from . import reference_policy

BRIDGE_CLASSES = (0x0600, 0x0601, 0x0604, 0x0607, 0x0609)
NO_DSN = (0, 2 ** 64 - 1)


@dataclass
class Result:
    status: int = 0
    off: bool = False
    mistakes: list = field(default_factory=list)  # (file, line, column)
    verdicts: dict = field(default_factory=dict)  # address -> (verdict, reason, file:line)
    findings: dict = field(default_factory=dict)  # file:line -> reason
    stands: dict = field(default_factory=dict)  # file:line -> address, where it is `moved`
    shared: dict = field(default_factory=dict)  # address -> addresses of host functions


def is_guest_driver(name):
    return name == "pci-stub" or name.endswith(("vfio-pci", "vfio_pci"))


def is_bridge(device):
    return device.class16 in BRIDGE_CLASSES or device.header_type == 1


def is_screen(device):
    return device.base == 0x03 and device.class16 != 0x0302 or device.framebuffer


# The kernel command line.

def cmdline_words(cmdline):
    """(name, value) of each word before a `--`; `-` and `_` are the same in names."""
    for word in cmdline.split():
        if word == "--":
            return
        name, equals, value = word.partition("=")
        yield name.replace("-", "_"), value if equals else None


def mode(cmdline):
    """`on`, `off` or `dry-run`: off wins over everything, and an unknown value is off."""
    values = [value for name, value in cmdline_words(cmdline)
              if name in ("rd.vfio_bind", "vfio_bind")]
    if any(value not in ("1", "on", "yes", "dry-run") for value in values):
        return "off"
    return "dry-run" if "dry-run" in values else "on"


def cmdline_rules(policy, cmdline):
    """The rules the command line adds; each is a rule of its own, in a file of that name."""
    number = 0
    for name, value in cmdline_words(cmdline):
        verb = {"rd.vfio_bind.keep": "keep", "rd.vfio_bind.bind": "bind"}.get(name)
        if not verb or verb == "bind" and not policy.accept_cmdline:
            continue
        for item in (value or "").split(","):
            number += 1
            address, plus, ids = item.partition("+")
            words = "%s address=%s" % (verb, address)
            words += " id=" + ids if plus and verb == "bind" else ""
            bad = plus and verb == "keep" or re.search(r'["\s]', item)
            reference_policy.parse_line(policy, "cmdline", number,
                                        b"bind" if bad else words.encode("latin-1"))


# Which device shows the picture.

def picture(machine, device):
    """True, False, or None where nobody knows."""
    shown = [d.address for d in machine if d.framebuffer or d.boot_display]
    if shown:
        return device.address in shown or (False if device.base == 0x03 else None)
    if device.class16 == 0x0302:
        return False
    if any(d.boot_vga == 1 for d in machine):
        return None if device.boot_vga is None else device.boot_vga == 1
    screens = [d.address for d in machine if is_screen(d)]
    return True if screens == [device.address] else None


# What a rule matches.

def hop_path(machine, device):
    hops = [device.key[2:]]
    while device.parent:
        device = machine.devices[device.parent]
        hops.insert(0, device.key[2:])
    return device.key[:2], tuple(hops)


def in_slot(machine, device, name):
    domain, bus, number = machine.slots.get(name, (None, None, None))
    return device.key[:2] == (domain, bus) and number in (None, device.key[2])


def halves_match(pattern, vendor, device):
    return pattern[0] in (None, vendor) and pattern[1] in (None, device)


def value_matches(machine, device, selector, value):
    if selector == "address":
        return device.key[:3] == value[:3] and value[3] in (None, device.key[3])
    if selector == "id":
        return halves_match(value, device.vendor, device.device)
    if selector == "subsystem":
        return halves_match(value, device.subvendor, device.subdevice)
    if selector == "class":
        return device.cls & value[1] == value[0] and device.cls != value[2]
    if selector == "boot_vga":
        return device.boot_vga == value
    if selector == "boot_display":
        shown = picture(machine, device)
        return shown is True if value else shown is False and device.base == 0x03
    if selector == "path":
        return hop_path(machine, device) == value
    if selector == "slot":
        return in_slot(machine, device, value)
    return device.dsn == value and value not in NO_DSN


def matches(machine, device, rule):
    """True if every selector of the rule has a value that fits."""
    return all(any(value_matches(machine, device, selector, value) for value in values)
               for selector, values in rule.select.items())


def finding(machine, rule, found):
    """Why a rule selects nothing at all, as far as its selectors say."""
    if rule.verb == "bind" and rule.count and len(found) != rule.count:
        return "count"
    for value in rule.select.get("dsn", ()) if rule.verb == "bind" else ():
        if len({device.slot for device in found if device.dsn == value}) > 1:
            return "dsn"
    if found:
        return None
    return "moved" if standing(machine, rule) else "absent"


def standing(machine, rule):
    """What stands where the rule's address= or path= points."""
    return [device for device in machine for selector in ("address", "path")
            if any(value_matches(machine, device, selector, value)
                   for value in rule.select.get(selector, ()))]


# What goes along.

def is_companion(machine, device, leader):
    if leader.base != 0x03 or device.vendor != leader.vendor:
        return False
    usb = device.class16 == 0x0c03 and device.cls != 0x0c0340
    if device.slot == leader.slot:
        return device.class16 in (0x0403, 0x0c80) or usb
    bridges = list(machine.above(leader))[:2]
    own = len(bridges) == 2 and all(bridge.vendor == leader.vendor for bridge in bridges)
    return own and device.class16 == 0x0403 and bridges[1] in machine.above(device)


def goes_along(machine, device, leader, rule):
    if device is leader or rule.with_ == "none":
        return False
    if rule.with_ == "functions":
        return device.slot == leader.slot
    if rule.with_ == "group":
        return leader.group is not None and device.group == leader.group and not is_bridge(device)
    return is_companion(machine, device, leader)


# The payload's list of what the host lives on.

def protect_line(line):
    match = re.fullmatch("(storage|network|input) path=(\\S+) id=(\\S+)(?: dsn=(\\S+))?", line)
    if not match:
        return None
    use, path, ids, dsn = match.groups()
    read = reference_policy
    values = read._path(path), read._id(ids), read._dsn(dsn) if dsn else 0
    return None if None in values or None in values[1] else (use, *values)


def protected(machine, device, use):
    """True if a line of that use names the device, or nobody can say which one it names."""
    for line_use, path, ids, dsn in map(protect_line, machine.protect or ()):
        same = [d for d in machine if (d.vendor, d.device) == ids]
        if line_use != use or device not in same:
            continue
        there = [d for d in same if hop_path(machine, d) == path]
        if dsn and any(d.dsn == dsn for d in same):
            there = [d for d in same if d.dsn == dsn]
        elif dsn and there and there[0].dsn not in (*NO_DSN, dsn):
            there = []
        if device in (there or same):
            return True
    return False


def protect_unknown(machine):
    return machine.protect is None or None in map(protect_line, machine.protect)


class Judge:
    """One round of the decision. `last` is up when no screen would be left to the host."""

    def __init__(self, machine, rules, last):
        self.machine, self.rules, self.last = machine, rules, last
        self.conflicts = {}
        found = {id(rule): [d for d in machine if matches(machine, d, rule)] for rule in rules}
        self.why = {id(rule): finding(machine, rule, found[id(rule)]) for rule in rules}
        self.selected = {id(rule): self.select(rule, found[id(rule)]) for rule in rules}
        self.kept = {}  # address -> the first keep rule
        for rule in rules:
            for device in self.selected[id(rule)] if rule.verb == "keep" else ():
                self.kept.setdefault(device.address, rule)
        self.binding = [rule for rule in rules if rule.verb == "bind"]
        self.judge()
        self.conflicts = {address: letting[0] for address, letting in self.letting.items()
                          if len({rule.driver for rule, _ in letting}) > 1}
        self.judge()

    def select(self, rule, found):
        if self.why[id(rule)]:
            return []
        return found[rule.nth - 1:rule.nth] if rule.nth else found

    def is_bound(self, address):
        return (address in self.letting and address not in self.kept
                and address not in self.conflicts)

    def judge(self):
        """Who is let through by which rules, and who is held back by which, in file order."""
        self.letting, self.refusing = {}, {}
        for rule in self.binding:
            own = {device.address: "rule" for device in self.selected[id(rule)]}
            self.ask(rule, own)
            leaders = [d for d in self.selected[id(rule)] if self.lets(rule, d.address)]
            along = {d.address: "companion" for d in self.machine if d.address not in own
                     and any(goes_along(self.machine, d, leader, rule) for leader in leaders)}
            self.ask(rule, along)

    def lets(self, rule, address):
        return (any(by is rule for by, _ in self.letting.get(address, ()))
                and self.is_bound(address))

    def ask(self, rule, how):
        for address in how:
            guard = self.guard(rule, self.machine.devices[address], how[address] == "rule")
            if guard:
                self.refusing.setdefault(address, (rule, guard))
            else:
                self.letting.setdefault(address, []).append((rule, how[address]))

    def guard(self, rule, device, itself):
        """The first guard that strikes, or None."""
        for token, allow, strikes in GUARDS:
            lifted = {allow} | ({"last-display"} if allow == "boot-display" else set())
            if not lifted & rule.allow and strikes(self, rule, device, itself):
                return token
        return None

    def screens_left(self):
        return [d for d in self.machine if is_screen(d) and not is_guest_driver(d.driver)
                and not self.is_bound(d.address)]

    def verdict(self, address):
        """(verdict, reason, rule), or None where no bind rule has anything to say."""
        letting, refusing = self.letting.get(address), self.refusing.get(address)
        if not letting and not refusing:
            return None
        if address in self.kept:
            return "keep", "rule", self.kept[address]
        if address in self.conflicts:
            return "refuse", "driver-conflict", self.conflicts[address][0]
        if letting:
            return "bind", letting[0][1], letting[0][0]
        return "refuse", refusing[1], refusing[0]

    def outcome(self, rule):
        """The finding that is reported for a rule."""
        why = self.why[id(rule)]
        bound = any(self.lets(rule, address) for address in self.letting)
        return "required" if rule.required and not bound and why not in ("count", "dsn") else why


# The guards, in the order they are asked: token, what lifts it, what it strikes at.

def below_vmd(judge, _, device, __):
    return judge.machine.root(device) in judge.machine.below


def ambiguous(judge, rule, device, itself):
    named = itself and rule.names("address", "path", "slot", "dsn")
    return is_screen(device) and picture(judge.machine, device) is None and not named


def host_unknown(judge, rule, device, itself):
    named = itself and rule.names("address", "path", "dsn") and rule.names("id")
    return device.base == 0x01 and protect_unknown(judge.machine) and not named


def host(use):
    def strikes(judge, _, device, __):
        return not protect_unknown(judge.machine) and protected(judge.machine, device, use)
    return strikes


def in_use(judge, _, device, __):
    return any(d.disks and (d is device or device in judge.machine.above(d))
               for d in judge.machine)


def bound_display(_, __, device, ___):
    return (device.base in (0x03, 0x12) and bool(device.driver)
            and not is_guest_driver(device.driver))


GUARDS = (
    ("bridge", None, lambda _, __, device, ___: is_bridge(device)),
    ("behind-vmd", None, below_vmd),
    ("no-iommu", "no-iommu", lambda _, __, device, ___: device.group is None),
    ("ambiguous-display", None, ambiguous),
    ("boot-display", "boot-display", lambda j, _, d, __: picture(j.machine, d) is True),
    ("host-storage", "host-storage", host("storage")),
    ("host-network", "host-network", host("network")),
    ("host-input", "host-input", host("input")),
    ("host-unknown", None, host_unknown),
    ("in-use", None, in_use),
    ("bound-display", "bound-display", bound_display),
    ("last-display", "last-display", lambda j, _, device, __: j.last and is_screen(device)),
)


def decide(machine, rules):
    judge = Judge(machine, rules, last=False)
    binds_a_screen = any(is_screen(d) and judge.is_bound(d.address) for d in machine)
    if binds_a_screen and not judge.screens_left():
        judge = Judge(machine, rules, last=True)
    return judge


def group_shared(machine, judge, device):
    """Host functions in a bound device's IOMMU group."""
    return [d.address for d in machine
            if device.group is not None and d.group == device.group and not is_bridge(d)
            and not judge.is_bound(d.address) and not is_guest_driver(d.driver)]


def run(machine, files, cmdline):
    """What the binder reports for files, (name, bytes) in the order they are read."""
    result = Result()
    if mode(cmdline) == "off":
        result.off = True
        return result
    policy = reference_policy.parse(files)
    cmdline_rules(policy, cmdline)
    result.mistakes = policy.mistakes
    if policy.mistakes:
        result.status = 2
        return result
    judge = decide(machine, policy.rules)
    for device in machine:
        verdict = judge.verdict(device.address)
        if verdict:
            result.verdicts[device.address] = verdict[0], verdict[1], verdict[2].where
        if verdict and verdict[0] == "bind":
            result.shared[device.address] = group_shared(machine, judge, device)
    for rule in policy.rules:
        outcome = judge.outcome(rule)
        if outcome:
            result.findings[rule.where] = outcome
            if outcome == "moved":
                result.stands[rule.where] = [d.address for d in standing(machine, rule)]
    refused = any(verdict[0] == "refuse" for verdict in result.verdicts.values())
    unmet = any(reason in ("count", "dsn", "required") for reason in result.findings.values())
    result.status = 1 if refused or unmet else 0
    return result
