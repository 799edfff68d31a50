# SPDX-License-Identifier: GPL-2.0-or-later
"""Beside driverctl, lspci, DPDK's dpdk-devbind.py and libvirt: what they say of a device that we
bound, what they do with it, and that status then says who has it."""

import base64
import json
from dataclasses import dataclass

import pytest

from .beside import TRIXIE_BESIDE, host_beside
from .images import Recipe
from .lab import MULTI_USER
from .machine import TWINS, nic
from .proof import VFIO, prove_links

pytestmark = pytest.mark.nightly

MACHINE = TWINS.with_slots(nic("nic1", 0x01), nic("nic2", 0x02))
AT = {name: MACHINE.address(name) for name in ("disk1", "disk2", "disk3", "nic1", "nic2")}
OURS = ("disk2", "disk3", "nic2")
POLICY = f"""\
bind nvme path={MACHINE.path('disk2')} id=1b36:0010
bind nvme path={MACHINE.path('disk3')} id=1b36:0010
bind network dsn=52-54-00-ff-ff-00-00-02 id=8086:10d3
keep {AT['disk1']}
"""
# driverctl's own service gives this one to the host in each boot, once udev hears of it.
HOST = Recipe("beside", policy=POLICY, files=((f"etc/driverctl.d/pci-{AT['disk3']}", "nvme\n"),))
NODE = {name: f"pci_{address.replace(':', '_').replace('.', '_')}" for name, address in AT.items()}
VIRSH = "virsh -q -c qemu:///system"
LSPCI = "lspci -Dnnk | awk '/^[0-9a-f]/ {{ at = $1 }} /driver in use: vfio-pci$/ {{ print at }}'"
DPDK = "dpdk-devbind.py --status-dev net | awk '/^[A-Z]/ {{ kind = $0 }} /^0/ {{ print kind, $1 }}'"
BY_DPDK = "Network devices using DPDK-compatible driver"
BY_KERNEL = "Network devices using kernel driver"


@dataclass(frozen=True)
class Step:
    """What is run, and who has which function then."""

    name: str
    command: str  # shell; {name} is that function's address
    taken: tuple = OURS  # what vfio-pci has afterwards
    status: int = 0
    overrides: dict | None = None  # None: vfio-pci for what it has
    said: str | None = None  # all of it; None: see what is in it
    part: str = ""
    free: tuple = ()  # what no driver has

    @property
    def script(self):
        """Shell that runs it and tells what came of it, and what our status says then."""
        return f"""
{{ {self.command.format(**AT)}; }} >/run/out 2>&1
status=$?
facts '{self.name}'
value status $status
value said "$(base64 -w0 /run/out)"
vfio-bind --json status >/run/out 2>/run/err
value told $?
value complained "$(tr '\\n' ' ' </run/err)"
lines output /run/out >$TOLD
"""

    def expected_overrides(self):
        """The driver_override of each function that has one."""
        overrides = dict.fromkeys(self.taken, VFIO) if self.overrides is None else self.overrides
        return {AT[name]: driver for name, driver in overrides.items()}


def lines(*texts):
    """What a program prints."""
    return "".join(f"{text}\n" for text in texts).format(**AT)


