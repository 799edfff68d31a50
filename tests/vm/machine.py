# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine as data: what is plugged in where, what QEMU is told, and who should hold what."""

from dataclasses import dataclass, field, replace
from typing import Callable

from .emulator import own

FIRST_PORT = 3  # device number of the first root port on bus 0
IOMMU = "intel-iommu,intremap=on,caching-mode=on"
# UEFI in place of SeaBIOS. It makes every screen it can drive show a picture, and leaves the
# kernel a framebuffer in the first of them. What it would remember is forgotten.
OVMF = ("if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd",
        "if=pflash,unit=1,format=raw,snapshot=on,file=/usr/share/OVMF/OVMF_VARS_4M.fd")


@dataclass(frozen=True)
class Function:
    """One PCI function: a QEMU model, and the host's own driver for it."""

    name: str
    model: str
    driver: str | None
    options: str = ""
    below: str = ""  # a device on the bus this one brings
    vfs: int = 0  # an NVMe drive: virtual functions that it can have
    way_to: str = ""  # an NVMe drive that has several such controllers; the last one makes it


@dataclass(frozen=True)
class Slot:
    """What is plugged into one root port, function 0 first; reserve: bus numbers kept free."""

    functions: tuple
    reserve: int = 0
    switches: int = 0  # between the port and it, one behind the other: two bridges each


# What every q35 has on bus 0: address, its driver in the initramfs, its driver once all is up.
CHIPSET = (
    ("0000:00:00.0", None, None),
    ("0000:00:1f.0", None, "lpc_ich"),
    ("0000:00:1f.2", None, "ahci"),
    ("0000:00:1f.3", None, "i801_smbus"),
)


@dataclass(frozen=True)
class Machine:
    """Slots behind root ports 03.0, 04.0, ... of a q35."""

    slots: tuple
    iommu: str | None = IOMMU
    memory: int = 1024
    firmware: tuple = ()  # flash drives; none: SeaBIOS
    gone: tuple = ()  # functions that are plugged in, and taken out in the guest
    # The words of the command that runs it. What was built on a machine is no other by that.
    emulator: Callable = field(default=own, repr=False)

    def places(self):
        """Each slot with its root port's device number and the bus it is on."""
        bus = 1
        for port, slot in enumerate(self.slots, FIRST_PORT):
            bus += 2 * slot.switches
            yield port, bus, slot
            bus += 1 + slot.reserve

    def find(self, name):
        """Port, bus and function number of the function of that name."""
        for port, bus, slot in self.places():
            for number, function in enumerate(slot.functions):
                if function.name == name:
                    return port, bus, number
        raise KeyError(name)

    def address(self, name):
        """Its address, as the kernel will number it."""
        _, bus, number = self.find(name)
        return f"0000:{bus:02x}:00.{number}"

    def addresses(self, *names):
        """The addresses of several functions."""
        return [self.address(name) for name in names]

    def path(self, name):
        """Its hop path, as a policy writes it."""
        port, bus, number = self.find(name)
        switches = next(slot.switches for _, at, slot in self.places() if at == bus)
        return f"0000:00/{port:02x}.0/{2 * switches * '00.0/'}00.{number}"

    def host_drivers(self, all_up=False):
        """Who has each function if nobody interferes. all_up: after udev in the real root."""
        table = {address: late if all_up else early for address, early, late in CHIPSET}
        for port, bus, slot in self.places():
            table[f"0000:00:{port:02x}.0"] = "pcieport"
            for above in range(bus - 2 * slot.switches, bus):
                table[f"0000:{above:02x}:00.0"] = "pcieport"
            for number, function in enumerate(slot.functions):
                if function.name not in self.gone:
                    table[f"0000:{bus:02x}:00.{number}"] = function.driver
        return table

    def with_slots(self, *more):
        """The same machine with more plugged in behind the rest: no address changes."""
        return replace(self, slots=self.slots + more)

    def taken_out(self, *names):
        """The same machine without those functions, once the guest has taken them out."""
        return replace(self, gone=names)

    def with_reserve(self, name, buses):
        """The same machine, but bus numbers kept free behind the port of that function."""
        _, bus, _ = self.find(name)
        slots = tuple(replace(slot, reserve=buses) if at == bus else slot
                      for _, at, slot in self.places())
        return replace(self, slots=slots)

    def options(self, drives=("root",)):
        """QEMU's options for all of it, but for the drives named: those of whoever calls."""
        options = ["-M", "q35,kernel-irqchip=split", "-m", str(self.memory), "-vga", "none",
                   "-nic", "none", *(word for drive in self.firmware for word in ("-drive", drive))]
        if self.iommu:
            options += ["-device", self.iommu]
        shared = self.shared_drives()
        for drive in shared:
            options += ["-device", f"nvme-subsys,id={drive}"]
        for port, _, slot in self.places():
            reserve = f",bus-reserve={slot.reserve}" if slot.reserve else ""
            options += ["-device", f"pcie-root-port,id=port{port},chassis={port},slot={port},"
                                   f"addr={port:02x}.0{reserve}"]
            for number in range(slot.switches):
                options += ["-device", f"x3130-upstream,id=up{port}-{number},"
                                       f"bus={last_port(port, number)}",
                            "-device", f"xio3130-downstream,id={last_port(port, number + 1)},"
                                       f"bus=up{port}-{number},chassis={16 * port + number}"]
        # Where it is plugged in does not follow from this order; QEMU wants qxl-vga before VGA.
        for port, _, slot in sorted(self.places(), key=has_no_qxl):
            for number, function in enumerate(slot.functions):
                options += function_options(function, last_port(port, slot.switches), number, drives)
        for drive, controller in shared.items():
            options += ["-device", f"nvme-ns,drive=drive-{drive},bus={controller},shared=on,nsid=1"]
        return options

    def shared_drives(self):
        """NVMe drives with several controllers, each with the last of those."""
        return {function.way_to: function.name for _, _, slot in self.places()
                for function in slot.functions if function.way_to}


