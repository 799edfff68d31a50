# SPDX-License-Identifier: GPL-2.0-or-later
"""dracut images, with systemd in them and without: the same cells, and the same end."""

import shutil
from dataclasses import replace

import pytest

from . import late
from .images import POLICY, File, Recipe, furnish, unpack, write
from .lab import MULTI_USER
from .machine import GPU2, TWINS
from .nights import by_night
from .overlay import with_overlay
from .proof import VFIO, prove, prove_links, verdicts
from .roots import BOOKWORM_DRACUT, SID_DRACUT, TRIXIE_DRACUT, run_in

NVME = "1b36:0010"
RULES = f"bind display boot_display=0 with=functions\nbind {TWINS.address('disk2')} id={NVME}\n"
TAKEN = (*GPU2, "disk2")
ABSENT = "0000:77:00.0"

# Two ways to have a driver loaded before udev asks for it. With systemd in the image modules-load.d
# is read by a service that waits for no hook of dracut's; without, nobody reads it.
FORCED_FILES = (
    ("etc/modules-load.d/lab.conf", "bochs\nsnd_hda_intel\nxhci_pci\n"),
    ("etc/dracut.conf.d/forced.conf", 'install_items+=" /etc/modules-load.d/lab.conf "\n'),
)
FORCED_WORDS = "rd.driver.pre=nvme rd.driver.pre=bochs"
WITHOUT_VFIO = """
rm -r /usr/lib/modules/*/kernel/drivers/vfio
depmod "$(ls /usr/lib/modules)"
"""
# The modules that need systemd drop out by themselves.
NO_SYSTEMD = ("etc/dracut.conf.d/no-systemd.conf", 'omit_dracutmodules+=" systemd "\n')

RULES_ONLY = Recipe("rules", policy=RULES, files=FORCED_FILES)
WITHOUT_US = Recipe("without-us", files=FORCED_FILES,
                    prepare="rm -r /usr/lib/dracut/modules.d/50vfio-bind")
KERNEL_WITHOUT_VFIO = Recipe("without-vfio", policy=RULES, prepare=WITHOUT_VFIO)


def kinds(nightly=()):
    """For each kind of image: the one with systemd, and the one whose init is a shell's."""
    marks = {kind: [pytest.mark.nightly] if kind in nightly else [] for kind in ("systemd", "sh")}
    return pytest.mark.parametrize("kind", [pytest.param(kind, marks=mark)
                                            for kind, mark in marks.items()])


@pytest.fixture(scope="session", name="release", ids=str,
                params=[TRIXIE_DRACUT, *by_night(BOOKWORM_DRACUT, SID_DRACUT)])
def release_with_dracut(request):
    """Each release in turn."""
    return request.param


def image_of(lab, kind, recipe=RULES_ONLY):
    """The image of a recipe, with systemd in it or without."""
    if kind == "sh":
        recipe = replace(recipe, name=f"{recipe.name}-sh", files=(*recipe.files, NO_SYSTEMD))
    return lab.image(recipe)


@kinds()
def test_order(lab, kind, tmp_path):
    """A unit wanted by sysinit.target, or the first hook there is; never both."""
    tree = unpack(lab.root, image_of(lab, kind).initrd, tmp_path)
    wants = tree / "etc/systemd/system/sysinit.target.wants/vfio-bind-initrd.service"
    hooks = sorted(path.name for path in tree.glob("*/dracut/hooks/cmdline/*.sh"))
    hooks += sorted(path.name for path in tree.glob("var/lib/dracut/hooks/cmdline/*.sh"))
    assert wants.is_symlink() == (kind == "systemd")
    assert ("00-vfio-bind.sh" in hooks) == (kind == "sh")
    assert kind == "systemd" or hooks[0] == "00-vfio-bind.sh"


@kinds(nightly=["sh"])
def test_drivers_forced_early(lab, kind):
    """nvme and bochs are loaded before udev's trigger, and still get no chosen device."""
    boot = lab.boot(words=FORCED_WORDS, image=image_of(lab, kind))
    prove(boot, TWINS, taken=TAKEN)
    probed = boot.probes(boot.between(None, "before trigger"))
    assert "nvme" in probed[TWINS.address("disk1")], "nothing was forced"
    assert "bochs-drm" in probed[TWINS.address("gpu1")], "nothing was forced"
    verdicts(TWINS, boot.stages["root"], {
        "gpu2": "bind rule", "gpu2_audio": "bind companion", "gpu2_usb": "bind companion",
        "disk2": "bind rule"})


@kinds(nightly=["systemd", "sh"])
def test_off(lab, kind):
    """Off by rd.vfio_bind=0; and, the drivers forced, what the test above is worth."""
    boot = lab.boot(words=f"{FORCED_WORDS} rd.vfio_bind=0", image=image_of(lab, kind))
    prove(boot, TWINS)
    assert boot.said(level=3) == ["off by rd.vfio_bind=0"]
    probed = boot.probes(boot.between(None, "before trigger"))
    assert probed[TWINS.address("disk2")] == ["nvme"], "nothing was forced"
    assert probed[TWINS.address("gpu2")] == ["bochs-drm"], "nothing was forced"


