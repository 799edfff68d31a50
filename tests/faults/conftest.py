# SPDX-License-Identifier: GPL-2.0-or-later
"""Prints how many faults there were in all."""


def pytest_terminal_summary(terminalreporter):
    """Sums up what the tests recorded, in whichever process they ran."""
    counts = [value for report in terminalreporter.stats.get("passed", ())
              for name, value in report.user_properties if name == "injections"]
    if counts:
        terminalreporter.write_line(f"faults: {sum(counts):,} injections, each into a run of its own")
