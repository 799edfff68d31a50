# SPDX-License-Identifier: GPL-2.0-or-later
"""The hooks of initramfs-tools: mkinitramfs gives up where one fails."""

import os

import pytest

from lib.hookcalls import TOP, Hooks

HOOK = TOP / "initramfs-tools/hooks/vfio-bind"
BOOT_SCRIPT = "initramfs-tools/scripts/init-top/00-vfio-bind"
LOOK = "initramfs-tools/scripts/local-block/vfio-bind"
WAIT = "initramfs-tools/scripts/nfs-top/vfio-bind"
LONGER = "initramfs-tools/scripts/local-top/vfio-bind"
SHELLS = pytest.mark.parametrize("shell", ["sh", "dash", "bash"])
PAYLOAD = ["vfio-bind payload --kernel 6.1.0-test /new/image"]


@pytest.fixture(name="hooks")
def hooks_in_a_folder(tmp_path):
    """Stubs of one's own."""
    return Hooks(tmp_path)


def run(hooks, *arguments, **variables):
    """Runs the hook in the environment mkinitramfs gives it."""
    words = {"version": "6.1.0-test", "DESTDIR": "/new/image",
             "CONFDIR": "/etc/initramfs-tools", **variables}
    return hooks.run(f"{HOOK} {' '.join(arguments)}", **words)


@pytest.mark.parametrize("status, warned", [(0, False), (6, False), (1, True), (127, True)])
def test_payload(hooks, status, warned):
    """The payload is called for, and whatever comes of it the hook succeeds."""
    done = run(hooks, STATUS_vfio_bind=status)
    assert (done.status, done.calls) == (0, PAYLOAD)
    warning = f"W: vfio-bind: not in this image (vfio-bind payload: exit {status})\n"
    assert done.stderr == warning * warned


def test_program_that_is_missing(hooks):
    """Removed from the host, but not its hook."""
    (hooks.bin / "vfio-bind").unlink()
    done = run(hooks)
    assert done.status == 0
    assert "W: vfio-bind: not in this image (vfio-bind payload: exit 127)" in done.stderr


def test_crash_kernel(hooks):
    """kdump-tools builds its image with a configuration folder of its own."""
    done = run(hooks, CONFDIR="/etc/kdump/initramfs-tools")
    assert (done.status, done.calls, done.stderr) == (0, [], "")


def test_prereqs(hooks):
    """None, of neither script: with one, 00-vfio-bind would run after udev."""
    done = run(hooks, "prereqs")
    assert (done.status, done.calls, done.stdout) == (0, [], "\n")
    for script in (BOOT_SCRIPT, LOOK, WAIT):
        done = hooks.run(f"{TOP / script} prereqs")
        assert (done.status, done.stdout) == (0, "\n")


@SHELLS
@pytest.mark.parametrize("binder, output", [
    (None, ""), ("#!/bin/sh\necho ran\nexit 3\n", "ran\n"), ("#!/bin/sh\nkill -9 $$\n", "")])
@pytest.mark.parametrize("script", [BOOT_SCRIPT, LOOK, WAIT])
def test_script_in_the_image(hooks, script, shell, binder, output):
    """In every image, with a binder or without: it succeeds."""
    hook = hooks.with_binder(script, binder)
    done = hooks.run(f"{shell} {hook}", shell="bash", PATH="/usr/bin:/bin")
    assert (done.status, done.stdout) == (0, output if script != WAIT else "")


@pytest.mark.parametrize("script, word", [(LOOK, "look"), (WAIT, "wait")])
def test_what_the_binder_is_asked_for(hooks, script, word):
    """A look each second from local-block; beside the wait for a root from the network."""
    said = hooks.folder / "said"
    os.mkfifo(said)  # who reads it waits for who writes
    hook = hooks.with_binder(script, f"#!/bin/sh\necho $* >{said}\n")
    done = hooks.run(f"sh {hook} & cat {said}", PATH="/usr/bin:/bin")
    assert done.stdout == f"--undo={word}\n"


@SHELLS
@pytest.mark.parametrize("report, delay, said", [
    ("0000:01:00.0\tbind\trule\n", "", "ROOTDELAY=57\n"), ("# off\n", "", None), (None, "", None),
    ("0000:01:00.0\tbind\trule\n", "5", None)], ids=["bound", "off", "no report", "rootdelay="])
def test_the_wait_is_longer_than_the_undo(hooks, shell, report, delay, said):
    """45 seconds from where it begins: the generator's own 30 may be over by then."""
    text = (TOP / LONGER).read_text("utf-8")
    for path in ("/run/vfio-bind", "/dev/vfio-bind", "/proc/uptime", "/conf/param.conf"):
        assert path in text
        text = text.replace(path, f"{hooks.folder}/{path.split('/')[-1]}")
    (hooks.folder / "hook").write_text(text, "utf-8")
    (hooks.folder / "uptime").write_text("12.34 1.00\n", "ascii")
    (hooks.folder / "vfio-bind").mkdir()
    if report is not None:
        (hooks.folder / "vfio-bind/report").write_text(report, "ascii")
    done = hooks.run(f"{shell} {hooks.folder}/hook", PATH="/usr/bin:/bin", ROOTDELAY=delay)
    conf = hooks.folder / "param.conf"
    assert (done.status, done.stdout, done.stderr) == (0, "", "")
    assert (conf.read_text("ascii") if conf.exists() else None) == said
