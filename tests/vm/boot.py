# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a machine until it powers off, and reads what it said."""

import re
import subprocess
from dataclasses import dataclass, field

LIMIT = 1200  # seconds from power-on to power-off
TAIL = 60  # lines of the console shown where a boot failed
# Everything the driver core does is in the log, and the log holds it all.
PROOF_WORDS = 'dyndbg="file drivers/base/dd.c +p" log_buf_len=4M'
# An emulated timer may miss its test on a busy host: "timer doesn't work", and a panic. Nor is
# it the kernel's fault if the host gives it no time for a while.
STEADY_WORDS = "no_timer_check nowatchdog rcupdate.rcu_cpu_stall_suppress=1 panic=-1"
# Page tables of five levels, and guards against what no emulated CPU does, take a tenth of a boot.
CPU = "max,la57=off"
FAST_WORDS = "mitigations=off"
WRONG = re.compile(r"Kernel panic|Oops|BUG: |Call Trace|general protection fault")
LEVELS = ("emerg", "alert", "crit", "err", "warn", "notice", "info", "debug")
ESCAPES = re.compile(r"\x1b\[[0-9;=]*[A-Za-z]")  # UEFI clears the screen on every serial line
RECORD = re.compile(r"\w+ *:(\w+) *: \[ *[0-9.]+\] (.*)")
# 6.1 ends the line with the device, 6.12 begins it with driver and device.
PROBE = "bus: 'pci': really_probe: probing driver (?P<driver>\\S+) with device"
PROBES = (re.compile(f"^{PROBE} (?P<address>\\S+)$"),
          re.compile(f"^\\S+ (?P<address>\\S+): {PROBE}$"))


class BootFailed(AssertionError):
    """The machine hung, crashed, or did not say that it came to its end."""


@dataclass
class Stage:
    """What was true at one time: facts() of guest/common/usr/lib/lab/facts."""

    drivers: dict = field(default_factory=dict)  # of every function, None without one
    overrides: dict = field(default_factory=dict)  # of those that have one
    values: dict = field(default_factory=dict)
    report: list = field(default_factory=list)  # of the binder, line by line
    framebuffer: list = field(default_factory=list)
    build: list = field(default_factory=list)
    output: list = field(default_factory=list)  # of a command the test ran

    def verdicts(self):
        """What the binder says it did: address, verdict and reason. It proves no binding."""
        rows = [line.split("\t") for line in self.report if not line.startswith("#")]
        return {tuple(row[:3]) for row in rows}

    def notes(self):
        """The report's comment lines but its heading."""
        return [line for line in self.report[1:] if line.startswith("#")]


@dataclass
class Boot:
    """All that is known of one boot."""

    console: str
    stages: dict
    log: list  # pairs of level and text, in order
    ended: bool  # it got to finish() in guest/common/usr/lib/lab/facts
    told: str  # all of it as it came

    def probes(self, log=None):
        """The drivers that were let at each function, by the driver core's own words."""
        found = {}
        for _, text in self.log if log is None else log:
            for match in filter(None, (pattern.match(text) for pattern in PROBES)):
                found.setdefault(match["address"], []).append(match["driver"])
        return found

    def between(self, first, last):
        """The log from one mark to another; None: from power-on."""
        texts = [text for _, text in self.log]
        start = texts.index(f"lab: {first}") if first else 0
        return self.log[start:texts.index(f"lab: {last}")]

    def said(self, level=7, log=None):
        """What the binder wrote to the kernel's log, up to that level."""
        return [text.removeprefix("vfio-bind: ") for at, text in (self.log if log is None else log)
                if text.startswith("vfio-bind: ") and at <= level]


def parse_told(told):
    """Stages and log of what the machine told on its second serial line."""
    stages, log, ended, stage = {}, [], False, None
    for line in told.splitlines():
        word, _, rest = line.partition(" ")
        record = RECORD.match(line)
        if record:
            log.append((LEVELS.index(record[1]), record[2]))
        elif log and line.startswith(" "):  # dmesg indents what follows in a record of many lines
            log[-1] = (log[-1][0], f"{log[-1][1]}\n{line.strip()}")
        elif word == "stage":
            stage = stages[rest] = Stage()
        elif word == "end":
            ended = True
        elif stage:
            tell(stage, word, rest)
    return stages, log, ended


def tell(stage, word, rest):
    """Takes one line into a stage."""
    first, _, second = rest.partition(" ")
    if word == "driver":
        stage.drivers[first] = None if second == "-" else second
    elif word == "override":
        stage.overrides[first] = second
    elif word == "value":
        stage.values[first] = second
    elif word in ("report", "framebuffer", "build", "output"):
        getattr(stage, word).append(rest)
    else:
        raise BootFailed(f"the machine told a line that makes no sense: {word} {rest}")


def read_boot(folder):
    """The boot whose files lie in a folder."""
    told = (folder / "told").read_text("utf-8", errors="replace")
    console = (folder / "console").read_text("utf-8", errors="replace")
    told = ESCAPES.sub("", told)
    return Boot(console, *parse_told(told), told)


def fail(folder, why):
    """Says why a boot failed, and shows how far it came."""
    tail = (folder / "console").read_text("utf-8", errors="replace").splitlines()[-TAIL:]
    raise BootFailed("\n".join([f"{why}; logs in {folder}", *tail]))


def qemu(folder, machine, drives, console):
    """
    The command for a machine whose first serial line is console, in QEMU's words.
    drives: what QEMU is told of the file of each drive that has one.
    """
    drive_options = [word for name, option in drives.items()
                     for word in ("-drive", f"if=none,id=drive-{name},format=raw,{option}")]
    for name in ("console", "told"):
        (folder / name).touch()
    return [*machine.emulator(), "-accel", "tcg,thread=multi", "-cpu", CPU, "-smp", "1",
            "-display", "none", "-monitor", "none", *console, "-serial", f"file:{folder}/told",
            *machine.options(drives), *drive_options]


def kernel_words(words):
    """The whole command line of a kernel whose boot is to be proof."""
    return f"console=ttyS0 {STEADY_WORDS} {FAST_WORDS} {PROOF_WORDS} {words}"


def with_kernel(folder, image, words):
    """QEMU's words for a kernel that no boot loader brings."""
    return ["-kernel", image.kernel, "-initrd", folder / "initrd", "-append", kernel_words(words)]


def run_alone(folder, machine, image, words, drives):
    """Boots a kernel and its image, with nobody at the machine."""
    run_to_its_end(folder, machine, drives, with_kernel(folder, image, words))


def run_to_its_end(folder, machine, drives, more):
    """Waits for the power to go off; a machine that starts anew has failed. more: QEMU's words."""
    command = [*qemu(folder, machine, drives, ("-serial", f"file:{folder}/console")), "-no-reboot",
               *more]
    try:
        done = subprocess.run(command, timeout=LIMIT, text=True, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired:
        fail(folder, f"not off after {LIMIT} s")
    if done.returncode:
        fail(folder, f"QEMU: exit {done.returncode}: {done.stderr}")


def judge(folder):
    """What was said in a boot that has ended; fails on any surprise."""
    boot = read_boot(folder)
    wrong = WRONG.search(boot.console)
    if wrong:
        fail(folder, f"the console says {wrong[0]!r}")
    if not boot.ended:
        fail(folder, "off before its end")
    return boot


def run(folder, machine, image, words, drives):
    """Boots, waits for the power to go off, and returns what was said."""
    run_alone(folder, machine, image, words, drives)
    return judge(folder)
