# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures of the vm laboratory: what our image weighs, and times in one boot of a large machine."""

import os
import shutil
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from vm import boot as machines
from vm.images import POLICY, File, Recipe, append
from vm.lab import Lab
from vm.machine import Machine, card
from vm.roots import TRIXIE

from .build import HERE, built
from .figure import NotMeasured
from .plain import need

ROUNDS = 20
WORDS = "intel_iommu=on quiet rdinit=/bench/init"
machines.LIMIT = 1200  # seconds: the recipe takes seven for each round, and more on a busy host
CHOICE = "bind display boot_display=0 with=functions\n"
WITH = Recipe("bench-with", policy=CHOICE)
WITHOUT = Recipe("bench-without", prepare="""
rm /usr/share/initramfs-tools/hooks/vfio-bind
rm /usr/share/initramfs-tools/scripts/init-top/00-vfio-bind
""")
TOOLS = ("qemu-system-x86_64", "mmdebstrap", "unshare", "make")
# Without them driverctl does not run in an image. Nothing here may have a name of busybox's: all of
# these are one file, which the kernel would write to.
SHELL = ("usr/bin/bash", "usr/lib/*/libtinfo.so.6")
# The plan loads nothing, so binding ends with the overrides, as the recipe does.
PLAN = "vfio-bind-plan 1\nkernel {}\nbuiltin vfio-pci\n"


@dataclass(frozen=True)
class Crowd(Machine):
    """Two cards, and buses full of functions behind bridges."""

    buses: int = 2

    def options(self, drives=("root",)):
        """QEMU's options for all of it."""
        options = super().options(drives)
        for bus in range(self.buses):
            port = len(self.slots) + 3 + bus
            options += ["-device", f"pcie-root-port,id=crowd{bus},chassis={port},slot={port},"
                                   f"addr={port:02x}.0",
                        "-device", f"pcie-pci-bridge,id=bridge{bus},bus=crowd{bus}"]
            for devfn in range(8, 256):
                options += ["-device", f"sdhci-pci,bus=bridge{bus},addr={devfn >> 3:02x}."
                                       f"{devfn & 7},multifunction=on"]
        return options


MACHINE = Crowd((card("gpu1", ("gpu1_audio", "intel-hda")),
                 card("gpu2", ("gpu2_audio", "intel-hda"))))


def lab(release=TRIXIE, work=None):
    """A release's laboratory, where there can be one."""
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing or os.geteuid() != 0:
        raise NotMeasured(f"needs root and {', '.join(missing or TOOLS)}")
    return Lab(release, work)


def growth():
    """Of an image of Debian 13 with a rule for a graphics card."""
    with_us, without = (lab().image(recipe).initrd for recipe in (WITH, WITHOUT))
    return [os.path.getsize(with_us) - os.path.getsize(without)]


def boot():
    """Boots the machine once into init, which times everything in turn."""
    root = lab().root
    shell = [path for name in SHELL for path in root.tree.glob(name)]
    files = {f"bench/{name}": File(Path(path).read_bytes(), 0o755) for name, path in (
        ("init", HERE / "init"), ("recipe", HERE / "recipe.sh"), ("walk", built("bench/walk")),
        ("stopwatch", built("bench/stopwatch")), ("binder", built("binder")),
        ("driverctl", need("driverctl")), ("overrides", HERE / "overrides.sh"),
        ("ids", HERE / "ids.sh"))}
    files |= {str(path.relative_to(root.tree)): File(path.read_bytes(), 0o755) for path in shell}
    files |= {path: File(text.encode()) for path, text in (
        (POLICY, CHOICE), ("bench/plan", PLAN.format(root.kernel_release)),
        ("bench/rounds", f"{ROUNDS}\n"))}
    image = lab().image(WITH)
    with tempfile.TemporaryDirectory(prefix="vfio-bind-bench-") as name:
        folder = Path(name)
        append(image.initrd, files, folder / "initrd")
        return machines.run(folder, MACHINE, image, WORDS, {"root": "file=null-co://"})


def median(stage, name):
    """In ms, of all rounds of one program."""
    found = [stage.values.get(f"{name}.{number}", "failed") for number in range(ROUNDS)]
    if "failed" in found:
        raise NotMeasured(f"{name} failed in the machine: {stage}")
    return statistics.median(map(int, found)) / 1e6


def times():
    """How many functions there were, medians in ms, ratios, and how many functions ids= takes."""
    stage = boot().stages["bench"]
    binder, recipe, walk, driverctl, ids = (
        median(stage, name) for name in ("binder", "recipe", "walk", "driverctl", "ids"))
    return [int(stage.values["functions"]), binder, recipe, recipe / binder, walk, binder / walk,
            driverctl, driverctl / binder, ids, int(stage.values["taken"])]
