# SPDX-License-Identifier: GPL-2.0-or-later
"""Unified kernel images and addons made of systemd's stubs, on a disk that UEFI looks at."""

import shutil
import struct
import subprocess

from .boot import kernel_words, run_to_its_end
from .images import write
from .roots import bootstrapped

UNIFIED = "EFI/BOOT/BOOTX64.EFI"
FOR_ALL = "loader/addons/rules.addon.efi"  # for whichever image is started
FOR_ONE = f"{UNIFIED}.extra.d/rules.addon.efi"
SMBIOS = "io.systemd.stub.kernel-cmdline-extra="
PAGE, DISK_MIB = 4096, 128


def stubs():
    """The folder of Debian 13's; addons and SMBIOS strings are younger than Debian 12's."""
    tree, _ = bootstrapped("stubs-trixie", "trixie", ("systemd-boot-efi",))
    return tree / "usr/lib/systemd/boot/efi"


def end_of(stub):
    """The address behind its last section: ImageBase and SizeOfImage in Microsoft's PE format."""
    content = stub.read_bytes()
    at, = struct.unpack_from("<I", content, 0x3c)
    base, = struct.unpack_from("<Q", content, at + 24 + 24)
    size, = struct.unpack_from("<I", content, at + 24 + 56)
    return base + size


def assemble(stub, sections, to):
    """The stub with those sections behind its own: files by name."""
    at, options = end_of(stub), []
    for name, file in sections.items():
        options += ["--add-section", f"{name}={file}", "--change-section-vma", f"{name}={at:#x}"]
        at += -(-file.stat().st_size // PAGE) * PAGE
    to.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["objcopy", *options, stub, to], check=True)


def make_esp(tree, path):
    """FAT, with all of a tree."""
    with open(path, "wb") as image:
        image.truncate(DISK_MIB << 20)
    subprocess.run(["mformat", "-i", path, "-F", "-T", str(DISK_MIB << 11), "-h", "64", "-s", "32",
                    "::"], check=True)
    subprocess.run(["mcopy", "-s", "-i", path, *tree.iterdir(), "::"], check=True)


def by_stub(addons, strings):
    """
    As run_alone() of boot.py: the kernel, its image and their words as one file, started by UEFI.
    addons: words by the path of an addon; strings: SMBIOS's, of type 11. The disk hangs at the AHCI
    controller that every q35 has, so that no function is added.
    """
    def start(folder, machine, image, words, drives):
        parts, tree = folder / "parts", folder / "esp"
        write(parts, "cmdline", kernel_words(words))
        assemble(stubs() / "linuxx64.efi.stub", {
            ".cmdline": parts / "cmdline", ".initrd": folder / "initrd", ".linux": image.kernel},
            tree / UNIFIED)
        for path, added in addons.items():
            write(parts, path, added)
            assemble(stubs() / "addonx64.efi.stub", {".cmdline": parts / path}, tree / path)
        make_esp(tree, folder / "esp.img")
        run_to_its_end(folder, machine, drives, [
            "-drive", f"if=none,id=drive-esp,format=raw,file={folder}/esp.img",
            "-device", "ide-hd,drive=drive-esp,bus=ide.0,bootindex=0",
            *(word for text in strings
              for word in ("-smbios", f"type=11,value={text.replace(',', ',,')}"))])
        shutil.rmtree(tree)
        (folder / "esp.img").unlink()
    return start
