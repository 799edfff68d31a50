# SPDX-License-Identifier: GPL-2.0-or-later
mkdir etc/vfio-bind.conf
