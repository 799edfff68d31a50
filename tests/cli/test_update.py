# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-bind update: which generator is in use, how it is called, what is made of its images."""

import os
import shlex
import subprocess

import pytest

from lib import golden
from lib.generator import debian, fixture_built, fixture_fake, fixture_host  # noqa: F401
from lib.initramfs import cpio, dracut, image, initramfs_tools, order, padded, uki
from lib.moduletree import RELEASE
from lib.payload import fixture_program, set_policy  # noqa: F401


@pytest.fixture(name="good")
def fixture_good(built):
    return built[1]


VMLINUZ = f"usr/lib/modules/{RELEASE}/vmlinuz"
# What is there, what is called, and where the image then is.
HOSTS = {
    "initramfs-tools": (["usr/share/initramfs-tools/hook-functions"], ["usr/sbin/update-initramfs"],
                        ["update-initramfs -u -k all"], f"boot/initrd.img-{RELEASE}"),
    "proxmox": (["usr/share/initramfs-tools/hook-functions", "etc/kernel/proxmox-boot-uuids"],
                ["usr/sbin/update-initramfs", "usr/sbin/proxmox-boot-tool"],
                ["update-initramfs -u -k all", "proxmox-boot-tool refresh"],
                f"boot/initrd.img-{RELEASE}"),
    "dracut of Debian": ([f"boot/initrd.img-{RELEASE}"],
                         ["usr/bin/dracut", "usr/sbin/update-initramfs"],
                         [f"dracut --force /boot/initrd.img-{RELEASE} {RELEASE}"],
                         f"boot/initrd.img-{RELEASE}"),
    "dracut of Fedora": ([f"boot/initramfs-{RELEASE}.img", VMLINUZ],
                         ["usr/bin/dracut", "usr/bin/kernel-install"],
                         [f"dracut --force /boot/initramfs-{RELEASE}.img {RELEASE}"],
                         f"boot/initramfs-{RELEASE}.img"),
    "dracut of SUSE": ([f"boot/initrd-{RELEASE}"], ["usr/bin/dracut"],
                       [f"dracut --force /boot/initrd-{RELEASE} {RELEASE}"],
                       f"boot/initrd-{RELEASE}"),
    "mkinitcpio": (["etc/mkinitcpio.d/linux.preset"], ["usr/bin/mkinitcpio"], ["mkinitcpio -P"],
                   "boot/initramfs-linux.img"),
    "booster": ([], ["usr/lib/booster/regenerate_images"], ["/usr/lib/booster/regenerate_images"],
                "boot/booster-linux.img"),
    "kernel-install": ([VMLINUZ, "boot/0123/6.9.0/linux"],
                       ["usr/bin/kernel-install", "usr/bin/dracut"],
                       [f"kernel-install add {RELEASE} /{VMLINUZ}"], "boot/0123/6.9.0/initrd"),
    "kernel-install to /efi": ([VMLINUZ, "efi/0123/6.9.0/linux"], ["usr/bin/kernel-install"],
                               [f"kernel-install add {RELEASE} /{VMLINUZ}"],
                               "efi/0123/6.9.0/initrd"),
    "unified kernel images": ([VMLINUZ, "boot/efi/EFI/Linux/old.efi", "boot/efi/EFI/BOOT/a.efi"],
                              ["usr/bin/kernel-install"],
                              [f"kernel-install add {RELEASE} /{VMLINUZ}"],
                              "boot/efi/EFI/Linux/0123.efi"),
    "rpm-ostree": (["run/ostree-booted", "boot/ostree/fedora-1234/vmlinuz",
                    f"boot/initramfs-{RELEASE}.img"], ["usr/bin/rpm-ostree", "usr/bin/dracut"],
                   ["rpm-ostree initramfs --enable --arg=--reproducible"], "boot/ostree/fedora-1234/initramfs-6.9.img"),
}


@pytest.mark.parametrize("files, programs, calls, written", HOSTS.values(), ids=HOSTS)
def test_generators(program, host, good, files, programs, calls, written):
    host.add(*files)
    host.add("answer", content=b'{"deployments": [{"regenerate-initramfs": false}]}')
    host.program(*programs)
    host.will_build(uki(good) if written.endswith(".efi") else good, written)
    done = host.update(program)
    assert host.log() == calls and done.returncode == 0, done.stderr
    assert done.stdout == (f"{host.root}/{written}: as-configured\n"
                           "It takes effect with the next boot.\n")
    assert [line for line in done.stderr.splitlines() if line[0] == "+"] == [
        f"+ {call}" for call in calls]


def ostree(host, answer):
    host.add("run/ostree-booted", "boot/ostree/fedora-1/vmlinuz")
    host.add("answer", content=answer.encode())
    host.program("usr/bin/rpm-ostree")


