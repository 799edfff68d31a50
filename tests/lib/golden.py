# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the host program as everybody sees it, and compares what it prints with what it should.

With VFIO_BIND_GOLDEN=write in the environment the files are written instead: read the diff."""

import json
import os
import shutil
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

import jsonschema

from . import limited

TOP = Path(__file__).resolve().parents[2]
GOLDEN = TOP / "tests/golden"
MACHINES = TOP / "tests/machines"
SCHEMA = json.loads((TOP / "doc/vfio-bind.schema.json").read_text(encoding="utf-8"))
BAD = ("AddressSanitizer", "runtime error", "LeakSanitizer")


@lru_cache
def readable(path):
    """A copy of a file that anybody may read: a checkout may lie in a folder of root's alone."""
    folder = tempfile.TemporaryDirectory(prefix="vfio-bind-")
    os.chmod(folder.name, 0o755)
    shutil.copy(path, folder.name)
    os.chmod(os.path.join(folder.name, path.name), 0o644)
    return folder, os.path.join(folder.name, path.name)  # it goes with the folder


def environment(**more):
    """The same on every host: names, characters, width."""
    left_out = {"COLUMNS", "NO_COLOR", "LANG"}
    own = {key: value for key, value in os.environ.items()
           if key not in left_out and not key.startswith("LC_")}
    _, pci_ids = readable(GOLDEN / "pci.ids")
    return {**own, "LC_ALL": "C.UTF-8", "VFIO_BIND_PCI_IDS": pci_ids, **more}


def run(program, *words, status=0, prefix=(), **more):
    """Runs it, and expects that exit status, or with None any that it gives by itself."""
    done = limited.run([*prefix, program, *words], env=environment(**more),
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                       errors="surrogateescape")
    for word in BAD:
        assert word not in done.stderr, done.stderr
    expected = done.returncode >= 0 if status is None else done.returncode == status
    assert expected, (done.returncode, done.stdout, done.stderr)
    return done


def on_machine(program, root, machine, *words, **more):
    """The same for a machine file; its policy is the one below root."""
    return run(program, "--root", root, "--machine", MACHINES / f"{machine}.tsv", *words, **more)


@lru_cache
def checker(command):
    """One for all outputs of a command: it keeps what it has looked up in the schema."""
    return jsonschema.Draft202012Validator({**SCHEMA, "$ref": f"#/$defs/{command}"})


def validate(text, command):
    """Returns the object, once the schema has nothing against it: that of the command, or of any
    that stopped before it had something to show."""
    found = json.loads(text)
    checker("stopped" if set(found) == {"result", "message"} else command).validate(found)
    return found


def compare(name, text):
    """The output is what golden/NAME says, to the byte."""
    path = GOLDEN / name
    if os.environ.get("VFIO_BIND_GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    assert path.exists(), f"{path} is missing: VFIO_BIND_GOLDEN=write makes it"
    assert text.encode() == path.read_bytes(), name
