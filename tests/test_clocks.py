# SPDX-License-Identifier: GPL-2.0-or-later
"""No test depends on how fast its host is: who reads a clock, sleeps or ends what hangs is listed
here, with the reason why no result hangs on it. Figures in seconds are of tests/bench alone."""

import re
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
FOLDERS = ("tests", ".ci")
LEFT_OUT = ("tests/bench/", "tests/golden/", "tests/machines/", "tests/test_clocks.py")
CLOCK = re.compile(
    r"\btime\.\w+\(|\bimport time\b|from time import|perf_counter|process_time|\bos\.times\b|timeit"
    r"|ru_[us]time|\bdatetime\b|clock_gettime|gettimeofday|times\(2\)|/proc/uptime|EPOCHSECONDS"
    r"|EPOCHREALTIME|\bdate \+|\$SECONDS|\bsleep\b|usleep|nanosleep|setitimer|\balarm\b|timeout"
    r"|select\.select|reruns|flaky|BOOTS_UNTIL")
# It is a failure if it ever ends anything: minutes, where seconds are what it takes.
SAFETY = "ends a program that hangs, which is a failure"
WAITS = "waits for what will be; no result depends on how long that takes"
GUEST = "a guest waits for its kernel; no result depends on how long that takes"
REASONS = {
    "tests/analysis/test_hardening.py": WAITS,
    "tests/analysis/test_valgrind.py": SAFETY,
    "tests/cli/test_add.py": WAITS,
    "tests/cli/test_completions.py": SAFETY,
    "tests/cli/test_list.py": SAFETY,
    "tests/demo/show.py": "tells people how long each step has taken",
    "tests/faults/inject.c": "is the clock of the programs it runs; and " + SAFETY,
    "tests/fuzz/test_fuzz.py": "names what libFuzzer says of an input that hangs",
    "tests/hooks/test_initramfs_tools.py": "gives a hook an uptime of its own",
    "tests/lib/generator.py": "makes a file older than another",
    "tests/lib/limited.py": SAFETY,
    "tests/power/test_cut.py": GUEST,
    "tests/vm/boot.py": SAFETY,
    "tests/vm/test_archives.py": SAFETY,
    "tests/vm/guest/common/usr/lib/lab/facts": "the power goes off meanwhile",
    "tests/vm/guest/initramfs-tools-demo/etc/initramfs-tools/scripts/local-block/lab":
        "the power goes off meanwhile",
    "tests/vm/guest/initramfs-tools-forced/etc/initramfs-tools/scripts/init-top/00-lab-first":
        GUEST,
    "tests/vm/guest/sabotaged/lab/start": "counts the rounds of its wait for a root, a second each",
    "tests/vm/keyboard.py": SAFETY,
    "tests/vm/slots.py": GUEST,
    "tests/vm/test_builtin.py": GUEST,
    "tests/vm/test_fallback.py": "tells a boot loader to wait until a key is pressed",
    "tests/vm/test_faults.py": "has the kernel wait for a drive that does not answer",
    "tests/vm/test_hostile.py": GUEST,
    "tests/vm/test_locked.py": "has somebody type when the guest's own clock says so",
    "tests/vm/test_plugged.py": GUEST,
    "tests/vm/test_trial.py": "has the kernel wait for a drive that does not answer",
    "tests/vm/test_undo.py": "has somebody asked for a password, by the guest's own clock, until all is "
                             "told",
    "tests/vm/test_running.py": GUEST,
}


def files():
    """All that is no output of a build."""
    names = [str(path.relative_to(TOP)) for folder in FOLDERS for path in (TOP / folder).rglob("*")
             if path.is_file() and "__pycache__" not in path.parts]
    return [name for name in names if not name.startswith(LEFT_OUT)]


def test_no_clock_but_those_that_are_listed():
    found = {name for name in files() if CLOCK.search((TOP / name).read_text("utf-8", "replace"))}
    assert found - REASONS.keys() == set(), "counts are what a test may judge"
    assert REASONS.keys() - found == set(), "these need no reason any more"
