# SPDX-License-Identifier: GPL-2.0-or-later
"""What is to come of a policy on the machine of twins, cell by cell. By day one boot tries them all
in turn, before the first driver is loaded; by night each has a boot of its own."""

import random
from dataclasses import dataclass, field

from lib.manual import literals, section
from .images import File
from .machine import GPU2, QXL, TWINS, Function, Machine, Slot, nic

PAGE = "vfio-bind.conf.5"
NVME = "1b36:0010"
MACHINE = TWINS.with_slots(QXL, nic("nic1", 0x01), nic("nic2", 0x02))
WITH_USB = TWINS.with_slots(Slot((Function("usb", "qemu-xhci", "xhci_hcd"),)))
DRIVES = ("disk1", "disk2", "disk3")
PATHS = ",".join(MACHINE.path(name) for name in DRIVES)
AT = {name: MACHINE.address(name) for name in (*DRIVES, "root", "gpu1", "gpu2_usb")}
QXL_CARD = ("qxl", "qxl_audio", "qxl_usb")
CARDS = "bind display boot_display=0 with=functions\n"
GOOD = "bind display boot_display=0\nbind nvme\n"


@dataclass(frozen=True)
class Cell:
    """A policy, and what is to come of it. What is None is not looked at."""

    name: str
    policy: str | File | None  # None: there is no file
    taken: tuple = ()  # what vfio-pci gets
    verdicts: dict | None = None  # all of them: the name of a function to verdict and reason
    words: str = ""  # on the kernel's command line
    said: str | None = None  # of the one line that "quiet" shows; "": there is none
    warned: str | None = None  # of a line that it does not show
    notes: tuple | None = None  # of the report, the first of them
    gone: tuple = ()  # what is taken out of the machine first
    would: tuple = ()  # what it would get, if this were no dry run
    plugged: Machine = MACHINE

    def __str__(self):
        return self.name

    @property
    def machine(self):
        """As it is for this cell."""
        return self.plugged.taken_out(*self.gone)

    @property
    def file(self):
        """The policy, or None."""
        return File(self.policy.encode()) if isinstance(self.policy, str) else self.policy


def refused(reason, *names):
    """Verdicts of one reason."""
    return dict.fromkeys(names, f"refuse {reason}")


def bound(*names):
    """Verdicts of what a rule names."""
    return dict.fromkeys(names, "bind rule")


def off(name, words, complaint):
    """Nothing is bound, and a line says why."""
    return Cell(name, GOOD, words=words, said=complaint, notes=("# off",), verdicts={})


def mistaken(name, file, complaint):
    """Nothing is bound, and a line says where the mistake is."""
    return Cell(name, file, said=f"nothing bound: /etc/vfio-bind.conf:{complaint}",
                notes=("# the policy is in error",))


