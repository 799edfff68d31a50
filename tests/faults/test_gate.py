# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel that gives a device by driver_override only to a driver that allows it: what it refuses
costs its own device, and is told with what lifts it."""

import errno
import os
import shutil

import pytest

from lib.binder import REPORT
from lib.injector import Injector, Snapshot
from lib.quick import fixture_memory  # noqa: F401
from scenarios import CONF, VFIO, Scenario, device, driver_of
from test_faults import WRITE

STUB, OTHER = "0000:07:00.1", "0000:05:00.0"
HELD = Scenario("gate", {CONF: f"bind {STUB} driver=pci-stub\nbind {OTHER}\n"}, 1, (OTHER,),
                {STUB: "ixgbe"})
WHY = "this kernel gives a device by driver_override only to a driver that allows it"
# Where the parameter may be, and what the command line says to set it there.
WORDS = {"kernel": "allow_driver_override=1", "driver_core": "driver_core.allow_driver_override=1"}


class Kernel:
    """The machine, whose kernel has a parameter that says so, or none."""

    def __init__(self, root, value, module):
        self.tree = HELD.plant(root)
        HELD.put(self.tree, "sys/module/pci/parameters/other", "N\n")
        if value:
            HELD.put(self.tree, f"sys/module/{module}/parameters/allow_driver_override",
                     f"{value}\n")
        self.snapshot = Snapshot(root)
        self.injector = Injector(root)
        status, self.calls = self.injector.calls()
        assert status == 0
        self.restore()

    def restore(self):
        """All is as it was."""
        self.snapshot.restore(self.snapshot.changed())

    def write_to(self, name):
        """The call that does: of what is bound it is the last device, and what has to let go of it
        is taken last, by a process of its own."""
        process, at = {"driver_override": (2, 2), "bind": (max(call.process for call in self.calls), -1)}[name]
        return [call for call in self.calls if (call.process, call.number) == (process, WRITE)][at]

    def row(self):
        """Driver and detail in the report, or None where there is no line."""
        if not os.path.exists(self.tree.path(REPORT)):
            return None
        rows = [row.split("\t") for row in self.tree.read(REPORT).splitlines()]
        return next((tuple(row[5:]) for row in rows if row[0] == STUB), None)

    def run(self, call=None, error=0):
        """Who has the device then, what is told of it, and its override. The other one is bound."""
        if call:
            status = self.injector.run(call, "error", error).status
        else:
            self.injector.begin(0, 0, "none", 0)
            status = int(self.injector.end()[0])
        driver, detail = self.row()
        assert (status, driver_of(self.tree, OTHER)) == (HELD.status, VFIO)
        (line,) = [line for line in self.tree.read("dev/kmsg").splitlines() if STUB in line]
        assert line == f"<3>vfio-bind: {STUB} {detail} (/etc/{CONF}:1)"
        return driver, detail, self.tree.read(f"{device(STUB)}/driver_override").strip()


def detail_of(step, word):
    """As the report has it; of a kernel that has the parameter with what lifts it."""
    return f"failed: {step}" + (f"; {WHY}: {word} lifts that" if word else "")


@pytest.fixture(name="kernel")
def fixture_kernel(memory):
    """A function that makes one."""
    made = []

    def make(value, module="kernel"):
        made.append(Kernel(os.path.join(memory, str(len(made))), value, module))
        return made[-1]

    yield make
    for one in made:
        one.injector.close()
        shutil.rmtree(one.tree.root)


@pytest.mark.parametrize("module", WORDS)
def test_no_match(kernel, module):
    """The override is taken, its own driver has let go, and bind says that there is no such device:
    nobody has it."""
    gated = kernel("N", module)
    HELD.put(gated.tree, "gate", "")
    found = gated.run()
    assert found == ("-", detail_of("bind: ENODEV", WORDS[module]), "pci-stub")


@pytest.mark.parametrize("error", ["EPERM", "EACCES", "EOPNOTSUPP"])
def test_no_write(kernel, error):
    """The override is not taken: the host's driver has it as ever."""
    gated = kernel("0")
    found = gated.run(gated.write_to("driver_override"), getattr(errno, error))
    assert found == ("ixgbe", detail_of(f"driver_override: {error}", WORDS["kernel"]), "")


def test_no_probe(kernel):
    """It matches, and is not let at the device."""
    gated = kernel("N")
    found = gated.run(gated.write_to("bind"), errno.EPERM)
    assert found == ("-", detail_of("bind: EPERM", WORDS["kernel"]), "pci-stub")


@pytest.mark.parametrize("value, error", [("Y", "EPERM"), ("1", "EPERM"), (None, "EPERM"),
                                          ("N", "EINVAL"), ("N", "EBUSY")])
def test_nothing_is_claimed(kernel, value, error):
    """Where the parameter is not there, or lets everything be, or the error is another one's."""
    other = kernel(value)
    found = other.run(other.write_to("bind"), getattr(errno, error))
    assert found == ("-", detail_of(f"bind: {error}", ""), "pci-stub")


@pytest.mark.parametrize("error", [pytest.param("ENODEV", marks=pytest.mark.nightly), "EPERM"])
def test_whatever_else_fails(kernel, error):
    """It is named for an override or a bind alone, and never of a device that has gone."""
    gated, found = kernel("N"), set()
    for call in gated.calls:
        gated.injector.run(call, "error", getattr(errno, error))
        driver, detail = gated.row() or ("", "")
        if WHY in detail:
            found.add((driver, detail))
        gated.restore()
    # A bind that says once that there is no such device is tried again.
    steps = {"ixgbe": "driver_override"} | ({"-": "bind"} if error == "EPERM" else {})
    assert found == {(driver, detail_of(f"{step}: {error}", WORDS["kernel"]))
                     for driver, step in steps.items()}
