# SPDX-License-Identifier: GPL-2.0-or-later
"""Whoever begins or ends a trial is killed at a system call, at any of them: no image is ever built
on trial that has no variable, and the next run does what this one did not."""

import shutil
from pathlib import Path

import pytest

from lib.generator import (UNPRIVILEGED, debian, fixture_built, fixture_fake,  # noqa: F401
                           fixture_host)
from lib.payload import fixture_program  # noqa: F401
from lib.quick import fixture_memory  # noqa: F401

from .test_killed import calls_of, kill_at

EFIVARS = "sys/firmware/efi/efivars"
VARIABLE = f"{EFIVARS}/VfioBindTrial-29816690-cd8b-438a-9722-e290f7c7a2d5"
NOTE, CONFIRMED = "var/lib/vfio-bind/trial", "var/lib/vfio-bind/trial-confirmed"
THIS = "1" * 32
RUNNING = f"vfio-bind-trial 1\nboots 0\npolicy 0123456789abcdef\nboot {THIS}\n"
BOOT_ID = "11111111-1111-1111-1111-111111111111\n"
# What is there before; the command; what is there of variable, note, confirmation once it is done.
SCENARIOS = {
    "begins": ((), ("update", "--trial"), (True, True, False)),
    "confirms": ((VARIABLE, NOTE), ("confirm",), (False, False, True)),
    "ends": ((VARIABLE, NOTE), ("update",), (False, False, False)),
}
BY_NIGHT = ("begins", "ends")


def plant(root, before):
    """The trial as it was when the command began."""
    shutil.rmtree(root / "var", ignore_errors=True)
    shutil.rmtree(root / EFIVARS, ignore_errors=True)
    for name, text in ((VARIABLE, "\7\0\0\0" + RUNNING), (NOTE, RUNNING),
                       ("proc/sys/kernel/random/boot_id", BOOT_ID)):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if name in before or name.startswith("proc"):
            (root / name).write_text(text)


def state(root):
    """What is there of variable, note and confirmation."""
    return tuple((root / name).exists() for name in (VARIABLE, NOTE, CONFIRMED))


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=[pytest.mark.nightly] if name in BY_NIGHT else [])
    for name in SCENARIOS])
def test_trial_killed_at_every_call(program, host, built, memory, record_property, name):
    """The variable is there before the note is, and but for a confirmation it goes after it."""
    before, words, done = SCENARIOS[name]
    debian(host)
    host.will_build(built[1], "boot/initrd.img-1")
    root, log = host.root, Path(memory) / "log"
    argv = [*UNPRIVILEGED, str(program), "--root", str(root), *words]
    plant(root, before)
    calls = calls_of(argv, log)
    assert state(root) == done
    seen = set()
    for call in calls:
        plant(root, before)
        kill_at(argv, call, log)
        variable, noted, confirmed = found = state(root)
        if name == "confirms":
            assert noted or confirmed, call
        else:
            assert variable or not noted, call
        if found not in seen:  # what has become of the same files is known
            calls_of(argv, log)
            assert state(root) == done, call
        seen.add(found)
    record_property("killed at calls", len(calls))
    assert len(seen) > 1, seen
