#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# dracut sources this in each turn of its wait for the root device, so it never exits. The binder
# reads rd.vfio_bind.undo= itself.
if [ -x /usr/lib/vfio-bind/binder ]; then
    /usr/lib/vfio-bind/binder --undo=look || :
fi
