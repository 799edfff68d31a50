# SPDX-License-Identifier: GPL-2.0-or-later
"""Whoever is killed at a system call, at any of them: the policy is the old or the new one."""

import collections
import os
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lib.binder import MADE_AGAIN, spawn
from lib.editing import CONF, plant
from lib.generator import (UNPRIVILEGED, Host, debian, fixture_built,  # noqa: F401
                           fixture_fake, fixture_host)
from lib.payload import fixture_program  # noqa: F401
from lib.quick import fixture_memory  # noqa: F401

MORE = CONF + ".d/more.conf"
KEEP = "keep 01:00.0\n"
MINE = f"# mine\n{KEEP}"
DRIVE = "bind nvme path=0000:00/03.0/00.0 id=144d:a80a\n"
CARD = "bind display path=0000:00/05.0/00.0 id=10de:1c82\n"
# What a machine of the tests has besides the card and the drives, which these tests edit.
DROPPED = ("0000:00:1", "0000:00:04", "0000:00:06", "0000:00:07", "0000:04", "0000:06", "0000:07",
           "0000:08", "#protect network")
USED = "run/vfio-bind/policy"
STARTED = 60  # a run without these many calls was not traced


@dataclass
class Scenario:
    """A command, the policy it finds, and the rules of the one it leaves: files by their paths."""

    words: tuple
    before: dict
    rules: dict
    files: dict = field(default_factory=dict)  # besides the policy
    again: int = 0  # the exit status of the same command once it is done


SCENARIOS = {
    "add": Scenario(("add", "05:00.0"), {CONF: MINE}, {CONF: KEEP + CARD}),
    "add to nothing": Scenario(("add", "03:00.0"), {}, {CONF: DRIVE}),
    "remove from two files": Scenario(
        ("remove", "03:00.0"), {CONF: MINE + DRIVE, MORE: f"{DRIVE}{CARD}"},
        {CONF: KEEP, MORE: CARD}, again=6),
    "import": Scenario(("import",), {CONF: MINE}, {CONF: KEEP}, {
        "proc/cmdline": "quiet vfio-pci.ids=10de:1c82 rd.vfio_bind=dry-run\n"}),
}
BY_NIGHT = ("add to nothing", "import")
# Every how manieth call by day; all of them at night.
BY_DAY = 5


