# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-bind release on a tree of plain files: which device is meant, and what is written."""

import os

import pytest

from lib import golden
from lib.editing import run, set_conf
from lib.hosttree import HostTree
from lib.payload import fixture_program  # noqa: F401

OVERRIDE = "sys/bus/pci/devices/{}/driver_override"
PROBE = "sys/bus/pci/drivers_probe"
FIRST, SECOND = "0000:01:00.0", "0000:02:00.0"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="release takes root")


@pytest.fixture(name="host")
def fixture_host(tmp_path):
    """Two drives; the second has a partition, and a mapped device on that. An array is on both."""
    host = HostTree(tmp_path / "root")
    _, disk = host.nvme()
    _, other = host.nvme(SECOND, "0000:00:04.0", "259:5", "nvme1n1")
    part = host.partition(other, "259:6")
    host.node(part)
    host.node(host.virtual("dm-0", "254:0", [part]), "mapper/home")
    host.node(host.virtual("md0", "9:0", [part, disk]))
    host.node(host.virtual("ram0", "1:0"))
    for address in FIRST, SECOND:
        host.write(OVERRIDE.format(address), "vfio-pci\n")
    host.write(PROBE, "")
    host.mount("/", "259:0")
    (host.root / "etc").mkdir()
    return host


def left(host):
    """The overrides, and the address that was given to be probed."""
    return [(host.root / path).read_text() for path in
            (OVERRIDE.format(FIRST), OVERRIDE.format(SECOND), PROBE)]


@pytest.mark.parametrize("what", [SECOND, "02:00.0", "/dev/nvme1n1", "/dev/nvme1n1p1",
                                  "/dev/mapper/home"])
def test_one_device_is_given_back(program, host, what):
    done = run(program, host.root, "release", what)
    assert (done.status, done.stdout) == (0, ""), done.stderr
    first, second, probed = left(host)
    # A file that is no attribute keeps what is behind the line that was written.
    assert (first, second[0], probed) == ("vfio-pci\n", "\n", SECOND)


@pytest.mark.parametrize("driver, last", [("vfio-pci", "ffffffff ffffffff"), ("nvme", "")])
def test_ids_do_not_take_it_right_back(program, host, driver, last):
    """What vfio-pci was told of the kind is taken out first; a host's driver keeps what it has."""
    host.link(f"sys/bus/pci/devices/{SECOND}/driver", f"sys/bus/pci/drivers/{driver}")
    uevent = host.root / f"sys/bus/pci/devices/{SECOND}/uevent"
    uevent.write_text(f"DRIVER={driver}\n{uevent.read_text()}")
    for name in "remove_id", "unbind":
        host.write(f"sys/bus/pci/drivers/{driver}/{name}", "")
    run(program, host.root, "release", SECOND)
    assert (host.root / f"sys/bus/pci/drivers/{driver}/remove_id").read_text() == last
    assert left(host)[2] == SECOND


def released(program, host, what, status):
    """The one row of its JSON."""
    done = run(program, host.root, "release", "--json", what)
    shown = golden.validate(done.stdout, "release")
    assert (done.status, shown["result"]) == (status, "failed" if status else "as-configured")
    return shown["devices"][0]


def test_json(program, host):
    (host.root / "sys/kernel/iommu_groups/0").mkdir(parents=True)
    host.link(f"sys/bus/pci/devices/{SECOND}/iommu_group", "sys/kernel/iommu_groups/0")
    host.link(f"sys/bus/pci/devices/{SECOND}/driver", "sys/bus/pci/drivers/nvme")
    set_conf(host.root, "bind 02:00.0 id=144d:a80a\n")
    assert released(program, host, "02:00.0", 0) == {
        "address": SECOND, "result": "released", "driver": "nvme",
        "rule": "/etc/vfio-bind.conf:1", "detail": ""}
    row = released(program, host, "/dev/nvme0n1", 0)
    assert (row["address"], row["driver"], row["rule"]) == (FIRST, "", "")


def test_json_of_a_failure(program, host):
    (host.root / OVERRIDE.format(FIRST)).unlink()
    assert released(program, host, FIRST, 1) == {
        "address": FIRST, "result": "failed", "driver": "", "rule": "", "detail": "ENOENT"}


@pytest.mark.parametrize("what, status, said", [
    ("0000:09:00.0", 3, "there is no such device"),
    ("nvme1n1", 2, "expected an address, [DDDD:]BB:DD.F, or a node, /dev/..."),
    ("/dev/nothing", 3, "leads to no PCI function"),
    ("/dev/ram0", 3, "leads to no PCI function"),
    ("/dev/md0", 2, "stands on several devices"),
])
def test_nothing_is_written_where_none_is_meant(program, host, what, status, said):
    done = run(program, host.root, "release", what)
    assert (done.status, done.stdout) == (status, "")
    assert said in done.stderr
    assert left(host) == ["vfio-pci\n", "vfio-pci\n", ""]


def test_a_policy_that_still_chooses_it_is_named(program, host):
    (host.root / "sys/kernel/iommu_groups/0").mkdir(parents=True)
    host.link(f"sys/bus/pci/devices/{SECOND}/iommu_group", "sys/kernel/iommu_groups/0")
    set_conf(host.root, "bind 02:00.0 id=144d:a80a\n")
    assert "vfio-bind remove 02:00.0" in run(program, host.root, "release", "02:00.0").stderr
    assert "remove" not in run(program, host.root, "release", "01:00.0").stderr


@pytest.mark.parametrize("words", [[], ["02:00.0", "01:00.0"], ["--all"]])
def test_usage(program, host, words):
    assert run(program, host.root, "release", *words).status == 2
    assert left(host) == ["vfio-pci\n", "vfio-pci\n", ""]


def test_what_is_the_hosts_already_is_not_released(program, host):
    """No override, and the host's own driver: as the drive the host runs from."""
    host.write(OVERRIDE.format(FIRST), "(null)\n")
    host.link(f"sys/bus/pci/devices/{FIRST}/driver", "sys/bus/pci/drivers/nvme")
    assert released(program, host, FIRST, 0) == {
        "address": FIRST, "result": "kept", "driver": "nvme", "rule": "", "detail": ""}
    assert run(program, host.root, "release", FIRST).stderr == \
        f"vfio-bind: {FIRST} is the host's already\n"
    assert left(host) == ["(null)\n", "vfio-pci\n", ""]


def test_a_bridge_is_refused(program, host):
    host.write(f"sys/bus/pci/devices/{FIRST}/class", "0x060400\n")
    done = run(program, host.root, "release", "--json", FIRST)
    row, = golden.validate(done.stdout, "release")["devices"]
    assert (done.status, row["result"], row["detail"]) == (5, "refused", "is a bridge")
    assert done.stderr == f"vfio-bind: {FIRST} not released: it is a bridge\n"
    assert left(host) == ["vfio-pci\n", "vfio-pci\n", ""]


def test_a_parent_that_ignores_sigchld(program, host):
    done = run(program, host.root, "release", SECOND,
               prefix=["env", "--ignore-signal=CHLD"])
    assert (done.status, done.stderr) == (0, f"vfio-bind: {SECOND} released\n")
