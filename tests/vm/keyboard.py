# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine that boots from its own disk, and somebody at its serial line who reads and types."""

import re
import socket
import subprocess
import threading

from .boot import CPU, ESCAPES, LIMIT, WRONG, fail, read_boot

ENTER, DOWN = "\r", "\x1b[B"


class Console:
    """The first serial line: all that came, without escape sequences, and keys to be pressed."""

    def __init__(self, folder, line):
        self.folder, self.line = folder, line
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


def run_from_disk(folder, machine, disk, person=lambda console: None):
    """Boots what firmware finds on the disk, until the power is off; a reboot is one. person types
    at the console."""
    command = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", CPU, "-smp", "1",
               "-display", "none", "-monitor", "none",
               "-chardev", f"socket,id=line,path={folder}/line", "-serial", "chardev:line",
               "-serial", f"file:{folder}/told", *machine.options({"root": ""}),
               "-drive", f"if=none,id=drive-root,format=raw,file={disk}"]
    for name in ("console", "told"):
        (folder / name).touch()
    with socket.create_server(f"{folder}/line", family=socket.AF_UNIX) as server, \
            subprocess.Popen(command, stdin=subprocess.DEVNULL) as qemu:
        try:
            server.settimeout(LIMIT)
            person(Console(folder, server.accept()[0]))
            qemu.wait(LIMIT)
        except (TimeoutError, subprocess.TimeoutExpired):
            fail(folder, f"not off after {LIMIT} s")
        finally:
            qemu.kill()
    boot = read_boot(folder)
    wrong = WRONG.search(boot.console)
    if wrong:
        fail(folder, f"the console says {wrong[0]!r}")
    if not boot.ended:
        fail(folder, "off before its end")
    return boot
