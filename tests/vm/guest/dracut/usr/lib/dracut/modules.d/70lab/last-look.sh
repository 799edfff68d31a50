#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The last look before the real root. Sourced by dracut.

# shellcheck source=/dev/null
. /usr/lib/lab/facts
facts initramfs
# What this one test wants done here, or there: the test appends it to the image.
if [ -e /lab/in-initramfs ]; then
    # shellcheck source=/dev/null
    . /lab/in-initramfs
fi
if [ -e /lab/in-root ]; then
    mkdir -p /run/lab
    cp /lab/in-root /run/lab/in-root
fi
