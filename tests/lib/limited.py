# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs programs that may hang. With a timeout subprocess looks again and again, at ever longer
intervals, whether they have ended: here an alarm is set, and a program waited for."""

import signal
import subprocess

SECONDS = 600  # by then it hangs, however busy the host is


def _be_late(*_):
    raise TimeoutError(f"it took over {SECONDS} s")


def run(words, **more):
    """subprocess.run(), which kills a program that takes longer."""
    before = signal.signal(signal.SIGALRM, _be_late)
    signal.alarm(SECONDS)
    try:
        return subprocess.run(words, check=False, **more)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
