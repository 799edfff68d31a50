# SPDX-License-Identifier: GPL-2.0-or-later
"""Images that differ in policy, protect and command line, what verify says each of them will do,
and what its binder did: all of them in turn in one boot, before the first driver is loaded."""

import json
import subprocess
from dataclasses import dataclass

from .cells import MACHINE
from .images import GUEST, POLICY, File, append, copy_into, install_product

OWN = None  # the protect that the image was built with
PROTECT = "usr/lib/vfio-bind/protect"
EARLY = """
. /usr/lib/lab/facts
. /lab/turns/turns
cp /{protect} /run/own
try() {{
	cp /run/own /{protect}
	[ ! -e "/lab/turns/$1.protect" ] || cp "/lab/turns/$1.protect" /{protect}
	turn "$1"
}}
facts before
{turns}
cp /run/own /{protect}
: >/etc/vfio-bind.conf
mark "all done"
"""
# What the host program may look at, onto a drive that the host of the machine reads.
CAPTURE = r"""
mkdir /run/seen
cd /
{{
	find sys/devices/pci* sys/bus/pci/devices sys/bus/pci/drivers sys/bus/pci/slots sys/class/block \
		sys/class/net sys/class/nvme sys/class/nvme-subsystem sys/class/graphics sys/dev/block \
		sys/devices/virtual/nvme-subsystem sys/devices/virtual/block sys/kernel/iommu_groups \
		\( -name power -o -name msi_irqs -o -name queues -o -name drm -o -name sound \
		-o -name 'usb*' -o -name 'i2c-*' \) -prune -o \( -type l -o -name uevent -o -name config \
		-o -name 'boot_*' -o -name revision -o -name serial_number -o -name address -o -name dev \
		-o -name transport -o -name driver_override -o -name reset_method -o -name type \) -print
	find dev/disk -type l
	printf 'proc/%s\n' cmdline self/mountinfo swaps modules cpuinfo net/route net/ipv6_route
}} >/run/list
xargs -d '\n' cp -d --parents -t /run/seen </run/list 2>/run/not-seen
tar -C /run/seen -cf /dev/$(basename /sys/bus/pci/devices/{drive}/nvme/nvme*/nvme*n1) .
"""


@dataclass(frozen=True)
class Turn:
    """What the binder has before it."""

    policy: str | File
    protect: str | None = OWN
    words: str = ""

    def files(self, label):
        """Those of the machine."""
        policy = self.policy if isinstance(self.policy, File) else File(self.policy.encode())
        files = {f"lab/turns/{label}.words": File(f"{self.words}\n".encode()),
                 f"lab/turns/{label}.conf": policy}
        if self.protect is not OWN:
            files[f"lab/turns/{label}.protect"] = File(self.protect.encode())
        return files

    def image(self):
        """Those of an image."""
        policy = self.policy if isinstance(self.policy, File) else File(self.policy.encode())
        files = {POLICY: policy}
        if self.protect is not OWN:
            files[PROTECT] = File(self.protect.encode())
        return files


@dataclass(frozen=True)
class Variant:
    """An image on a machine of which /etc says something; heeded: the words that count for both."""

    name: str
    etc: str
    turn: Turn
    heeded: str = ""

    def __str__(self):
        return self.name

    @property
    def wanted(self):
        """What would be done if the image were as /etc and this machine have it."""
        return Turn(self.etc, OWN, self.heeded)


