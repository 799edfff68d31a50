# SPDX-License-Identifier: GPL-2.0-or-later
"""The firmware's framebuffer: in which card it is, and that it goes with a card given away."""

from dataclasses import dataclass, replace

import pytest

from .images import File, Recipe
from .machine import OVMF, Function, Machine, Slot, disk
from .nights import by_night
from .proof import prove, verdicts
from .roots import BOOKWORM, SID_DRACUT, TRIXIE

FRAMEBUFFERS = ("efifb", "vesafb", "simplefb", "BOOTFB")
ALL_BUT_THE_PICTURE = "bind display boot_display=0\n"
# The only screen, for a guest.
GIVEN_AWAY = "bind display allow=boot-display,last-display\n"
SCREENS = Recipe("screens", policy=ALL_BUT_THE_PICTURE)

LOOK = """
lines output /proc/iomem >$TOLD
for file in /sys/bus/pci/devices/*/boot_vga; do
	[ -e "$file" ] || continue
	file=${file%/boot_vga}
	read -r says <"$file/boot_vga"
	value "boot_vga-${file##*/}" "$says"
done
for device in /sys/bus/platform/devices/*-framebuffer.0; do
	[ -e "$device" ] && value framebuffer "$(readlink "$device")"
done
"""
# Before any init, of whatever generator.
FIRST = f"""#!/bin/sh
PATH=/usr/sbin:/usr/bin:/sbin:/bin
mkdir -p /proc /sys /dev
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
. /usr/lib/lab/facts
facts first
{LOOK}
umount /dev /sys /proc
exec /init "$@"
"""

# Class 0300: VGA, ati-vga. Class 0380: bochs-display, secondary-vga. OVMF has no driver for
# ati-vga, so that shows no picture; Debian's kernels have one, but it is in no image of ours.
DRIVERS = {"ati-vga": None}


def screens(*models, **options):
    """gpu1, gpu2, ... of these models, and the root's drive, under UEFI."""
    cards = tuple(Slot((Function(f"gpu{number}", model, DRIVERS.get(model, "bochs-drm")),))
                  for number, model in enumerate(models, 1))
    return replace(Machine((*cards, disk("root")), firmware=OVMF), **options)


@pytest.fixture(scope="session", name="release", ids=str, params=[
    TRIXIE, *by_night(BOOKWORM, SID_DRACUT)])
def release_of_each_kernel(request):
    """Kernel 6.12; by night 6.1 and 7.x too."""
    return request.param


def boot_with(lab, machine, policy, files=None):
    """A boot that looks at the screens before anything runs, and again in the root."""
    files = {"lab/first": File(FIRST.encode(), 0o755), **(files or {})}
    return lab.boot(policy, "rdinit=/lab/first", machine=machine, image=lab.image(SCREENS),
                    in_root=LOOK, files=files)


def framebuffers(stage):
    """The firmware's framebuffer in /proc/iomem: the PCI function whose memory it is in. By the
    ranges, as a kernel indents no more than a few levels."""
    lines = [line.strip().partition(" : ")[::2] for line in stage.output]
    ranges = [(name, *(int(end, 16) for end in text.split("-"))) for text, name in lines]
    cards = [(end - start, name, start, end) for name, start, end in ranges
             if name.startswith("0000:")]
    return [min((size, card) for size, card, first, last in cards if first <= start and end <= last)[1]
            for name, start, end in ranges if name in FRAMEBUFFERS]


def marks(stage):
    """What boot_vga says of each function that has it."""
    return {name.removeprefix("boot_vga-"): value for name, value in stage.values.items()
            if name.startswith("boot_vga-")}


def evidence(stage):
    """What the binder noted about the boot display."""
    return [note.removeprefix("# boot-display ") for note in stage.notes()
            if note.startswith("# boot-display ")]


@pytest.mark.parametrize("model", [
    "VGA", pytest.param("bochs-display", marks=pytest.mark.nightly)])
def test_given_away(lab, model):
    """A single GPU, on purpose: the framebuffer goes, vfio-pci has the card, the host comes up."""
    machine = screens(model)
    boot = boot_with(lab, machine, GIVEN_AWAY)
    assert framebuffers(boot.stages["first"]) == [machine.address("gpu1")], "no picture to lose"
    assert boot.stages["first"].framebuffer == ["0 EFI VGA"], "no console to lose"
    prove(boot, machine, taken=["gpu1"])
    assert framebuffers(boot.stages["root"]) == []
    assert boot.stages["root"].framebuffer == []
    verdicts(machine, boot.stages["root"], {"gpu1": "bind rule"})
    assert evidence(boot.stages["root"]) == [f"{machine.address('gpu1')} firmware"]


