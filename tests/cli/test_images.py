# SPDX-License-Identifier: GPL-2.0-or-later
"""check, status and list ask what the image that boots next will do here: what is in it counts, and
no stamp. What was found in an image is remembered until that image changes."""

import json
import os
import shutil
import subprocess

import pytest

from lib import golden
from lib.bootimage import BINDER, parts, set_image, write
from lib.bootmachine import HEAD, Machine
from lib.editing import let_in
from lib.initramfs import cpio, initramfs_tools, mkinitcpio, pe
from lib.instructions import instructions
from lib.moduletree import RELEASE
from lib.nixos import BOOTED, LINKS, NEXT, make_nixos
from lib.payload import OURS, build, fixture_program  # noqa: F401

CACHE = f"var/cache/vfio-bind/images/boot!initrd.img-{RELEASE}"
USER = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"),
                               reason="takes root, to become somebody else")


@pytest.fixture(name="machine")
def fixture_machine(program, tmp_path):
    return Machine(program, tmp_path)


PATH = f"/boot/initrd.img-{RELEASE}"


def test_right(machine):
    machine.image()
    assert machine.images() == ("as-configured", [])
    assert machine.state() == ("current", PATH)
    assert machine.next() == "vfio-pci" and machine.next(command="check") == "vfio-pci"
    assert machine.note() == "pending: the next boot binds it; 2 of 2 twins; path=0000:00/05.0/00.0"


def test_a_driver_that_the_image_does_not_have(machine):
    """Then it has none after the boot, the host's neither."""
    machine.policy(f"bind nvme {machine.free} driver=pci-stub\n")
    machine.image(drivers=("vfio-pci",))
    assert machine.next() is None
    assert "the image does not have its driver; rebuild it: vfio-bind update" in machine.note()
    assert machine.images()[1] != []


UNLIKE = {
    "that does not know the host": ({"protect": HEAD + "unknown\n"}, {"free": "host-unknown"}),
    "that vetoes": ({"policy": "bind nvme id=144d:a80a\nkeep 05:00.0\n"},
                       {"free": "a keep rule in it"}),
    "of a policy for none of them": ({"policy": "bind 0000:77:00.0\n"},
                                     {"free": "no rule in it"}),
    "of the whole class": ({"policy": "bind nvme allow=host-storage 0000:01:00.0\n",
                            "protect": HEAD}, {"free": "no rule in it", "used": None}),
}


@pytest.mark.parametrize("how, differs", UNLIKE.values(), ids=UNLIKE)
def test_next_is_what_the_image_does(machine, how, differs):
    """Not what /etc would have: nothing is forecast that no image does."""
    if "policy" not in how:
        machine.policy("bind nvme id=144d:a80a\n")
    machine.image(**how)
    for name, why in differs.items():
        address = getattr(machine, name)
        assert machine.next(address) == ("nvme" if why else "vfio-pci")
        assert ("the image leaves it to the host" if why else
                "the image gives it to vfio-pci, which /etc does not want") in machine.note(address)
        assert (why or "") in machine.note(address)
        assert "vfio-bind update" in machine.note(address)
        shown = {row["address"]: row for row in machine.run("status")["devices"]}
        assert shown[address]["driver_next"] == ("nvme" if why else "vfio-pci")
        assert (why or "which /etc does not want") in shown[address]["detail"]
    assert machine.run("check")["result"] in ("pending", "failed", "refused")
    text = golden.run(machine.program, "--root", machine.root, "check", status=None).stdout
    bound = sum(1 for why in differs.values() if not why)
    assert f"next boot, by the image there is: {bound} bound," in text


def test_a_generator_that_fails_leaves_the_old_image(machine, tmp_path):
    """The payload was made, and its stamp left, before the disk was full."""
    machine.image()
    machine.policy("bind nvme 0000:05:00.0 id=144d:a80a\n")
    (tmp_path / "built/usr/bin").mkdir(parents=True)
    assert build(machine.program, machine.root, tmp_path / "built", RELEASE).status == 0
    stamp = machine.root / f"var/lib/vfio-bind/images/{RELEASE}"
    assert stamp.read_text().endswith(machine.text)
    assert machine.images() == ("pending", [("warning",
                                             "the image has another policy than /etc now")])
    assert machine.state() == ("other-policy", PATH)


