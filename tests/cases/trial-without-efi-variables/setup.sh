# SPDX-License-Identifier: GPL-2.0-or-later
printf 'vfio-bind-trial 1\nboots 1\npolicy 0123456789abcdef\n' >usr/lib/vfio-bind/trial
