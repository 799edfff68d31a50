# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the binder on a tree with a fault in one system call, again and again, and tells what each
run changed. See tests/faults/inject.c."""

import os
import shutil
import subprocess
from dataclasses import dataclass

from lib.build import built

STUCK = -1000  # as inject says it
# Of x86-64: those the binder makes below a root directory.
NAMES = {
    0: "read", 1: "write", 2: "open", 3: "close", 5: "fstat", 7: "poll", 9: "mmap",
    13: "rt_sigaction", 14: "rt_sigprocmask", 16: "ioctl", 17: "pread64", 39: "getpid", 57: "fork",
    61: "wait4", 62: "kill", 72: "fcntl", 77: "ftruncate", 80: "chdir", 95: "umask", 138: "fstatfs", 186: "gettid", 217: "getdents64", 231: "exit_group",
    257: "openat", 258: "mkdirat", 262: "newfstatat", 264: "renameat", 267: "readlinkat",
    293: "pipe2", 437: "openat2",
}


@dataclass(frozen=True)
class Call:
    """One system call of a run: which process makes it, and the how manieth of that it is."""

    process: int
    at: int
    number: int

    def __str__(self):
        name = NAMES.get(self.number, f"call {self.number}")
        return f"{name} ({self.at} of process {self.process})"


@dataclass(frozen=True)
class Answer:
    """What came of a run."""

    status: int  # minus a signal, or STUCK
    struck: bool
    ms: int  # by the injector's own clock, which no host makes faster or slower
    crash: int


class Injector:
    """A program on one tree: the binder, unless others are named."""

    def __init__(self, root, *arguments, kernel=True, program=(), **more):
        program = program or (built("binder"), "--root", root)
        command = [built("faults/inject"), root if kernel else "-", *program, *arguments]
        self.process = subprocess.Popen(command, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, **more)

    def begin(self, process, at, kind, value):
        """Begins a run; end() tells what came of it."""
        print(process, at, kind, value, file=self.process.stdin, flush=True)

    def end(self):
        """The answer's words."""
        return self.process.stdout.readline().split()

    def run(self, call, kind, value):
        """A run with a fault."""
        self.begin(call.process, call.at, kind, value)
        return self.answer()

    def answer(self):
        """What came of the run that was begun."""
        status, struck, ms, crash = map(int, self.end())
        return Answer(status, bool(struck), ms, crash)

    def calls(self):
        """All calls of a run without a fault, and its status."""
        self.begin(0, 0, "none", 0)
        status, _, ms, _, *pairs = self.end()
        assert ms == "0", "a run without a fault waits for nothing"
        counts, calls = {}, []
        for pair in pairs:
            process, number = map(int, pair.split(":"))
            counts[process] = counts.get(process, 0) + 1
            calls.append(Call(process, counts[process], number))
        return int(status), calls

    def close(self):
        """Ends it."""
        self.process.communicate()


class Snapshot:
    """A tree as it was. What is written later has another time than all that was there: 0."""

    def __init__(self, root):
        self.root = str(root)
        self.entries = {path: self.look(path) for path in self.walk("")}
        for path in self.entries:
            self.age(path)

    def copy(self, root):
        """The same in another place."""
        subprocess.run(["cp", "-a", self.root, root], check=True)
        other = object.__new__(Snapshot)
        other.root, other.entries = str(root), self.entries
        return other

    def path(self, name):
        """Where it is."""
        return os.path.join(self.root, name)

    def walk(self, folder):
        """All names below it, a folder before what is in it."""
        for entry in os.scandir(self.path(folder)):
            name = os.path.join(folder, entry.name)
            yield name
            if entry.is_dir(follow_symlinks=False):
                yield from self.walk(name)

    def look(self, name):
        """A link's target, a file's bytes, or the names in a folder."""
        path = self.path(name)
        if os.path.islink(path):
            return os.readlink(path)
        if os.path.isdir(path):
            return frozenset(os.listdir(path))
        with open(path, "rb") as file:
            return file.read()

    def age(self, name):
        """Makes it old."""
        os.utime(self.path(name), ns=(0, 0), follow_symlinks=False)

    def changed(self):
        """name -> what it is now, None if it is no more; of folders only what they hold tells."""
        found = {}
        for name, was in self.entries.items():
            try:
                if os.lstat(self.path(name)).st_mtime_ns == 0:
                    continue
            except FileNotFoundError:
                found[name] = None
                continue
            found[name] = now = self.look(name)
            if isinstance(was, frozenset):
                for more in now - was if isinstance(now, frozenset) else ():
                    more = os.path.join(name, more)
                    found[more] = self.look(more)
                    if isinstance(found[more], frozenset):
                        found.update({path: self.look(path) for path in self.walk(more)})
        return found

    def restore(self, changed):
        """Makes it all as it was."""
        for name, now in changed.items():
            path, was = self.path(name), self.entries.get(name)
            if isinstance(was, frozenset) or not os.path.lexists(os.path.dirname(path)):
                continue
            if was is None and isinstance(now, frozenset):
                shutil.rmtree(path)
            elif was is None or isinstance(was, str) and now is not None:
                os.unlink(path)
            if isinstance(was, str):
                os.symlink(was, path)
            elif was is not None:
                with open(path, "wb") as file:
                    file.write(was)
        for name in changed:
            for old in {name, os.path.dirname(name)} & self.entries.keys():
                self.age(old)
