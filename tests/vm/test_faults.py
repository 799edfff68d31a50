# SPDX-License-Identifier: GPL-2.0-or-later
"""The binder on the sysfs of a running kernel, with a fault in every one of its system calls: as
tests/faults on trees, but here the driver links are the kernel's word."""

import errno
import subprocess
from dataclasses import dataclass

import pytest

from .images import SOURCE, File, install_product
from .machine import TWINS, Function, Machine, Slot, card, disk
from .nights import by_night
from .proof import VFIO
from .roots import BOOKWORM, TRIXIE
from .test_forced import FORCED

# As inject takes them; the lone one is for every day.
GROUPS = {words: [f"error:{getattr(errno, word)}" for word in words.split()] for words in (
    "EIO", "ENOENT EACCES EPERM", "ENOSPC EROFS ENOMEM", "EINTR EMFILE ENODEV",
    "EBUSY EINVAL ELOOP")}
GROUPS["death and loss"] = ["signal:9", "short:50", "lie:0"]


def single(name, model, driver):
    """A function alone in its slot."""
    return Slot((Function(name, model, driver),))


# Nobody has a driver for edu; virtio-pci has the others, and lets go of them in no time. Nothing is
# plugged in but what it takes: each function more has calls that all others have too.
MACHINE = Machine((card("gpu1"), disk("disk1"), disk("root"), single("edu1", "edu", None),
                   single("edu2", "edu", None), single("rng1", "virtio-rng-pci", None),
                   single("rng2", "virtio-rng-pci", None)))
AT = {name: MACHINE.address(name) for name in ("edu1", "edu2", "rng1", "rng2", "root")}


@dataclass(frozen=True)
class Scenario:
    """What the binder is at."""

    name: str
    policy: str
    chosen: tuple  # what it binds
    status: int
    init: bool = False  # as process 1, whose exit status is that of the next init

    def __str__(self):
        return self.name


TWO = "bind id=1234:11e8\nbind id=1af4:1044\nkeep {edu2}\nkeep {rng2}\n"
SCENARIOS = (
    Scenario("devices", TWO, ("edu1", "rng1"), 0),
    # Whatever fails, there is a next init; inject without arguments, which exits with 2, plays it.
    Scenario("init", TWO, ("edu1", "rng1"), 2, init=True),
    # Were the claim of its disk overlooked, this machine would lose its root.
    Scenario("root in use", "bind {root} id=1b36:0010 allow=host-storage\n", (), 1),
)

# attempt() runs the binder, sees who has what is chosen, and gives that back; strike() judges.
SCRIPT = """
cp /run/lab/inject /usr/local/bin/inject
modprobe -a vfio-pci virtio_pci
vfio-bind payload --kernel "$(uname -r)" /usr/local/payload 2>/dev/null
cp -r /usr/local/payload/usr/lib/vfio-bind/. /usr/lib/vfio-bind/
# Each load of what is there already has its signature checked: one is enough to fail.
plan=/usr/lib/vfio-bind/plan
{{ head -n 2 $plan; grep '^load vfio-pci.ko' $plan; }} >/run/plan
mv /run/plan $plan
mkfifo /run/in /run/out
chosen='{chosen}'
bus=/sys/bus/pci
is_bound() {{
	for device in $chosen; do
		read -r first <$bus/devices/$device/uevent
		[ "$first" = DRIVER=vfio-pci ] || return 1
	done
}}
give_back() {{
	for device in $chosen; do
		echo >$bus/devices/$device/driver_override
		read -r first <$bus/devices/$device/uevent
		[ "$first" != DRIVER=vfio-pci ] || echo "$device" >$bus/drivers/vfio-pci/unbind
		case $first in DRIVER=virtio-pci) ;; *) echo "$device" >$bus/drivers_probe ;; esac
	done
}}
attempt() {{
	echo "$*" >&3
	read -r status struck ms crash calls <&4
	bound=yes
	is_bound || bound=no
	give_back
}}
strike() {{
	attempt "$@"
	count=$((count + 1))
	case $status in
	0) [ {status} = 0 ] && [ $bound = yes ] || wrong="$wrong; exit 0: $*" ;;
	2) ;;
	1 | 3) [ {init} = False ] || wrong="$wrong; no next init: $*" ;;
	-9) [ "$3 $1" = "signal 1" ] || wrong="$wrong; killed: $*" ;;
	*) wrong="$wrong; exit $status: $*" ;;
	esac
	[ "$struck $crash" = "1 0" ] || wrong="$wrong; struck, crash: $struck $crash: $*"
	[ "$ms" -le 1000 ] || wrong="$wrong; $ms ms: $*" # by the injector's clock: one look
}}
printf '{policy}' >/etc/vfio-bind.conf
where=-
if [ {init} = True ]; then
	root=/usr/local/init where=@/usr/local/init
	mkdir -p $root/proc $root/sys $root/dev $root/run $root/etc $root/sbin $root/usr/lib
	cp -r /usr/lib/vfio-bind $root/usr/lib/vfio-bind
	cp /etc/vfio-bind.conf $root/etc/vfio-bind.conf
	for next in init.vfio-bind-next init sbin/init; do
		cp /usr/local/bin/inject $root/$next
	done
fi
/usr/local/bin/inject $where /usr/lib/vfio-bind/binder </run/in >/run/out &
exec 3>/run/in 4</run/out
attempt 0 0 none 0
facts before
value ms "$ms"
value status $status
value bound $bound
value loads "$(grep -c ^load $plan)"
value calls "$(echo $calls | wc -w)"
# Of the driver core's words those that name a driver and a device: thousands of lines as it is.
echo 'file drivers/base/dd.c -p; func really_probe +p' >/proc/dynamic_debug/control
mark sweep
count=0 wrong='' over=''
for call in $calls; do
	process=${{call%:*}}
	[ "$process$over" != 1over ] || continue
	eval "at$process=\\$((at$process + 1)) at=\\$at$process"
	[ "$call" != 1:39 ] || continue  # getpid() never fails, and tells process 1 what it is
	for fault in {faults}; do
		case $fault,$call in
		lie*:1 | short*:[01] | short*:17 | error* | signal*)
			strike "$process" "$at" "${{fault%:*}}" "${{fault#*:}}"
			;;
		esac
	done
	[ "$call" != 1:59 ] || over=over
done
mark 'sweep done'
facts after
value count $count
value wrong "$wrong"
"""
IN_INITRAMFS = "mkdir -p /run/lab\ncp /lab/inject /run/lab/inject\n"