@kinds(nightly=["systemd", "sh"])
def test_overlay(lab, kind, tmp_path):
    """Behind an image that knows nothing of us, it runs by itself, and in time."""
    image, said = with_overlay(lab, image_of(lab, kind, WITHOUT_US), tmp_path, RULES)
    assert "binder missing" in said and said.count("exit ") == 1 and "exit 10" in said, said
    boot = lab.boot(words=FORCED_WORDS, image=image)
    prove(boot, TWINS, taken=TAKEN)
    probed = boot.probes(boot.between(None, "before trigger"))
    assert "nvme" in probed[TWINS.address("disk1")], "nothing was forced"


@kinds(nightly=["systemd", "sh"])
def test_broken_policy(lab, kind):
    """Nothing is bound, one line says why."""
    boot = lab.boot(files={POLICY: File(f"{RULES}bind nvme colour=red\n".encode())},
                    image=image_of(lab, kind))
    prove(boot, TWINS)
    (line,) = boot.said(level=3)
    assert line.startswith(f"nothing bound: /{POLICY}:3:11: expected ")
    assert boot.stages["root"].overrides == {}


@kinds(nightly=["systemd", "sh"])
def test_kernel_without_vfio(lab, kind):
    """Overrides hold the devices free, into the real root; there they bind."""
    image = image_of(lab, kind, KERNEL_WITHOUT_VFIO)
    assert "has no vfio-pci" in image.log
    boot = lab.boot(image=image, in_root="modprobe vfio-pci\nfacts later\n")
    for stage in ("initramfs", "root"):
        expected = TWINS.host_drivers() | dict.fromkeys(TWINS.addresses(*TAKEN))
        assert boot.stages[stage].drivers == expected
        assert boot.stages[stage].overrides == dict.fromkeys(TWINS.addresses(*TAKEN), VFIO)
    prove(boot, TWINS, TAKEN, stages=["later"])


@kinds(nightly=["systemd", "sh"])
def test_absent_device(lab, kind):
    """A rule for what is not there stops nobody and is waited for by nobody."""
    boot = lab.boot(f"bind {ABSENT} id={NVME}\n{RULES}", image=image_of(lab, kind))
    prove(boot, TWINS, taken=TAKEN)
    assert (ABSENT, "none", "absent") in boot.stages["root"].verdicts()


@kinds(nightly=["systemd", "sh"])
def test_whole_system(lab, kind):
    """No driver forced, all of systemd in the root: the chosen devices stay ours to the end."""
    boot = lab.boot(image=image_of(lab, kind), base=MULTI_USER)
    prove_links(boot, TWINS, TAKEN, "initramfs")
    prove(boot, TWINS, TAKEN, stages=["multi-user"])
    assert boot.stages["multi-user"].values["target"] == "active"


@pytest.fixture(name="build", scope="module")
def build_with_options(lab, tmp_path_factory):
    """A function that builds an image with options of dracut's, and says what is in it."""
    tree = tmp_path_factory.mktemp("workshop") / "tree"
    furnish(lab.root, Recipe("workshop", policy=RULES), tree)
    write(tree, "usr/lib/dracut/modules.d/99kdumpbase/module-setup.sh",
          "check() { return 255; }\ninstall() { return 0; }\n")

    def build(options):
        run_in(tree, f'dracut --force {options} /tmp/image "$(ls /usr/lib/modules)"')
        lines = run_in(tree, "lsinitrd /tmp/image").splitlines()
        # As ls -l has it: mode, links, owner, group, size, month, day, time, path.
        rows = [line.split() for line in lines if line.startswith(("-", "d", "l"))]
        return [row[8] for row in rows if len(row) > 8]

    yield build
    shutil.rmtree(tree)


@pytest.mark.nightly
@pytest.mark.parametrize("options", ["--hostonly", "--no-hostonly", "--kernel-only"])
def test_payload_in_each_kind_of_build(build, options):
    """Whole payload, host-only or not: vfio-pci's modules are no driver of this host's devices."""
    files = build(options)
    for path in (POLICY, *(f"usr/lib/vfio-bind/{name}" for name in (
            "binder", "plan", "protect", "modules/vfio-pci.ko", "modules/vfio_iommu_type1.ko"))):
        assert path in files, path


@pytest.mark.parametrize("module", [
    "rescue", pytest.param("kdumpbase", marks=pytest.mark.nightly)])
def test_left_out(build, module):
    """An image to rescue the host, and one of a crash kernel, have nothing of ours."""
    files = build(f"--no-hostonly --add {module}")
    assert "usr/lib/lab/facts" in files
    assert not [path for path in files if "vfio-bind" in path]


@kinds(nightly=["systemd", "sh"])
def test_virtual_functions_in_the_image(lab, kind):
    """Made while the image is at work: its udev has the rule."""
    script = f"echo 7 >{late.DEVICE}/sriov_numvfs\nudevadm settle\nfacts made\n"
    # The image was built in a chroot, where nobody knows what the host lives on.
    protect = {"usr/lib/vfio-bind/protect": File(b"vfio-bind-protect 1\n")}
    boot = lab.boot(late.POLICY, machine=late.MACHINE, image=image_of(lab, kind), files=protect,
                    in_initramfs=script)
    late.prove_chosen(boot, "made")
    assert not late.probed_by_nvme(boot.log) & set(late.CHOSEN)
    assert late.probed_by_nvme(boot.log) >= set(late.OTHERS)
