# SPDX-License-Identifier: GPL-2.0-or-later
"""A host's tree made one of NixOS."""

import shutil

BOOTED, NEXT = "nix/store/1-nixos-system", "nix/store/2-nixos-system"
LINKS = {"run/booted-system": BOOTED, "run/current-system": NEXT,
         "nix/var/nix/profiles/system": NEXT}


def make_nixos(root, *links):
    """Takes lib/modules into the store, and has the links lead there."""
    for system in (BOOTED, NEXT):
        (root / system).mkdir(parents=True)
        (root / system / "kernel-modules").symlink_to("/nix/store/3-kernel-modules")
    (root / "nix/store/3-kernel-modules/lib").mkdir(parents=True)
    shutil.move(root / "lib/modules", root / "nix/store/3-kernel-modules/lib/modules")
    for link in links:
        (root / link).parent.mkdir(parents=True, exist_ok=True)
        (root / link).symlink_to("/" + LINKS[link])
