# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-bind repair, and remove of what is gone: rules whose device stands elsewhere now."""

import json
import random
import re
import subprocess

import pytest

from lib import census, drift, golden, reference
from lib.editing import get_conf, plant, set_conf
from lib.payload import fixture_program  # noqa: F401

CONF = "/etc/vfio-bind.conf"


@pytest.fixture(name="root")
def fixture_root(tmp_path):
    plant(tmp_path)
    return tmp_path


def run(program, root, *words):
    return subprocess.run([program, "--root", root, *words], text=True, capture_output=True,
                          check=False)


MENDED = {
    "path": ("bind display path=0000:00/09.0/00.0 id=10de:1c82 boot_vga=0  # mine\n",
             "bind display path=0000:00/05.0/00.0 id=10de:1c82 boot_vga=0  # mine\n"),
    "address": ("bind network 09:00.0 id=8086:1533 allow=host-network\n",
                "bind network 0000:06:00.0 id=8086:1533 allow=host-network\n"),
    "address with its name": ('bind address="0000:09:00.0" id=1af4:1110 allow=no-iommu\n',
                              'bind address="0000:08:00.0" id=1af4:1110 allow=no-iommu\n'),
    "something else stands there": ("bind 0000:03:00.0 id=1af4:1110 allow=no-iommu\r\n",
                                    "bind 0000:08:00.0 id=1af4:1110 allow=no-iommu\r\n"),
    "by serial number": ("bind path=0000:00/09.0/00.0 id=144d:a80a dsn=00-25-38-b1-21-00-51-3a\n",
                         "bind path=0000:00/04.0/00.0 id=144d:a80a dsn=00-25-38-b1-21-00-51-3a\n"),
    "the port of a card": ("bind path=0000:00/09.0/00.1 id=8086:1572\n",
                           "bind path=0000:00/07.0/00.1 id=8086:1572\n"),
    "a keep rule": ("keep 0000:09:00.0 id=8086:1533\n", "keep 0000:06:00.0 id=8086:1533\n"),
}


@pytest.mark.parametrize("name", MENDED)
def test_a_rule_is_pointed_to_its_device(program, root, name):
    before, after = (f"# first\n{text}# last\n" for text in MENDED[name])
    set_conf(root, before)
    assert run(program, root, "repair", "--dry-run").returncode == 0
    assert (root / "etc/vfio-bind.conf").read_bytes().decode() == before
    done = run(program, root, "repair")
    assert done.returncode == 0, done.stderr
    assert (root / "etc/vfio-bind.conf").read_bytes().decode() == after
    assert "- " + before.splitlines()[1] in done.stdout.splitlines()
    assert "+ " + after.splitlines()[1] in done.stdout.splitlines()
    assert run(program, root, "repair").stdout == \
        "every rule that names a place finds its device there\n"


LEFT = {
    "twins": ("bind path=0000:00/09.0/00.0 id=144d:a80a\n", "not exactly one function has its id"),
    "gone": ("bind path=0000:00/09.0/00.0 id=1111:2222\n", "not exactly one function has its id"),
    "without id": ("bind 0000:09:00.0\n", "without a whole id="),
    "half an id": ("bind 0000:09:00.0 id=8086:*\n", "without a whole id="),
    "the host's": ("bind 0000:09:00.0 id=8086:1533\n",
                   "0000:06:00.0, which has its id, would be refused (host-network)"),
    "another rule's": ("bind 0000:09:00.0 id=1af4:1110\nbind 0000:08:00.0 allow=no-iommu\n",
                       "0000:08:00.0, which has its id, is that of /etc/vfio-bind.conf:2"),
    "two want it": ("bind 0000:09:00.0 id=1af4:1110\nbind 0000:0a:00.0 id=1af4:1110\n",
                    "0000:08:00.0, which has its id, is that of /etc/vfio-bind.conf:2"),
}


