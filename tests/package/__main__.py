# SPDX-License-Identifier: GPL-2.0-or-later
"""make deb: the Debian package in build/deb."""

import shutil
import subprocess
import sys

from vm.images import SOURCE
from .deb import build, build_root, copy_source

TO = SOURCE / "build/deb"


def main():
    """Builds it and says where it is."""
    shutil.rmtree(TO, ignore_errors=True)
    copy_source(TO / "vfio-bind")
    root, _ = build_root()
    try:
        build(TO / "vfio-bind", root, TO)
    except (AssertionError, subprocess.CalledProcessError) as failure:
        sys.exit(f"{failure}\nmake deb: no package was built")
    for path in sorted(TO.glob("*.deb")):
        print(path.relative_to(SOURCE))


if __name__ == "__main__":
    main()
