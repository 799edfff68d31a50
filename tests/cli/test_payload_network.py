# SPDX-License-Identifier: GPL-2.0-or-later
"""The network cards and the keyboard that a payload protects."""

import pytest

from lib.hosttree import HostTree
from lib.payload import build, fixture_program  # noqa: F401

DEFAULT = ("0.0.0.0", "0.0.0.0")
USB = "usb1/1-3/1-3:1.0/0003:046D:C31C.0001"
MOUSE = "1f0000 0 0 0 0"


@pytest.fixture(name="host")
def fixture_host(tmp_path):
    """Two cards, each behind a port, and two USB controllers."""
    host = HostTree(tmp_path / "root")
    _, disk = host.nvme()
    host.mount("/", "259:0", "/dev/nvme0n1")
    host.disk = disk
    host.card = host.pci("pci0000:00/0000:00:08.0/0000:08:00.0", "8086:10d3", 0x020000)
    host.other = host.pci("pci0000:00/0000:00:09.0/0000:09:00.0", "15b3:1017", 0x020000)
    host.network("eth0", host.card)
    host.network("eth1", host.other)
    host.network("lo")
    host.xhci = host.pci("pci0000:00/0000:00:14.0", "8086:a36d", 0x0c0330)
    host.second_xhci = host.pci("pci0000:00/0000:00:0a.0/0000:0a:00.0", "1b21:2142", 0x0c0330)
    return host


@pytest.fixture(name="protect")
def fixture_protect(program, host, tmp_path):
    """Builds and returns the lines of one use; stderr is kept in host.said."""
    def run(use):
        payload = build(program, host.root, tmp_path / "out")
        assert payload.status == 0, payload.stderr
        host.said = payload.stderr
        return [line for line in payload.protect if line.startswith(use)]
    return run


def test_the_card_of_the_default_route(host, protect):
    host.routes(("eth0", *DEFAULT), ("eth0", "10.0.0.0", "255.0.0.0"),
                ("eth1", "192.168.1.0", "255.255.255.0"))
    assert protect("network") == host.lines("network", host.card) == [
        "network path=0000:00/08.0 id=8086:1901", "network path=0000:00/08.0/00.0 id=8086:10d3"]
    assert "network" not in host.said


def test_no_default_route_is_no_card(host, protect):
    host.routes(("eth0", "10.0.0.0", "255.0.0.0"))
    assert protect("network") == []


def test_two_default_routes_are_two_cards(host, protect):
    host.routes(("eth0", *DEFAULT), ("eth1", *DEFAULT))
    assert protect("network") == host.lines("network", host.card, host.other)


def test_a_vlan_on_a_bond_of_two(host, protect):
    host.network("bond0", lower=("eth0", "eth1"))
    host.network("bond0.100", lower=("bond0",))
    host.routes(("bond0.100", *DEFAULT))
    assert protect("network") == host.lines("network", host.card, host.other)


def test_a_bridge_with_ports_of_guests(host, protect):
    host.network("vnet0")
    host.network("br0", lower=("vnet0", "eth1"))
    host.routes(("br0", *DEFAULT))
    assert protect("network") == host.lines("network", host.other)
    assert "network" not in host.said


def test_a_tunnel_is_a_warning(host, protect):
    host.network("wg0")
    host.routes(("wg0", *DEFAULT))
    assert protect("network") == []
    assert "goes through wg0" in host.said


def test_a_usb_card_protects_its_controller(host, protect):
    host.network("usb0", f"{host.xhci}/usb1/1-1/1-1:1.0")
    host.routes(("usb0", *DEFAULT))
    assert protect("network") == host.lines("network", host.xhci)


def test_ipv6_has_a_default_route_too(host, protect):
    zero = "0" * 32
    host.write("proc/net/ipv6_route", "".join(
        f"{to} {bits} {zero} 00 {hop} 00000400 00000001 00000000 {flags} {name:>8}\n"
        for to, bits, hop, flags, name in (
            ("fe800000000000000000000000000000", "40", zero, "00000001", "eth0"),
            (zero, "00", "fe800000000000000000000000000001", "00000003", "eth1"),
            (zero, "00", zero, "00200200", "lo"))))
    assert protect("network") == host.lines("network", host.other)
    assert "lo:" not in host.said


@pytest.mark.parametrize("fstype, options, cards", [
    ("nfs4", "rw,vers=4.2,addr=192.168.1.5,clientaddr=192.168.1.9", ("card", "other")),
    ("cifs", "rw,addr=10.9.9.9", ("card",)),
    ("nfs", "rw,addr=172.16.0.1", ("card",)),
    ("nfs4", "rw,addr=fd00::5", ("card", "other"))])
