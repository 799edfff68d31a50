# SPDX-License-Identifier: GPL-2.0-or-later
"""dracut's module, run as dracut does: sourced, one function at a time."""

import pytest

from lib.hookcalls import TOP, Hooks

SETUP = TOP / "dracut-module/module-setup.sh"
STUBS = ("dwarn", "inst_rules", "inst_simple", "inst_hook", "systemctl")
INCLUDED = 'dracut_module_included() { [[ " $INCLUDED " == *" $1 "* ]]; }\n'
UNIT = "vfio-bind-initrd.service"
PAYLOAD = "vfio-bind payload --kernel 6.1.0-test /new/image"
RULES = "inst_rules 79-vfio-bind.rules"
UNDO_UNIT = "vfio-bind-undo.service"
WITH_UNIT = [RULES, f"inst_simple /usr/lib/systemd/system/{UNIT}",
             f"inst_simple /usr/lib/systemd/system/{UNDO_UNIT}",
             f"systemctl -q --root /new/image add-wants sysinit.target {UNIT} {UNDO_UNIT}"]
WITH_HOOK = [RULES, "inst_hook cmdline 00 /the/module/vfio-bind.sh",
             "inst_hook initqueue/settled 99 /the/module/vfio-bind-undo.sh"]


@pytest.fixture(name="hooks")
def hooks_in_a_folder(tmp_path):
    """Stubs of one's own."""
    return Hooks(tmp_path)


def run(hooks, function, included="base", **variables):
    """Runs one function of the module in an image that has those modules."""
    words = {"kernel": "6.1.0-test", "initdir": "/new/image", "moddir": "/the/module",
             "INCLUDED": included, **variables}
    return hooks.run(f"{INCLUDED}set -u\n. {SETUP}\n{function}", STUBS, **words)


@pytest.mark.parametrize("included, calls", [
    ("base systemd dracut-systemd", WITH_UNIT), ("base udev-rules", WITH_HOOK),
    ("systemd rescue", []), ("base rescue", []), ("base kdumpbase", []), ("base kdump", []),
])
def test_install(hooks, included, calls):
    """A unit with systemd, a hook without, and neither where the image is no usual one."""
    done = run(hooks, "install", included)
    assert (done.status, done.calls, done.stderr) == (0, calls, "")


@pytest.mark.parametrize("systemctl", ["systemctl", None])
def test_systemctl_of_dracut(hooks, systemctl):
    """dracut's own word for systemctl is used; where it has none, the one in PATH."""
    words = {"SYSTEMCTL": systemctl} if systemctl else {}
    assert run(hooks, "install", "systemd", **words).calls == WITH_UNIT


@pytest.mark.parametrize("included, calls", [
    ("base", [PAYLOAD]), ("base systemd", [PAYLOAD]), ("rescue", []), ("kdumpbase", []), ("kdump", [])])
def test_installkernel(hooks, included, calls):
    """It alone is run for --kernel-only, so it brings the payload."""
    done = run(hooks, "installkernel", included)
    assert (done.status, done.calls, done.stderr) == (0, calls, "")


def test_sysroot(hooks):
    """What check() looked at is what the payload is built from."""
    done = run(hooks, "installkernel", dracutsysrootdir="/the/other system")
    assert done.calls == ["vfio-bind --root /the/other system payload --kernel 6.1.0-test /new/image"]
    assert run(hooks, "installkernel", dracutsysrootdir="").calls == [PAYLOAD]


@pytest.mark.parametrize("included, calls", [
    ("base", [PAYLOAD, *WITH_HOOK]), ("rescue", [])])
def test_no_kernel(hooks, included, calls):
    """--no-kernel leaves installkernel out, and the payload has to come all the same."""
    done = run(hooks, "install", included, no_kernel="yes")
    assert (done.status, done.calls) == (0, calls)


@pytest.mark.parametrize("status, warned", [(0, False), (6, False), (1, True), (4, True),
                                            (127, True), (139, True)])
def test_payload_that_fails(hooks, status, warned):
    """dracut gives the image up where installkernel fails: it never does, but says why."""
    done = run(hooks, "installkernel", STATUS_vfio_bind=status)
    assert done.status == 0
    assert done.calls[0] == PAYLOAD
    assert done.calls[1:] == [f"dwarn vfio-bind: not in this image (vfio-bind payload: exit "
                              f"{status})"] * warned


def test_program_that_is_missing(hooks):
    """Removed from the host, but not its module."""
    (hooks.bin / "vfio-bind").unlink()
    done = run(hooks, "installkernel")
    assert done.status == 0
    assert done.calls == ["dwarn vfio-bind: not in this image (vfio-bind payload: exit 127)"]


@pytest.mark.parametrize("path, status", [
    (None, 255), ("etc/vfio-bind.conf", 0), ("etc/vfio-bind.conf.d/10.conf", 0),
    ("etc/vfio-bind.conf.d/README", 255), ("usr/lib/vfio-bind.conf.d/10.conf", 0)])
@pytest.mark.parametrize("dangling", [False, True])
def test_check(hooks, tmp_path, path, status, dangling):
    """In every image of a host with a policy, though it be a broken link; else on demand only."""
    if path:
        policy = tmp_path / "sysroot" / path
        policy.parent.mkdir(parents=True)
        if dangling:
            policy.symlink_to("nowhere")
        else:
            policy.write_text("", "ascii")
    done = run(hooks, "check", dracutsysrootdir=tmp_path / "sysroot")
    assert (done.status, done.calls) == (status, [])


def test_depends(hooks):
    """On no module: it serves images with systemd and without."""
    done = run(hooks, "depends")
    assert (done.status, done.stdout) == (0, "")


@pytest.mark.parametrize("shell", ["bash", "dash"])
@pytest.mark.parametrize("binder, output", [
    (None, ""), ("#!/bin/sh\necho ran\nexit 3\n", "ran\n"), ("#!/bin/sh\nkill -9 $$\n", ""),
    ("no program at all", None)])
@pytest.mark.parametrize("name", ["vfio-bind", "vfio-bind-undo"])
def test_hook_in_the_image(hooks, name, shell, binder, output):
    """dracut sources it: whatever becomes of the binder, the shell goes on."""
    hook = hooks.with_binder(f"dracut-module/{name}.sh", binder)
    done = hooks.run(f"set -e\n. {hook}\necho on", shell=shell)
    assert done.status == 0
    assert done.stdout.endswith("on\n")
    assert output is None or done.stdout == f"{output}on\n"


def test_a_look_in_each_turn(hooks):
    """Of the wait for the root device."""
    hook = hooks.with_binder("dracut-module/vfio-bind-undo.sh", "#!/bin/sh\necho $*\n")
    assert hooks.run(f". {hook}\n. {hook}", shell="dash").stdout == "--undo=look\n--undo=look\n"
