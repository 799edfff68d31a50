#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# driverctl for each function it is told, without what it does behind the override: it would look
# for "vfio-pci" among the loaded modules, where that is called vfio_pci, and run modprobe.

while read -r address; do
	bash /bench/driverctl --nosave --noprobe set-override "$address" vfio_pci || exit
done </bench/chosen
