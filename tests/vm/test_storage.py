# SPDX-License-Identifier: GPL-2.0-or-later
"""Every kind of storage a host may live on, each on drives of its own, beside a free twin."""

import base64
import json
from dataclasses import dataclass, replace

import pytest

from .images import GUEST, File, Recipe
from .machine import Function, Machine, Slot, disk
from .proof import prove, prove_links, verdicts
from .roots import TRIXIE_STORAGE

NVME = "1b36:0010"
ROOT_PORT = "1b36:000c"
SIZE = 256 << 20  # two of less are too small for a btrfs
# As the functions of guest/storage/stacks put them to use.
MOUNTED = ("boot", "esp", "swap", "plain", "lvm1", "lvm2", "luks", "md1", "md2", "btrfs1", "btrfs2")
DEEP = ("deep1", "deep2", "cache", "cached")
NAMED = ("later1", "later2", "label", "uuid", "locked", "resume")
ALONE = (*MOUNTED, *DEEP, *NAMED)  # one controller each
MADE = ("shared", *ALONE)
WAYS = ("way1", "way2")  # to the drive that is shared
HOST = ("root", *ALONE, *WAYS)
FREE = ("free", "other")
OTHER_NVME = "8086:5845"
OTHER = Slot((Function("other", "nvme", "nvme", "use-intel-id=on"),))
# The free twin stands between the host's: by count and by address it is one of many.
MACHINE = Machine((*map(disk, (*MOUNTED, "root", *DEEP, "free", *NAMED)), OTHER,
                   *(Slot((Function(name, "nvme", "nvme", way_to="shared"),)) for name in WAYS)))
# Built in a chroot: protect is unknown there.
CHROOT = Recipe("storage", policy="bind nvme\n")
GUARDED = 5  # EXIT_GUARDED of cli/base/command.h
PROTECT = "usr/lib/vfio-bind/protect"


@dataclass
class Told:
    """What a program in the guest said."""

    code: int
    out: str
    errors: str


@dataclass
class Host:
    """The machine once its storage was made, and the files of its drives."""

    boot: object
    drives: dict

    def told(self, name):
        """What was told under a name."""
        parts = self.boot.stages["root"].values[name].split(" ")
        out, errors = (base64.b64decode(part).decode() for part in parts[1:])
        return Told(int(parts[0]), out, errors)


@pytest.fixture(scope="session", params=[TRIXIE_STORAGE], ids=str)
def release(request):
    """The one with the tools."""
    return request.param


@pytest.fixture(name="host", scope="module")
def make_host(lab, tmp_path_factory):
    """One boot, of an image that cannot know the host; then all storage is made and asked about."""
    folder = tmp_path_factory.mktemp("drives")
    drives = {name: folder / name for name in (*MADE, *FREE)}
    for path in drives.values():
        with open(path, "wb") as file:
            file.truncate(SIZE)
    boot = lab.boot(machine=MACHINE, image=lab.image(CHROOT), drives=drives,
                    in_root=(GUEST / "storage/stacks").read_text("utf-8"))
    assert boot.stages["root"].values.get("made") == "yes", boot.console[-8000:]
    return Host(boot, drives)


def test_image_of_a_chroot_takes_no_drive(host):
    """protect unknown: "bind nvme" is no reason to take any, the free ones neither."""
    for stage in ("initramfs", "root"):
        prove_links(host.boot, MACHINE, (), stage)
        verdicts(MACHINE, host.boot.stages[stage],
                 dict.fromkeys((*HOST, *FREE), "refuse host-unknown"))


def test_protect_names_each_drive_and_no_other(host):
    """The list the image would get, line by line, with each drive's port; nothing was lost."""
    payload = host.told("payload")
    assert (payload.code, payload.errors) == (0, "")
    head, *lines = host.told("protect").out.splitlines()
    assert head == "vfio-bind-protect 1"
    paths = [MACHINE.path(name) for name in HOST]
    assert sorted(lines) == sorted(
        [f"storage path={path} id={NVME}" for path in paths]
        + [f"storage path={path.removesuffix('/00.0')} id={ROOT_PORT}" for path in paths])


def test_check_refuses_each_drive(host):
    """The plan of check, and what list shows of each."""
    assert host.told("check").code == GUARDED
    rows = {row["address"]: row for row in walk(json.loads(host.told("list").out), "address")}
    found = {name: rows[MACHINE.address(name)] for name in (*HOST, *FREE)}
    assert {name: row["verdict"] for name, row in found.items()} == {
        **dict.fromkeys(HOST, "refuse"), **dict.fromkeys(FREE, "bind")}
    assert all(found[name]["reason"] == "host-storage" for name in HOST)


def walk(value, key):
    """All objects in a JSON value that have the key."""
    if isinstance(value, dict):
        if key in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from walk(item, key)


@pytest.mark.parametrize("name", HOST)
def test_add_refuses(host, name):
    """vfio-bind add NODE, for each drive by its own node; a shared one by each controller."""
    done = host.told(f"add-{MACHINE.address(name) if name in WAYS else name}")
    assert done.code == GUARDED, done
    assert f"{MACHINE.address(name)} would be refused (host-storage)" in done.errors
    assert MACHINE.address("free") in done.out + done.errors  # a twin that could be meant


def test_add_asks_which_way_is_meant(host):
    """The node of a shared drive is that of no one device."""
    done = host.told("add-shared")
    assert (done.code, done.out) == (2, "")
    assert "stands on several devices: name one by its address" in done.errors


@pytest.mark.parametrize("name, kind", [("free", NVME), ("other", OTHER_NVME)])
def test_add_takes_the_free_ones(host, name, kind):
    """By its node as well, and a dry run writes nothing."""
    done = host.told(f"add-{name}")
    assert (done.code, done.errors) == (0, "")
    assert f"+ bind nvme path={MACHINE.path(name)} id={kind}" in done.out.splitlines()
    assert host.told("conf").out == "# Nothing yet.\n"


def boot_again(lab, host, machine):
    """The next boot, with that list in the image: the same drives, and "bind nvme"."""
    files = {PROTECT: File(host.told("protect").out.encode())}
    return lab.boot(machine=machine, image=lab.image(CHROOT), drives=host.drives, files=files)


def prove_again(boot, machine, taken):
    """All but those are refused."""
    prove(boot, machine, taken)
    verdicts(machine, boot.stages["root"], {
        **dict.fromkeys((*HOST, *FREE), "refuse host-storage"),
        **dict.fromkeys(taken, "bind rule")})


def test_binder_takes_the_free_ones_only(lab, host):
    """Each of the host's is refused in the initramfs, and stays with nvme."""
    prove_again(boot_again(lab, host, MACHINE), MACHINE, FREE)


@pytest.mark.nightly
@pytest.mark.parametrize("pair, taken", [
    # Where a drive of the host was, there is another kind: whatever is of its kind is kept.
    (("plain", "other"), ["other"]),
    # Where nothing but the slot tells them apart, the slot is what is kept, as the manual says.
    (("plain", "free"), ["plain", "other"]),
], ids=["another kind", "twins"])
def test_drives_swapped(lab, host, pair, taken):
    """Between that boot and the next one two drives changed places."""
    slots = {slot.functions[0].name: slot for slot in MACHINE.slots}
    places = dict(zip(pair, reversed(pair)))
    swapped = replace(MACHINE, slots=tuple(slots[places.get(name, name)] for name in slots))
    prove_again(boot_again(lab, host, swapped), swapped, taken)
