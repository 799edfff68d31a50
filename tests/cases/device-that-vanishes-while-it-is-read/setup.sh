# SPDX-License-Identifier: GPL-2.0-or-later
rm sys/bus/pci/devices/0000:02:00.0/uevent
