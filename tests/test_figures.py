# SPDX-License-Identifier: GPL-2.0-or-later
"""The table in doc/figures.md is what `make bench` prints: each row, in order, with its goal. The
picture is what it draws."""

import re
from pathlib import Path

import pytest

from bench import growth
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


def test_picture():
    """Drawn of the counts that are written in it; no step costs more a function than its goal."""
    picture = growth.PICTURE.read_text("utf-8")
    counts = {name: [int(count.replace(",", "")) for count in
                     re.findall(rf'fill="{colour}">([0-9,]+)<', picture)]
              for name, _, colour in growth.LINES}
    assert growth.draw(counts) == picture
    goals = {"instructions": "instructions a function (callgrind)",
             "system calls": "system calls a function (strace)"}
    for name, goal in goals.items():
        (most,) = (figure.most for figure in ALL if figure.name == goal)
        steps = zip(growth.SIZES[1:], growth.SIZES, counts[name][1:], counts[name])
        assert all(dearer - cheap <= most * (more - few) for more, few, dearer, cheap in steps)
