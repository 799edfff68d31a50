# SPDX-License-Identifier: GPL-2.0-or-later
"""Whoever does what is printed as the next step gets somewhere: what was found is gone after it, or
is another thing. Each row breaks a host, and carries out the step that check then prints."""

import re
import shlex

import pytest

from lib import golden
from lib.bootimage import set_image
from lib.bootmachine import HEAD, Machine
from lib.moduletree import RELEASE
from lib.payload import fixture_program  # noqa: F401

IMAGE = f"boot/initrd.img-{RELEASE}"
OVERLAY = "boot/extra/ours.img"


@pytest.fixture(name="machine")
def fixture_machine(program, tmp_path):
    made = Machine(program, tmp_path)
    made.image()
    return made


def command(machine, advice):
    """Runs the command that the step ends in, on the tree. An update is the image as it would be."""
    words = shlex.split(re.search(r"vfio-bind (\w.*)", advice)[1])
    if words == ["update"]:
        machine.image()
        return
    words = [str(machine.root) + word if word.startswith("/") else word for word in words]
    golden.run(machine.program, "--root", machine.root, *words)


def remove_rule(machine, _):
    machine.policy(f"bind nvme {machine.free}\n")


def keep(machine, advice):
    """The line that it says, where it says ADDRESS the device's."""
    line = re.search(r"keep \S+", advice)[0].replace("ADDRESS", machine.refused)
    machine.policy(machine.text + line + "\n")


def name_it(machine, advice):
    assert advice.startswith("name it by address, path or dsn, together with id=;")
    machine.policy(f"bind {machine.free} id=144d:a80a\n")


def take_word(machine, _):
    machine.host.write("proc/cmdline", "quiet\n")


def take_line(machine, _):
    (machine.root / "etc/modprobe.d/a.conf").write_text("")


def correct_count(machine, advice):
    assert advice.startswith("correct count=")
    machine.policy(machine.text.replace("count=2", "count=1"))


def rules(text, **how):
    def do(machine):
        machine.policy(text.format(free=machine.free, used=machine.used))
        machine.image(**how)
        machine.refused = machine.used
    return do


def unknown(machine):
    machine.policy("bind nvme\n")
    # The host's mounts are no longer seen, as in a container.
    (machine.root / "proc/self/mountinfo").unlink()
    machine.image(protect=HEAD + "unknown\n")
    machine.refused = machine.free


def other_policy(machine):
    machine.image("bind 0000:77:00.0\n")


def without_us(machine):
    set_image(machine.root, RELEASE, None)


def broken(machine):
    path = machine.image()
    path.write_bytes(path.read_bytes() + b"no archive")


def overlay(machine):
    set_image(machine.root, RELEASE, None)
    path = machine.root / OVERLAY
    path.parent.mkdir(parents=True)
    golden.run(machine.program, "--root", machine.root, "overlay", "--kernel", RELEASE, "-o", path)
    return path


def old_overlay(machine):
    overlay(machine)
    machine.policy(f"bind nvme {machine.free} id=144d:a80a\n")


def broken_overlay(machine):
    path = overlay(machine)
    path.write_bytes(path.read_bytes() + b"no archive")


def cmdline(words):
    return lambda machine: machine.host.write("proc/cmdline", words + "\n")


def modprobe(line):
    return lambda machine: machine.host.write("etc/modprobe.d/a.conf", line + "\n")


def second(machine, bus, group):
    """A network card of an id that no other has."""
    place = f"pci0000:00/0000:00:0{bus}.0/0000:0{bus}:00.0"
    machine.host.pci(place, "1234:5678", 0x020000)
    machine.host.link(f"sys/devices/{place}/iommu_group", f"sys/kernel/iommu_groups/{group}")
    machine.host.link(f"sys/kernel/iommu_groups/{group}/devices/0000:0{bus}:00.0",
                      f"sys/devices/{place}")
    machine.host.write(f"sys/devices/{place}/uevent", "DRIVER=e1000e\n" + (
        machine.root / f"sys/devices/{place}/uevent").read_text())


def moved(machine):
    second(machine, 7, 7)
    rules("bind 0000:09:00.0 id=1234:5678\nbind nvme {free}\n")(machine)


def shared_group(machine):
    second(machine, 7, 2)
    rules("bind nvme {free}\n")(machine)


def with_group(machine, _):
    machine.policy(machine.text.strip() + " with=group\n")


