# SPDX-License-Identifier: GPL-2.0-or-later
"""What verify says an image will do on this machine: by the image's own policy, protect and command
line, function by function, beside what /etc wants."""

import lzma
import shutil
import subprocess

import pytest

from lib import golden
from lib.hosttree import HostTree
from lib.initramfs import (COMPRESS, Link, cpio, image, initramfs_tools, member, microcode,
                           mkinitcpio, pe, tree)
from lib.moduletree import RELEASE, vfio_tree
from lib.payload import OURS, build, fixture_program, set_policy  # noqa: F401

BINDER = b"\x7fELF, or so it says\n"
CONF = "etc/vfio-bind.conf"
HEAD = "vfio-bind-protect 1\n"


class Machine:
    """A host whose root is on one of two NVMe twins, and what its image would hold."""

    def __init__(self, program, folder):
        self.program, self.root = program, folder / "root"
        host = HostTree(self.root)
        self.places = host.nvme_twins()
        self.used, self.free = (place.rsplit("/", 1)[1] for place in self.places)
        host.mount("/", "259:0")
        vfio_tree(self.root)
        (self.root / OURS).mkdir(parents=True)
        (self.root / OURS / "binder").write_bytes(BINDER)
        set_policy(self.root)
        self.lines = [host.lines("storage", place) for place in self.places]
        built = build(program, self.root, folder / "payload")
        assert built.status == 0
        self.payload = tree(built.dir)

    def cmdline(self, words):
        (self.root / "proc/cmdline").write_text(f"root=/dev/nvme0n1 {words}\n")

    def verify(self, content, *options):
        path = self.root / "boot/initrd"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        done = subprocess.run([self.program, "--root", self.root, "verify", "--json", *options,
                               path], text=True, capture_output=True, check=False)
        shown = golden.validate(done.stdout, "verify")
        self.functions = shown["functions"]
        rows = {row["check"]: row for row in shown["checks"]}
        return done.returncode, rows["verdicts"]["result"], rows["verdicts"]["detail"]

    def image(self, **files):
        return image({**self.payload, **initramfs_tools(), **files})


@pytest.fixture(name="machine")
def fixture_machine(program, tmp_path):
    return Machine(program, tmp_path)


def test_right(machine):
    assert machine.verify(machine.image()) == (0, "right", "1 bound at the next boot, as /etc "
                                               "wants it")


def row(address, verdict, reason, driver=""):
    return {"address": address, "verdict": verdict, "reason": reason, "driver": driver}


def test_each_function_that_a_rule_of_the_image_selects(machine):
    """What the image does with it, whatever /etc wants."""
    used, free = machine.used, machine.free
    machine.verify(machine.image())
    assert machine.functions == [row(used, "refuse", "host-storage"),
                                 row(free, "bind", "rule", "vfio-pci")]
    machine.verify(machine.image(**{CONF: f"bind nvme\nkeep {free}\n"}))
    assert machine.functions == [row(used, "refuse", "host-storage"), row(free, "keep", "rule")]
    machine.cmdline("rd.vfio_bind=0")
    machine.verify(machine.image())
    assert machine.functions == []
    (machine.root / "proc/cmdline").unlink()
    machine.verify(machine.image())
    assert machine.functions is None


def test_an_image_that_does_not_know_the_host(machine):
    """Built in a chroot: the boot refuses all storage."""
    content = machine.image(**{f"{OURS}/protect": f"{HEAD}unknown\n"})
    assert machine.verify(content) == (
        10, "outdated", f"{machine.free} stays with the host: host-unknown")


def test_an_image_of_another_host(machine):
    """It protects the free twin, and would take the drive that the host lives on."""
    lines = "".join(f"{line}\n" for line in machine.lines[1])
    status, result, detail = machine.verify(machine.image(**{f"{OURS}/protect": HEAD + lines}))
    assert (status, result) == (1, "wrong")
    assert f"{machine.free} stays with the host: host-storage" in detail
    assert f"{machine.used} is taken from the host, which keeps it by /etc (host-storage)" in detail


def test_an_image_without_the_root_drive(machine):
    assert machine.verify(machine.image(**{f"{OURS}/protect": HEAD})) == (
        1, "wrong", f"{machine.used} is taken from the host, which keeps it by /etc (host-storage)")


def test_an_older_policy(machine):
    content = machine.image(**{CONF: "bind nvme 0000:77:00.0\n"})
    assert machine.verify(content) == (
        10, "outdated", f"{machine.free} stays with the host: no rule in it")
    files = {CONF: "bind nvme driver=pci-stub\n"}
    assert machine.verify(machine.image(**files)) == (
        10, "outdated", f"{machine.free} gets no driver: pci-stub is not in the image")
    assert machine.functions[-1] == row(machine.free, "bind", "rule")
    files[f"{OURS}/plan"] = machine.payload[f"{OURS}/plan"] + b"builtin pci-stub\n"
    assert machine.verify(machine.image(**files)) == (
        10, "outdated", f"{machine.free} is given to pci-stub, not to vfio-pci")


