# SPDX-License-Identifier: GPL-2.0-or-later
"""mkinitcpio's hooks, run as it does: sourced, with functions for all that goes into an image."""

import subprocess

import pytest

from lib.hookcalls import TOP, Hooks

INSTALL = TOP / "mkinitcpio/install/vfio-bind"
# All that could bring a module or a file; a failing add_* makes the whole build fail.
STUBS = ("add_module", "add_checked_modules", "add_binary", "add_file", "add_symlink", "add_dir",
         "add_full_dir", "add_runscript", "warning", "error")
UNIT = "vfio-bind-initrd.service"
PAYLOAD = "vfio-bind payload --kernel 6.1.0-test {folder}/image"
RULES = "add_file /usr/lib/udev/rules.d/79-vfio-bind.rules"
WITH_UNIT = [RULES] + [call for unit in (UNIT, "vfio-bind-undo.service") for call in (
    f"add_file /usr/lib/systemd/system/{unit}",
    f"add_symlink /usr/lib/systemd/system/sysinit.target.wants/{unit} ../{unit}")]
WITH_SCRIPT = [RULES, "add_runscript "]
NO_BASE = "warning vfio-bind: there is neither base nor systemd in HOOKS to run it"


@pytest.fixture(name="hooks")
def hooks_in_a_folder(tmp_path):
    """Stubs of one's own."""
    return Hooks(tmp_path)


def build(hooks, names, early=(), effective=None, **variables):
    """Runs build() under HOOKS; early hooks are in the image already."""
    scripts = hooks.folder / "image/hooks"
    scripts.mkdir(parents=True)
    for name, text in dict(early).items():
        (scripts / name).write_text(text, "ascii")
    arrays = f"HOOKS=({names})\n" + (f"_hooks=({effective})\n" if effective else "")
    done = hooks.run(f"{arrays}set -u\n. {INSTALL}\nbuild", STUBS, KERNELVERSION="6.1.0-test",
                     BUILDROOT=hooks.folder / "image", **variables)
    done.calls = [call.replace(str(hooks.folder), "{folder}") for call in done.calls]
    return done


@pytest.mark.parametrize("names, calls", [
    ("base vfio-bind udev autodetect modconf kms block filesystems", WITH_SCRIPT),
    ("base udev vfio-bind block", WITH_SCRIPT),
    ("vfio-bind base udev block", WITH_SCRIPT),
    ("base udev block filesystems vfio-bind", WITH_SCRIPT),
    ("base systemd autodetect vfio-bind", WITH_UNIT),
    ("vfio-bind systemd", WITH_UNIT),
    ("block vfio-bind filesystems", [*WITH_SCRIPT, NO_BASE]),
    ("base-of-mine systemd-like vfio-bind", [*WITH_SCRIPT, NO_BASE]),
])
def test_wherever_it_stands(hooks, names, calls):
    """A unit with systemd, an early hook without; anywhere in HOOKS, and no module is named."""
    done = build(hooks, names)
    assert (done.status, done.calls, done.stderr) == (0, [PAYLOAD, *calls], "")


def test_hooks_that_count(hooks):
    """After -A and -S what counts is not HOOKS."""
    assert build(hooks, "base udev vfio-bind",
                 effective="systemd vfio-bind").calls == [PAYLOAD, *WITH_UNIT]


EARLY = "#!/usr/bin/ash\n\nrun_earlyhook() {\n    modprobe nvme\n}\n"
LATE = "#!/usr/bin/ash\nrun_hook() {\n    echo 'no run_earlyhook here'\n}\n"