# The break, the check that finds it, how the step begins or what is in it, who carries it out.
ROWS = {
    "image of another policy": (other_policy, "image", "vfio-bind update", command),
    "image without us": (without_us, "image", "vfio-bind update", command),
    "image that is not unpacked": (broken, "image", "vfio-bind update", command),
    "overlay of another policy": (old_overlay, "image", "vfio-bind overlay", command),
    "overlay that is not unpacked": (broken_overlay, "image", "vfio-bind overlay", command),
    "moved device": (moved, "rule", "vfio-bind repair", command),
    "group that is shared": (shared_group, "group", "with=group", with_group),
    "device that is gone": (rules("bind 0000:09:00.0 id=144d:a80b\nbind nvme {free}\n"), "rule",
                     "remove the rule", remove_rule),
    "count": (rules("bind nvme {free} count=2\n"), "rule", "correct count=", correct_count),
    "storage": (rules("bind nvme\n"), "guard", "keep 0000:01:00.0", keep),
    "host unknown, kept": (unknown, "guard", "keep ADDRESS", keep),
    "host unknown, named": (unknown, "guard", "name it by address", name_it),
    "ids on the command line": (cmdline("quiet vfio-pci.ids=144d:a80a"), "ids", "remove it",
                                take_word),
    "ids in modprobe.d": (modprobe("options vfio-pci ids=144d:a80a"), "ids", "remove it",
                          take_line),
    "switched off": (cmdline("quiet rd.vfio_bind=0"), "off", "", take_word),
}


def findings(machine, check):
    return {(row["text"], row.get("device")): row["advice"]
            for row in machine.run("check")["findings"] if row["check"] == check}


@pytest.mark.parametrize("spoil, check, says, carry_out", ROWS.values(), ids=ROWS)
def test_a_step_leads_on(machine, spoil, check, says, carry_out):
    spoil(machine)
    found = {key: advice for key, advice in findings(machine, check).items() if says in advice}
    assert found, machine.run("check")["findings"]
    key, advice = next(((key, advice) for key, advice in found.items()
                        if key[1] in (None, getattr(machine, "refused", None))))
    carry_out(machine, advice)
    assert key not in findings(machine, check)


@pytest.mark.parametrize("spoil", [other_policy, without_us, old_overlay])
def test_all_say_the_same_step(machine, spoil):
    """list, status and verify as check; what they say is carried out once, and all is well."""
    spoil(machine)
    (advice,) = findings(machine, "image").values()
    step = re.search(r"vfio-bind \w.*", advice)[0]
    assert any(step in text for text in machine.run("status")["messages"])
    assert step in machine.note() or spoil is old_overlay  # which binds the same
    if spoil is not old_overlay:  # of which verify alone cannot say what starts it
        text = golden.run(machine.program, "--root", machine.root, "verify", machine.root / IMAGE,
                          status=10).stdout
        assert text.splitlines()[-1].endswith(f": {step}")
    command(machine, advice)
    assert machine.run("check")["result"] == "as-configured"


def test_what_import_says_to_add_can_be_added(machine):
    """The drive that holds / has the same id, and is not named."""
    machine.policy("keep 0000:77:00.0\n")
    machine.host.write("etc/driver-overrides/pci-0000:44:00.0", "")
    machine.host.write("usr/local/sbin/vfio.sh", "")
    machine.host.write("etc/driverctl.d/0000:44:00.0", "vfio-pci\n")
    shown = machine.run("import", status=None)
    steps = re.findall(r"vfio-bind add (\S+)", str(shown))
    assert machine.used not in steps
    for address in steps:
        golden.run(machine.program, "--root", machine.root, "add", "--dry-run", address, status=0)


def test_what_list_says_to_add_can_be_added(machine):
    machine.policy("keep 0000:77:00.0\n")
    for address, status in ((machine.free, 0), (machine.used, 5)):
        done = golden.run(machine.program, "--root", machine.root, "list", "--for", "qemu", address,
                          status=status)
        assert (f"vfio-bind add {address}" in done.stderr) == (status == 0)
    golden.run(machine.program, "--root", machine.root, "add", machine.free, status=0)
    done = golden.run(machine.program, "--root", machine.root, "list", "--for", "qemu",
                      machine.free)
    assert "vfio-bind add" not in done.stderr


def test_a_step_is_said_once(machine):
    """Two drives of a host that nobody sees: each is named, what to do stands behind the last."""
    unknown(machine)
    text = golden.run(machine.program, "--root", machine.root, "check", status=None).stdout
    assert text.count("is refused (host-unknown)") == 2
    assert text.count("together with id=; or leave it to the host by the line: keep ADDRESS") == 1