VENDOR = "usr/lib/vfio-bind.conf.d/"


@pytest.mark.parametrize("files, result, detail", [
    ({VENDOR + "10.conf": "keep nvme\n"}, "outdated", "a keep rule"),
    ({VENDOR + "10.conf": "keep nvme\n", CONF + ".d/10.conf": "# mine\n"}, "right", "1 bound"),
    ({VENDOR + "10.conf": "keep nvme\n", CONF + ".d/10.conf": Link("/dev/null")}, "right", ""),
    ({VENDOR + "10.conf": "nonsense\n", CONF + ".d/10.conf": Link("../../dev/null")}, "right", ""),
    ({VENDOR + "10.conf": Link("../../../dev/null")}, "right", "1 bound"),
    ({VENDOR + "10.conf": "keep nvme\n", CONF + ".d/20.conf": ""}, "outdated", "a keep rule"),
    ({VENDOR + "20.conf": "nonsense\n", CONF + ".d/10.conf": ""}, "outdated", "no rule in it"),
    ({CONF: "", VENDOR + "10.conf": "bind nvme\n"}, "right", "1 bound"),
])
def test_drop_ins_as_the_binder_reads_them(machine, files, result, detail):
    done = machine.verify(machine.image(**files))
    assert done[1] == result and detail in done[2]


def test_a_folder_of_drop_ins_that_others_may_write(machine):
    content = cpio({**machine.payload, **initramfs_tools(), VENDOR + "10.conf": "keep usb\n"})
    end = member("TRAILER!!!", 0, b"", 0)
    folder = member(VENDOR[:-1], 0o040777, b"", 9)
    done = machine.verify(content[:content.rindex(end)] + folder + end)
    assert done[1] == "wrong" and f"/{VENDOR[:-1]} in the image may be written by others" in done[2]


def test_an_image_that_knows_other_variants(program, machine):
    """By the list of the kernel that it is for, whichever runs now."""
    aliases = machine.root / "lib/modules" / RELEASE / "modules.alias"
    aliases.write_text("alias vfio_pci:v0000144Dd0000A80Asv*sd*bc*sc*i* mlx5_vfio_pci\n"
                       + aliases.read_text())
    set_policy(machine.root, "bind nvme driver=auto\n")
    built = build(program, machine.root, machine.root.parent / "auto")
    machine.payload = tree(built.dir)
    assert machine.verify(machine.image())[:2] == (0, "right")
    plan = built.read("plan")
    without = "".join(line for line in plan.splitlines(True) if not line.startswith("variant mlx5"))
    assert machine.verify(machine.image(**{f"{OURS}/plan": without})) == (
        10, "outdated", f"{machine.free} is given to vfio-pci, not to mlx5_vfio_pci")
    content = machine.image(**{CONF: "bind nvme driver=mlx5-vfio-pci\n"})
    assert machine.verify(content)[1] == "right"


@pytest.mark.parametrize("mode, uid, why", [
    (0o100666, 0, "may be written by others"), (0o100664, 0, "may be written by others"),
    (0o100644, 1000, "does not belong to root")])
def test_a_policy_that_the_binder_refuses(machine, mode, uid, why):
    files = {**machine.payload, **initramfs_tools()}
    text = files[CONF]
    head = bytearray(member(CONF, mode, text, 9))
    head[22:30] = b"%08x" % uid
    end = member("TRAILER!!!", 0, b"", 0)
    content = microcode() + COMPRESS["zstd"](cpio(files)[:-len(end)] + bytes(head) + end)
    status, result, detail = machine.verify(content)
    assert (status, result) == (1, "wrong") and f"/{CONF} in the image {why}" in detail
    assert f"{machine.free} stays with the host" in detail


@pytest.mark.parametrize("words, status, result", [
    ("rd.vfio_bind=0", 1, "wrong"), ("vfio-bind=off", 1, "wrong"),
    ("rd.vfio_bind=dry-run", 1, "wrong"), ("rd.vfio_bind=nonsense", 1, "wrong"),
    ("noinitrd", 1, "wrong"), ("disablehooks=plymouth,vfio-bind", 0, "right"),
    ("rdinit=/bin/sh", 1, "unknown"), ("rdinit=/usr/lib/vfio-bind/binder", 0, "right"),
    ("quiet -- rd.vfio_bind=0", 0, "right"), ("rd.vfio_bind=1 disablehooks=plymouth", 0, "right")])
def test_the_command_line_counts(machine, words, status, result):
    machine.cmdline(words)
    assert machine.verify(machine.image())[:2] == (status, result)


