# SPDX-License-Identifier: GPL-2.0-or-later
"""On which Debian a test boots by day, and on which by night as well."""

import pytest

from .roots import BOOKWORM, RELEASES, SID, TRIXIE


def by_night(*releases):
    """Releases as parameters that are left out by day."""
    return [pytest.param(release, marks=pytest.mark.nightly) for release in releases]


def one_by_day(first, *others):
    """For what a boot on either of them proves."""
    return pytest.mark.parametrize("release", [first, *by_night(*others)], ids=str, indirect=True,
                                   scope="session")


# SID: what the next one will be made of.
EACH = (*RELEASES, *by_night(SID))
ONE_BY_DAY = one_by_day(TRIXIE, BOOKWORM, SID)
