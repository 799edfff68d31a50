# SPDX-License-Identifier: GPL-2.0-or-later
"""What differs from one image generator to another."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Generator:
    """A generator of initramfs images. Its name is also that of its folder below guest/."""

    name: str
    packages: tuple
    product: tuple  # what of our product it sees: images are built anew when that changes
    build: str  # shell: builds the image of the one kernel in a root
    image: str  # where the image then is; {} is the kernel's release
    unpack: str  # shell: unpacks {}/initrd into {}/out

    def __str__(self):
        return self.name


INITRAMFS_TOOLS = Generator(
    "initramfs-tools",
    packages=("initramfs-tools", "busybox", "zstd"),
    product=("usr/bin", "usr/lib/vfio-bind", "usr/lib/udev", "usr/share/initramfs-tools"),
    build="update-initramfs -u",
    image="boot/initrd.img-{}",
    unpack="unmkinitramfs {0}/initrd {0}/out",
)

DRACUT = Generator(
    "dracut",
    packages=("dracut", "zstd"),
    product=("usr/bin", "usr/lib/vfio-bind", "usr/lib/dracut", "usr/lib/systemd",
             "usr/lib/udev"),
    build='kernel=$(ls /usr/lib/modules); dracut --force "/boot/initrd.img-$kernel" "$kernel"',
    image="boot/initrd.img-{}",
    unpack="mkdir {0}/out; cd {0}/out; lsinitrd --unpack {0}/initrd",
)
