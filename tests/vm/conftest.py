# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures: a lab per release. With xdist, `-n 2 --dist loadgroup` keeps what shares a boot in a
lane."""

import os
import shutil
from functools import lru_cache

import pytest

pytest.register_assert_rewrite(f"{__package__}.proof")

from .lab import Lab  # noqa: E402  pylint: disable=wrong-import-position
from .nights import EACH  # noqa: E402  pylint: disable=wrong-import-position

TOOLS = ("qemu-system-x86_64", "mmdebstrap", "mke2fs", "debugfs", "e2fsck", "unshare", "make")
# No two tests of these share a boot: they fill whichever lane is free.
ALONE = {"test_faults", "test_machines", "test_sabotaged", "test_stories"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Keeps the tests of a file and a release together: they share boots."""
    for item in items:
        release = getattr(item, "callspec", None) and item.callspec.params.get("release")
        if release and item.path.stem not in ALONE:
            item.add_marker(pytest.mark.xdist_group(f"{release}-{item.path.stem}"))


@pytest.fixture(scope="session", params=EACH, ids=str)
def release(request):
    """Each release in turn."""
    return request.param


@pytest.fixture(scope="session", name="labs")
def all_labs(tmp_path_factory):
    """A function that gives a release's one lab."""
    return lru_cache(None)(lambda release: Lab(release, tmp_path_factory.mktemp(str(release))))


# A module may have releases of its own: pytest would go on with another module's lab if this
# lived for a session.
@pytest.fixture(scope="module")
def lab(release, labs):
    """Where that release's machines are booted. What is missing is a failure: nothing is proven."""
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing or os.geteuid() != 0:
        pytest.fail(f"needs root and {', '.join(missing or TOOLS)}", pytrace=False)
    found = labs(release)
    assert found.release is release
    return found
