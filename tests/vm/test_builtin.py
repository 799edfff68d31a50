# SPDX-License-Identifier: GPL-2.0-or-later
"""Drivers built into the kernel: vfio-pci never probes by itself, nvme and the rest have been."""

import subprocess
from dataclasses import replace

import pytest

from .images import POLICY, File, Recipe, unpack
from .machine import GPU2, TWINS, Function, Slot
from .proof import VFIO, prove, prove_links, prove_probes, verdicts
from .roots import BOOKWORM_BUILT_IN

pytestmark = pytest.mark.nightly  # its kernel takes minutes to build

NVME = "1b36:0010"
XHCI = "1b36:000d"
ABSENT = "0000:77:00.0"
CARD = "bind display boot_display=0 with=functions allow=bound-display\n"
DRIVE = f"bind {TWINS.address('disk2')} id={NVME}\n"
RULES = f"{CARD}{DRIVE}"
TAKEN = (*GPU2, "disk2")
BUILT_IN = Recipe("rules", policy=RULES)
PROCESS_1 = "rdinit=/usr/lib/vfio-bind/binder"
# As a payload that was built in the machine has it; this one was not, so it names no drive.
NOTHING_PROTECTED = {"usr/lib/vfio-bind/protect": File(b"vfio-bind-protect 1\n")}

# What the kernel does for an override alone, and for each of the writes after that.
STEP_BY_STEP = f"""
at=/sys/bus/pci/devices/{TWINS.address('disk1')}
echo vfio-pci >$at/driver_override
modprobe vfio-pci
facts overridden
echo {TWINS.address('disk1')} >/sys/bus/pci/drivers/nvme/unbind
modprobe vfio-pci
facts unbound
echo {TWINS.address('disk1')} >/sys/bus/pci/drivers/vfio-pci/bind
facts bound
"""

STICK = Slot((Function("usb", "qemu-xhci", "xhci_hcd", below="usb-storage,drive=drive-stick"),))
# Nothing is in that one.
FREE = Slot((Function("usb_free", "qemu-xhci", "xhci_hcd"),))
WITH_STICK = TWINS.with_slots(STICK, FREE)
# Sourced by init before the binder runs: somebody was faster, and has mounted three of them.
CLAIM = f"""
mount_below() {{
	for try in 1 2 3 4 5 6 7 8 9 10; do
		for block in /sys/block/*; do
			case "$(readlink -f "$block")" in
			*/$1/*)
				mkdir -p "/claimed/$1"
				mount -t ext4 "/dev/${{block##*/}}" "/claimed/$1"
				return
				;;
			esac
		done
		sleep 1
	done
}}
mount_below {WITH_STICK.address('root')}
mount_below {WITH_STICK.address('disk1')}
mount_below {WITH_STICK.address('usb')}
"""


@pytest.fixture(scope="session", name="release", ids=str, params=[BOOKWORM_BUILT_IN])
def release_with_built_in_drivers(request):
    """The one with that kernel."""
    return request.param


@pytest.fixture(name="boot")
def boot_of_image(lab):
    """A function that boots the one image all tests here share."""
    return lambda policy=None, words="", **options: lab.boot(
        policy, words, image=lab.image(BUILT_IN), **options)


def test_plan(lab, tmp_path):
    """Nothing to load: the plan says so, and no module is in the image."""
    image = lab.image(BUILT_IN)
    payload = unpack(lab.root, image.initrd, tmp_path) / "usr/lib/vfio-bind"
    lines = (payload / "plan").read_text("utf-8").splitlines()
    assert lines[1] == f"kernel {lab.root.kernel_release}"
    assert "builtin vfio-pci" in [line.replace("_", "-") for line in lines]
    assert not [line for line in lines[2:] if not line.startswith("builtin ")]
    assert not list(payload.glob("modules/*"))
    assert "has no vfio-pci" not in image.log


def test_what_the_kernel_does_by_itself(boot):
    """What the tests below are worth: without a write to the bind file the drive is nobody's."""
    done = boot(words="rd.vfio_bind=0", in_initramfs=STEP_BY_STEP)
    prove_links(done, TWINS, (), "overridden")
    prove_probes(done, TWINS, (), gave_up=["disk1"])
    host = TWINS.host_drivers()
    at = TWINS.address("disk1")
    assert done.stages["unbound"].drivers == host | {at: None}
    assert done.stages["bound"].drivers == host | {at: VFIO}


@pytest.mark.parametrize("way", ["", PROCESS_1], ids=["init-top", "process-1"])
def test_chosen_devices_change_hands(boot, way):
    """A card with all it brings, a drive: each leaves its driver, once, and no twin does."""
    done = boot(words=way)
    prove(done, TWINS, gave_up=TAKEN)
    if not way:  # process 1 has no /run that stays
        verdicts(TWINS, done.stages["root"], {
            "gpu2": "bind rule", "gpu2_audio": "bind companion", "gpu2_usb": "bind companion",
            "disk2": "bind rule"})


