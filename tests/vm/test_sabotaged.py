# SPDX-License-Identifier: GPL-2.0-or-later
"""Boots that are sabotaged: the root's own drive given away by every word that there is, a list of
what to protect that is another machine's, a fault in a call of the binder. None is lost."""

import errno
import random
from dataclasses import dataclass

import pytest

from .busybox import busybox_image
from .images import GUEST, POLICY, File, Recipe
from .lab import ROOT_WORDS
from .machine import Machine, card, disk, nic
from .roots import TRIXIE
from .test_faults import injector
from .tiny import tiny_disk

pytestmark = pytest.mark.nightly

NIGHTS, BOOTS = 10, 50
MACHINE = Machine((card("gpu1"), card("gpu2", ("gpu2_audio", "intel-hda")), disk("disk1"),
                   disk("root"), nic("nic", 1)), memory=512)
IDS = {"gpu1": "1234:1111", "gpu2": "1234:1111", "gpu2_audio": "8086:2668", "disk1": "1b36:0010",
       "root": "1b36:0010", "nic": "8086:10d3"}
KINDS = {"gpu1": "display", "gpu2": "display", "gpu2_audio": "audio", "disk1": "nvme",
         "root": "nvme", "nic": "network"}
ALLOW = "no-iommu,boot-display,host-storage,host-network,host-input,bound-display,last-display"
# Both drivers in the plan, whatever the policy of a boot is.
IMAGE = Recipe("sabotaged", policy="bind nvme\nbind network driver=pci-stub\n")
PROCESS_1 = "rdinit=/usr/lib/vfio-bind/binder rd.vfio_bind.init=/lab/start"
BY_HAND = "rdinit=/lab/start"
ERRORS = ("EIO", "ENOENT", "EACCES", "EPERM", "ENOSPC", "EROFS", "ENOMEM", "EINTR", "EMFILE",
          "ENODEV", "EBUSY", "EINVAL", "ELOOP")
TELL = 'value rounds "$(cat /run/lab/rounds)"\n'


@dataclass(frozen=True)
class Sabotage:
    """What one boot has against it."""

    policy: str
    protect: str | None
    words: str
    fault: str

    @property
    def files(self):
        """Of the segment behind the image."""
        files = {POLICY: File(self.policy.encode()), "lab/inject": injector(),
                 "lab/start": File((GUEST / "sabotaged/lab/start").read_bytes(), 0o755)}
        if self.protect is not None:
            files["usr/lib/vfio-bind/protect"] = File(self.protect.encode())
        if self.fault:
            files["lab/faults"] = File(f"{self.fault}\n".encode())
        return files


def exact(rng, name):
    """A rule for one function, past all guards."""
    by = rng.choice((MACHINE.address(name), f"path={MACHINE.path(name)}",
                     f"{KINDS[name]} path={MACHINE.path(name)}"))
    return f"bind {by} id={IDS[name]} allow={ALLOW}{rng.choice(options())}"


def options():
    """Of any rule."""
    return ("", "", " required", " driver=pci-stub", " with=functions", " with=group", " count=1",
            " d3cold=0 reset=bus")


def broad(rng):
    """A rule for a kind, as somebody writes it who has not thought."""
    lifted = ALLOW.replace("host-storage,host-network,host-input,", "")
    return rng.choice(("bind nvme", "bind storage with=group", "bind class=01", "bind id=1b36:*",
                       "bind display,nvme,network", "bind id=*:*")) + f" allow={lifted}"


def policy_of(rng):
    """Three of four give the root's drive away."""
    names = [name for name in IDS if rng.random() < (0.75 if name == "root" else 0.4)]
    rules = [exact(rng, name) for name in names]
    rules += [broad(rng) for _ in range(rng.choice((0, 0, 1, 2)))]
    if rng.random() < 0.2:
        rules.append(f"keep {MACHINE.address(rng.choice(list(IDS)))}")
    if rng.random() < 0.05:
        rules.append("bind nvme colour=red")
    rng.shuffle(rules)
    return "".join(f"{rule}\n" for rule in rules) or "# nothing\n"


def protect_of(rng):
    """Right, another machine's, nothing, nonsense, or not there."""
    def line(name, place):
        kind = {"nvme": "storage", "network": "network"}.get(KINDS[name], "input")
        return f"{kind} path={MACHINE.path(place)} id={IDS[name]}\n"

    head = "vfio-bind-protect 1\n"
    return rng.choice((
        head + line("root", "root"), head + line("root", "gpu1") + line("nic", "disk1"), head,
        head + "".join(line(rng.choice(list(IDS)), rng.choice(list(IDS))) for _ in range(3)),
        head + "unknown\n", "nonsense\n", None))


def fault_of(rng, looks):
    """Which run of the binder, and what becomes of which of its calls."""
    run = rng.choice((1, 1, rng.randint(2, looks + 3)))
    process = rng.choice((1, 2, 2)) if run == 1 else 1
    call = rng.randint(1, 60 if process == 1 else 600)
    kind = rng.choice(("error", "error", "error", "from", "short", "lie", "signal", "stall"))
    value = {"error": getattr(errno, rng.choice(ERRORS)), "short": 50, "signal": 9, "lie": 0,
             "stall": rng.choice((0, 1))}
    value["from"] = value["error"]
    return f"{run} {process} {call} {kind} {value[kind]}"


def sabotage(night, number):
    """Of that boot: the same every time."""
    rng = random.Random(f"{night} {number}")
    seconds = rng.choice((1, 2, 3))
    by_hand = rng.random() < 0.7
    return Sabotage(policy_of(rng), protect_of(rng),
                    f"{BY_HAND if by_hand else PROCESS_1} rd.vfio_bind.undo={seconds}",
                    fault_of(rng, seconds) if by_hand and rng.random() < 0.8 else "")


@pytest.fixture(scope="session", name="release", params=[TRIXIE], ids=str)
def one_release(request):
    """The binder is the same in all."""
    return request.param


@pytest.mark.parametrize("night", range(NIGHTS))
@pytest.mark.parametrize("number", range(BOOTS))
def test_not_lost(lab, night, number, record_property):
    """The root is reached, by its own driver."""
    done = sabotage(night, number)
    print(done.policy, done.protect, done.words, done.fault, sep="\n")
    boot = lab.boot(words=done.words, image=busybox_image(lab, IMAGE), base=ROOT_WORDS,
                    machine=MACHINE, files=done.files, in_root=TELL,
                    drives={"root": f"{tiny_disk()},snapshot=on"})
    assert "root" in boot.stages, boot.told
    assert boot.stages["root"].drivers[MACHINE.address("root")] == "nvme"
    record_property("lost their root's drive", int(boot.probes()[MACHINE.address("root")][0] != "nvme"))
    record_property("rounds", boot.stages["root"].values["rounds"])
