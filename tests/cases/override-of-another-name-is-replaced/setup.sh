# SPDX-License-Identifier: GPL-2.0-or-later
echo uio_pci_generic > sys/bus/pci/devices/0000:01:00.0/driver_override
