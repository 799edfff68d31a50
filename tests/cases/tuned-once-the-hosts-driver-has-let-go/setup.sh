# SPDX-License-Identifier: GPL-2.0-or-later
echo 1 >sys/bus/pci/devices/0000:01:00.0/d3cold_allowed
echo bus >sys/bus/pci/devices/0000:02:00.0/reset_method
