# SPDX-License-Identifier: GPL-2.0-or-later
"""What --help says, of all and of each command; and which word may have been meant."""

import re
import subprocess

import pytest

from lib import golden
from lib.payload import fixture_program  # noqa: F401

COMMANDS = ("list", "graph", "status", "check", "explain", "add", "remove", "repair", "import",
            "apply", "release", "update", "confirm", "verify", "fallback", "dump", "overlay",
            "payload")


def run(program, *words):
    return subprocess.run([program, *words], text=True, capture_output=True, check=False)


def test_the_overview_has_every_command(program):
    done = run(program, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall(r"^  (\w+) ", done.stdout, re.M) == list(COMMANDS)
    golden.compare("help/vfio-bind.txt", done.stdout)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command(program, command):
    """A sentence, its own options, its columns with a word each, an example that it takes."""
    done = run(program, command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    golden.compare(f"help/{command}.txt", done.stdout)
    usage, sentence, *_ = done.stdout.split("\n\n")
    assert usage.startswith(f"usage: vfio-bind {command}") and sentence.strip().endswith(".")
    for option in re.findall(r"--[a-z-]+", usage):
        assert f"\n  {option}" in done.stdout or f"{option} " in usage
    columns = re.findall(r"^  ([A-Z]+) +(\S.*)?$", done.stdout.partition("\nColumns:\n")[2], re.M)
    assert all(words for _, words in columns), columns
    example = done.stdout.split("Example:\n  ")[1]
    assert example.split()[0] == "vfio-bind" and f" {command}" in example


@pytest.mark.parametrize("words, said", [
    (["lst"], "lst: there is no such command: did you mean list?"),
    (["lits"], "did you mean list?"), (["expain"], "did you mean explain?"),
    (["reboot"], "reboot: there is no such command; see vfio-bind --help"),
    (["list", "--al1"], "unrecognized option '--al1': did you mean --all?"),
    (["list", "--jsno"], "did you mean --json?"), (["add", "--dryrun"], "did you mean --dry-run?"),
    (["list", "--zzzz"], "unrecognized option '--zzzz'"),
    (["list", "-o", "adress"], "there is no column adress: did you mean ADDRESS?; there are "
                               "ADDRESS CLASS ID"),
    (["verify", "-o", "RULE", "/none"], "")])
def test_the_nearest_word(program, tmp_path, words, said):
    (tmp_path / "machine").write_text("0000:00:00.0\t060000\t1:1\t-\t-\t-\t-\t-\t-\t-\t-\n"
                                      .replace("1:1", "0001:0001"))
    more = ["--machine", tmp_path / "machine"] if words[0] == "list" else []
    done = run(program, *more, *words)
    assert done.returncode in (1, 2) and said in done.stderr and not done.stdout
