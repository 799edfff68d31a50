# SPDX-License-Identifier: GPL-2.0-or-later
"""booster has no hooks: a program in its place that calls it with the binder as its init."""

import pytest

from lib.hookcalls import TOP, Hooks

WRAPPER = TOP / "hooks/booster/booster"
# Reads its words as go-flags would, and writes its image as booster does: from its first byte on.
BOOSTER = """#!/bin/sh
echo "booster $*" >>"$CALLS"
case " $* " in *" --init-binary "*) binder=binder status=${STATUS_with_binder:-0} ;;
*) binder="" status=${STATUS_booster:-0} ;; esac
for word; do
	case $word in *image*) image=$word ;; esac
done
[ -z "${image-}" ] || printf "booster$binder" >"$image"
exit "$status"
"""
OVERLAY = """#!/bin/sh
echo "vfio-bind $1 $2 $3 $4" >>"$CALLS"
printf overlay >"$5"
exit "${STATUS_vfio_bind:-0}"
"""
WITH_BINDER = "booster build --init-binary /usr/lib/booster/vfio-bind-init"
OLD, OURS, PLAIN = b"the old one", b"boosterbinderoverlay", b"booster"


@pytest.fixture(name="hooks")
def hooks_in_a_folder(tmp_path):
    """Stubs of one's own, a configuration that names booster's init, and an old image."""
    hooks = Hooks(tmp_path)
    for tool in ("mktemp", "mv", "readlink", "rm", "sync", "uname"):
        hooks.link(tool)
    for name, text in (("booster", BOOSTER), ("vfio-bind", OVERLAY)):
        hooks.program(name).write_text(text, "ascii")
    (tmp_path / "booster.yaml").write_text(
        "universal: true\nextra_files: vim,/usr/lib/booster/init\n", "ascii")
    (tmp_path / "image").write_bytes(OLD)
    return hooks


def run(hooks, *words, **variables):
    """Runs the wrapper; no word of the call: that of kernel-install."""
    words = words or ("build", "--force", "--config", "{}/booster.yaml", "--kernel-version",
                      "6.1.0-test", "{}/image")
    words = [word.format(hooks.folder) for word in words]
    (hooks.folder / "tmp").mkdir(exist_ok=True)
    done = hooks.run(f"{WRAPPER} {' '.join(words)}", BOOSTER=hooks.bin / "booster",
                     TMPDIR=hooks.folder / "tmp", **variables)
    assert not any((hooks.folder / "tmp").iterdir()), "a temporary file was left"
    assert not list(hooks.folder.glob("*.vfio-bind.*")), "an unfinished image was left"
    done.calls = [call.replace(f"{hooks.folder}/", "") for call in done.calls]
    return done


def image(hooks):
    """The image as it is after that."""
    return (hooks.folder / "image").read_bytes()


WORDS = {
    "as kernel-install calls it": (),
    "joined": ("build", "--force", "--config={}/booster.yaml", "--kernel-version=6.1.0-test",
               "{}/image"),
    "options behind the image": ("build", "--force", "--kernel-version", "6.1.0-test", "{}/image",
                                 "--config", "{}/booster.yaml"),
    "the release last": ("build", "{}/image", "-f", "--config", "{}/booster.yaml",
                         "--kernel-version", "6.1.0-test"),
    "an option before the command": ("-v", "build", "--config", "{}/booster.yaml",
                                     "--kernel-version", "6.1.0-test", "{}/image", "-f"),
    "flags in one word": ("build", "-vf", "--universal", "--strip", "--config={}/booster.yaml",
                          "--compression", "zstd", "--modules-dir", "{}/image-modules",
                          "--crypttab={}/x", "--kernel-version", "6.1.0-test", "{}/image"),
    "a double dash": ("build", "-f", "--config={}/booster.yaml", "--kernel-version=6.1.0-test",
                      "--", "{}/image"),
}


@pytest.mark.parametrize("name", WORDS)
def test_build(hooks, name):
    """The binder in place of init, the rest appended; nothing else is written to."""
    config = (hooks.folder / "booster.yaml").read_bytes()
    done = run(hooks, *WORDS[name])
    assert (done.status, done.stderr) == (0, "")
    assert done.calls[0] == "vfio-bind overlay --kernel 6.1.0-test -o"
    assert len(done.calls) == 2 and "build --init-binary /usr/lib/booster/vfio-bind-init" in \
        done.calls[1]
    assert image(hooks) == OURS
    assert (hooks.folder / "booster.yaml").read_bytes() == config
    assert not (hooks.folder / "6.1.0-test").exists()


