# SPDX-License-Identifier: GPL-2.0-or-later
"""The host program's apply and release on a running machine that bound nothing at its boot."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from .machine import TWINS, Function, Slot, disk
from .proof import VFIO

MACHINE = TWINS.with_slots(disk("mounted"), Slot((Function("usb", "qemu-xhci", "xhci_hcd"),)))
DRIVES = ("disk1", "disk2", "disk3")
AT = {name: MACHINE.address(name)
      for name in (*DRIVES, "gpu1", "gpu2", "mounted", "root", "usb")}
FREE = "bind {disk1} id=1b36:0010\nbind {usb}\n"
NAMED = "bind {mounted} id=1b36:0010 allow=host-storage\n"
BOUND = "bound", ""
USED = "refused", "holds the host's storage"


@dataclass(frozen=True)
class Step:
    """What is run, what it says, and who has which function then."""

    name: str
    command: str  # behind vfio-bind; {name} is that function's address
    status: int
    taken: tuple = ()  # what vfio-pci has afterwards
    probed: tuple = ()  # what the driver core let a driver at meanwhile
    policy: str | None = None  # None: that of the step before
    rows: dict | None = None  # of apply: result and detail of each function it was about
    said: str = ""  # on stderr
    first: str = ""  # shell, before that

    @property
    def script(self):
        """Shell that runs it and tells what came of it."""
        policy = "" if self.policy is None else \
            f"cat >/etc/vfio-bind.conf <<'END'\n{self.policy.format(**AT)}END\n"
        return f"""{policy}{self.first.format(**AT)}mark '{self.name}'
{self.command.format(**AT)} >/run/out 2>/run/err
status=$?
mark '{self.name} done'
facts '{self.name}'
value status $status
value said "$(tr '\\n' ' ' </run/err)"
lines output /run/out >$TOLD
"""


APPLY = "vfio-bind --json apply"
USB = ("usb",)
STEPS = (
    Step("usage", f"{APPLY} more", 2, policy=FREE, said="usage: "),
    Step("ordinary user", f"setpriv --reuid=1000 --clear-groups {APPLY}", 4, said="takes root"),
    Step("mistake", APPLY, 2, policy="bind nvme colour=red\nbind {usb}\n", said="expected "),
    Step("nothing", APPLY, 6, policy="# nothing\n", said="there is no rule"),
    Step("free", APPLY, 0, ("disk1", "usb"), ("disk1", "usb"), FREE,
         {"disk1": BOUND, "usb": BOUND}),
    Step("free again", APPLY, 0, ("disk1", "usb"), rows={"disk1": BOUND, "usb": BOUND}),
    Step("drive back", "vfio-bind release {disk1}", 0, USB, ("disk1",), said="still chooses it"),
    Step("usb back", "vfio-bind release {usb}", 0, (), USB),
    Step("usb back again", "vfio-bind release {usb}", 0),
    Step("absent", "vfio-bind release 0000:7f:00.0", 3, said="there is no such device"),
    # As an ids= would have done, which takes twins that a rule keeps.
    Step("taken by its kind", APPLY, 0, (), ("disk3",), "keep {disk3}\n",
         {"disk3": ("given-back", "")}, "given back to the host",
         "echo {disk3} >/sys/bus/pci/drivers/nvme/unbind\n"
         "echo 1b36 0010 >/sys/bus/pci/drivers/vfio-pci/new_id\n"),
    # A broad rule takes what is free, and neither the root's drive nor the other one in use.
    Step("all drives", APPLY, 5, DRIVES, DRIVES, "bind nvme\n",
         {**dict.fromkeys(DRIVES, BOUND), "root": USED, "mounted": USED}),
    # The person insists; what is open is refused all the same.
    Step("in use", APPLY, 5, DRIVES, (), NAMED, {"mounted": ("refused", "a disk on it is in use")}),
    Step("node", "vfio-bind release $node", 0, DRIVES),
    Step("picture", APPLY, 5, DRIVES, (), "bind {gpu1} allow=bound-display\n",
         {"gpu1": ("refused", "is the boot display")}),
    Step("display", APPLY, 5, DRIVES, (), "bind {gpu2}\n",
         {"gpu2": ("refused", "a display driver already holds it")}),
    Step("display allowed", APPLY, 0, (*DRIVES, "gpu2"), ("gpu2",),
         "bind {gpu2} allow=bound-display\n", {"gpu2": BOUND}),
    Step("display back", "vfio-bind release {gpu2}", 0, DRIVES, ("gpu2",)),
)
BEFORE = f"""
node=/dev/$(basename /sys/bus/pci/devices/{AT['mounted']}/nvme/nvme*/nvme*n1)
mount "$node" /mnt && cp /mnt/before /mnt/while
"""
AFTER = """
echo 3 >/proc/sys/vm/drop_caches
facts after
value unchanged "$(cmp /mnt/before /mnt/while && echo yes)"
umount /mnt
value unmounted $?
"""


@dataclass
class Ran:
    """The one boot, and the drive that was mounted in it."""

    boot: object
    drive: Path
    content: bytes


@pytest.fixture(name="ran", scope="module")
def run_all(lab, tmp_path_factory):
    """All steps in one boot; a policy without a rule keeps the binder from doing anything."""
    folder = tmp_path_factory.mktemp("mounted")
    content = bytes(range(256)) * 1024
    (folder / "tree").mkdir()
    (folder / "tree/before").write_bytes(content)
    drive = folder / "drive"
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", folder / "tree", drive, "16M"], check=True)
    script = BEFORE + "".join(step.script for step in STEPS) + AFTER
    boot = lab.boot("# nothing\n", machine=MACHINE, in_root=script, drives={"mounted": drive})
    return Ran(boot, drive, content)


def drivers(taken):
    """The expected driver link of every function."""
    return MACHINE.host_drivers() | {AT[name]: VFIO for name in taken}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_step(ran, step):
    """Exit status, every function's driver link, and what the driver core did meanwhile."""
    stage = ran.boot.stages[step.name]
    assert stage.values["status"] == str(step.status), stage
    assert stage.drivers == drivers(step.taken)
    assert stage.overrides == {AT[name]: VFIO for name in step.taken}
    log = ran.boot.between(step.name, f"{step.name} done")
    assert ran.boot.probes(log) == {AT[name]: [stage.drivers[AT[name]]] for name in step.probed}
    assert step.said in stage.values["said"]
    if step.rows is not None:
        rows = json.loads("\n".join(stage.output))["devices"]
        assert {row["address"]: (row["result"], row["detail"]) for row in rows} \
            == {AT[name]: row for name, row in step.rows.items()}


