# SPDX-License-Identifier: GPL-2.0-or-later
"""Which vfio variant a function gets, by another way than ours: aliases as file2alias writes them
are taken apart by a regular expression, and compared field by field with the kernel's modalias."""

import re
from pathlib import Path

ALIASES = Path(__file__).with_name("variants.txt")
FIELDS = re.compile(r"v([^d]*)d(.*?)sv(.*?)sd(.*?)bc(.*?)sc(.*?)i(\S*)", re.DOTALL)
EVERYTHING = "vfio_pci:v*d*sv*sd*bc*sc*i*"


def modalias(device):
    """As linux/drivers/pci/pci-sysfs.c:modalias_show prints it."""
    return ("pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X"
            % (device.vendor, device.device, device.subvendor, device.subdevice,
               device.cls >> 16, device.cls >> 8 & 0xff, device.cls & 0xff))


def fields(alias):
    match = FIELDS.fullmatch(alias.partition(":")[2])
    return match.groups() if match and alias.startswith(("pci:", "vfio_pci:")) else None


def best(variants, device):
    """The driver of these (driver, alias), in the order of modules.alias, that the device gets."""
    own, found = fields(modalias(device)), []
    for place, (driver, alias) in enumerate(variants):
        pattern = fields(alias)
        if pattern and all(want in ("*", has) for want, has in zip(pattern, own)):
            found.append((pattern.count("*"), place, driver))
    return min(found)[2] if found else "vfio-pci"


def kernels():
    """{name: [(driver, alias)]} of the kernels in variants.txt."""
    result = {}
    for line in ALIASES.read_text("utf-8").splitlines():
        if line.startswith("kernel "):
            name = line.removeprefix("kernel ")
            result[name] = []
        elif line and not line.startswith("#"):
            alias, module = line.removeprefix("alias ").split()
            result[name].append((module.replace("vfio_pci", "vfio-pci") if module == "vfio_pci"
                                 else module, alias))
    return result


def modules_alias(variants):
    """The text of modules.alias with these in it."""
    return "# Aliases extracted from modules themselves.\n" + "".join(
        "alias %s %s\n" % (alias, driver.replace("-", "_")) for driver, alias in variants)
