# SPDX-License-Identifier: GPL-2.0-or-later
"""One release's root, disk and images, and the boots the tests make with them."""

import subprocess
import tempfile
from functools import cached_property
from pathlib import Path

from .boot import LIMIT, Boot, fail, judge, read_boot, run, run_alone
from .cache import cached, key_of
from .images import POLICY, ROOT_UUID, File, Image, Recipe, append, build_disk, build_image
from .machine import TWINS
from .roots import root_of

ROOT_WORDS = f"root=UUID={ROOT_UUID} rw intel_iommu=on quiet"
TO_INIT = f"{ROOT_WORDS} init=/usr/lib/lab/init"
# A slow host may take longer to a root than undo waits, which would give back what was bound.
PATIENT = f"rd.vfio_bind.undo={LIMIT}"
IN_THE_ROOT = f"{TO_INIT} {PATIENT}"
MULTI_USER = f"{ROOT_WORDS} {PATIENT} lab.multi_user"
# The policy of the disk, hence of the image that is built in the running machine.
HOST_POLICY = "bind nvme\n"
NO_POLICY = Recipe("plain")


class Lab:
    """Boots machines with one release."""

    def __init__(self, release, work, tell=print):
        self.release = release
        self.work = work
        self.tell = tell

    @cached_property
    def root(self):
        """The release's root."""
        return root_of(self.release)

    def image(self, recipe):
        """An image built in a chroot."""
        return build_image(self.root, recipe)

    @cached_property
    def disk(self):
        """The disk all machines have as their root, and its key."""
        return build_disk(self.root, HOST_POLICY)

    @cached_property
    def host(self):
        """The boot of a whole Debian that built an image for itself, and that image."""
        disk, disk_key = self.disk
        plain = self.image(NO_POLICY)
        key = key_of(disk_key, plain.key, MULTI_USER, TWINS)
        folder = cached(f"host-{self.release}", key, lambda new: self.build_in_machine(new, disk))
        built = Image(self.root.kernel, folder / "built", "", key)
        return read_boot(folder), built

    @property
    def host_image(self):
        """The image that a running Debian built for the machine it ran on: TWINS."""
        return self.host[1]

    def build_in_machine(self, folder, disk):
        """Boots to multi-user without us, builds the image there, takes it out of the disk."""
        own = folder / "disk"
        subprocess.run(["cp", "--sparse=always", disk, own], check=True)
        plain = self.image(NO_POLICY)
        append(plain.initrd, {}, folder / "initrd")
        boot = run(folder, TWINS, plain, f"{MULTI_USER} lab.build", {"root": f"file={own}"})
        if boot.stages["multi-user"].values.get("build-status") != "0":
            fail(folder, f"no image was built: {boot.stages}")
        subprocess.run(["e2fsck", "-p", own], stdout=subprocess.DEVNULL, check=False)
        name = self.release.generator.image.format(self.root.kernel_release)
        subprocess.run(["debugfs", "-R", f"dump {name} {folder}/built", own],
                       stderr=subprocess.DEVNULL, check=True)
        own.unlink()
        (folder / "initrd").unlink()

    def boot(self, policy=None, words="", machine=TWINS, image=None, base=IN_THE_ROOT,
             files=None, in_initramfs="", in_root="", drives=None, start=run_alone) -> Boot:
        """
        Boots an image with a policy of its own, and shell that is run at its end and after.
        drives: files of drives that are written to. The root's own stays as it is, unless named.
        """
        files = dict(files or {})
        texts = {POLICY: policy, "lab/in-initramfs": in_initramfs, "lab/in-root": in_root}
        files.update({path: File(text.encode()) for path, text in texts.items() if text})
        image = image or self.host_image
        folder = Path(tempfile.mkdtemp(prefix="boot-", dir=self.work))
        self.tell(f"boot: {folder}")  # shown by pytest where a test fails
        append(image.initrd, files, folder / "initrd")
        drives = {name: f"file={path}" for name, path in (drives or {}).items()}
        if "root" not in drives:
            drives["root"] = f"file={self.disk[0]},snapshot=on"
        start(folder, machine, image, f"{base} {words}", drives)
        (folder / "initrd").unlink()
        return judge(folder)
