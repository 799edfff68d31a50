#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Puts binder, policy and modules into the image: see vfio-bind-initramfs(7).

# Wherever there is a policy, host-only image or not.
check() {
    local conf root=${dracutsysrootdir-}
    for conf in "$root"/etc/vfio-bind.conf{,.d/*.conf} "$root"/usr/lib/vfio-bind.conf.d/*.conf; do
        [[ -e $conf || -L $conf ]] && return 0
    done
    return 255
}

depends() {
    return 0
}

# A rescue image is the way out of a policy; a crash kernel's saves memory and nothing else.
leave_out() {
    dracut_module_included rescue || dracut_module_included kdumpbase ||
        dracut_module_included kdump
}

build_payload() {
    local status=0
    # dracut --sysroot builds an image for another system than the one it runs on.
    vfio-bind ${dracutsysrootdir:+--root "$dracutsysrootdir"} payload \
        --kernel "${kernel-}" "${initdir-}" || status=$?
    # 6: there are no rules, and nothing was written.
    ((status == 0 || status == 6)) ||
        dwarn "vfio-bind: not in this image (vfio-bind payload: exit $status)"
}

# Also run for --kernel-only. dracut gives the image up where this fails.
installkernel() {
    leave_out || build_payload
    return 0
}

install() {
    leave_out && return 0
    [[ ${no_kernel-} == yes ]] && build_payload
    # For devices that come while the image is at work.
    inst_rules 79-vfio-bind.rules
    if dracut_module_included systemd; then
        # A hook would be too late: systemd-modules-load waits for none.
        inst_simple /usr/lib/systemd/system/vfio-bind-initrd.service
        inst_simple /usr/lib/systemd/system/vfio-bind-undo.service
        "${SYSTEMCTL:-systemctl}" -q --root "${initdir-}" \
            add-wants sysinit.target vfio-bind-initrd.service vfio-bind-undo.service
    else
        # The first hook there is: rd.driver.pre= loads drivers in cmdline/01.
        # shellcheck disable=SC2154 # dracut sets moddir
        inst_hook cmdline 00 "$moddir/vfio-bind.sh"
        inst_hook initqueue/settled 99 "$moddir/vfio-bind-undo.sh"
    fi
    return 0
}
