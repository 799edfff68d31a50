# SPDX-License-Identifier: GPL-2.0-or-later
"""Random policies and machines, biased to what is worth a look: rules that match something,
twins, displays and storage, and now and then a mistake."""

import copy

from . import reference
from .reference_policy import CLASS_NAMES

INTERESTING = (0x01, 0x02, 0x03, 0x04, 0x0c, 0x12)
ALLOW = ("no-iommu", "boot-display", "host-storage", "host-network", "host-input",
         "bound-display", "last-display")
DRIVERS = ("vfio-pci", "pci-stub", "mlx5_vfio_pci", "nvgrace-gpu-vfio-pci", "auto", "auto", "auto")
MADE_FOR = ("vfio-pci", "mlx5_vfio_pci", "nvgrace_gpu_vfio_pci", "xe-vfio-pci", "odd_vfio_pci")


def path_text(machine, device):
    root, hops = reference.hop_path(machine, device)
    return "/".join(["%04x:%02x" % root, *("%02x.%x" % hop for hop in hops)])


def dsn_text(dsn):
    return "-".join("%02x" % byte for byte in dsn.to_bytes(8, "big"))


class Writer:
    """Writes policies for one machine."""

    def __init__(self, rng, machine):
        self.rng, self.machine = rng, machine
        self.all = list(machine)
        self.likely = [d for d in machine if d.base in INTERESTING] or self.all

    def device(self):
        return self.rng.choice(self.likely if self.rng.random() < 0.9 else self.all)

    def maybe(self, chance):
        return self.rng.random() < chance

    # Each value fits the device; some fit others too.

    def address(self, device):
        text = device.address
        if self.maybe(0.1):
            text = text[:-1] + "*"
        if text.startswith("0000:") and self.maybe(0.4):
            text = text[5:]
        return text.upper() if self.maybe(0.1) else text

    def halves(self, first, second):
        return ":".join("*" if self.maybe(0.15) else "%04x" % half for half in (first, second))

    def id(self, device):
        return self.halves(device.vendor, device.device)

    def subsystem(self, device):
        return self.halves(device.subvendor, device.subdevice)

    def class_(self, device):
        return ("%06x" % device.cls)[:self.rng.choice((2, 4, 6))]

    def path(self, device):
        return path_text(self.machine, device)

    def boot_vga(self, device):
        return str(device.boot_vga if device.boot_vga is not None else self.rng.choice("01"))

    def boot_display(self, _):
        return self.rng.choice("01")

    def slot(self, device):
        names = [name for name in self.machine.slots
                 if reference.value_matches(self.machine, device, "slot", name)]
        name = self.rng.choice(names or list(self.machine.slots) or ["none"])
        return '"%s"' % name if " " in name or self.maybe(0.1) else name

    def dsn(self, device):
        known = [d.dsn for d in self.all if d.dsn]
        return dsn_text(device.dsn or (self.rng.choice(known) if known else 1))

    def bare(self, device):
        names = [name for name, (value, mask, but) in CLASS_NAMES.items()
                 if device.cls & mask == value and device.cls != but]
        if not names or self.maybe(0.2):
            return self.address(device)
        return self.rng.choice(names)

    def pf(self, device):
        known = [d.physfn for d in self.all if d.physfn]
        physical = device.physfn or (self.rng.choice(known) if known else device.address)
        return physical if self.maybe(0.5) else self.path(self.machine.devices[physical])

    def vf(self, device):
        first = device.vf if device.vf is not None else self.rng.randrange(4)
        return str(first) if self.maybe(0.6) else "%d-%d" % (first, first + self.rng.randrange(3))

    SELECTORS = (("", bare, 8), ("address=", address, 3), ("id=", id, 6),
                 ("subsystem=", subsystem, 2), ("class=", class_, 3), ("path=", path, 4),
                 ("boot_vga=", boot_vga, 2), ("boot_display=", boot_display, 4),
                 ("slot=", slot, 2), ("dsn=", dsn, 2), ("pf=", pf, 2))

    def selector(self, device):
        name, write, _ = self.rng.choices(
            self.SELECTORS, [weight for _, _, weight in self.SELECTORS])[0]
        values = [write(self, device)]
        while self.maybe(0.12):
            values.append(write(self, self.device()))
        return name, name + ",".join(values)

    def options(self):
        words = []
        if self.maybe(0.4):
            words.append("with=" + self.rng.choice(
                ("none", "functions", "functions", "group", "group", "companions")))
        if self.maybe(0.2):
            count = self.rng.choice((1, 1, 2, 2, 3, 8))
            words.append("count=%d" % count)
            words += ["nth=%d" % self.rng.randint(1, count)] if self.maybe(0.5) else []
        if self.maybe(0.03):
            words.append("vfs=%d" % self.rng.choice((1, 7, 65535)))
        if self.maybe(0.15):
            words.append("driver=" + self.rng.choice(DRIVERS))
        if self.maybe(0.1):
            words.append("d3cold=" + self.rng.choice("01"))
        if self.maybe(0.1):
            words.append("reset=" + ",".join(self.rng.choices(("flr", "bus", "pm", "af_flr"), k=2)))
        if self.maybe(0.5):
            allowed = self.rng.sample(ALLOW, self.rng.randint(1, 4))
            words.append("allow=" + ",".join(allowed))
        return words + (["required"] if self.maybe(0.1) else [])

    def rule(self):
        device = self.device()
        words = {}
        for _ in range(self.rng.choice((1, 1, 1, 2, 2, 3))):
            words.update([self.selector(device if self.maybe(0.9) else self.device())])
        if "" in words:
            for name in ("class=", "address="):
                words.pop(name, None)
        if "pf=" in words and self.maybe(0.5):
            words["vf="] = "vf=" + self.vf(device)
        words = list(words.values())
        verb = "keep" if self.maybe(0.18) else "bind"
        if verb == "bind":
            words += self.options()
        named = [word for word in words if word.startswith(("address=", "path=", "dsn="))]
        if not named:  # such an allow= would be a mistake nearly every time
            words = [word for word in words if "host-" not in word or self.maybe(0.03)]
        self.rng.shuffle(words)
        return " ".join([verb, *words])

    def broken(self, line):
        """The line with one byte changed, or one word left out or said twice."""
        rng = self.rng
        if self.maybe(0.3):
            words = line.split(" ")
            words.insert(rng.randrange(len(words) + 1), rng.choice(words))
            return " ".join(words)
        at = rng.randrange(len(line))
        junk = rng.choice('",=:.*-+/#x0gz 1 \t\\\x01\xff') if self.maybe(0.8) else ""
        return line[:at] + junk + line[at + (1 if self.maybe(0.7) else 0):]

    def policy(self, mistakes=0.04):
        lines = [self.rule() for _ in range(self.rng.choice((1, 1, 2, 2, 3, 4, 6)))]
        if self.maybe(mistakes * 2):
            lines[0] = self.broken(lines[0])
        if self.maybe(0.3):
            lines.insert(self.rng.randrange(len(lines) + 1), "accept cmdline")
        if self.maybe(0.1):
            lines.append("  # a comment")
        end = self.rng.choice(("\n", "\n", "\n", "\r\n"))
        text = end.join(lines) + (end if self.maybe(0.9) else "")
        return (b"\xef\xbb\xbf" if self.maybe(0.03) else b"") + text.encode("latin-1")

    def cmdline(self):
        words = ["rd.vfio_bind=dry-run"]
        if self.maybe(0.1):
            words.append("rd.vfio-bind.keep=" + ",".join(
                self.address(self.device()) for _ in range(self.rng.randint(1, 2))))
        if self.maybe(0.15):
            device = self.device()
            ids = "+" + self.id(device if self.maybe(0.8) else self.device())
            words.append("rd.vfio_bind.bind=" + self.address(device)
                         + (ids if self.maybe(0.7) else ""))
        words += ["rd.vfio_bind=" + self.rng.choice(("on", "off", "1", ""))] if self.maybe(
            0.02) else []
        self.rng.shuffle(words)
        # Behind all others: a quote that is left open takes in what follows.
        return " ".join(words + [self.rule_word() for _ in range(self.rng.choice((0, 0, 1, 1, 3)))])

    def rule_word(self):
        """A rule as a word of the kernel command line, in quotes wherever these may stand."""
        rule = self.rule()
        if self.maybe(0.1):
            rule = self.broken(rule).replace("\xff", "x")
        name = self.rng.choice(("rd.vfio_bind.rule", "rd.vfio-bind.rule"))
        return self.rng.choice(('%s="%s"', '%s="%s"', '"%s=%s"')) % (name, rule)

    def protect_line(self):
        device = self.device()
        place = device if self.maybe(0.8) else self.device()
        dsn = " dsn=" + self.dsn(device) if self.maybe(0.4) else ""
        return "%s path=%s id=%04x:%04x%s" % (
            self.rng.choice(("storage", "network", "input")), self.path(place),
            device.vendor, device.device, dsn)

    def protect(self):
        if self.maybe(0.25):
            return self.rng.choice((None, ["unknown"]))
        return [self.protect_line() for _ in range(self.rng.choice((0, 1, 2, 4)))]


