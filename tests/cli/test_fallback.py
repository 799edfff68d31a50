# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-bind fallback: the boot menu's entry without vfio-bind, for each boot loader."""

import os
import re
import subprocess
from random import Random

import pytest

from lib import golden, limited
from lib.generator import UNPRIVILEGED, Host, fixture_fake  # noqa: F401
from lib.payload import fixture_program  # noqa: F401

ID = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"
TITLE = "Debian GNU/Linux 13 (trixie)"
OWN = f"{ID}-0-without_vfio_bind"
SCRIPT = "usr/lib/vfio-bind/grub-fallback"
LINK = "etc/grub.d/99_vfio-bind"
WITH = ("menuentry 'Debian' {\n\tlinux /vmlinuz\n}\nmenuentry 'Debian, without vfio-bind' "
        "$menuentry_id_option 'vfio-bind-fallback' {\n\tlinux /vmlinuz rd.vfio_bind=0\n}\n")
WITHOUT = "menuentry 'Debian' {\n\tlinux /vmlinuz\n}\n"


def entry(release="6.12.1", sort_key="debian", machine_id=ID, more=""):
    """As kernel-install writes it."""
    lines = [f"title      {TITLE}", f"version    {release}"]
    lines += [f"machine-id {machine_id}"] if machine_id else []
    lines += [f"sort-key   {sort_key}"] if sort_key else []
    return "\n".join([*lines, "options    root=UUID=1 quiet", f"linux      /{ID}/{release}/linux",
                      f"initrd     /{ID}/{release}/initrd"]) + "\n" + more


