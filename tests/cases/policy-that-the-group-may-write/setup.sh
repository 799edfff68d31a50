# SPDX-License-Identifier: GPL-2.0-or-later
chmod g+w etc/vfio-bind.conf.d/a.conf
