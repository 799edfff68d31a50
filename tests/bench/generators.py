# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures of each generator: an overlay against a whole image, and what a boot is longer by us."""

import re
import statistics
import tempfile
from pathlib import Path

from vm.images import POLICY, Recipe, copy_into, install_product, write
from vm.machine import GPU2, TWINS
from vm.roots import BOOKWORM, BOOKWORM_DRACUT, SID, SID_DRACUT, TRIXIE, TRIXIE_DRACUT, run_in
from vm.test_dracut import NO_SYSTEMD

from .figure import NotMeasured
from .machine import lab

RULES = f"bind display boot_display=0 with=functions\nbind {TWINS.address('disk2')} id=1b36:0010\n"
HOST = Recipe("bench-host", policy=RULES)
WITHOUT_SYSTEMD = Recipe("bench-sh", policy=RULES, files=(NO_SYSTEMD,))
CELLS = (*((release, HOST) for release in (BOOKWORM, TRIXIE, SID)),
         *((release, recipe) for release in (BOOKWORM_DRACUT, TRIXIE_DRACUT, SID_DRACUT)
           for recipe in (HOST, WITHOUT_SYSTEMD)))
# The first time is not counted: by the second all it reads has been read. Nanoseconds, and bytes.
TIMED = """
timed() {{
	start=$(date +%s%N)
	"$@" >/tmp/log 2>&1
	echo "took $(($(date +%s%N) - start))"
}}
kernel=$(ls /usr/lib/modules)
for round in $(seq 6); do
	timed vfio-bind overlay --kernel "$kernel" -o /tmp/overlay
done
for round in $(seq 2); do
	timed {}
done
stat --format="bytes %s" /tmp/overlay {}
"""
WHOLE = {TRIXIE: "update-initramfs -u",
         TRIXIE_DRACUT: 'dracut -f "/boot/initrd.img-$kernel" "$kernel"'}
LINE = re.compile(r"\[ *([0-9]+\.[0-9]+)\] vfio-bind: ", re.MULTILINE)


def overlay(release):
    """Seconds and bytes of the overlay and of the whole image, which is what Debian's own settings
    make of it; how many times faster."""
    with tempfile.TemporaryDirectory(prefix="vfio-bind-bench-") as folder:
        tree = Path(folder) / "tree"
        root = lab(release).root
        root.copy(tree)
        copy_into(install_product(), tree)
        write(tree, POLICY, RULES)
        image = "/" + release.generator.image.format(root.kernel_release)
        said = run_in(tree, TIMED.format(WHOLE[release], image))
    took = [int(time) / 1e9 for time in re.findall(r"^took (\d+)$", said, re.MULTILINE)]
    ours, whole = statistics.median(took[1:6]), took[7]
    small, big = (int(size) for size in re.findall(r"^bytes (\d+)$", said, re.MULTILINE))
    return [ours, small, whole, big, whole / ours]


def added(release, recipe):
    """Milliseconds of the guest's clock from the first line the binder logs to its last."""
    with tempfile.TemporaryDirectory(prefix="vfio-bind-bench-") as folder:
        found = lab(release, folder)
        boot = found.boot(image=found.image(recipe))
        times = [float(time) for time in LINE.findall(boot.told)]
        if len(boot.stages["root"].verdicts()) < len(GPU2) + 1:
            raise NotMeasured(f"{release}: nothing was bound under {POLICY}")
    return [(times[-1] - times[0]) * 1000]
