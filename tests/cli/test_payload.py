# SPDX-License-Identifier: GPL-2.0-or-later
"""The payload as a tree: what is in it, what is not, and how it fails."""

import os
import subprocess

import pytest

from lib.editing import let_in
from lib.moduletree import vfio_tree
from lib.payload import OURS, RULE, build, fixture_program, in_chroot, set_policy  # noqa: F401

NOBODY = 65534


@pytest.fixture(name="root")
def fixture_root(tmp_path):
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture(name="out")
def fixture_out(tmp_path):
    return tmp_path / "out"


def run(program, *arguments, **environment):
    return subprocess.run([program, *arguments], env={**os.environ, **environment}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)


def binds_nothing(binder, payload):
    """Whether the boot program finds the policy of a payload in error."""
    for name in ("sys/bus/pci/devices", "proc"):
        (payload.dir / name).mkdir(parents=True)
    (payload.dir / "proc/cmdline").write_text("quiet\n")
    done = subprocess.run([binder, "--root", payload.dir], stderr=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True, errors="replace", check=False)
    return done.returncode == 2 and "nothing bound: /etc/vfio-bind.conf" in done.stderr


def test_the_tree(program, root, out):
    vfio_tree(root)
    set_policy(root, "keep 0000:05:00.0\n", "vfio-bind.conf.d/20-b.conf")
    set_policy(root, "bind vga boot_vga=0\r\n# \xe9", "vfio-bind.conf.d/10-a.conf")
    for name in (".hidden.conf", "README", "10-a.conf~"):
        set_policy(root, "nonsense\n", "vfio-bind.conf.d/" + name)
    payload = build(program, root, out)
    assert payload.status == 0 and payload.stdout == ""
    assert payload.files() == [
        "etc/vfio-bind.conf", "etc/vfio-bind.conf.d/10-a.conf", "etc/vfio-bind.conf.d/20-b.conf",
        f"{OURS}/binder", *[f"{OURS}/modules/{name}.ko" for name in (
            "irqbypass", "vfio-pci-core", "vfio-pci", "vfio", "vfio_iommu_type1")],
        f"{OURS}/plan", f"{OURS}/protect"]
    for name in payload.files():
        mode = (out / name).stat().st_mode & 0o777
        assert mode == (0o755 if name.endswith("/binder") else 0o644), name
        if name.startswith("etc/"):
            assert (out / name).read_bytes() == (root / name).read_bytes()
    assert (out / OURS / "binder").read_bytes() == (root.parent / "a-binder").read_bytes()


def test_drop_ins_of_both_folders(program, root, out):
    """What counts is copied; what is switched off is an empty file, which does the same."""
    vendor, own = (f"{folder}/vfio-bind.conf.d" for folder in ("usr/lib", "etc"))
    (root / vendor).mkdir(parents=True)
    for name, text in (("10-a.conf", "keep 0000:05:00.0\n"), ("20-b.conf", "nonsense\n"),
                       ("30-c.conf", "nonsense\n"), ("README", "nonsense\n")):
        (root / vendor / name).write_text(text)
    set_policy(root, "bind vga boot_vga=0\n", "vfio-bind.conf.d/20-b.conf")
    (root / own / "30-c.conf").symlink_to("../../dev/null")
    (root / vendor / "40-d.conf").symlink_to("/dev/null")
    payload = build(program, root, out)
    assert payload.status == 0 and "mistake" not in payload.stderr
    policy = {name: (out / name).read_text() for name in payload.files() if ".conf" in name}
    assert policy == {
        "etc/vfio-bind.conf": RULE, f"{vendor}/10-a.conf": "keep 0000:05:00.0\n",
        f"{own}/20-b.conf": "bind vga boot_vga=0\n", f"{own}/30-c.conf": "",
        f"{vendor}/40-d.conf": ""}
    (root / vendor / "10-a.conf").unlink()
    assert f"{vendor}/10-a.conf" not in build(program, root, out).files()


