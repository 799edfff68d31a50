#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What people copy from wikis: every graphics card without the boot's picture, and its sound.
# shellcheck disable=SC2044 # as it is copied

for mark in $(find /sys/devices/pci* -name boot_vga); do
	if [ "$(cat "$mark")" -eq 0 ]; then
		card="${mark%/boot_vga}"
		sound="$(echo "$card" | sed -e "s/0$/1/")"
		echo "vfio-pci" >"$card/driver_override"
		if [ -d "$sound" ]; then
			echo "vfio-pci" >"$sound/driver_override"
		fi
	fi
done
