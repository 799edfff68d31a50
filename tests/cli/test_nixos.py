# SPDX-License-Identifier: GPL-2.0-or-later
"""NixOS has no /lib/modules: a kernel is found below the systems that run and that boot next."""

import pytest

from lib import golden
from lib.moduletree import vfio_tree
from lib.nixos import LINKS, make_nixos
from lib.payload import OURS, build, fixture_program, set_policy  # noqa: F401


@pytest.mark.parametrize("link", LINKS)
def test_payload_of_a_kernel(program, tmp_path, link):
    """The same modules and the same plan as those of a kernel in /lib/modules."""
    vfio_tree(tmp_path / "root", compress=".xz")
    set_policy(tmp_path / "root", "bind display driver=auto\n")
    usual = build(program, tmp_path / "root", tmp_path / "usual")
    make_nixos(tmp_path / "root", link)
    done = build(program, tmp_path / "root", tmp_path / "payload")
    for name in ("plan", "modules/vfio-pci.ko"):
        assert (done.dir / OURS / name).read_bytes() == (usual.dir / OURS / name).read_bytes()
    assert "vfio-pci.ko" in (done.dir / OURS / "plan").read_text()


def test_update_says_who_builds_it(program, tmp_path):
    root = tmp_path / "root"
    vfio_tree(root)
    set_policy(root)
    make_nixos(root, *LINKS)
    (root / "etc/NIXOS").touch()
    done = golden.run(program, "--root", root, "update", status=1)
    assert "nixos-rebuild boot" in done.stderr