def calls_of(argv, log):
    """The system calls of a run to its end, each by its name and its number among its kind."""
    subprocess.run(["strace", "-o", log, *argv], check=False, stdin=subprocess.DEVNULL,
                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    seen, calls = collections.Counter(), []
    for line in log.read_text("utf-8", errors="replace").splitlines():
        name = re.match(r"(\w+)\(", line)
        # execve is the program's beginning.
        if name and name[1] != "execve" and MADE_AGAIN not in line:
            seen[name[1]] += 1
            calls.append((name[1], seen[name[1]]))
    assert len(calls) > STARTED and calls[-1][0] == "exit_group", calls
    return calls


def kill_at(argv, call, log):
    """Runs the program up to that call, which it does not make. Its children live on."""
    name, number = call
    done = subprocess.run(
        ["strace", "-o", log, "-e", f"trace={name}", "-e",
         f"inject={name}:signal=SIGKILL:when={number}", *argv],
        check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == -signal.SIGKILL, (call, done)


def read_etc(root):
    """What is below /etc: mode and content of each file."""
    return {str(path.relative_to(root)): (path.stat().st_mode, path.read_text())
            for path in (root / "etc").rglob("*") if path.is_file()}


def write_etc(root, files):
    shutil.rmtree(root / "etc", ignore_errors=True)
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
        (root / name).chmod(0o644)
    (root / "etc").mkdir(exist_ok=True)


def without_comments(text):
    return "".join(line for line in text.splitlines(True) if not line.startswith("#"))


def prove_old_or_new(found, before, after):
    """Each file is whole, the old or the new one; what else is there has no name of a policy."""
    policy = {name: text for name, (_, text) in found.items() if not name.endswith(".new")}
    assert policy.keys() <= before.keys() | after.keys(), found
    for name in before.keys() | after.keys():
        assert policy.get(name) in (before.get(name), after.get(name)), (name, found)
        assert name not in policy or found[name][0] == 0o100644, (name, found)
    assert {name.removesuffix(".new") for name in found.keys() - policy.keys()} <= after.keys()
    return policy


def prove_used(binder, root, policy):
    """What the binder has for its policy now is that, and no leftover."""
    used = root / USED
    used.unlink(missing_ok=True)
    assert spawn([str(binder), "--root", str(root)]) in (0, 1)
    texts = [f"# /{name}\n{policy[name]}" for name in sorted(policy)]
    assert (used.read_text() if used.exists() else "") == "".join(texts)


def prove_next(argv, root, status, after):
    """The same command once more leaves the new policy, and nothing beside it."""
    done = subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    assert done.returncode == status, done
    assert read_etc(root) == {name: (0o100644, text) for name, text in after.items()}


def kill_everywhere(program, binder, root, scenario, step):
    """Counts calls at which it was killed, and among these where the policy was which."""
    argv = [str(program), "--root", str(root), *scenario.words]
    write_etc(root, scenario.before)
    calls = calls_of(argv, root.parent / "log")
    after = {name: text for name, (_, text) in read_etc(root).items()}
    assert {name: without_comments(text) for name, text in after.items()} == scenario.rules
    count, seen = collections.Counter(), set()
    for call in calls[::step]:
        write_etc(root, scenario.before)
        kill_at(argv, call, root.parent / "log")
        found = read_etc(root)
        policy = prove_old_or_new(found, scenario.before, after)
        if str(found) not in seen:  # what has become of the same files is known
            prove_used(binder, root, policy)
            prove_next(argv, root, scenario.again if policy == after else 0, after)
            seen.add(str(found))
        count["calls"] += 1
        count["leftovers"] += found.keys() != policy.keys()
        count["new"] += policy == after
    return count


@pytest.mark.parametrize("name, step", [
    *((name, BY_DAY) for name in SCENARIOS if name not in BY_NIGHT),
    *(pytest.param(name, 1, marks=pytest.mark.nightly) for name in SCENARIOS)])
def test_killed_at_every_call(program, binder, memory, record_property, name, step):
    """Old or new, whole, and nothing else is read; the next run does what this one did not."""
    scenario = SCENARIOS[name]
    root = Path(memory) / name.replace(" ", "-")
    plant(root, drop=DROPPED).boot("rd.vfio_bind=dry-run")
    for path, text in scenario.files.items():
        (root / path).write_text(text)
    count = kill_everywhere(program, binder, root, scenario, step)
    record_property("killed at calls", count["calls"])
    if name != "import":
        # Both are seen, or nothing was cut in two.
        assert 0 < count["new"] < count["calls"] and count["leftovers"] > 0, count
    else:
        assert count["new"] == count["calls"] and not count["leftovers"], count


@pytest.mark.parametrize("step", [BY_DAY, pytest.param(1, marks=pytest.mark.nightly)])
def test_update_killed_at_every_call(program, host, built, memory, record_property, step):
    """The policy stays; nothing is left that keeps the next run from building the image."""
    debian(host)
    host.will_build(built[1], "boot/initrd.img-1")
    scratch = Path(memory) / "scratch"
    argv = [*UNPRIVILEGED, "env", f"TMPDIR={scratch}", str(program), "--root", str(host.root),
            "update"]
    before = read_etc(host.root)
    scratch.mkdir()
    calls = calls_of(argv, scratch.parent / "update.log")[::step]
    for call in calls:
        (host.root / "boot/initrd.img-1").unlink(missing_ok=True)
        kill_at(argv, call, scratch.parent / "update.log")
        assert read_etc(host.root) == before, call
        assert host.update(program).returncode == 0, call
    record_property("killed at calls", len(calls))


OWN = "0123-0-without_vfio_bind.conf"
KERNEL = "title Linux\nversion {0}\nsort-key linux\nlinux /{0}\noptions quiet\n"


def menu_of(root):
    """What a boot loader finds."""
    folder = root / "boot/loader/entries"
    return {path.name: path.read_text("utf-8") for path in folder.glob("*.conf")}


def test_fallback_killed_at_every_call(program, tmp_path, fake, memory, record_property):
    """The kernels' entries stay, ours is the old or the new one; the next run makes it whole."""
    host = Host(tmp_path / "root", fake)
    kernels = {f"0123-{release}.conf": KERNEL.format(release) for release in ("6.9", "6.12")}
    host.add("etc/kernel/entry-token", content=b"0123\n")
    for name, text in kernels.items():
        host.add(f"boot/loader/entries/{name}", content=text.encode())
    old = "title Linux (without vfio-bind)\nlinux /6.9\noptions rd.vfio_bind=0 quiet\n"
    argv = [*UNPRIVILEGED, str(program), "--root", str(host.root), "fallback"]
    seen = []
    calls = calls_of(argv, Path(memory) / "fallback.log")
    new = menu_of(host.root)[OWN]
    assert new == KERNEL.format("6.12").replace("Linux\n", "Linux (without vfio-bind)\n").replace(
        "options ", "options rd.vfio_bind=0 ")
    for call in calls:
        host.add(f"boot/loader/entries/{OWN}", content=old.encode())
        kill_at(argv, call, Path(memory) / "fallback.log")
        found = menu_of(host.root)
        seen.append(found.pop(OWN))
        assert found == kernels and seen[-1] in (old, new), call
        subprocess.run(argv, check=True, stdout=subprocess.PIPE)
        assert menu_of(host.root) == {**kernels, OWN: new}, call
    record_property("killed at calls", len(calls))
    assert old in seen and new in seen
