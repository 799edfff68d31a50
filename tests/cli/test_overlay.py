# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-bind overlay: what is in it, and that it makes images of every generator ours."""

import os
import shutil
import zlib
import subprocess
from pathlib import Path

import pytest

from lib import golden, limited
from lib.editing import let_in
from lib.initramfs import (COMPRESS, UNIT, Link, cpio, dracut, initramfs_tools, microcode,
                           mkinitcpio, systemd, tree)
from lib.hookcalls import TOP
from lib.moduletree import RELEASE, vfio_tree
from lib.payload import OURS, build, fixture_program, set_policy  # noqa: F401

BINDER = b"\x7fELF, or so it says\n"
UNITS = "usr/lib/systemd/system"
WANTED = f"{UNITS}/sysinit.target.wants/vfio-bind-initrd.service"
LOOSE = ["conf/conf.d/00-vfio-bind", "usr/lib/dracut/hooks/cmdline/00-vfio-bind.sh",
         "var/lib/dracut/hooks/cmdline/00-vfio-bind.sh",
         "usr/lib/dracut/hooks/initqueue/settled/99-vfio-bind-undo.sh",
         "var/lib/dracut/hooks/initqueue/settled/99-vfio-bind-undo.sh"]
UNDO_UNIT = (TOP / "hooks/vfio-bind-undo.service").read_bytes()
WAITS = f"{UNITS}/sysinit.target.wants/vfio-bind-undo.service"
NOBODY = 65534


def make_root(root):
    vfio_tree(root)
    set_policy(root, name="vfio-bind.conf.d/10-a.conf")
    set_policy(root)
    for name, content in ((f"{OURS}/binder", BINDER),
                          (f"{UNITS}/vfio-bind-initrd.service", UNIT.encode()),
                          (f"{UNITS}/vfio-bind-undo.service", UNDO_UNIT)):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


@pytest.fixture(name="shared", scope="module")
def fixture_shared(program, tmp_path_factory):
    """A machine, and an overlay made there."""
    root = make_root(tmp_path_factory.mktemp("overlay") / "root")
    done = run(program, root, root.parent / "overlay")
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        0, f"{root.parent}/overlay: {(root.parent / 'overlay').stat().st_size} bytes, "
           f"for kernel {RELEASE}")
    return root, (root.parent / "overlay").read_bytes()


@pytest.fixture(name="root")
def fixture_root(shared, tmp_path):
    shutil.copytree(shared[0], tmp_path / "root")
    return tmp_path / "root"


def run(program, root, out, *options, kernel=RELEASE, prefix=()):
    done = limited.run([*prefix, program, "--root", root, "overlay", "--kernel", kernel, "-o",
                        out, *options], text=True, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE)
    for word in ("AddressSanitizer", "runtime error", "LeakSanitizer"):
        assert word not in done.stderr, done.stderr
    return done


def unpacked(overlay):
    """What is in the one compressed segment; behind it are zeros, and no second one."""
    inflate = zlib.decompressobj(wbits=31)
    plain = inflate.decompress(overlay[512:])
    assert inflate.eof and not inflate.unused_data.strip(b"\0")
    return plain


