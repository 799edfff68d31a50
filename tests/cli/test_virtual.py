# SPDX-License-Identifier: GPL-2.0-or-later
"""What the host program says of virtual functions: those that are there, those that are to come."""

import json
import pathlib

import pytest

from lib import machine as machines
from lib.editing import plant
from lib.payload import fixture_program  # noqa: F401
from lib.limited import run
from lib.tree import Tree

CARD = """\
0000:00:01.0\t060400\t8086:460d\t-\t-\tpcieport\t0\t-\t-\t-\t-
0000:01:00.0\t020000\t8086:10fb\t-\t-\tixgbe\t1\t0000:00:01.0\t-\t-\t-
0000:01:10.0\t020000\t8086:10ed\t-\t-\t-\t2\t0000:00:01.0\t-\t-\t-
0000:01:10.2\t020000\t8086:10ed\t-\t-\t-\t3\t0000:00:01.0\t-\t-\t-
0000:02:00.0\t010802\t144d:a80a\t-\t-\tnvme\t4\t-\t-\t-\t-
#sriov 0000:01:00.0 63 10ed
#physfn 0000:01:10.0 0000:01:00.0 0
#physfn 0000:01:10.2 0000:01:00.0 1
"""
PF, VIRTUAL, OTHER = "0000:01:00.0", "0000:01:10.0", "0000:01:10.2"
PATH = "0000:00/01.0/00.0"


@pytest.fixture(name="ask")
def fixture_ask(program, tmp_path):
    """Runs a command under a policy, on the tree or on the file."""
    tree = Tree(tmp_path / "root", machines.parse(CARD))
    tree.protect([])
    (tmp_path / "machine").write_text(CARD, "ascii")

    def ask(policy, *words, from_file=False, report=None):
        tree.policy({"vfio-bind.conf": policy.encode()})
        if report is not None:
            folder = tmp_path / "root/run/vfio-bind"
            folder.mkdir(exist_ok=True)
            (folder / "report").write_text(report, "ascii")
            (folder / "policy").write_text(f"# /etc/vfio-bind.conf\n{policy}", "ascii")
        where = ["--machine", tmp_path / "machine"] if from_file else []
        done = run([program, "--root", tree.root, *where, *words], capture_output=True, text=True)
        done.tree = tree
        return done
    return ask


@pytest.mark.parametrize("from_file", [False, True])
def test_next_is_late(ask, from_file):
    """At boot it is not there, whoever has it now."""
    done = ask(f"bind network pf={PATH} vf=0\n", "--json", "list", from_file=from_file)
    following = {d["address"]: d["driver_next"] for d in json.loads(done.stdout)["devices"]}
    assert following[VIRTUAL] == "late"
    assert following[OTHER] is None
    assert following[PF] == "ixgbe"


@pytest.mark.parametrize("rule", [f"pf={PATH} vf=0", "path=0000:00/01.0/10.0 id=8086:10ed"])
@pytest.mark.parametrize("from_file", [False, True])
def test_check_says_late_as_list_does(ask, from_file, rule):
    """Whatever the rule names it by: a path makes nobody ask whose function it is."""
    done = ask(f"bind network {rule}\n", "--json", "check", from_file=from_file)
    (row,) = json.loads(done.stdout)["plan"]
    assert (row["address"], row["driver_next"]) == (VIRTUAL, "late")
    assert row["note"] == "not at boot, but when its physical function has made it"
    text = ask(f"bind network {rule}\n", "check", from_file=from_file).stdout
    assert "1 bound (1 of them late), 0 refused" in text


def test_explain(ask):
    """It says when, and by which rule."""
    done = ask(f"bind network pf={PATH} vf=0\n", "explain", VIRTUAL)
    assert "late: not at boot, but when its physical function has made it" in done.stdout
    assert "late:" not in ask(f"bind network pf={PATH} vf=0\n", "explain", OTHER).stdout


def test_graph(ask):
    """A virtual function hangs below its physical one, and that below its port."""
    lines = ask(f"bind network pf={PATH} vf=0\n", "graph").stdout.splitlines()
    assert {f'\t"{PF}" -> "{at}";' for at in (VIRTUAL, OTHER)} <= set(lines)
    assert f'\t"0000:00:01.0" -> "{PF}";' in lines
    assert f'\t"0000:00:01.0" -> "{VIRTUAL}";' not in lines


def with_slot(tree, port, capability, slot):
    """The config space of a port with a capability, and a byte of what its slot can do."""
    path = pathlib.Path(tree.path(f"sys/bus/pci/devices/{port}/config"))
    config = bytearray(path.read_bytes())
    config[0x34], config[0x50:0x52], config[0x64] = 0x50, bytes((capability, 0x50)), slot
    path.write_bytes(config)


