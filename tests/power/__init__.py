# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kill or a power cut leaves of the policy."""
