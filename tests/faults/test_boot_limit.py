# SPDX-License-Identifier: GPL-2.0-or-later
"""verify --boot where QEMU never ends and says nothing: the limit holds by the injector's clock."""

import os

import pytest

from lib import golden
from lib.initramfs import image, initramfs_tools
from lib.injector import Answer, Injector
from lib.payload import OURS, fixture_program, set_policy  # noqa: F401

LIMIT = 300_000  # LIMIT_S of verify_boot.c, in milliseconds

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the injector takes root")


def test_qemu_that_never_ends(program, tmp_path):
    """It is killed, which is waited for no more, and nothing is proven."""
    root, qemu = tmp_path / "root", tmp_path / "bin/qemu-system-x86_64"
    files = [tmp_path / name for name in ("stdout", "stderr")]
    set_policy(root)
    for path, content in ((root / "boot/vmlinuz-6.9", "a kernel"),
                          (qemu, "#!/bin/sh\nread line </dev/null\n")):
        path.parent.mkdir()
        path.write_text(content)
    qemu.chmod(0o755)
    (tmp_path / "initrd").write_bytes(image(
        {**initramfs_tools(), f"{OURS}/binder": "\x7fELF", "usr/lib/modules/6.9": None}))
    injector = Injector(
        root, env={**golden.environment(), "PATH": f"{qemu.parent}:/usr/bin:/bin"}, program=(
            "/bin/sh", "-c", 'exec >"$1" 2>"$2"; shift 2; exec "$@"', "sh", *files, program,
            "--root", root, "verify", "--json", "--boot", tmp_path / "initrd"))
    _, calls = injector.calls()
    last = max(calls, key=lambda call: (call.process, call.at))  # of the last QEMU
    assert injector.run(last, "stall", 0) == Answer(1, True, LIMIT, 0)
    injector.close()
    (order,) = [row for row in golden.validate(files[0].read_text(), "verify")["checks"]
                if row["check"] == "order"]
    assert order["result"] == "unknown" and "does not say what it starts" in order["detail"]
