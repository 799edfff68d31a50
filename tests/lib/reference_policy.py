# SPDX-License-Identifier: GPL-2.0-or-later
"""The policy language, written a second time from its description alone: text to rules or
mistakes. Plain and slow on purpose; it works on bytes, since columns count bytes."""

import re
from dataclasses import dataclass, field

CLASS_NAMES = {  # (value, mask, the value it is not)
    "vga": (0x030000, 0xffff00, None), "display": (0x030000, 0xff0000, None),
    "nvme": (0x010802, 0xffffff, None), "sata": (0x010600, 0xffff00, None),
    "storage": (0x010000, 0xff0000, None), "usb": (0x0c0300, 0xffff00, 0x0c0340),
    "audio": (0x040300, 0xffff00, None), "network": (0x020000, 0xff0000, None),
    "accelerator": (0x120000, 0xff0000, None),
}
ALLOW = {"no-iommu", "boot-display", "host-storage", "host-network", "host-input",
         "bound-display", "last-display"}
WITH = {"companions", "none", "functions", "group"}
LINE_MAX, RULES_MAX, BYTES_MAX = 4096, 256, 65536

HEX = "[0-9A-Fa-f]"
DEVFN = "[01]%s\\.[0-7]" % HEX
ADDRESS = "(?:(%s{4,8}):)?(%s{2}):([01]%s)\\.([0-7]%%s)" % (HEX, HEX, HEX)


class Mistake(Exception):
    """Something in the text that should have been something else."""

    def __init__(self, column):
        super().__init__(column)
        self.column = column


@dataclass
class Rule:
    verb: str
    file: str
    line: int
    select: dict = field(default_factory=dict)  # selector -> values, any of which will do
    with_: str = "companions"
    count: int = 0
    nth: int = 0
    driver: str = "vfio-pci"
    allow: set = field(default_factory=set)
    required: bool = False

    @property
    def where(self):
        return "%s:%d" % (self.file, self.line)

    def names(self, *selectors):
        return any(selector in self.select for selector in selectors)


@dataclass
class Policy:
    rules: list = field(default_factory=list)
    mistakes: list = field(default_factory=list)  # (file, line, column)
    accept_cmdline: bool = False


# Values of selectors and options. Each returns the value, or None if the text is malformed.

def _address(text):
    match = re.fullmatch(ADDRESS % "|\\*", text)
    if not match:
        return None
    domain, bus, device, function = match.groups()
    return (int(domain or "0", 16), int(bus, 16), int(device, 16),
            None if function == "*" else int(function, 16))


def _id(text):
    match = re.fullmatch(r"(\*|%s{4}):(\*|%s{4})" % (HEX, HEX), text)
    return match and tuple(None if half == "*" else int(half, 16) for half in match.groups())


def _class(text):
    if not re.fullmatch("(?:%s{2}){1,3}" % HEX, text):
        return None
    shift = 4 * (6 - len(text))
    return int(text, 16) << shift, 0xffffff >> shift << shift, None


def _flag(text):
    return int(text) if text in ("0", "1") else None


def _path(text):
    if not re.fullmatch("%s{4,8}:%s{2}(/%s)+" % (HEX, HEX, DEVFN), text):
        return None
    root, *hops = text.split("/")
    return (tuple(int(part, 16) for part in root.split(":")),
            tuple(tuple(int(part, 16) for part in hop.split(".")) for hop in hops))


def _slot(text):
    return text or None


def _dsn(text):
    match = re.fullmatch("%s{2}(-%s{2}){7}" % (HEX, HEX), text)
    return int(text.replace("-", ""), 16) if match else None


SELECTORS = {"address": _address, "id": _id, "subsystem": _id, "class": _class, "path": _path,
             "boot_vga": _flag, "boot_display": _flag, "slot": _slot, "dsn": _dsn}


def _number(text):
    return int(text) if re.fullmatch("[0-9]{1,9}", text) and int(text) else None


def _driver(text):
    guest = text == "pci-stub" or text.endswith(("vfio-pci", "vfio_pci"))
    return text if guest and re.fullmatch("[a-z0-9_-]{1,39}", text) else None


def _with(text):
    return text if text in WITH else None


OPTIONS = {"with": _with, "count": _number, "nth": _number, "driver": _driver}


def words(line):
    """(column, word) of each word. A quoted value may hold blanks."""
    at = 0
    while True:
        at += len(line[at:]) - len(line[at:].lstrip(b" \t"))
        if at == len(line) or line[at:at + 1] == b"#":
            return
        match = re.match(rb'[^ \t="]+="([^"]*")?[^ \t]*|[^ \t]+', line[at:])
        word = match[0]
        opening = re.match(rb'[^ \t="]+="', word)
        if opening and match[1] is None:
            yield at + 1, word, at + opening.end()
            return
        yield at + 1, word, None
        at += len(word)


