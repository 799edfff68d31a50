# SPDX-License-Identifier: GPL-2.0-or-later
"""booster has no hooks: a program in its place that calls it with the binder as its init."""

import pytest

from lib.hookcalls import TOP, Hooks

WRAPPER = TOP / "hooks/booster/booster"
BOOSTER = """#!/bin/sh
echo "booster $*" >>"$CALLS"
case " $* " in
*" --init-binary "*) exit "${STATUS_with_binder:-0}" ;;
*) exit "${STATUS_booster:-0}" ;;
esac
"""
OVERLAY = """#!/bin/sh
echo "vfio-bind $1 $2 $3 $4" >>"$CALLS"
printf overlay >"$5"
exit "${STATUS_vfio_bind:-0}"
"""
WITH_BINDER = "booster build --init-binary /usr/lib/booster/vfio-bind-init"


@pytest.fixture(name="hooks")
def hooks_in_a_folder(tmp_path):
    """Stubs of one's own, a configuration that names booster's init, and an image of 7 bytes."""
    hooks = Hooks(tmp_path)
    for tool in ("truncate", "mktemp", "rm", "uname"):
        hooks.link(tool)
    for name, text in (("booster", BOOSTER), ("vfio-bind", OVERLAY)):
        hooks.program(name).write_text(text, "ascii")
    (tmp_path / "booster.yaml").write_text(
        "universal: true\nextra_files: vim,/usr/lib/booster/init\n", "ascii")
    (tmp_path / "image").write_bytes(b"booster")
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
    done.calls = [call.replace(f"{hooks.folder}/", "") for call in done.calls]
    return done


def image(hooks):
    """The image as it is after that."""
    return (hooks.folder / "image").read_bytes()


@pytest.mark.parametrize("words", [
    (), ("build", "--force", "--config={}/booster.yaml", "--kernel-version=6.1.0-test",
         "{}/image")], ids=["apart", "joined"])
def test_build(hooks, words):
    """The binder in place of init, the rest appended where the kernel will find it."""
    done = run(hooks, *words)
    assert (done.status, done.stderr) == (0, "")
    assert done.calls[0] == "vfio-bind overlay --kernel 6.1.0-test -o"
    assert [call[:len(WITH_BINDER)] for call in done.calls[1:]] == [WITH_BINDER]
    assert done.calls[1].endswith(" image")
    assert image(hooks) == b"booster\0overlay"


def test_running_kernel(hooks):
    """Without --kernel-version booster takes the running one."""
    hooks.program("uname").write_text("#!/bin/sh\necho running\n", "ascii")
    run(hooks, "build", "{}/image")
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
    assert image(hooks) == b"booster"


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
    assert image(hooks) == b"booster"


@pytest.mark.parametrize("status", [0, 1])
def test_booster_that_fails(hooks, status):
    """Tried once more without us; then its own status counts."""
    done = run(hooks, STATUS_with_binder=1, STATUS_booster=status)
    assert done.status == status
    assert "(booster failed with it)" in done.stderr
    assert done.calls[1].startswith(WITH_BINDER)
    assert "--init-binary" not in done.calls[2]
    assert image(hooks) == b"booster"


def test_image_that_cannot_be_extended(hooks):
    """It is built anew, over what there is of it."""
    hooks.program("truncate").write_text("#!/bin/sh\nexit 1\n", "ascii")
    done = run(hooks)
    assert done.status == 0
    assert "(it could not be appended)" in done.stderr
    assert done.calls[2].startswith("booster build --force --force --config")
