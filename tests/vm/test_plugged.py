# SPDX-License-Identifier: GPL-2.0-or-later
"""PCIe hot plug: twins that are plugged in and pulled out while the machine runs, with their own
driver loaded and not, and switches that go with what is behind them."""

import subprocess
from dataclasses import replace

import pytest

from .machine import TWINS, Function, Slot, disk, nic
from .proof import VFIO
from .slots import GUEST, emptied, served

pytestmark = pytest.mark.nightly

NVME, E1000E = "1b36:0010", "8086:10d3"
# QEMU's drives have no serial number of PCI Express; its network cards do. moved is nic1 in another
# slot. No two at once.
LATER = (nic("nic1", 1), nic("nic2", 2), nic("moved", 1), disk("drive1"), disk("drive2"),
         disk("drive3"), disk("drive4"))
# As a Thunderbolt box: a card of a kind of its own, so that no driver is loaded for it, and a twin.
BOXES = (Slot((Function("card", "vmxnet3", "vmxnet3"),), switches=1),
         replace(disk("boxed"), switches=1))
MACHINE = TWINS.with_slots(*BOXES, *LATER)
FIRST = emptied(MACHINE, LATER)
PLUGGED = [function.name for slot in LATER for function in slot.functions]
AT = {name: MACHINE.address(name) for name in ("card", "boxed", "disk1", "root", *PLUGGED)}


def switch(name):
    """The addresses of both ends of the switch that a function is behind."""
    _, bus, _ = MACHINE.find(name)
    return [f"0000:{bus - 2:02x}:00.0", f"0000:{bus - 1:02x}:00.0"]


def rules(machine, *names):
    """Each names its drive by its place."""
    return "".join(f"bind nvme path={machine.path(name)} id={NVME}\n" for name in names)


BY_DSN = f"bind network dsn=52-54-00-ff-ff-00-00-01 id={E1000E}\n"
BY_ID = f"bind nvme id={NVME}\n"
POLICY = f"""\
bind network path={MACHINE.path('card')}
{BY_DSN}{rules(MACHINE, 'boxed', 'drive1', 'drive3')}"""
# What a rule has chosen by the time it comes, but the one that is in use by then.
CHOSEN = ("card", "boxed", "nic1", "moved", "drive1", "drive4")
SCRIPT = f"""{GUEST}
status() {{
	vfio-bind status >/run/status 2>&1
	value status $?
	lines output /run/status >"$TOLD"
}}
policy <<'END'
{POLICY}END
start_udev
facts before
mark boxes
echo 1 >/sys/bus/pci/devices/{switch('card')[0]}/remove
echo 1 >/sys/bus/pci/devices/{switch('boxed')[0]}/remove
modprobe -r vmxnet3
facts removed
loaded vmxnet3
echo 1 >/sys/bus/pci/rescan
arrived {AT['card']} {AT['boxed']}
facts boxes
loaded e1000e
mark plugged
ask plug nic1 drive1 drive2
arrived {AT['nic1']} {AT['drive1']} {AT['drive2']}
facts plugged
mark twin
ask plug nic2
arrived {AT['nic2']}
facts twin
mark used
udevadm control --stop-exec-queue
ask plug drive3
until node=$(basename /sys/bus/pci/devices/{AT['drive3']}/nvme/nvme*/nvme*n1) &&
		[ -b "/dev/$node" ]; do
	sleep 0.1
done
mount "/dev/$node" /mnt
mounted=$?
udevadm control --start-exec-queue
arrived {AT['drive3']}
facts used
value node "$node"
value mounted $mounted
mark pulled
ask pull nic1 drive1
left {AT['nic1']} {AT['drive1']}
facts pulled
status
mark again
ask plug moved drive1
arrived {AT['moved']} {AT['drive1']}
facts again
status
mark id
policy <<'END'
{BY_ID}END
ask plug drive4
arrived {AT['drive4']}
facts id
mark end
ask end
"""
# What each stage has by then, of all that comes and goes.
HELD = {
    "before": {"card": VFIO, "boxed": VFIO},
    "removed": {},
    "boxes": {"card": VFIO, "boxed": VFIO},
}
HELD["plugged"] = HELD["boxes"] | {"nic1": VFIO, "drive1": VFIO, "drive2": "nvme"}
HELD["twin"] = HELD["plugged"] | {"nic2": "e1000e"}
HELD["used"] = HELD["twin"] | {"drive3": "nvme"}
HELD["pulled"] = {name: driver for name, driver in HELD["used"].items()
                  if name not in ("nic1", "drive1")}
HELD["again"] = HELD["pulled"] | {"moved": VFIO, "drive1": VFIO}
HELD["id"] = HELD["again"] | {"drive4": VFIO}


@pytest.fixture(name="boot", scope="module")
def boot_once(lab, tmp_path_factory):
    """All of it in one boot."""
    drive = tmp_path_factory.mktemp("plugged") / "drive"
    subprocess.run(["mke2fs", "-q", "-t", "ext4", drive, "16M"], check=True)
    return lab.boot(POLICY, machine=FIRST, in_root=SCRIPT,
                    start=served(MACHINE, {"drive3": drive}))