@pytest.mark.parametrize("answer, arguments", [
    ('{"deployments": [{}, {"initramfs-args": ["-a", "other"]}]}', "--arg=--reproducible"),
    ('{"deployments": [{"initramfs-args": []}]}', "--arg=--reproducible"),
    ('{"deployments": [{"initramfs-args": ["-I", "/etc/a b /etc/c"]}]}',
     "--arg=-I --arg=/etc/a b /etc/c"),
])
def test_rpm_ostree_again(program, host, good, answer, arguments):
    """Without arguments it refuses to build again; the ones that were given before are kept."""
    ostree(host, answer)
    host.will_build(good, "boot/ostree/fedora-1/initramfs-6.9.img")
    for _ in range(2):
        assert host.update(program).returncode == 0
    assert host.log() == [f"rpm-ostree initramfs --enable {arguments}"] * 2


@pytest.mark.parametrize("answer", [
    "", "{}", "no JSON", '{"deployments": 1}',
    '{"deployments": [{"initramfs-args": [%s]}]}' % ", ".join(['"-v"'] * 30)])
def test_rpm_ostree_that_does_not_say(program, host, answer):
    """What cannot be kept is not thrown away."""
    ostree(host, answer)
    done = host.update(program)
    assert (done.returncode, host.log()) == (1, [])
    assert "run rpm-ostree initramfs --enable by hand" in done.stderr


SEALED = '{"deployments": [{"regenerate-initramfs": false}]}'
RULES = """accept cmdline
bind nvme\tid=144d:a80a   slot="3,4"  # two drives
bind display boot_display=0
bind slot=it's
"""
WORDS = ['rd.vfio_bind.rule="bind nvme id=144d:a80a slot="3,4""',
         'rd.vfio_bind.rule="bind display boot_display=0"', 'rd.vfio_bind.rule="bind slot=it\'s"']


def sealed(host, policy, cmdline="quiet", rpm_ostree=True):
    """A system of bootc: an image that was built elsewhere; what else would build one is there."""
    host.add("run/ostree-booted", f"boot/initramfs-{RELEASE}.img")
    host.add("answer", content=SEALED.encode())
    host.program("usr/bin/bootc", "usr/bin/dracut", *["usr/bin/rpm-ostree"] * rpm_ostree)
    host.add("proc/cmdline", content=cmdline.encode())
    host.add("usr/lib/vfio-bind.conf.d/50-image.conf", content=b"bind usb\n")
    set_policy(host.root, policy)


@pytest.mark.parametrize("rpm_ostree, command", [
    (True, "rpm-ostree kargs --append="),
    (False, "ostree admin kargs edit-in-place --append-if-missing=")])
def test_an_image_that_is_built_elsewhere(program, host, rpm_ostree, command):
    """What is printed is what a shell makes the words of; then the command line has the rules."""
    sealed(host, RULES, rpm_ostree=rpm_ostree)
    done = host.update(program)
    assert (done.returncode, done.stderr, host.log()) == (10, "", [])
    (line,) = [line for line in done.stdout.splitlines() if line.startswith(command)]
    option = command.split()[-1]
    assert shlex.split(line)[-3:] == [option + word for word in WORDS]
    assert golden.validate(host.update(program, "--json").stdout, "update") == {
        "result": "pending", "generator": "ostree", "images": [], "kargs": WORDS}
    sealed(host, RULES, " ".join(["quiet", WORDS[0], f'"{WORDS[1].replace(chr(34), "")}"', WORDS[2]]))
    done = host.update(program)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "The kernel command line has the rules of /etc.\n"
    assert host.log() == []


@pytest.mark.parametrize("policy, status, said", [
    ("bind slot=\"a b\"\n", 1, "/etc/vfio-bind.conf:1 cannot stand on the kernel command line"),
    ("bind 0000:05:00.0 id=144d:a80a allow=host-storage\n", 1, ":1 cannot stand on the kernel com"),
    ("accept cmdline\n", 6, "there is no rule in /etc")])
def test_what_the_kernel_command_line_cannot_say(program, host, policy, status, said):
    sealed(host, policy)
    done = host.update(program)
    assert (done.returncode, done.stdout) == (status, "") and said in done.stderr


def test_bootc_where_the_host_builds_the_image(program, host, good):
    """Somebody told rpm-ostree to: then /etc is in it."""
    sealed(host, "bind usb\n")
    host.add("answer", content=b'{"deployments": [{"regenerate-initramfs": true}]}')
    host.add("boot/ostree/fedora-1/vmlinuz")
    host.will_build(good, "boot/ostree/fedora-1/initramfs-6.9.img")
    host.update(program)
    assert host.log() == ["rpm-ostree initramfs --enable --arg=--reproducible"]


def test_nothing_known(program, host):
    done = host.update(program)
    assert done.returncode == 1 and "no image generator is known here" in done.stderr


def test_the_generator_speaks_on_stderr(program, host, good):
    debian(host)
    host.will_build(good, "boot/initrd.img-1")
    done = host.update(program, "--json")
    assert "the generator speaks" in done.stderr
    assert golden.validate(done.stdout, "update") == {
        "result": "as-configured", "generator": "initramfs-tools",
        "images": [{"image": f"{host.root}/boot/initrd.img-1", "result": "as-configured"}]}