class Menu(Host):
    """A machine with boot loaders of plain files."""

    def entries(self, boot="boot"):
        folder = self.root / boot / "loader/entries"
        return sorted(path.name for path in folder.iterdir())

    def put(self, name, text, boot="boot"):
        self.add(f"{boot}/loader/entries/{name}", content=text.encode())

    def read(self, name=f"{OWN}.conf", boot="boot"):
        return (self.root / boot / "loader/entries" / name).read_text()

    def grub(self, program="usr/sbin/update-grub", cfg="boot/grub/grub.cfg", gives=WITH):
        self.add("etc/grub.d/10_linux", SCRIPT)
        self.add(cfg, content=WITHOUT.encode())
        self.program(program)
        self.will_give(cfg, gives)

    def will_give(self, cfg, text):
        self.will_build(text.encode(), cfg)

    def run(self, program, *options, status=0):
        done = limited.run([*UNPRIVILEGED, program, "--root", self.root, "fallback", *options],
                           text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for word in golden.BAD:
            assert word not in done.stderr, done.stderr
        expected = done.returncode >= 0 if status is None else done.returncode == status
        assert expected, (done.stdout, done.stderr)
        return done


@pytest.fixture(name="menu")
def fixture_menu(tmp_path, fake):
    (tmp_path / "root").mkdir()
    menu = Menu(tmp_path / "root", fake)
    menu.add("etc/machine-id", content=f"{ID}\n".encode())
    return menu


# Entries of the Boot Loader Specification.

def test_an_entry_beside_the_kernels(program, menu):
    """Its text with our word in front, and the title; once, however often it is asked for."""
    menu.put(f"{ID}-6.12.1.conf", entry())
    done = menu.run(program)
    assert done.stdout.splitlines()[0] == f"/boot/loader/entries/{OWN}.conf: made"
    assert "vfio-bind-initramfs(7)" in done.stdout and done.stderr == ""
    assert menu.read() == entry().replace("(trixie)", "(trixie) (without vfio-bind)").replace(
        "options    root", "options    rd.vfio_bind=0 root")
    again = menu.run(program)
    assert again.stdout.splitlines()[0] == f"/boot/loader/entries/{OWN}.conf: kept"
    assert menu.entries() == [f"{OWN}.conf", f"{ID}-6.12.1.conf"]


@pytest.mark.parametrize("boot", ["boot", "efi", "boot/efi"])
def test_wherever_the_boot_partition_is(program, menu, boot):
    menu.put(f"{ID}-6.12.1.conf", entry(), boot)
    menu.run(program)
    assert f"{OWN}.conf" in menu.entries(boot)
    assert menu.run(program, "--remove").stdout == f"/{boot}/loader/entries/{OWN}.conf: removed\n"
    assert menu.entries(boot) == [f"{ID}-6.12.1.conf"]
    assert menu.run(program, "--remove").stdout == "There was none.\n"


def test_in_json(program, menu):
    menu.put(f"{ID}-6.12.1.conf", entry())
    path = f"/boot/loader/entries/{OWN}.conf"
    for options, change in (([], "made"), ([], "kept"), (["--remove"], "removed")):
        found = golden.validate(menu.run(program, "--json", *options).stdout, "fallback")
        assert found == {"result": "as-configured", "entries": [{"file": path, "change": change}]}
    found = golden.validate(menu.run(program, "--json", "--remove").stdout, "fallback")
    assert found == {"result": "as-configured", "entries": []}


KERNELS = {  # files, and the release of the one that is taken
    "the newest": ({f"{ID}-6.9.1.conf": entry("6.9.1"), f"{ID}-6.12.1.conf": entry()}, "6.12.1"),
    "by name": ({f"{ID}-6.9.1.conf": entry("6.9.1", "", ""),
                 f"{ID}-6.12.1.conf": entry("6.12.1", "", "")}, "6.12.1"),
    "not one without a boot left": ({f"{ID}-6.9.1.conf": entry("6.9.1"),
                                     f"{ID}-6.12.1+0-3.conf": entry()}, "6.9.1"),
    "not another machine's": ({f"{ID}-6.9.1.conf": entry("6.9.1"),
                               f"{OTHER}-6.12.1.conf": entry(machine_id=OTHER)}, "6.9.1"),
    "not another machine's by its name": ({f"{ID}-6.9.1.conf": entry("6.9.1", machine_id=""),
                                           f"{OTHER}-6.12.1.conf": entry(machine_id="")}, "6.9.1"),
    "no rescue image": ({f"{ID}-6.9.1.conf": entry("6.9.1"),
                         f"{ID}-0-rescue.conf": entry("7")}, "6.9.1"),
    "no program of the firmware": ({f"{ID}-6.9.1.conf": entry("6.9.1"),
                                    "z.conf": "title Z\nefi /z.efi\n"}, "6.9.1"),
    "what loader.conf names": ({f"{ID}-6.9.1.conf": entry("6.9.1"),
                                f"{ID}-6.12.1.conf": entry()}, "6.9.1"),
}


@pytest.mark.parametrize("case", KERNELS)
def test_which_kernel(program, menu, case):
    files, release = KERNELS[case]
    for name, text in files.items():
        menu.put(name, text)
    if case == "what loader.conf names":
        menu.add("boot/loader/loader.conf", content=b"editor no\ndefault *-6.9.1.conf\n")
    menu.run(program)
    assert f"/{ID}/{release}/linux" in menu.read()


def test_names_without_a_token(program, menu):
    """As people write them by hand: behind all of them, and of this machine alone."""
    menu.put("arch.conf", "title Arch\nlinux /vmlinuz-linux\noptions root=/dev/sda2 rw\n")
    menu.run(program)
    assert menu.read(f"a-{OWN}.conf") == ("title Arch (without vfio-bind)\nlinux /vmlinuz-linux\n"
                                          "options rd.vfio_bind=0 root=/dev/sda2 rw\n")
    menu.put(f"a-{OTHER}-0-without_vfio_bind.conf", "title Arch\nlinux /vmlinuz-linux\n")
    menu.run(program, "--remove")
    assert menu.entries() == [f"a-{OTHER}-0-without_vfio_bind.conf", "arch.conf"]


def test_a_token_of_ones_own(program, menu):
    menu.add("etc/kernel/entry-token", content=b"here\n")
    menu.put("here-6.12.1.conf", entry())
    menu.run(program)
    assert menu.entries() == ["here-0-without_vfio_bind.conf", "here-6.12.1.conf"]
    menu.run(program, "--remove")
    assert menu.entries() == ["here-6.12.1.conf"]


@pytest.mark.parametrize("text, expected", [
    ("linux /l\n", f"linux /l\ntitle {ID}-1 (without vfio-bind)\noptions rd.vfio_bind=0\n"),
    ("# a note\ntitle A\r\nlinux /l\noptions one\noptions two\n",
     "# a note\ntitle A (without vfio-bind)\nlinux /l\noptions rd.vfio_bind=0 one\noptions two\n"),
    ("title\tA\nlinux\t/l\noptions\t-- x", "title\tA (without vfio-bind)\nlinux\t/l\n"
                                           "options\trd.vfio_bind=0 -- x\n"),
])
def test_what_an_entry_says(program, menu, text, expected):
    """In front, for "--" ends what the binder reads."""
    menu.put(f"{ID}-1.conf", text)
    menu.run(program)
    assert menu.read() == expected


TRIES = {  # /etc/kernel/tries, the kernel's own name, what ours then ends with
    "as kernel-install": ("3", "+2-1", "+3"),
    "as the kernel has": (None, "+2-1", "+3"),
    "none left": (None, "+0-3", "+3"),
    "counted, and good": ("3", "", "+3"),
    "not counted": (None, "", ""),
    "no number": ("three", "", ""),
}


@pytest.mark.parametrize("case", TRIES)
def test_counted_boots(program, menu, case):
    tries, number, expected = TRIES[case]
    if tries:
        menu.add("etc/kernel/tries", content=f"{tries}\n".encode())
    menu.put(f"{ID}-6.12.1{number}.conf", entry())
    menu.run(program)
    assert menu.entries() == sorted([f"{OWN}{expected}.conf", f"{ID}-6.12.1{number}.conf"])


@pytest.mark.parametrize("now, then", [("", ""), ("+1-2", "+1-2"), ("+0-3", "+3")])
def test_counted_down_meanwhile(program, menu, now, then):
    """A name that the boot loader or systemd-bless-boot changed stays; only without a boot left
    it begins anew."""
    menu.put(f"{ID}-6.12.1+3.conf", entry())
    menu.run(program)
    folder = menu.root / "boot/loader/entries"
    (folder / f"{OWN}+3.conf").rename(folder / f"{OWN}{now}.conf")
    menu.run(program)
    assert menu.entries() == sorted([f"{OWN}{then}.conf", f"{ID}-6.12.1+3.conf"])


def test_refresh(program, menu):
    """For the plugin of kernel-install: nothing where there was none; else the newest kernel."""
    menu.put(f"{ID}-6.9.1.conf", entry("6.9.1"))
    assert menu.run(program, "--refresh").stdout == ""
    assert menu.entries() == [f"{ID}-6.9.1.conf"]
    menu.run(program)
    menu.put(f"{ID}-6.12.1+3.conf", entry())
    assert menu.run(program, "--refresh").stdout == f"/boot/loader/entries/{OWN}+3.conf: made\n"
    assert menu.entries() == sorted([f"{OWN}+3.conf", f"{ID}-6.12.1+3.conf", f"{ID}-6.9.1.conf"])
    (menu.root / f"boot/loader/entries/{ID}-6.12.1+3.conf").unlink()
    menu.run(program, "--refresh")
    assert f"/{ID}/6.9.1/linux" in menu.read()


def test_refresh_leaves_grub_alone(program, menu):
    menu.grub()
    menu.run(program)
    menu.run(program, "--refresh")
    assert menu.log() == ["update-grub"]


def test_an_entry_that_cannot_be_written(program, menu):
    menu.put(f"{ID}-6.12.1.conf", entry())
    (menu.root / f"boot/loader/entries/{OWN}.conf").mkdir()
    done = menu.run(program, status=1)
    assert f"/boot/loader/entries/{OWN}.conf: Is a directory" in done.stderr
    assert menu.entries() == [f"{OWN}.conf", f"{ID}-6.12.1.conf"]


PIECES = ("title", "options", "linux", "sort-key", "machine-id", "version", " ", "\t", "\n", "\r\n",
          "#", "--", "+3-1", "0", "6.12", ID, "x" * 300, "\xff", "\0")


def snapshot(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_whatever_lies_there(program, menu):
    """Files of others stay as they are, ours has the word, and goes without a trace."""
    random, folder, made = Random(17), menu.root / "boot/loader/entries", 0
    for _ in range(60):
        menu.put("none", "")
        for path in folder.iterdir():
            path.unlink()
        for number in range(random.randrange(4)):
            name = random.choice((f"{ID}-6.{number}", f"hand{number}", "+3", "z+", f"m+{number}-",
                                  f"{ID}-6+0-{number}", f"{OTHER}-6.{number}", "x" * 240))
            text = "".join((random.choice(("", "linux /l\n")),
                            *random.choices(PIECES, k=random.randrange(40))))
            menu.add(f"boot/loader/entries/{name}.conf", content=text.encode("latin-1"))
        before = snapshot(folder)
        done = menu.run(program, status=None)
        after = snapshot(folder)
        ours = [after.pop(name) for name in set(after) - set(before)]
        assert after == before and len(ours) == (done.returncode == 0)
        for text in ours:
            assert re.search(rb"^[ \t]*options[ \t]+rd\.vfio_bind=0\b", text, re.MULTILINE), text
        made += len(ours)
        menu.run(program, "--remove")
        assert snapshot(folder) == before
    assert 5 < made < 60


# GRUB.

GRUBS = {
    "Debian": ("usr/sbin/update-grub", "boot/grub/grub.cfg", "update-grub"),
    "Arch": ("usr/bin/grub-mkconfig", "boot/grub/grub.cfg", "grub-mkconfig -o /boot/grub/grub.cfg"),
    "SUSE": ("usr/sbin/grub2-mkconfig", "boot/grub2/grub.cfg",
             "grub2-mkconfig -o /boot/grub2/grub.cfg"),
}


@pytest.mark.parametrize("case", GRUBS)
def test_grub(program, menu, case):
    tool, cfg, call = GRUBS[case]
    menu.grub(tool, cfg)
    done = menu.run(program)
    assert done.stdout.splitlines()[0] == f"/{cfg}: made" and f"+ {call}\n" in done.stderr
    assert os.readlink(menu.root / LINK) == f"/{SCRIPT}"
    assert menu.run(program).stdout.splitlines()[0] == f"/{cfg}: kept"
    menu.will_give(cfg, WITHOUT)
    assert menu.run(program, "--remove").stdout == f"/{cfg}: removed\n"
    assert not os.path.lexists(menu.root / LINK) and menu.log() == [call] * 3
    assert menu.run(program, "--remove").stdout == "There was none.\n" and len(menu.log()) == 3


def test_grub_that_reads_entries(program, menu):
    """Fedora's: grub.cfg has none of its own."""
    menu.grub("usr/sbin/grub2-mkconfig", "boot/grub2/grub.cfg")
    menu.add("boot/grub2/grub.cfg", content=b"insmod blscfg\nblscfg\n")
    menu.put(f"{ID}-6.12.1.conf", entry(sort_key="", machine_id=""))
    assert menu.run(program).stdout.splitlines()[0] == f"/boot/loader/entries/{OWN}.conf: made"
    assert menu.log() == [] and not os.path.lexists(menu.root / LINK)


def test_both_of_them(program, menu):
    """Which one starts the machine nobody has to know."""
    menu.grub()
    menu.put(f"{ID}-6.12.1.conf", entry(), "boot/efi")
    done = menu.run(program)
    assert done.stdout.splitlines()[:2] == [f"/boot/efi/loader/entries/{OWN}.conf: made",
                                            "/boot/grub/grub.cfg: made"]


def test_grub_that_fails(program, menu):
    """The link goes: the next kernel's menu is not to fail too."""
    menu.grub()
    menu.add("status", content=b"1")
    menu.add("todo")
    done = menu.run(program, status=1)
    assert "update-grub: exit 1" in done.stderr and "grub.cfg is not written" in done.stderr
    assert not os.path.lexists(menu.root / LINK)


@pytest.mark.parametrize("gives", [WITHOUT, WITH.replace("rd.vfio_bind=0", "")])
def test_grub_without_an_entry_to_copy(program, menu, gives):
    menu.grub(gives=gives)
    done = menu.run(program, "--json", status=1)
    assert "has no entry of ours" in done.stderr and "40_custom" in done.stderr
    assert golden.validate(done.stdout, "fallback") == {"result": "failed", "entries": []}
    assert not os.path.lexists(menu.root / LINK)


def test_a_file_of_somebody_else(program, menu):
    menu.grub()
    menu.add(LINK, content=b"mine")
    assert "/etc/grub.d/99_vfio-bind: it is not ours" in menu.run(program, status=1).stderr
    menu.run(program, "--remove")
    assert (menu.root / LINK).read_bytes() == b"mine" and menu.log() == []


def test_grub_that_keeps_the_entry(program, menu):
    menu.grub()
    menu.run(program)
    done = menu.run(program, "--remove", status=1)
    assert "the entry is still in /boot/grub/grub.cfg" in done.stderr
    assert not os.path.lexists(menu.root / LINK)


def test_proxmox(program, menu):
    menu.grub()
    menu.program("usr/sbin/proxmox-boot-tool")
    menu.add("etc/kernel/proxmox-boot-uuids")
    done = menu.run(program)
    assert menu.log() == ["update-grub", "proxmox-boot-tool refresh"]
    assert "where it says uefi, press e in the menu and add rd.vfio_bind=0" in done.stderr


# Where there can be none.

def test_a_unified_image_alone(program, menu):
    menu.add("efi/EFI/Linux/0123-6.12.efi")
    done = menu.run(program, status=1)
    assert done.stdout == ""
    assert "/efi/EFI/Linux/0123-6.12.efi: a unified kernel image" in done.stderr
    assert 'ukify build --cmdline="rd.vfio_bind=0 ..."' in done.stderr


def test_a_unified_image_among_others(program, menu):
    menu.add("boot/EFI/Linux/0123-6.12.efi")
    menu.put(f"{ID}-6.12.1.conf", entry())
    done = menu.run(program)
    assert done.stdout.startswith(f"/boot/loader/entries/{OWN}.conf: made")
    assert "vfio-bind: warning: /boot/EFI/Linux/0123-6.12.efi: a unified" in done.stderr


def test_no_boot_loader(program, menu):
    done = menu.run(program, status=1)
    assert done.stdout == "" and "no boot loader is known here" in done.stderr
    assert menu.run(program, "--remove").stdout == "There was none.\n"


def test_ostree(program, menu):
    menu.put("ostree-1.conf", entry())
    menu.add("run/ostree-booted")
    assert "press e in the menu and add rd.vfio_bind=0" in menu.run(program, status=1).stderr
    assert menu.entries() == ["ostree-1.conf"]


def test_no_link_leads_out(program, menu, tmp_path):
    """Below --root nothing else is written."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/x-1.conf").write_text(entry())
    (menu.root / "boot/loader").mkdir(parents=True)
    (menu.root / "boot/loader/entries").symlink_to(tmp_path / "outside")
    menu.run(program, status=1)
    assert os.listdir(tmp_path / "outside") == ["x-1.conf"]


@pytest.mark.parametrize("arguments", [["x"], ["--machine", "m"], ["--remove", "--refresh"]])
def test_usage(program, arguments):
    done = subprocess.run([program, "fallback", *arguments], stderr=subprocess.PIPE, check=False)
    assert done.returncode == 2
