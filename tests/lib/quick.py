# SPDX-License-Identifier: GPL-2.0-or-later
"""For tests that start a program thousands of times: files in memory, and no fork of Python."""

import os
import shutil
import subprocess
import tempfile

import pytest

from lib.build import built

MEMORY = "/dev/shm"
SANITIZERS = ("AddressSanitizer", "runtime error", "LeakSanitizer")


@pytest.fixture(scope="module", name="memory")
def fixture_memory():
    """A directory in memory where there is one; a disk that is busy makes minutes of seconds."""
    root = tempfile.mkdtemp(prefix="vfio-bind-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None)
    yield root
    shutil.rmtree(root)


class Runner:
    """Runs a program with its output in files, again and again the same ones."""

    def __init__(self, folder, environment):
        self.files = [os.path.join(folder, name) for name in ("stdout", "stderr")]
        self.environment = environment

    def run(self, *words):
        """(exit status, stdout, stderr)."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        actions = [(os.POSIX_SPAWN_OPEN, number, path, flags, 0o600)
                   for number, path in enumerate(self.files, 1)]
        argv = [str(word) for word in words]
        pid = os.posix_spawn(argv[0], argv, self.environment, file_actions=actions)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        stdout, stderr = map(read, self.files)
        assert status >= 0 and not any(word in stderr for word in SANITIZERS), (status, stderr)
        return status, stdout, stderr


def read(path):
    """A program may print what it was given, whatever that was."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


class Again:
    """Runs commands of the host program in processes that are forked once it is linked: that
    takes half the time."""

    def __init__(self, folder, environment):
        self.files = [os.path.join(folder, name) for name in ("stdout", "stderr")]
        self.process = subprocess.Popen([built("tests/again"), *self.files], env=environment,
                                        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self, *words):
        """(exit status, stdout, stderr)."""
        line = "\t".join(map(str, words))
        assert "\n" not in line
        print(line, file=self.process.stdin, flush=True)
        status = int(self.process.stdout.readline())
        stdout, stderr = map(read, self.files)
        assert status >= 0 and not any(word in stderr for word in SANITIZERS), (status, stderr)
        return status, stdout, stderr

    def close(self):
        """Ends it."""
        self.process.communicate()
