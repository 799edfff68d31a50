# SPDX-License-Identifier: GPL-2.0-or-later
"""On which Debian a test boots by day, and on which by night as well."""

import pytest

from .roots import BOOKWORM, RELEASES, SID, TRIXIE


def by_night(*releases):
    """Releases as parameters that are left out by day."""
    return [pytest.param(release, marks=pytest.mark.nightly) for release in releases]


# SID: what the next one will be made of.
EACH = (*RELEASES, *by_night(SID))
# What a boot on either of the two proves.
ONE_BY_DAY = pytest.mark.parametrize("release", [TRIXIE, *by_night(BOOKWORM, SID)], ids=str,
                                     indirect=True, scope="session")