def test_bound_screen_is_refused(boot):
    """A card that has its driver, and no word that allows it: nothing of it; the rest stands."""
    done = boot(f"bind display boot_display=0 with=functions\n{DRIVE}")
    prove(done, TWINS, gave_up=["disk2"])
    verdicts(TWINS, done.stages["root"], {"gpu2": "refuse bound-display", "disk2": "bind rule"})


def test_off(boot):
    """By the kernel's command line: nothing changes hands."""
    done = boot(words="rd.vfio_bind=0")
    prove(done, TWINS)
    assert done.said(level=3) == ["off by rd.vfio_bind=0"]


def test_broken_policy(boot):
    """Nothing is bound, one line says why."""
    done = boot(f"{RULES}bind nvme colour=red\n")
    prove(done, TWINS)
    (line,) = done.said(level=3)
    assert line.startswith(f"nothing bound: /{POLICY}:3:11: expected ")
    assert done.stages["root"].overrides == {}


def test_absent_device(boot):
    """A rule for what is not there stops nobody."""
    done = boot(f"bind {ABSENT} id={NVME}\n{RULES}")
    prove(done, TWINS, gave_up=TAKEN)
    assert (ABSENT, "none", "absent") in done.stages["root"].verdicts()


def test_claimed_disks_stay(boot, tmp_path):
    """Root drive, another, and a stick, all mounted before the binder: they keep their drivers."""
    drives = {name: tmp_path / name for name in ("disk1", "stick")}
    for path in drives.values():
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", path, "16M"], check=True)
    rules = "".join(f"bind {WITH_STICK.address(name)} id={NVME}\n"
                    for name in ("disk1", "disk2", "root"))
    rules += "".join(f"bind {WITH_STICK.address(name)} id={XHCI}\n" for name in ("usb", "usb_free"))
    done = boot(rules, "usb-storage.delay_use=0", machine=WITH_STICK, drives=drives,
                files={**NOTHING_PROTECTED, "conf/conf.d/lab": File(CLAIM.encode())})
    prove(done, WITH_STICK, gave_up=["disk2", "usb_free"])
    verdicts(WITH_STICK, done.stages["root"], {
        "disk1": "refuse in-use", "disk2": "bind rule", "root": "refuse in-use",
        "usb": "refuse in-use", "usb_free": "bind rule"})


def test_root_drive_is_refused(boot):
    """Not mounted yet, and held by nvme: what protect names is not unbound."""
    path, address = TWINS.path("root"), TWINS.address("root")
    protect = f"vfio-bind-protect 1\nstorage path={path} id={NVME}\n".encode()
    done = boot(f"bind {address} id={NVME}\n{DRIVE}",
                files={"usr/lib/vfio-bind/protect": File(protect)})
    prove(done, TWINS, gave_up=["disk2"])
    verdicts(TWINS, done.stages["root"], {"root": "refuse host-storage", "disk2": "bind rule"})


# The root is on a stick, for a built-in vfio-pci comes before xhci_hcd, though after nvme.
ON_A_STICK = replace(TWINS, slots=tuple(
    Slot((Function("root", "qemu-xhci", "xhci_hcd", below="usb-storage,drive=drive-root"),))
    if slot.functions[0].name == "root" else slot for slot in TWINS.slots)).with_slots(FREE)


def test_root_drive_that_ids_took(boot):
    """What protect and a keep rule name is the host's again; the machine reaches its root."""
    root, kept, chosen = (ON_A_STICK.address(name) for name in ("root", "gpu2_usb", "usb_free"))
    protect = f"vfio-bind-protect 1\nstorage path={ON_A_STICK.path('root')} id={XHCI}\n".encode()
    done = boot(f"bind id={XHCI}\nkeep {kept}\n", f"vfio-pci.ids={XHCI}", machine=ON_A_STICK,
                files={"usr/lib/vfio-bind/protect": File(protect)})
    stage = done.stages["root"]
    assert stage.drivers == ON_A_STICK.host_drivers() | {chosen: VFIO}
    assert stage.overrides == {chosen: VFIO}
    assert done.said(level=3) == [
        *(f"{at} given back to the host: vfio-pci had it by ids=" for at in sorted((kept, root))),
        f"{root} refused: holds the host's storage (/{POLICY}:1)"]
    probed = done.probes()
    assert [probed[at] for at in (root, kept, chosen)] == [[VFIO, "xhci_hcd"]] * 2 + [[VFIO]]
    assert stage.notes()[-2:] == [f"# given-back {at}" for at in sorted((kept, root))]
