# SPDX-License-Identifier: GPL-2.0-or-later
"""Thousands of policies that must not bind anything, in machines that must boot all the same."""

from dataclasses import dataclass, replace

import pytest

from bench.machine import Crowd

from .busybox import busybox_image
from .hostile import REAL, guarded, in_shell, is_mistaken, mistakes
from .images import GUEST, POLICY, File
from .machine import GPU2, TWINS
from .proof import VFIO, prove, prove_links
from .roots import TRIXIE, TRIXIE_DRACUT
from .test_busybox import PAYLOAD, PROCESS_1
from .test_dracut import RULES_ONLY

DRIVES = ("disk1", "disk2", "disk3")
GOOD = REAL[0].encode()
MANY = 160  # by day; six times that in each of the nights
# Before the first driver: /init reads what is in conf.d before it runs anything of init-top.
EARLY = """
. /usr/lib/lab/facts
. /lab/hostile
hostile early
/usr/lib/vfio-bind/binder --release all
: >/etc/vfio-bind.conf
"""
LATE = """
. /lab/hostile
hostile late
"""
PROTECT = "usr/lib/vfio-bind/protect"
PROTECTED = (f"vfio-bind-protect 1\nstorage path={TWINS.path('root')} id=1b36:0010\n"
             "storage path=0000:00/07.0 id=1b36:000c\n").encode()
EACH = 30  # of either generator, 60 in all
ROUNDS = 30
VANISH = f"""
{{
	while [ ! -e /run/still ]; do
		echo 1 >/sys/bus/pci/devices/{TWINS.address('disk2')}/remove
		echo 1 >/sys/bus/pci/rescan
	done
}} 2>/run/race &
echo "bind nvme path={','.join(map(TWINS.path, DRIVES))}" >/etc/vfio-bind.conf
echo "stage vanish" >$TOLD
round=0
while [ $round -lt {ROUNDS} ]; do
	/usr/lib/vfio-bind/binder
	status=$?
	echo "output round $status" >$TOLD
	lines output /run/vfio-bind/report >$TOLD
	/usr/lib/vfio-bind/binder --release all
	round=$((round + 1))
done
: >/run/still
wait
sleep 1 # the kernel looks for partitions
udevadm settle
/usr/lib/vfio-bind/binder
facts still
"""


@dataclass(frozen=True)
class Crowded(Crowd):
    """The same crowd, and who has each function of it: nobody."""

    def host_drivers(self, all_up=False):
        """Behind the slots, a port and a bridge for each bus of them."""
        table = super().host_drivers(all_up)
        for number in range(self.buses):
            bus = len(self.slots) + 1 + 2 * number
            table[f"0000:00:{len(self.slots) + 3 + number:02x}.0"] = "pcieport"
            table[f"0000:{bus:02x}:00.0"] = None
            table |= {f"0000:{bus + 1:02x}:{devfn >> 3:02x}.{devfn & 7}": None
                      for devfn in range(8, 256)}
        return table


CROWDED = Crowded(TWINS.slots)