def test_a_generator_without_our_hook(machine, tmp_path):
    machine.image()
    (tmp_path / "built/usr/bin").mkdir(parents=True)
    build(machine.program, machine.root, tmp_path / "built", RELEASE)
    write(machine.root / f"boot/initrd.img-{RELEASE}",
          {f"usr/lib/modules/{RELEASE}": None, **mkinitcpio("udev", hook=False)})
    assert machine.images() == ("pending", [
        ("warning", "the image was built without vfio-bind, which binds nothing there")])
    assert machine.state() == ("none", PATH) and machine.next() == "nvme"
    assert (f"The image of {RELEASE} has nothing of vfio-bind in it: vfio-bind update"
            in machine.run("status")["messages"])


def test_an_image_for_tests_elsewhere_is_none_of_the_boots(machine):
    """A stamp was left for it, and the image that boots is as it was."""
    machine.image("bind 0000:77:00.0\n")
    set_image(machine.root, RELEASE, machine.text, "tmp/try.img", protect=machine.protect)
    assert machine.state() == ("other-policy", PATH)


def test_an_image_of_another_name(machine):
    """Its content says for which kernel it is."""
    set_image(machine.root, RELEASE, machine.text, "boot/initramfs-linux.img",
              protect=machine.protect)
    assert machine.state() == ("current", "/boot/initramfs-linux.img")
    set_image(machine.root, RELEASE, None, "boot/initramfs-linux-fallback.img")
    assert machine.state() == ("current", "/boot/initramfs-linux.img")
    set_image(machine.root, RELEASE, None, "efi/0123/initrd")
    assert machine.state() == ("none", "/efi/0123/initrd")


def test_an_image_that_the_kernel_does_not_unpack(machine):
    path = machine.image()
    path.write_bytes(path.read_bytes() + b"no archive")
    result, said = machine.images()
    assert result == "failed" and said[0][0] == "error"
    assert "no archive the kernel knows begins here" in said[0][1]
    assert machine.state()[0] == "wrong"


def test_a_unified_kernel_image_has_its_own_command_line(machine):
    """A veto of the running system's is none of the image's, and none of what /etc wants of it."""
    files = {f"usr/lib/modules/{RELEASE}": None, **initramfs_tools(),
             **parts(machine.root, RELEASE, machine.text, protect=machine.protect)}
    path = machine.root / "efi/EFI/Linux/a.efi"
    path.parent.mkdir(parents=True)
    machine.host.write("proc/cmdline", f"rd.vfio_bind.keep={machine.free}\n")
    path.write_bytes(pe({b".cmdline": b"quiet", b".initrd": cpio(files)}))
    assert machine.state() == ("current", "/efi/EFI/Linux/a.efi")
    path.write_bytes(pe({b".cmdline": b"rd.vfio_bind.keep=" + machine.free.encode(),
                         b".initrd": cpio(files)}))
    assert machine.state()[0] == "current"
    path.write_bytes(pe({b".cmdline": b"rd.vfio_bind=0", b".initrd": cpio(files)}))
    assert machine.next() == "nvme"
    assert "The next boot: rd.vfio_bind=0 on the kernel command line: nothing is bound" in (
        machine.run("status")["messages"])


@pytest.mark.parametrize("word, said", [("noinitrd", "no image is used"),
                                        ("rd.vfio_bind=0", "nothing is bound")])
def test_a_word_of_the_command_line_has_the_image_do_nothing(machine, word, said):
    machine.image()
    machine.host.write("proc/cmdline", f"quiet {word}\n")
    assert machine.next() == "nvme"
    assert f"the image leaves it to the host ({word} on the kernel command line: {said})" in (
        machine.note())
    assert "vfio-bind update" not in machine.note()  # that would change nothing


