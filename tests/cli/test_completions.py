# SPDX-License-Identifier: GPL-2.0-or-later
"""Completions of bash, zsh and fish: what a line is completed to, each by its own shell."""

import os
import pty
import re
import select
import shutil
import subprocess

import pytest

from lib import golden, limited
from lib.payload import TOP, fixture_program  # noqa: F401

MACHINE = "tests/machines/desktop-trx40-rtx3080-early.tsv"
ON = f"vfio-bind --machine {MACHINE} "
CARD = ["0000:21:00.0", "0000:21:00.1"]
NAME = "NVIDIA GA102 [GeForce RTX 3080]"
SAFETY = 600  # seconds without a word: a shell that hangs

LINES = [
    # What is typed, and what it could be.
    ("vfio-bind re", ["release", "remove", "repair"]),
    ("vfio-bind list --js", ["--json"]), ("vfio-bind graph --js", []), ("vfio-bind dump --js", []),
    ("vfio-bind payload --js", []),
    (ON + "exp", ["explain"]),
    ("vfio-bind --json verify --st", ["--strict"]),
    ("vfio-bind check --st", ["--strict"]),
    ("vfio-bind list --a", ["--all"]),
    ("vfio-bind add --d", ["--dry-run"]),
    ("vfio-bind remove --d", ["--dry-run"]),
    ("vfio-bind explain --d", []),
    ("vfio-bind fal", ["fallback"]),
    ("vfio-bind fallback --rem", ["--remove"]),
    ("vfio-bind payload --k", ["--kernel"]),
    (ON + "add 0000:21", CARD),
    (ON + "remove --dry-run 0000:21", CARD),
    (ON + "explain 0000:21:00.", CARD),
    (ON + "release 21:", ["21:00.0", "21:00.1"]),
    (ON + "explain 0000:00:01", []),  # a bridge, which list leaves out
    (ON + "explain ff", []),
    ("vfio-bind list --f", ["--for"]), ("vfio-bind list --for pr", ["proxmox"]),
    (ON + "list --for qemu 0000:21", CARD), (ON + "list 0000:21", []),
    (f"vfio-bind --machine={MACHINE} add 0000:21", CARD),
    ("vfio-bind add /dev/nul", ["/dev/null"]),
    ("vfio-bind release /dev/nul", ["/dev/null"]),
    ("vfio-bind verify READ", ["README.md"]), ("vfio-bind import READ", ["README.md"]),
    ("vfio-bind --machine " + MACHINE[:-2], [MACHINE]),
]


@pytest.fixture(name="path", scope="module")
def fixture_path(program, tmp_path_factory):
    """An environment in which the program is found by its name, in the project's directory."""
    home = tmp_path_factory.mktemp("home")  # of all: zsh takes its time to list its functions
    (home / "vfio-bind").symlink_to(program)
    return {**golden.environment(), "PATH": f"{home}:{os.environ['PATH']}", "HOME": str(home)}


def run(words, env):
    done = limited.run(words, cwd=TOP, env=env, stdin=subprocess.DEVNULL, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.stderr == "", done.stderr
    return done.stdout.splitlines()


def bash(line, env, kind=9, breaks=" \t\n\"'><=;|&(:"):
    script = f"""source completions/vfio-bind.bash
COMP_LINE=$1 COMP_POINT=${{#1}} COMP_TYPE={kind} COMP_WORDBREAKS=$2
_vfio_bind
((${{#COMPREPLY[@]}} == 0)) || printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    return run(["bash", "--norc", "-c", script, "bash", line, breaks], env)


def without_colons(line, words):
    """What readline is to insert: it takes ":" for the end of a word."""
    typed = line.split(" ")[-1]
    return [word[typed.rfind(":") + 1:] for word in words]


@pytest.mark.parametrize("line, words", LINES)
def test_bash(path, line, words):
    assert sorted(bash(line, path)) == without_colons(line, words)
    assert sorted(bash(line, path, breaks=" \t\n")) == words


def test_bash_lists_names_and_never_inserts_them(path):
    assert f"21:00.0  {NAME}" in bash(ON + "add 0000:21", path, kind=63)
    assert NAME not in str(bash(ON + "add 0000:21", path, kind=37))


@pytest.mark.skipif(not shutil.which("fish"), reason="no fish")
@pytest.mark.parametrize("line, words", LINES)
def test_fish(path, line, words):
    script = "source completions/vfio-bind.fish; complete -C $argv[1]"
    lines = run(["fish", "--no-config", "-c", script, line], path)
    assert [entry.split("\t")[0] for entry in lines] == words
    assert words != CARD or lines[0].endswith("\t" + NAME)


def zsh(line, env):
    """Types the line and TAB, at a terminal; returns what then stands there."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(TOP)
        os.execvpe("zsh", ["zsh", "-f", "-i"], {**env, "TERM": "dumb", "PS1": "> "})
    output = ""

    def read_until(what):
        nonlocal output
        start = len(output)
        while not re.search(what, output[start:]):
            assert select.select([terminal], [], [], SAFETY)[0], output
            output += os.read(terminal, 65536).decode(errors="replace")
        return output[start:]

    os.write(terminal, b"stty cols 300; fpath=($PWD/completions $fpath); autoload -Uz compinit; "
                       b"compinit -u; setopt nolistambiguous nobeep; print rea''dy\n")
    read_until("ready\r")
    os.write(terminal, line.encode() + b"\t")
    os.write(terminal, b"\x01print -r -- '<\x05>'; print do''ne\n")
    said = read_until("done\r")
    os.write(terminal, b"exit\n")
    os.close(terminal)
    os.waitpid(pid, 0)
    return said


@pytest.mark.skipif(not shutil.which("zsh"), reason="no zsh")
@pytest.mark.parametrize("line, words", LINES)
def test_zsh(path, line, words):
    said = zsh(line, path)
    final = re.findall(r"^<(.*)>\r?$", said, re.MULTILINE)[-1]
    if len(words) == 1:
        assert final.split()[-1].replace("\\", "") == words[0]
    else:
        shared = os.path.commonprefix(words) if words else line.split(" ")[-1]
        assert final.split()[-1].replace("\\", "") == shared
        listed = re.findall(r"^(\S+) +-- (.*?) *\r?$", said, re.MULTILINE)
        assert {word for word, _ in listed} == set(words)
        assert words != CARD or (CARD[0], NAME) in listed


def commands(program):
    text = subprocess.run([program, "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return re.findall(r"^  (\w+)", text, re.MULTILINE)


@pytest.mark.parametrize("name, pattern", [
    ("vfio-bind.bash", r"(?s)^_vfio_bind_commands=\"(.*?)\""), ("_vfio-bind", r"^\t\t[\"'](\w+):"),
    ("vfio-bind.fish", r"-n \$none -a (\w+)"),
])
def test_every_command_is_known(program, name, pattern):
    text = (TOP / "completions" / name).read_text()
    found = " ".join(re.findall(pattern, text, re.MULTILINE)).split()
    assert len(found) == len(set(found)) and set(commands(program)) <= set(found)


@pytest.mark.parametrize("name", ["bash-completion/completions/vfio-bind",
                                  "zsh/site-functions/_vfio-bind",
                                  "fish/vendor_completions.d/vfio-bind.fish"])
def test_they_are_installed(name):
    told = subprocess.run(["make", "-n", "-C", TOP, "install", "DESTDIR=/there", "PREFIX=/usr"],
                          stdout=subprocess.PIPE, text=True, check=True).stdout
    assert re.search(rf"\s/there/usr/share/{name}$", told, re.MULTILINE)
