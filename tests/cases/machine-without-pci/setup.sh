# SPDX-License-Identifier: GPL-2.0-or-later
rm -r sys/bus/pci/devices; mkdir sys/bus/pci/devices
