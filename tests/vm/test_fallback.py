# SPDX-License-Identifier: GPL-2.0-or-later
"""The boot menu's entry without vfio-bind, of boot loaders that are really installed: the default
gives the root's own drive away, and the host comes up by the other one."""

import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from package.deb import cached_deb
from .boot import FAST_WORDS, STEADY_WORDS
from .cache import cached, key_of, key_of_tree
from .images import GUEST, ROOT_UUID, Image, copy_into, write
from .keyboard import DOWN, ENTER, run_from_disk
from .machine import OVMF, Machine, disk
from .roots import TRIXIE, run_in
from .test_package import TOLD, told

pytestmark = pytest.mark.nightly

MACHINE = Machine((disk("disk1"), disk("root")), firmware=OVMF)
ROOT = MACHINE.address("root")
# Past every guard, and an image that gives it back by itself would prove nothing here.
POLICY = f"bind {ROOT} id=1b36:0010 allow=host-storage\n"
WORDS = f"console=ttyS0 {STEADY_WORDS} {FAST_WORDS} rd.vfio_bind.undo=0 init=/usr/lib/lab/from-disk"
ESP_MIB, ROOT_MIB = 300, 2048
# What the owner of the machine wrote.
SETTINGS = {
    "etc/vfio-bind.conf": POLICY,
    "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
    "etc/fstab": f"UUID={ROOT_UUID} / ext4 defaults 0 1\nLABEL=ESP /boot/efi vfat umask=0077 0 1\n",
    "etc/default/grub": "GRUB_DEFAULT=0\nGRUB_TIMEOUT=-1\nGRUB_TERMINAL=console\n"
                        f"GRUB_DISTRIBUTOR=Debian\nGRUB_CMDLINE_LINUX='rw {WORDS}'\n",
    "etc/kernel/cmdline": f"root=UUID={ROOT_UUID} rw {WORDS}\n",
    "etc/kernel/install.conf": "layout=bls\nBOOT_ROOT=/boot/efi\n",
}
COUNTED = {"etc/kernel/tries": "1\n"}
RELEASE = replace(TRIXIE, variant="loaders", packages=(
    *TRIXIE.packages, "grub-efi-amd64-bin", "grub2-common", "systemd-boot", "dosfstools"))
KERNEL = "kernel=$(ls /usr/lib/modules)\n"
ADD = "kernel-install add $kernel /boot/vmlinuz-$kernel /boot/initrd.img-$kernel"
ESP = "\nmkdir -p /boot/efi\nmount /boot/efi\n"
GRUB = f"""{TOLD}{ESP}
told loader grub-install --target=x86_64-efi --efi-directory=/boot/efi --removable --no-nvram
told menu update-grub
told fallback vfio-bind fallback
umount /boot/efi
"""
SYSTEMD_BOOT = f"""{TOLD}{KERNEL}{ESP}
export SYSTEMD_RELAX_ESP_CHECKS=1
told loader bootctl --esp-path=/boot/efi --no-variables install
mkdir -p /boot/efi/loader/entries
told menu {ADD}
told fallback vfio-bind fallback
told again {ADD}
told kept vfio-bind fallback
value entries "$(echo /boot/efi/loader/entries/*)"
umount /boot/efi
"""
# Its menu is there until somebody chooses.
FORCED = """
mount /boot/efi
echo "timeout menu-force" >>/boot/efi/loader/loader.conf
umount /boot/efi
"""
REMOVE = f"""{TOLD}{KERNEL}
export SYSTEMD_RELAX_ESP_CHECKS=1
told remove dpkg --remove vfio-bind
[ ! -d /boot/efi/loader/entries ] || told add {ADD}
value left "$(grep -ls rd.vfio_bind=0 /boot/grub/grub.cfg /boot/efi/loader/entries/* | xargs)"
value grub.d "$(echo /etc/grub.d/*)"
"""


@pytest.fixture(scope="module", name="release", params=[RELEASE], ids=str)
def release_with_boot_loaders(request):
    """The one that has both."""
    return request.param


def fill(lab, deb, settings, folder):
    """A disk with a table, an empty ESP and a root that has our package, and its image."""
    tree, generator = folder / "tree", lab.release.generator
    lab.root.copy(tree)
    for part in ("common", generator.name, "loaders"):
        copy_into(GUEST / part, tree)
    shutil.copy(deb.file, tree / "root/vfio-bind.deb")
    for path, text in settings.items():
        write(tree, path, text)
    run_in(tree, f"dpkg -i /root/vfio-bind.deb; {generator.build}")
    shutil.copy(tree / generator.image.format(lab.root.kernel_release), folder / "initrd")
    with open(folder / "disk", "wb") as image:
        image.truncate((ESP_MIB + ROOT_MIB + 2) << 20)
    subprocess.run(["sfdisk", "-q", folder / "disk"], check=True, text=True,
                   input=f"label: gpt\n1MiB,{ESP_MIB}MiB,U\n{ESP_MIB + 1}MiB,{ROOT_MIB}MiB,L\n")
    subprocess.run(["mformat", "-i", f"{folder}/disk@@1M", "-F", "-v", "ESP", "-T",
                    str(ESP_MIB << 11), "-h", "64", "-s", "32", "::"], check=True)
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-U", ROOT_UUID, "-d", tree, "-E",
                    f"offset={(ESP_MIB + 1) << 20}", folder / "disk", f"{ROOT_MIB}M"], check=True)
    shutil.rmtree(tree)


