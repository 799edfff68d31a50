# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-bind remove: takes away what chooses one device, and nothing that chooses others."""

import re

import pytest

from lib import golden
from lib.editing import CONF, MARK, get_conf, plant, run, set_conf
from lib.payload import fixture_program  # noqa: F401

FREE = "0000:03:00.0"
RULE = "bind nvme path=0000:00/03.0/00.0 id=144d:a80a"
OTHER = CONF + ".d/more.conf"


@pytest.fixture(name="root")
def fixture_root(tmp_path):
    plant(tmp_path / "root")
    return tmp_path / "root"


@pytest.mark.parametrize("before, after", [
    (RULE + "\n", ""),
    (RULE, ""),
    ("# mine\n" + RULE + "\nkeep 01:00.0\n", "# mine\nkeep 01:00.0\n"),
    (f"# a drive {MARK}\n{RULE}\n# mine\n", "# mine\n"),
    (f"# a drive {MARK}\r\n{RULE}\r\n# mine\r\n", "# mine\r\n"),
    (f"# a drive {MARK}\n\n{RULE}\n", f"# a drive {MARK}\n\n"),
    (f"keep 01:00.0 # {MARK}\n{RULE}\n", f"keep 01:00.0 # {MARK}\n"),
    ("\ufeff" + RULE + "\nkeep 01:00.0\n", "keep 01:00.0\n"),
    ("bind 03:00.0\nkeep 01:00.0\n" + RULE + "\n", "keep 01:00.0\n"),
    ("keep 03:00.0\n" + RULE + "\n", "keep 03:00.0\n"),
    ("bind 03:00.0 # mine\n\n", "\n"),
    # Void now, and would choose it once that is put right.
    ("bind 03:00.0 count=2\n", ""),
])
def test_the_rule_and_its_comment_go(program, root, before, after):
    set_conf(root, before)
    done = run(program, root, "remove", FREE)
    assert done.status == 0, done.stderr
    assert get_conf(root) == after
    assert "vfio-bind update" in done.stdout
    assert re.search("^- \ufeff?bind ", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("before", [None, "", "# mine\n", "# no end", "keep 01:00.0\r\n"])
def test_what_add_writes_remove_takes_away(program, root, before):
    if before is not None:
        set_conf(root, before)
    assert run(program, root, "add", "05:00.0").status == 0
    assert run(program, root, "remove", "05:00.0").status == 0
    after = get_conf(root)
    assert after == (before or "") or after == before + "\n"


def test_rules_in_two_files(program, root):
    set_conf(root, "# one\n" + RULE + "\n")
    set_conf(root, "bind 03:00.0\n# two\n", OTHER)
    done = run(program, root, "remove", FREE)
    assert done.status == 0
    assert (get_conf(root), get_conf(root, OTHER)) == ("# one\n", "# two\n")
    assert done.stdout.startswith(f"/{CONF}\n- {RULE}\n/{OTHER}\n- bind 03:00.0\n")


VENDOR = "usr/lib/vfio-bind.conf.d/10-a.conf"


def test_a_rule_that_came_with_a_package(program, root):
    """Its file is not ours to write: the next version would bring the rule back."""
    set_conf(root, RULE + "\n", VENDOR)
    done = run(program, root, "remove", FREE)
    assert done.status == 5
    assert done.stdout == "keep nvme path=0000:00/03.0/00.0 id=144d:a80a\n"
    assert f"/{VENDOR}:1 came with a package: to keep {FREE}, add this line to /{CONF}" in done.stderr
    named = run(program, root, "remove", "--json", f"/{VENDOR}:1")
    assert golden.validate(named.stdout, "remove")["rule"] == f"/{VENDOR}:1"
    assert (named.status, get_conf(root, VENDOR)) == (5, RULE + "\n")
    assert "ln -s /dev/null /etc/vfio-bind.conf.d/10-a.conf" in named.stderr
    set_conf(root, "", OTHER)
    (root / "etc/vfio-bind.conf.d/10-a.conf").symlink_to("/dev/null")
    assert run(program, root, "remove", FREE).status == 6


REFUSALS = [
    # The policy, the device, the status, the keep line on stdout, and what is said.
    ("bind nvme id=144d:a80a\n", FREE, 5, "keep nvme path=0000:00/03.0/00.0 id=144d:a80a",
     r"/etc/vfio-bind.conf:1 also chooses 0000:02:00.0, 0000:04:00.0: to keep 0000:03:00.0, add"),
    ("bind nvme\n" + RULE + "\n", FREE, 5, "keep nvme path=0000:00/03.0/00.0 id=144d:a80a", ":1 a"),
    (RULE + "\nbind nvme\n", FREE, 5, "keep nvme path=0000:00/03.0/00.0 id=144d:a80a", ":2 also"),
    ("bind 03:00.0,05:00.0\n", FREE, 5, "keep nvme path=0000:00/03.0/00.0 id=144d:a80a",
     "also chooses 0000:05:00.0"),
    ("bind nvme count=1\n", FREE, 5, "keep nvme path=0000:00/03.0/00.0 id=144d:a80a", "also choo"),
    ("bind 05:00.0\n", "05:00.1", 5, "keep audio path=0000:00/05.0/00.1 id=10de:0fb9",
     "/etc/vfio-bind.conf:1 brings it along with 0000:05:00.0"),
    # Its own rule alone is not why: without it the card still brings it along.
    ("bind 05:00.1\nbind 05:00.0\n", "05:00.1", 5, "keep audio path=0000:00/05.0/00.1 id=10de:0fb9",
     "/etc/vfio-bind.conf:2 brings it along"),
    ("bind 05:00.0\n", FREE, 6, None, "0000:03:00.0: no rule chooses it"),
    ("", FREE, 6, None, "no rule chooses it"),
    ("bind 0a:00.0\n", "09:00.0", 3, None, "no such device"),
    ("bind nvme idd=1\n", FREE, 2, None, "1:11: expected"),
]


@pytest.mark.parametrize("policy, what, status, keep, said", REFUSALS)
def test_what_chooses_others_too_is_not_taken_away(program, root, policy, what, status, keep, said):
    set_conf(root, policy)
    done = run(program, root, "remove", what)
    assert done.status == status and re.search(said, done.stderr), done.stderr
    assert done.stdout == (keep + "\n" if keep else "")
    assert get_conf(root) == policy


def test_the_keep_line_keeps_it(program, root):
    set_conf(root, "bind nvme\n")
    keep = run(program, root, "remove", FREE).stdout
    set_conf(root, "bind nvme\n" + keep)
    said = golden.validate(run(program, root, "--json", "explain", FREE).stdout, "explain")
    assert (said["verdict"], said["reason"]) == ("keep", "rule")


def test_a_refused_device_is_removed_all_the_same(program, root):
    set_conf(root, "bind 02:00.0\n")
    assert run(program, root, "remove", "02:00.0").status == 0
    assert get_conf(root) == ""


@pytest.mark.parametrize("words, rule", [
    ("rd.vfio_bind.bind=03:00.0+144d:a80a", "03:00.0+144d:a80a"),
    (f'rd.vfio_bind.rule="{RULE}"', RULE), (f'"rd.vfio_bind.rule={RULE} # mine"', RULE + " # mine")])
@pytest.mark.parametrize("what", [FREE, "cmdline:2"])
def test_a_rule_on_the_kernel_command_line(program, root, words, rule, what):
    set_conf(root, "accept cmdline\n")
    (root / "proc/cmdline").write_text(f"rd.vfio_bind.keep=01:00.0 quiet {words}\n")
    done = run(program, root, "remove", "--json", what)
    assert golden.validate(done.stdout, "remove")["rule"] == "cmdline:2"
    assert done.status == 5
    assert f'cmdline:2, "{rule}" on the kernel command line: take that away there' in done.stderr
    assert get_conf(root) == "accept cmdline\n"
    said = golden.validate(run(program, root, "--json", "explain", FREE).stdout, "explain")
    assert [(each["rule"], each["text"]) for each in said["rules"]] == [("cmdline:2", rule)]


def test_a_mistake_on_the_kernel_command_line(program, root):
    set_conf(root, "accept cmdline\n")
    (root / "proc/cmdline").write_text('quiet "rd.vfio_bind.rule=bind nvme id=144d"\n')
    done = run(program, root, "check")
    assert done.status == 2
    assert done.stderr.startswith(
        "cmdline:1:33: expected id=VVVV:DDDD, four hex digits or \"*\" on each side\n"
        '  "rd.vfio_bind.rule=bind nvme id=144d"\n' + " " * 34 + "^\n")


def test_dry_run_shows_the_same_and_writes_nothing(program, root):
    text = f"# a drive {MARK}\n{RULE}\n"
    set_conf(root, text)
    dry = run(program, root, "remove", "--dry-run", FREE)
    assert (dry.status, get_conf(root)) == (0, text)
    done = run(program, root, "remove", FREE)
    assert dry.stdout.splitlines()[:3] == done.stdout.splitlines()[:3]
    assert "not written" in dry.stdout and "not written" not in done.stdout


def test_json_says_what_is_written_or_why_not(program, root):
    set_conf(root, RULE + "\nbind nvme id=144d:a80a dsn=00-25-38-b1-21-00-51-3a\nbind 05:00.0\n")
    said = golden.validate(run(program, root, "--json", "remove", FREE).stdout, "remove")
    assert (said["result"], said["written"], said["address"]) == ("as-configured", True, FREE)
    assert said["files"] == [{"file": "/" + CONF, "diff": [
        {"line": 1, "change": "-", "text": RULE}]}]
    said = golden.validate(
        run(program, root, "--json", "remove", "05:00.1").stdout, "remove")
    assert (said["result"], said["written"], said["rule"]) == ("refused", False, f"/{CONF}:2")
    assert said["keep"] == "keep audio path=0000:00/05.0/00.1 id=10de:0fb9"


def test_what_a_guest_has_is_given_back_by_release(program, tmp_path):
    root = tmp_path / "root"
    plant(root, "0000:09:00.0 010802 c0a9:5407 - - vfio-pci 20 - - - -\n")
    set_conf(root, "bind 09:00.0\n")
    done = run(program, root, "remove", "09:00.0")
    assert "vfio-bind release 0000:09:00.0" in done.stdout
