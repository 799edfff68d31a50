# SPDX-License-Identifier: GPL-2.0-or-later
"""A figure, its goal, and how both are shown."""

from dataclasses import dataclass


class NotMeasured(Exception):
    """Says why there is no figure."""


@dataclass(frozen=True)
class Figure:
    """What is measured. A goal is a most, or a least; without one the figure is just told."""

    name: str
    unit: str
    most: float | None = None
    least: float | None = None
    digits: int = 0

    def text(self, value):
        """A value as people read it."""
        return f"{value:,.{self.digits}f} {self.unit}".rstrip()

    def goal(self):
        """The goal as people read it."""
        if self.most is not None:
            return f"at most {self.text(self.most)}"
        return f"at least {self.text(self.least)}" if self.least is not None else "-"

    def met(self, value):
        """yes or no, of the value as it is shown."""
        value = round(value, self.digits)
        if self.most is None and self.least is None:
            return "-"
        return "yes" if (self.least or 0) <= value <= (self.most or value) else "no"


def line(figure, value, met):
    """A line of the table."""
    return f"{figure.name:<54}{value:>16}  {figure.goal():<22}{met}".rstrip()


def show(figure, value, met):
    """Prints it."""
    print(line(figure, value, met), flush=True)
