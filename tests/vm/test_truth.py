# SPDX-License-Identifier: GPL-2.0-or-later
"""What verify says of an image is what that image does: function by function, by the driver core's
own log and the driver links."""

import random
import re

import pytest

from .cells import AT, CARDS, MACHINE, NVME
from .images import File
from .roots import TRIXIE
from .truth import OWN, Truth, Turn, Variant

HEAD = "vfio-bind-protect 1\n"
DRIVES = "bind nvme\n"
ONE = f"bind {AT['disk2']} id={NVME}\n"
MIXED = f"{CARDS}accept cmdline\nbind nvme path={MACHINE.path('disk1')}\n"


def storage(*names):
    """The protect of a machine that lives on those."""
    return HEAD + "".join(f"storage path={MACHINE.path(name)} id={NVME}\n" for name in names)


def words(text, heeded=False):
    """The right image with words on the command line."""
    return Variant(re.sub(r"\W+", "-", text), MIXED, Turn(MIXED, OWN, text),
                   text if heeded else "")


FIXED = (
    Variant("as-etc-has-it", DRIVES, Turn(DRIVES)),
    Variant("cards-as-etc-has-them", MIXED, Turn(MIXED)),
    Variant("one-drive", ONE, Turn(ONE)),
    Variant("protect-unknown", DRIVES, Turn(DRIVES, HEAD + "unknown\n")),
    Variant("protect-of-nothing", DRIVES, Turn(DRIVES, HEAD)),
    Variant("protect-of-a-free-twin", DRIVES, Turn(DRIVES, storage("disk2"))),
    Variant("protect-of-a-free-twin-too", DRIVES, Turn(DRIVES, storage("disk2", "root"))),
    Variant("protect-that-makes-no-sense", DRIVES, Turn(DRIVES, HEAD + "storage\n")),
    Variant("protect-of-a-device-that-is-gone", ONE,
            Turn(ONE, f"{HEAD}storage path=0000:00/1f.0/00.0 id={NVME}\n")),
    Variant("older-policy", DRIVES, Turn(ONE)),
    Variant("older-policy-that-took-more", ONE, Turn(DRIVES)),
    Variant("other-words-for-the-same", ONE, Turn(f"bind nvme path={MACHINE.path('disk2')}\n")),
    Variant("empty-policy", DRIVES, Turn("")),
    Variant("policy-with-a-mistake", DRIVES, Turn("bind nvme colour=red\n")),
    Variant("policy-that-others-may-write", DRIVES, Turn(File(DRIVES.encode(), 0o666))),
    words("rd.vfio_bind=0"),
    words("rd.vfio_bind=dry-run"),
    words("vfio-bind=off rd.vfio_bind=1"),
    words(f"rd.vfio_bind.keep={AT['gpu2_usb']}", heeded=True),
    words(f"rd.vfio_bind.bind={AT['disk3']}+{NVME}", heeded=True),
    words('rd.vfio_bind.rule="bind nvme colour=red"', heeded=True),
)


NIGHTS, EACH = 9, 20
SELECTED = ("nvme", "display", "network", "audio", "usb", f"id={NVME}", "id=1234:1111",
            *(f"{at} id={NVME}" for name, at in AT.items() if name.startswith(("disk", "root"))),
            *(f"path={MACHINE.path(name)}" for name in ("gpu1", "gpu2", "disk1", "root")),
            *(f"nvme path={MACHINE.path(name)} id={NVME}" for name in ("disk2", "disk3", "root")))
OPTIONS = ("", "", "", "with=group", "with=none", "with=functions", "count=3", "count=4 nth=2",
           "allow=boot-display", "allow=host-storage", "allow=host-network", "required")
WORDS = ("", "", "", "", "rd.vfio_bind=0", f"rd.vfio_bind.keep={AT['disk2']}",
         f"rd.vfio_bind.bind={AT['disk1']}+{NVME}", 'rd.vfio_bind.rule="bind usb"')


def random_policy(rng):
    """Rules that often meet something, often the same, and often what a guard is for."""
    lines = [f"{rng.choice(('bind', 'bind', 'bind', 'keep'))} {rng.choice(SELECTED)}"
             for _ in range(rng.randint(1, 4))]
    lines = [f"{line} {rng.choice(OPTIONS)}" if line.startswith("bind") else line for line in lines]
    return "\n".join([*rng.choice(([], [], ["accept cmdline"])), *lines]) + "\n"


def random_protect(rng):
    """What this machine lives on, what another one does, or nobody knows."""
    drives = rng.sample(("root", "disk1", "disk2", "disk3"), rng.randint(1, 2))
    return rng.choice((OWN, OWN, OWN, HEAD, f"{HEAD}unknown\n", storage(*drives)))


def random_variant(rng, number):
    """/etc as the image has it, or otherwise."""
    policy, etc = random_policy(rng), random_policy(rng)
    turn = Turn(policy, random_protect(rng), rng.choice(WORDS))
    return Variant(f"random-{number}", rng.choice((policy, policy, etc)), turn,
                   "" if turn.words.startswith("rd.vfio_bind=") else turn.words)


@pytest.fixture(scope="module", name="release", params=[TRIXIE], ids=str)
def release_of_these():
    """The decision is one and the same with each kernel."""
    return TRIXIE


@pytest.fixture(name="truth", scope="module")
def fixture_truth(lab, tmp_path_factory):
    """All that are fixed, in one boot."""
    return Truth(lab, FIXED, tmp_path_factory.mktemp("truth"))


@pytest.mark.parametrize("variant", FIXED, ids=str)
def test_verify_says_what_the_boot_does(truth, variant, tmp_path):
    """Every function's verdict, its driver, and the one word."""
    assert truth.differences(variant, tmp_path) == {}


def test_they_are_not_all_alike(truth):
    """Some of them bind, some do not, and some take the drive that the host lives on."""
    taken = [set(truth.taken(variant.turn)) for variant in FIXED]
    assert any(AT["root"] in functions for functions in taken)
    assert sum(not functions for functions in taken) > 5
    assert sum(truth.taken(variant.turn) == truth.taken(variant.wanted) for variant in FIXED) > 5


@pytest.mark.nightly
@pytest.mark.parametrize("night", range(NIGHTS))
def test_verify_says_what_the_boot_does_all_night(lab, night, tmp_path):
    """The same for policies, lists of what the host lives on, and words that nobody chose."""
    rng = random.Random(f"truth {night}")
    variants = [random_variant(rng, number) for number in range(EACH)]
    truth = Truth(lab, variants, tmp_path)
    found = {variant: truth.differences(variant, tmp_path) for variant in variants}
    wrong = {variant: what for variant, what in found.items() if what}
    for variant, what in wrong.items():
        print(variant.etc, variant.turn, *what.items(), sep="\n")
    assert wrong.keys() == set()