def test_a_boot_without_us_that_somebody_typed(machine):
    """The image's boot entry has it not, so the next boot binds: no reason to fear, or to look."""
    machine.image()
    machine.host.write("proc/cmdline", "BOOT_IMAGE=/vmlinuz quiet rd.vfio_bind=0\n")
    machine.host.write("boot/grub/grub.cfg", "menuentry 'A' {\n\tlinux /vmlinuz quiet\n"
                       f"\tinitrd /initrd.img-{RELEASE}\n}}\n")
    assert machine.next() == machine.next(command="check") == "vfio-pci"
    assert machine.note().startswith("pending: the next boot binds it")
    (said,) = [row["advice"] for row in machine.run("check")["findings"] if row["check"] == "off"]
    assert said == "nothing to do: the next boot is without it"
    machine.host.write("boot/grub/grub.cfg", "menuentry 'A' {\n\tlinux /vmlinuz quiet noinitrd\n"
                       f"\tinitrd /initrd.img-{RELEASE}\n}}\n")
    assert machine.next() == "nvme"
    assert ("noinitrd on the kernel command line in /boot/grub/grub.cfg: no image is used"
            in machine.note())


# The overlay.

def overlay(machine, name):
    path = machine.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    golden.run(machine.program, "--root", machine.root, "overlay", "--kernel", RELEASE, "-o", path)
    return path


def test_an_overlay_beside_an_image_without_us(machine):
    """No warning for ever: the archive that boots beside it holds what /etc says."""
    set_image(machine.root, RELEASE, None)
    overlay(machine, "boot/extra/ours.img")
    assert machine.images() == ("as-configured", [])
    assert machine.state() == ("current", "/boot/extra/ours.img") and machine.next() == "vfio-pci"
    machine.policy("bind nvme 0000:05:00.0 id=144d:a80a\n")
    assert machine.state() == ("other-policy", "/boot/extra/ours.img")
    (machine.root / "boot/extra/ours.img").unlink()
    assert machine.state() == ("none", PATH)


def test_an_overlay_that_is_appended(machine):
    path = set_image(machine.root, RELEASE, None)
    path.write_bytes(path.read_bytes() + overlay(machine, "tmp/ours.img").read_bytes())
    assert machine.state() == ("current", PATH)
    assert not (machine.root / "var/lib/vfio-bind/overlays").exists()


# Those who may not read it.

@ROOT_ONLY
def test_who_may_not_read_the_image_knows_nothing(machine):
    let_in(machine.root)
    machine.image().chmod(0o600)
    shown = machine.run("check", prefix=USER)
    assert [(f["severity"], f["text"]) for f in shown["findings"] if f["check"] == "image"] == [
        ("unknown", f"kernel {RELEASE}: the image cannot be read: what it will do is not known")]
    assert shown["result"] == "as-configured"
    assert machine.state(prefix=USER) == ("unreadable", None)
    assert (f"What the image of {RELEASE} will do is not known: {PATH}: Permission denied"
            in machine.run("status", prefix=USER)["messages"])
    machine.images()  # root's own look leaves nothing that others may read
    assert (machine.root / CACHE).stat().st_mode & 0o777 == 0o600
    assert machine.state(prefix=USER) == ("unreadable", None)


@ROOT_ONLY
def test_serial_numbers_that_only_root_can_read(machine):
    """Where the list of the image compares them, a user's own list says nothing of it."""
    let_in(machine.root)
    dsn = "00-11-22-33-44-55-66-77"
    serial = machine.root / f"sys/devices/{machine.places[0]}/serial_number"
    serial.write_text(dsn + "\n")
    serial.chmod(0o600)
    machine.image(protect=machine.protect.replace("id=144d:a80a\n", f"id=144d:a80a dsn={dsn}\n"))
    assert machine.images() == ("as-configured", [])
    result, said = machine.images(prefix=USER)
    assert (result, [severity for severity, _ in said]) == ("as-configured", ["unknown"])
    assert "serial numbers take root to read" in said[0][1] and "changed" not in said[0][1]


@ROOT_ONLY
@pytest.mark.parametrize("command", ["check", "status", "list", "explain", "verify", "add",
                                     "import", "graph"])
