# SPDX-License-Identifier: GPL-2.0-or-later
"""Both programs bit for bit the same, wherever, whenever and by how many hands they are built."""

import os
import re
import shutil
import subprocess
from pathlib import Path

TOP = Path(__file__).parents[2]
# As root no other user is to be had without sudo.
NOT_VARIED = ["user_group"]
# What a container may not allow, and how to find out.
PROBES = {
    "domain_host": "unshare --map-root-user --uts true",
    "fileordering": "mkdir there && disorderfs . there && fusermount -u there",
}


def is_possible(name, folder):
    """Whether that can be varied here."""
    folder.mkdir()
    return not subprocess.run(PROBES[name], shell=True, cwd=folder, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False).returncode


def test_the_build_is_the_same_under_every_variation(tmp_path, record_property):
    """reprotest: environment, path, kernel, ASLR, CPUs, clock, order of files, host's name, home,
    locale, PATH, time zone and umask."""
    not_varied = NOT_VARIED + [name for name in PROBES if not is_possible(name, tmp_path / name)]
    source = tmp_path / "source"
    for folder in ("binder", "cli"):
        shutil.copytree(TOP / folder, source / folder)
    shutil.copy(TOP / "Makefile", source)
    done = subprocess.run(
        ["reprotest", "--min-cpus", "1", "--no-diffoscope",
         *(f"--vary=-{name}" for name in not_varied), "-c", "make -s -j$(nproc) all", ".",
         "build/binder build/vfio-bind"],
        cwd=source, env={**os.environ, "TMPDIR": str(tmp_path)}, text=True, errors="replace",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout
    assert "No differences in ./build/binder ./build/vfio-bind" in done.stdout, done.stdout
    sums = re.findall(r"^([0-9a-f]{64})  \./build/(\S+)$", done.stdout, re.MULTILINE)
    assert [name for _, name in sums] == ["binder", "vfio-bind"]
    record_property("not varied", " ".join(not_varied))
    for checksum, name in sums:
        record_property(name, checksum)
