# SPDX-License-Identifier: GPL-2.0-or-later
"""What holds for all commands: bad input, no right to read or write, a pipe nobody reads, no
colour. The message is on stderr, and the exit status that of the table."""

import os
import shutil
import signal
import subprocess

import pytest

from lib import golden, limited
from lib.editing import CONF, plant, set_conf
from lib.payload import fixture_program  # noqa: F401
from lib.quick import fixture_memory  # noqa: F401
from lib.terminal import on_terminal

FREE = "03:00.0"
FROM_FILE = ("list", "graph", "status", "check", "explain", "import", "dump")
LIVE = ("apply", "release", "update", "confirm", "fallback", "verify", "overlay", "payload")
EDITING = ("add", "remove", "repair")
TAKING = ("add", "remove")  # of these, those that take a device
WITHOUT_JSON = ("graph", "dump", "payload")  # what they write has a form of its own
COMMANDS = (*FROM_FILE, *LIVE, *EDITING)
ARGUMENTS = {"explain": [FREE], "add": [FREE], "remove": [FREE], "release": [FREE],
             "verify": ["/boot/none"], "overlay": ["--kernel", "6.1", "-o", "/none/overlay"],
             "payload": ["--kernel", "6.1", "/none/payload"]}
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
AS_USER = NOBODY if os.geteuid() == 0 else []


def words(command):
    return [command, *ARGUMENTS.get(command, [])]


def fails(program, status, *arguments, said="", **more):
    """It exits so, with nothing on stdout and on stderr lines of its own that say it."""
    done = golden.run(program, *arguments, status=status, **more)
    assert done.stdout == ""
    assert done.stderr.startswith(("vfio-bind: ", "/")) and said in done.stderr, done.stderr
    return done


@pytest.fixture(name="root")
def fixture_root(memory):
    """A machine that anybody may read, with a rule for a drive."""
    os.chmod(memory, 0o755)
    root = plant(os.path.join(memory, "root")).root
    set_conf(golden.Path(root), f"bind {FREE} id=144d:a80a\n")
    yield golden.Path(root)
    subprocess.run(["chmod", "-R", "u+rwX", root], check=True)
    shutil.rmtree(root)


# Bad input.

@pytest.mark.parametrize("arguments, said", [
    (["nonsense"], "nonsense: there is no such command"), (["LIST"], "LIST: there is no such"),
    (["lis"], "there is no such command"), ([""], ": there is no such command"),
    ([], "a command is missing"), (["--nonsense"], "unrecognized option '--nonsense'"),
    (["--root"], "option '--root' requires an argument"), (["-x", "list"], "invalid option"),
])
def test_no_such_command(program, arguments, said):
    fails(program, 2, *arguments, said=said)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_such_option(program, command):
    fails(program, 2, *words(command), "--nonsense",
          said="vfio-bind: unrecognized option '--nonsense'")


@pytest.mark.parametrize("command", WITHOUT_JSON)
def test_no_json(program, root, command):
    done = fails(program, 2, "--root", root, *words(command), "--json", said=f"{command} writes ")
    assert done.stderr.endswith("no --json\n") or "no --json," in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_too_many_arguments(program, command):
    done = fails(program, 2, *words(command), "one", "two",
                 said=f"vfio-bind: usage: vfio-bind {command}")
    assert not done.stderr.rstrip("\n").endswith(" ")


@pytest.mark.parametrize("command", [name for name in COMMANDS if name in ARGUMENTS])
def test_too_few_arguments(program, command):
    fails(program, 2, command, said=f"vfio-bind: usage: vfio-bind {command} ")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("option, said", [("--help", "usage: vfio-bind"),
                                          ("--version", "vfio-bind 0")])
def test_help_and_version(program, command, option, said):
    done = golden.run(program, command, option)
    assert done.stdout.startswith(said) and done.stderr == ""


ADDRESSES = [  # argument, exit status, what is said
    ("99:00.0", 3, "99:00.0: there is no such device"),
    ("0001:03:00.0", 3, "there is no such device"),
    ("03:00.8", 2, "expected an address"), ("03:00", 2, "expected an address"),
    ("03:00.*", 2, "expected an address"), ("", 2, "expected an address"),
    ("nvme", 2, "expected an address"), ("0000:03:00.0x", 2, "expected an address"),
]


@pytest.mark.parametrize("argument, status, said", ADDRESSES)
@pytest.mark.parametrize("command", ["explain", "add", "remove", pytest.param(
    "release", marks=ROOT_ONLY)])
