# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel that has all drivers built in: each device has its driver before any program runs. And the
same one with an idea of November 2026: an override counts only for a driver that allows it."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .cache import cached, key_of

PACKAGE = "linux-source-6.1"
ARCHIVE = Path(f"/usr/src/{PACKAGE}.tar.xz")
CONFIG = Path(__file__).with_name("kernel-builtin.config")
TREES = ("tree", "gated")
# In the folder: what is unpacked and set up, then built once, then built with what has changed.
BEGIN = """
tar -xf "$1"
cd "$2"
make -s tinyconfig
scripts/kconfig/merge_config.sh -m .config "$3"
make -s olddefconfig
"""
BUILD = """
cd "$1"
make -s -j"$3" bzImage modules
make -s INSTALL_MOD_PATH="../$2/usr" modules_install
mkdir "../$2/boot"
release=$(make -s kernelrelease)
cp arch/x86/boot/bzImage "../$2/boot/vmlinuz-$release"
cp .config "../$2/boot/config-$release"
"""
# File, what stands there once, and what goes before it. refuse_driver_override says how what is not
# allowed is refused: an errno of the write, minus one of the probe, or 0, and nothing matches.
GATE = (
    ("drivers/pci/pci-driver.c", "static const struct pci_device_id *pci_match_device(", """
bool allow_driver_override;
core_param(allow_driver_override, allow_driver_override, bool, 0444);
int refuse_driver_override;
core_param(refuse_driver_override, refuse_driver_override, int, 0444);
bool driver_override_allowed(const char *driver)
{
	return allow_driver_override || *driver == '\\n' || strstr(driver, "vfio");
}
"""),
    ("drivers/pci/pci-driver.c", "/* When driver_override is set, only bind to the matching", """
	if (dev->driver_override && refuse_driver_override >= 0 && !driver_override_allowed(drv->name))
		return NULL;
"""),
    ("drivers/pci/pci-driver.c", "pci_assign_irq(pci_dev);", """
	if (pci_dev->driver_override && !driver_override_allowed(drv->name))
		return refuse_driver_override;
"""),
    ("drivers/pci/pci-sysfs.c", "static ssize_t driver_override_store(", """
extern int refuse_driver_override;
bool driver_override_allowed(const char *driver);
"""),
    ("drivers/pci/pci-sysfs.c", "ret = driver_set_override(dev, &pdev->driver_override", """
	if (refuse_driver_override > 0 && !driver_override_allowed(buf))
		return -refuse_driver_override;
"""),
)


@dataclass(frozen=True)
class Kernel:
    """What its package would bring: /boot and /usr/lib/modules."""

    tree: Path
    key: str

    @property
    def release(self):
        """As uname -r names it."""
        (modules,) = (self.tree / "usr/lib/modules").iterdir()
        return modules.name


def open_gate(source):
    """Puts that into the source, each piece before what is named."""
    for name, anchor, lines in GATE:
        path = source / name
        text = path.read_text("utf-8")
        assert text.count(anchor) == 1, f"{name}: {anchor}"
        path.write_text(text.replace(anchor, f"{lines}{anchor}"), "utf-8")


def built_in_kernel(gated=False):
    """Built if it is not in the cache, both at once: eleven minutes of processor time."""
    version = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", PACKAGE], check=True,
                             stdout=subprocess.PIPE, text=True).stdout
    key = key_of(version, CONFIG.read_text("utf-8"), BEGIN, BUILD, GATE)

    def make(folder):
        def shell(script, *words):
            subprocess.run(["sh", "-exc", script, "sh", *words], cwd=folder, stdout=log,
                           stderr=subprocess.STDOUT, check=True)

        with open(folder / "log", "wb") as log:
            shell(BEGIN, ARCHIVE, PACKAGE, CONFIG)
            for tree in TREES:
                (folder / tree).mkdir()
                if tree == TREES[True]:
                    open_gate(folder / PACKAGE)
                shell(BUILD, PACKAGE, tree, str(os.cpu_count()))
        shutil.rmtree(folder / PACKAGE)

    folder = cached("kernel-builtin", key, make)
    return Kernel(folder / TREES[gated], key_of(key, gated))