@pytest.mark.parametrize("words, what", [
    (("build", "--force", "--new-option", "x", "{}/image"), "--new-option"),
    (("build", "-fx", "{}/image"), "-fx"),
    (("build", "--force", "--init-binary", "/x", "{}/image"), "--init-binary"),
    (("build", "--force", "{}/image", "another"), "another")])
def test_words_of_another_booster(hooks, words, what):
    """What they mean nobody knows: booster's own business, and that is said."""
    done = run(hooks, *words)
    assert done.stderr == f"vfio-bind: not in this image (it is not known what {what} means)\n"
    assert done.calls == [f"booster {' '.join(words)}".replace("{}/", "")]


@pytest.mark.parametrize("words", [
    ("build", "{}/image"), ("build", "--force"), ("build", "--help"), ("build", "-h", "{}/x")])
def test_what_booster_refuses_itself(hooks, words):
    """An image that is there, without --force, and no image."""
    done = run(hooks, *words, STATUS_booster=1)
    assert (done.status, done.stderr) == (1, "")
    assert done.calls == [f"booster {' '.join(words)}".replace("{}/", "")]


def test_a_link_to_the_image(hooks):
    """What it leads to is replaced."""
    (hooks.folder / "link").symlink_to("image")
    assert run(hooks, "build", "-f", "--config={}/booster.yaml", "{}/link").status == 0
    assert (hooks.folder / "link").is_symlink() and image(hooks).endswith(b"overlay")


def test_running_kernel(hooks):
    """Without --kernel-version booster takes the running one."""
    hooks.program("uname").write_text("#!/bin/sh\necho running\n", "ascii")
    run(hooks, "build", "-f", "{}/image")
    assert "vfio-bind overlay --kernel running -o" in hooks.calls.read_text("ascii")


@pytest.mark.parametrize("words", [("ls", "image"), ("cat", "image", "init"), ("--help",)])
def test_other_commands(hooks, words):
    """All but build is booster's business."""
    done = run(hooks, *words, STATUS_booster=7)
    assert (done.status, done.stderr) == (7, "")
    assert done.calls == [f"booster {' '.join(words)}"]


@pytest.mark.parametrize("status, said", [
    (6, ""), (1, "vfio-bind: not in this image (vfio-bind overlay: exit 1)\n"),
    (127, "vfio-bind: not in this image (vfio-bind overlay: exit 127)\n")])
def test_overlay_that_fails(hooks, status, said):
    """booster builds its own image; only where there are no rules there is nothing to say."""
    done = run(hooks, STATUS_vfio_bind=status)
    assert (done.status, done.stderr) == (0, said)
    assert done.calls[1:] == ["booster build --force --config booster.yaml --kernel-version "
                              "6.1.0-test image"]
    assert image(hooks) == PLAIN


@pytest.mark.parametrize("config", [
    None, "universal: true\n", "# extra_files: /usr/lib/booster/init\n"])
def test_config_without_the_init(hooks, config):
    """With nothing to go on with the machine would not boot: then it is booster's own image."""
    path = hooks.folder / "booster.yaml"
    path.unlink()
    if config:
        path.write_text(config, "ascii")
    done = run(hooks)
    assert done.status == 0
    assert "needs /usr/lib/booster/init in extra_files" in done.stderr
    assert "--init-binary" not in " ".join(done.calls)
    assert image(hooks) == PLAIN


@pytest.mark.parametrize("status", [0, 1])
def test_booster_that_fails(hooks, status):
    """Tried once more without us; then its own status counts, and the old image is left."""
    done = run(hooks, STATUS_with_binder=1, STATUS_booster=status)
    assert done.status == status
    assert "(booster failed with it)" in done.stderr
    assert done.calls[1].startswith(WITH_BINDER)
    assert "--init-binary" not in done.calls[2]
    assert image(hooks) == (OLD if status else PLAIN)
    assert ("is as it was" in done.stderr) == bool(status)


@pytest.mark.parametrize("tool", ["mv", "sync"])
def test_image_that_cannot_be_put_in_place(hooks, tool):
    """A disk without room: what boots is the old image, or booster's own, and never part of one."""
    hooks.program(tool).write_text("#!/bin/sh\nexit 1\n", "ascii")
    done = run(hooks)
    assert done.status == (1 if tool == "mv" else 0)
    assert "(it could not be appended)" in done.stderr
    assert image(hooks) == (OLD if tool == "mv" else PLAIN)
