# SPDX-License-Identifier: GPL-2.0-or-later
"""apply and release where a driver does not let go, and where a device cannot be read: the time
limit holds by the injector's clock, and what is said is true."""

import os
from dataclasses import dataclass

import pytest

from lib import golden
from lib.editing import plant, set_conf
from lib.injector import STUCK, Answer, Injector, Snapshot
from lib.payload import fixture_program  # noqa: F401

LIMIT = 10_000  # TIME_LIMIT_MS
RESERVE = 2_000  # RESERVE_MS of supervise.c: what is left of the limit once a device has hung
READING = 30_000  # LIMIT_S of deadline.c, in milliseconds
WRITE, CLOSE = 1, 3
ADDRESS = "0000:09:00.0"
ROW = ADDRESS + " 010802 c0a9:5407 - - {} 20 - - - -\n"
LINK = f"sys/bus/pci/devices/{ADDRESS}/driver"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="both take root")


@dataclass
class Ended:
    """What came of a run."""

    answer: Answer
    stdout: str
    said: list
    link: str | None  # the driver's name


class Bench:
    """A command on a machine with one device of its policy."""

    def __init__(self, program, folder, driver, *words):
        self.root = golden.Path(plant(folder / "root", ROW.format(driver)).root)
        set_conf(self.root, f"bind {ADDRESS}\n")
        self.snapshot = Snapshot(self.root)
        self.files = [folder / name for name in ("stdout", "stderr")]
        self.injector = Injector(
            self.root, *words, env=golden.environment(), program=(
                "/bin/sh", "-c", 'exec >"$1" 2>"$2"; shift 2; exec "$@"', "sh", *self.files,
                program, "--root", self.root, "--json"))
        status, self.calls = self.injector.calls()
        assert status == 0
        self.snapshot.restore(self.snapshot.changed())

    def hang(self, call, value):
        """Has a call not return; 1: but be made, as an unbind that waits for the driver."""
        answer = self.injector.run(call, "stall", value)
        link = self.root / LINK
        link = os.path.basename(os.readlink(link)) if os.path.islink(link) else None
        self.snapshot.restore(self.snapshot.changed())
        stdout, said = (file.read_text("utf-8") for file in self.files)
        return Ended(answer, stdout, said.splitlines(), link)


@pytest.fixture(name="make_bench")
def fixture_make_bench(program, tmp_path):
    """Benches of the program that is built; they are closed."""
    benches = []

    def make_bench(driver, *words):
        benches.append(Bench(program, tmp_path, driver, *words))
        return benches[-1]

    yield make_bench
    for bench in benches:
        bench.injector.close()


@pytest.mark.parametrize("command, driver, limit, words", [
    ("apply", "nvme", LIMIT - RESERVE, ()), ("release", "vfio-pci", LIMIT, (ADDRESS,))])
def test_a_write_that_never_returns(make_bench, command, driver, limit, words):
    """The command ends at its limit and tells the driver link. It opens no file of the device then,
    which the kernel has locked: that would never return either."""
    bench = make_bench(driver, command, *words)
    last = max(call.process for call in bench.calls)
    writes = [call for call in bench.calls if (call.process, call.number) == (last, WRITE)]
    unbind = next(call for call in writes if bench.hang(call, 1).link is None)
    for value, link in ((0, driver), (1, None)):
        ended = bench.hang(unbind, value)
        assert (ended.answer, ended.link) == (Answer(1, True, limit, 0), link)
        assert golden.validate(ended.stdout, command)["devices"] == [{
            "address": ADDRESS, "result": "failed", "driver": link or "",
            "rule": "/etc/vfio-bind.conf:1", "detail": "hung: unbind"}]
        assert ended.said[0] == \
            f"vfio-bind: {ADDRESS}: hung at unbind; its driver link: {link or 'none'}"
        if command == "apply":
            assert ended.said[1].startswith("nvme does not let go of it")
        else:
            assert ended.said[-1] == "Is a virtual machine using it?"


def test_a_device_that_cannot_be_read(make_bench):
    """The command ends, wherever it was while it looked at the devices, and nothing is changed."""
    bench = make_bench("nvme", "apply")
    calls = [call for call in bench.calls if call.process == 2]
    for read, call in enumerate(calls):
        ended = bench.hang(call, 0)
        assert ended.link == "nvme", call
        if calls[read - 1].number == CLOSE and ended.answer.status == STUCK:
            break  # all is read, and its first process waits in wait4() for whatever comes of it
        assert ended.answer == Answer(1, True, READING, 0), call
        assert ended.stdout == "" and "could not be read within 30 s" in ended.said[0], call
    assert 100 < read < len(calls)
