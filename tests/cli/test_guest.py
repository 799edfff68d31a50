# SPDX-License-Identifier: GPL-2.0-or-later
"""`vfio-bind list --for`: the lines that hand a device to a guest, as its program reads them."""

import re
import shutil
import subprocess
import xml.etree.ElementTree as xml

import pytest

from lib import golden
from lib.editing import CONF, plant, run, set_conf
from lib.payload import fixture_program  # noqa: F401

PROGRAMS = ("libvirt", "qemu", "proxmox", "incus")
GPU, SOUND, NIC, TWO, DRIVE = (f"0000:{name}" for name in
                               ("05:00.0", "05:00.1", "07:00.0", "07:00.1", "03:00.0"))
DOMAIN = """<domain type='kvm'><name>g</name><memory unit='MiB'>64</memory>
<os><type arch='x86_64' machine='q35'>hvm</type></os><devices>{}</devices></domain>
"""


@pytest.fixture(name="root")
def fixture_root(tmp_path):
    plant(tmp_path / "root")
    set_conf(tmp_path / "root", "bind display 05:00.0\nbind 07:00.1 with=functions\nbind 03:00.0\n")
    return tmp_path / "root"


def lines(program, root, name, address, status=0):
    """What it prints, and says in JSON."""
    done = run(program, root, "list", "--for", name, address)
    said = golden.validate(run(program, root, "--json", "list", "--for", name, address).stdout,
                           "list")
    assert done.status == status, done.stderr
    assert (said["for"], said["lines"]) == (name, done.stdout.splitlines())
    return said["lines"], {device["address"] for device in said["devices"]}


def address_of(element):
    parts = [int(element.get(key), 16) for key in ("domain", "bus", "slot", "function")]
    return "{:04x}:{:02x}:{:02x}.{:x}".format(*parts)


HANDED = [
    # The device that is named, those that go to the guest, and where they stand there.
    (GPU, {GPU: 0, SOUND: 1}), (SOUND, {GPU: 0, SOUND: 1}), (DRIVE, {DRIVE: 0}),
    (TWO, {NIC: 0, TWO: 1}), ("04:00.0", {"0000:04:00.0": 0}),
]


@pytest.mark.parametrize("name, handed", HANDED)
def test_libvirt(program, root, name, handed):
    """Each function, on one slot of the guest's; left with the driver it has."""
    text, devices = lines(program, root, "libvirt", name)
    devices_xml = xml.fromstring(f"<devices>{''.join(text)}</devices>").findall("hostdev")
    found = {address_of(one.find("source/address")): one for one in devices_xml}
    assert set(found) == devices == set(handed)
    assert {one.get("managed") for one in found.values()} == {"no"}
    if len(found) > 1:
        places = {key: one.find("address") for key, one in found.items()}
        assert {key: int(place.get("function"), 16) for key, place in places.items()} == handed
        assert len({(place.get("bus"), place.get("slot")) for place in places.values()}) == 1
        assert [key for key, place in places.items() if place.get("multifunction") == "on"] == \
            [key for key, function in handed.items() if function == 0]
    else:
        assert devices_xml[0].find("address") is None


def validate(path, text):
    """What libvirt's own program says of a domain with those lines in it."""
    path.write_text(DOMAIN.format("\n".join(text)), encoding="ascii")
    return subprocess.run(["virt-xml-validate", path, "domain"], capture_output=True, text=True,
                          check=False)


@pytest.mark.nightly
def test_libvirt_takes_the_lines(program, root, tmp_path):
    """By the schema of a domain; and what that is worth: without a source they are refused."""
    for name, _ in HANDED:
        text, _ = lines(program, root, "libvirt", name)
        done = validate(tmp_path / "domain.xml", text)
        assert done.returncode == 0, (text, done)
        spoilt = [re.sub("source>", "sauce>", line) for line in text]
        assert spoilt != text and validate(tmp_path / "domain.xml", spoilt).returncode


def qemu_options(text):
    """[{key: value}] of -device lines."""
    for line in text:
        option, value = line.split(" ")
        assert option == "-device"
        driver, *pairs = value.split(",")
        yield {"driver": driver, **dict(pair.split("=") for pair in pairs)}


@pytest.mark.parametrize("name, handed", HANDED)
def test_qemu(program, root, name, handed):
    text, devices = lines(program, root, "qemu", name)
    port, *found = qemu_options(text)
    assert port["driver"] == "pcie-root-port" and {one["driver"] for one in found} == {"vfio-pci"}
    assert {one["host"]: int(one["addr"][3:]) for one in found} == handed
    assert set(handed) == devices and {one["bus"] for one in found} == {port["id"]}
    assert [one["host"] for one in found if one.get("multifunction") == "on"] == \
        [key for key, function in handed.items() if function == 0 and len(handed) > 1]


@pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="no QEMU")
def test_qemu_takes_the_options(program, root):
    """A device of its own in place of one of the host's: the guest sees both functions."""
    text = [re.sub(r"vfio-pci,host=[^,]*", "virtio-rng-pci", word) for address in (GPU, DRIVE)
            for line in lines(program, root, "qemu", address)[0] for word in line.split(" ")]
    done = subprocess.run(["qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-S", "-nodefaults",
                           "-display", "none", "-monitor", "stdio", *text], text=True, check=True,
                          input="info qtree\nquit\n", stdout=subprocess.PIPE)
    assert re.findall(r"addr 00:(\S+), pci id 1af4:", done.stdout) == ["00.0", "00.1", "00.0"]