def test_a_policy_that_may_not_be_read(machine, command):
    """No mistake: whoever runs it lacks the right."""
    let_in(machine.root)
    path = machine.image()
    (machine.root / "etc/vfio-bind.conf").chmod(0o600)
    words = {"explain": [machine.free], "add": [machine.free], "verify": [path]}.get(command, [])
    done = golden.run(machine.program, "--root", machine.root, command, *words, status=4,
                      prefix=USER)
    assert "EACCES" in done.stderr and "mistake" not in done.stderr + done.stdout


# What was found is remembered.

def remembered(machine):
    return (machine.root / CACHE).read_bytes()


def test_an_image_is_read_once(machine):
    """Then its bytes may be gone, as long as its name, size and times are what they were."""
    path = machine.image()
    assert machine.state() == ("current", PATH)
    text = remembered(machine)
    assert text.startswith(b"vfio-bind-image-parts 1 ") and machine.text.encode() in text
    assert (machine.root / CACHE).stat().st_mode & 0o777 == 0o644
    assert BINDER not in text
    at = machine.root / CACHE
    # Another policy, remembered for this image: that it counts shows that the image was not read.
    other = text.replace(machine.text.encode(), machine.text.encode().replace(b"05", b"07"))
    at.write_bytes(signed(other))
    assert machine.state() == ("other-policy", PATH)
    os.utime(path, (86401, 86401))
    assert machine.state() == ("current", PATH) and remembered(machine) != signed(other)


def signed(text):
    """With the digest that it ends in, FNV-1a."""
    text = text[:text.rindex(b"end ")]
    digest = 0xcbf29ce484222325
    for byte in text:
        digest = (digest ^ byte) * 0x100000001b3 & 0xffffffffffffffff
    return text + b"end %016x\n" % digest


BROKEN = {
    "empty": lambda text: b"",
    "cut short": lambda text: text[:-40],
    "a byte changed": lambda text: text.replace(b"05:00.0", b"07:00.0"),
    "another version": lambda text: signed(text.replace(b"parts 1 ", b"parts 1 9")),
    "of another image": lambda text: signed(text.replace(b"\nimage ", b"\nimage 1", 1)),
    "a length that lies": lambda text: signed(text.replace(b"generator ", b"generator 99", 1)),
    "no sense": lambda text: signed(text.replace(b"flags 1", b"flags x")),
    "a finding nobody knows": lambda text: signed(text.replace(b"\norder 0", b"\norder 7")),
    "a file without a name": lambda text: signed(text.replace(
        b"end ", b"file 1 1\npath 0\n\ncontent 0\n\nend ")),
    "too long": lambda text: b"x" * 2000000,
}


@pytest.mark.parametrize("spoil", BROKEN.values(), ids=BROKEN)
def test_what_is_remembered_is_broken(machine, spoil):
    machine.image()
    machine.state()
    text = remembered(machine)
    spoilt = spoil(text)
    assert spoilt != text
    (machine.root / CACHE).write_bytes(spoilt)
    assert machine.state() == ("current", PATH)
    assert remembered(machine) == text


@pytest.mark.parametrize("spoil", [
    lambda at: at.chmod(0o666), lambda at: at.parent.chmod(0o777),
    lambda at: os.chown(at, 65534, 65534), lambda at: os.chown(at.parent, 65534, 65534),
    lambda at: (at.rename(at.parent.parent / "moved"), at.symlink_to("../moved"))],
    ids=["file of all", "folder of all", "file of another", "folder of another", "a link"])
@ROOT_ONLY
def test_what_others_may_have_written_counts_for_nothing(machine, spoil):
    machine.image()
    machine.state()
    at = machine.root / CACHE
    text = at.read_bytes()
    at.write_bytes(signed(text.replace(machine.text.encode(), machine.text.encode().replace(
        b"05", b"07"))))
    assert machine.state()[0] == "other-policy"
    spoil(at)
    assert machine.state()[0] == "current"


def test_no_place_to_remember_in(machine):
    (machine.root / "var").mkdir()
    (machine.root / "var/cache").write_text("no folder")
    machine.image()
    assert machine.images() == ("as-configured", [])


def test_an_image_that_was_just_written_is_not_remembered(machine):
    """FAT counts its times in two seconds: what is written now may be written again unseen."""
    os.utime(machine.image())
    assert machine.state() == ("current", PATH)
    assert not (machine.root / CACHE).exists()


