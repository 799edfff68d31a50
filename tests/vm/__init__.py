# SPDX-License-Identifier: GPL-2.0-or-later
"""Boots emulated machines and looks who has which PCI function: see README.md here."""
