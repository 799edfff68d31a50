# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel that gives a device by driver_override only to a driver that allows it, as an idea of
November 2026 has it: vfio-pci is as ever; what pci-stub does not get has its host's driver or none,
costs no other device, and is told with what lifts it. See kernel.py."""

import errno
import json
from dataclasses import dataclass

import pytest

from .machine import GPU2, TWINS
from .proof import VFIO, prove, verdicts
from .roots import BOOKWORM_GATED
from .test_builtin import BUILT_IN, CARD, DRIVE, NVME, PROCESS_1, TAKEN

pytestmark = pytest.mark.nightly  # its kernel takes minutes to build

STUB = "pci-stub"
FIRST = TWINS.address("disk1")
RULE = f"bind {FIRST} id={NVME} driver={STUB}\n"
ALL = f"{RULE}{CARD}{DRIVE}"
WHY = "kernel gives a device by driver_override only to a driver that allows it"
LIFTED = "allow_driver_override=1"
NEXT = f"This {WHY}: add {LIFTED} to its command line, or name driver=vfio-pci"
# What the host program says of this boot and of the next, and what it does now.
ASK = f"""
cat >/etc/vfio-bind.conf <<'END'
{ALL}END
for command in status check apply; do
	vfio-bind --json $command >/run/out 2>/run/err
	status=$?
	facts $command
	value status $status
	value said "$(cat /run/err)"
	lines output /run/out >$TOLD
done
"""


@dataclass(frozen=True)
class Refusal:
    """A way in which such a kernel may refuse, and what the drive has then."""

    step: str
    value: int
    driver: str | None = None

    def __str__(self):
        return self.step.replace(": ", "-")

    @property
    def words(self):
        """For its command line."""
        return f"refuse_driver_override={self.value}"

    @property
    def told(self):
        """Of a device."""
        return f"failed: {self.step}; this {WHY}: {LIFTED} lifts that"


NO_MATCH = Refusal("bind: ENODEV", 0)
NO_WRITE = Refusal("driver_override: EPERM", errno.EPERM, "nvme")
NO_PROBE = Refusal("bind: EPERM", -errno.EPERM)
REFUSALS = (NO_MATCH, NO_PROBE, NO_WRITE,
            Refusal("driver_override: EACCES", errno.EACCES, "nvme"),
            Refusal("driver_override: EOPNOTSUPP", errno.EOPNOTSUPP, "nvme"))


@pytest.fixture(scope="session", name="release", ids=str, params=[BOOKWORM_GATED])
def release_with_that_kernel(request):
    """The one with that kernel."""
    return request.param


@pytest.fixture(name="boot")
def boot_of_image(lab):
    """A function that boots the one image all tests here share."""
    return lambda policy, words="", **options: lab.boot(
        policy, words, image=lab.image(BUILT_IN), **options)


def details(stage):
    """The last column of each device's line that has one."""
    rows = [row.split("\t") for row in stage.report if not row.startswith("#")]
    return {row[0]: row[6] for row in rows if row[6]}


def said_of(names, refusal, line):
    """The lines that quiet shows."""
    return [f"{at} {refusal.told} (/etc/vfio-bind.conf:{line})" for at in TWINS.addresses(*names)]


def see_next_step(done, refusal):
    """status, check and apply name what the command line has to say."""
    shown = {name: json.loads("\n".join(done.stages[name].output))
             for name in ("status", "check", "apply")}
    assert NEXT in shown["status"]["messages"]
    (row,) = [row for row in shown["status"]["devices"] if row["address"] == FIRST]
    assert row["detail"].endswith(f"; failed: {refusal.step}")
    (finding,) = [one for one in shown["check"]["findings"] if WHY in one["text"]]
    assert (finding["severity"], finding["advice"]) == (
        "warning", f"add {LIFTED} to the kernel command line, or name driver=vfio-pci")
    (row,) = [row for row in shown["apply"]["devices"] if row["address"] == FIRST]
    assert (row["result"], row["detail"]) == ("failed", refusal.told)
    assert done.stages["apply"].values == {"status": "1", "said": f"{NEXT}."}
    assert done.stages["apply"].drivers == done.stages["root"].drivers


def test_vfio_pci_as_ever(boot):
    """A card with all it brings and a drive: it allows it, and nothing is said."""
    done = boot(f"{CARD}{DRIVE}")
    prove(done, TWINS, gave_up=TAKEN)
    assert done.said(3) == []


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_refused(boot, refusal):
    """The drive has no driver or its host's; the card, what goes with it, and the other drive have
    vfio-pci. The boot's line and the report say what, why, and what lifts it."""
    done = boot(ALL, refusal.words, in_root=ASK)
    stage = done.stages["root"]
    taken = dict.fromkeys(TWINS.addresses(*TAKEN), VFIO)
    assert stage.drivers == TWINS.host_drivers() | taken | {FIRST: refusal.driver}
    assert stage.overrides == taken | ({} if refusal.driver else {FIRST: STUB})
    assert done.said(3) == said_of(["disk1"], refusal, 1)
    assert details(stage)[FIRST] == refusal.told
    assert done.probes()[FIRST] == ["nvme", STUB] if refusal == NO_PROBE else ["nvme"]
    verdicts(TWINS, stage, {
        "disk1": "bind rule", "disk2": "bind rule", "gpu2": "bind rule",
        "gpu2_audio": "bind companion", "gpu2_usb": "bind companion"})
    see_next_step(done, refusal)


def test_lifted(boot):
    """With the word that was named on the command line pci-stub has it, and nothing is said."""
    done = boot(ALL, LIFTED)
    stage = done.stages["root"]
    chosen = dict.fromkeys(TWINS.addresses(*TAKEN), VFIO) | {FIRST: STUB}
    assert stage.drivers == TWINS.host_drivers() | chosen
    assert stage.overrides == chosen
    assert done.said(3) == [] and FIRST not in details(stage)


def test_refused_with_companions(boot):
    """A card for pci-stub by process 1: each of its functions is refused, and the drive is bound."""
    done = boot(f"{CARD.strip()} driver={STUB}\n{DRIVE}", f"{PROCESS_1} {NO_MATCH.words}")
    stage = done.stages["root"]
    none = dict.fromkeys(TWINS.addresses(*GPU2))
    assert stage.drivers == TWINS.host_drivers() | none | {TWINS.address("disk2"): VFIO}
    assert done.said(3) == said_of(GPU2, NO_MATCH, 1)


@pytest.mark.parametrize("refusal", [NO_MATCH, NO_WRITE], ids=str)
def test_last_screens_stay(boot, refusal):
    """The host's only screens, which its rule gives away: refused, they show the picture again."""
    done = boot(f"bind vga allow=last-display,bound-display with=none driver={STUB}\n{DRIVE}",
                refusal.words)
    prove(done, TWINS, gave_up=["disk2"])
    assert done.said(3) == said_of(["gpu1", "gpu2"], refusal, 1)
    assert done.stages["root"].overrides == {TWINS.address("disk2"): VFIO}
