# SPDX-License-Identifier: GPL-2.0-or-later
"""Each target of libFuzzer, from the corpus that is kept, for so many inputs. What it finds becomes
a row of tests/unit and a file of the corpus."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
BUILD = os.environ.get("BUILD", "build")
CORPUS = Path(__file__).parent / "corpus"
# Together at least 30 million. The same seed gives the same inputs, so CI says the same twice.
RUNS = {"policy": 7_000_000, "texts": 4_000_000, "facts": 16_000_000, "decide": 4_000_000}
NIGHTS = 10  # times as many, and other ones each night


def fuzz(target, folder, runs, seed):
    """Runs a target; returns how many inputs it had."""
    subprocess.run(["make", "-s", "-C", TOP, f"BUILD={BUILD}", f"{BUILD}/fuzz/{target}"], check=True)
    corpus = folder / "corpus"
    shutil.copytree(CORPUS / target, corpus)
    done = subprocess.run(
        [TOP / BUILD / "fuzz" / target, f"-runs={runs}", f"-seed={seed}", "-max_len=600",
         f"-dict={Path(__file__).parent}/words.dict", f"-artifact_prefix={folder}/", corpus],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    said = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, "\n".join(said.splitlines()[-30:])
    return int(re.search(r"^Done (\d+) runs", said, re.MULTILINE)[1])


@pytest.mark.parametrize("target", RUNS)
def test_nothing_breaks_it(target, tmp_path, record_property):
    """No crash, and what must hold holds."""
    had = fuzz(target, tmp_path, RUNS[target], 1)
    record_property("executions", had)
    assert had >= RUNS[target]


@pytest.mark.nightly
@pytest.mark.parametrize("target", RUNS)
def test_nothing_breaks_it_all_night(target, tmp_path):
    """The same for inputs nobody has seen."""
    runs = RUNS[target] * NIGHTS
    assert fuzz(target, tmp_path, runs, int.from_bytes(os.urandom(3), "big") + 1) >= runs


def test_corpus_is_of_the_targets():
    """Nothing is kept that nobody runs."""
    assert sorted(path.name for path in CORPUS.iterdir()) == sorted(RUNS)
