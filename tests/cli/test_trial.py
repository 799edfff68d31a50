# SPDX-License-Identifier: GPL-2.0-or-later
"""A trial as the host sees it: update --trial, what images hold then, confirm, and who tells it.

EFI variables are files of a folder here: what a firmware does to them the virtual machines show.
"""

import json
import re
import shutil
import subprocess

import pytest

from lib import golden, limited
from lib.bootreport import BOUND, drive, set_report
from lib.bootreport import RULE as SECOND_DRIVE
from lib.generator import (UNPRIVILEGED, debian, fixture_built, fixture_fake,  # noqa: F401
                           fixture_host)
from lib.hosttree import HostTree
from lib.initramfs import image, initramfs_tools, tree
from lib.moduletree import RELEASE, vfio_tree
from lib.payload import OURS, RULE, build, fixture_program, set_policy  # noqa: F401

EFIVARS = "sys/firmware/efi/efivars"
VARIABLE = f"{EFIVARS}/VfioBindTrial-29816690-cd8b-438a-9722-e290f7c7a2d5"
NOTE = "var/lib/vfio-bind/trial"
CONFIRMED = "var/lib/vfio-bind/trial-confirmed"
ATTRIBUTES = b"\7\0\0\0"
THIS, OTHER = "1" * 32, "2" * 32
DIGEST = "e19683c3f2ef178a"
IMAGE = f"boot/initrd.img-{RELEASE}"


def text(boots, boot="", policy=DIGEST):
    return (f"vfio-bind-trial 1\nboots {boots}\npolicy {policy}\n"
            + (f"boot {boot}\n" if boot else ""))


def put(root, name, content):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def set_variable(root, boots, boot="", policy=DIGEST):
    put(root, VARIABLE, ATTRIBUTES + text(boots, boot, policy).encode())


def get(root, name):
    path = root / name
    return path.read_bytes().decode() if path.exists() else None


def set_boot(root, boot=THIS):
    put(root, "proc/sys/kernel/random/boot_id",
        "-".join((boot[:8], boot[8:12], boot[12:16], boot[16:20], boot[20:])) + "\n")


