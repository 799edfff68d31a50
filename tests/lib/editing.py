# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs commands that edit the policy, on a machine with twins below a directory."""

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lib import limited
from lib.golden import environment
from lib.machine import parse
from lib.tree import Tree

CONF = "etc/vfio-bind.conf"
MARK = "(vfio-bind add)"
SANITIZERS = ("AddressSanitizer", "runtime error", "LeakSanitizer")

# Columns: address, class, id, subsystem, revision, driver, group, parent, dsn, slot, boot_vga.
MACHINE = """
#framebuffer 0000:01:00.0
#protect storage path=0000:00/02.0/00.0 id=144d:a80a
#protect network path=0000:00/06.0/00.0 id=8086:1533
0000:00:00.0 060000 8086:1237 - - - 0 - - - -
0000:00:01.0 060400 8086:1901 - - - 1 - - - -
0000:00:02.0 060400 8086:1902 - - - 2 - - - -
0000:00:03.0 060400 8086:1903 - - - 3 - - - -
0000:00:04.0 060400 8086:1904 - - - 4 - - - -
0000:00:05.0 060400 8086:1905 - - - 5 - - - -
0000:00:06.0 060400 8086:1906 - - - 6 - - - -
0000:00:07.0 060400 8086:1907 - - - 7 - - - -
0000:00:14.0 0c0330 8086:a12f - - - 8 - - - -
0000:00:14.2 118000 8086:a131 - - - 8 - - - -
0000:01:00.0 030000 10de:1c82 - - - 10 0000:00:01.0 - - 1
0000:01:00.1 040300 10de:0fb9 - - - 10 0000:00:01.0 - - -
0000:02:00.0 010802 144d:a80a - - - 11 0000:00:02.0 - - -
0000:03:00.0 010802 144d:a80a - - - 12 0000:00:03.0 - - -
0000:04:00.0 010802 144d:a80a - - - 13 0000:00:04.0 00-25-38-b1-21-00-51-3a - -
0000:05:00.0 030000 10de:1c82 - - - 14 0000:00:05.0 - 3 0
0000:05:00.1 040300 10de:0fb9 - - - 14 0000:00:05.0 - 3 -
0000:06:00.0 020000 8086:1533 - - - 15 0000:00:06.0 00-40-9e-ff-ff-05-4d-10 - -
0000:07:00.0 020000 8086:1572 - - - 16 0000:00:07.0 f8-cb-53-ff-ff-fe-fd-3c - -
0000:07:00.1 020000 8086:1572 - - - 17 0000:00:07.0 f8-cb-53-ff-ff-fe-fd-3c - -
0000:08:00.0 ff0000 1af4:1110 - - - - - - - -
"""


@dataclass
class Done:
    """What one run left."""

    status: int
    stdout: str
    stderr: str

    @property
    def rules(self):
        """The lines of the diff that add or remove a rule."""
        return [line for line in self.stdout.splitlines() if line[:7] in ("+ bind ", "- bind ")]


def plant(root, extra="", drop=()):
    """The machine as a tree below root; lines that begin with one of drop are left out."""
    lines = [line if line.startswith("#") else "\t".join(line.split())
             for line in (MACHINE + extra).splitlines() if not line.startswith(tuple(drop) or "\0")]
    tree = Tree(root, parse("\n".join(lines)))
    return tree


def set_conf(root, text, name=CONF, mode=0o644):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


def get_conf(root, name=CONF):
    path = root / name
    return path.read_bytes().decode() if path.exists() else None


def let_in(root):
    """Lets others into a folder, which pytest makes for one user only."""
    top = Path(tempfile.gettempdir()).resolve()
    for path in (root, *root.parents):
        if top in path.parents:
            path.chmod(path.stat().st_mode | 0o055)


def run(program, root, *words, prefix=(), **kwargs):
    """Runs `vfio-bind --root ROOT WORDS...`."""
    done = limited.run([*map(str, prefix), str(program), "--root", str(root), *words],
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, errors="replace",
                       env=environment(LC_ALL="C"), **kwargs)
    for word in SANITIZERS:
        assert word not in done.stderr, done.stderr
    return Done(done.returncode, done.stdout, done.stderr)