@pytest.mark.parametrize("stage", HELD)
def test_who_has_what(boot, stage):
    """The driver link of every function: of all that neither comes nor goes it is as ever. The
    chipset's depend on how much of udev was run."""
    gone = (*switch("card"), *switch("boxed")) if stage == "removed" else ()
    wanted = {address: driver for address, driver in FIRST.host_drivers().items()
              if address not in (AT["card"], AT["boxed"], *gone)}
    wanted |= {AT[name]: driver for name, driver in HELD[stage].items()}
    assert without_chipset(boot.stages[stage].drivers) == without_chipset(wanted)


def without_chipset(drivers):
    """But for the functions that the board itself has."""
    return {address: driver for address, driver in drivers.items()
            if not address.startswith("0000:00:1f")}


def test_only_the_chosen_meet_vfio_pci(boot):
    """From power-on to power-off."""
    met = {address for address, drivers in boot.probes().items() if VFIO in drivers}
    assert met == {AT[name] for name in CHOSEN}


def test_with_its_driver_not_loaded(boot):
    """No other driver ever sees the device, by its serial number or behind a switch. udev loads
    it all the same, later."""
    assert boot.stages["removed"].values["vmxnet3"] == ""
    assert set(boot.probes()[AT["card"]]) == {VFIO}
    assert boot.stages["boxes"].values["e1000e"] == ""
    assert boot.probes()[AT["nic1"]] == [VFIO]


@pytest.mark.parametrize("name, first, last", [
    ("boxed", "boxes", "plugged"), ("drive1", "plugged", "twin"), ("drive1", "again", "id"),
    ("moved", "again", "id"), ("drive4", "id", "end")])
def test_with_its_driver_loaded(boot, name, first, last):
    """That may have it first, and nothing else; then it is taken from it."""
    own = "e1000e" if name == "moved" else "nvme"
    assert boot.probes(boot.between(first, last))[AT[name]] in ([VFIO], [own, VFIO])


def test_twins_that_no_rule_chooses(boot):
    """As if we were not there."""
    probes = boot.probes()
    assert (probes[AT["drive2"]], probes[AT["nic2"]]) == (["nvme"], ["e1000e"])


def test_a_drive_in_use_by_then(boot):
    """Its driver was first, and somebody mounted it: it stays with the host."""
    stage = boot.stages["used"]
    assert stage.values["mounted"] == "0"
    assert boot.probes()[AT["drive3"]] == ["nvme"]
    assert late_rows(stage)[AT["drive3"]] == ["refuse", "in-use", f"late; {stage.values['node']}"]


def test_pulled_out(boot):
    """It is no error that what was bound has gone."""
    assert boot.said(log=boot.between("pulled", "again")) == []
    stage = boot.stages["pulled"]
    assert stage.report == boot.stages["used"].report
    # As configured; the image on this disk is another one.
    assert stage.values["status"] == "10"
    assert not [line for line in stage.output if line.startswith((AT["nic1"], AT["drive1"]))]


def test_told(boot):
    """One line each, as late."""
    rows = late_rows(boot.stages["id"])
    assert {address for address, row in rows.items() if row == ["bind", "rule", "late"]} == {
        AT[name] for name in CHOSEN}
    assert set(rows) == {AT[name] for name in (*CHOSEN, "drive3")}


def late_rows(stage):
    """Verdict, reason and detail of what came late, by address; the last line of each."""
    rows = [line.split("\t") for line in stage.report if not line.startswith("#")]
    return {row[0]: [row[1], row[2], row[6]] for row in rows if row[6].startswith("late")}


# Then udev is not told of all that is there already.
UNTOLD = "/usr/lib/systemd/systemd-udevd --daemon"
# Keeps late passes from what they do, until it is told to let go.
HOLD = """
perl -MFcntl -e '
open($lock, "+<", "/run/vfio-bind/lock") or die;
$all = pack("s s x4 q q l x4", F_WRLCK, 0, 0, 0, 0);
fcntl($lock, F_SETLKW, $all) or die;
open($held, ">", "/run/held") or die;
sleep 1 until -e "/run/let-go"' &
until [ -e /run/held ]; do sleep 0.1; done
"""
MISSED = f"""{GUEST}
policy <<'END'
{rules(MACHINE, 'drive1')}END
{UNTOLD}
start_udev
{HOLD}
mark late
ask plug drive1
until dmesg | grep -q 'not looked at'; do sleep 0.1; done
touch /run/let-go
until [ "$(grep -c "add .*/{AT['drive1']} (pci)" /run/monitor)" = 2 ]; do sleep 0.1; done
udevadm settle
facts late
mark end
ask end
"""


def test_out_of_time(lab):
    """Its pass is kept from it for ten seconds of the guest's, so its own driver has it. udev is told
    of it once more."""
    boot = lab.boot(rules(MACHINE, "drive1"), machine=FIRST, in_root=MISSED, start=served(MACHINE))
    log = boot.between("late", "end")
    assert boot.said(log=log)[0] == f"{AT['drive1']} not looked at: another late pass has not ended"
    assert boot.probes(log)[AT["drive1"]] == ["nvme", VFIO]
    assert boot.stages["late"].drivers[AT["drive1"]] == VFIO
    assert late_rows(boot.stages["late"])[AT["drive1"]] == ["bind", "rule", "late"]
