#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# dracut sources this, so it never exits. The binder reads rd.vfio_bind=0 itself.
if [ -x /usr/lib/vfio-bind/binder ]; then
    /usr/lib/vfio-bind/binder || :
fi