def test_before(ran):
    """What the rest is worth: all was the host's, and each function the host's from its boot."""
    assert ran.boot.stages["root"].drivers == drivers(())
    assert ran.boot.stages["root"].overrides == {}
    assert VFIO not in {name for found in ran.boot.probes(ran.boot.between(None, "usage")).values()
                        for name in found}


def test_mounted_drive_is_intact(ran):
    """The drive stayed mounted, took what was written meanwhile, and is clean on its own."""
    values = ran.boot.stages["after"].values
    assert (values["unchanged"], values["unmounted"]) == ("yes", "0")
    assert AT["mounted"] not in ran.boot.probes(ran.boot.between("usage", "display back done"))
    subprocess.run(["e2fsck", "-fn", ran.drive], check=True, stdout=subprocess.DEVNULL)
    for name in ("before", "while"):
        read = subprocess.run(["debugfs", "-R", f"cat /{name}", ran.drive], check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert read.stdout == ran.content


# Of the drive's two writes the first goes through at once, the second after 64 KiB / 600 B/s. The
# kernel waits for it however long it takes. In the meantime only links are read here: the
# attributes of a device may take its lock, which the unbind holds.
SLOW = "throttling.bps-write=600"
HUNG = """
links() {{
	echo "stage $1"
	for device in /sys/bus/pci/devices/*; do
		driver=$(readlink "$device/driver")
		echo "driver ${{device##*/}} $(basename "${{driver:--}}")"
	done
}}
run() {{
	vfio-bind --json apply >/run/out 2>/run/err
	status=$?
	links "$1" >$TOLD
	value status $status
	value said "$(tr '\\n' ' ' </run/err)"
	lines output /run/out >$TOLD
}}
modprobe vfio-pci  # it may take longer than the time limit, which is not for that
node=/dev/$(basename /sys/bus/pci/devices/{disk2}/nvme/nvme*/nvme*n1)
printf 'bind {disk2},{disk3} id=1b36:0010\\n' >/etc/vfio-bind.conf
echo 0 >/proc/sys/kernel/hung_task_timeout_secs
dd if=/dev/zero of=$node bs=64k count=2 oflag=direct 2>/dev/null &
sleep 2
run hung
run meanwhile
wait
while grep -q DRIVER=nvme /sys/bus/pci/devices/{disk2}/uevent; do sleep 1; done
run again
"""


@pytest.mark.nightly
def test_unbind_that_hangs(lab, tmp_path):
    """It costs its own drive and not the next one. The program ends while the drive is still being
    waited for, and says how things are; later it takes that drive too."""
    drive = tmp_path / "drive"
    with open(drive, "wb") as file:
        file.truncate(16 << 20)
    boot = lab.boot("# nothing\n", words="nvme_core.io_timeout=255", in_root=HUNG.format(**AT),
                    drives={"disk2": f"{drive},{SLOW}"})
    host = TWINS.host_drivers()
    hung, meanwhile, again = (boot.stages[name] for name in ("hung", "meanwhile", "again"))
    row, other = json.loads("\n".join(hung.output))["devices"]
    assert hung.values["status"] == "1"
    assert (other["address"], other["result"]) == (AT["disk3"], "bound")
    assert f"{AT['disk2']}: hung at unbind; its driver link: none" in hung.values["said"]
    # linux/drivers/base/dd.c:__device_release_driver takes the link away before it waits.
    assert [row[key] for key in ("result", "detail", "driver")] == ["failed", "hung: unbind", ""]
    assert hung.drivers == meanwhile.drivers == host | {AT["disk2"]: None, AT["disk3"]: VFIO}
    prove_meanwhile(meanwhile, lab.release)
    rows = json.loads("\n".join(again.output))["devices"]
    assert (again.values["status"], [row["result"] for row in rows]) == ("0", ["bound"] * 2)
    assert again.drivers == host | {AT["disk2"]: VFIO, AT["disk3"]: VFIO}


def prove_meanwhile(stage, release):
    """A second run ends meanwhile, too. Linux 6.1 lets nobody read uevent while the lock is held."""
    if str(release).startswith("bookworm"):
        assert (stage.values["status"], stage.output) == ("1", [])
        assert "could not be read within 30 s" in stage.values["said"]
        return
    row, _ = json.loads("\n".join(stage.output))["devices"]
    assert (stage.values["status"], row["result"], row["detail"]) == \
        ("5", "refused", "a disk on it is in use")


# kmod runs this in place of loading vfio-pci, which is after the look at the machine: two get
# their drivers, of which one is mounted, and a third loses its own.
RACE = """
echo {disk1} >/sys/bus/pci/drivers/nvme/unbind
echo {gpu2_usb} >/sys/bus/pci/drivers/xhci_hcd/unbind
cat >/run/race <<'END'
echo {gpu2_usb} >/sys/bus/pci/drivers_probe
echo {disk1} >/sys/bus/pci/drivers_probe
echo {disk3} >/sys/bus/pci/drivers/nvme/unbind
udevadm settle 2>/dev/null || sleep 5
mount /dev/$(basename /sys/bus/pci/devices/{disk1}/nvme/nvme*/nvme*n1) /mnt
exec modprobe --ignore-install vfio-pci
END
echo 'install vfio-pci /bin/sh /run/race' >/etc/modprobe.d/race.conf
printf 'bind {disk1},{disk3} id=1b36:0010\\nbind {gpu2_usb}\\n' >/etc/vfio-bind.conf
vfio-bind --json apply >/run/out
status=$?
facts raced
value status $status
lines output /run/out >$TOLD
umount /mnt
"""


def test_drivers_that_come_and_go_meanwhile(lab, tmp_path):
    """What came since the look is judged once more; what has gone since then is no failure."""
    drive = tmp_path / "drive"
    subprocess.run(["mke2fs", "-q", "-t", "ext4", drive, "16M"], check=True)
    at = {**AT, "gpu2_usb": TWINS.address("gpu2_usb")}
    boot = lab.boot("# nothing\n", in_root=RACE.format(**at), drives={"disk1": drive})
    raced = boot.stages["raced"]
    taken = {at["disk3"]: VFIO, at["gpu2_usb"]: VFIO}
    assert raced.drivers == TWINS.host_drivers() | taken and raced.overrides == taken
    rows = json.loads("\n".join(raced.output))["devices"]
    assert raced.values["status"] == "5"
    assert {row["address"]: (row["result"], row["detail"]) for row in rows} == {
        at["disk1"]: ("refused", "a disk on it is in use"), at["disk3"]: BOUND,
        at["gpu2_usb"]: BOUND}