@pytest.mark.parametrize("early, warned", [
    ({"udev": EARLY}, []), ({"zfs": LATE}, []), ({"vfio-bind": EARLY}, []), ({}, []),
    ({"udev": EARLY, "mine": EARLY, "late": LATE}, ["mine"]),
    ({"plymouth": EARLY.replace("hook() {", "hook ()\n{")}, ["plymouth"]),
    ({"mine": EARLY.replace("run_earlyhook() {", "\trun_earlyhook ( ) {")}, ["mine"]),
    ({"mine": EARLY.replace("run_earlyhook() {", "function run_earlyhook {")}, ["mine"]),
    ({"mine": EARLY.replace("run_earlyhook() {", "#run_earlyhook() {\nrun_earlyhook_not() {")}, []),
])
def test_order_of_early_hooks(hooks, early, warned):
    """Whose early hook comes before ours is named, but for udev's, which loads nothing."""
    done = build(hooks, "base udev mine vfio-bind", early)
    assert [call.split()[6] for call in done.calls if call.startswith("warning ")] == warned
    assert (done.status, done.stderr) == (0, "")


def test_order_does_not_matter_with_systemd(hooks):
    """Early hooks are not run there."""
    assert build(hooks, "systemd mine vfio-bind", {"mine": EARLY}).calls == [PAYLOAD, *WITH_UNIT]


def test_no_rules(hooks):
    """Nothing was written, and nothing is to be run."""
    done = build(hooks, "base udev vfio-bind", STATUS_vfio_bind=6)
    assert (done.status, done.calls, done.stderr) == (0, [PAYLOAD], "")


@pytest.mark.parametrize("names, calls", [("base vfio-bind", WITH_SCRIPT),
                                          ("systemd vfio-bind", WITH_UNIT)])
@pytest.mark.parametrize("status", [1, 2, 4, 127, 139])
def test_payload_that_fails(hooks, names, calls, status):
    """A warning, never an error; a module that the kernel does not have is no business of ours."""
    done = build(hooks, names, STATUS_vfio_bind=status)
    warning = f"warning vfio-bind: not in this image (vfio-bind payload: exit {status})"
    assert (done.status, done.calls) == (0, [PAYLOAD, warning, *calls])


def test_help(hooks):
    """mkinitcpio -H vfio-bind."""
    done = hooks.run(f". {INSTALL}\nhelp")
    assert done.status == 0
    assert "rd.vfio_bind=0" in done.stdout and "disablehooks=vfio-bind" in done.stdout


@pytest.mark.parametrize("shell", ["dash", "busybox"])
@pytest.mark.parametrize("binder, output", [
    (None, ""), ("#!/bin/sh\necho ran\nexit 3\n", "ran\n"), ("#!/bin/sh\nkill -9 $$\n", "")])
def test_hook_in_the_image(hooks, shell, binder, output):
    """Sourced by init, which calls its functions: whatever becomes of the binder, it goes on."""
    hook = hooks.with_binder("mkinitcpio/hooks/vfio-bind", binder)
    script = f"set -e\n. {hook}\nrun_earlyhook\nrun_hook\nwait || :\necho on"
    command = "busybox sh -c" if shell == "busybox" else "dash -c"
    done = hooks.run(f"{command} '{script}'", PATH="/usr/bin:/bin")
    assert done.status == 0
    assert done.stdout.startswith(output) and done.stdout.endswith("on\n")


@pytest.mark.parametrize("words, delay", [
    ("root=/dev/sda1\nmyrootdelay=1\n", "rootdelay=30\n"),
    ("rootdelay=60\nroot=/dev/sda1\n", ""), ("", "rootdelay=30\n")])
def test_wait_for_the_root(hooks, words, delay):
    """The binder waits beside init, which by itself would give up before; but not with the pipe of
    rd.log=, and what the command line says of it counts."""
    cmdline = hooks.folder / "cmdline"
    cmdline.write_text(words, "ascii")
    hook = hooks.with_binder("mkinitcpio/hooks/vfio-bind",
                             f"#!/bin/sh\necho $* >{hooks.folder}/said\necho said\n")
    hook.write_text(hook.read_text("utf-8").replace("/tmp/cmdline", str(cmdline)), "utf-8")
    done = hooks.run(f". {hook}\nrun_hook\nwait", shell="dash")
    assert (done.status, done.stdout) == (0, "")
    assert (hooks.folder / "said").read_text("ascii") == "--undo=wait\n"
    assert cmdline.read_text("ascii") == words + delay
