# SPDX-License-Identifier: GPL-2.0-or-later
"""On which Debian a test boots by day, and on which by night as well."""

import pytest

from .roots import BOOKWORM, SID, TRIXIE


def by_night(*releases):
    """Releases as parameters that are left out by day."""
    return [pytest.param(release, marks=pytest.mark.nightly) for release in releases]


# What a boot on one of them proves by day the others show by night. SID: what the next one will be
# made of.
EACH = (TRIXIE, *by_night(BOOKWORM, SID))
