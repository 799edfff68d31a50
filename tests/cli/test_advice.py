# SPDX-License-Identifier: GPL-2.0-or-later
"""Advice that can be followed: what check and explain say to do would do what is wanted."""

import json
import subprocess

import pytest

from lib import golden
from lib.payload import fixture_program  # noqa: F401

# A card in one group with the drive that holds /, behind a board's own switch.
GROUP = """#protect storage path=0000:00/01.3/00.0 id=2646:2263
0000:00:01.3\t060400\t1022:1483\t-\t-\t-\t1\t-\t-\t-\t-
0000:00:03.1\t060400\t1022:1483\t-\t-\t-\t1\t-\t-\t-\t-
0000:03:00.0\t010802\t2646:2263\t-\t-\tnvme\t12\t0000:00:01.3\t-\t-\t-
0000:07:00.0\t030000\t10de:2504\t-\t-\tnouveau\t12\t0000:00:03.1\t-\t-\t0
0000:07:00.1\t040300\t10de:228e\t-\t-\tsnd_hda_intel\t12\t0000:00:03.1\t-\t-\t-
0000:08:00.0\t030000\t1002:73df\t-\t-\tamdgpu\t13\t-\t-\t-\t1
0000:09:00.0\t010802\t2646:2263\t-\t-\tnvme\t14\t-\t-\t-\t-
"""


def run(program, tmp_path, policy, *words):
    (tmp_path / "machine").write_text(GROUP)
    (tmp_path / "etc").mkdir(exist_ok=True)
    (tmp_path / "etc/vfio-bind.conf").write_text(policy)
    return subprocess.run([program, "--root", tmp_path, "--machine", tmp_path / "machine", *words],
                          text=True, capture_output=True, check=False)


@pytest.mark.parametrize("more", ["", " with=group"])
def test_a_group_that_the_host_lives_in_cannot_be_given(program, tmp_path, more):
    """To bind the rest as well would cost the host its devices and help no guest."""
    done = run(program, tmp_path, f"bind 0000:07:00.0 id=10de:2504{more}\n", "check", "--json")
    (group,) = [finding for finding in golden.validate(done.stdout, "check")["findings"]
                if finding["check"] == "group"]
    assert "0000:03:00.0 holds the host's storage" in group["text"]
    assert "cannot be given" in group["advice"] and "ACS" in group["advice"]
    assert "with=group" not in group["advice"]


def test_a_refusal_is_explained_to_its_end(program, tmp_path):
    """What can be done, and which device of the same kind is free."""
    policy = "bind 0000:03:00.0,0000:09:00.0 id=2646:2263\n"
    said = json.loads(run(program, tmp_path, policy, "explain", "--json", "0000:03:00.0").stdout)
    assert (said["verdict"], said["reason"]) == ("refuse", "host-storage")
    assert said["next"] == "name another drive; free of its kind: 0000:09:00.0"
    text = run(program, tmp_path, policy, "explain", "0000:03:00.0").stdout
    assert text.splitlines()[-1] == f"  next: {said['next']}"
    assert "next:" not in run(program, tmp_path, policy, "explain", "0000:09:00.0").stdout


def test_a_guard_that_passed_says_why(program, tmp_path):
    said = run(program, tmp_path, "bind 0000:09:00.0 id=2646:2263\n", "explain", "0000:09:00.0")
    assert "guard in-use             passed: no disk on it is in use\n" in said.stdout
    assert "guard bound-display      passed: neither display nor accelerator\n" in said.stdout


FOUR = """#cmdline vfio-pci.ids=1344:51c0
#protect storage path=0000:00/01.1/00.0 id=1344:51c0
#protect storage path=0000:00/01.3/00.0 id=1344:51c0
""" + "".join(f"0000:00:01.{n}\t060400\t1022:1483\t-\t-\t-\t{n}\t-\t-\t-\t-\n"
              for n in range(1, 5)) + "".join(
    f"0000:0{n}:00.0\t010802\t1344:51c0\t-\t-\tnvme\t1{n}\t0000:00:01.{n}\t-\t-\t-\n"
    for n in range(1, 5))


def test_all_that_the_host_lives_on_is_named(program, tmp_path):
    (tmp_path / "machine").write_text(FOUR)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/vfio-bind.conf").write_text("keep nvme\n")
    done = subprocess.run([program, "--root", tmp_path, "--machine", tmp_path / "machine", "check",
                           "--json"], text=True, capture_output=True, check=False)
    (ids,) = [finding for finding in golden.validate(done.stdout, "check")["findings"]
              if finding["check"] == "ids"]
    assert ids["text"].endswith("; 0000:01:00.0 holds the host's storage; 0000:03:00.0 holds the "
                                "host's storage")


VMD = """#below 10000:00 0000:00:0e.0
0000:00:0e.0\t010400\t8086:9a0b\t-\t-\tvmd\t5\t-\t-\t-\t-
10000:00:01.0\t060400\t8086:9a09\t-\t-\t-\t5\t-\t-\t-\t-
10000:01:00.0\t010802\t144d:a80a\t-\t-\tnvme\t5\t10000:00:01.0\t-\t-\t-
10000:02:00.0\t010802\t144d:a80a\t-\t-\tnvme\t5\t10000:00:01.0\t-\t-\t-
"""


@pytest.mark.parametrize("what, status", [("0000:00:0e.0", 0), ("10000:01:00.0", 5)])
def test_what_goes_with_a_vmd_controller_is_said(program, tmp_path, what, status):
    (tmp_path / "machine").write_text(VMD)
    done = subprocess.run([program, "--root", tmp_path, "--machine", tmp_path / "machine", "add",
                           "--dry-run", what], text=True, capture_output=True, check=False)
    assert done.returncode == status
    assert "With 0000:00:0e.0 goes all that is behind it: 10000:01:00.0, 10000:02:00.0." in \
        done.stderr
    assert ("vfio-bind add 0000:00:0e.0" in done.stderr) == (status == 5)


TWO_AMD = """#cmdline %s
0000:01:00.0\t030000\t1002:73df\t-\t-\t%s\t1\t-\t-\t-\t1
0000:02:00.0\t030000\t1002:744c\t-\t-\tvfio-pci\t2\t-\t-\t-\t0
0000:03:00.0\t010802\t144d:a80a\t-\t-\tnvme\t3\t-\t-\t-\t-
"""


@pytest.mark.parametrize("words, driver, left", [
    ("modprobe.blacklist=amdgpu", "-", True), ("module_blacklist=foo,amdgpu", "-", True),
    ("rd.driver.blacklist=amdgpu", "amdgpu", True), ("modprobe.blacklist=nouveau", "-", False),
    ("modprobe.blacklist=radeon", "amdgpu", False), ("quiet", "-", False)])
def test_a_blacklisted_driver_is_missing_to_the_card_that_stays(program, tmp_path, words, driver,
                                                                left):
    (tmp_path / "machine").write_text(TWO_AMD % (words, driver))
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/vfio-bind.conf").write_text("bind 0000:02:00.0 id=1002:744c\n")
    done = subprocess.run([program, "--root", tmp_path, "--machine", tmp_path / "machine", "check",
                           "--json"], text=True, capture_output=True, check=False)
    found = [finding["text"] for finding in golden.validate(done.stdout, "check")["findings"]
             if finding["check"] == "blacklist"]
    assert found == ([f'"{words}" on the kernel command line leaves 0000:01:00.0, which the host '
                      "keeps, without a driver"] if left else [])
