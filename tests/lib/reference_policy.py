# SPDX-License-Identifier: GPL-2.0-or-later
"""The policy language, written a second time from its description alone: text to rules or
mistakes. Plain and slow on purpose. Text is Latin-1, so that a column counts bytes."""

import re
from dataclasses import dataclass, field

CLASS_NAMES = {  # value, mask, and the one class it is not
    "vga": (0x030000, 0xffff00, None), "display": (0x030000, 0xff0000, None),
    "nvme": (0x010802, 0xffffff, None), "sata": (0x010600, 0xffff00, None),
    "storage": (0x010000, 0xff0000, None), "usb": (0x0c0300, 0xffff00, 0x0c0340),
    "audio": (0x040300, 0xffff00, None), "network": (0x020000, 0xff0000, None),
    "accelerator": (0x120000, 0xff0000, None),
}
LINE_MAX, BYTES_MAX, RULES_MAX, NUMBER_MAX = 4096, 65536, 256, 16384
ADDRESS = r"(?:([\da-f]{4,8}):)?([\da-f]{2}):([01][\da-f])\.([0-7]|\*)"


@dataclass
class Rule:
    verb: str
    file: str
    line: int
    select: dict = field(default_factory=dict)  # selector -> values, any of which will do
    options: dict = field(default_factory=dict)  # those that were given

    @property
    def where(self):
        return "%s:%d" % (self.file, self.line)

    def has(self, *selectors):
        return any(selector in self.select for selector in selectors)

    def names_one_device(self):
        """One value of address, path or dsn; `.*` is more than one device."""
        one = {name: values[0] for name, values in self.select.items() if len(values) == 1}
        return "path" in one or "dsn" in one or one.get("address", (None,))[-1] is not None

    def option(self, name, default=None):
        return self.options.get(name, default)

    def allows(self, *words):
        return any(word in self.options.get("allow", ()) for word in words)


@dataclass
class Policy:
    rules: list = field(default_factory=list)
    mistakes: list = field(default_factory=list)  # (file, line, column)
    accept_cmdline: bool = False


# Each reads one value and returns it, or None if it is malformed.

def numbers(*digits):
    return tuple(int(text, 16) for text in digits)


def read_address(text):
    match = re.fullmatch(ADDRESS, text, re.IGNORECASE)
    if not match:
        return None
    function = None if match[4] == "*" else int(match[4])
    return *numbers(match[1] or "0", match[2], match[3]), function


def read_id(text):
    match = re.fullmatch(r"(\*|[\da-f]{4}):(\*|[\da-f]{4})", text, re.IGNORECASE)
    return match and tuple(None if half == "*" else int(half, 16) for half in match.groups())


def read_class(text):
    if text in CLASS_NAMES:
        return CLASS_NAMES[text]
    if not re.fullmatch(r"([\da-f]{2}){1,3}", text, re.IGNORECASE):
        return None
    rest = 24 - 4 * len(text)
    return int(text, 16) << rest, 0xffffff >> rest << rest, None


def read_path(text):
    if not re.fullmatch(r"[\da-f]{4,8}:[\da-f]{2}(/[01][\da-f]\.[0-7])+", text, re.IGNORECASE):
        return None
    root, *hops = text.split("/")
    return numbers(*root.split(":")), tuple(numbers(*hop.split(".")) for hop in hops)


def read_slot(text):
    return text if re.fullmatch('[^/"]{1,63}', text) and text not in (".", "..") else None


def read_dsn(text):
    match = re.fullmatch(r"[\da-f]{2}(-[\da-f]{2}){7}", text, re.IGNORECASE)
    return int(text.replace("-", ""), 16) if match else None


def read_number(text):
    return int(text) if re.fullmatch("[0-9]+", text) and 1 <= int(text) <= NUMBER_MAX else None


def read_driver(text):
    if text == "auto":
        return text
    guest = text == "pci-stub" or text.endswith(("vfio-pci", "vfio_pci"))
    return text if guest and re.fullmatch("[a-z0-9_-]{1,39}", text) else None


def read_vfs(text):
    number = re.fullmatch(r"\d+", text, re.ASCII) and int(text)
    return number if number and number <= 65535 else None


def one_of(*choices):
    return lambda text: text if text in choices else None


def read_pf(text):
    address = read_address(text)
    return address if address and address[3] is not None else read_path(text)


def read_vf(text):
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", text, re.ASCII)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    return (first, last) if first <= last <= 65534 else None


SELECTORS = {
    "pf": read_pf, "vf": read_vf,
    "address": read_address, "id": read_id, "subsystem": read_id, "class": read_class,
    "path": read_path, "slot": read_slot, "dsn": read_dsn,
    "boot_vga": one_of("0", "1"), "boot_display": one_of("0", "1"),
}
OPTIONS = {
    "d3cold": one_of("0", "1"),
    "reset": lambda text: text if re.fullmatch("[a-z0-9_]{1,31}", text) else None,
    "count": read_number, "nth": read_number, "vfs": read_vfs, "driver": read_driver,
    "with": one_of("companions", "none", "functions", "group"),
    "allow": one_of("no-iommu", "boot-display", "host-storage", "host-network", "host-input",
                    "bound-display", "last-display"),
}