@pytest.mark.parametrize("name, handed", HANDED)
def test_proxmox(program, root, name, handed):
    text, _ = lines(program, root, "proxmox", name)
    assert text == ["hostpci0: " + ";".join(handed)]


@pytest.mark.parametrize("name, handed", HANDED)
def test_incus(program, root, name, handed):
    text, _ = lines(program, root, "incus", name)
    assert text == [f"incus config device add INSTANCE pci-{re.sub('[:.]', '-', key)} pci "
                    f"address={key}" for key in handed]


ARC = """
0000:40:00.0 060400 8086:4fa0 - - - 40 - - - -
0000:41:01.0 060400 8086:4fa4 - - - 41 0000:40:00.0 - - -
0000:41:04.0 060400 8086:4fa4 - - - 42 0000:40:00.0 - - -
0000:42:00.0 030000 8086:56a0 - - - 43 0000:41:01.0 - - 0
0000:43:00.0 040300 8086:4f90 - - - 44 0000:41:04.0 - - -
0000:44:00.2 020000 8086:1572 - - - 45 0000:00:05.0 - - -
0000:44:00.3 020000 8086:1572 - - - 45 0000:00:05.0 - - -
"""


def test_a_card_of_several_slots(program, tmp_path):
    """Each slot of the host's is one of the guest's."""
    plant(tmp_path / "root", ARC)
    set_conf(tmp_path / "root", "bind 42:00.0\n")
    assert lines(program, tmp_path / "root", "proxmox", "42:00.0")[0] == [
        "hostpci0: 0000:42:00.0", "hostpci1: 0000:43:00.0"]
    text, _ = lines(program, tmp_path / "root", "qemu", "43:00.0")
    options = list(qemu_options(text))
    assert [one["driver"] for one in options] == 2 * ["pcie-root-port", "vfio-pci"]
    assert len({one["id"] for one in options[::2]}) == 2
    assert len({(one["chassis"], one["slot"]) for one in options[::2]}) == 2


def test_a_guest_wants_a_function_0(program, tmp_path):
    plant(tmp_path / "root", ARC)
    set_conf(tmp_path / "root", "bind 44:00.2 with=group\n")
    text, _ = lines(program, tmp_path / "root", "qemu", "44:00.3")
    assert [(one["host"][-1], one["addr"], one.get("multifunction"))
            for one in list(qemu_options(text))[1:]] == [("2", "00.0", "on"), ("3", "00.1", None)]


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_the_host_keeps_is_handed_to_nobody(program, root, name):
    set_conf(root, "keep 04:00.0\n", CONF + ".d/keep.conf")
    for address, said in (("02:00.0", "0000:02:00.0 is the host's: refused (host-storage): "),
                          ("00:01.0", "refused (bridge)"),
                          ("04:00.0", "/etc/vfio-bind.conf.d/keep.conf:1 keeps it")):
        assert lines(program, root, name, address, 5) == ([], set())
        assert said in run(program, root, "list", "--for", name, address).stderr


def test_what_no_rule_chooses(program, root):
    done = run(program, root, "list", "--for", "qemu", "04:00.0")
    assert done.status == 0 and done.stdout
    assert "no rule gives 0000:04:00.0 to a guest yet: vfio-bind add 0000:04:00.0" in done.stderr
    assert not run(program, root, "list", "--for", "qemu", DRIVE).stderr


def test_what_is_in_the_way(program, root):
    set_conf(root, "bind 00:14.0\nbind 03:00.0 driver=pci-stub\n")
    assert "the IOMMU group of 0000:00:14.0 has also 0000:00:14.2, which the host keeps" in run(
        program, root, "list", "--for", "libvirt", "00:14.0").stderr
    assert "/etc/vfio-bind.conf:2 gives 0000:03:00.0 to pci-stub" in run(
        program, root, "list", "--for", "libvirt", "03:00.0").stderr


@pytest.mark.parametrize("words, status, said", [
    (["--for", "qemu", "99:00.0"], 3, "99:00.0: there is no such device"),
    (["--for", "qemu", "nvme"], 2, "nvme: expected an address"),
    (["--for", "xen", "03:00.0"], 2, "--for xen: expected libvirt|qemu|proxmox|incus"),
    (["--for", "qemu"], 2, "usage: vfio-bind list "), (["03:00.0"], 2, "usage: vfio-bind list "),
    (["--all", "--for", "qemu", "03:00.0"], 2, "usage: vfio-bind list "),
])
def test_mistakes(program, root, words, status, said):
    done = run(program, root, "list", *words)
    assert (done.status, done.stdout) == (status, "") and said in done.stderr


def test_json_of_what_is_not_there(program, root):
    assert lines(program, root, "incus", "99:00.0", 3) == ([], set())
    set_conf(root, "bind nonsense\n")
    assert lines(program, root, "incus", GPU, 2) == ([], set())
    assert "/etc/vfio-bind.conf:1:6: expected" in run(program, root, "list", "--for", "incus",
                                                      GPU).stderr
