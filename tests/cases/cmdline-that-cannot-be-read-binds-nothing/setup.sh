# SPDX-License-Identifier: GPL-2.0-or-later
rm proc/cmdline; mkdir proc/cmdline
