# SPDX-License-Identifier: GPL-2.0-or-later
"""Steps and tables for people: colour and counting seconds on a terminal, else plain lines."""

import os
import shutil
import sys
import threading
import time
from contextlib import contextmanager

from vm.proof import VFIO

BOLD, RED, GREEN = 1, 31, 32
GAP, PATH = "  ", 3  # between columns; the column to leave out first
STEP_WIDTH = 66  # of what a step does; then its seconds
# QEMU's models: what a person calls them, and vendor and device.
MODELS = {
    "VGA": ("GPU", "1234:1111"),
    "intel-hda": ("audio", "8086:2668"),
    "qemu-xhci": ("USB", "1b36:000d"),
    "nvme": ("NVMe", "1b36:0010"),
}


def coloured(text, colour):
    """The text in a colour, where that is wanted."""
    if not colour or not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\033[{colour}m{text}\033[0m"


def heading(text, note=""):
    """What comes next."""
    print(f"\n{coloured(text, BOLD)}{f' ({note})' if note else ''}\n", flush=True)


@contextmanager
def step(text):
    """Says what is being done now, and then how long it took."""
    start, over = time.monotonic(), threading.Event()

    def say(end):
        print(f"\r  {text:<{STEP_WIDTH}} {time.monotonic() - start:4.0f} s", end=end, flush=True)

    def count():
        while not over.wait(1):
            say("")

    if not sys.stdout.isatty():
        print(f"  {text:<{STEP_WIDTH}}", end="", flush=True)
        yield
        print(f" {time.monotonic() - start:4.0f} s", flush=True)
        return
    say("")
    counter = threading.Thread(target=count)
    counter.start()
    try:
        yield
    finally:
        over.set()
        counter.join()
    say("\n")


def functions_of(machine):
    """What is plugged in, in the order of addresses."""
    return [function for _, _, slot in machine.places() for function in slot.functions]


def twin(machine, function):
    """Which of its twins a function is, and whether the host lives on it."""
    names = [other.name for other in functions_of(machine) if other.model == function.model]
    place = f"{names.index(function.name) + 1} of {len(names)}" if len(names) > 1 else ""
    return f"{place}, root" if function.name == "root" else place


def row_of(machine, chosen, boots, function):
    """Cells, each a pair of text and colour."""
    address, is_chosen = machine.address(function.name), function.name in chosen
    row = [f"{'*' if is_chosen else ' '} {address}", " ".join(MODELS[function.model]),
           twin(machine, function), machine.path(function.name)]
    drivers = [drivers.get(address) or "-" for drivers in boots.values()]
    colours = [(GREEN if is_chosen else RED) if driver == VFIO else 0 for driver in drivers]
    return [(cell, BOLD if is_chosen else 0) for cell in row] + list(zip(drivers, colours))


def without_path(rows):
    """For a narrow terminal."""
    return [row[:PATH] + row[PATH + 1:] for row in rows]


def widths_of(rows):
    """Of each column."""
    return [max(len(text) for text, _ in column) for column in zip(*rows)]


def show_table(machine, chosen, boots):
    """A line for each function that is plugged in; boots: a name, and drivers by address."""
    head = [(text, BOLD) for text in ("  ADDRESS", "DEVICE", "TWIN", "PATH", *boots)]
    rows = [head, *(row_of(machine, chosen, boots, function)
                    for function in functions_of(machine))]
    room = shutil.get_terminal_size().columns
    if sys.stdout.isatty() and sum(widths_of(rows)) + len(GAP) * (len(head) - 1) > room:
        rows = without_path(rows)
    widths = widths_of(rows)
    widths[-1] = 0  # nothing follows
    for row in rows:
        print(GAP.join(coloured(f"{text:<{width}}", colour)
                       for (text, colour), width in zip(row, widths)))
