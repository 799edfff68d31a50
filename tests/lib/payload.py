# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs `vfio-bind payload` and reads what it wrote."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from lib import limited
from lib.build import built

TOP = Path(__file__).resolve().parents[2]
OURS = "usr/lib/vfio-bind"
RULE = "bind nvme id=144d:a80a\n"


@pytest.fixture(scope="session", name="program")
def fixture_program():
    """The path of the host program, built."""
    return Path(built("vfio-bind"))


@dataclass
class Payload:
    """What one run left."""

    dir: Path
    status: int
    stdout: str
    stderr: str

    def read(self, name):
        return (self.dir / OURS / name).read_text()

    def files(self):
        """All files below the directory, by their paths in it."""
        return sorted(str(path.relative_to(self.dir)) for path in self.dir.rglob("*")
                      if not path.is_dir())

    @property
    def plan(self):
        """The steps: what stands behind the two header lines."""
        header, *steps = self.read("plan").splitlines()
        assert header == "vfio-bind-plan 1" and steps[0].startswith("kernel ")
        return steps[1:]

    @property
    def protect(self):
        """The lines behind the header."""
        header, *lines = self.read("protect").splitlines()
        assert header == "vfio-bind-protect 1"
        assert len(set(lines)) == len(lines)
        return lines


def set_policy(root, text=RULE, name="vfio-bind.conf"):
    path = Path(root) / "etc" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    path.chmod(0o644)
    return path


def build(program, root, out, release="6.9.0-test", binder=None, prefix=(), policy=RULE):
    """Builds a payload of the machine below root. If there is no policy it sets this one."""
    root, out = Path(root), Path(out)
    if policy is not None and not os.path.lexists(root / "etc/vfio-bind.conf"):
        set_policy(root, policy)
    if binder is None:
        binder = root.parent / "a-binder"
        binder.write_bytes(b"\x7fELF, or so it says\n")
    done = limited.run([*prefix, program, "--root", root, "payload", "--kernel", release, out],
                       env={**os.environ, "VFIO_BIND_BINDER": str(binder)},
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
    for word in ("AddressSanitizer", "runtime error", "LeakSanitizer"):
        assert word not in done.stderr, done.stderr
    return Payload(out, done.returncode, done.stdout, done.stderr)


def own_mounts(script):
    """Words to run a command in a mount namespace of its own, after a script as its root."""
    flags = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    probe = subprocess.run([*flags, "true"], stderr=subprocess.DEVNULL, check=False)
    if probe.returncode:
        pytest.skip("no mount namespace can be made here")
    return [*flags, "sh", "-ec", script + '\nexec "$@"', "sh"]


CHROOT = """
for name in usr proc sys dev; do mkdir -p {0}/$name; mount --rbind /$name {0}/$name; done
for name in bin sbin lib lib64; do ln -sfn usr/$name {0}/$name; done
"""


def in_chroot(program, root, script, out, *options):
    """Builds a payload in a chroot with this machine's own /proc, /sys and /dev, as those have
    who make images; script prepares more. Returns what became of it, and the chroot."""
    set_policy(root)
    (root / "tmp").mkdir()
    shutil.copy(program, root / "tmp/vfio-bind")
    (root / "tmp/binder").write_text("a binder")
    done = subprocess.run(
        [*own_mounts((CHROOT + script).format(root)), "chroot", root, "env",
         "VFIO_BIND_BINDER=/tmp/binder", "/tmp/vfio-bind", *options, "payload", "--kernel", "6.1",
         out], stderr=subprocess.PIPE, text=True, check=False)
    return done, root
