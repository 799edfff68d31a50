# SPDX-License-Identifier: GPL-2.0-or-later
"""Every system call of the binder that is shipped fails once, in every way, and nothing bad comes
of it: see scenarios.py for what the binder is at, and tests/faults/inject.c for how."""

import errno
import os
import shutil
import signal
import subprocess

import pytest

from lib.binder import BINDER, MADE_AGAIN, REPORT
from lib.injector import NAMES, STUCK, Injector, Snapshot
from lib.quick import fixture_memory  # noqa: F401
from scenarios import AGAIN, SCENARIOS, device, driver_of, lies

ERRORS = ("ENOENT", "EACCES", "EPERM", "EIO", "ENOSPC", "EROFS", "ENOMEM", "EINTR", "EMFILE",
          "ENODEV", "EBUSY", "EINVAL", "ELOOP")
COMMONEST = ("ENOENT", "EIO", "EINTR", "ENODEV", "EBUSY")
READ, WRITE, POLL, IOCTL, PREAD = 0, 1, 7, 16, 17
WAIT4, FCNTL, FTRUNCATE, EXIT_GROUP = 61, 72, 77, 231
LOOK = 1000  # LOOK_MS of supervise.c: what a child costs whose end nobody sees in the pipe
LIMIT = 10_000  # TIME_LIMIT_MS


def anywhere(_):
    """All calls."""
    return True


def moves_bytes(call):
    """Those that can be short."""
    return call.number in (READ, WRITE, PREAD)


def writes(call):
    """Those whose success nobody can see."""
    return call.number == WRITE


def may_go_on_failing(call):
    """Not those where a process waits or ends: it would do so for ever."""
    return call.number not in (POLL, WAIT4, EXIT_GROUP)


# Each with the calls it strikes.
FAULTS = {
    **{name: (("error", getattr(errno, name), anywhere),) for name in ERRORS},
    "from then on": tuple(("from", getattr(errno, name), may_go_on_failing)
                          for name in ("EIO", "ENOSPC", "EMFILE", "ENODEV")),
    "short": tuple(("short", part, moves_bytes) for part in (2, 50, 1 << 20)),
    "lost writes": (("lie", 0, writes),),
    "signals": (("signal", signal.SIGTERM, anywhere), ("signal", signal.SIGKILL, anywhere)),
}


class Bench:
    """A scenario set up."""

    def __init__(self, scenario, root):
        self.scenario = scenario
        self.tree = scenario.plant(root)
        self.snapshot = Snapshot(root)
        self.injector = Injector(self.tree.root, *scenario.arguments)
        self.status, self.calls = self.injector.calls()

    def take(self):
        """What the last run changed and what is wrong with that; then all is as before."""
        changed = self.snapshot.changed()
        wrong = list(self.scenario.strays(self.tree, changed))
        done = self.scenario.is_done(self.tree)
        lied = list(lies(self.tree, self.scenario.after)) if not self.scenario.report else []
        self.snapshot.restore(changed)
        return wrong, lied, done

    def hang(self, call):
        """Yields what is wrong with a run of which one call does not return."""
        answer = self.injector.run(call, "stall", 0)
        left = [at for at in self.scenario.bound
                if driver_of(self.tree, at) != self.scenario.after]
        said = self.tree.read("dev/kmsg")
        again = [at for at in self.scenario.bound
                 if self.tree.read(device(at) + "/uevent") == AGAIN]
        yield from self.take()[0]
        missed = "--device" in self.scenario.arguments and \
            ("hung while reading" in said or "not looked at" in said)
        if again != (list(self.scenario.bound) if missed else []):
            yield f"told once more: {again}"
        # A process that has seen to its device does no harm by hanging.
        done = call.process > 2 and not left
        if (answer.struck, answer.crash) != (True, 0) or \
                answer.status not in ((self.scenario.status,) if done else (1, 3)):
            yield f"{answer}"
        if answer.ms > LIMIT or call.process == 2 and answer.ms < LIMIT:
            yield f"{answer.ms} ms"
        if not done and "hung" not in said and "not looked at" not in said:  # that is: no lock
            yield "nothing said"
        # What hangs over one device, as it is taken or bound, keeps no other from its driver.
        if call.process > 2 and len(left) > 1:
            yield f"{left} have no driver"

    def strike(self, call, kind, value):
        """Yields what is wrong with a run."""
        answer = self.injector.run(call, kind, value)
        wrong, lied, done = self.take()
        yield from wrong
        if kind != "lie":  # who wrote the report was told that all of it was written
            yield from lied
        if answer.crash:
            yield f"crash by signal {answer.crash}"
        children = max(each.process for each in self.calls) - 1
        looks = children if kind == "from" else min(children, 1)
        if answer.ms > looks * LOOK or answer.status == STUCK:
            yield f"{answer}"
        if not answer.struck:
            yield "the fault did not strike"
        killed = kind == "signal" and call.process == 1 and answer.status == -value
        if not killed and answer.status not in (0, 1, 2, 3):
            yield f"exit status {answer.status}"
        # Nobody can see that a probe was not made.
        done |= kind == "lie" and bool(self.scenario.report)
        if answer.status == 0 and not (self.scenario.status == 0 and done):
            yield "exit status 0"


@pytest.fixture(name="bench")
def fixture_bench(scenario, memory):
    """The scenario in a folder of its own."""
    found = Bench(scenario, os.path.join(memory, "tree"))
    yield found
    found.injector.close()
    shutil.rmtree(found.tree.root)


def plan(calls, faults):
    """Every fault at every call it strikes."""
    return [(call, kind, int(value)) for kind, value, strikes in faults
            for call in calls if strikes(call)]


