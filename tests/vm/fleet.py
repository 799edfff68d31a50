# SPDX-License-Identifier: GPL-2.0-or-later
"""Twenty machines that one sealed image is booted on, each with a command line of its own, and what
vfio-pci is to have of it: by hand, one machine after the other."""

from dataclasses import dataclass, field, replace

from .machine import Function, Machine, Slot, card, disk, nic

NVME = "id=1b36:0010"
EMPTY = Slot(())
USB = Slot((Function("usb", "qemu-xhci", "xhci_hcd"),))
SOUND = Slot((Function("sound", "intel-hda", "snd_hda_intel"),))
ROOT = disk("root")
# The first card on the bus has the picture.
GPU1 = card("gpu1", ("gpu1_audio", "intel-hda"))
GPU2 = card("gpu2", ("gpu2_audio", "intel-hda"), ("gpu2_usb", "qemu-xhci"))
GPU3 = card("gpu3", ("gpu3_audio", "intel-hda"))
CARD2 = ("gpu2", "gpu2_audio", "gpu2_usb")
# One line for two machines: of three network cards it takes one, of two none.
SECOND_OF_THREE = '"rd.vfio-bind.rule=bind network id=8086:10d3 count=3 nth=2"'
ALL_BUT_THE_PICTURE = 'rd.vfio_bind.rule="bind display boot_display=0 with=functions"'


@dataclass(frozen=True)
class Host:
    """A machine of the fleet. In its words {at[NAME]} is an address and {path[NAME]} a hop path."""

    name: str
    slots: tuple
    words: str
    taken: dict = field(default_factory=dict)  # what vfio-pci gets: which of the words brings it
    others: dict = field(default_factory=dict)  # what else the report says: verdict, reason, rule
    said: str = ""  # of each line that "quiet" shows; "": there is none

    def __str__(self):
        return self.name

    @property
    def machine(self):
        """With no more memory than it takes."""
        return Machine(self.slots, memory=512)

    @property
    def cmdline(self):
        """The words as this machine's boot loader has them."""
        names = [function.name for slot in self.slots for function in slot.functions]
        machine = self.machine
        return self.words.format(at={name: machine.address(name) for name in names},
                                 path={name: machine.path(name) for name in names})

    def rows(self):
        """The report: address, verdict, reason where it is not that of a bind, and rule."""
        names = {function.name for slot in self.slots for function in slot.functions}
        bound = {(self.machine.address(name), "bind", f"cmdline:{number}")
                 for name, number in self.taken.items()}
        return bound | {(self.machine.address(name) if name in names else name, *text.split())
                        for name, text in self.others.items()}


def behind(slot, switches=1):
    """The same, with switches between it and its root port."""
    return replace(slot, switches=switches)


def by(number, *names):
    """All of them by one of the words."""
    return dict.fromkeys(names, number)


def unknown(*names):
    """Nobody told this image what the host lives on."""
    return dict.fromkeys(names, "refuse host-unknown cmdline:1")


