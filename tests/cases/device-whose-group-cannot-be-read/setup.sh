# SPDX-License-Identifier: GPL-2.0-or-later
rm sys/bus/pci/devices/0000:01:00.0/iommu_group; ln -s nowhere/x sys/bus/pci/devices/0000:01:00.0/iommu_group
