# SPDX-License-Identifier: GPL-2.0-or-later
"""The manual pages as text: their sections, and what stands in them to be copied."""

import re
from pathlib import Path

MAN = Path(__file__).parents[2] / "man"


def page(name):
    """The source of one."""
    return (MAN / name).read_text()


def section(name, title):
    """The lines below a heading, to the next one of its kind."""
    found = re.search(r"^\.(S[hs]) %s\n(.*?)(?=^\.(?:Sh|\1) |\Z)" % re.escape(title), page(name),
                      re.M | re.S)
    assert found, f"{name} has no {title}"
    return found[2]


def literals(text):
    """What is printed as it is, each block whole."""
    return re.findall(r"^\.Bd -literal.*\n((?:(?!\.Ed).*\n)*)", text, re.M)