def test_a_drop_in_of_a_folder_that_others_may_write(program, root, out):
    folder = root / "usr/lib/vfio-bind.conf.d"
    folder.mkdir(parents=True)
    (folder / "10-a.conf").write_text(RULE)
    folder.chmod(0o777)
    payload = build(program, root, out)
    assert "/usr/lib/vfio-bind.conf.d:1:1: expected a file that nobody but its" in payload.stderr
    assert RULE not in (out / "usr/lib/vfio-bind.conf.d/10-a.conf").read_text()


def test_the_umask_of_the_caller_counts_for_nothing(program, root, out):
    set_policy(root, name="vfio-bind.conf.d/a.conf")
    payload = build(program, root, out, prefix=["sh", "-c", 'umask 077; exec "$@"', "sh"])
    assert payload.status == 0
    for path in out.rglob("*"):
        assert path.stat().st_mode & 0o055 == (0o055 if path.is_dir() or path.name == "binder"
                                               else 0o044)


def test_a_second_run_leaves_nothing_of_the_first(program, root, out):
    tree = vfio_tree(root)
    set_policy(root, "keep 0000:05:00.0\n", "vfio-bind.conf.d/20-b.conf")
    (out / "etc/vfio-bind.conf.d").mkdir(parents=True)
    (out / "etc/vfio-bind.conf.d/mine.txt").write_text("mine")
    first = build(program, root, out)
    assert f"{OURS}/modules/vfio-pci.ko" in first.files()
    (root / "etc/vfio-bind.conf.d/20-b.conf").unlink()
    (out / OURS / "plan.new").write_text("half done")
    for path in (tree.path / "kernel").glob("vfio-pci*.ko"):
        path.unlink()
    tree.index()
    second = build(program, root, out)
    assert second.files() == ["etc/vfio-bind.conf", "etc/vfio-bind.conf.d/mine.txt",
                              f"{OURS}/binder", f"{OURS}/plan", f"{OURS}/protect"]


@pytest.mark.parametrize("policy", [None, "", "# only a comment\n\n"])
def test_without_a_rule_nothing_is_written(program, root, out, policy):
    payload = build(program, root, out, policy=policy)
    assert (payload.status, payload.stdout, payload.stderr) == (6, "", "")
    assert not out.exists()


@pytest.mark.parametrize("policy", ["accept cmdline\n", "keep 0000:05:00.0\n"])
def test_any_rule_will_do(program, root, out, policy):
    assert build(program, root, out, policy=policy).status == 0


def test_a_mistake_is_shown_with_a_caret_and_written_all_the_same(program, binder, root, out):
    vfio_tree(root)
    text = "# one\nbind nvme id=144x:a80a\n\tbind  \xe9\tvga boot_vga=2 # \x1b[2J\nkeep\n"
    set_policy(root, text)
    payload = build(program, root, out)
    assert payload.status == 0
    assert payload.stderr.startswith(
        '/etc/vfio-bind.conf:2:14: expected id=VVVV:DDDD, four hex digits or "*" on each side\n'
        "  bind nvme id=144x:a80a\n"
        "               ^\n"
        "/etc/vfio-bind.conf:3:8: expected a selector")
    assert "\n  \tbind  \xe9\tvga boot_vga=2 # ?[2J\n  \t      ^\n" in payload.stderr
    assert "\n  \tbind  \xe9\tvga boot_vga=2 # ?[2J\n  \t       \t             ^\n" \
        in payload.stderr
    assert "/etc/vfio-bind.conf:4:5: expected a selector\n  keep\n      ^\n" in payload.stderr
    assert "the policy has 4 mistakes: the image will bind nothing" in payload.stderr
    assert payload.plan == [] and (out / "etc/vfio-bind.conf").read_bytes() == text.encode()
    assert binds_nothing(binder, payload)


def test_the_caret_of_a_long_line_is_on_the_screen(program, root, out):
    payload = build(program, root, out, policy="bind nvme" + " " * 3000 + "nonsense=1\n")
    assert payload.status == 0
    lines = payload.stderr.splitlines()
    assert lines[0].startswith("/etc/vfio-bind.conf:1:3010: expected")
    assert len(lines[1]) < 170 and lines[1][lines[2].index("^"):].startswith("nonsense=1")