DISKS = (
    *(Cell(name, f"{rule}\n", ("disk2",), verdicts=bound("disk2")) for name, rule in {
        "one-of-three-drives-by-address": f"bind {AT['disk2']} id={NVME}",
        "one-of-three-drives-by-path": f"bind nvme path={MACHINE.path('disk2')}",
        "one-of-three-drives-by-nth": f"bind nvme path={PATHS} nth=2 count=3"}.items()),
    Cell("one-of-two-network-cards", "bind network dsn=52-54-00-ff-ff-00-00-02\n"
         f"bind nvme id={NVME} nth=3 count=3\n", ("nic2",),
         {"nic2": "bind rule", "-": "none count"}),
    Cell("keep-against-a-broad-rule", f"bind nvme\nkeep {AT['disk2']}\n", ("disk1", "disk3"),
         {**bound("disk1", "disk3"), "disk2": "keep rule", **refused("host-storage", "root")}),
    Cell("every-drive-but-the-root", "bind nvme\n", DRIVES,
         {**bound(*DRIVES), **refused("host-storage", "root")}),
    # The kernel would take neither, were it told both; of d3cold= nothing is said: it was read back.
    Cell("reset-methods-of-a-drive",
         f"bind nvme path={MACHINE.path('disk1')} d3cold=0 reset=cxl_bus,bus\n", ("disk1",),
         bound("disk1"), warned=f"{AT['disk1']} reset: no cxl_bus (/etc/vfio-bind.conf:1)"),
    Cell("root-drive-by-its-address", f"bind {AT['root']} id={NVME} path={MACHINE.path('root')}\n",
         verdicts=refused("host-storage", "root")),
)
TWO_CARDS = {"gone": QXL_CARD}
DISPLAYS = (
    *(Cell(f"second-card-with-all-its-functions-{word}", f"{rule} with=functions\n", GPU2,
           {"gpu2": "bind rule", "gpu2_audio": "bind companion", "gpu2_usb": "bind companion"},
           **TWO_CARDS) for word, rule in {"display": "bind display boot_display=0",
                                           "vga": "bind vga boot_vga=0"}.items()),
    Cell("companions-are-of-the-same-vendor", "bind display boot_display=0\n",
         ("gpu2", "qxl", "qxl_usb"), {**bound("gpu2", "qxl"), "qxl_usb": "bind companion"}),
    Cell("boot-card-is-refused", f"bind {AT['gpu1']} id=1234:1111\n",
         verdicts=refused("boot-display", "gpu1"),
         said="refused: is the boot display"),
    Cell("boot-card-is-bound-if-allowed", f"bind {AT['gpu1']} id=1234:1111 allow=boot-display\n",
         ("gpu1",), bound("gpu1")),
    Cell("last-card-is-refused", "bind vga allow=boot-display with=functions\n"
         f"bind nvme path={MACHINE.path('disk1')}\n", ("disk1",),
         {**refused("last-display", "gpu1", "gpu2"), **bound("disk1")}, **TWO_CARDS),
    Cell("all-cards-are-bound-if-allowed", "bind vga allow=last-display with=functions\n",
         ("gpu1", "gpu1_audio", *GPU2), **TWO_CARDS),
)
WORDS = (
    off("off", "rd.vfio_bind=0", "off by rd.vfio_bind=0"),
    off("off-wins", "vfio-bind=off rd.vfio_bind=1", "off by vfio-bind=off"),
    off("nonsense-is-off", "rd.vfio_bind=nonsense",
        "off: rd.vfio_bind=nonsense is neither 0, 1 nor dry-run"),
    Cell("dry-run", GOOD, would=("gpu2", "qxl", "qxl_usb", *DRIVES), words="rd.vfio_bind=dry-run",
         notes=("# dry-run",)),
    # 1 is as without; keep= takes two devices out; bind= counts only if the policy accepts it.
    Cell("on-with-vetoes",
         f"{CARDS}bind nvme path={MACHINE.path('disk1')},{MACHINE.path('disk2')}\n",
         ("gpu2", "gpu2_audio", "disk2"), gone=QXL_CARD,
         words=f"rd.vfio_bind=1 rd.vfio-bind.keep={AT['disk1']},{AT['gpu2_usb']} "
         f"rd.vfio_bind.bind={AT['disk3']}+{NVME}",
         warned="ignored: the policy does not accept cmdline"),
    # Rules in quotes, as the kernel takes them apart: around the value, and around the whole word.
    Cell("rules-in-quotes-on-the-command-line", f"accept cmdline\nkeep {AT['disk1']}\n",
         ("disk2", "nic1"), {**bound("disk2", "nic1"), "disk1": "keep rule", "disk3": "keep rule",
                             **refused("host-storage", "root")},
         words=f'rd.vfio_bind.rule="bind nvme id={NVME}" "rd.vfio-bind.rule=keep nvme '
         f'path={MACHINE.path("disk3")}" rd.vfio_bind.rule="bind {MACHINE.address("nic1")} with=none"'),
    Cell("mistake-on-the-command-line", f"accept cmdline\n{GOOD}",
         words='quiet rd.vfio_bind.rule="bind nvme colour=red"',
         said="nothing bound: cmdline:1:30: expected ", notes=("# the policy is in error",)),
    # The drive whose id it names, and not the one it misnames.
    Cell("rule-on-the-command-line", "accept cmdline\n", ("disk3",),
         {"disk3": "bind rule", "disk1": "none moved"},
         words=f"rd.vfio_bind.bind={AT['disk3']}+{NVME},{AT['disk1']}+8086:5845"),
)
POLICIES = (
    mistaken("policy-with-a-mistake", f"{GOOD}bind nvme colour=red\n", "3:11: expected "),
    mistaken("policy-of-random-bytes", File(random.Random(0).randbytes(1 << 20)),
             "1:1: expected at most 65536 bytes"),
    mistaken("policy-that-others-may-write", File(GOOD.encode(), 0o666),
             "1:1: expected a file that nobody but its owner"),
    Cell("empty-policy", "", said="", notes=("# no rules",)),
    Cell("missing-policy", None, said="", notes=("# no rules",)),
)


def blocks(title):
    """What the page prints below that heading, block by block."""
    return literals(section(PAGE, title))


@dataclass(frozen=True)
class Story(Cell):
    """One block of an example of the page: what it speaks of is bound, and nothing refused."""

    title: str = field(default="", kw_only=True)
    block: int = field(default=0, kw_only=True)


def story(title, block, taken, **more):
    """The block as it is printed."""
    return Story(f"{title}-{block}", blocks(title)[block], taken, said="", title=title,
                 block=block, **more)


RUNNING = "A USB controller and an NVMe drive of a running host"
STORIES = (
    story("Two identical GPUs", 0, ("gpu2", "qxl", "qxl_usb")),
    story("Two identical GPUs", 1, ("gpu2",)),
    story("One of three identical NVMe drives", 0, ("disk2",)),
    story("One of three identical NVMe drives", 1, ("disk1", "disk2"), gone=("disk3",)),
    story("GPU with audio, USB-C and UCSI", 0, ("qxl", "qxl_usb")),
    story("GPU with audio, USB-C and UCSI", 1, ("qxl", "qxl_usb")),
    story("The only GPU, on purpose", 0, ("gpu1",), gone=(*GPU2, *QXL_CARD)),
    story(RUNNING, 0, ("usb", "disk1"), plugged=WITH_USB),
)
CELLS = (*DISKS, *DISPLAYS, *WORDS, *POLICIES, *STORIES)
