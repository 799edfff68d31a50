# SPDX-License-Identifier: GPL-2.0-or-later
"""The table in doc/figures.md is what `make bench` prints: each row, in order, with its goal."""

import re
from pathlib import Path

import pytest

from bench.figure import Figure, line
from bench.figures import FIGURES

PAGE = (Path(__file__).resolve().parents[1] / "doc/figures.md").read_text("utf-8")
ROWS = re.search(r"^```\n(size of the binder .*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[1]
ALL = [figure for _, *figures in FIGURES for figure in figures]


def test_every_figure_has_its_row():
    assert len(ROWS.splitlines()) == len(ALL)


@pytest.mark.parametrize("figure, row", zip(ALL, ROWS.splitlines()),
                         ids=lambda part: part.name if isinstance(part, Figure) else "")
def test_row(figure, row):
    """It was measured, it is written as it is printed, and what misses its goal says so."""
    value = re.match(re.escape(figure.name) + r" +([0-9][0-9,.]*)(?: |$)", row)
    assert value, row
    number = float(value[1].replace(",", ""))
    assert row == line(figure, figure.text(number), figure.met(number))