def has_no_qxl(place):
    """To sort by."""
    return not any(function.model == "qxl-vga" for function in place[2].functions)


def last_port(port, switches):
    """QEMU's name of the root port, or of the port of the last switch behind it."""
    return f"port{port}-{switches}" if switches else f"port{port}"


def function_options(function, port, number, drives):
    """QEMU's options for one function. The drive of an NVMe has the function's name."""
    device = f"{function.model},id={function.name},bus={port},addr=00.{number}"
    if number == 0:
        device += ",multifunction=on"
    if function.options:
        device += "," + function.options
    if function.below:
        return ["-device", device, "-device", f"{function.below},bus={function.name}.0"]
    if function.way_to:
        return ["-device", f"{device},serial={function.way_to},subsys={function.way_to}"]
    if function.model == "igb":
        network = f"net-{function.name}"
        return ["-netdev", f"user,id={network}", "-device", f"{device},netdev={network}"]
    if function.model != "nvme":
        return ["-device", device]
    if function.vfs:
        return ["-device", f"nvme-subsys,id={function.name}-subsys", "-device",
                f"{device},serial={function.name},subsys={function.name}-subsys,"
                f"sriov_max_vfs={function.vfs},sriov_vq_flexible={2 * function.vfs},"
                f"sriov_vi_flexible={function.vfs},max_ioqpairs={2 * function.vfs + 6},"
                f"msix_qsize={function.vfs + 13}"]
    drive = []
    if function.name not in drives:  # nothing is ever read from the others
        drive = ["-drive", f"if=none,id=drive-{function.name},file=null-co://,file.size=16M,"
                           "file.read-zeroes=on,format=raw"]
    return [*drive, "-device", f"{device},serial={function.name},drive=drive-{function.name}"]


def card(name, *others):
    """One of two identical graphics cards, and what shares its slot: pairs of name and model."""
    models = {"intel-hda": "snd_hda_intel", "qemu-xhci": "xhci_hcd"}
    rest = (Function(other, model, models[model]) for other, model in others)
    return Slot((Function(name, "VGA", "bochs-drm"), *rest))


def disk(name):
    """One of the identical NVMe drives."""
    return Slot((Function(name, "nvme", "nvme"),))


def nic(name, last):
    """One of two identical network cards with a serial number each, 52-54-00-ff-ff-00-00-last."""
    options = f"mac=52:54:00:00:00:{last:02x},romfile="
    return Slot((Function(name, "e1000e", "e1000e", options),))


# A card whose maker put a USB function beside the screen; the sound is another's.
QXL = Slot((Function("qxl", "qxl-vga", "qxl"),
            Function("qxl_audio", "intel-hda", "snd_hda_intel"),
            Function("qxl_usb", "qemu-xhci", "xhci_hcd")))
# What most boots show. The root stands between the twins: by count and by address it is one.
TWINS = Machine((
    card("gpu1", ("gpu1_audio", "intel-hda")),
    card("gpu2", ("gpu2_audio", "intel-hda"), ("gpu2_usb", "qemu-xhci")),
    disk("disk1"),
    disk("disk2"),
    disk("root"),
    disk("disk3"),
))
GPU2 = ("gpu2", "gpu2_audio", "gpu2_usb")