CARDS = (
    Host("three-cards", (GPU1, ROOT, GPU2, behind(GPU3)), ALL_BUT_THE_PICTURE,
         by(1, *CARD2, "gpu3", "gpu3_audio")),
    Host("one-card", (ROOT, GPU1), ALL_BUT_THE_PICTURE, others={"-": "none absent cmdline:1"}),
    Host("the-picture-behind-switches", (behind(GPU1, 2), disk("disk1"), ROOT, GPU2),
         'rd.vfio_bind.rule="bind vga boot_vga=0 with=none"', by(1, "gpu2")),
    Host("a-veto-of-one-function", (GPU1, GPU2, ROOT),
         f"rd.vfio_bind.keep={{at[gpu2_usb]}} {ALL_BUT_THE_PICTURE}", by(2, "gpu2", "gpu2_audio"),
         {"gpu2_usb": "keep rule cmdline:1"}),
    Host("a-group", (GPU3, ROOT, GPU2), 'rd.vfio_bind.rule="bind {at[gpu2_audio]} with=group"',
         by(1, *CARD2)),
    Host("the-picture-on-purpose", (GPU1, ROOT, GPU2),
         'rd.vfio_bind.rule="bind path={path[gpu1]} id=1234:1111 allow=boot-display"',
         by(1, "gpu1")),
    Host("the-second-of-two-sounds", (GPU1, ROOT, EMPTY, SOUND),
         'rd.vfio_bind.rule="bind audio count=2 nth=2"', by(1, "sound")),
)
DRIVES = (
    Host("one-of-four-drives", (disk("disk1"), disk("disk2"), ROOT, disk("disk3")),
         f'rd.vfio_bind.rule="bind nvme path={{path[disk2]}} {NVME}"', by(1, "disk2")),
    Host("drives-behind-switches", (behind(disk("disk1")), ROOT, behind(disk("disk2"), 2), GPU1),
         f'"rd.vfio_bind.rule=bind nvme path={{path[disk2]}} {NVME}"', by(1, "disk2")),
    Host("drives-between-empty-slots", (EMPTY, disk("disk1"), EMPTY, ROOT, disk("disk2")),
         f'rd.vfio_bind.rule="bind {{at[disk2]}} {NVME}" rd.vfio_bind.bind={{at[disk1]}}+1b36:0010',
         {"disk2": 1, "disk1": 2}),
    Host("quotes-around-a-value", (ROOT, disk("disk1"), disk("disk2")),
         f'rd.vfio_bind.rule="bind nvme path="{{path[disk1]}}" {NVME}"', by(1, "disk1")),
    Host("every-drive", (ROOT, behind(disk("disk1")), disk("disk2")),
         'rd.vfio_bind.rule="bind nvme"', others=unknown("root", "disk1", "disk2"),
         said="refused: "),
    Host("an-address-that-shows-another", (GPU1, GPU2, disk("disk1"), ROOT),
         f'rd.vfio_bind.rule="bind {{at[gpu2]}} {NVME}" '
         f'rd.vfio_bind.rule="bind path={{path[disk1]}} {NVME}"', by(2, "disk1"),
         {"gpu2": "none moved cmdline:1"}),
)
NETWORK = (
    Host("the-second-of-three", (nic("nic1", 1), ROOT, nic("nic2", 2), nic("nic3", 3)),
         SECOND_OF_THREE, by(1, "nic2")),
    Host("of-two-none", (nic("nic1", 1), disk("disk1"), nic("nic2", 2), ROOT),
         f'{SECOND_OF_THREE} rd.vfio_bind.rule="bind {{at[disk1]}} {NVME}"', by(2, "disk1"),
         {"-": "none count cmdline:1"}, "cmdline:1 "),
    Host("a-serial-number", (nic("nic2", 2), ROOT, behind(nic("nic1", 1))),
         'rd.vfio_bind.rule="bind network dsn=52-54-00-ff-ff-00-00-01"', by(1, "nic1")),
    Host("all-but-one", (nic("nic1", 1), behind(nic("nic2", 2)), ROOT, nic("nic3", 3)),
         'rd.vfio_bind.rule="bind network" rd.vfio_bind.rule="keep path={path[nic2]}"',
         by(1, "nic1", "nic3"), {"nic2": "keep rule cmdline:2"}),
    Host("a-mistake", (nic("nic1", 1), ROOT),
         'rd.vfio_bind.rule="bind network" rd.vfio_bind.rule="bind nvme colour=red"',
         said="nothing bound: cmdline:2:30: expected "),
)
MIXED = (
    Host("some-of-all", (GPU1, behind(disk("disk1")), nic("nic1", 1), GPU2, ROOT, disk("disk2"),
                         behind(nic("nic2", 2), 2), USB, disk("disk3")),
         f'{ALL_BUT_THE_PICTURE} "rd.vfio_bind.rule=bind nvme path={{path[disk1]}} {NVME}" '
         'rd.vfio_bind.rule="bind network count=2 nth=2" '
         '"rd.vfio-bind.rule=bind {at[usb]} id=1b36:*"',
         by(1, *CARD2) | {"disk1": 2, "nic2": 3, "usb": 4}),
    Host("no-words", (GPU1, GPU2, disk("disk1"), ROOT, nic("nic1", 1), USB), ""),
)
FLEET = (*CARDS, *DRIVES, *NETWORK, *MIXED)
BY_DAY = ("of-two-none", "some-of-all")
