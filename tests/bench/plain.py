# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures that need no machine: size, and what a run on a tree of plain files costs."""

import json
import os
import platform
import re
import shutil
import tempfile
import time
from pathlib import Path

from .build import built, run
from .crowd import crowd
from .figure import NotMeasured

FEW, MANY = 1000, 10000
TIMES = 11
FINE = (0, 1)  # plain files have no driver that would take a device: the binder says 1
CHECKED = (0, 10, 11)  # so does check: right on disk, and there is no image yet
# The tree as "/", as at a boot, and not by --root: valgrind 3.19 knows no openat2(2). A program
# that runs under valgrind needs the real /proc, but for what the binder reads there.
IN_TREE = """
cp "$1/proc/cmdline" "$1/cmdline"
mount --rbind /proc "$1/proc"
mount --bind "$1/cmdline" "$1/proc/cmdline"
mount --bind "$2" "$1/valgrind"
shift 2
exec "$@"
"""
VALGRIND_FOLDERS = ("/usr/libexec/valgrind", "/usr/lib/valgrind",
                    "/usr/lib/x86_64-linux-gnu/valgrind", "/usr/lib/aarch64-linux-gnu/valgrind")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def size():
    """Of the stripped program."""
    return [os.path.getsize(built("binder"))]


def parts():
    """(bytes of code and constants, object file) of all that is linked into it, the largest
    first. What they have in common with libc is in none of them."""
    folder = built("binder").parent
    objects = sorted({*(folder / "binder.o").glob("*.o"), *(folder / "core").glob("*.o")})
    table = run("size", *map(str, objects)).splitlines()[1:]
    return sorted(((int(row.split()[0]) + int(row.split()[1]), Path(row.split()[-1]).stem)
                   for row in table), reverse=True)


def on_crowd(measure, count):
    """What measure says of a tree with that many functions."""
    with tempfile.TemporaryDirectory(prefix="vfio-bind-bench-") as folder:
        tree = crowd(f"{folder}/tree", count)
        value = measure(Path(tree.root))
        if "\tbind\trule\t" not in tree.read("run/vfio-bind/report"):
            raise NotMeasured(f"the binder chose nothing of {count} functions")
        return value


def slope(measure):
    """What one function more costs."""
    return [(on_crowd(measure, MANY) - on_crowd(measure, FEW)) / (MANY - FEW)]


def fastest(command, fine):
    """Milliseconds of the fastest of some runs: what else the machine does is not ours."""
    least = float("inf")
    for _ in range(TIMES):
        start = time.perf_counter()
        run(*command, fine=fine)
        least = min(least, time.perf_counter() - start)
    return least * 1000


def scale():
    """Of a tree of plain files: milliseconds for many functions, and how linear that is."""
    few, many = (on_crowd(lambda root: fastest((built("binder"), "--root", root), FINE), count)
                 for count in (FEW, MANY))
    return [many, many / few / (MANY / FEW)]


def core():
    """Of the core alone: nanoseconds a function of many, and how linear that is."""
    few, many = (int(run(built("bench/core"), str(count))) for count in (FEW, MANY))
    return [many / MANY, many / few / (MANY / FEW)]


def check():
    """The host program's dearest reading command: milliseconds, and its memory in KiB."""
    os.environ["VFIO_BIND_BINDER"] = str(built("binder"))
    with tempfile.TemporaryDirectory(prefix="vfio-bind-bench-") as folder:
        tree = crowd(f"{folder}/tree", 256)
        command = (built("vfio-bind"), "--root", tree.root, "check", "--json")
        said = json.loads(run(*command, fine=CHECKED))
        if not any(device["verdict"] == "bind" for device in said["plan"]):
            raise NotMeasured("check would bind nothing of 256 functions")
        peak = run(built("bench/peak"), *command).splitlines()[-1]
        return [fastest(command, CHECKED), int(peak)]


def memory():
    """The most memory, of the process that works and of the one that watches it."""
    command = (built("bench/peak"), built("binder"), "--root")
    return [on_crowd(lambda root: int(run(*command, root)), count) for count in (256, 16384)]


def need(tool):
    """The path of a program."""
    path = shutil.which(tool)
    if not path:
        raise NotMeasured(f"{tool} is not installed")
    return path


def valgrind():
    """The folder of valgrind's own programs, and callgrind's name there."""
    name = f"callgrind-{ARCHITECTURES.get(platform.machine(), platform.machine())}-linux"
    for folder in VALGRIND_FOLDERS:
        if os.path.exists(f"{folder}/{name}"):
            return folder, name
    raise NotMeasured("valgrind is not installed")


def as_root(*options):
    """unshare(1) with these options, as root; without root as the root of a world of its own."""
    options = options if os.geteuid() == 0 else (*options, "--map-root-user")
    return ("unshare", *options) if options else ()


def count_calls(root):
    """System calls of one run, those of chroot(8) included: they are in both ends of the slope."""
    counts = root / "counts"
    shutil.copy(built("binder"), root / "binder")
    run(*as_root(), need("strace"), "-c", "-f", "-o", counts, "chroot", root, "/binder",
        fine=FINE)
    return int(re.search(r"^100\.00\s+\S+\s+\d+\s+(\d+)(?:\s+\d+)? total$",
                         counts.read_text("utf-8"), re.MULTILINE)[1])


def count_instructions(root):
    """Instructions outside the kernel, of the process that works. What it forks begins with its
    count, so a sum would have the scan once more for each device that is bound."""
    folder, name = valgrind()
    shutil.copy(built("binder"), root / "binder")
    for place in ("tmp", "valgrind"):
        (root / place).mkdir()
    run(*as_root("--mount"), "sh", "-ec", IN_TREE, "sh", root, folder,
        "chroot", root, f"/valgrind/{name}", "--callgrind-out-file=/counts.%p", "/binder",
        env={**os.environ, "VALGRIND_LIB": "/valgrind", "VALGRIND_LAUNCHER": f"/valgrind/{name}"},
        fine=FINE)
    return max(int(re.search(r"^totals: (\d+)$", file.read_text("utf-8"), re.MULTILINE)[1])
               for file in root.glob("counts.*"))


def calls():
    """A function more."""
    return slope(count_calls)


def instructions():
    """A function more."""
    return slope(count_instructions)