WITHOUT_2 = ("disk3", "nic2")
WITHOUT_NIC = ("disk2", "disk3")
ON_HOST = dict.fromkeys(WITHOUT_2, VFIO) | {"disk2": "nvme"}
NO_OVERRIDE = dict.fromkeys(WITHOUT_NIC, VFIO)
WITH_1 = ("disk1", *OURS)
APPLY = "vfio-bind apply"
STEPS = (
    # driverctl has won over the boot where both name one.
    Step("lspci", LSPCI, ("disk2", "nic2"),
         overrides={"disk2": VFIO, "nic2": VFIO, "disk3": "nvme"}, said=lines("{disk2}", "{nic2}")),
    Step("check", "vfio-bind check", ("disk2", "nic2"),
         overrides={"disk2": VFIO, "nic2": VFIO, "disk3": "nvme"},
         part="/etc/driverctl.d/pci-{disk3}"),
    Step("won back", APPLY),
    Step("listed", "driverctl list-overrides",
         said=lines("{disk2} vfio-pci", "{disk3} vfio-pci", "{nic2} vfio-pci")),
    Step("forgotten", "rm /etc/driverctl.d/pci-{disk3}"),
    Step("given", "driverctl set-override {disk2} nvme", WITHOUT_2, overrides=ON_HOST),
    Step("given, listed", "driverctl list-overrides", WITHOUT_2, overrides=ON_HOST,
         said=lines("{disk2} nvme", "{disk3} vfio-pci", "{nic2} vfio-pci")),
    Step("applied", APPLY),
    Step("unset", "driverctl unset-override {disk2}", WITHOUT_2),
    Step("applied again", APPLY),
    Step("no driver", "driverctl --nosave set-override {disk2} none", WITHOUT_2,
         overrides=dict.fromkeys(WITHOUT_2, VFIO) | {"disk2": "none"}, free=("disk2",)),
    Step("applied to none", APPLY),
    Step("dpdk", DPDK, said=lines(f"{BY_DPDK} {{nic2}}", f"{BY_KERNEL} {{nic1}}")),
    # Our driver_override keeps any other driver out: the script does not clear it before it binds,
    # and then fails to put back what it had unbound.
    Step("dpdk, refused", "dpdk-devbind.py --bind=e1000e {nic2}", WITHOUT_NIC, status=1,
         overrides=dict.fromkeys(OURS, VFIO), free=("nic2",), part="bind failed for {nic2}"),
    Step("dpdk, applied", APPLY),
    Step("released", "vfio-bind release {nic2}", WITHOUT_NIC),
    Step("dpdk, bound", "dpdk-devbind.py --bind=vfio-pci {nic2}", overrides=NO_OVERRIDE),
    Step("dpdk, let go", "dpdk-devbind.py --bind=e1000e {nic2}", WITHOUT_NIC),
    Step("dpdk, none", DPDK, WITHOUT_NIC,
         said=lines(f"{BY_KERNEL} {{nic1}}", f"{BY_KERNEL} {{nic2}}")),
    Step("dpdk, bound again", "dpdk-devbind.py --bind=vfio-pci {nic2}", overrides=NO_OVERRIDE),
    Step("dpdk, applied again", APPLY),
    Step("virsh", f"{VIRSH} nodedev-list --cap pci | grep -xc {'|'.join(NODE.values())!r} -E",
         said=lines("5")),
    Step("virsh, driver",
         f"{VIRSH} nodedev-dumpxml {NODE['disk2']} | grep -o '<name>.*-.*</name>'",
         said=lines("<name>vfio-pci</name>")),
    Step("virsh, detached", f"{VIRSH} nodedev-detach {NODE['disk2']}"),
    Step("virsh, attached", f"{VIRSH} nodedev-reattach {NODE['disk2']}", WITHOUT_2),
    Step("virsh, driver of the host",
         f"{VIRSH} nodedev-dumpxml {NODE['disk2']} | grep -o '<name>nvme</name>'",
         WITHOUT_2, said=lines("<name>nvme</name>")),
    Step("virsh, detached again", f"{VIRSH} nodedev-detach {NODE['disk2']}"),
    Step("virsh, another", f"{VIRSH} nodedev-detach {NODE['disk1']}", WITH_1),
    Step("virsh, another back", f"{VIRSH} nodedev-reattach {NODE['disk1']}"),
    Step("nothing of theirs failed", "systemctl list-units --state=failed --no-legend --plain "
         "'driverctl*' 'dpdk*' 'libvirt*' 'virt*'", said=""),
    # driverctl tells vfio-pci of the kind: from then on it takes any twin that nobody has.
    Step("another", "driverctl set-override {disk1} vfio-pci", WITH_1),
    # What somebody gave to vfio-pci by name is theirs, whatever a keep rule says.
    Step("another kept", APPLY, WITH_1),
    Step("another unset", "driverctl unset-override {disk1}", WITH_1,
         overrides=dict.fromkeys(OURS, VFIO)),
    Step("another released", "vfio-bind release {disk1}"),
    Step("another once more", "driverctl set-override {disk1} vfio-pci; "
         "driverctl unset-override {disk1}", WITH_1, overrides=dict.fromkeys(OURS, VFIO)),
    Step("another given back", APPLY, part="given-back"),
    Step("unset by the end", "driverctl unset-override {disk2}", WITHOUT_2),
)


@pytest.fixture(scope="session", name="release", params=[TRIXIE_BESIDE], ids=str)
def release_with_others(request):
    """The one with their programs."""
    return request.param


@pytest.fixture(scope="module", name="boot")
def boot_once(lab):
    """All of it in one boot of a whole Debian, whose libvirtd runs as ever."""
    image, root = host_beside(lab, HOST)
    return lab.boot(machine=MACHINE, image=image, base=MULTI_USER,
                    in_root="".join(step.script for step in STEPS),
                    drives={"root": f"{root},snapshot=on"})


def test_before(boot):
    """What our boot bound, and that the whole system came up."""
    prove_links(boot, MACHINE, OURS, "initramfs")
    assert boot.stages["multi-user"].values["target"] == "active"


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_step(boot, step):
    """Its exit status and words, and the driver link of every function afterwards."""
    stage = boot.stages[step.name]
    said = base64.b64decode(stage.values["said"]).decode()
    assert stage.values["status"] == str(step.status), said
    assert step.said is None or said == step.said
    assert step.part.format(**AT) in said
    assert stage.drivers == (MACHINE.host_drivers(all_up=True)
                             | {AT[name]: VFIO for name in step.taken}
                             | {AT[name]: None for name in step.free})
    assert stage.overrides == step.expected_overrides(), said


def truth(taken):
    """What status has to say: its exit status, and a word for each function it is about."""
    words = {AT[name]: "as configured" if name in taken else "drift" for name in OURS}
    words |= {AT[name]: "foreign" for name in taken if name not in OURS}
    return 11 if "drift" in words.values() else 0, words


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_status(boot, step):
    """It says who has what now, whoever gave it to them."""
    stage = boot.stages[step.name]
    told = json.loads("\n".join(stage.output))
    code, words = truth(step.taken)
    assert {row["address"]: row["status"] for row in told["devices"]} == words
    assert {row["address"]: row["driver"] for row in told["devices"]} == {
        address: stage.drivers[address] for address in words}
    assert stage.values["told"] == str(code), told
