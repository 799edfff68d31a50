# SPDX-License-Identifier: GPL-2.0-or-later
"""The packages that distributions install: built in clean roots, looked into, installed."""
