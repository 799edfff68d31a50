# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine with a generator that builds what it is told, for tests of vfio-bind update."""

import os
import shutil
import subprocess
import time

import pytest

from . import limited
from .hosttree import HostTree
from .initramfs import image, initramfs_tools, tree
from .moduletree import vfio_tree
from .payload import OURS, build, set_policy

BINDER = b"\x7fELF, or so it says\n"
# A generator: notes how it was called, copies what /todo says, and exits as /status says.
FAKE = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char *argv[])
{
	if (argc > 1 && !strcmp(argv[1], "status")) { /* of rpm-ostree: it is asked, and builds nothing */
		FILE *answer = fopen("/answer", "r");
		int c;

		while (answer && (c = getc(answer)) != EOF)
			putchar(c);
		return !answer;
	}
	FILE *log = fopen("/log", "a"), *todo = fopen("/todo", "r"), *status = fopen("/status", "r");
	char from[256], to[256], buffer[65536];
	int code = 0;

	for (int i = 0; i < argc; i++)
		fprintf(log, "%s%s", i ? " " : "", argv[i]);
	fprintf(log, "\n");
	printf("the generator speaks\n");
	while (todo && fscanf(todo, "%255s %255s", from, to) == 2) {
		FILE *in = fopen(from, "r"), *out = fopen(to, "w");
		size_t n;

		while ((n = fread(buffer, 1, sizeof(buffer), in)) > 0)
			fwrite(buffer, 1, n, out);
		fclose(out);
	}
	if (status && fscanf(status, "%d", &code) != 1)
		return 99;
	return code;
}
"""
UNPRIVILEGED = [] if os.geteuid() == 0 else ["unshare", "--map-root-user"]


def compile_fake(path, source):
    """A program that runs below a root of its own; to get there may take a user namespace."""
    subprocess.run(["cc", "-static", "-x", "c", "-o", path, "-"], input=source, text=True,
                   check=True)
    if UNPRIVILEGED and subprocess.run([*UNPRIVILEGED, "true"], check=False).returncode:
        pytest.skip("no user namespace can be made here")
    return path


@pytest.fixture(name="fake", scope="module")
def fixture_fake(tmp_path_factory):
    """The program that stands for every generator's."""
    return compile_fake(tmp_path_factory.mktemp("fake") / "fake", FAKE)


@pytest.fixture(name="built", scope="module")
def fixture_built(program, tmp_path_factory):
    """A machine without a generator, and an image as one should make it now."""
    root = tmp_path_factory.mktemp("update") / "root"
    for name in ("boot", "efi", "usr/sbin", f"{OURS}"):
        (root / name).mkdir(parents=True)
    host = HostTree(root)  # the drive it has is that of the root
    host.nvme()
    host.mount("/", "259:0")
    vfio_tree(root)
    set_policy(root)
    (root / OURS / "binder").write_bytes(BINDER)
    payload = build(program, root, root.parent / "payload", binder=root / OURS / "binder").dir
    return root, image({**tree(payload), **initramfs_tools()})


class Host:
    """A machine with a generator, and an image that it is going to build."""

    def __init__(self, root, fake):
        self.root, self.fake = root, fake

    def add(self, *names, content=b""):
        for name in names:
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_bytes(content)
            os.utime(self.root / name, (time.time() - 60,) * 2)

    def program(self, *names):
        for name in names:
            self.add(name, content=self.fake.read_bytes())
            (self.root / name).chmod(0o755)

    def will_build(self, content, *paths):
        self.add("new", content=content)
        self.add("todo", content="".join(f"/new /{path}\n" for path in paths).encode())

    def log(self):
        path = self.root / "log"
        return path.read_text().splitlines() if path.exists() else []

    def update(self, program, *options):
        done = limited.run([*UNPRIVILEGED, program, "--root", self.root, "update", *options],
                           text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for word in ("AddressSanitizer", "runtime error", "LeakSanitizer"):
            assert word not in done.stderr, done.stderr
        return done


@pytest.fixture(name="host")
def fixture_host(tmp_path, built, fake):
    shutil.copytree(built[0], tmp_path / "root", symlinks=True)
    return Host(tmp_path / "root", fake)


def debian(host):
    host.program("usr/sbin/update-initramfs")
    host.add("usr/share/initramfs-tools/hook-functions")
