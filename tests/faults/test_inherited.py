# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever the binder inherits from who starts it: the same is bound, said and reported."""

import os
import resource
import signal
import stat
import subprocess
import tempfile

import pytest

from lib.binder import BINDER, REPORT, clear
from lib.quick import fixture_memory  # noqa: F401
from scenarios import SCENARIOS

SCENARIO = next(scenario for scenario in SCENARIOS if scenario.name == "drives")


def ignore(*numbers):
    """These signals have no effect."""
    return lambda: [signal.signal(number, signal.SIG_IGN) for number in numbers]


def block():
    """No signal arrives."""
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))


def close(*numbers):
    """These are not open."""
    return lambda: [os.close(number) for number in numbers]


def open_many():
    """Two hundred files, which a program that begins keeps."""
    for _ in range(200):
        os.set_inheritable(os.open("/", os.O_RDONLY), True)


def lose_folder():
    """The working folder is gone."""
    os.mkdir("/tmp/gone")
    os.chdir("/tmp/gone")
    os.rmdir("/tmp/gone")


def break_stderr():
    """Nobody reads what is said there."""
    reads, writes = os.pipe()
    os.close(reads)
    os.dup2(writes, 2)


INHERITED = {
    "nothing": lambda: None,
    "SIGCHLD ignored": ignore(signal.SIGCHLD),
    "signals ignored": ignore(*{*signal.Signals} - {signal.SIGKILL, signal.SIGSTOP}),
    "signals blocked": block,
    "umask 777": lambda: os.umask(0o777),
    "umask 0": lambda: os.umask(0),
    "files": open_many,
    "few files": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
    "no core": lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
    "no working folder": lose_folder,
    "stdin closed": close(0),
    "stdin and stdout closed": close(0, 1),
    "all closed": close(0, 1, 2),
    "stderr broken": break_stderr,
}


def outcome(memory, prepare, *before):
    """What comes of a run of the binder that inherits that."""
    with tempfile.TemporaryDirectory(dir=memory) as root:
        return outcome_in(SCENARIO.plant(root), prepare, *before)


def outcome_in(tree, prepare, *before):
    """Exit status, what was said and reported, modes, and what was written to the drivers."""
    clear(tree)
    done = subprocess.run([*before, BINDER, "--root", tree.root], preexec_fn=prepare, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL)
    left = {os.path.relpath(os.path.join(folder, file), tree.root):
            tree.read(os.path.relpath(os.path.join(folder, file), tree.root))
            for folder, _, files in os.walk(tree.path("sys/bus/pci/drivers")) for file in files}
    modes = [stat.S_IMODE(os.stat(tree.path(path)).st_mode)
             for path in (REPORT, os.path.dirname(REPORT))]
    return done.returncode, tree.read("dev/kmsg"), tree.read(REPORT), modes, left


@pytest.mark.parametrize("inherited", INHERITED)
def test_what_is_inherited_does_not_matter(memory, inherited):
    """Exit status, what is said, what is written, and who may read it."""
    plain = outcome(memory, None)
    assert plain[0] == 1 and plain[3] == [0o644, 0o755] and "died" not in plain[1]
    assert outcome(memory, INHERITED[inherited]) == plain


def test_without_dev(tmp_path):
    """No /dev/null is there to be opened in place of what is closed."""
    plain = outcome(tmp_path, None)
    without = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /dev && exec "$@" <&- >&- 2>&-',
               "sh"]
    if os.geteuid() != 0:
        pytest.skip("takes root")
    assert outcome(tmp_path, None, *without) == plain