@pytest.mark.nightly
@pytest.mark.parametrize("allow", ["", "allow=boot-display"])
def test_only_screen_is_refused(lab, allow):
    """What the test above is worth: without the word the screen is left alone, and its console."""
    machine = screens("bochs-display")
    boot = boot_with(lab, machine, f"bind {machine.address('gpu1')} {allow}\n")
    prove(boot, machine)
    refused = "last-display" if allow else "boot-display"
    verdicts(machine, boot.stages["root"], {"gpu1": f"refuse {refused}"})


@pytest.mark.nightly
@pytest.mark.parametrize("model", ["VGA", "bochs-display"])
def test_without_iommu_nothing_is_touched(lab, model):
    """A bind that must fail would take the console with it: refused before any write."""
    machine = screens(model, iommu=None)
    boot = boot_with(lab, machine, GIVEN_AWAY)
    prove(boot, machine)
    assert boot.stages["root"].overrides == {}
    verdicts(machine, boot.stages["root"], {"gpu1": "refuse no-iommu"})


@pytest.mark.nightly
@pytest.mark.parametrize("model", ["VGA", "bochs-display"])
def test_without_vfio_nothing_is_touched(lab, model):
    """The host's only picture is not put at risk for a driver that is not there."""
    machine = screens(model)
    boot = boot_with(lab, machine, GIVEN_AWAY,
                     files={"usr/lib/vfio-bind/plan": File(b"vfio-bind-plan 1\n")})
    prove(boot, machine)
    assert boot.stages["root"].overrides == {}
    verdicts(machine, boot.stages["root"], {"gpu1": "bind rule"})


@dataclass(frozen=True)
class Case:
    """Two cards, and what firmware and kernel say of them."""

    models: tuple
    framebuffer: str | None  # the name of the card it lies in
    marks: dict  # boot_vga of each that has it
    noted: str  # what the binder takes for evidence
    taken: tuple  # by a rule for every screen but the one with the picture
    firmware: tuple = OVMF
    switches: int = 0  # between the first card and its root port


CASES = {
    "first": Case(("VGA", "VGA"), "gpu1", {"gpu1": "1", "gpu2": "0"}, "gpu1 firmware", ("gpu2",)),
    "second": Case(("ati-vga", "VGA"), "gpu2", {"gpu1": "0", "gpu2": "1"}, "gpu2 firmware",
                   ("gpu1",)),
    # An APU of class 0380 with a laptop's panel: the kernel's mark is on the other card.
    "wrong-mark": Case(("bochs-display", "VGA"), "gpu1", {"gpu2": "1"}, "gpu1 firmware",
                       ("gpu2",)),
    # Behind five bridges: kernels print no more than a few levels of /proc/iomem, or did.
    "five-bridges": Case(("bochs-display", "VGA"), "gpu1", {"gpu2": "1"}, "gpu1 firmware",
                         ("gpu2",), switches=2),
    "no-mark": Case(("bochs-display", "secondary-vga"), "gpu1", {}, "gpu1 firmware", ("gpu2",)),
    # No picture at all: the kernel guesses, and nothing says better.
    "no-picture": Case(("ati-vga", "ati-vga"), None, {"gpu1": "1", "gpu2": "0"}, "gpu1 boot_vga",
                       ("gpu2",)),
    # Without UEFI the mark is all there is; a screen that has none stays unknown.
    "half-marked": Case(("bochs-display", "VGA"), None, {"gpu2": "1"}, "gpu2 boot_vga", (), ()),
    "unknown": Case(("bochs-display", "bochs-display"), None, {}, "- none", (), ()),
    "alone": Case(("bochs-display",), None, {}, "gpu1 only-screen", (), ()),
}
BY_NIGHT = ("five-bridges", "first", "second", "no-mark", "no-picture", "half-marked", "unknown",
            "alone")


@pytest.mark.parametrize("case", [
    pytest.param(case, id=name, marks=[pytest.mark.nightly] if name in BY_NIGHT else [])
    for name, case in CASES.items()])
def test_evidence(lab, case):
    """All screens but the one that shows the picture, on every kind of evidence for that."""
    machine = screens(*case.models, firmware=case.firmware)
    machine = replace(machine, slots=(replace(machine.slots[0], switches=case.switches),
                                      *machine.slots[1:]))
    boot = boot_with(lab, machine, ALL_BUT_THE_PICTURE)
    first = boot.stages["first"]
    assert framebuffers(first) == ([machine.address(case.framebuffer)] if case.framebuffer else [])
    assert marks(first) == {machine.address(name): mark for name, mark in case.marks.items()}
    prove(boot, machine, taken=case.taken)
    card, _, kind = case.noted.partition(" ")
    address = machine.address(card) if card.startswith("gpu") else card
    assert evidence(boot.stages["root"]) == [f"{address} {kind}"]
