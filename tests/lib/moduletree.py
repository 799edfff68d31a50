# SPDX-License-Identifier: GPL-2.0-or-later
"""A small /lib/modules of one's own: real ELF modules, indexed by the real depmod."""

import gzip
import lzma
import os
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

RELEASE = "6.9.0-test"
MLX5 = "vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i*"
# As a signed module ends: linux/include/linux/module_signature.h.
SIGNATURE = b"\x02\x00\x00\x00\x00\x00\x01\x9a~Module signature appended~\n"
COMPRESS = {
    "": lambda data: data,
    ".xz": lambda data: lzma.compress(data, check=lzma.CHECK_CRC32),
    ".gz": gzip.compress,
    ".zst": lambda data: subprocess.run(["zstd", "-q", "-c"], input=data, check=True,
                                        stdout=subprocess.PIPE).stdout,
}


def source_of(module, needs, info):
    """C of a module that gives the symbol MODULE_symbol and needs others' symbols."""
    lines = ['__attribute__((section("__ksymtab_strings"), used))'
             f' static const char gives[] = "{module}_symbol";']
    for number, text in enumerate(info):
        lines.append('__attribute__((section(".modinfo"), used))'
                     f' static const char info{number}[] = "{text}";')
    for need in needs:
        lines.append(f"extern void {need}_symbol(void);"
                     f" void (*{need}_used)(void) = {need}_symbol;")
    return "\n".join(lines) + "\n"


@lru_cache(None)
def compiled(source):
    """The object that a compiler makes of it."""
    with tempfile.NamedTemporaryFile(suffix=".o") as file:
        subprocess.run(["cc", "-x", "c", "-c", "-o", file.name, "-"], check=True, text=True,
                       input=source)
        return Path(file.name).read_bytes()


class ModuleTree:
    """lib/modules/RELEASE below root. add() modules, then index()."""

    def __init__(self, root, release=RELEASE):
        self.root, self.release = Path(root), release
        self.path = self.root / "lib/modules" / release
        self.path.mkdir(parents=True)
        self.modules = {}  # name -> bytes, as they are uncompressed
        self.builtin, self.builtin_info = [], []

    def add(self, name, needs=(), info=(), compress=""):
        """A module in NAME.ko and what it is compressed by."""
        path = self.path / "kernel" / f"{name}.ko"
        path.parent.mkdir(exist_ok=True)
        self.modules[name] = compiled(source_of(name.replace("-", "_"), needs, info)) + SIGNATURE
        (path.parent / f"{path.name}{compress}").write_bytes(COMPRESS[compress](self.modules[name]))

    def index(self):
        """Makes the indexes anew, as the installation of a kernel does."""
        (self.path / "modules.order").write_text("")
        (self.path / "modules.builtin.modinfo").write_bytes(
            b"".join(info.encode() + b"\0" for info in self.builtin_info))
        (self.path / "modules.builtin").write_text(
            "".join(f"kernel/{name}.ko\n" for name in self.builtin))
        subprocess.run(["depmod", "-b", self.root, self.release], check=True,
                       env={**os.environ, "PATH": "/usr/sbin:/sbin:" + os.environ["PATH"]})


def vfio_tree(root, compress="", without=(), builtin=()):
    """The vfio modules as Debian's 6.12 has them, vfio_iommu_type1 as a soft dependency only."""
    tree = ModuleTree(root)
    tree.builtin = list(builtin)
    for name, needs, info in (
            ("irqbypass", (), ()),
            ("vfio", (), ("softdep=post: vfio_iommu_type1 vfio_iommu_spapr_tce",)),
            ("vfio_iommu_type1", ("vfio",), ()),
            ("vfio-pci-core", ("vfio", "irqbypass"), ()),
            ("vfio-pci", ("vfio_pci_core",), ("alias=vfio_pci:v*d*sv*sd*bc*sc*i*",)),
            ("mlx5-vfio-pci", ("vfio_pci_core",), ("alias=" + MLX5,)),
            ("odd_vfio_pci", (), ()),
            ("pci-stub", (), ())):
        if name not in without and name not in builtin:
            tree.add(name, [n for n in needs if n not in builtin], info, compress)
    tree.index()
    return tree
