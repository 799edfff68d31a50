# SPDX-License-Identifier: GPL-2.0-or-later
"""Unfolds a machine into a directory tree of plain files with everything the binder reads."""

import os
import re

from . import variants

PAYLOAD = "usr/lib/vfio-bind"
PROTECT = "vfio-bind-protect 1"
BOOT = "BOOT_IMAGE=/vmlinuz root=/dev/sda1 quiet "
DSN_CAPABILITY = 0x100  # the first extended capability; PCIe 7.6
GUEST_DRIVERS = ("vfio-pci", "mlx5_vfio_pci", "pci-stub")


def _dirs(path):
    os.makedirs(path, exist_ok=True)


def _write(path, content):
    with open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())


class Tree:
    """A machine below a directory. `serial_number` puts the DSN into that attribute, as kernels
    from 7.2 on do, instead of config space. From 6.12 on the firmware's framebuffer is a child
    of the PCI function it lies in."""

    def __init__(self, root, machine, serial_number=None):
        kernel = release(machine.kernel)
        self.root, self.machine = str(root), machine
        self.serial_number = kernel >= (7, 2) if serial_number is None else serial_number
        self.framebuffer_is_child = kernel >= (6, 12)
        self.paths = {}  # address -> the device's directory
        self._skeleton()
        for device in machine:
            self._device(device)
        self._virtual_functions()
        self._groups()
        self._slots()
        self._iomem()
        self._payload()
        self.boot(machine.cmdline)

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def boot(self, cmdline):
        """Sets the kernel command line."""
        _write(self.path("proc/cmdline"), BOOT + cmdline + "\n")

    def cmdline(self):
        return self.read("proc/cmdline").rstrip("\n")

    def protect(self, lines):
        """Sets what the payload says the host lives on; None for a missing file."""
        path = self.path(PAYLOAD, "protect")
        if lines is not None:
            _write(path, "".join(line + "\n" for line in [PROTECT, *lines]))
        elif os.path.exists(path):
            os.unlink(path)

    def policy(self, files):
        """Sets the policy: {name below /etc, or below / for one of /usr/lib: bytes}. None is a link
        to /dev/null."""
        for name, content in files.items():
            path = self.path("" if name.startswith("usr/lib/") else "etc", name)
            _dirs(os.path.dirname(path))
            if content is None:
                os.symlink("/dev/null", path)
            else:
                _write(path, content)

    def read(self, name):
        with open(self.path(name), encoding="utf-8", errors="surrogateescape") as file:
            return file.read()

    def _link(self, target, path):
        """A relative link, as sysfs makes them: --root lets none lead out of the tree. All of ours
        lead from one folder of sys into another, so that it goes up to sys in any case."""
        sys = self.path("sys/")
        os.symlink("../" * path.count("/", len(sys)) + target[len(sys):], path)

    def _skeleton(self):
        for name in ("proc", "dev", "run", "etc", PAYLOAD, "sys/bus/pci/devices",
                     "sys/bus/pci/drivers", "sys/bus/pci/slots", "sys/bus/platform/devices",
                     "sys/bus/platform/drivers", "sys/kernel/iommu_groups", "sys/module"):
            _dirs(self.path(name))
        _write(self.path("dev/kmsg"), b"")
        _write(self.path("sys/bus/pci/drivers_probe"), b"")
        made_for = {driver for driver, _ in self.machine.variants}
        for name in {d.driver for d in self.machine if d.driver}.union(GUEST_DRIVERS, made_for):
            _dirs(self.path("sys/bus/pci/drivers", name))
            for attribute in ("bind", "unbind"):
                _write(self.path("sys/bus/pci/drivers", name, attribute), b"")

    def _directory(self, device):
        """sys/devices/pciDDDD:BB/ADDRESS/ADDRESS..., through a root bus below a function."""
        if device.address not in self.paths:
            if device.parent:
                parent = self._directory(self.machine.devices[device.parent])
            else:
                above = self.machine.below.get(device.key[:2])
                parent = os.path.join(
                    self._directory(self.machine.devices[above]) if above
                    else self.path("sys/devices"), "pci" + device.address.rsplit(":", 1)[0])
            self.paths[device.address] = os.path.join(parent, device.address)
        return self.paths[device.address]

    def _device(self, device):
        path = self._directory(device)
        _dirs(path)
        self._link(path, self.path("sys/bus/pci/devices", device.address))
        _write(path + "/uevent", uevent(device))
        _write(path + "/driver_override", b"(null)\n")
        if device.unreadable:
            _dirs(path + "/config")  # EISDIR
        else:
            _write(path + "/config", self._config(device))
        if device.boot_vga is not None:
            _write(path + "/boot_vga", "%d\n" % device.boot_vga)
        if device.dsn and self.serial_number:
            _write(path + "/serial_number", dsn_text(device.dsn) + "\n")
        if device.driver:
            driver = self.path("sys/bus/pci/drivers", device.driver)
            self._link(driver, path + "/driver")
            self._link(path, os.path.join(driver, device.address))
        if device.boot_display:
            _dirs(path + "/drm/card0")
            _write(path + "/drm/card0/boot_display", b"1\n")
        if device.framebuffer:
            self._framebuffer(path if self.framebuffer_is_child
                              else self.path("sys/devices/platform"))

    def _virtual_functions(self):
        for device in self.machine:
            if device.total_vfs:
                path = self.paths[device.address]
                made = sum(other.physfn == device.address for other in self.machine)
                for name, text in (("totalvfs", device.total_vfs), ("numvfs", made),
                                   ("vf_device", "%x" % device.vf_device), ("drivers_autoprobe", 1)):
                    _write(f"{path}/sriov_{name}", f"{text}\n")
            if device.physfn:
                own, physical = self.paths[device.address], self.paths[device.physfn]
                os.symlink(os.path.relpath(physical, own), own + "/physfn")
                os.symlink(os.path.relpath(own, physical), f"{physical}/virtfn{device.vf}")

    def _framebuffer(self, parent):
        path = parent + "/efi-framebuffer.0"
        driver = self.path("sys/bus/platform/drivers/efi-framebuffer")
        for directory in (path, driver):
            _dirs(directory)
        for attribute in ("bind", "unbind"):
            _write(os.path.join(driver, attribute), b"")
        self._link(driver, path + "/driver")
        self._link(path, driver + "/efi-framebuffer.0")
        self._link(path, self.path("sys/bus/platform/devices/efi-framebuffer.0"))

    def _config(self, device):
        config = bytearray(256)
        for offset, value in ((0, device.vendor), (2, device.device), (0x0a, device.class16),
                              (0x2c, device.subvendor), (0x2e, device.subdevice)):
            config[offset:offset + 2] = value.to_bytes(2, "little")
        config[9] = device.cls & 0xff
        siblings = sum(d.slot == device.slot for d in self._slot_mates(device))
        config[0x0e] = device.header_type | (0x80 if siblings > 1 else 0)
        if device.dsn and not self.serial_number:
            config.extend(bytes(4096 - 256))
            config[DSN_CAPABILITY:DSN_CAPABILITY + 4] = (0x00010003).to_bytes(4, "little")
            config[DSN_CAPABILITY + 4:DSN_CAPABILITY + 12] = device.dsn.to_bytes(8, "little")
        return bytes(config)

    def _slot_mates(self, device):
        stem = device.address[:-1]
        names = (stem + str(function) for function in range(8))
        return [self.machine.devices[name] for name in names if name in self.machine.devices]

    def _groups(self):
        for device in self.machine:
            if device.group is None:
                continue
            group = self.path("sys/kernel/iommu_groups", str(device.group))
            _dirs(group + "/devices")
            path = self.paths[device.address]
            self._link(group, path + "/iommu_group")
            self._link(path, group + "/devices/" + device.address)

    def _slots(self):
        for name, (domain, bus, device) in self.machine.slots.items():
            path = self.path("sys/bus/pci/slots", name)
            _dirs(path)
            text = "%04x:%02x" % (domain, bus)
            text += "" if device is None else ":%02x" % device
            _write(path + "/address", text + "\n")

    def _iomem(self):
        lines = ["00000000-00000fff : Reserved"]
        for device in self.machine:
            if device.framebuffer:
                lines += ["d0000000-dfffffff : PCI Bus %s" % device.address[:-8],
                          "  d0000000-d0ffffff : " + device.address,
                          "    d0000000-d02fffff : efifb", "  d1000000-d1003fff : 0000:ff:1f.7"]
        _write(self.path("proc/iomem"), "\n".join(lines) + "\n")

    def _payload(self):
        machine = self.machine
        _write(self.path(PAYLOAD, "plan"), "vfio-bind-plan 1\nkernel %s\nbuiltin vfio-pci\n"
               % machine.kernel + "".join("variant %s %s\n" % one for one in machine.variants))
        if machine.variants:
            modules = self.path("lib/modules", machine.kernel)
            _dirs(modules)
            _write(modules + "/modules.alias", variants.modules_alias(machine.variants))
        _dirs(self.path("proc/sys/kernel"))
        _write(self.path("proc/sys/kernel/osrelease"), machine.kernel + "\n")
        self.protect(machine.protect)


def release(kernel):
    """The first two numbers of a kernel's name."""
    return tuple(map(int, re.match(r"(\d+)\.(\d+)", kernel).groups()))


def uevent(device):
    """The exact format of pci_uevent() and of the driver core before it."""
    lines = ["DRIVER=" + device.driver] if device.driver else []
    lines += ["PCI_CLASS=%04X" % device.cls,
              "PCI_ID=%04X:%04X" % (device.vendor, device.device),
              "PCI_SUBSYS_ID=%04X:%04X" % (device.subvendor, device.subdevice),
              "PCI_SLOT_NAME=" + device.address,
              "MODALIAS=pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X"
              % (device.vendor, device.device, device.subvendor, device.subdevice,
                 device.base, device.class16 & 0xff, device.cls & 0xff)]
    return "\n".join(lines) + "\n"


def dsn_text(dsn):
    return "-".join("%02x" % byte for byte in dsn.to_bytes(8, "big"))