class Line:
    """One line on its way to a rule: its words, and the columns of its mistakes."""

    def __init__(self, text, of_cmdline=False):
        self.text, self.mistakes, self.end, self.of_cmdline = text, [], 0, of_cmdline
        self.words = list(self.split())  # (column, name or None, value, its column, quoted)

    def split(self):
        text, at = self.text, 0
        while True:
            at = re.compile("[ \t]*").match(text, at).end()
            if at == len(text) or text[at] == "#":
                return
            name = re.compile('((?!")[^ \t=]*)=').match(text, at)
            start = name.end() if name else at
            quoted = re.compile('"([^"]*)"?').match(text, start)
            if quoted and not quoted[0].endswith('"', 1):
                self.mistakes.append(start + 1)
                return
            end = re.compile("[^ \t]*").match(text, quoted.end() if quoted else start).end()
            if quoted and end > quoted.end():
                self.mistakes.append(quoted.end() + 1)
                if not self.end:  # the verb itself: the rest means nothing
                    return
            else:
                yield (at + 1, name and name[1], quoted[1] if quoted else text[start:end],
                       start + 1 + bool(quoted), bool(quoted))
            at = self.end = end

    def values(self, text, column, read, separator=","):
        """A comma list's values; blames the first byte of each item that read() rejects."""
        result = []
        for item in text.split(separator):
            result.append(read(item))
            if result[-1] is None:
                self.mistakes.append(column)
            column += len(item) + 1
        return result

    def rule(self, file, number):
        rule, seen = Rule(self.words[0][2], file, number), {}
        for column, name, text, value_column, quoted in self.words[1:]:
            name, read = self.meaning(rule.verb, name, text, quoted)
            if not name or name in seen:
                self.mistakes.append(column)
                continue
            seen[name] = value_column
            if name in ("vf", "vfs"):
                seen["beside pf", name] = column if name == "vf" else value_column
            if name in SELECTORS:
                one = name == "slot" and quoted  # a slot's name may hold a comma
                rule.select[name] = self.values(text, value_column, read, '"' if one else ",")
            elif name in ("allow", "reset"):
                rule.options[name] = self.values(text, value_column, read)
            else:
                rule.options[name] = read(text)
                self.mistakes += [value_column] if rule.options[name] is None else []
        if not self.mistakes:
            self.whole(rule, seen)
        return rule

    def meaning(self, verb, name, text, quoted):
        """What a word says: its selector or option, and how to read its values."""
        known = {**SELECTORS, **(OPTIONS if verb == "bind" else {})}
        if name is not None:
            return (name, known[name]) if name in known else (None, None)
        if text == "required" and verb == "bind" and not quoted:
            return "required", one_of("required")
        if text.split(",")[0] in CLASS_NAMES:
            return "class", read_class
        return ("address", read_address) if ":" in text.split(",")[0] else (None, None)

    def whole(self, rule, seen):
        """What can be said only of a rule whose words are right."""
        if not rule.select:
            self.mistakes.append(self.end + 1)
        if rule.option("nth", 0) > rule.option("count", 0):
            self.mistakes.append(seen["nth"])
        for name in ("vf", "vfs"):
            if ("beside pf", name) in seen and "pf" not in rule.select:
                self.mistakes.append(seen["beside pf", name])
        column = seen.get("allow", 0)
        for word in rule.option("allow", ()):
            if word.startswith("host-") and (
                    self.of_cmdline or not rule.names_one_device()):
                self.mistakes.append(column)
                break
            column += len(word) + 1


def parse_line(policy, file, number, text, column=None):
    """A line of a file; or the rule of a word of the kernel command line, at that column in it."""
    line = Line(text, column is not None)
    if "\0" in text or len(text) > LINE_MAX:
        line.mistakes = [text.index("\0") + 1 if "\0" in text else LINE_MAX + 1]
    elif line.words and line.words[0][2] == "accept" and not line.of_cmdline:
        rest = line.words[1:] or [(line.end + 1, None, "", 0, False)]
        bad = rest[0] if rest[0][1:3] != (None, "cmdline") else rest[1:] and rest[1]
        line.mistakes += [bad[0]] if bad else []
        policy.accept_cmdline |= not bad
    elif line.words:
        start, name, verb, _, quoted = line.words[0]
        if name is not None or quoted or verb not in ("bind", "keep"):
            line.mistakes = [start]
        else:
            rule = line.rule(file, number)
            if len(policy.rules) == RULES_MAX:
                line.mistakes.append(start)
            policy.rules += [rule] if not line.mistakes else []
    elif line.of_cmdline and not line.mistakes:
        line.mistakes = [len(text) - len(text.lstrip(" \t")) + 1]
    policy.mistakes += [(file, number, (column or 1) - 1 + at) for at in line.mistakes]


def in_order(files):
    """The files that are read, of {path: bytes, or None for one that is switched off}: the main one,
    then those of the two folders by their names, of two that share one that of /etc."""
    main, own, vendors = ("/etc/vfio-bind.conf", "/etc/vfio-bind.conf.d/",
                          "/usr/lib/vfio-bind.conf.d/")
    names = {path.rpartition("/")[2]: folder for folder in (vendors, own) for path in files
             if path.startswith(folder) and path.endswith(".conf")}
    paths = [main] * (main in files) + [names[name] + name for name in sorted(names)]
    return [(path, files[path]) for path in paths if files[path] is not None]


def parse(files):
    """files: (name, bytes) in the order they are read."""
    policy, size = Policy(), 0
    for file, content in files:
        size += len(content)
        if size > BYTES_MAX:
            policy.mistakes.append((file, 1, 1))
            break
        text = content.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
        for number, line in enumerate(text.split("\n"), 1):
            parse_line(policy, file, number, line.removesuffix("\r"))
    return policy