def test_what_images_are_gone_of_is_forgotten(machine):
    machine.image()
    machine.state()
    other = set_image(machine.root, RELEASE, machine.text, "boot/initrd-other",
                      protect=machine.protect)
    machine.state()
    names = sorted(path.name for path in (machine.root / CACHE).parent.iterdir())
    assert names == ["boot!initrd-other", f"boot!initrd.img-{RELEASE}"]
    other.unlink()
    os.utime(machine.image(), (90000, 90000))
    machine.state()
    assert [path.name for path in (machine.root / CACHE).parent.iterdir()] == [
        f"boot!initrd.img-{RELEASE}"]


def test_a_look_at_what_is_remembered_is_short(machine):
    """An image of some megabytes costs next to nothing while it does not change."""
    files = {f"usr/lib/modules/{RELEASE}": None, **initramfs_tools(),
             **parts(machine.root, RELEASE, machine.text, protect=machine.protect)}
    for number in range(3000):
        files[f"usr/share/{number}"] = bytes(1000)
    command = (machine.program, "--root", machine.root, "check", "--json")
    without = instructions(*command)
    write(machine.root / f"boot/initrd.img-{RELEASE}", files)
    first, second = instructions(*command), instructions(*command)
    print(without, first, second)
    assert second < without + 3_000_000 < first


# JSON, whatever comes of it.

def stopped(machine, status, *words):
    done = golden.run(machine.program, "--root", machine.root, *words, "--json", status=status)
    found = golden.validate(done.stdout, "stopped")
    assert found["message"] in done.stderr
    return found["result"]


@pytest.mark.parametrize("words", [("explain", "77:00.0"), ("add", "77:00.0"),
                                   ("list", "--for", "qemu", "77:00.0"), ("release", "77:00.0")])
def test_json_of_a_device_that_is_not_there(machine, words):
    done = golden.run(machine.program, "--root", machine.root, *words, "--json", status=3)
    assert golden.validate(done.stdout, words[0])["result"] == "no-device"


def test_json_where_nothing_is_configured(machine):
    machine.policy("# no rule\n")
    assert stopped(machine, 6, "overlay", "--kernel", RELEASE, "-o", "/nonexistent") == (
        "not-configured")
    assert stopped(machine, 6, "apply") == "not-configured"
    for command in ("check", "status", "import"):
        assert machine.run(command, status=6)["result"] == "not-configured"


def test_json_of_mistakes_of_every_kind(machine):
    machine.policy("bond nvme\n")
    for words in (("explain", machine.free), ("add", machine.free), ("apply",), ("import",),
                  ("check", "--nonsense"), ("verify",)):
        assert stopped(machine, 2, *words) == "mistake"
    assert stopped(machine, 1, "verify", "/nonexistent") == "failed"


def test_json_is_printed_once(machine):
    machine.image()
    done = golden.run(machine.program, "--root", machine.root, "check", "--json", status=0)
    assert isinstance(json.loads(done.stdout), dict)
    text = subprocess.run([machine.program, "--root", machine.root, "explain", "77:00.0"],
                          capture_output=True, text=True, check=False)
    assert (text.returncode, text.stdout) == (3, "")


@pytest.mark.parametrize("link", LINKS)
def test_kernel_is_found_once(machine, link):
    make_nixos(machine.root, *{link, "run/booted-system"})
    assert [(image["kernel"], image["state"]) for image in machine.run("status")["images"]] == [
        (RELEASE, "none")]


def test_image_of_the_system_that_boots_next(machine):
    """That of the system that runs may be an older one: nobody boots it by default."""
    make_nixos(machine.root, *LINKS)
    set_image(machine.root, RELEASE, None, name=f"{BOOTED}/initrd")
    set_image(machine.root, RELEASE, machine.text, name="nix/store/4-initrd/initrd",
              protect=machine.protect)
    (machine.root / NEXT / "initrd").symlink_to("/nix/store/4-initrd/initrd")
    assert machine.state() == ("current", "/nix/var/nix/profiles/system/initrd")
    assert machine.images() == ("as-configured", [])
