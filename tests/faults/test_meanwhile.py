# SPDX-License-Identifier: GPL-2.0-or-later
"""A late pass while the kernel is at it too: a device that goes away, one that a rescan has found
and not added yet, and another pass that keeps the lock."""

import os
import shutil

import pytest

from lib.binder import REPORT
from lib.injector import Answer, Injector
from lib.quick import fixture_memory  # noqa: F401
from scenarios import AGAIN, CONF, Scenario, device, driver_of
from test_faults import FCNTL, LIMIT, WRITE, Bench

STAT = 262
ADDRESS, OTHER = "0000:07:00.1", "0000:08:00.0"
FOUND = "proc/bus/pci/07/00.1"  # is made as the kernel adds it


LATE = Scenario("late", {CONF: f"bind {ADDRESS}\n"}, 0, (ADDRESS,), arguments=("--device", ADDRESS))
# Without an IOMMU group.
REFUSED = Scenario("refused", {CONF: f"bind {OTHER}\n"}, 1, (), arguments=("--device", OTHER),
                   extra=f"{OTHER} 020000 8086:10fb - - - - - - - -\n")


@pytest.fixture(name="make_bench")
def fixture_make_bench(memory):
    """Benches; they are closed."""
    benches = []

    def make_bench(scenario=LATE):
        benches.append(Bench(scenario, os.path.join(memory, scenario.name)))
        bench = benches[-1]
        assert bench.status == scenario.status
        bench.snapshot.restore(bench.snapshot.changed())
        return bench

    yield make_bench
    for bench in benches:
        bench.injector.close()
        shutil.rmtree(bench.tree.root)


def told(bench):
    """The lines of the log, and those of the report that are about the device."""
    report = bench.tree.read(REPORT) if os.path.exists(bench.tree.path(REPORT)) else ""
    return (bench.tree.read("dev/kmsg").splitlines(),
            [line.split("\t") for line in report.splitlines()[1:]])


@pytest.mark.parametrize("scenario", [LATE, REFUSED], ids=str)
def test_it_goes_away(make_bench, scenario):
    """At any call, until all is said: it is no error, and nothing is refused or has failed."""
    bench = make_bench(scenario)
    wrong = []
    calls = bench.calls
    if scenario is REFUSED:  # until it is looked at for the last time: then it is noted as seen
        calls = calls[:[call.number for call in calls].index(WRITE)]
        calls = calls[:[at for at, call in enumerate(calls) if call.number == STAT][-2]]
    for call in calls:
        answer = bench.injector.run(call, "gone", 0)
        said, rows = told(bench)
        bench.snapshot.restore(bench.snapshot.changed())
        if answer != Answer(0, True, 0, 0) and call.process > 1 or \
                any(word in line for line in said for word in ("refused", "failed")):
            wrong.append(f"{call}: {answer} {said} {rows}")
    assert not wrong, "\n".join(wrong[:20])


def test_found_and_not_added_yet(make_bench):
    """The kernel has told of it, as after a rescan of a switch: bound once drivers are let at it."""
    bench = make_bench()
    os.makedirs(os.path.dirname(bench.tree.path(FOUND)))
    answer = bench.injector.run(bench.calls[0], "short", 1)
    said, rows = told(bench)
    assert (answer.status, driver_of(bench.tree, ADDRESS)) == (0, "vfio-pci")
    assert [row[1:3] + row[5:] for row in rows] == [["bind", "rule", "vfio-pci", "late"]]
    assert not any("failed" in line for line in said)


def test_the_lock_is_not_to_be_had(make_bench):
    """It does not say that a device hangs, or that it could not be read."""
    bench = make_bench()
    lock = next(call for call in bench.calls if (call.process, call.number) == (2, FCNTL))
    answer = bench.injector.run(lock, "stall", 0)
    assert answer == Answer(3, True, LIMIT, 0)
    said, rows = told(bench)
    assert said == [f"<3>vfio-bind: {ADDRESS} not looked at: another late pass has not ended"]
    assert not rows


def test_out_of_time_but_once(make_bench):
    """udev is told once more of a device that was not looked at; of one whose event says that it is
    that one it is not. (test_a_call_that_never_returns has all calls.)"""
    bench = make_bench()
    lock = next(call for call in bench.calls if (call.process, call.number) == (2, FCNTL))
    uevent = f"{device(ADDRESS)}/uevent"
    told_at_first = bench.tree.read(uevent)
    for env, then in ((None, AGAIN), ({"SYNTH_ARG_AGAIN": "1"}, told_at_first)):
        injector = Injector(bench.tree.root, *LATE.arguments, env=env)
        answer = injector.run(lock, "stall", 0)
        injector.close()
        assert (answer, bench.tree.read(uevent)) == (Answer(3, True, LIMIT, 0), then)
        bench.snapshot.restore(bench.snapshot.changed())