def alone(release):
    """What one boot each is for, of that release: others than all tried together."""
    rules = guarded()
    return [*mistakes(EACH * 4 // 5, str(release)), *rules[::len(rules) * 5 // EACH]][:EACH]


def one_after_another(texts):
    """The file of a stage."""
    return File(b"".join(b"try %b\n" % in_shell(text) for text in texts))


@pytest.fixture(name="release", scope="session", params=[TRIXIE], ids=str)
def one_release(request):
    """The binder is the same in all; what calls it is not, so one test has two."""
    return request.param


@pytest.fixture(name="policies", scope="module", params=[
    "by day", *(pytest.param(f"night {number}", marks=pytest.mark.nightly)
                for number in (1, 2, 3))])
def all_policies(request):
    """What each stage tries, and the exit status that each shall end with; others by night."""
    many = MANY if request.param == "by day" else 6 * MANY
    bad, refused = mistakes(many, request.param), guarded()
    stages = {"early": (bad[::2], refused[::2]), "late": (bad[1::2], refused[1::2])}
    return {name: [(text, "2") for text in first] + [(text, "1") for text in second]
            for name, (first, second) in stages.items()}


@pytest.fixture(name="boot", scope="module")
def boot_hostile(lab, policies):
    """One boot: half of them before the first driver, the others when each device has its own."""
    files = {"conf/conf.d/lab": File(EARLY.encode()),
             "lab/hostile": File((GUEST / "hostile/lab/hostile").read_bytes())}
    for stage, tried in policies.items():
        files[f"lab/{stage}"] = one_after_another([*(text for text, _ in tried), GOOD])
    return lab.boot(files=files, in_initramfs=LATE)


@pytest.mark.parametrize("stage", ["early", "late"])
def test_nothing_changes(boot, policies, stage, record_property):
    """No link and no override, whatever the text; and the exit status says why."""
    found = boot.stages[stage].output
    expected = [f"{status} same" for _, status in policies[stage]]
    wrong = [(policy, line) for policy, line in zip(policies[stage], found)
             if line != f"{policy[1]} same"]
    assert wrong == []
    # What that is worth: the good one behind them takes what it says, there and then.
    assert found == [*expected, "1 changed"]
    record_property("policies", len(expected))


def test_the_machine_is_as_ever(boot):
    """After the first half all is the host's. After the second the good policy has what it may."""
    prove_links(boot, TWINS, (), "initramfs")
    assert boot.stages["initramfs"].overrides == {}
    prove_links(boot, TWINS, DRIVES, "root")
    assert boot.stages["root"].overrides == dict.fromkeys(TWINS.addresses(*DRIVES), VFIO)


@pytest.mark.nightly
@pytest.mark.parametrize("number", range(EACH))
@pytest.mark.parametrize("release", [TRIXIE, TRIXIE_DRACUT], indirect=True, ids=str)
def test_one_policy_alone(lab, number):
    """Through the real hooks: the root is reached, all is the host's, and a line says why."""
    text = alone(lab.release)[number]
    image = lab.host_image if lab.release is TRIXIE else lab.image(RULES_ONLY)
    boot = lab.boot(files={POLICY: File(text), PROTECT: File(PROTECTED)}, image=image)
    prove(boot, TWINS)
    assert boot.stages["root"].overrides == {}
    assert ("# the policy is in error" in boot.stages["root"].notes()) == is_mistaken(text)
    assert boot.said(level=3), text


def test_small_machine(lab):
    """128 MiB, which is less than Debian's kernel takes to unpack Debian's own image."""
    boot = lab.boot(machine=replace(TWINS, memory=128), image=busybox_image(lab, PAYLOAD),
                    files={POLICY: File(GOOD), PROTECT: File(PROTECTED)}, words=PROCESS_1)
    prove(boot, TWINS, taken=(*GPU2, *DRIVES))


@pytest.mark.nightly
def test_five_hundred_functions(lab, record_property):
    """The chosen ones among them, and no other."""
    boot = lab.boot(REAL[0], machine=CROWDED)
    prove(boot, CROWDED, taken=(*GPU2, *DRIVES))
    record_property("functions", len(boot.stages["root"].drivers))
    assert len(boot.stages["root"].drivers) >= 512


@pytest.mark.nightly
def test_drive_that_vanishes(lab, record_property):
    """Taken out and put back without end: each run of the binder comes to its end, and says so."""
    boot = lab.boot("# nothing\n", in_initramfs=VANISH)
    told = boot.stages["vanish"].output
    statuses = [line.split()[1] for line in told if line.startswith("round ")]
    assert len(statuses) == ROUNDS and set(statuses) <= {"0", "1"}, told
    failed = [line for line in told if line.startswith(TWINS.address("disk2")) and "fail" in line]
    record_property("vanished meanwhile", len(failed))
    assert failed, "it was never gone when it was to be written to"
    prove_links(boot, TWINS, DRIVES, "still")
    prove_links(boot, TWINS, DRIVES, "root")
