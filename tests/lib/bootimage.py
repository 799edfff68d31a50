# SPDX-License-Identifier: GPL-2.0-or-later
"""Images in a tree's /boot, which hold what the program would have put there: not compressed, so
that they are read at once."""

import os
import re
from pathlib import Path

from .initramfs import cpio, initramfs_tools
from .payload import OURS

BINDER = b"\x7fELF, or so it says\n"
MODULE = b"\x7fELF, it says too\n"
PROTECT = "vfio-bind-protect 1\n"


def parts(root, release, policy, binder=BINDER, protect=None, drivers=None, vfio=""):
    """
    What is ours in an image: with the list that the tree has, or one that names nothing.
    drivers: that it brings, or None for those of the policy.
    vfio: lines of modprobe.d that are about the module of that name.
    """
    listed = Path(root) / OURS / "protect"
    if protect is None:
        protect = listed.read_text() if listed.exists() else PROTECT
    drivers = drivers or dict.fromkeys(["vfio-pci", *re.findall(r"driver=([\w-]+)", policy)])
    return {"etc/vfio-bind.conf": policy, f"{OURS}/binder": binder, f"{OURS}/protect": protect,
            f"{OURS}/plan": f"vfio-bind-plan 1\nkernel {release}\n"
                            + "".join(f"builtin {driver}\n" for driver in drivers)
                            + re.sub("(?m)^options vfio ", "load vfio.ko required ", vfio),
            f"{OURS}/modules/vfio.ko": MODULE}


def write(path, files):
    """Writes an image of them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cpio(files))
    os.utime(path, (86400, 86400))
    return path


def set_image(root, release, policy, name=None, **how):
    """Sets the image of a kernel; one with no policy has nothing of ours."""
    files = {f"usr/lib/modules/{release}": None, **initramfs_tools(("udev",))}
    if policy is not None:
        files = {f"usr/lib/modules/{release}": None, **initramfs_tools(),
                 **parts(root, release, policy, **how)}
    return write(Path(root) / (name or f"boot/initrd.img-{release}"), files)
