# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the binder on a tree and reads what it left behind."""

import os
import re
from dataclasses import dataclass, field

from lib.build import BUILD

BINDER = os.path.join(BUILD, "binder")
REPORT = "run/vfio-bind/report"
# The leak sanitizer cannot work there.
UNDER_STRACE = ["-E", "ASAN_OPTIONS=detect_leaks=0"]
# A call that strace shows with this is made again: while anything at all is renamed on the machine
# openat2(2) does not keep below a root. How many of them there are is chance.
MADE_AGAIN = " = -1 EAGAIN"
HEADER = ["# address", "verdict", "reason", "rule", "driver-before", "driver-after", "detail"]


@dataclass
class Run:
    status: int
    kmsg: list = field(default_factory=list)  # its lines
    notes: list = field(default_factory=list)  # lines of the report that begin with "#"
    rows: list = field(default_factory=list)  # columns of the others

    @property
    def verdicts(self):
        """address -> (verdict, reason, rule) of the lines about devices."""
        return {row[0]: tuple(row[1:4]) for row in self.rows if row[1] != "none"}

    @property
    def findings(self):
        """(rule, reason) of the lines about rules that bind nothing."""
        return [(row[3], row[2]) for row in self.rows if row[1] == "none"]

    @property
    def shared(self):
        """address -> the host functions in its IOMMU group."""
        found = ((row[0], re.search("group-shared ([^;]*)", row[6])) for row in self.rows)
        return {address: match[1].split(",") for address, match in found if match}

    @property
    def drivers(self):
        """address -> the driver that the kernel log of a dry run says it would have."""
        found = (re.search(r"vfio-bind: (\S+) would be bound to ([^ ,]+)", line)
                 for line in self.kmsg)
        return {match[1]: match[2] for match in found if match}

    @property
    def mistakes(self):
        """(file, line, column) as the kernel log tells them."""
        found = (re.search("nothing bound: (/.*?|cmdline):([0-9]+):([0-9]+): expected", line)
                 for line in self.kmsg)
        return [(match[1], int(match[2]), int(match[3])) for match in found if match]


def spawn(argv):
    """Runs a program; a great deal faster than subprocess."""
    pid = os.posix_spawn(argv[0], argv, os.environ)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def collect(tree, status):
    run = Run(status, tree.read("dev/kmsg").splitlines())
    if os.path.exists(tree.path(REPORT)):
        for line in tree.read(REPORT).splitlines():
            if line.startswith("#"):
                run.notes.append(line)
            else:
                run.rows.append(line.split("\t"))
    return run


def clear(tree):
    """Forgets what an earlier run on the tree has left."""
    open(tree.path("dev/kmsg"), "wb").close()
    if os.path.exists(tree.path(REPORT)):
        os.unlink(tree.path(REPORT))


def run(tree, *arguments):
    clear(tree)
    return collect(tree, spawn([BINDER, "--root", tree.root, *arguments]))