def test_random_bytes_are_a_policy_with_mistakes(program, binder, root, out):
    text = bytes((i * 7919 + i // 256 * 104729) % 256 for i in range(1 << 20))
    set_policy(root, "").write_bytes(text)
    payload = build(program, root, out)
    assert payload.status == 0 and payload.plan == []
    assert binds_nothing(binder, payload)


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_a_policy_that_others_may_write_is_refused_at_boot_too(program, binder, root, out, mode):
    """Its copy would belong to root, and the boot would trust it."""
    set_policy(root).chmod(mode)
    set_policy(root, name="vfio-bind.conf.d/good.conf")
    payload = build(program, root, out)
    assert payload.status == 0 and payload.plan == []
    assert "expected a file that nobody but its owner may write" in payload.stderr
    copy = out / "etc/vfio-bind.conf"
    assert RULE not in copy.read_text() and copy.stat().st_mode & 0o022 == mode & 0o022
    assert binds_nothing(binder, payload)
    copy.chmod(0o644)
    done = subprocess.run([binder, "--root", out], stderr=subprocess.PIPE, check=False)
    assert done.returncode == 2, "whatever an image generator does to modes"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_policy_of_somebody_else_is_refused_at_boot_too(program, binder, root, out):
    os.chown(set_policy(root), NOBODY, NOBODY)
    payload = build(program, root, out)
    assert payload.status == 0 and "expected a file that belongs to root" in payload.stderr
    assert RULE not in (out / "etc/vfio-bind.conf").read_text()
    assert binds_nothing(binder, payload)


def test_a_policy_folder_others_may_write_is_refused_at_boot_too(program, binder, root, out):
    """They could take a keep rule away; the copy of the folder would belong to root."""
    set_policy(root)
    set_policy(root, name="vfio-bind.conf.d/good.conf").parent.chmod(0o777)
    payload = build(program, root, out)
    assert payload.status == 0 and payload.plan == []
    assert "/etc/vfio-bind.conf.d:1:1: expected a file that nobody but its" in payload.stderr
    assert RULE not in (out / "etc/vfio-bind.conf.d/good.conf").read_text()
    assert binds_nothing(binder, payload)


def test_a_link_that_leads_nowhere_is_refused_at_boot_too(program, binder, root, out):
    set_policy(root)
    (root / "etc/vfio-bind.conf.d").mkdir()
    (root / "etc/vfio-bind.conf.d/lost.conf").symlink_to("/nonexistent")
    payload = build(program, root, out)
    assert payload.status == 0 and "/etc/vfio-bind.conf.d/lost.conf:1:1: expected" in payload.stderr
    assert payload.plan == [] and binds_nothing(binder, payload)


def test_a_link_that_leads_somewhere_is_copied_as_a_file(program, root, out):
    set_policy(root, name="elsewhere.conf")
    (root / "etc/vfio-bind.conf").symlink_to("/etc/elsewhere.conf")
    payload = build(program, root, out)
    assert payload.status == 0
    assert not (out / "etc/vfio-bind.conf").is_symlink()
    assert (out / "etc/vfio-bind.conf").read_text() == RULE


def test_the_binder_of_the_machine_is_taken(program, root, out):
    set_policy(root)
    (root / OURS).mkdir(parents=True)
    (root / OURS / "binder").write_bytes(b"the installed one")
    environment = {key: value for key, value in os.environ.items() if key != "VFIO_BIND_BINDER"}
    done = subprocess.run([program, "payload", "--root", root, "--kernel", "6.1", out],
                          env=environment, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (out / OURS / "binder").read_bytes() == b"the installed one"


@pytest.mark.parametrize("content", [None, b""])
def test_without_a_binder_nothing_is_written(program, root, out, tmp_path, content):
    binder = tmp_path / "none"
    if content is not None:
        binder.write_bytes(content)
    payload = build(program, root, out, binder=binder)
    assert payload.status == 1 and str(binder) in payload.stderr
    assert not out.exists()


def test_the_machine_itself_is_no_place_for_a_payload(program, root):
    """It would clear the policy away before it copied it."""
    vfio_tree(root)
    policy = set_policy(root)
    for place in (root, root / "etc/.."):
        payload = build(program, root, place)
        assert payload.status == 2 and "a machine itself" in payload.stderr
        assert policy.read_text() == RULE


def test_nor_is_the_machine_it_runs_on(program, tmp_path):
    """In a chroot: whoever breaks this loses no policy of theirs."""
    (tmp_path / "chroot/other").mkdir(parents=True)
    set_policy(tmp_path / "chroot/other")
    done, root = in_chroot(program, tmp_path / "chroot", "", "/", "--root", "/other")
    assert done.returncode == 2 and "a machine itself" in done.stderr
    assert (root / "etc/vfio-bind.conf").read_text() == RULE


def test_a_place_that_cannot_be_made(program, root, tmp_path):
    payload = build(program, root, tmp_path / "none/out")
    assert payload.status == 1 and "none/out: No such file or directory" in payload.stderr
    (tmp_path / "file").write_text("")
    assert build(program, root, tmp_path / "file").status == 1


def test_a_place_that_may_not_be_written(program, root, out):
    vfio_tree(root)
    set_policy(root)
    out.mkdir()
    out.chmod(0o555)
    prefix = []
    if os.geteuid() == 0:
        let_in(root)
        prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    payload = build(program, root, out, prefix=prefix)
    assert payload.status == 4 and "Permission denied" in payload.stderr
    assert payload.files() == []


def test_what_is_in_the_way_fails_and_leaves_nothing(program, root, out):
    vfio_tree(root)
    set_policy(root)
    (out / OURS).mkdir(parents=True)
    (out / OURS / "modules").write_text("a file where a directory should be")
    payload = build(program, root, out)
    assert payload.status == 1 and "modules" in payload.stderr
    assert payload.files() == [f"{OURS}/modules"]


def test_a_full_disk_fails_and_leaves_nothing(program, root, out):
    """A limit on the size of files does what a full disk does."""
    vfio_tree(root)
    set_policy(root)
    payload = build(program, root, out,
                    prefix=["sh", "-c", "trap '' XFSZ; ulimit -f 1; exec \"$@\"", "sh"])
    assert payload.status == 1 and "File too large" in payload.stderr
    assert payload.files() == []


@pytest.mark.parametrize("arguments, words", [
    (["payload"], "--kernel RELEASE"),
    (["payload", "out"], "--kernel RELEASE"),
    (["payload", "--kernel", "6.1"], "--kernel RELEASE DIR"),
    (["payload", "--kernel", "6.1", "a", "b"], "--kernel RELEASE DIR"),
    (["payload", "--kernel", "../6.1", "a"], "--kernel RELEASE"),
    (["payload", "--kernel", "6.1/x", "a"], "--kernel RELEASE"),
    (["payload", "--kernel", "6.1 x", "a"], "--kernel RELEASE"),
    (["payload", "--kernel", "", "a"], "--kernel RELEASE"),
    (["payload", "--kernel", "..", "a"], "--kernel RELEASE"),
    (["payload", "--machine", "x", "--kernel", "6.1", "a"], "--machine"),
    (["payload", "--nonsense"], "nonsense"),
])
def test_wrong_words(program, tmp_path, arguments, words):
    done = subprocess.run([program, *arguments], stderr=subprocess.PIPE, text=True, cwd=tmp_path,
                          stdout=subprocess.PIPE, check=False)
    assert done.returncode == 2 and words in done.stderr and done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_a_root_that_is_not_there(program, tmp_path):
    done = run(program, "--root", tmp_path / "none", "payload", "--kernel", "6.1", tmp_path / "out")
    assert done.returncode == 1 and "none: No such file or directory" in done.stderr
