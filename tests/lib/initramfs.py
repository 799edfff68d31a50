# SPDX-License-Identifier: GPL-2.0-or-later
"""Initramfs images as generators make them, out of a payload: small, and of any compression."""

import bz2
import gzip
import lzma
import struct
import subprocess
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
UNIT = (TOP / "hooks/vfio-bind-initrd.service").read_text()
SCRIPT = (TOP / "initramfs-tools/scripts/init-top/00-vfio-bind").read_text()
DRACUT_HOOK = (TOP / "dracut-module/vfio-bind.sh").read_text()
EARLY_HOOK = (TOP / "mkinitcpio/hooks/vfio-bind").read_text()
INIT_TOP = "scripts/init-top"


def tool(*command):
    """A compressor that Python has not."""
    return lambda data: subprocess.run(command, input=data, check=True,
                                       stdout=subprocess.PIPE).stdout


COMPRESS = {
    "plain": lambda data: data,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
    "xz": lambda data: lzma.compress(data, check=lzma.CHECK_CRC32),
    "lz4": tool("lz4", "-l", "-q", "-c"),
    "zstd": tool("zstd", "-q", "-c"),
}


class Link(str):
    """What a symbolic link says."""


def member(name, mode, content, number, links=1):
    """One member of a newc archive: Documentation/driver-api/early-userspace/buffer-format.rst."""
    fields = (number, mode, 0, 0, links, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
    return head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4)


def mode_of(name, content):
    if isinstance(content, Link):
        return 0o120777
    programs = ("binder", "init", "systemd/systemd", "00-vfio-bind", "hooks/vfio-bind", "-first",
                "booster/init", "sbin/init", "init.vfio-bind-next")
    return 0o100755 if name.endswith(programs) else 0o100644


def cpio(files, parents=True):
    """An archive of path -> content; None is a directory. Those above are put before each."""
    members, done = b"", set()
    for number, (name, content) in enumerate(files.items()):
        above = [str(parent) for parent in reversed(Path(name).parents[:-1])] if parents else []
        for parent in above:
            if parent not in done and parent not in files:
                members += member(parent, 0o040755, b"", 0)
                done.add(parent)
        if content is None:
            members += member(name, 0o040755, b"", 0)
            continue
        data = content.encode() if isinstance(content, str) else content
        members += member(name, mode_of(name, content), data, number + 1)
    return members + member("TRAILER!!!", 0, b"", 0)


def padded(data, size=512):
    return data + bytes(-len(data) % size)


def microcode():
    """What most images begin with: an archive that is not compressed, and zeros."""
    return padded(cpio({"kernel/x86/microcode/GenuineIntel.bin": b"\1" * 3000}))


def image(files, compression="zstd"):
    """All the files in a compressed archive behind the microcode."""
    return microcode() + COMPRESS[compression](cpio(files))


def pe(sections):
    """A unified kernel image of name -> content: Microsoft's PE format, as little of it as can be."""
    headers, at = b"", 512
    for name, data in sections.items():
        headers += struct.pack("<8sIIIIIIHHI", name, len(data), 0, len(padded(data)), at,
                               0, 0, 0, 0, 0)
        at += len(padded(data))
    head = b"MZ".ljust(0x3c, b"\0") + struct.pack("<I", 0x80)
    head = head.ljust(0x80, b"\0") + b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, len(sections),
                                                            0, 0, 0, 16, 0)
    return padded(head + bytes(16) + headers) + b"".join(map(padded, sections.values()))


def uki(content, section=b".initrd"):
    """One that holds an initramfs."""
    return pe({b".linux": b"a kernel", section: content})


def order(*scripts):
    """ORDER as initramfs-tools writes it."""
    return "".join(f'/{INIT_TOP}/{name} "$@"\n[ -e /conf/param.conf ] && . /conf/param.conf\n'
                   for name in scripts)


def initramfs_tools(scripts=("00-vfio-bind", "all_generic_ide", "udev")):
    files = {f"{INIT_TOP}/{name}": SCRIPT if "vfio" in name else "#!/bin/sh\n" for name in scripts}
    return {"init": "#!/bin/sh\n", "conf/initramfs.conf": "", "conf/conf.d": None,
            **files, f"{INIT_TOP}/ORDER": order(*scripts)}


def systemd(unit=UNIT, wants=True):
    files = {"init": Link("usr/lib/systemd/systemd"), "usr/lib/systemd/systemd": "\x7fELF",
             "etc/initrd-release": "ID=x\n"}
    if unit is not None:
        files["usr/lib/systemd/system/vfio-bind-initrd.service"] = unit
    if wants:
        files["etc/systemd/system/sysinit.target.wants/vfio-bind-initrd.service"] = Link(
            "/usr/lib/systemd/system/vfio-bind-initrd.service")
    return files


def dracut(hook="00-vfio-bind.sh", hooks="var/lib/dracut/hooks"):
    files = {f"{hooks}/cmdline/01-parse-kernel.sh": "", "init": "#!/bin/sh\n"}
    if hook:
        files[f"{hooks}/cmdline/{hook}"] = DRACUT_HOOK
    return files


def mkinitcpio(early="vfio-bind udev", hook=True, late="udev"):
    files = {"init": "#!/usr/bin/ash\nrun_hookfunctions 'run_earlyhook' 'early hook' $EARLYHOOKS\n",
             "init_functions": "", "buildconfig": "",
             "config": f'MODULES=""\nEARLYHOOKS="{early}"\nHOOKS="{late}"\n'}
    if hook:
        files["hooks/vfio-bind"] = EARLY_HOOK
    return files


def tree(directory):
    """The files below a directory, as cpio() takes them."""
    return {str(path.relative_to(directory)): path.read_bytes()
            for path in sorted(Path(directory).rglob("*")) if path.is_file()}
