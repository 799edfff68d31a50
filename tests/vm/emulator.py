# SPDX-License-Identifier: GPL-2.0-or-later
"""Which QEMU a machine is run by: the host's own, or Debian 13's, which has more devices."""

from .roots import bootstrapped


def own():
    """The host's."""
    return ("qemu-system-x86_64",)


def debian_13():
    """QEMU 10, as words of a command; downloaded if it is not in the cache. It has igb."""
    tree, _ = bootstrapped("qemu-trixie", "trixie", ("qemu-system-x86",))
    libraries = tree / "usr/lib/x86_64-linux-gnu"
    return (libraries / "ld-linux-x86-64.so.2", "--library-path", libraries,
            tree / "usr/bin/qemu-system-x86_64",
            "-L", tree / "usr/share/qemu", "-L", tree / "usr/share/seabios")
