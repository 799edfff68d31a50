#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What was probed before this line of the log was not udev's doing.
echo "<6>lab: before trigger" >/dev/kmsg
