# SPDX-License-Identifier: GPL-2.0-or-later
"""apply and release where a driver does not let go: the time limit holds, and what is said is
true. A FIFO that nobody reads stands for an attribute that hangs whoever writes to it."""

import os
import subprocess
import time

import pytest

from lib import golden
from lib.binder import UNDER_STRACE
from lib.editing import plant, set_conf
from lib.payload import fixture_program  # noqa: F401

LIMIT = 10  # TIME_LIMIT_MS
ADDRESS = "0000:09:00.0"
ROW = ADDRESS + " 010802 c0a9:5407 - - {} 20 - - - -\n"
DEVICE = f"sys/bus/pci/devices/{ADDRESS}"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="both take root")


class Hanging:
    """A command that is at the unbind, which does not return."""

    def __init__(self, program, root, driver, *words):
        self.root = golden.Path(plant(root, ROW.format(driver)).root)
        set_conf(self.root, f"bind {ADDRESS}\n")
        unbind = self.root / f"sys/bus/pci/drivers/{driver}/unbind"
        unbind.unlink(missing_ok=True)
        os.mkfifo(unbind)
        self.calls = root.parent / f"{words[0]}.calls"
        trace = ["strace", "-f", "-qq", "-s", "300", "-o", self.calls, *UNDER_STRACE, "-e",
                 "trace=file,kill"]
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [*trace, program, "--root", self.root, "--json", *words], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=golden.environment())

    def unlink(self):
        """As the kernel does before it waits for the driver."""
        (self.root / DEVICE / "driver").unlink()

    def end(self):
        """The seconds it took, its exit status, its JSON and what it said."""
        stdout, stderr = self.process.communicate(timeout=60)
        return (time.monotonic() - self.began, self.process.returncode, stdout,
                stderr.splitlines())

    def opened(self):
        """What it opened of the device after it gave up: that could wait for the device's lock."""
        before, _, after = self.calls.read_text(encoding="utf-8").partition("SIGKILL")
        assert f"{ADDRESS}/" in before and '"driver"' in after
        return [line for line in after.splitlines()
                if " open" in line and f"{ADDRESS}/" in line and "O_PATH" not in line]


def test_the_time_limit_holds_and_the_driver_link_is_told(program, tmp_path):
    """Both at once, as each takes its time."""
    apply = Hanging(program, tmp_path / "apply", "nvme", "apply")
    release = Hanging(program, tmp_path / "release", "vfio-pci", "release", ADDRESS)
    time.sleep(2)
    apply.unlink()

    took, status, stdout, said = apply.end()
    assert took < 2 * LIMIT and status == 1
    assert golden.validate(stdout, "apply")["devices"] == [{
        "address": ADDRESS, "result": "failed", "driver": "", "rule": "/etc/vfio-bind.conf:1",
        "detail": "hung: unbind"}]
    assert said[0] == f"vfio-bind: {ADDRESS}: hung at unbind; its driver link: none"
    assert said[1].startswith("nvme does not let go of it") and apply.opened() == []

    took, status, stdout, said = release.end()
    assert LIMIT <= took < 2 * LIMIT and status == 1
    assert golden.validate(stdout, "release")["devices"] == [{
        "address": ADDRESS, "result": "failed", "driver": "vfio-pci",
        "rule": "/etc/vfio-bind.conf:1", "detail": "hung: unbind"}]
    assert said[0] == f"vfio-bind: {ADDRESS}: hung at unbind; its driver link: vfio-pci"
    assert said[-1] == "Is a virtual machine using it?" and release.opened() == []
