# SPDX-License-Identifier: GPL-2.0-or-later
chmod o+w usr/lib/vfio-bind.conf.d
