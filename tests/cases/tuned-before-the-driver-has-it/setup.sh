# SPDX-License-Identifier: GPL-2.0-or-later
echo 1 >sys/bus/pci/devices/0000:01:00.0/d3cold_allowed
echo flr bus >sys/bus/pci/devices/0000:01:00.0/reset_method
echo 0 >sys/bus/pci/devices/0000:ff:1f.7/d3cold_allowed
