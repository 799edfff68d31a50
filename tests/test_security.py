# SPDX-License-Identifier: GPL-2.0-or-later
"""SECURITY.md: every claim names a test that shows it, and that test is there and is run."""

import re
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[1]
PAGE = (TOP / "SECURITY.md").read_text("utf-8")
# An item of a list is a claim, with the lines that are indented below it.
CLAIMS = [" ".join(claim.split())
          for claim in re.findall(r"^\* (.*\n(?:  .*\n)*)", PAGE, re.MULTILINE)]
NAMED = sorted(set(re.findall(r"`(tests/[^`]+)`", PAGE)) - {"tests/test_security.py"})


def is_there(named):
    """A folder of tests/cases, a target of tests/fuzz, a row of a table, a cell, a function."""
    name, _, part = named.partition("::")
    path = TOP / name
    if path.parent.name == "cases" and path.suffix != ".py":
        return (path / "machine").exists() and (path / "expected").exists()
    text = path.read_text("utf-8")
    if path.parent.name == "fuzz":
        targets = (path.parent / "test_fuzz.py").read_text("utf-8")
        return f'    "{path.stem}": Target(' in targets
    if path.suffix == ".c":
        return bool(part) and f'{{ "{part}",' in text
    if path.name == "cells.py":
        return re.search(rf'(Cell|off|mistaken)\("{part}"', text) is not None
    return re.search(rf"^def {part}\(", text, re.MULTILINE) is not None


def test_the_page_was_understood():
    """The patterns above find what they are for."""
    assert len(CLAIMS) > 25 and len(NAMED) > 50
    assert len(CLAIMS) == len(re.findall(r"^\s*[*-] ", PAGE, re.MULTILINE))


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim[:40])
def test_every_claim_names_a_test(claim):
    assert set(re.findall(r"`(tests/[^`]+)`", claim)) & set(NAMED)


@pytest.mark.parametrize("named", NAMED)
def test_what_is_named_is_there(named):
    assert is_there(named), named
