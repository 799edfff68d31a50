# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes mutants of C: one small change each, of the classic kinds, to a line of code."""

import re
from dataclasses import dataclass

# What stands where, and what is put in its place. Blanks around tell operators from pointers.
SWAPS = [
    ("comparison", r" == ", " != "), ("comparison", r" != ", " == "),
    ("comparison", r" < ", " >= "), ("comparison", r" > ", " <= "),
    ("boundary", r" < ", " <= "), ("boundary", r" <= ", " < "),
    ("boundary", r" > ", " >= "), ("boundary", r" >= ", " > "),
    ("and/or", r" && ", " || "), ("and/or", r" \|\| ", " && "),
    ("and/or", r" &&$", " ||"), ("and/or", r" \|\|$", " &&"),
    ("bits", r" & ", " | "), ("bits", r" \| ", " & "),
    ("bits", r" << ", " >> "), ("bits", r" >> ", " << "),
    ("arithmetic", r" \+ ", " - "), ("arithmetic", r" - ", " + "),
    ("arithmetic", r"\+\+", "--"), ("arithmetic", r" \+= ", " -= "), ("arithmetic", r" -= ", " += "),
    ("constant", r"\btrue\b", "false"), ("constant", r"\bfalse\b", "true"),
    ("negation", r"(?<=[ (])!(?=[a-z(*])", ""),
]
NUMBER = re.compile(r"(?<![\w.\"'])(0x[0-9a-f]+|\d+)(?=u?\b)")
CONDITION = re.compile(r"\b((?:if|while) \()(.+)(\)(?: \{)?)$")
STATEMENT = re.compile(r"^\t+(?:[a-z_]\w*(?:(?:->|\.)\w+|\[[^]]*\])* (?:[-+|&^]?= ).*;"
                       r"|(?:\(void\))?[a-z_]\w*\(.*\);|[a-z_>.-]+\+\+;|continue;|break;)$")


@dataclass(frozen=True)
class Mutant:
    """A line of a file, as it is and changed."""

    path: str
    number: int  # of the line
    kind: str
    old: str
    new: str

    @property
    def key(self):
        """The same wherever in the file the line moves to."""
        return self.path, self.old.strip(), self.new.strip()

    def __str__(self):
        return f"{self.path}:{self.number}: {self.kind}: {self.old.strip()} -> {self.new.strip()}"

    def text(self, source):
        """All of the file, with the change."""
        lines = source.split("\n")
        assert lines[self.number - 1] == self.old
        lines[self.number - 1] = self.new
        return "\n".join(lines)


def mask(source):
    """The source with what is no code made blank: comments, strings, and preprocessor lines."""
    def blank(match):
        return re.sub(r"[^\n]", "\0", match[0])
    return re.sub(r"/\*[\s\S]*?\*/|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'"
                  r"|^(?:#|_Static_assert)(?:.*\\\n)*.*$", blank, source, flags=re.M)


def changes(line, code):
    """(kind, new line) of a line whose code is known."""
    for kind, old, new in SWAPS:
        for match in re.finditer(old, code):
            yield kind, line[:match.start()] + new + line[match.end():]
    for match in NUMBER.finditer(code):
        other = int(match[0], 0) + 1 if match[0] != "1" else 0
        yield "constant", line[:match.start()] + str(other) + line[match.end():]
    match = CONDITION.search(code)
    if match and balanced(match[2]):
        start, end = match.span(2)
        yield "condition", f"{line[:start]}!({line[start:end]}){line[end:]}"
    if STATEMENT.match(code):
        yield "statement", re.sub(r"\S.*", ";", line)


def balanced(text):
    """True if parentheses open and close within it."""
    depth = 0
    for char in text:
        depth += (char == "(") - (char == ")")
        if depth < 0:
            return False
    return depth == 0


def mutants(path, source):
    """All mutants of a file, of code that is indented: inside a function or a table."""
    for number, (line, code) in enumerate(zip(source.split("\n"), mask(source).split("\n")), 1):
        if code.startswith("\t"):
            for kind, new in changes(line, code):
                yield Mutant(path, number, kind, line, new)