class Line:
    """One line of a policy, becoming a rule."""

    def __init__(self, verb, file, number):
        self.rule = Rule(verb, file, number)
        self.seen = {}  # name of a selector or option -> column of its value
        self.mistakes = []

    def blame(self, column):
        self.mistakes.append(column)

    def items(self, column, value, read):
        """The values of a comma list; blames each item that read() makes nothing of."""
        values = []
        for item in value.split(","):
            result = read(item)
            if result is None:
                self.blame(column)
            values.append(result)
            column += len(item.encode("latin-1")) + 1
        return values

    def first_time(self, name, column, value_column):
        if name in self.seen:
            self.blame(column)
            return False
        self.seen[name] = value_column
        return True

    def bare(self, column, word):
        first = word.split(",")[0]
        if first in CLASS_NAMES:
            name, read = "class", CLASS_NAMES.get
        elif _address(first):
            name, read = "address", _address
        else:
            self.blame(column)
            return
        if self.first_time(name, column, column):
            self.rule.select[name] = self.items(column, word, read)

    def selector(self, name, column, value):
        self.rule.select[name] = self.items(column, value, SELECTORS[name])

    def option(self, name, column, value):
        result = OPTIONS[name](value)
        if result is None:
            self.blame(column)
        else:
            setattr(self.rule, "with_" if name == "with" else name, result)

    def word(self, column, word):
        name, equals, value = word.partition("=")
        bind = self.rule.verb == "bind"
        known = name in SELECTORS or bind and (name in OPTIONS or name == "allow")
        if bind and word == "required":
            self.rule.required = self.first_time("required", column, column)
        elif not equals:
            self.bare(column, word)
        elif not known:
            self.blame(column)
        elif self.first_time(name, column, column + len(name) + 1):
            self.value(name, column + len(name) + 1, value)

    def value(self, name, column, value):
        if '"' in value:
            if not re.fullmatch('"[^"]*"', value):
                self.blame(column)
                return
            value, column = value[1:-1], column + 1
        if name in SELECTORS:
            self.selector(name, column, value)
        elif name == "allow":
            read = lambda item: item if item in ALLOW else None
            self.rule.allow = set(self.items(column, value, read))
        else:
            self.option(name, column, value)

    def whole(self, end):
        """What can be said only of the rule as a whole."""
        rule, faultless = self.rule, not self.mistakes
        if rule.nth and rule.count and rule.nth > rule.count:
            self.blame(self.seen["nth"])
        if not faultless:
            return
        if not rule.select:
            self.blame(end)
        if rule.nth and not rule.count:
            self.blame(self.seen["nth"])
        host = any(str(word).startswith("host-") for word in rule.allow)
        if host and not rule.names("address", "path", "dsn"):
            self.blame(self.seen["allow"])


def parse_line(policy, file, number, line):
    def mistake(column):
        policy.mistakes.append((file, number, column))

    if b"\0" in line:
        return mistake(line.index(b"\0") + 1)
    if len(line) > LINE_MAX:
        return mistake(LINE_MAX + 1)
    found = [(column, word.decode("latin-1"), open_) for column, word, open_ in words(line)]
    if not found:
        return None
    column, verb, _ = found[0]
    end = found[-1][0] + len(found[-1][1])
    if verb == "accept":
        rest = found[1:] or [(end, "", None)]
        bad = [word for word in rest if word is not rest[0] or word[1] != "cmdline"]
        for word in bad:
            mistake(word[0])
        policy.accept_cmdline |= not bad
        return None
    if verb not in ("bind", "keep"):
        return mistake(column)
    rule = Line(verb, file, number)
    for column, word, open_ in found[1:]:
        if open_:
            rule.blame(open_)
        else:
            rule.word(column, word)
    rule.whole(end)
    for column in rule.mistakes:
        mistake(column)
    if not rule.mistakes:
        if len(policy.rules) == RULES_MAX:
            return mistake(1)
        policy.rules.append(rule.rule)
    return None


def parse(files):
    """files: (name, bytes) in the order they are read."""
    policy = Policy()
    for file, text in files:
        if text.startswith(b"\xef\xbb\xbf"):
            text = text[3:]
        lines = text.split(b"\n")
        for number, line in enumerate(lines, 1):
            parse_line(policy, file, number, line[:-1] if line.endswith(b"\r") else line)
    return policy
