# SPDX-License-Identifier: GPL-2.0-or-later
"""How many small changes of the core the fast tests notice: unit and cases. What they do not is
listed by the suite; what nobody could, because the program is the same, in equal.tsv."""

import concurrent.futures
import os
import queue
import random
from pathlib import Path

import pytest

from mutation.lab import TOP, Lab
from mutation.mutants import mutants
from test_pure import core

TRIED = 120
SEED = 6
WANTED = 0.9
EQUAL = Path(__file__).parent / "equal.tsv"


def sources():
    """path -> text, of the core."""
    return {f"binder/core/{name}.c": (TOP / f"binder/core/{name}.c").read_text("utf-8") for name in core()}


def every_mutant():
    """Always in the same order."""
    return [mutant for path, text in sources().items() for mutant in mutants(path, text)]


def equal():
    """key -> the reason, of mutants that are no other program."""
    lines = EQUAL.read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return {tuple(row[:3]): row[3] for row in rows}


def try_all(chosen, folder):
    """mutant -> what Lab.try_mutant() says, in as many labs as there are processors."""
    texts, labs, lanes = sources(), queue.Queue(), os.cpu_count() or 1
    for number in range(lanes):
        path = folder / str(number)
        path.mkdir()
        labs.put(Lab(path, core()))
        assert labs.queue[-1].killer() is None

    def attempt(mutant):
        lab = labs.get()
        try:
            return lab.try_mutant(mutant, texts[mutant.path])
        finally:
            labs.put(lab)

    with concurrent.futures.ThreadPoolExecutor(lanes) as pool:
        return dict(zip(chosen, pool.map(attempt, chosen)))


def judge_mutants(chosen, folder, record_property):
    """Tries them; the killed have to be so many of the others."""
    results = try_all(chosen, folder)
    alive = {mutant: killer for mutant, (other, killer) in results.items() if other}
    same = [mutant for mutant, killer in alive.items() if not killer and mutant.key in equal()]
    survivors = [mutant for mutant, killer in alive.items() if not killer and mutant not in same]
    for mutant in survivors:
        record_property("survivor", str(mutant))
    tried, killed = len(alive) - len(same), len(alive) - len(same) - len(survivors)
    record_property("mutants", f"{killed} of {tried} killed, {100 * killed / tried:.1f} %; "
                               f"{len(same)} more are equal by hand, "
                               f"{len(results) - len(alive)} for the compiler or no C")
    wrong = [mutant for mutant, killer in alive.items() if killer and mutant.key in equal()]
    assert not wrong, "listed as equal, and killed"
    return tried, killed


def test_most_are_killed(tmp_path, record_property):
    """A sample, always the same for the same core."""
    chosen = random.Random(SEED).sample(every_mutant(), TRIED)
    tried, killed = judge_mutants(chosen, tmp_path, record_property)
    assert tried >= 100
    assert killed >= WANTED * tried


@pytest.mark.nightly
def test_most_of_all_are_killed(tmp_path, record_property):
    """Every mutant there is."""
    tried, killed = judge_mutants(every_mutant(), tmp_path, record_property)
    assert killed >= WANTED * tried


def test_equal_mutants_are_there():
    """None is listed that the core does not have any more, and each says why."""
    keys = {mutant.key for mutant in every_mutant()}
    assert [key for key in equal() if key not in keys] == []
    assert all(reason.endswith(".") for reason in equal().values())