class Truth:
    """One boot with all turns, and the machine as the host program sees it."""

    def __init__(self, lab, variants, folder):
        self.lab, self.root = lab, folder / "seen"
        self.turns = list(dict.fromkeys(
            turn for variant in variants for turn in (variant.turn, variant.wanted)))
        self.boot = self.boot_all(folder)
        self.furnish()

    def boot_all(self, folder):
        """Tries each turn, and leaves what the machine looked like."""
        files = {"lab/turns/turns": File((GUEST / "turns/lab/turns").read_bytes())}
        for number, turn in enumerate(self.turns):
            files |= turn.files(f"t{number}")
        script = EARLY.format(protect=PROTECT, turns="\n".join(
            f"try t{number}" for number in range(len(self.turns))))
        files["conf/conf.d/lab"] = File(script.encode())
        with open(folder / "drive", "wb") as drive:
            drive.truncate(64 << 20)
        boot = self.lab.boot(words="printk.devkmsg=on", machine=MACHINE, files=files,
                             in_root=CAPTURE.format(drive=MACHINE.address("disk1")),
                             drives={"disk1": folder / "drive"})
        self.root.mkdir()
        subprocess.run(["tar", "-C", self.root, "-xf", folder / "drive"], check=True)
        return boot

    def furnish(self):
        """What the boot did not leave: the product and the kernel's modules."""
        copy_into(install_product(), self.root)
        (self.root / "etc").mkdir()
        (self.root / "lib").symlink_to("usr/lib")
        modules = f"usr/lib/modules/{self.lab.root.kernel_release}"
        (self.root / modules).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", "--reflink=auto", self.lab.root.tree / modules,
                        self.root / modules], check=True)
        self.words = (self.root / "proc/cmdline").read_text().strip()

    def ask(self, variant, work):
        """What verify says of the variant's image."""
        append(self.lab.host_image.initrd, variant.turn.image(), work / "initrd")
        (self.root / POLICY).write_text(variant.etc)
        (self.root / "proc/cmdline").write_text(f"{self.words} {variant.turn.words}\n")
        done = subprocess.run(
            [install_product() / "usr/bin/vfio-bind", "--root", self.root, "verify", "--json",
             work / "initrd"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            check=False)
        (work / "initrd").unlink()
        return Said(done.returncode, json.loads(done.stdout), done.stderr)

    def stage(self, turn):
        """What was true after that turn."""
        return self.boot.stages[f"t{self.turns.index(turn)}"]

    def taken(self, turn):
        """The functions that got a driver in that turn, by the links; and by the driver core."""
        before, label = self.boot.stages["before"].drivers, f"t{self.turns.index(turn)}"
        links = {at: driver for at, driver in self.stage(turn).drivers.items()
                 if driver != before[at]}
        probed = self.boot.probes(self.boot.between(label, f"{label} done"))
        assert {at: [driver] for at, driver in links.items()} == \
            {at: drivers for at, drivers in probed.items() if at in links}
        return links

    def done(self, turn):
        """The verdicts on functions, without what is said of a rule that selects none. With dry-run
        they are what would be done: none was."""
        stage = self.stage(turn)
        if "# dry-run" in stage.notes():
            return set()
        return {row for row in stage.verdicts() if row[0] != "-" and row[1] != "none"}

    def differences(self, variant, work):
        """{what: (what verify says, what the boot did)} where they differ."""
        said, taken = self.ask(variant, work), self.taken(variant.turn)
        right = taken == self.taken(variant.wanted)
        pairs = {
            "verdicts": (said.verdicts(), self.done(variant.turn)),
            "drivers": (said.drivers(), taken),
            "right": (said.checks["verdicts"]["result"] == "right", right),
        }
        if said.status == 0 and not right:
            pairs["status"] = (0, "the boot does otherwise")
        return {what: (*pair, said.checks["verdicts"], said.errors)
                for what, pair in pairs.items() if pair[0] != pair[1]}


class Said:
    """What verify printed."""

    def __init__(self, status, shown, errors):
        self.status, self.errors, self.functions = status, errors, shown["functions"]
        self.checks = {row["check"]: row for row in shown["checks"]}

    def verdicts(self):
        """As the binder's report has them."""
        return {(row["address"], row["verdict"], row["reason"]) for row in self.functions or ()}

    def drivers(self):
        """Of what it will take."""
        return {row["address"]: row["driver"] for row in self.functions or () if row["driver"]}
