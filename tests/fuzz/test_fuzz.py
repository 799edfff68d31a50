# SPDX-License-Identifier: GPL-2.0-or-later
"""Each target, from the corpus that is kept, for so many inputs of libFuzzer and of AFL++. What
they find becomes a row of tests/unit or tests/cli and a file of the corpus."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from lib.build import built

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
BY_DAY = 40  # times fewer, of libFuzzer only
# AFL++ looks at its surroundings first: governor of the CPU, core dumps, free cores, a terminal.
AFL = {"AFL_NO_UI": "1", "AFL_NO_AFFINITY": "1", "AFL_SKIP_CPUFREQ": "1", "AFL_NO_COLOR": "1",
       "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1", "AFL_FAST_CAL": "1"}


@dataclass(frozen=True)
class Target:
    """How many inputs it has of each engine by night, and how long they are at most."""

    libfuzzer: int
    afl: int
    longest: int = 600


TARGETS = {
    "policy": Target(7_000_000, 100_000),
    "texts": Target(4_000_000, 100_000),
    "facts": Target(16_000_000, 100_000),
    "decide": Target(4_000_000, 100_000),
    "machine": Target(300_000, 100_000, longest=1000),
    "imports": Target(100_000, 30_000),
}


def run(command, **environment):
    """Runs an engine; returns its exit status and what it says."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          env={**os.environ, **environment})
    return done.returncode, done.stdout.decode("utf-8", "replace")


def libfuzzer(name, folder, runs, seed):
    """Runs a target; returns how many inputs it had."""
    shutil.copytree(CORPUS / name, folder / "corpus")
    status, said = run([built(f"fuzz/{name}"), f"-runs={runs}",
                        f"-seed={seed}", f"-max_len={TARGETS[name].longest}",
                        f"-dict={HERE}/words.dict", f"-artifact_prefix={folder}/",
                        folder / "corpus"])
    assert status == 0, "\n".join(said.splitlines()[-30:])
    return int(re.search(r"^Done (\d+) runs", said, re.MULTILINE)[1])


def afl(name, folder, runs, seed):
    """The same with AFL++, which says in a file what it did, and never by its exit status."""
    _, said = run(["afl-fuzz", "-i", CORPUS / name, "-o", folder / "out", "-s", str(seed),
                   "-E", str(runs), "-G", str(TARGETS[name].longest), "-t", "5000",
                   "-x", HERE / "words.dict", "--", built(f"afl/{name}")], **AFL)
    try:
        stats = (folder / "out/default/fuzzer_stats").read_text("utf-8")
    except FileNotFoundError:
        pytest.fail(said[-3000:])
    found = dict(re.findall(r"^(\w+) +: (.*)$", stats, re.MULTILINE))
    broken = [path.read_bytes() for kind in ("crashes", "hangs")
              for path in (folder / "out/default" / kind).glob("id:*")]
    assert (found["saved_crashes"], found["saved_hangs"], broken) == ("0", "0", []), broken
    assert "results in a crash" not in said and "results in a timeout" not in said, said[-3000:]
    return int(found["execs_done"])


ENGINES = {"libfuzzer": libfuzzer, "afl": afl}


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_breaks_it(name, tmp_path, record_property):
    """No crash, and what must hold holds. The same seed gives the same inputs: CI says it twice."""
    runs = TARGETS[name].libfuzzer // BY_DAY
    had = libfuzzer(name, tmp_path, runs, 1)
    record_property("executions", had)
    assert had >= runs


@pytest.mark.nightly
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", TARGETS)
def test_nothing_breaks_it_all_night(name, engine, tmp_path, record_property):
    """The same for inputs nobody has seen."""
    runs = getattr(TARGETS[name], engine)
    had = ENGINES[engine](name, tmp_path, runs, int.from_bytes(os.urandom(3), "big") + 1)
    record_property("executions", had)
    assert had >= runs


def test_corpus_is_of_the_targets():
    """Nothing is kept that nobody runs, and no target is there that nobody runs."""
    assert sorted(path.name for path in CORPUS.iterdir()) == sorted(TARGETS)
    assert sorted(path.stem for path in HERE.glob("*.c")) == sorted(TARGETS)
