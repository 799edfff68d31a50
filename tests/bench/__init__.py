# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures: what the binder costs. `make bench` prints them; no test depends on a time."""
