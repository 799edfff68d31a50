# SPDX-License-Identifier: GPL-2.0-or-later
"""Somebody at a machine's serial line, who reads and types, and may reset it or cut its power."""

import json
import re
import socket
import subprocess
import threading
from contextlib import contextmanager

from .boot import ESCAPES, LIMIT, fail, judge, qemu, with_kernel

ENTER, DOWN = "\r", "\x1b[B"


class Console:
    """The first serial line: all that came, without escape sequences, and keys to be pressed; and
    the buttons of the machine."""

    def __init__(self, folder, line, machine):
        self.folder, self.line, self.machine = folder, line, machine
        self.text, self.at = "", 0
        self.changed = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        """Until the machine is off."""
        raw = b""
        self.line.setblocking(True)
        with open(self.folder / "console", "wb", buffering=0) as log:
            while more := self.line.recv(65536):
                raw += more
                log.write(more)
                with self.changed:
                    self.text = ESCAPES.sub("", raw.decode("utf-8", errors="replace"))
                    self.changed.notify_all()
        with self.changed:
            self.text += "\n(off)\n"
            self.changed.notify_all()

    def wait(self, pattern):
        """For what comes behind the last that was waited for. Returns the match."""
        with self.changed:
            found = self.changed.wait_for(
                lambda: re.search(f"{pattern}|\n\\(off\\)\n", self.text[self.at:]), LIMIT)
            if not found or "(off)" in found[0]:
                fail(self.folder, f"the serial line does not say {pattern!r}")
            self.at += found.end()
            return found

    def press(self, key):
        """One key."""
        self.line.sendall(key.encode())

    def reset(self):
        """The button of that name."""
        with Monitor(self.folder) as monitor:
            monitor.execute("system_reset")

    def cut_power(self):
        """In the middle of whatever it does."""
        self.machine.kill()
        self.machine.wait()


class Monitor:
    """QEMU's own, by which a machine is changed while it runs: docs/interop/qmp-spec.txt there."""

    def __init__(self, folder):
        self.folder = folder
        self.control = socket.socket(socket.AF_UNIX)
        self.control.settimeout(LIMIT)
        self.control.connect(f"{folder}/qmp")
        self.lines = self.control.makefile("rw", encoding="utf-8")
        self.events = []
        self.execute("qmp_capabilities")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lines.close()
        self.control.close()

    def read(self):
        """The next message: a greeting, an event, what came of a command."""
        line = self.lines.readline()
        if not line:
            fail(self.folder, "off while somebody was at its slots and buttons")
        message = json.loads(line)
        if "event" in message:
            self.events.append(message)
        return message

    def execute(self, command, **arguments):
        """What came of a command."""
        self.lines.write(json.dumps({"execute": command, "arguments": arguments}))
        self.lines.flush()
        while "return" not in (message := self.read()):
            if "error" in message:
                fail(self.folder, f"QEMU: {command}: {message['error']}")
        return message["return"]

    def type(self, line):
        """A command in the words that people use, which has nothing to say if it was done."""
        said = self.execute("human-monitor-command", **{"command-line": line}).strip()
        if said not in ("", "OK"):
            fail(self.folder, f"QEMU: {line}: {said}")

    def pull(self, *names):
        """Devices out of their slots. Returns once they are gone, which the guest has to allow."""
        del self.events[:]
        for name in names:
            self.execute("device_del", id=name)
        while not set(names) <= {event["data"].get("device") for event in self.events
                                 if event["event"] == "DEVICE_DELETED"}:
            self.read()


@contextmanager
def switched_on(folder, machine, drives, more=()):
    """The console of a machine that is on. At the end it has to go off by itself."""
    command = [*qemu(folder, machine, drives, (
        "-chardev", f"socket,id=line,path={folder}/line", "-serial", "chardev:line")),
        "-qmp", f"unix:{folder}/qmp,server=on,wait=off", *more]
    with socket.create_server(f"{folder}/line", family=socket.AF_UNIX) as server, \
            subprocess.Popen(command, stdin=subprocess.DEVNULL) as running:
        try:
            server.settimeout(LIMIT)
            yield Console(folder, server.accept()[0], running)
            running.wait(LIMIT)
        except (TimeoutError, subprocess.TimeoutExpired):
            fail(folder, f"not off after {LIMIT} s")
        finally:
            running.kill()


def run_from_disk(folder, machine, disk, person=lambda console: None):
    """Boots what firmware finds on the disk, until the power is off; a reboot is one. person types
    at the console."""
    with switched_on(folder, machine, {"root": f"file={disk}"}) as console:
        person(console)
    return judge(folder)


def attended(person, *more):
    """As run_alone() of boot.py, for a machine with somebody at it, who may reset it. more: what
    else QEMU is told."""
    def start(folder, machine, image, words, drives):
        with switched_on(folder, machine, drives,
                         (*with_kernel(folder, image, words), *more)) as console:
            person(console)
    return start
