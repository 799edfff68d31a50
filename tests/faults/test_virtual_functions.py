# SPDX-License-Identifier: GPL-2.0-or-later
"""A late pass that fails or is killed at any call, while it has a driver let at one virtual function
and binds another: none goes to the wrong one, and the next event puts right what is left."""

import errno
import os
import signal

import pytest

from lib.injector import STUCK
from lib.quick import fixture_memory  # noqa: F401
from scenarios import CONF, OURS, VFIO, Scenario, device, driver_of
from test_faults import ERRORS, Bench, moves_bytes

PF, CHOSEN, OTHER = "0000:07:00.0", "0000:07:10.0", "0000:07:10.2"
VIRTUAL = Scenario("virtual", {CONF: f"bind network pf={PF} vf=0\n"}, 0, (CHOSEN,),
                   arguments=("--device", OTHER), extra=f"""\
{CHOSEN} 020000 8086:154c - - - 20 0000:00:07.0 - - -
{OTHER} 020000 8086:154c - - - 21 0000:00:07.0 - - -
#sriov {PF} 63 154c
#physfn {CHOSEN} {PF} 0
#physfn {OTHER} {PF} 1
""")
HELD = f"{device(PF)}/sriov_drivers_autoprobe"
FAULTS = {**{name: ("error", getattr(errno, name)) for name in ERRORS},
          "short": ("short", 2), "terminated": ("signal", signal.SIGTERM),
          "killed": ("signal", signal.SIGKILL)}
BY_DAY = ("EIO", "killed")


def strays(bench, changed):
    """What was written beside the two, what holds them, and our own files."""
    folders = [os.path.relpath(os.path.realpath(bench.tree.path(device(at))), bench.tree.root)
               for at in (PF, CHOSEN, OTHER)]
    held = f"{folders[0]}/sriov_drivers_autoprobe"
    bus = "sys/bus/pci/drivers"
    for name in changed:
        mine = name.startswith((f"{folders[1]}/driver", f"{folders[2]}/driver")) or name in folders
        if not (OURS.fullmatch(name) or mine or name == held or
                name in (f"{bus}_probe", f"{bus}/{VFIO}/bind")):
            yield name


def is_right(bench):
    """Each has its own driver, and what is made next is held back."""
    return (driver_of(bench.tree, CHOSEN), driver_of(bench.tree, OTHER),
            bench.tree.read(HELD).strip()) == (VFIO, "host", "0")


@pytest.mark.parametrize("fault", [
    pytest.param(fault, marks=[] if fault in BY_DAY else [pytest.mark.nightly]) for fault in FAULTS])
def test_the_next_event_puts_it_right(memory, fault, record_property):
    """One fault a run, and then a run without."""
    bench = Bench(VIRTUAL, os.path.join(memory, fault))
    assert bench.status == 0 and is_right(bench)
    bench.snapshot.restore(bench.snapshot.changed())
    kind, value = FAULTS[fault]
    calls = [call for call in bench.calls if kind != "short" or moves_bytes(call)]
    found = []
    for call in calls:
        answer = bench.injector.run(call, kind, int(value))
        if answer.crash or answer.status == STUCK or not answer.struck:
            found.append(f"{call}: {answer}")
        if driver_of(bench.tree, CHOSEN) not in ("", VFIO) or driver_of(bench.tree, OTHER) == VFIO:
            found.append(f"{call}: the wrong driver")
        found += [f"{call}: {name}" for name in strays(bench, bench.snapshot.changed())]
        bench.injector.calls()
        # A driver that was let at it once is not asked again, whatever came of that.
        asked = OTHER in bench.tree.read("run/vfio-bind/seen")
        if not is_right(bench) and not (asked and not driver_of(bench.tree, OTHER) and
                                        kind != "signal"):
            found.append(f"{call}: left {driver_of(bench.tree, OTHER)!r}, held "
                         f"{bench.tree.read(HELD)!r}, chosen {driver_of(bench.tree, CHOSEN)!r}")
        bench.snapshot.restore(bench.snapshot.changed())
    record_property("injections", len(calls))
    bench.injector.close()
    assert not found, "\n".join([f"{len(found)} of {len(calls)}", *found[:40]])
