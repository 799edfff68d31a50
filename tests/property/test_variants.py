# SPDX-License-Identifier: GPL-2.0-or-later
"""driver=auto: which variant a function gets, for every alias that kernels have and for random
ones, beside a second way to find it. The binder and list are asked of thousands of functions."""

import itertools
import json
import os
import random

import pytest

from lib import binder as binders
from lib import golden, variants
from lib.machine import Device, Machine
from lib.quick import Again, fixture_memory  # noqa: F401
from lib.tree import Tree

KERNELS = variants.kernels()
CLASSES = (0x020000, 0x0b4000, 0x028000, 0x120001)
DRY_RUN = "rd.vfio_bind=dry-run"


def near(rng, variant):
    """A function that the alias is for, or one that is something else in one place."""
    given = variants.fields(variant[1])
    values = [rng.randrange(1 << 16) if field == "*" else int(field, 16) for field in given[:4]]
    values[rng.randrange(4)] ^= rng.choice((0, 0, 1, 0x8000))
    return [rng.choice(CLASSES), *values]


def machine_of(functions, kernel):
    machine = Machine(protect=[], variants=kernel)
    for number, function in enumerate(functions):
        address = "%04x:%02x:%02x.%d" % (number >> 16, number >> 8 & 0xff, number >> 3 & 0x1f,
                                         number & 7)
        machine.devices[address] = Device(address, *function, driver="", group=number, parent=None,
                                           dsn=0, boot_vga=None, header_type=0)
    return machine


def text_of(machine):
    return "".join("#variant %s %s\n" % one for one in machine.variants) + "#protect\n" + "".join(
        "\t".join((d.address, "%06x" % d.cls, "%04x:%04x" % (d.vendor, d.device),
                   "%04x:%04x" % (d.subvendor, d.subdevice), "-", "-", str(d.group), "-", "-",
                   "-", "-")) + "\n" for d in machine)


def expected(machine):
    return {d.address: variants.best(machine.variants, d) for d in machine}


@pytest.fixture(scope="module", name="host")
def fixture_host(memory):
    os.makedirs(os.path.join(memory, "etc"), exist_ok=True)
    with open(os.path.join(memory, "etc/vfio-bind.conf"), "w", encoding="utf-8") as file:
        file.write("bind id=*:* driver=auto with=none\n")
    host = Again(memory, golden.environment())
    yield memory, host
    host.close()


def listed(host, machine):
    """What list says of the machine's file."""
    root, program = host
    path = os.path.join(root, "machine.tsv")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text_of(machine))
    _, stdout, stderr = program.run("vfio-bind", "--root", root, "--machine", path, "list",
                                    "--json")
    assert stdout, stderr
    return {device["address"]: device["driver_next"] for device in json.loads(stdout)["devices"]}


def booted(memory, machine):
    """What the binder says of the machine."""
    tree = Tree(os.path.join(memory, "tree"), machine)
    tree.policy({"vfio-bind.conf": b"bind id=*:* driver=auto with=none\n"})
    tree.boot(DRY_RUN)
    return binders.run(tree).drivers


def test_the_table_has_all_that_kernels_have():
    assert {name: len(rows) for name, rows in KERNELS.items()} == {
        "Debian 6.1": 1, "Debian 6.12": 1, "Debian 7.2": 1,
        "Linux 6.1": 5, "Linux 6.12": 12, "Linux 7.2": 46}
    assert all(variants.fields(alias) for rows in KERNELS.values() for _, alias in rows)


@pytest.mark.parametrize("name", KERNELS)
def test_each_alias_and_random_functions(host, name):
    rng = random.Random(name)
    functions = [near(rng, variant) for variant in KERNELS[name] * 40]
    functions += [[rng.choice(CLASSES), *(rng.randrange(1 << 16) for _ in range(4))]
                  for _ in range(1000)]
    machine = machine_of(functions, KERNELS[name])
    want = expected(machine)
    assert listed(host, machine) == want
    # Enough of both, or nothing is said of either.
    chosen = set(want.values())
    assert chosen == {driver for driver, _ in KERNELS[name]}


def random_alias(rng, function):
    """An alias of so many fields that it may match the function, and now and then of none."""
    cls, *ids = function
    values = [("v", ids[0], 8), ("d", ids[1], 8), ("sv", ids[2], 8), ("sd", ids[3], 8),
              ("bc", cls >> 16, 2), ("sc", cls >> 8 & 0xff, 2), ("i", cls & 0xff, 2)]
    text = "vfio_pci:" + "".join(
        letters + ("*" if rng.random() < 0.6 else "%0*X" % (digits, value))
        for letters, value, digits in values)
    return rng.choice((text.lower(), text + "*", text[:-1], text.replace("sv", "d"))) \
        if rng.random() < 0.1 else text


def random_kernel(rng, functions):
    drivers = ("vfio-pci", "mlx5_vfio_pci", "a_vfio_pci", "b-vfio-pci", "pci-stub")
    return [(rng.choice(drivers), random_alias(rng, rng.choice(functions)))
            for _ in range(rng.randrange(1, 40))]


@pytest.mark.parametrize("seed", range(6))
def test_random_aliases(host, seed):
    rng = random.Random(seed)
    functions = [[rng.choice(CLASSES), *(rng.choice((1, 0x8086, 0xffff)) for _ in range(4))]
                 for _ in range(400)]
    machine = machine_of(functions, random_kernel(rng, functions))
    assert listed(host, machine) == expected(machine)


def test_the_boot_chooses_the_same(memory, binder):
    assert binder == binders.BINDER
    rng = random.Random("boot")
    functions = [near(rng, variant) for variant in itertools.chain(*KERNELS.values())]
    functions += [[rng.choice(CLASSES), *(rng.choice((1, 0x8086)) for _ in range(4))]
                  for _ in range(100)]
    kernel = KERNELS["Linux 7.2"] + random_kernel(rng, functions[-100:])
    machine = machine_of(functions, kernel)
    want = expected(machine)
    assert booted(memory, machine) == want
    assert len(set(want.values())) > 10
