# SPDX-License-Identifier: GPL-2.0-or-later
"""Policies nobody can use, by changing real ones; and some that name only what is the host's."""

import random

from lib import reference_policy

from .machine import TWINS

NVME = "1b36:0010"
# Each of these binds something on TWINS, and a mistake in it shall keep it from that.
REAL = (
    "bind display boot_display=0 with=functions\nbind nvme\n",
    "bind vga boot_vga=0\n",
    f"# The second card and the drive for the guest.\nbind {TWINS.address('gpu2')} id=1234:1111\n"
    f"bind nvme path={TWINS.path('disk2')} id={NVME}\nkeep {TWINS.address('disk1')}\n",
    f"bind nvme path={TWINS.path('disk1')},{TWINS.path('disk3')} nth=2 count=2 required\n",
    f"accept cmdline\r\nbind class=0108 id=1b36:* with=none driver=vfio-pci\r\n"
    f"bind usb address=\"{TWINS.address('gpu2_usb')}\" with=group\r\n",
    "bind audio,usb,nvme id=8086:2668,1b36:000d,1b36:0010 subsystem=*:* allow=last-display\n",
)
JUNK = b'",=:.*-+/#x0gz 1 \t\\\x01\xff\0\r\n'
# No override may lift a guard here: these devices stay the host's, whatever else a rule says.
HOSTS = (
    f"{TWINS.address('root')}", f"{TWINS.address('root')} id={NVME}",
    f"nvme path={TWINS.path('root')}", f"nvme path={TWINS.path('root')} id={NVME}",
    f"{TWINS.address('gpu1')}", f"display path={TWINS.path('gpu1')}", "vga boot_vga=1",
    "display boot_display=1", "0000:00:00.0", "0000:00:1f.0", "class=0600", "class=0604",
    "class=060100", "0000:00:03.0", "path=0000:00/07.0",
)
OPTIONS = ("", "with=none", "with=companions", "count=1", "nth=1 count=1", "driver=vfio-pci",
           "driver=pci-stub", "required", "allow=no-iommu", "allow=host-network,host-input",
           "driver=pci-stub with=none required", "allow=no-iommu with=none")


def mistaken(rng, text):
    """The text with something changed somewhere, as a slip of the hand or of a disk would."""
    lines = text.split(b"\n")
    words = text.split(b" ")
    at, to = sorted(rng.choices(range(len(text) + 1), k=2))
    junk = bytes(rng.choices(JUNK, k=rng.choice((1, 1, 1, 2, 5))))
    return rng.choice((
        lambda: text[:at] + junk + text[at:],
        lambda: text[:at] + junk + text[at + len(junk):],
        lambda: text[:at] + text[at + 1:],
        lambda: text[:at] + text[to:],
        lambda: text[:at] + text[at:to] * 2 + text[to:],
        lambda: text[:at] + bytes([text[at % len(text)] ^ 1 << rng.randrange(8)]) + text[at + 1:],
        lambda: b" ".join(words[:1] + rng.sample(words[1:], len(words) - 1)),
        lambda: b"\n".join([*lines, rng.choice(words) + b"=" + rng.choice(words)]),
        lambda: text + bytes(rng.choices(range(256), k=rng.choice((1, 30, 200)))),
        lambda: text[:at] + b"x" * 4096 + text[at:],
    ))()


def is_mistaken(text):
    """By the second implementation: a mistake is a mistake, wherever it stands."""
    return bool(reference_policy.parse([("/etc/vfio-bind.conf", text)]).mistakes)


def mistakes(count, seed):
    """So many different texts with a mistake in each, none like another; the same every time."""
    rng, found = random.Random(seed), {}
    while len(found) < count:
        text = rng.choice(REAL).encode()
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            text = mistaken(rng, text) or b" "
        if is_mistaken(text):
            found[text] = True
    return list(found)


def in_shell(text):
    """A word of shell that printf's %b makes that text of."""
    plain = b"".join(bytes([byte]) if chr(byte).isalnum() and byte < 128 or byte in b" =:.*,/_-#"
                     else b"\\0%03o" % byte for byte in text)
    return b"'" + plain + b"'"


def guarded():
    """Rules without a mistake, for the host's own devices only."""
    texts = [f"bind {which} {options}\n".encode() for which in HOSTS for options in OPTIONS]
    return [text for text in texts if not is_mistaken(text)]