@pytest.mark.parametrize("name", LEFT)
def test_a_rule_nobody_is_sure_of_stays(program, root, name):
    policy, why = LEFT[name]
    set_conf(root, policy)
    done = run(program, root, "repair", "--json")
    said = golden.validate(done.stdout, "repair")
    assert (done.returncode, said["result"], said["written"]) == (5, "refused", False)
    assert said["notes"][0].startswith(f"{CONF}:1 is left as it is: ") and why in said["notes"][0]
    assert get_conf(root) == policy


def test_several_files(program, root):
    set_conf(root, "bind 0000:09:00.0 id=1af4:1110 allow=no-iommu\nbind 0a:00.0 id=144d:a80a\n")
    set_conf(root, "keep 0000:0b:00.0 id=8086:1533\n", "etc/vfio-bind.conf.d/1.conf")
    done = run(program, root, "repair", "--json")
    said = golden.validate(done.stdout, "repair")
    assert done.returncode == 5 and said["written"] is True
    assert [file["file"] for file in said["files"]] == [CONF, "/etc/vfio-bind.conf.d/1.conf"]
    assert get_conf(root) == \
        "bind 0000:08:00.0 id=1af4:1110 allow=no-iommu\nbind 0a:00.0 id=144d:a80a\n"
    assert get_conf(root, "etc/vfio-bind.conf.d/1.conf") == "keep 0000:06:00.0 id=8086:1533\n"


def test_a_rule_that_came_with_a_package_is_told(program, root):
    name = "usr/lib/vfio-bind.conf.d/10-a.conf"
    policy = "bind 0000:09:00.0 id=1af4:1110 allow=no-iommu\n"
    set_conf(root, policy, name)
    done = run(program, root, "repair")
    assert (done.returncode, get_conf(root, name)) == (5, policy)
    assert f"/{name}:1 is left as it is: its device is at 0000:08:00.0 now, but the file came " \
        "with a package: put one of its name into /etc/vfio-bind.conf.d" in done.stderr


def test_a_rule_of_the_kernel_command_line_is_told(program, root):
    set_conf(root, "accept cmdline\n")
    (root / "proc/cmdline").write_text(
        'rd.vfio_bind.rule="bind 0000:09:00.0 id=1af4:1110 allow=no-iommu"\n')
    done = run(program, root, "repair")
    assert done.returncode == 5
    assert "cmdline:1 is left as it is: its device is at 0000:08:00.0 now: change it there" \
        in done.stderr


@pytest.mark.parametrize("what", ["0000:99:00.0", "99:00.0", f"{CONF}:2"])
def test_a_rule_for_what_is_gone_can_be_removed(program, root, what):
    set_conf(root, "bind usb\nbind 0000:99:00.0 id=1111:2222\n")
    done = run(program, root, "remove", "--json", what)
    said = golden.validate(done.stdout, "remove")
    assert (done.returncode, said["rule"], said["written"]) == (0, f"{CONF}:2", True)
    assert get_conf(root) == "bind usb\n"


def test_a_broad_rule_goes_by_its_place(program, root):
    set_conf(root, "bind usb\nbind network\n")
    assert run(program, root, "remove", f"{CONF}:1").returncode == 0
    assert get_conf(root) == "bind network\n"


@pytest.mark.parametrize("what", ["0000:99:00.0", f"{CONF}:3", f"{CONF}:0", "/etc/no:1"])
def test_what_no_rule_is_at_is_told(program, root, what):
    set_conf(root, "bind usb\n")
    assert run(program, root, "remove", what).returncode in (2, 3)
    assert get_conf(root) == "bind usb\n"


def test_check_and_the_boot_say_where_it_is(program, binder, root):
    set_conf(root, "bind path=0000:00/03.0/00.0 id=1af4:1110\nbind 09:00.0 id=8086:1533\n")
    checked = run(program, root, "check").stdout
    assert re.search(r"another device stands there: .*; its own id is at 0000:08:00.0", checked)
    assert "nothing there matches: its id is at 0000:06:00.0" in checked
    assert checked.count("point the rule there: vfio-bind repair") == 1
    subprocess.run([binder, "--root", root], check=False)
    report = (root / "run/vfio-bind/report").read_text()
    assert "moved\t/etc/vfio-bind.conf:1\t-\t-\tnow 144d:a80a, its id is at 0000:08:00.0\n" in report
    assert "absent\t/etc/vfio-bind.conf:2\t-\t-\tits id is at 0000:06:00.0\n" in report
    assert "binds nothing: nothing there matches: its id is at 0000:06:00.0" in \
        (root / "dev/kmsg").read_text()


