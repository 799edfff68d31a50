#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a test wants to know of the machine, from within a dracut image.

check() {
    return 0
}

depends() {
    return 0
}

install() {
    inst_simple /usr/lib/lab/facts
    inst_multiple readlink mkdir cp
    # After rd.driver.pre=, before udev sees the machine: with systemd and without.
    # shellcheck disable=SC2154 # dracut sets moddir
    inst_hook pre-trigger 00 "$moddir/before-trigger.sh"
    inst_hook pre-pivot 99 "$moddir/last-look.sh"
}
