# SPDX-License-Identifier: GPL-2.0-or-later
"""What happens to a machine between two boots: buses get other numbers, cards come, go and change
places, a switch is put in between, another processor has its ports elsewhere."""

import copy
from dataclasses import dataclass

from lib.machine import HEADER_TYPES, Device, Machine

PORT = (0x060400, 0x8086, 0x1901)
SWITCH = (0x060400, 0x10b5, 0x8748)


@dataclass(eq=False)
class Spot:
    """A device and where it is plugged in."""
    device: Device
    up: "Spot | None"  # the bridge above
    bus: object  # of a root bus: its address; else whatever names it
    dev: int
    fn: int
    physfn: "Spot | None" = None


class Drift:
    """A machine that can be changed. Who a device is, its Spot says, whatever its address."""

    def __init__(self, machine, rng):
        self.machine, self.rng = machine, rng
        by_address = {d.address: Spot(copy.copy(d), None, d.key[:2], *d.key[2:]) for d in machine}
        for spot in by_address.values():
            spot.device.driver = ""
            spot.up = by_address.get(spot.device.parent)
            if spot.up:
                spot.bus = (spot.up, spot.device.key[:2])
            spot.physfn = by_address.get(spot.device.physfn)
        self.spots = list(by_address.values())

    def cards(self):
        """The slots with something in them, below bridges: (bus, device number)."""
        return sorted({(s.bus, s.dev) for s in self.spots if s.up and not s.physfn},
                      key=lambda card: [(s.bus, s.dev) for s in self.spots].index(card))

    def card(self, bus, dev):
        """What goes when the card is pulled: its functions and all below them."""
        found = [s for s in self.spots if (s.bus, s.dev) == (bus, dev)]
        for spot in found:
            found += [s for s in self.spots if (s.up is spot or s.physfn is spot) and s not in found]
        return found

    def port(self):
        """A root port with nothing below it, new."""
        roots = [s.bus for s in self.spots if not s.up]
        bus = self.rng.choice(roots)
        taken = {s.dev for s in self.spots if s.bus == bus}
        free = [dev for dev in range(1, 32) if dev not in taken]
        return self.bridge(None, bus, self.rng.choice(free), PORT) if free else None

    def bridge(self, up, bus, dev, what):
        device = Device("", *what, 0, 0, "", 1000 + len(self.spots), None, 0, None,
                        HEADER_TYPES[0x0604])
        self.spots.append(Spot(device, up, bus, dev, 0))
        return self.spots[-1]

    def plug(self, card, up):
        """Puts what stands in a slot below another bridge."""
        tops = [s for s in card if s.up not in card and not s.physfn]
        bus = (up, object())
        for spot in card:
            if spot in tops or spot.physfn in tops:
                spot.up, spot.bus = up, bus

    # What may happen. Each returns False where the machine has no place for it.

    def renumbered(self):
        return bool(self.cards())

    def removed(self):
        if not self.cards():
            return False
        gone = self.card(*self.rng.choice(self.cards()))
        self.spots = [spot for spot in self.spots if spot not in gone]
        return True

    def added(self):
        """One more of a kind that is there, with a serial number of its own if it has one."""
        if not self.cards():
            return False
        card, up = self.card(*self.rng.choice(self.cards())), self.port()
        if not up:
            return False
        twins = {spot: copy.copy(spot) for spot in card}
        for spot in twins.values():
            spot.device = copy.copy(spot.device)
            spot.device.group = None if spot.device.group is None else spot.device.group + 2000
            spot.device.dsn = spot.device.dsn and spot.device.dsn ^ 0x5a0000
            spot.up, spot.physfn = twins.get(spot.up, spot.up), twins.get(spot.physfn)
            if spot.up in twins.values():
                spot.bus = (spot.up, spot.bus)
        self.spots += twins.values()
        self.plug(list(twins.values()), up)
        return True

    def moved(self):
        """Into another slot."""
        if not self.cards():
            return False
        card, up = self.card(*self.rng.choice(self.cards())), self.port()
        if up:
            self.plug(card, up)
        return bool(up)

    def swapped(self):
        """Two cards change places; what belongs to one slot each, as they are no switches' parts."""
        cards = [c for c in self.cards() if c[1] == 0]
        if len(cards) < 2:
            return False
        one, other = (self.card(*c) for c in self.rng.sample(cards, 2))
        ups = [card[0].up for card in (one, other)]
        if ups[0] is ups[1] or ups[0] in other or ups[1] in one:
            return False
        self.plug(one, ups[1])
        self.plug(other, ups[0])
        return True

    def replaced(self):
        """A card of another kind stands where one was."""
        if not self.cards():
            return False
        for spot in self.card(*self.rng.choice(self.cards())):
            self.spots[self.spots.index(spot)] = other = copy.copy(spot)
            other.device = copy.copy(spot.device)
            other.device.device ^= 0x0f00
            other.device.dsn = other.device.dsn and other.device.dsn ^ 0xa50000
            for below in self.spots:
                if below.up is spot:
                    below.up, below.bus = other, (other, below.bus)
                if below.physfn is spot:
                    below.physfn = other
        return True

    def switched(self):
        """A switch stands between a slot and its card."""
        if not self.cards():
            return False
        card = self.card(*self.rng.choice(self.cards()))
        upper = self.bridge(card[0].up, card[0].bus, card[0].dev, SWITCH)
        self.plug(card, self.bridge(upper, (upper, object()), 8, SWITCH))
        return True

    def processor(self):
        """Other device numbers on the root buses, as another processor in the socket has."""
        new = {}
        for spot in self.spots:
            if not spot.up and any(s.up is spot for s in self.spots):
                new.setdefault(spot.bus, set()).add(spot.dev)
        for bus, old in new.items():
            others = {s.dev for s in self.spots if s.bus == bus} - old
            free = [dev for dev in range(1, 32) if dev not in others]
            to = dict(zip(sorted(old), self.rng.sample(free, min(len(old), len(free)))))
            if len(to) == len(old):
                for spot in self.spots:
                    if spot.bus == bus and spot.dev in old:
                        spot.dev = to[spot.dev]
        return bool(new)

    KINDS = (renumbered, removed, added, moved, swapped, replaced, switched, processor)

    # And the machine as it is then.

    def result(self):
        """The machine with new bus numbers; no device that is not there is a parent of one."""
        roots = {s.bus for s in self.spots if not s.up}
        free = [bus for bus in range(1, 256) if all(bus != root[1] for root in roots)]
        names = list(dict.fromkeys(s.bus for s in self.spots if s.up))
        numbers = dict(zip(names, self.rng.sample(free, len(names))))

        def domain(spot):
            while spot.up:
                spot = spot.up
            return spot.bus[0]

        for spot in self.spots:
            bus = numbers[spot.bus] if spot.up else spot.bus[1]
            spot.device.address = f"{domain(spot):04x}:{bus:02x}:{spot.dev:02x}.{spot.fn:x}"
        machine = Machine(protect=[], below=self.machine.below)
        for spot in sorted(self.spots, key=lambda s: s.device.key):
            spot.device.parent = spot.up and spot.up.device.address
            spot.device.physfn = spot.physfn and spot.physfn.device.address
            machine.devices[spot.device.address] = spot.device
        assert len(machine.devices) == len(self.spots)
        return machine


def fits(machine):
    """Whether such a machine can be changed here: no root bus below a function, bus numbers enough,
    functions in groups."""
    buses = {d.key[:2] for d in machine if d.parent}
    return not machine.below and 0 < len(buses) < 150 and all(
        d.parent is None or d.parent in machine.devices for d in machine)


def text(machine):
    """As a machine file."""
    lines = ["#protect"]
    for number, d in enumerate(machine):
        dsn = "-".join(f"{byte:02x}" for byte in d.dsn.to_bytes(8, "big")) if d.dsn else "-"
        lines.append("\t".join((
            d.address, f"{d.cls:06x}", f"{d.vendor:04x}:{d.device:04x}",
            f"{d.subvendor:04x}:{d.subdevice:04x}", "-", "-",
            str(3000 + number if d.group is None else d.group), d.parent or "-", dsn, "-",
            "-" if d.boot_vga is None else str(d.boot_vga))))
    lines += [f"#framebuffer {d.address}" for d in machine if d.framebuffer]
    lines += [f"#boot-display {d.address}" for d in machine if d.boot_display]
    lines += [f"#physfn {d.address} {d.physfn} {d.vf}" for d in machine if d.physfn]
    return "\n".join(lines) + "\n"
