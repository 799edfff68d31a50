# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures: the Debian package of this tree."""

import os
import shutil

import pytest

from .deb import cached_deb

TOOLS = ("mmdebstrap", "dpkg-deb", "lintian", "unshare", "make")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Keeps the tests of one root together: they look at the same life."""
    for item in items:
        release = getattr(item, "callspec", None) and item.callspec.params.get("life")
        if release:
            item.add_marker(pytest.mark.xdist_group(f"package-{release}"))


@pytest.fixture(scope="session", name="deb")
def built_deb():
    """What is missing is a failure: nothing is proven."""
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing or os.geteuid() != 0:
        pytest.fail(f"needs root and {', '.join(missing or TOOLS)}", pytrace=False)
    return cached_deb()
