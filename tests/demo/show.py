# SPDX-License-Identifier: GPL-2.0-or-later
"""Steps and tables for people: colour and counting seconds on a terminal, else plain lines."""

import os
import sys
import threading
import time
from contextlib import contextmanager
from itertools import zip_longest

from vm.proof import VFIO

BOLD, RED, GREEN = 1, 31, 32
GAP = "   "  # between tables
STEP_WIDTH = 66  # of what a step does; then its seconds


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


def painted(line, chosen):
    """vfio-pci is good news for what is chosen, and bad for what is not."""
    return line.replace(VFIO, coloured(VFIO, GREEN if chosen else RED))


def show_beside(titles, tables, chosen):
    """Tables of the same devices, the first with their addresses, side by side as they came."""
    widths = [max(map(len, (title, *table))) for title, table in zip(titles, tables)]
    head = GAP.join(f"{title:<{width}}" for title, width in zip(titles, widths))
    print(coloured(head.rstrip(), BOLD))
    for lines in zip_longest(*tables, fillvalue=""):
        row = GAP.join(f"{line:<{width}}" for line, width in zip(lines, widths)).rstrip()
        print(painted(row, lines[0].startswith(tuple(chosen))))