def test_a_hook_of_mkinitcpio_that_the_command_line_leaves_out(machine):
    machine.cmdline("disablehooks=plymouth,vfio-bind")
    content = image({**machine.payload, **mkinitcpio("udev")})
    status, result, detail = machine.verify(content)
    assert (status, result) == (1, "wrong") and "the hook does not run" in detail


def test_the_command_line_of_a_unified_kernel_image(machine):
    """Its own counts, and not that of the running system."""
    machine.cmdline("rd.vfio_bind=0")
    own = pe({b".linux": b"a kernel", b".cmdline": b"quiet", b".initrd": machine.image()})
    assert machine.verify(own)[:2] == (0, "right")
    machine.cmdline("quiet")
    own = pe({b".cmdline": b"quiet rd.vfio_bind=0\0", b".initrd": machine.image()})
    assert machine.verify(own)[:2] == (1, "wrong")


def test_a_veto_that_only_the_running_system_has(machine):
    """It is none of what /etc wants of an image that boots without it, and the other way round."""
    own = {b".linux": b"a kernel", b".cmdline": b"quiet", b".initrd": machine.image()}
    machine.cmdline(f"rd.vfio_bind.keep={machine.free}")
    assert machine.verify(pe(own)) == (0, "right", "1 bound at the next boot, as /etc wants it")
    machine.cmdline("quiet")
    own[b".cmdline"] = b"rd.vfio_bind.keep=" + machine.free.encode()
    assert machine.verify(pe(own)) == (0, "right", "0 bound at the next boot, as /etc wants it")


ENTRY = "title A\noptions root=/dev/nvme0n1 {words}\nlinux /k\ninitrd /microcode\ninitrd {initrd}\n"
GRUB = """
set default="0"
menuentry 'Debian' --class debian $menuentry_id_option 'gnulinux' {{
	linux	/boot/vmlinuz root=/dev/nvme0n1 {words} $vt_handoff
	initrd	/boot/microcode {initrd}
}}
menuentry 'Debian, recovery' {{
	linux	/boot/vmlinuz root=/dev/nvme0n1 single
	initrd	{initrd}
}}
menuentry 'other' {{
	linux	/boot/vmlinuz root=/dev/nvme0n1 noinitrd
	initrd	/boot/initrd.other
}}
"""
EXTLINUX = "LABEL a\nLINUX /k\nAPPEND initrd={initrd} root=/dev/nvme0n1 {words}\n"
MENUS = {"boot/loader/entries/a.conf": ENTRY, "boot/grub/grub.cfg": GRUB,
         "boot/extlinux/extlinux.conf": EXTLINUX}


def set_menu(machine, path, words, initrd="(hd0,gpt2)/@/boot/initrd"):
    """A boot menu whose entry of the image has these words."""
    file = machine.root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(MENUS[path].format(words=words, initrd=initrd))


@pytest.mark.parametrize("path", MENUS)
def test_the_command_line_of_its_boot_entry(machine, path):
    """What was typed in the menu is of one boot; what was written since is of the next."""
    machine.cmdline("rd.vfio_bind=0")
    set_menu(machine, path, "quiet")
    assert machine.verify(machine.image())[:2] == (0, "right")
    machine.cmdline("quiet")
    set_menu(machine, path, "quiet rd.vfio_bind=0")
    assert machine.verify(machine.image()) == (
        1, "wrong", f"rd.vfio_bind=0 on the kernel command line in /{path}: nothing is bound")


@pytest.mark.parametrize("path", MENUS)
@pytest.mark.parametrize("initrd", ["/boot/x-initrd", "/@/boot/other/initrd", "/", "()"])
def test_an_entry_of_another_image(machine, path, initrd):
    """Says nothing of this one."""
    set_menu(machine, path, "rd.vfio_bind=0", initrd)
    assert machine.verify(machine.image())[:2] == (0, "right")


@pytest.mark.parametrize("path, words, status", [
    ("boot/grub/grub.cfg", "quiet", 1),
    ("boot/loader/entries/a.conf", "$kernelopts", 1), ("boot/loader/entries/a.conf", "$tuned", 0)])
def test_words_that_are_variables(machine, path, words, status):
    """GRUB's kernelopts may be anything: then what the running system has counts."""
    machine.cmdline("quiet rd.vfio_bind=0" if status else "rd.vfio_bind=0")
    set_menu(machine, path, f"{words} rd.vfio_bind=0" if path.endswith("cfg") else words)
    assert machine.verify(machine.image())[0] == status


def test_an_entry_that_the_system_runs_by(machine):
    """Recovery's is the running system's, so the next boot is taken to be by it again."""
    machine.cmdline("single")
    set_menu(machine, "boot/grub/grub.cfg", "quiet rd.vfio_bind=0")
    assert machine.verify(machine.image())[:2] == (0, "right")


