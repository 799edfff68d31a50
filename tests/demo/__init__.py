# SPDX-License-Identifier: GPL-2.0-or-later
"""One machine with twins, booted three times: what make demo shows."""