def virtual_functions(rng, machine):
    """Makes some functions of a bus virtual ones of the first of them, in their order."""
    bus = rng.choice([d for d in machine]).key[:2]
    able = [d for d in machine if d.key[:2] == bus and not reference.is_bridge(d)
            and not d.framebuffer and not d.boot_display]
    for number, device in enumerate(able[1:rng.choice((2, 3, 8))]):
        device.physfn, device.vf = able[0].address, number


def alias(rng, device):
    """An alias of a driver that may be made for the device: it says some of what it is."""
    return "vfio_pci:" + "".join(
        letters + (digits if rng.random() < known else "*") for letters, digits, known in (
            ("v", "%08X" % device.vendor, 0.9), ("d", "%08X" % device.device, 0.7),
            ("sv", "%08X" % device.subvendor, 0.2), ("sd", "%08X" % device.subdevice, 0.2),
            ("bc", "%02X" % device.base, 0.2), ("sc", "%02X" % (device.class16 & 0xff), 0.2),
            ("i", "%02X" % (device.cls & 0xff), 0.1)))


def vary(rng, machine):
    """The machine with other facts: what shows the picture, groups, serial numbers, drivers."""
    machine = copy.deepcopy(machine)
    displays = [d for d in machine if d.base == 0x03]
    for device in machine:
        if rng.random() < 0.15:
            device.driver = rng.choice(("", "vfio-pci", "pci-stub", "other"))
        if device.group is None and rng.random() < 0.7:
            device.group = rng.randrange(6)
        if device.base in INTERESTING and rng.random() < 0.3:
            device.dsn = rng.choice((1, 2, 3, 0x00253b1210051ff, 2 ** 64 - 1))
        if rng.random() < 0.02:  # in a group of its own: only what is judged has its header read
            device.header_type, device.group = 1, 1000 + list(machine.devices).index(device.address)
    for device in list(machine):
        if rng.random() < 0.01 and device.header_type == 0 and not device.dsn:
            device.unreadable = True
    for device in displays:
        if device.boot_vga is not None and rng.random() < 0.4:
            device.boot_vga = rng.choice((0, 0, 1, None))
    if displays and rng.random() < 0.4:
        chosen = rng.choice(displays if rng.random() < 0.8 else list(machine))
        chosen.framebuffer = True
    if displays and rng.random() < 0.2:
        chosen = rng.choice(displays)
        chosen.driver, chosen.boot_display = "other", True
    if rng.random() < 0.4:
        virtual_functions(rng, machine)
    spare = rng.choice(list(machine))
    machine.slots["PCI 3"] = spare.slot
    machine.slots["bus"] = (*spare.key[:2], None)
    machine.variants = [(rng.choice(MADE_FOR), alias(rng, rng.choice(list(machine))))
                        for _ in range(rng.choice((0, 4, 20)))]
    return machine