def test_our_own_fallback_entries(machine):
    """Somebody who was glad of one is told what the usual entry does."""
    words = "rd.vfio_bind=0 root=/dev/nvme0n1 quiet"
    (machine.root / "proc/cmdline").write_text(f"{words}\n")
    set_menu(machine, "boot/grub/grub.cfg", "quiet")
    menu = machine.root / "boot/grub/grub.cfg"
    menu.write_text(f"{menu.read_text()}menuentry 'D' $menuentry_id_option 'vfio-bind-fallback' {{\n"
                    f"\tlinux /k {words}\n\tinitrd /boot/initrd\n}}\n")
    assert machine.verify(machine.image())[:2] == (0, "right")
    menu.unlink()
    assert machine.verify(machine.image())[:2] == (1, "wrong")
    entry = machine.root / "boot/loader/entries/0123-0-without_vfio_bind.conf"
    entry.parent.mkdir(parents=True)
    entry.write_text(f"options {words}\ninitrd /initrd\n")
    assert machine.verify(machine.image())[:2] == (1, "wrong")
    entry.with_name("0123-6.1.conf").write_text("options root=/dev/nvme0n1 quiet\ninitrd /initrd\n")
    assert machine.verify(machine.image())[:2] == (0, "right")


def test_a_rule_that_the_command_line_adds(machine):
    """With `accept cmdline` the image's own counts on both sides."""
    set_policy(machine.root, "accept cmdline\n")
    files = {CONF: "accept cmdline\n"}
    word = f"rd.vfio_bind.bind={machine.free}"
    machine.cmdline(word)
    assert machine.verify(machine.image(**files))[2].startswith("1 bound")
    own = {b".cmdline": b"quiet", b".initrd": machine.image(**files)}
    assert machine.verify(pe(own))[1:] == ("right", "0 bound at the next boot, as /etc wants it")
    machine.cmdline("quiet")
    own[b".cmdline"] = word.encode()
    assert machine.verify(pe(own))[2].startswith("1 bound")


@pytest.mark.parametrize("gone, why", [
    ("proc/self/mountinfo", "what this host lives on cannot be seen from here"),
    ("proc/cmdline", "the kernel command line cannot be read here"),
    ("sys/bus/pci/devices", "this machine cannot be looked at")])
def test_what_cannot_be_known_is_never_right(machine, gone, why):
    path = machine.root / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert machine.verify(machine.image()) == (1, "unknown", why)
    text = subprocess.run([machine.program, "--root", machine.root, "verify",
                           machine.root / "boot/initrd"], text=True, capture_output=True,
                          check=False).stdout
    assert text.endswith("Look at it on the machine that boots it, as root.\n")


def test_an_image_with_a_command_line_of_its_own_needs_no_other(machine):
    (machine.root / "proc/cmdline").unlink()
    own = pe({b".cmdline": b"quiet", b".initrd": machine.image()})
    assert machine.verify(own)[:2] == (0, "right")


def test_a_veto_on_the_command_line(machine):
    machine.cmdline(f"rd.vfio_bind.keep={machine.free}")
    assert machine.verify(machine.image())[0] == 0  # that is how /etc is to be read, too


@pytest.mark.parametrize("check", ["crc64", "sha256"])
def test_xz_with_a_check_that_the_kernel_does_not_know(program, tmp_path, check):
    plain = cpio(initramfs_tools())
    (tmp_path / "initrd").write_bytes(lzma.compress(plain, check={
        "crc64": lzma.CHECK_CRC64, "sha256": lzma.CHECK_SHA256}[check]))
    done = subprocess.run([program, "--root", tmp_path, "verify", "--json", tmp_path / "initrd"],
                          text=True, capture_output=True, check=False)
    (row,) = [row for row in golden.validate(done.stdout, "verify")["checks"]
              if row["check"] == "archives"]
    assert (done.returncode, row["result"]) == (1, "wrong")
    assert "the kernel refuses it (xz --check=crc32)" in row["detail"]


def test_the_portable_format_of_cpio(program, tmp_path):
    """070707: the kernel says "incorrect cpio method used: use -H newc option"."""
    (tmp_path / "x").write_text("x")
    packed = subprocess.run(["cpio", "--quiet", "-o", "-H", "odc"], input=b"x\n", cwd=tmp_path,
                            stdout=subprocess.PIPE, check=True).stdout
    (tmp_path / "initrd").write_bytes(packed)
    done = subprocess.run([program, "--root", tmp_path, "verify", "--json", tmp_path / "initrd"],
                          text=True, capture_output=True, check=False)
    (row,) = [row for row in golden.validate(done.stdout, "verify")["checks"]
              if row["check"] == "archives"]
    assert row["result"] == "wrong" and "cpio -H newc" in row["detail"] and done.returncode == 1