def test_generator_that_fails(program, host, good):
    debian(host)
    host.will_build(good, "boot/initrd.img-1")
    host.add("status", content=b"7")
    done = host.update(program)
    assert done.returncode == 1 and "update-initramfs: exit 7" in done.stderr
    assert "initrd.img-1: as-configured" in done.stdout and "takes effect" not in done.stdout


def test_generator_that_cannot_run(program, host):
    host.add("usr/share/initramfs-tools/hook-functions", "usr/sbin/update-initramfs")
    done = host.update(program)
    assert done.returncode == 1 and "update-initramfs: Permission denied" in done.stderr


def test_generator_that_builds_nothing(program, host, good):
    """An image that was there before is no new image."""
    debian(host)
    host.add("boot/initrd.img-1", content=good)
    done = host.update(program)
    assert done.returncode == 1 and "left no image in /boot or /efi" in done.stderr


@pytest.mark.parametrize("content, status, says", [
    (image(initramfs_tools()), 10, "binder"), (b"nonsense", 1, "no archive the kernel knows"),
    (image(dracut("05-vfio-bind.sh")), 1, "behind 01-parse-kernel.sh")],
                         ids=["without us", "broken", "late"])
def test_image_that_is_not_as_etc_says(program, host, good, content, status, says):
    """One that is wrong among good ones is what counts, and is shown."""
    debian(host)
    host.will_build(good, "boot/initrd.img-1", "boot/initrd.img-3")
    with open(host.root / "todo", "a", encoding="ascii") as todo:
        todo.write("/bad /boot/initrd.img-2\n")
    host.add("bad", content=content)
    done = host.update(program)
    assert done.returncode == status and says in done.stdout
    assert "initrd.img-1: as-configured" in done.stdout
    result = {1: "failed", 10: "pending"}[status]
    assert f"{host.root}/boot/initrd.img-2: {result}\n" in done.stdout


def test_image_that_has_us_and_does_not_call_us(program, host, good):
    """It is not as configured, whatever it holds."""
    debian(host)
    host.will_build(padded(good, 4) + cpio({"scripts/init-top/ORDER": order("udev")}),
                    "boot/initrd.img-1")
    done = host.update(program)
    assert done.returncode == 1 and "nothing here calls the binder" in done.stdout
    assert "as-configured" not in done.stdout and "takes effect" not in done.stdout


@pytest.mark.parametrize("name", [
    "boot/initramfs-0-rescue-0123.img", "boot/initramfs-6.9kdump.img", "boot/initrd.img-1.old-dkms",
    "boot/initrd.img-1.dpkg-bak", "boot/vmlinuz-1", "boot/a/b/c/d/initrd"])
def test_images_that_are_none_of_ours(program, host, good, name):
    debian(host)
    host.add(name, content=cpio({}))
    os.utime(host.root / name)
    host.will_build(good, "boot/initrd.img-1")
    done = host.update(program)
    assert done.returncode == 0 and name not in done.stdout


def test_policy_with_a_mistake(program, host):
    debian(host)
    set_policy(host.root, "bind nonsense\n")
    done = host.update(program)
    assert done.returncode == 2 and host.log() == []
    assert done.stderr.startswith("/etc/vfio-bind.conf:1:6: expected")


def test_without_a_rule(program, host):
    """What earlier images hold of us has to go."""
    debian(host)
    set_policy(host.root, "")
    host.will_build(image(initramfs_tools()), "boot/initrd.img-1")
    done = host.update(program)
    assert done.returncode == 6 and host.log() == ["update-initramfs -u -k all"]


def test_no_link_leads_out(program, host, good, tmp_path):
    debian(host)
    (tmp_path / "outside").write_bytes(b"")
    (host.root / "boot/initrd.img-2").symlink_to(tmp_path / "outside")
    host.will_build(good, "boot/initrd.img-1")
    assert "initrd.img-2" not in host.update(program).stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_who_may(program, host):
    os.chmod(host.root.parent, 0o755)
    done = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", program, "update"],
                          stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 4 and "it takes root" in done.stderr


@pytest.mark.parametrize("arguments", [["x"], ["--machine", "m"]])
def test_usage(program, arguments):
    done = subprocess.run([program, "update", *arguments], stderr=subprocess.PIPE, check=False)
    assert done.returncode == 2


def test_what_was_just_built_is_not_to_be_built_again(program, host):
    """The generator left us out: to run it once more would do the same."""
    host.add("usr/share/initramfs-tools/hook-functions")
    host.program("usr/sbin/update-initramfs")
    host.will_build(image(initramfs_tools(("udev",))), f"boot/initrd.img-{RELEASE}")
    done = host.update(program)
    assert done.returncode == 10
    assert "The generator made it so: look at what it said" in done.stdout
    assert "vfio-bind update" not in done.stdout + done.stderr