def test_the_way_to_a_file_server(host, protect, fstype, options, cards):
    host.routes(("eth0", *DEFAULT), ("eth0", "10.0.0.0", "255.0.0.0"),
                ("eth1", "192.168.1.0", "255.255.255.0"))
    host.write("proc/net/ipv6_route", f"fd{'0' * 30} 40 {'0' * 32} 00 {'0' * 32} 00000100 00000001"
                                      " 00000000 00000001     eth1\n")
    host.mount("/srv", "0:50", "server:/srv", fstype, options)
    assert protect("network") == host.lines("network", *[getattr(host, name) for name in cards])


def test_the_narrowest_route_to_a_server_is_the_one(host, protect):
    host.routes(("eth0", "10.9.0.0", "255.255.0.0"), ("eth1", "10.0.0.0", "255.0.0.0"))
    host.mount("/srv", "0:50", "server:/srv", "nfs4", "rw,addr=10.9.9.9")
    assert protect("network") == host.lines("network", host.card)


def test_a_route_that_refuses_is_none(host, protect):
    host.write("proc/net/route", "Iface\tDestination\n*\t00000000\t00000000\t0201\t0\t0\t0\t"
                                 "00000000\t0\t0\t0\n")
    assert protect("network") == []
    assert "goes through" not in host.said


def test_the_way_to_an_iscsi_target(host, protect):
    host.routes(("eth1", "192.168.1.0", "255.255.255.0"))
    host.block("platform/host3/session2/target3:0:0/3:0:0:0/block/sdd", "8:48")
    host.write("sys/class/iscsi_connection/connection2:0/persistent_address", "192.168.1.7\n")
    host.mount("/srv", "8:48", "/dev/sdd")
    assert protect("network") == host.lines("network", host.other)


def test_the_way_to_an_nvme_target(host, protect):
    host.routes(("eth1", "192.168.1.0", "255.255.255.0"))
    host.block("virtual/nvme-subsystem/nvme-subsys4/nvme4n1", "259:40")
    host.link("sys/class/nvme-subsystem/nvme-subsys4",
              "sys/devices/virtual/nvme-subsystem/nvme-subsys4")
    host.write("sys/devices/virtual/nvme-fabrics/ctl/nvme4/transport", "tcp\n")
    host.write("sys/devices/virtual/nvme-fabrics/ctl/nvme4/address",
               "traddr=192.168.1.7,trsvcid=4420,src_addr=192.168.1.9\n")
    host.link("sys/devices/virtual/nvme-subsystem/nvme-subsys4/nvme4",
              "sys/devices/virtual/nvme-fabrics/ctl/nvme4")
    host.mount("/srv", "259:40", "/dev/nvme4n1")
    assert protect("network") == host.lines("network", host.other)
    assert protect("unknown") == []


def test_the_only_keyboard(host, protect):
    host.keyboards(f"{host.xhci}/{USB}")
    assert protect("input") == host.lines("input", host.xhci)


def test_two_keyboards_on_one_controller(host, protect):
    host.keyboards(f"{host.second_xhci}/{USB}", f"{host.second_xhci}/{USB}".replace("1-3", "1-4"))
    assert protect("input") == host.lines("input", host.second_xhci)


def test_keyboards_on_two_controllers_protect_neither(host, protect):
    host.keyboards(f"{host.xhci}/{USB}", f"{host.second_xhci}/{USB}")
    assert protect("input") == []


@pytest.mark.parametrize("place", ["platform/i8042/serio0",
                                   "pci0000:00/0000:00:08.0/i2c_designware.0/i2c-1/i2c-KBD"])
def test_another_keyboard_would_be_left(host, protect, place):
    host.keyboards(f"{host.xhci}/{USB}", place)
    assert protect("input") == []


def test_a_programs_keyboard_is_none(host, protect):
    host.keyboards("virtual", f"{host.xhci}/{USB}")
    assert protect("input") == host.lines("input", host.xhci)


def test_a_mouse_and_a_button_are_no_keyboards(host, protect):
    host.keyboards(f"{host.xhci}/{USB}", keys=MOUSE)
    assert protect("input") == []
    host.keyboards(f"{host.xhci}/{USB}", keys="fff 0 0 3ff0000e3ffe0ffe")
    assert protect("input") == []
    host.keyboards("LNXSYSTM:00/LNXPWRBN:00", keys="10000000000000 0")
    assert protect("input") == []


def test_nothing_is_said_of_a_host_that_cannot_be_seen(host, protect):
    host.routes(("eth0", *DEFAULT))
    host.keyboards(f"{host.xhci}/{USB}")
    host.write(".dockerenv", "")
    assert protect("") == ["unknown"]
