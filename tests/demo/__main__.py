# SPDX-License-Identifier: GPL-2.0-or-later
"""Boots the machine of twins as it is, with vfio-pci.ids= and with us, and shows who has what."""

import os
import shutil
import subprocess
import sys
import tempfile

from vm.cache import cache_folder
from vm.images import Recipe, install_product
from vm.lab import ROOT_WORDS, Lab
from vm.machine import GPU2, TWINS
from vm.proof import VFIO, prove
from vm.roots import TRIXIE
from demo.show import heading, show_beside, step

CHOSEN = (*GPU2, "disk2")
POLICY = f"""\
bind display boot_display=0 with=functions      # every GPU but the one with the picture
bind nvme path={TWINS.path("disk2")} id=1b36:0010   # the drive below this root port
"""
# Vendor and device of what is chosen, hence of all its twins.
IDS = "vfio-pci.ids=1234:1111,8086:2668,1b36:000d,1b36:0010"
# How wikis tell Debian's users to have vfio-pci there before the drivers that udev loads.
RECIPE_OF_WIKIS = (
    ("etc/initramfs-tools/modules", "vfio-pci\n"),
    ("etc/modprobe.d/vfio.conf", "".join(f"softdep {module} pre: vfio-pci\n" for module in
                                         ("bochs", "snd_hda_intel", "xhci_pci", "nvme"))),
)
WITHOUT_US = "rm /usr/share/initramfs-tools/hooks/vfio-bind " \
             "/usr/share/initramfs-tools/scripts/init-top/00-vfio-bind"
# A boot that does not find its root is not waited for longer than this tree's script does.
TREES = ("initramfs-tools-demo",)
RECIPES = (
    Recipe("demo-as-it-is", trees=TREES, prepare=WITHOUT_US),
    Recipe("demo-ids", trees=TREES, files=RECIPE_OF_WIKIS, prepare=WITHOUT_US),
    Recipe("demo-vfio-bind", trees=TREES, policy=POLICY),
)
NAMES = ("as it is", "vfio-pci.ids=", "vfio-bind")
WORDS = ("", IDS, "")
# What is shown of each boot. The second looks from its initramfs, as TREES say.
COLUMNS = ("ADDRESS,CLASS,ID,DRIVER,NEXT", "DRIVER", "DRIVER")
LIST = f"""
cat >/etc/vfio-bind.conf <<'END'
{POLICY}END
vfio-bind list -o {{}} >/run/list 2>/dev/null
lines output /run/list >$TOLD
"""


def boot_three_times(lab):
    """Fetches and builds what is not in the cache, and boots."""
    with step("build vfio-bind from this tree"):
        install_product()
    with step(f"fetch Debian 13 ({lab.release.suite}), once, into {cache_folder()}"):
        _ = lab.root
    with step("make the disk with its root"):
        _ = lab.disk
    images = []
    for name, recipe in zip(NAMES, RECIPES):
        with step(f"build the initramfs: {name}"):
            images.append(lab.image(recipe))
    boots = []
    for name, image, words, columns in zip(NAMES, images, WORDS, COLUMNS):
        with step(f"boot: {name}"):
            boots.append(lab.boot(words=words, image=image, in_root=LIST.format(columns)))
    return boots


def last_look(boot):
    """The real root if the boot got there."""
    return boot.stages["root" if "root" in boot.stages else "no-root"]


def outcome(boot):
    """One boot in a sentence, from nothing but what was seen."""
    chosen = set(TWINS.addresses(*CHOSEN))
    taken = {address for address, driver in last_look(boot).drivers.items() if driver == VFIO}
    parts = [f"{len(taken & chosen)} of the {len(chosen)} chosen functions on vfio-pci"]
    others = len(taken - chosen)
    parts.append(f"{others} other{'s' * (others > 1)} too" if others else "no other")
    parts.append("boots into its root" if "root" in boot.stages else
                 "WAITS FOR ITS ROOT IN VAIN")
    return ", ".join(parts)


def faults(boots):
    """What is not as the demonstration says it is."""
    if len({len(last_look(boot).output) for boot in boots}) != 1:
        yield "vfio-bind list does not show as many devices in each boot"
    for name, boot, taken in ((NAMES[0], boots[0], ()), (NAMES[2], boots[2], CHOSEN)):
        if "root" not in boot.stages:
            yield f"{name}: the boot does not reach its root"
            continue
        expected = TWINS.host_drivers() | dict.fromkeys(TWINS.addresses(*taken), VFIO)
        wrong = [f"{name}: {address} is on {driver}, not on {expected.get(address)}"
                 for address, driver in last_look(boot).drivers.items()
                 if driver != expected.get(address)]
        yield from wrong
        if not wrong:
            try:
                prove(boot, TWINS, taken)
            except AssertionError as error:
                yield f"{name}: a wrong driver was let at a function for a while: {error}"


def tell(boots):
    """The tables, a sentence for each boot, our policy, and what we said in the kernel's log."""
    heading("What vfio-bind list says in each boot", "NEXT: what our policy will do")
    show_beside(NAMES, [last_look(boot).output for boot in boots], TWINS.addresses(*CHOSEN))
    print()
    for name, boot in zip(NAMES, boots):
        print(f"{name:<14} {outcome(boot)}")
    heading("Kernel command line of the second boot", "and vfio-pci loaded first by softdep")
    print(f"{ROOT_WORDS} {IDS}")
    heading("/etc/vfio-bind.conf of the third boot")
    print(POLICY, end="")
    heading("Its kernel log")
    for line in boots[2].said():
        print(f"vfio-bind: {line}")
    print()


def demonstrate():
    """Returns the exit code: 0 if all is as it has to be."""
    if os.geteuid() != 0:
        print("demo: needs root, to unpack a Debian root", file=sys.stderr)
        return 2
    heading("A virtual machine with two identical GPUs and four identical drives", "boots 3 times")
    work = tempfile.mkdtemp(prefix="vfio-bind-demo-")
    try:
        boots = boot_three_times(Lab(TRIXIE, work, tell=lambda _: None))
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        return 1
    shutil.rmtree(work)
    tell(boots)
    wrong = list(faults(boots))
    for fault in wrong:
        print(f"demo: {fault}", file=sys.stderr)
    if not wrong:
        print("Proven by the driver link of every function, and by the driver core's own log:\n"
              "no driver but vfio-pci was ever let at a chosen function.")
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(demonstrate())
    except KeyboardInterrupt:
        sys.exit(130)