def injector():
    """What tests/faults injects with."""
    build = install_product().parent / "inject"
    subprocess.run(["make", "-s", "-C", SOURCE, f"BUILD={build}", f"{build}/faults/inject"],
                   check=True)
    return File((build / "faults/inject").read_bytes(), 0o755)


@pytest.fixture(scope="module", name="release", ids=str, params=[
    TRIXIE, *by_night(BOOKWORM)])
def release_of_each_kernel(request):
    """Kernel 6.12; by night 6.1 too."""
    return request.param


def sweep(lab, scenario, faults):
    """One boot with all of these faults at every call; how many there were."""
    script = SCRIPT.format(chosen=" ".join(AT[name] for name in scenario.chosen),
                           policy=scenario.policy.format(**AT).replace("\n", "\\n"),
                           status=scenario.status, init=scenario.init, faults=" ".join(faults))
    boot = lab.boot("# nothing\n", machine=MACHINE, files={"lab/inject": injector()},
                    in_initramfs=IN_INITRAMFS, in_root=script)
    before, after = boot.stages["before"], boot.stages["after"]
    assert before.values["status"] == str(scenario.status), before
    assert (before.values["bound"], before.values["loads"]) == ("yes", "1"), before
    assert before.values["ms"] == "0", before  # nobody waits in vain
    assert after.values["wrong"] == ""
    everywhere = [fault for fault in faults if fault.startswith(("error", "signal"))]
    # The next init has some calls of its own, and getpid() is left out.
    assert int(after.values["count"]) >= (int(before.values["calls"]) - 9) * len(everywhere) > 200
    # All has been given back; and nothing but what was chosen ever got vfio-pci or an override.
    assert after.drivers == before.drivers and after.overrides == {}
    chosen = {AT[name] for name in scenario.chosen}
    swept = boot.probes(boot.between("sweep", "sweep done"))
    assert {at for at, drivers in swept.items() if VFIO in drivers} == chosen
    assert swept.keys() == chosen
    return int(after.values["count"])


@pytest.mark.nightly
@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("release, scenario", [
    *((TRIXIE, scenario) for scenario in SCENARIOS), (BOOKWORM, SCENARIOS[0])],
    ids=str, indirect=["release"], scope="module")
def test_every_fault_at_every_call(lab, scenario, group, record_property):
    """All of them, a few a boot."""
    record_property("injections", sweep(lab, scenario, GROUPS[group]))


# As in test_running.py: of the drive's two writes the second takes 64 KiB / 600 B/s.
SLOW = "throttling.bps-write=600"
BUSY = f"bind {TWINS.address('disk2')} id=1b36:0010\nbind {TWINS.address('disk3')} id=1b36:0010\n"


@pytest.mark.nightly
def test_unbind_that_hangs(lab, tmp_path):
    """A drive whose driver waits for it as we come costs no other device, and the machine boots."""
    drive = tmp_path / "drive"
    with open(drive, "wb") as file:
        file.truncate(16 << 20)
    address = TWINS.address("disk2")
    boot = lab.boot(BUSY, words="lab.force=busy nvme_core.io_timeout=255 "
                    "sysctl.kernel.hung_task_timeout_secs=0", image=lab.image(FORCED),
                    files={"lab/busy": File(address.encode())},
                    drives={"disk2": f"{drive},{SLOW}"})
    assert boot.said(3)[0] == f"{address} hung: unbind (/etc/vfio-bind.conf:1)", boot.said()
    stage, other = boot.stages["root"], TWINS.address("disk3")
    assert [row.split("\t")[-1] for row in stage.report[1:]] == ["hung: unbind", ""]
    # The next one, whose driver lets go, is bound, and no other was touched.
    assert stage.overrides == {address: VFIO, other: VFIO}
    assert stage.drivers == TWINS.host_drivers() | {address: None, other: VFIO}