def by_night(scenario, fault):
    """By day the first scenario has every error, each other the commonest ones."""
    return scenario != SCENARIOS[0] and fault in ERRORS and fault not in COMMONEST


@pytest.mark.parametrize("scenario, fault", [
    pytest.param(scenario, fault, id=f"{scenario}-{fault}",
                 marks=[pytest.mark.nightly] if by_night(scenario, fault) else [])
    for scenario in SCENARIOS for fault in FAULTS])
def test_nothing_bad_comes_of(bench, fault, record_property):
    """A fault at every call of a scenario, one a run."""
    assert bench.status == bench.scenario.status
    assert bench.take() == ([], [], True)
    planned = plan(bench.calls, FAULTS[fault])
    found = [f"{kind} {value} at {call}: {wrong}" for call, kind, value in planned
             for wrong in bench.strike(call, kind, value)]
    record_property("injections", len(planned))
    assert not found, "\n".join([f"{len(found)} of {len(planned)}", *found[:40]])


@pytest.mark.parametrize("scenario", [one for one in SCENARIOS if "--undo" in one.arguments],
                         ids=str)
def test_a_fault_keeps_nothing_from_the_host(bench, record_property):
    """A file says that it was done, and nobody tries again: then it was, whatever failed once."""
    assert bench.take() == ([], [], True)
    planned = plan(bench.calls, [fault for name in ("EIO", "ENOENT", "ENODEV", "short")
                                 for fault in FAULTS[name]])
    kept = []
    for call, kind, value in planned:
        bench.injector.run(call, kind, value)
        said = os.path.exists(bench.tree.path("run/vfio-bind/undone"))
        if not bench.take()[2] and said:
            kept.append(f"{kind} {value} at {call}")
    record_property("injections", len(planned))
    assert not kept


@pytest.mark.parametrize("scenario", [one for one in SCENARIOS if one.trial], ids=str)
def test_a_firmware_that_never_answers(bench):
    """Nothing is bound, and late passes find in the report that nothing may be."""
    assert bench.take() == ([], [], True)
    counting = [call for call in bench.calls if call.number in (IOCTL, FTRUNCATE)]
    assert counting
    for call in counting:
        answer = bench.injector.run(call, "stall", 0)
        report = bench.tree.read(REPORT)
        assert bench.take()[2] is False
        assert (answer.status, answer.struck) == (3, True), call
        assert report.splitlines()[1:] == ["# the trial cannot be counted"], call


@pytest.mark.parametrize("scenario", [one for one in SCENARIOS if not one.report], ids=str)
def test_a_call_that_never_returns(bench, record_property):
    """At each call of a process that works: the one that watches ends in time, and says so."""
    calls = [call for call in bench.calls if call.process > 1]
    bench.take()
    found = [f"{call}: {wrong}" for call in calls for wrong in bench.hang(call)]
    record_property("injections", len(calls))
    assert not found, "\n".join(found[:40])


@pytest.mark.parametrize("scenario", [one for one in SCENARIOS if "--undo" in one.arguments],
                         ids=str)
@pytest.mark.parametrize("kind, waited", [("error", 1_000), ("from", LIMIT)])
def test_undo_beside_a_late_pass(bench, kind, waited):
    """It waits until that is through; for one that hangs no longer than such a pass may take."""
    assert bench.take() == ([], [], True)
    lock = [call for call in bench.calls if call.number == FCNTL][-1]
    answer = bench.injector.run(lock, kind, errno.EAGAIN)
    assert bench.take() == ([], [], True)
    assert (answer.status, answer.struck, answer.ms) == (0, True, waited)


def by_strace(bench, fault, memory):
    """A run of the binder in which strace has every call counted just once."""
    log = os.path.join(memory, "calls")
    while True:
        done = subprocess.run(["strace", "-qq", "-o", log, "-e", fault, BINDER, "--root",
                               bench.tree.root, *bench.scenario.arguments], check=False,
                              stderr=subprocess.DEVNULL)
        with open(log, encoding="utf-8", errors="replace") as calls:
            if MADE_AGAIN not in calls.read():
                return done
        bench.snapshot.restore(bench.snapshot.changed())


def test_strace_agrees(memory):
    """The same error at the same call by strace, where there is one process, has the same end."""
    scenario = SCENARIOS[-1]
    bench = Bench(scenario, os.path.join(memory, "tree"))
    bench.take()
    injector, seen = Injector(bench.tree.root, *scenario.arguments, kernel=False), {}
    for call in injector.calls()[1]:
        bench.snapshot.restore(bench.snapshot.changed())
        seen[call.number] = seen.get(call.number, 0) + 1
        status = injector.run(call, "error", errno.EIO).status
        changed = bench.snapshot.changed()
        bench.snapshot.restore(changed)
        done = by_strace(bench, f"inject={NAMES[call.number]}:error=EIO:when={seen[call.number]}",
                         memory)
        differs = bench.snapshot.changed() != changed  # all of it shown would take a minute
        assert (done.returncode, differs) == (status, False), call
    injector.close()
    bench.injector.close()
    assert len(seen) > 5


def test_as_many_as_are_promised(memory):
    """At least 10,000, and no call of the program goes without."""
    count = 0
    for scenario in SCENARIOS:
        bench = Bench(scenario, os.path.join(memory, scenario.name))
        bench.injector.close()
        count += sum(len(plan(bench.calls, faults)) for faults in FAULTS.values())
        processes = {call.process for call in bench.calls}
        # Nobody watches a release; and each device that is bound has a process of its own.
        assert processes == (
            {1} if scenario.report else set(range(1, len(scenario.bound) + 3)))
    assert count >= 10_000