def test_address(program, root, command, argument, status, said):
    before = (root / CONF).read_bytes()
    fails(program, status, "--root", root, command, argument, said=said)
    assert (root / CONF).read_bytes() == before


@pytest.mark.parametrize("command", TAKING)
def test_node_that_is_not_there(program, root, command):
    fails(program, 3, "--root", root, command, "/dev/none", said="/dev/none: ")


ROW = "0000:00:00.0\t060000\t8086:3ec4\t8086:2086\t07\t-\t1\t-\t-\t-\t-\n"
FILES = {  # name: content, where in it the mistake is
    "a class": (ROW.replace("060000", "0600"), ":1:14: expected"),
    "an address": ("# a comment\n" + ROW.replace("00:00.0", "00:00.9"), ":2:1: expected"),
    "too few columns": (ROW.replace("\t-\n", "\n"), ":1:"),
    "twice": (ROW + ROW, ":2:1: "),
    "an unknown key": ("#nonsense 1\n" + ROW, ":1:"),
    "a device that is not there": ("#framebuffer 0000:09:00.0\n" + ROW, ":1:"),
    "no text": (bytes(range(256)).decode("latin-1"), ":1:"),
    # What fuzzing found: a column that was no place in the line, a line that nobody can find, and
    # what dump cannot write.
    "a root bus below nothing": ("#below 0000:00\n" + ROW, ":1:15: expected"),
    "a header type of nothing": ("#header-type 0000:00:00.0\n" + ROW, ":1:26: expected"),
    "a protect line": (ROW + "# a comment\n#protect unknown\n#protect storage path=1\n",
                       ":4:10: expected"),
    "a NUL byte": (ROW.replace("\t-\t1", "\tnvme\0\t1"), ":1:48: expected"),
    "what a terminal obeys": ("#cmdline quiet\x1b[31m\n" + ROW, ":1:15: expected"),
    "a slot without a name": (ROW.replace("-\t-\n", "\t-\n"), ":1:52: expected"),
    "a slot that is called none": ("#slot - 0000:05\n" + ROW, ":1:7: expected"),
    "a slot with a tab in its name": ("#slot a\tb 0000:05\n" + ROW, ":1:7: expected"),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("command", FROM_FILE)
def test_malformed_machine_file(program, tmp_path, command, name):
    text, place = FILES[name]
    path = tmp_path / "machine"
    path.write_bytes(text.encode("latin-1"))
    fails(program, 2, "--root", tmp_path, "--machine", path, *words(command), said=f"{path}{place}")


@pytest.mark.parametrize("command", FROM_FILE)
@pytest.mark.parametrize("path", ["/none", "/"])
def test_machine_file_that_cannot_be_read(program, tmp_path, command, path):
    fails(program, 1, "--root", tmp_path, "--machine", path, *words(command), said=f"{path}: ")


@pytest.mark.parametrize("command", [*LIVE, *EDITING])
def test_not_of_a_machine_file(program, tmp_path, command):
    machine = golden.MACHINES / "desktop-q57-gt220.tsv"
    fails(program, 2, "--root", tmp_path, "--machine", machine, *words(command), said="--machine")


@pytest.mark.parametrize("command", COMMANDS)
def test_root_that_is_not_there(program, tmp_path, command):
    if command in ("apply", "release", "update", "confirm", "fallback") and os.geteuid():
        pytest.skip("these ask first who is there")
    fails(program, 1, "--root", tmp_path / "none", *words(command), said=f"{tmp_path}/none: ")


# A mistake in the policy.

MISTAKE = {"dump": 0, "release": None, "confirm": None, "fallback": None, "verify": None,
           "overlay": None, "payload": None}


@pytest.mark.parametrize("command", [name for name in COMMANDS if MISTAKE.get(name, 2) == 2])
def test_policy_with_a_mistake(program, root, command):
    if command in ("apply", "update") and os.geteuid():
        pytest.skip("these ask first who is there")
    set_conf(root, "bind nonsense\n")
    done = golden.run(program, "--root", root, *words(command), status=2)
    assert "/etc/vfio-bind.conf:1:6: expected" in done.stderr
    assert (root / CONF).read_text(encoding="ascii") == "bind nonsense\n"


# An ordinary user.

@pytest.mark.parametrize("command, form", [
    (command, form) for command in FROM_FILE for form in ([], ["--json"])
    if form == [] or command not in WITHOUT_JSON])
def test_reading_takes_no_root(program, root, command, form):
    own, other = (golden.run(program, "--root", root, *words(command), *form, prefix=prefix,
                             status=None) for prefix in ([], AS_USER))
    assert (own.returncode, own.stdout) == (other.returncode, other.stdout)
    assert own.returncode in (0, 6, 10) and (own.stdout or command == "import")


@pytest.mark.parametrize("command", ["apply", "release", "update", "fallback", *TAKING])
def test_writing_says_what_it_lacks(program, root, command):
    if command in EDITING and os.geteuid():
        (root / "etc").chmod(0o555)
    before = (root / CONF).read_bytes()
    device = ["04:00.0"] if command == "add" else ARGUMENTS.get(command, [])
    done = golden.run(program, "--root", root, command, *device, prefix=AS_USER, status=4)
    assert done.stderr.startswith("vfio-bind: ")
    assert (root / CONF).read_bytes() == before


@pytest.mark.parametrize("command", [*FROM_FILE, *EDITING])
@pytest.mark.parametrize("name", ["sys", "sys/bus/pci/devices", "proc"])
def test_unreadable(program, root, command, name):
    (root / name).chmod(0)
    before = (root / CONF).read_bytes()
    fails(program, 4, "--root", root, *words(command), prefix=AS_USER, said="Permission denied")
    assert (root / CONF).read_bytes() == before


@pytest.mark.parametrize("command", FROM_FILE)
def test_no_sys(program, tmp_path, command):
    fails(program, 1, "--root", tmp_path, *words(command), said="sys/bus/pci/devices: No such")


# Where the output goes.

PRINTING = ("list", "graph", "status", "check", "explain", "dump")


def run_into(program, root, command, stdout, ignore=False):
    handler = signal.SIG_IGN if ignore else signal.SIG_DFL
    return limited.run([program, "--root", root, *words(command)], stdout=stdout,
                       stderr=subprocess.PIPE, text=True, env=golden.environment(),
                       restore_signals=False,
                       preexec_fn=lambda: signal.signal(signal.SIGPIPE, handler))


@pytest.mark.parametrize("ignore", [False, True])
@pytest.mark.parametrize("command", PRINTING)
def test_pipe_that_nobody_reads(program, root, command, ignore):
    expected = golden.run(program, "--root", root, *words(command), status=None).returncode
    reader, writer = os.pipe()
    os.close(reader)
    done = run_into(program, root, command, writer, ignore)
    os.close(writer)
    assert done.returncode == (expected if ignore else -signal.SIGPIPE)
    assert done.stderr == ""


@pytest.mark.parametrize("command", PRINTING)
def test_full_disk(program, root, command):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = run_into(program, root, command, full)
    assert (done.returncode, "standard output" in done.stderr) == (1, True), done.stderr


@pytest.mark.parametrize("command", ["list", "check", "status", "explain", "add", "remove"])
def test_colour(program, root, command):
    set_conf(root, f"bind {FREE} id=144d:a80a\nbind 02:00.0\n")
    device = ["04:00.0"] if command == "add" else ARGUMENTS.get(command, [])
    own = ["--root", root, command, *device, *(["--dry-run"] if command in EDITING else [])]
    assert ("\033[" in on_terminal(program, *own)) == (command != "explain")
    assert "\033" not in on_terminal(program, *own, NO_COLOR="1")
    assert "\033" not in golden.run(program, *own, status=None).stdout
    assert "\033" not in on_terminal(program, *own, "--json")


def test_json_is_unicode_whatever_the_policy_holds(program, root):
    set_conf(root, b"bind\t03:00.0 # \xff\xfe \x1b[31m \xc3\xa4\nbind \xff\x00 x\n")
    check = golden.validate(golden.run(program, "--root", root, "check", "--json", status=2).stdout,
                            "check")
    assert "\udcff" not in str(check) and check["mistakes"][0]["text"] == "bind ?"
    set_conf(root, b"bind\t03:00.0 # \xff\xfe \x1b[31m \xc3\xa4\n")
    shown = golden.run(program, "--root", root, "explain", "--json", FREE).stdout
    assert golden.validate(shown, "explain")["rules"][0]["text"] == "bind 03:00.0 # ?? ?[31m \xe4"
    assert "\033" not in golden.run(program, "--root", root, "explain", FREE).stdout


def test_what_a_terminal_would_obey_is_not_said(program, tmp_path):
    """A file's name is shown, and its escape sequence is not."""
    name = tmp_path / "\033[31mred"
    done = subprocess.run([program, "--machine", name, "list"], stderr=subprocess.PIPE, text=True,
                          check=False)
    assert done.returncode != 0 and "?[31mred" in done.stderr and "\033" not in done.stderr
