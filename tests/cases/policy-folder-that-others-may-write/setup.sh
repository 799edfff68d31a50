# SPDX-License-Identifier: GPL-2.0-or-later
chmod o+w etc/vfio-bind.conf.d
