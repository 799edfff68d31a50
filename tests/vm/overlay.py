# SPDX-License-Identifier: GPL-2.0-or-later
"""An overlay behind an image that knows nothing of us, by the host program of a root."""

import shutil
import subprocess
from dataclasses import replace

from .images import Recipe, furnish
from .roots import run_in


def with_overlay(lab, image, folder, policy, remainder=1):
    """The image with an overlay behind it, which cat put there, and what verify said of it before
    and after. remainder: of the image's length by four."""
    furnish(lab.root, Recipe("overlay", policy=policy), folder / "tree")
    shutil.copy(image.initrd, folder / "tree/tmp/image")
    said = run_in(folder / "tree", f"""
        vfio-bind verify --raw --noheadings /tmp/image || echo "exit $?"
        vfio-bind overlay --kernel {lab.root.kernel_release} -o /tmp/overlay
        while [ "$(($(stat -c %s /tmp/image) % 4))" != {remainder} ]; do
            printf '\\0' >>/tmp/image
        done
        cat /tmp/overlay >>/tmp/image
        vfio-bind verify --raw --noheadings /tmp/image || echo "exit $?"
    """)
    shutil.move(folder / "tree/tmp/image", folder / "initrd")
    subprocess.run(["rm", "-r", folder / "tree"], check=True)
    return replace(image, initrd=folder / "initrd"), said