def run(program, root, *words):
    return limited.run([*UNPRIVILEGED, program, "--root", root, *words], text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.fixture(name="efi")
def fixture_efi(host):
    """A Debian with EFI variables, whose generator builds what it is told."""
    debian(host)
    (host.root / EFIVARS).mkdir(parents=True)
    set_boot(host.root)
    shutil.rmtree(host.root / "lib/modules")
    modules = vfio_tree(host.root)
    modules.add("efivarfs")
    modules.index()
    return host


def on_trial(program, host, boots=1):
    """The image that a generator would make of this machine while a trial of its policy runs."""
    put(host.root, NOTE, text(boots))
    out = host.root.parent / "payload"
    made = build(program, host.root, out, binder=host.root / OURS / "binder")
    (host.root / NOTE).unlink()
    assert made.status == 0, made.stderr
    return image({**tree(made.dir), **initramfs_tools()})


@pytest.mark.parametrize("option, boots", [("--trial", 1), ("--trial=1", 1), ("--trial=99", 99)])
def test_update_begins_a_trial(program, efi, option, boots):
    """Variable and note are there before the generator is, and the image is right with them."""
    put(efi.root, CONFIRMED, text(0, OTHER))
    efi.will_build(on_trial(program, efi, boots), IMAGE)
    done = efi.update(program, option)
    assert (done.returncode, done.stderr.count("warning")) == (0, 0), (done.stdout, done.stderr)
    assert get(efi.root, VARIABLE) == ATTRIBUTES.decode() + text(boots)
    assert get(efi.root, NOTE) == text(boots) and get(efi.root, CONFIRMED) is None


def test_an_image_that_is_not_on_trial_is_told(program, efi, built):
    """As where a generator builds it where it does not see the note."""
    efi.will_build(built[1], IMAGE)
    done = efi.update(program, "--trial")
    assert done.returncode == 1
    assert "it binds without being on trial" in done.stdout


@pytest.mark.parametrize("value", ["0", "100", "-1", "x", ""])
def test_a_number_of_boots_that_is_none(program, efi, value):
    done = efi.update(program, f"--trial={value}")
    assert done.returncode == 2
    assert f"--trial={value}: expected 1 to 99 boots" in done.stderr
    assert efi.log() == [] and get(efi.root, VARIABLE) is None


def test_without_efi_variables(program, host, built):
    """Refused, with what helps there; nothing is built, and nothing remembered."""
    debian(host)
    host.will_build(built[1], IMAGE)
    done = host.update(program, "--trial")
    assert done.returncode == 1 and host.log() == []
    assert "no trial" in done.stderr and "vfio-bind fallback" in done.stderr
    assert get(host.root, NOTE) is None


@pytest.mark.parametrize("was", ["", "of a trial that failed"])
def test_a_variable_that_cannot_be_written(program, efi, built, was):
    """Nothing is built. What was left of an earlier trial stays: without it that would bind."""
    efi.will_build(built[1], IMAGE)
    if was:
        (efi.root / VARIABLE).mkdir()
    else:
        (efi.root / VARIABLE).symlink_to("/nowhere/at/all")
    done = efi.update(program, "--trial")
    assert done.returncode == 1 and efi.log() == [], done.stderr
    assert f"no trial: /{VARIABLE}: " in done.stderr and "no image was built" in done.stderr
    assert get(efi.root, NOTE) is None
    assert not was or (efi.root / VARIABLE).is_dir()


def test_update_ends_a_trial(program, efi, built):
    """Images are without, and only then the variable goes."""
    set_variable(efi.root, 0, OTHER)
    put(efi.root, NOTE, text(1))
    efi.will_build(built[1], IMAGE)
    done = efi.update(program)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert [get(efi.root, name) for name in (VARIABLE, NOTE, CONFIRMED)] == [None] * 3


def test_an_update_that_fails_leaves_a_failed_trial_off(program, efi, built):
    """An image of it may still be what boots."""
    set_variable(efi.root, 0, OTHER)
    put(efi.root, NOTE, text(1))
    efi.will_build(built[1], IMAGE)
    efi.add("status", content=b"1")
    assert efi.update(program).returncode == 1
    assert get(efi.root, VARIABLE) == ATTRIBUTES.decode() + text(0, OTHER)


def test_what_an_image_holds(program, efi):
    """The boots it has, the policy's digest, and the module; without a trial neither of them."""
    out = efi.root.parent / "payload"
    plain = build(program, efi.root, out)
    assert f"{OURS}/trial" not in plain.files() and "load efivarfs.ko required" not in plain.plan
    put(efi.root, NOTE, text(3, policy="f" * 16))
    found = build(program, efi.root, out)
    assert (found.status, found.read("trial")) == (0, text(3))
    assert "load efivarfs.ko required" in found.plan
    assert f"{OURS}/modules/efivarfs.ko" in found.files()
    set_policy(efi.root, RULE + "# a word\n")
    assert build(program, efi.root, out).read("trial") != text(3)
    put(efi.root, NOTE, "nonsense")
    assert re.match("vfio-bind-trial 1\nboots 1\n", build(program, efi.root, out).read("trial"))
    (efi.root / NOTE).unlink()
    assert build(program, efi.root, out).files() == plain.files()


def test_a_kernel_without_the_module_is_told(program, host):
    put(host.root, NOTE, text(1))
    assert ("has no efivarfs: an image on trial binds nothing under it"
            in build(program, host.root, host.root.parent / "payload").stderr)


# What is left of a trial: variable, and whether there is the note or the confirmation; its frozen
# word, boots, boot, the exit status of status, and what is said.
STAGES = {
    "waits": ((1, ""), True, "waits", 1, None, 0, "The images are on trial, 1 boot left"),
    "a boot of it was not confirmed": (
        (2, OTHER), True, "waits", 2, OTHER, 0,
        "The images are on trial, 2 boots left; a boot before this one was not confirmed"),
    "runs": ((0, THIS), True, "runs", 0, THIS, 0,
             "This boot is on trial, 0 boots left: vfio-bind confirm"),
    "confirmed": (None, False, "confirmed", None, OTHER, 0,
                  f"The trial was confirmed in boot {OTHER}"),
    "failed": ((0, OTHER), True, "failed", 0, OTHER, 1,
               f"The trial failed in boot {OTHER}: nothing is bound until the next vfio-bind "
               "update"),
    "nonsense": (b"\7\0\0\0what", True, "unreadable", None, None, 1,
                 "The trial cannot be counted (its EFI variable makes no sense): images on trial "
                 "bind nothing until the next vfio-bind update"),
    "without variables": (..., True, "unreadable", None, None, 1,
                          "The trial cannot be counted (there are no EFI variables): images on "
                          "trial bind nothing until the next vfio-bind update"),
    "lost": (None, True, "lost", None, None, 0,
             "The EFI variable of the trial is gone: the images bind as if it had been confirmed"),
    "none": (None, None, None, None, None, 0, None),
}


@pytest.fixture(name="machine")
def fixture_machine(tmp_path):
    """A drive that this boot bound as the policy wants it."""
    found = HostTree(tmp_path / "root")
    drive(found, "vfio-pci")
    set_policy(found.root, SECOND_DRIVE)
    set_report(found.root, BOUND)
    set_boot(found.root)
    (found.root / EFIVARS).mkdir(parents=True)
    return found


def set_stage(root, name):
    variable, noted = STAGES[name][:2]
    if variable is ...:
        (root / EFIVARS).rmdir()
    elif isinstance(variable, bytes):
        put(root, VARIABLE, variable)
    elif variable:
        set_variable(root, *variable)
    if noted:
        put(root, NOTE, text(2))
    elif noted is False:
        put(root, CONFIRMED, text(0, OTHER))


@pytest.mark.parametrize("name", STAGES)
def test_who_tells_it(program, machine, name):
    """status, list and check, in words and as JSON."""
    _, _, word, boots, boot, code, said = STAGES[name]
    set_stage(machine.root, name)
    wanted = word and {"state": word, "boots": boots, "boot": boot}
    for command in ("status", "list"):
        done = run(program, machine.root, command, "--json")
        assert golden.validate(done.stdout, command)["trial"] == wanted
        shown = run(program, machine.root, command).stdout
        assert (f"{said}\n" in shown) if said else "rial" not in shown
    assert run(program, machine.root, "status").returncode == code
    found = [row for row in golden.validate(run(program, machine.root, "check", "--json").stdout,
                                            "check")["findings"] if row["check"] == "trial"]
    assert [row["text"] for row in found] == ([said] if said else [])
    severity = {"failed": "error", "unreadable": "error", "lost": "warning"}.get(word, "note")
    assert all(row["severity"] == severity for row in found)


def test_a_trial_that_failed_binds_nothing_next(program, machine):
    """NEXT is what will be there: the host's own driver."""
    uevent = next((machine.root / "sys/devices").rglob("0000:02:00.0/uevent"))
    uevent.write_text(uevent.read_text().replace("DRIVER=vfio-pci", "DRIVER=nvme"))
    set_report(machine.root, "", "the trial failed", "")
    set_stage(machine.root, "failed")
    (row,) = [device for device in json.loads(run(program, machine.root, "list", "--json").stdout)
              ["devices"] if device["rule"]]
    assert (row["driver"], row["driver_next"], row["state"]) == ("nvme", "nvme", "pending")
    assert "the trial is over (vfio-bind update)" in row["note"]
    done = run(program, machine.root, "status")
    assert done.returncode == 1 and "This boot: the trial failed\n" in done.stdout
    (machine.root / VARIABLE).unlink()
    (machine.root / NOTE).unlink()
    (row,) = [device for device in json.loads(run(program, machine.root, "list", "--json").stdout)
              ["devices"] if device["rule"]]
    assert row["driver_next"] == "vfio-pci"


@pytest.mark.parametrize("name", STAGES)
def test_confirm(program, machine, name):
    """Only in a boot of it, or where there is nothing to remove."""
    set_stage(machine.root, name)
    before = {path: get(machine.root, path) for path in (VARIABLE, NOTE, CONFIRMED)}
    done = run(program, machine.root, "confirm", "--json")
    code = {"runs": 0, "confirmed": 0, "lost": 0, "none": 6}.get(name, 1)
    assert done.returncode == code, done.stderr
    after = {path: get(machine.root, path) for path in before}
    if code or name == "confirmed":
        assert after == before and (done.stderr.startswith("vfio-bind: ") or not code)
        return
    shown = golden.validate(done.stdout, "confirm")
    assert shown["trial"] == {"state": "confirmed", "boots": None, "boot": THIS}
    assert after[VARIABLE] is None and after[NOTE] is None
    assert after[CONFIRMED].endswith(f"boot {THIS}\n")
    again = run(program, machine.root, "confirm")
    assert again.stdout == f"The trial was confirmed in boot {THIS}\n"


@pytest.mark.parametrize("name, result, detail", [
    ("runs", "right", "This boot is on trial, 0 boots left"),
    ("confirmed", "right", "there is no trial any more"),
    ("failed", "wrong", "The trial failed in boot"),
    ("nonsense", "wrong", "The trial cannot be counted"),
    ("none", "right", "there is no trial any more"),
])
def test_verify(program, efi, name, result, detail):
    """An image on trial, as the trial stands. One that was confirmed is as it would be built."""
    content = on_trial(program, efi, 2)
    set_stage(efi.root, name)
    put(efi.root, IMAGE, content)
    checks = {row["check"]: row for row in golden.validate(
        run(program, efi.root, "verify", "--json", efi.root / IMAGE).stdout, "verify")["checks"]}
    assert checks["trial"]["result"] == result and detail in checks["trial"]["detail"]
    assert checks["plan"]["result"] == checks["modules"]["result"] == "right"


def test_verify_of_another_trial(program, efi):
    content = on_trial(program, efi, 3)
    set_stage(efi.root, "waits")
    put(efi.root, IMAGE, content)
    checks = {row["check"]: row["detail"] for row in json.loads(
        run(program, efi.root, "verify", "--json", efi.root / IMAGE).stdout)["checks"]}
    assert checks["trial"] == "it is of another trial: nothing is bound"
