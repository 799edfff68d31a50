# SPDX-License-Identifier: GPL-2.0-or-later
"""Somebody at a machine's slots, who plugs cards in and pulls them out when its own script asks."""

from dataclasses import replace

from .keyboard import Monitor, attended
from .machine import Slot, function_options, last_port

# Who in the kernel sees to the slots: as on most boards, or as QEMU has it by itself.
PCIEHP = ("-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off")
ACPIPHP = ()
ASKED = r"lab-asks: (plug|pull|end)([ \w]*)\r?\n"
TYPED = {"-drive": "drive_add 0 ", "-device": "device_add "}
# Shell for the machine's script. udev has told of a device once all it runs for it has ended.
GUEST = """
policy() {
	cat >/etc/vfio-bind.conf
}
# udev, where systemd has not started it, and what it tells.
start_udev() {
	udevadm control --ping 2>/dev/null || {
		/usr/lib/systemd/systemd-udevd --daemon
		udevadm trigger --action=add --subsystem-match=pci
	}
	udevadm settle
	udevadm monitor --udev --subsystem-match=pci >>/run/monitor 2>&1 &
	until grep -q UDEV /run/monitor; do sleep 0.1; done
}
# loaded MODULE: to the stage that is open.
loaded() {
	value "$1" "$([ ! -d "/sys/module/$1" ] || echo loaded)"
}
# ask plug|pull NAME...: whoever reads the serial line.
ask() {
	echo "lab-asks: $*" >/dev/console
}
# arrived ADDRESS...: waits until udev is through with it.
arrived() {
	for address; do
		until grep -q "add .*/$address (pci)" /run/monitor; do sleep 0.1; done
	done
	udevadm settle
	: >/run/monitor
}
# left ADDRESS...: waits until the kernel knows it no more.
left() {
	for address; do
		while [ -e "/sys/bus/pci/devices/$address" ]; do sleep 0.1; done
	done
}
"""


def emptied(machine, slots):
    """The same machine, but with nothing in those of its slots."""
    return replace(machine, slots=tuple(Slot(()) if slot in slots else slot
                                        for slot in machine.slots))


def typed(machine, name, file=None):
    """What is typed to plug in that function; file: that its drive is."""
    port, _, number = machine.find(name)
    slot = next(slot for at, _, slot in machine.places() if at == port)
    words = function_options(slot.functions[number], last_port(port, slot.switches), number,
                             (name,) if file else ())
    if file:
        words = ["-drive", f"if=none,id=drive-{name},format=raw,file={file}", *words]
    return [TYPED[option] + value for option, value in zip(words[::2], words[1::2])]


def serve(monitor, machine, asked, files, turn):
    """Does what the script asked for."""
    if asked[1] == "pull":
        monitor.pull(*asked[2].split())
        return
    for name in asked[2].split():
        for line in typed(machine, name, files.get(name)):
            # What was behind one that was pulled out goes later than that.
            monitor.type(line.replace(f"drive-{name}", f"drive-{name}-{turn}"))


def served(machine, files=(), kind=PCIEHP):
    """Runs a machine with somebody at its slots. files: of the drives that have one."""
    files = dict(files)

    def person(console):
        asked = console.wait(ASKED)
        turn = 0
        with Monitor(console.folder) as monitor:
            while asked[1] != "end":
                turn += 1
                serve(monitor, machine, asked, files, turn)
                asked = console.wait(ASKED)

    return attended(person, "-no-reboot", *kind)