def members(overlay):
    """Name -> (mode, content) in the order they stand in, by a reader of our own."""
    overlay = unpacked(overlay)
    found, at = {}, 0
    while True:
        assert overlay[at:at + 6] == b"070701" and at % 4 == 0
        fields = [int(overlay[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        name = overlay[at + 110:at + 110 + fields[11] - 1].decode()
        start = at + 110 + fields[11] + -(110 + fields[11]) % 4
        at = start + fields[6] + -fields[6] % 4
        if name == "TRAILER!!!":
            assert not overlay[at:].strip(b"\0")
            return found
        assert fields[2] == fields[3] == fields[5] == 0, f"owner or time of {name}"
        found[name] = fields[1], overlay[start:start + fields[6]]


def verify(program, root, content, tmp_path):
    (tmp_path / "initrd").write_bytes(content)
    done = subprocess.run([program, "--root", root, "verify", "--json", tmp_path / "initrd"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    return {row["check"]: row for row in golden.validate(done.stdout, "verify")["checks"]}


def test_what_is_in_it(program, shared, tmp_path):
    root, overlay = shared
    assert overlay[:512] == bytes(512) and len(overlay) % 512 == 0
    found = members(overlay)
    payload = tree(build(program, root, tmp_path / "payload", binder=root / OURS / "binder").dir)
    files = {name: content for name, (mode, content) in found.items() if not mode & 0o040000}
    assert set(files) == {*payload, f"{UNITS}/vfio-bind-initrd.service", WANTED, *LOOSE,
                          f"{UNITS}/vfio-bind-undo.service", WAITS}
    assert {name: files[name] for name in payload} == payload
    assert found[WANTED] == (0o120777, b"../vfio-bind-initrd.service")
    assert files[f"{UNITS}/vfio-bind-initrd.service"].decode() == UNIT
    assert found[WAITS] == (0o120777, b"../vfio-bind-undo.service")
    assert files[f"{UNITS}/vfio-bind-undo.service"] == UNDO_UNIT
    for name, (mode, _) in found.items():
        runs = name.endswith("/binder") or name in LOOSE
        assert mode in ({0o100755} if runs else {0o040755, 0o100644, 0o120777}), name


def test_directories(shared):
    """Those of our own files stand before them; those of other programs' are not there at all."""
    seen = set()
    found = members(shared[1])
    for name, (mode, _) in found.items():
        above = name.rpartition("/")[0]
        assert not above or above in seen or name in LOOSE
        if mode & 0o040000:
            seen.add(name)
    assert not {name.rpartition("/")[0] for name in LOOSE} & seen
    assert {name.split("/")[0] for name in seen} == {"etc", "usr"}


def test_scripts_are_good(shared, tmp_path):
    for name in LOOSE:
        (tmp_path / "script").write_bytes(members(shared[1])[name][1])
        subprocess.run(["sh", "-n", tmp_path / "script"], check=True)
        # They are sourced by an init that must go on, be the binder there or not.
        done = subprocess.run(["sh", "-e", "-c", f". {tmp_path}/script 2>/dev/null; echo on"],
                              stdout=subprocess.PIPE, text=True, check=False)
        assert done.stdout == "on\n", name


def test_same_files_same_bytes(program, shared, tmp_path):
    run(program, shared[0], tmp_path / "again", prefix=["sh", "-c", 'umask 077; exec "$@"', "sh"])
    assert (tmp_path / "again").read_bytes() == shared[1]


RUNS = {
    "initramfs-tools": (initramfs_tools(("udev",)), "right", "conf/conf.d"),
    "dracut 059": ({"lib": Link("usr/lib"), **dracut(None, "usr/lib/dracut/hooks")}, "right",
                   "before 01-parse-kernel.sh"),
    "dracut 106": ({"usr/lib/dracut/hooks": Link("/var/lib/dracut/hooks"), **dracut(None)},
                   "right", "before 01-parse-kernel.sh"),
    "dracut 112": (dracut(None), "right", "before 01-parse-kernel.sh"),
    "dracut with systemd": ({**dracut(None), **systemd(None, False)}, "right",
                            "before systemd-modules-load"),
    "systemd": (systemd(None, False), "right", "before systemd-modules-load"),
    "mkinitcpio with systemd": ({**mkinitcpio("udev", False), **systemd(None, False)}, "right",
                                "before systemd-modules-load"),
    "mkinitcpio": (mkinitcpio("udev", False), "unknown", "it takes rdinit="),
    "booster": ({"etc/booster.init.yaml": "", "init": "\x7fELF"}, "unknown", "it takes rdinit="),
    "busybox": ({"init": "#!/bin/sh\nmdev -s\n"}, "unknown", "it takes rdinit="),
}


@pytest.mark.parametrize("remainder", range(4))
def test_behind_an_image_of_any_length(program, shared, tmp_path, remainder):
    files = {**initramfs_tools(("udev",)), "x": os.urandom(8)}
    base = microcode() + COMPRESS["gzip"](cpio(files))
    while len(base) % 4 != remainder:  # random bytes are longer or shorter in gzip
        base = microcode() + COMPRESS["gzip"](cpio({**files, "x": os.urandom(len(base) % 97)}))
    rows = verify(program, shared[0], base + shared[1], tmp_path)
    assert rows["archives"]["result"] == rows["binder"]["result"] == "right"


@pytest.mark.parametrize("files, result, detail", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_behind_images(program, shared, tmp_path, files, result, detail, compression):
    """As vfio-bind verify sees it: the kernel unpacks one over the other, at any length."""
    base = microcode() + COMPRESS[compression](cpio(files))
    rows = verify(program, shared[0], base + shared[1], tmp_path)
    assert rows["order"]["result"] == result and detail in rows["order"]["detail"]
    assert [rows[name]["result"] for name in ("archives", "binder", "policy", "plan", "modules")
            ] == ["right"] * 5


def test_the_link_of_dracut_106_stays(shared, tmp_path):
    """Unpacked by cpio(1), which like the kernel makes a directory in place of a link."""
    for content in (cpio({"usr/lib/dracut/hooks": Link("../../../var/lib/dracut/hooks"),
                          **dracut(None)}), unpacked(shared[1])):
        subprocess.run(["cpio", "-i", "--quiet", "--make-directories", "--unconditional"],
                       input=content, cwd=tmp_path, check=True)
    assert (tmp_path / "usr/lib/dracut/hooks").is_symlink()
    assert (tmp_path / "var/lib/dracut/hooks/cmdline/00-vfio-bind.sh").exists()


def test_without_the_unit(program, root, tmp_path):
    for name in ("initrd", "undo"):
        (root / UNITS / f"vfio-bind-{name}.service").unlink()
    done = run(program, root, tmp_path / "overlay")
    assert done.returncode == 0 and "vfio-bind-initrd.service is not there" in done.stderr
    assert "vfio-bind-undo.service is not there" in done.stderr
    assert not any(name.startswith("usr/lib/systemd") for name in
                   members((tmp_path / "overlay").read_bytes()))


def test_without_a_rule(program, root, tmp_path):
    set_policy(root, "")
    (root / "etc/vfio-bind.conf.d/10-a.conf").unlink()
    done = run(program, root, tmp_path / "overlay")
    assert done.returncode == 6 and "there is no rule" in done.stderr and done.stdout == ""
    assert not (tmp_path / "overlay").exists()


def test_with_a_mistake(program, root, tmp_path):
    set_policy(root, "bind nonsense\n")
    done = run(program, root, tmp_path / "overlay")
    assert done.returncode == 0 and "/etc/vfio-bind.conf:1:6: expected" in done.stderr
    found = members((tmp_path / "overlay").read_bytes())
    assert found["etc/vfio-bind.conf"][1] == b"bind nonsense\n"


def test_json(program, shared, tmp_path):
    done = run(program, shared[0], tmp_path / "overlay", "--json")
    assert golden.validate(done.stdout, "overlay") == {
        "result": "as-configured", "file": str(tmp_path / "overlay"), "kernel": RELEASE,
        "bytes": len(shared[1])}


def test_a_failure_leaves_the_file_before(program, root, tmp_path, monkeypatch):
    (tmp_path / "overlay").write_text("before")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (root / OURS / "binder").unlink()
    done = run(program, root, tmp_path / "overlay")
    assert done.returncode == 1 and "binder: No such file" in done.stderr
    assert (tmp_path / "overlay").read_text() == "before"
    assert not (tmp_path / "overlay.new").exists()
    (root / OURS / "binder").write_bytes(BINDER)
    assert run(program, root, tmp_path / "no/overlay").returncode == 1
    assert run(program, root, tmp_path / "overlay").returncode == 0
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_full_disk(program, shared, tmp_path):
    limit = ["sh", "-c", 'trap "" XFSZ; ulimit -f 2; exec "$@"', "sh"]
    done = run(program, shared[0], tmp_path / "overlay", prefix=limit)
    assert done.returncode == 1 and "File too large" in done.stderr
    assert not (tmp_path / "overlay").exists() and not (tmp_path / "overlay.new").exists()


def test_a_disk_without_any_room(program, shared):
    """Not even the first bytes: ENOSPC is told, and no other error."""
    folder = Path("/dev/shm") / f"vfio-bind-full-{os.getpid()}"
    folder.mkdir()
    script = 'mount -t tmpfs -o size=4k none "$0" && : >"$0/x" && head -c 4096 /dev/zero >"$0/x"; ' \
        'exec "$@"'
    try:
        done = run(program, shared[0], folder / "overlay",
                   prefix=("unshare", "-m", "sh", "-c", script, folder))
    finally:
        folder.rmdir()
    if "unshare failed" in done.stderr:
        pytest.skip("mounts are not allowed here")
    assert done.returncode == 1 and "No space left on device" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_a_stranger_put_there_is_not_written_to(program, shared, tmp_path):
    """Neither a file of theirs becomes the overlay nor is it followed."""
    victim = tmp_path / "victim"
    victim.write_text("theirs")
    (tmp_path / "overlay.new").hardlink_to(victim)
    os.chown(victim, NOBODY, -1)
    assert run(program, shared[0], tmp_path / "overlay").returncode == 0
    assert victim.read_text() == "theirs"
    assert (tmp_path / "overlay").stat().st_uid == 0


@pytest.mark.parametrize("arguments", [
    ["-o", "x"], ["--kernel", RELEASE], ["--kernel", "../x", "-o", "x"],
    ["--kernel", RELEASE, "-o", "x", "y"], ["--machine", "m", "--kernel", RELEASE, "-o", "x"]])
def test_usage(program, tmp_path, arguments):
    done = subprocess.run([program, "overlay", *arguments], cwd=tmp_path, stderr=subprocess.PIPE,
                          text=True, check=False)
    assert done.returncode == 2 and done.stderr.startswith("vfio-bind: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="root writes everywhere, so another must try")
def test_where_nobody_may_write(program, shared, tmp_path):
    let_in(tmp_path)
    let_in(shared[0].parent)
    done = run(program, shared[0], tmp_path / "overlay",
               prefix=("setpriv", f"--reuid={NOBODY}", "--clear-groups"))
    assert done.returncode == 4 and "overlay.new: Permission denied" in done.stderr