class Host:
    """A machine whose disk has the boot loader that a script put there."""

    def __init__(self, lab, folder, script, more=()):
        deb, settings = cached_deb(), SETTINGS | dict(more)
        key = key_of(lab.root.key, deb.key, settings, ESP_MIB, ROOT_MIB,
                     *(key_of_tree(GUEST / part)
                       for part in ("common", lab.release.generator.name, "loaders")))
        fresh = cached(f"loaders-{len(settings)}", key,
                       lambda new: fill(lab, deb, settings, new))
        self.disk, self.folder = folder / "disk", folder
        subprocess.run(["cp", "--sparse=always", fresh / "disk", self.disk], check=True)
        image = Image(lab.root.kernel, fresh / "initrd", "", "")
        self.installed = lab.boot(words="rd.vfio_bind=0", machine=MACHINE, image=image,
                                  in_root=script, drives={"root": self.disk})

    def boot(self, person=lambda console: None, script=""):
        """From the disk, by what is on it."""
        own = Path(tempfile.mkdtemp(prefix="boot-", dir=self.folder))
        print(f"boot: {own}")
        (own / "next").write_text(script)
        subprocess.run(["mcopy", "-o", "-i", f"{self.disk}@@1M", own / "next", "::lab-next"],
                       check=True)
        return run_from_disk(own, MACHINE, self.disk, person)


def is_up_without_us(boot):
    """By the entry with the word, with the drive the host's, and the binder said so."""
    stage = boot.stages["root"]
    assert "rd.vfio_bind=0" in stage.values["cmdline"].split()
    assert stage.drivers[ROOT] == "nvme"
    assert "# off" in " ".join(stage.report)


def choose_in_grub(console):
    """Down the menu, whose line that is chosen begins with a star."""
    chosen = ""
    while "without vfio-bind" not in chosen:
        console.press(DOWN)
        chosen = console.wait(r"\*(\S[^*]*?) {3}")[1]


def choose_in_systemd_boot(console):
    """The one behind the kernel's."""
    console.press(DOWN)
    console.wait("without vfio-bind")


def default_then_fallback(choose):
    """The default is tried, and is lost; then the other one."""
    def person(console):
        console.wait("without vfio-bind")
        console.press(ENTER)
        console.wait(f"{ROOT} bound to vfio-pci")
        console.wait("Rebooting automatically")
        console.wait("without vfio-bind")
        choose(console)
        console.press(ENTER)
    return person


LOADERS = {"grub": (GRUB, choose_in_grub),
           "systemd-boot": (SYSTEMD_BOOT + FORCED, choose_in_systemd_boot)}


@pytest.mark.parametrize("loader", LOADERS)
def test_chosen_by_hand(lab, tmp_path, loader):
    """Over the serial line. In the host that came up so the package is removed: the entry is gone,
    and the default boots as ever."""
    script, choose = LOADERS[loader]
    host = Host(lab, tmp_path, script)
    for name in ("loader", "menu", "fallback"):
        told(host.installed, name)
    saved = host.boot(default_then_fallback(choose), REMOVE)
    is_up_without_us(saved)
    told(saved, "remove")
    assert saved.stages["root"].values["left"] == ""
    assert "vfio-bind" not in saved.stages["root"].values["grub.d"]

    def take_the_default(console):
        console.wait("Debian GNU/Linux")
        console.press(ENTER)

    after = host.boot(take_the_default)
    assert "rd.vfio_bind=0" not in after.stages["root"].values["cmdline"]
    assert after.stages["root"].drivers[ROOT] == "nvme" and after.said() == []


def test_counted_boots(lab, tmp_path):
    """One boot is left to the default: the second start takes the fallback, and nobody typed."""
    host = Host(lab, tmp_path, SYSTEMD_BOOT, COUNTED)
    for name in ("loader", "menu", "fallback", "again", "kept"):
        told(host.installed, name)
    assert "without_vfio_bind+1.conf" in host.installed.stages["root"].values["entries"]
    boot = host.boot()
    assert f"{ROOT} bound to vfio-pci" in boot.console
    is_up_without_us(boot)
