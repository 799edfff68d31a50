# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs hooks of ours in a shell whose generator is made of stubs that write down each call."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import limited

TOP = Path(__file__).resolve().parents[2]
# A call is one line of words; what it returns is in a variable of the stub's name, else 0.
STUB = '{name}() {{ echo "{name} $*" >>"$CALLS"; return "${{STATUS_{variable}:-0}}"; }}\n'
PROGRAM = '#!/bin/sh\necho "{name} $*" >>"$CALLS"\nexit "${{STATUS_{variable}:-0}}"\n'


@dataclass
class Ran:
    """What a piece of shell did."""

    status: int
    calls: list
    stderr: str
    stdout: str


def variable_of(name):
    """The part of a variable's name that stands for a program's."""
    return name.replace("-", "_")


class Hooks:
    """A folder with programs that only write down their calls, and shell run with them."""

    def __init__(self, folder):
        self.folder = folder
        self.calls = folder / "calls"
        self.bin = folder / "bin"
        self.bin.mkdir()
        for tool in ("cat", "grep", "ls", "sed"):
            self.link(tool)
        self.program("vfio-bind")

    def link(self, tool):
        """A program of the host's in PATH."""
        (self.bin / tool).symlink_to(shutil.which(tool))

    def program(self, name):
        """A program in PATH."""
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(PROGRAM.format(name=name, variable=variable_of(name)), "ascii")
        path.chmod(0o755)
        return path

    def run(self, script, stubs=(), shell="bash", **variables):
        """Runs shell with stub functions of those names; nothing but our programs is in PATH."""
        self.calls.write_text("", "ascii")
        text = "".join(STUB.format(name=name, variable=variable_of(name)) for name in stubs)
        environment = {"PATH": str(self.bin), "CALLS": str(self.calls),
                       **{name: str(value) for name, value in variables.items()}}
        done = limited.run([shutil.which(shell), "-c", text + script], env=environment,
                           cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           text=True)
        return Ran(done.returncode, self.calls.read_text("ascii").splitlines(), done.stderr,
                   done.stdout)

    def with_binder(self, source, content=None):
        """A hook that finds its binder in the folder; content None: there is none."""
        binder = self.folder / "binder"
        if content is not None:
            binder.write_text(content, "ascii")
            binder.chmod(0o755)
        hook = self.folder / "hook"
        text = (TOP / source).read_text("utf-8")
        assert "/usr/lib/vfio-bind/binder" in text
        hook.write_text(text.replace("/usr/lib/vfio-bind/binder", str(binder)), "utf-8")
        return hook
