# SPDX-License-Identifier: GPL-2.0-or-later
printf 'vfio-bind-trial 1\nboots 1\npolicy 0123456789abcdef\n' >usr/lib/vfio-bind/trial
mkdir -p sys/firmware/efi/efivars
: >sys/firmware/efi/efivars/VfioBindTrial-29816690-cd8b-438a-9722-e290f7c7a2d5
