# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run of the binder costs on machines of 16 to 4,096 functions, counted and drawn."""

import math
from pathlib import Path

from .plain import count_calls, count_instructions, on_crowd

PICTURE = Path(__file__).resolve().parents[2] / "doc/growth.svg"
SIZES = (16, 64, 256, 1024, 4096)
LINES = (("instructions", count_instructions, "#c2410c"), ("system calls", count_calls, "#1d4ed8"))
WIDTH, HEIGHT, EDGE = 720, 420, 90
DECADES = (2, 7)  # the powers of ten that the picture begins and ends with


def count():
    """How many of each there are, at each size."""
    return {name: [on_crowd(measure, size) for size in SIZES] for name, measure, _ in LINES}


def across(size):
    """Where a size is; both scales are logarithmic, so what grows with the machine is straight."""
    first, last = math.log2(SIZES[0]), math.log2(SIZES[-1])
    return EDGE + (math.log2(size) - first) / (last - first) * (WIDTH - 2 * EDGE)


def up(value):
    """Where a count is."""
    first, last = DECADES
    return HEIGHT - EDGE - (math.log10(value) - first) / (last - first) * (HEIGHT - 2 * EDGE)


def text(x, y, words, anchor="middle", colour="#000"):
    """Words in the picture."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{words}</text>'


def scales():
    """The grid, with the sizes below it and the counts beside it."""
    for size in SIZES:
        yield f'<path stroke="#ddd" d="M{across(size):.1f} {EDGE}V{HEIGHT - EDGE}"/>'
        yield text(across(size), HEIGHT - EDGE + 20, f"{size:,}")
    for power in range(DECADES[0], DECADES[1] + 1):
        yield f'<path stroke="#ddd" d="M{EDGE} {up(10 ** power):.1f}H{WIDTH - EDGE}"/>'
        yield text(EDGE - 8, up(10 ** power) + 4, f"{10 ** power:,}", "end")
    yield text(WIDTH / 2, HEIGHT - EDGE + 44, "PCI functions of the machine")


def draw(counts):
    """The picture of what count() returns."""
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
             ' font-family="sans-serif" font-size="12">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
             text(WIDTH / 2, 30, "One run of the binder"), *scales()]
    for name, _, colour in LINES:
        points = [(across(size), up(value)) for size, value in zip(SIZES, counts[name])]
        parts.append(f'<polyline fill="none" stroke="{colour}" points="'
                     + " ".join(f"{x:.1f},{y:.1f}" for x, y in points) + '"/>')
        parts.append(text(points[0][0] + 4, points[0][1] - 30, name, "start", colour))
        parts += [text(x + 4, y - 10, f"{value:,}", "end" if at else "start", colour)
                  for at, ((x, y), value) in enumerate(zip(points, counts[name]))]
    return "\n".join((*parts, "</svg>", ""))