def test_screens_that_nobody_knows_enough_of_are_named(program, binder, tmp_path):
    """Two cards of class 0380, and nothing that tells which of them shows the picture."""
    plant(tmp_path / "two", "0000:0a:00.0 038000 1002:1638 - - - 30 - - - -\n"
          "0000:0b:00.0 038000 1002:1639 - - - 31 - - - -\n",
          drop=("#framebuffer", "0000:01:00", "0000:05:00.0"))
    set_conf(tmp_path / "two", "bind display boot_display=0\n")
    subprocess.run([binder, "--root", tmp_path / "two"], check=False)
    why = "may be the boot display: 0000:0a:00.0, 0000:0b:00.0; name one by path"
    assert why in (tmp_path / "two/run/vfio-bind/report").read_text()
    checked = run(program, tmp_path / "two", "check").stdout
    assert why in checked and "name one of them by path=" in checked
    assert why in run(program, tmp_path / "two", "status").stdout
    told = json.loads(run(program, tmp_path / "two", "explain", "--json", "0000:0a:00.0").stdout)
    assert told["rules"][0]["relation"] == "does not match", told


@pytest.mark.parametrize("stem", sorted(census.texts())[::8])
def test_repair_finds_the_device_that_was_meant(program, tmp_path, stem):
    """Buses get other numbers: never another device, and each that is unique by its id."""
    rng, machine = random.Random(stem), census.load(stem)
    ends = [d for d in machine if not reference.is_bridge(d) and d.parent and d.base != 0x03]
    if not drift.fits(machine) or not ends:
        pytest.skip("nothing below a bridge")
    later = drift.Drift(machine, rng)
    spots = {spot.device.address: spot for spot in later.spots}
    for device in rng.sample(ends, min(3, len(ends))):
        policy = (f"bind {device.address} id={device.vendor:04x}:{device.device:04x} "
                  "allow=no-iommu,host-network\n")
        (tmp_path / "machine").write_text(drift.text(later.result()))
        now = spots[device.address].device.address
        set_conf(tmp_path, policy)
        done = subprocess.run([program, "--root", tmp_path, "--machine", tmp_path / "machine",
                               "repair", "--dry-run", "--json"], text=True, capture_output=True,
                              check=False)
        said = json.loads(done.stdout)
        lines = [line["text"] for file in said.get("files", ()) for line in file["diff"]
                 if line["change"] == "+"]
        same = [d for d in machine if (d.vendor, d.device) == (device.vendor, device.device)]
        if lines:
            assert lines == [policy.replace(device.address, now).rstrip()]
        elif len(same) == 1 and now != device.address:
            assert "would be refused" in said["notes"][0], (policy, said)


def test_a_path_is_no_longer_there(program, tmp_path):
    """A drive that moved below another root port, as with another processor."""
    lines = ["0000:40:01.1\t060400\t1022:1483\t-\t-\t-\t1\t-\t-\t-\t-",
             "0000:41:00.0\t010802\t1e60:2864\t-\t-\t-\t2\t0000:40:01.1\t-\t-\t-"]
    machine = tmp_path / "machine"
    machine.write_text("\n".join(lines) + "\n")
    set_conf(tmp_path, "bind 0000:2a:00.0 id=1e60:2864\n")
    done = subprocess.run([program, "--root", tmp_path, "--machine", machine, "repair",
                           "--dry-run"], text=True, capture_output=True, check=False)
    assert "+ bind 0000:41:00.0 id=1e60:2864" in done.stdout