@pytest.mark.parametrize("capability, slot, late", [
    (0x10, 0x40, True), (0x10, 0x3f, False), (0x01, 0x40, False)])
def test_explain_of_what_may_be_plugged_in(program, tmp_path, capability, slot, late):
    """Below a port whose slot is for that, and a list of capabilities that goes round ends."""
    tree = plant(tmp_path / "root")
    tree.policy({"vfio-bind.conf": b"bind nvme path=0000:00/03.0/00.0\n"})
    with_slot(tree, "0000:00:03.0", capability, slot)
    done = run([program, "--root", tree.root, "explain", "03:00.0"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert ("that may have it first" in done.stdout) is late
    other = run([program, "--root", tree.root, "explain", "04:00.0"], capture_output=True, text=True)
    assert "late:" not in other.stdout


def test_add(ask):
    """By its physical function and its index: its address is not sure."""
    done = ask("", "add", VIRTUAL)
    assert done.returncode == 0, done.stderr
    rule = done.tree.read("etc/vfio-bind.conf").splitlines()[-1]
    assert rule == f"bind network pf={PATH} vf=0 id=8086:10ed"


def test_status_of_one_that_came_late(ask):
    """Not as of a device that the boot bound."""
    header = "# address\tverdict\treason\trule\tdriver-before\tdriver-after\tdetail\n"
    row = f"{VIRTUAL}\tbind\trule\t/etc/vfio-bind.conf:1\t-\t-\tlate; failed: bind: EBUSY\n"
    done = ask(f"bind network pf={PATH} vf=0\n", "status", report=header + row)
    assert "failed: bind: EBUSY" in done.stdout


def test_status_of_one_that_waits(ask):
    """No boot will bind it: it is not there then."""
    done = ask(f"bind network pf={PATH} vf=0\n", "status")
    assert "bound when it is made anew" in done.stdout


@pytest.mark.parametrize("policy, said", [
    (f"bind pf={PATH} vf=0-3 vfs=63\n", None),
    (f"bind pf={PATH} vfs=64\n", "can have 63 virtual functions, not 64"),
    (f"bind pf={PATH} vf=62\n", None),
    (f"bind pf={PATH} vf=0,63\n", "can have 63 virtual functions, no vf=63"),
    ("bind pf=0000:02:00.0\n", "can have no virtual functions"),
    (f"bind pf={PATH} vfs=4\nbind pf={PF} vfs=5\n", "an earlier rule makes 4 virtual functions"),
    (f"bind pf={PATH} vfs=4\nbind pf={PF} vf=1\n", None),
    (f"keep pf={PATH} vf=99\n", None),
])
@pytest.mark.parametrize("from_file", [False, True])
def test_check(ask, policy, said, from_file):
    """What the physical function cannot do."""
    done = ask(policy, "check", from_file=from_file)
    found = [line for line in done.stdout.splitlines() if "virtual functions" in line]
    assert bool(found) == bool(said), done.stdout
    assert not said or said in " ".join(done.stdout.split())


def test_check_of_one_that_goes_itself(ask):
    """has-vfs refuses it while they are there; without them nobody would make any."""
    machine = "\n".join(line for line in CARD.splitlines() if "physfn" not in line
                        and ":10.0\t" not in line and ":10.2\t" not in line)
    done = ask("", "list")
    path = done.tree.path("../machine")
    with open(path, "w", encoding="ascii") as file:
        file.write(machine + "\n")
    done = ask(f"bind {PF}\nbind pf={PF}\n", "check", from_file=True)
    assert "goes to a guest itself" in " ".join(done.stdout.split())


def test_check_of_those_to_come(ask):
    """A rule for what is not there yet is no rule for nothing."""
    machine = "\n".join(line for line in CARD.splitlines() if "physfn" not in line
                        and ":10.0\t" not in line and ":10.2\t" not in line)
    done = ask("", "list")
    with open(done.tree.path("../machine"), "w", encoding="ascii") as file:
        file.write(machine + "\n")
    done = ask(f"bind network pf={PF} vf=0\n", "check", from_file=True)
    assert "vfio-bind.conf:1" not in done.stdout
    done = ask("bind network pf=0000:7f:00.0 vf=0\n", "check", from_file=True)
    assert "vfio-bind.conf:1" in done.stdout


def test_dump_and_read_again(ask, tmp_path):
    """What a machine file says of them is what the machine says."""
    done = ask("", "dump")
    text = done.stdout
    assert f"#sriov {PF} 63 10ed\n" in text
    (tmp_path / "machine").write_text(text, "ascii")
    again = ask(f"bind network pf={PATH} vf=0\n", "--json", "list", from_file=True)
    assert {d["address"]: d["driver_next"] for d in json.loads(again.stdout)["devices"]}[
        VIRTUAL] == "late"
