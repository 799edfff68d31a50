# SPDX-License-Identifier: GPL-2.0-or-later
rm -r sys/bus/pci/drivers/vfio-pci
