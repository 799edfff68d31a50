# SPDX-License-Identifier: GPL-2.0-or-later
"""What is slow to make is made once: roots, disks and images, in a folder outside the tree."""

import fcntl
import hashlib
import os
import shutil
from contextlib import contextmanager
from pathlib import Path


def cache_folder():
    """Where roots, disks and images stay between two runs."""
    default = "/var/cache/vfio-bind" if os.geteuid() == 0 else Path.home() / ".cache/vfio-bind"
    folder = Path(os.environ.get("VFIO_BIND_CACHE", default))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def key_of(*parts):
    """A short name for all of parts together; another one as soon as any of them differs."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def key_of_tree(folder):
    """The same for names, modes and contents of all files below folder."""
    parts = []
    for path in sorted(folder.rglob("*")):
        content = os.readlink(path) if path.is_symlink() else b""
        if path.is_file() and not path.is_symlink():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        parts.append((str(path.relative_to(folder)), path.lstat().st_mode, content))
    return key_of(*parts)


@contextmanager
def locked(name):
    """Only one process at a time goes on from here with that name."""
    with open(cache_folder() / f"{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def cached(name, key, make):
    """The folder name-key. make(folder) fills it, if it is not there; older keys then go."""
    path = cache_folder() / f"{name}-{key}"
    with locked(name):
        if not path.exists():
            for old in cache_folder().glob(f"{name}-{'?' * 16}"):
                shutil.rmtree(old)
            new = cache_folder() / f"{name}.new"
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir()
            make(new)
            new.rename(path)
    return path
