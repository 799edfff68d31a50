# SPDX-License-Identifier: GPL-2.0-or-later
"""A tree below --root, where every link is followed inside it, and the same tree as "/", as at a
boot, where the functions of a bus are read beside each other: the same report."""

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from lib import binder as binders
from lib import machine as machines
from lib import randompolicy
from lib.quick import fixture_memory  # noqa: F401
from lib.tree import Tree

FILES = sorted((Path(__file__).parents[1] / "machines").glob("*-early.tsv"))
TIMES = 8  # for each machine
NICS = "".join(f"0000:01:00.{function}\t020000\t8086:1520\t8086:0001\t-\t-\t2\t0000:00:01.0\t-\t-\t-\n"
               for function in range(4))
PORT = "0000:00:01.0\t060400\t8086:1901\t8086:0001\t-\t-\t1\t-\t-\t-\t-\n"

pytestmark = pytest.mark.skipif("SANITIZE" in os.environ, reason="that binder is not static")


@pytest.fixture(name="tree")
def fixture_tree(memory, binder, request):
    """Makes a tree of the text of a machine file, with the binder in it."""
    assert binder == binders.BINDER

    def tree(text):
        made = Tree(os.path.join(memory, f"roots-{request.node.name}"), machines.parse(text))
        shutil.copy(binder, made.path("binder"))
        return made

    return tree


def run_as_root(tree):
    """The binder with the tree as its "/"."""
    user = () if os.geteuid() == 0 else ("--map-root-user",)
    binders.clear(tree)
    done = subprocess.run(["unshare", *user, f"--root={tree.root}", "/binder"], check=False)
    return binders.collect(tree, done.returncode)


def judge(run, tree, policy):
    tree.policy({"vfio-bind.conf": policy})
    tree.boot("rd.vfio_bind=dry-run")
    return run(tree)


@pytest.mark.parametrize("file", FILES, ids=[path.stem for path in FILES])
def test_the_same_report(tree, file):
    made, bound = tree(file.read_text(encoding="utf-8")), 0
    for number in range(TIMES):
        writer = randompolicy.Writer(random.Random(f"{file.stem} {number}"), made.machine)
        policy = writer.policy(mistakes=0)
        below, whole = (judge(run, made, policy) for run in (binders.run, run_as_root))
        assert whole == below
        bound += len(below.verdicts)
    assert bound


def test_a_function_that_is_not_beside_the_others_is_found(tree):
    """No kernel does this; what is read says so, and nothing is guessed."""
    made = tree(PORT + NICS)
    port, bus = made.path("sys/devices/pci0000:00/0000:00:01.0"), made.path("sys/bus/pci/devices")
    os.rename(f"{port}/0000:01:00.2", made.path("sys/devices/pci0000:00/0000:01:00.2"))
    os.unlink(f"{bus}/0000:01:00.2")
    os.symlink("../../../devices/pci0000:00/0000:01:00.2", f"{bus}/0000:01:00.2")
    run = judge(run_as_root, made, b"bind path=0000:00/01.0/00.2\nbind path=0000:00/00.2\n"
                                   b"bind path=0000:00/01.0/00.3\n")
    assert sorted(run.verdicts) == ["0000:01:00.2", "0000:01:00.3"]
    assert run.verdicts["0000:01:00.2"][2].endswith(":2")


@pytest.mark.parametrize("link", ["/srv/policy", "../../../../../../../../srv/policy"],
                         ids=["absolute", "upwards"])
def test_no_link_leads_out_of_it(tree, link):
    """Not up either: what is outside may be the host's own, whatever the tree's links say."""
    made = tree(PORT + NICS)
    made.policy({"../srv/policy": b"bind 01:00.2\n"})
    os.symlink(link, made.path("etc/vfio-bind.conf"))
    below, whole = (judge_what_is_there(run, made) for run in (binders.run, run_as_root))
    assert list(below.verdicts) == ["0000:01:00.2"]
    assert whole == below


def judge_what_is_there(run, tree):
    tree.boot("rd.vfio_bind=dry-run")
    return run(tree)
