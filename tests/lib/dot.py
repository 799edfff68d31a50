# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads as much of the DOT language as `vfio-bind graph` writes: graphviz.org/doc/info/lang.html.

Anything else is an error."""

import re
from dataclasses import dataclass, field

TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|(->|[{}\[\]=;,])|([A-Za-z_][A-Za-z_0-9]*|[0-9.]+))',
                   re.DOTALL)


@dataclass
class Graph:
    nodes: dict = field(default_factory=dict)  # name -> attributes
    edges: list = field(default_factory=list)
    clusters: dict = field(default_factory=dict)  # name -> (attributes, names of nodes)
    attributes: dict = field(default_factory=dict)


def tokens(text):
    at, text = 0, text.rstrip()
    while at < len(text):
        match = TOKEN.match(text, at)
        assert match, "no token: " + text[at:at + 40]
        at = match.end()
        if match[1] is not None:
            # in a quoted string only \" is an escape of the language
            yield "id", re.sub(r'\\(["\\])', lambda m: m[1] if m[1] == '"' else m[0],
                               match[1][1:-1])
        else:
            yield ("op", match[2]) if match[2] else ("id", match[3])
    yield "end", ""


def label(text):
    """What a reader sees of an escString."""
    def unescape(match):
        return {"n": "\n", "\\": "\\"}[match[1]]  # all else would be a surprise
    text = re.sub(r"\\(.)", unescape, text)
    assert not re.search(r"&(?!amp;)", text), text
    return text.replace("&amp;", "&")


class Parser:
    def __init__(self, text):
        self.tokens = list(tokens(text))
        self.at = 0
        self.graph = Graph()

    def peek(self):
        return self.tokens[self.at]

    def next(self, *wanted):
        token = self.tokens[self.at]
        assert not wanted or token[1] in wanted or token[0] in wanted, (token, wanted)
        self.at += 1
        return token[1]

    def attributes(self):
        found = {}
        self.next("[")
        while self.peek()[1] != "]":
            key = self.next("id")
            self.next("=")
            assert key not in found, key
            found[key] = self.next("id")
            if self.peek()[1] == ",":
                self.next(",")
        self.next("]")
        return found

    def statement(self, attributes, members):
        name = self.next("id")
        what = self.peek()[1]
        if name == "subgraph":
            return self.cluster()
        if what == "=":
            self.next("=")
            assert name not in attributes, name
            attributes[name] = self.next("id")
        elif what == "->":
            self.next("->")
            self.graph.edges.append((name, self.next("id")))
        elif name in ("graph", "node", "edge"):
            self.attributes()
        else:
            assert name not in self.graph.nodes, name
            self.graph.nodes[name] = self.attributes()
            members.append(name)
        return self.next(";")

    def cluster(self):
        name, attributes, members = self.next("id"), {}, []
        assert name.startswith("cluster") and name not in self.graph.clusters
        self.next("{")
        while self.peek()[1] != "}":
            self.statement(attributes, members)
        self.next("}")
        self.graph.clusters[name] = (attributes, members)

    def parse(self):
        self.next("digraph")
        self.next("id")
        self.next("{")
        while self.peek() != ("op", "}"):
            self.statement(self.graph.attributes, [])
        self.next("}")
        self.next("end")
        return self.graph


def parse(text):
    return Parser(text).parse()
