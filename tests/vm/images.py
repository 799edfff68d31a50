# SPDX-License-Identifier: GPL-2.0-or-later
"""Our product in a root; initramfs images and disks made of that; segments to append."""

import gzip
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from .cache import cache_folder, cached, key_of, key_of_tree, locked
from .roots import run_in

SOURCE = Path(__file__).parents[2]
GUEST = Path(__file__).parent / "guest"
ROOT_UUID = "11111111-2222-3333-4444-555555555555"  # as in guest/common/etc/fstab
POLICY = "etc/vfio-bind.conf"


@dataclass(frozen=True)
class Recipe:
    """What goes into a root before its image is built there, in a chroot."""

    name: str
    policy: str | None = None
    files: tuple = ()  # pairs of path and text
    trees: tuple = ()  # below guest/, besides those of all machines and of the generator
    prepare: str = "true"  # shell, run in the root before the image is built


@dataclass(frozen=True)
class Image:
    """A kernel and the image that was built for it."""

    kernel: Path
    initrd: Path
    log: str  # what the generator printed
    key: str


@lru_cache
def install_product():
    """The tree that make install leaves. The same for all of a run, whoever edits meanwhile."""
    build = cache_folder() / f"build-{key_of(str(SOURCE))}"  # another tree, other objects
    with locked("build"), tempfile.TemporaryDirectory() as temporary:
        staging = Path(temporary) / "tree"
        subprocess.run(["make", "--silent", f"-j{os.cpu_count()}", "-C", SOURCE, f"BUILD={build}",
                        f"DESTDIR={staging}", "install"], check=True)
        return cached("product", key_of_tree(staging), lambda folder: copy_into(staging, folder))


def key_of_guest(root, recipe):
    """Changes with all that furnish() puts into a root, but for what its generator never sees."""
    generator = root.release.generator
    parts = [install_product() / path for path in generator.product]
    parts += [GUEST / part for part in ("common", generator.name, *recipe.trees)]
    return key_of(root.key, generator, recipe, *(key_of_tree(part) for part in parts))


def copy_into(source, tree):
    """Copies what is below source over what is below tree."""
    subprocess.run(["cp", "-a", f"{source}/.", tree], check=True)


def write(tree, path, text):
    """Writes one file of a tree."""
    place = Path(tree) / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")


def furnish(root, recipe, tree):
    """A copy of the root with our product, guest files and all that the recipe says."""
    root.copy(tree)
    copy_into(install_product(), tree)
    for part in ("common", root.release.generator.name, *recipe.trees):
        copy_into(GUEST / part, tree)
    if recipe.policy is not None:
        write(tree, POLICY, recipe.policy)
    for path, text in recipe.files:
        write(tree, path, text)


def build_image(root, recipe):
    """The image that recipe gives in that root."""
    generator = root.release.generator
    return build_by(root, recipe, generator.build, generator.image.format(root.kernel_release))


def build_by(root, recipe, build, path, add=lambda tree: None):
    """
    The image that build, in shell, leaves at a path, in a root as recipe has it. add puts into
    the tree what this machine has; no key knows of that.
    """
    key = key_of(key_of_guest(root, recipe), build)

    def make(folder):
        tree = folder / "tree"
        furnish(root, recipe, tree)
        add(tree)
        log = run_in(tree, f"{recipe.prepare}\n{build}")
        shutil.copy(tree / path, folder / "initrd")
        (folder / "log").write_text(log, encoding="utf-8")
        shutil.rmtree(tree)

    folder = cached(f"image-{root.release}-{recipe.name}", key, make)
    return Image(root.kernel, folder / "initrd", (folder / "log").read_text("utf-8"), key)


def make_disk(tree, path, size, uuid=ROOT_UUID):
    """An ext4 file system with all of a tree, on a disk of its own."""
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-U", uuid, "-d", tree, path, size],
                   stdout=subprocess.DEVNULL, check=True)


def build_disk(root, policy):
    """An ext4 disk to be the machine's root: the root, our product, the guest's files."""
    recipe = Recipe("disk", policy=policy)
    key = key_of_guest(root, recipe)

    def make(folder):
        tree = folder / "tree"
        furnish(root, recipe, tree)
        make_disk(tree, folder / "disk", "2G")
        shutil.rmtree(tree)

    return cached(f"disk-{root.release}", key, make) / "disk", key


def unpack(root, initrd, to):
    """Unpacks an image as its own generator does; returns the tree init runs in."""
    with tempfile.TemporaryDirectory(dir=root.tree / "tmp") as folder:
        shutil.copy(initrd, f"{folder}/initrd")
        run_in(root.tree, root.release.generator.unpack.format(f"/tmp/{Path(folder).name}"))
        copy_into(folder, to)
    return to / "out/main" if (to / "out/main").exists() else to / "out"


@dataclass(frozen=True)
class File:
    """A file of a segment, where its mode matters."""

    content: bytes
    mode: int = 0o644


def entry(name, mode, content, number):
    """One member of a newc archive: Documentation/driver-api/early-userspace/buffer-format.rst."""
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
    return head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4)


def segment(files):
    """A compressed archive to append to an image: what it holds wins over what the image holds."""
    members = {}
    for path, file in files.items():
        for parent in reversed(Path(path).parents[:-1]):
            members[str(parent)] = (0o040755, b"")
        members[path] = (0o100000 | file.mode, file.content)
    members["TRAILER!!!"] = (0, b"")
    archive = b"".join(entry(name, mode, content, number)
                       for number, (name, (mode, content)) in enumerate(members.items(), 1))
    return gzip.compress(archive)


def append(initrd, files, to):
    """Writes the image with a segment of files behind it, both at multiples of four."""
    shutil.copy(initrd, to)
    if files:
        with open(to, "ab") as image:
            image.write(bytes(-os.path.getsize(initrd) % 4) + segment(files))
