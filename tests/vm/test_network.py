# SPDX-License-Identifier: GPL-2.0-or-later
"""A root on NFS, and a policy that gives away the network card it comes by: undone."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from . import nfs
from .images import File, Recipe
from .machine import GPU2, Function, Machine, Slot, card, disk
from .proof import VFIO, prove_links
from .roots import TRIXIE
from .tiny import tiny_tree

pytestmark = pytest.mark.nightly

NVME, E1000E = "1b36:0010", "8086:10d3"
SERVER = "10.0.2.9"


@dataclass(frozen=True)
class Networked(Machine):
    """Its card is connected to a network with nothing but a server in it."""

    def options(self, drives=("root",)):
        """QEMU starts the server anew for each connection."""
        command = shlex.join([sys.executable, str(Path(nfs.__file__)), str(tiny_tree())])
        forwards = "".join(f",guestfwd=tcp:{SERVER}:{port}-cmd:{command}"
                           for port in (111, nfs.PORT))
        return [*super().options(drives), "-netdev", f"user,id=net,restrict=on{forwards}"]


NIC = Slot((Function("nic", "e1000e", "e1000e", "netdev=net,mac=52:54:00:00:00:01,romfile="),))
MACHINE = Networked((
    card("gpu1"), card("gpu2", ("gpu2_audio", "intel-hda"), ("gpu2_usb", "qemu-xhci")),
    disk("disk1"), NIC))
AT = {name: MACHINE.address(name) for name in ("nic", "disk1")}
POLICY = ("bind display boot_display=0 with=functions\n"
          f"bind {AT['nic']} id={E1000E} allow=host-network\n")
PROTECT = {"usr/lib/vfio-bind/protect": File(
    f"vfio-bind-protect 1\nnetwork path={MACHINE.path('nic')} id={E1000E}\n".encode())}
IMAGE = Recipe("network", policy=POLICY, files=(
    ("etc/initramfs-tools/modules", "nfs\nnfsv3\naf_packet\n"),
    ("etc/initramfs-tools/conf.d/network", "BOOT=nfs\n"),
))
WORDS = {
    TRIXIE: f"root=/dev/nfs nfsroot={SERVER}:/ ip=dhcp",
}


@pytest.fixture(scope="session", name="release", params=WORDS, ids=str)
def release_that_boots_by_network(request):
    """With its own way to wait for a network."""
    return request.param


def boot_by_network(lab, policy):
    """To the root that the server has."""
    return lab.boot(policy, image=lab.image(IMAGE), machine=MACHINE, files=PROTECT,
                    base=f"{WORDS[lab.release]} ro intel_iommu=on quiet init=/usr/lib/lab/init")


def test_the_card_comes_back(lab):
    """It had vfio-pci first and then its own driver; the other card keeps what it has."""
    boot = boot_by_network(lab, POLICY)
    prove_links(boot, MACHINE, GPU2, "root")
    assert list(dict.fromkeys(boot.probes()[AT["nic"]])) == [VFIO, "e1000e"]
    (said,) = [line for line in boot.said(level=3) if "undone" in line]
    assert said.startswith(f"{AT['nic']} undone: given back to the host")


def test_nothing_is_undone(lab):
    """What that is worth: with the card in its place the same root comes at once."""
    boot = boot_by_network(lab, f"{POLICY.splitlines()[0]}\nbind {AT['nic']} id={E1000E}\n"
                                f"bind {AT['disk1']} id={NVME}\n")
    prove_links(boot, MACHINE, (*GPU2, "disk1"), "root")
    assert "undone" not in "".join(boot.said())
