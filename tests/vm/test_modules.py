# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-pci's modules: not there, or with options of their own."""

import pytest

from .images import File, Recipe
from .machine import GPU2, TWINS
from .proof import VFIO, prove

ONE_DRIVE = f"bind {TWINS.address('disk2')} id=1b36:0010\n"
CARD_AND_DRIVE = f"bind display boot_display=0 with=functions\n{ONE_DRIVE}"
WITHOUT_VFIO = Recipe("without-vfio", policy=CARD_AND_DRIVE, prepare="""
rm -r /usr/lib/modules/*/kernel/drivers/vfio
depmod "$(ls /usr/lib/modules)"
""")
# What a kernel without a variant makes of it.
AUTO = CARD_AND_DRIVE.replace("\n", " driver=auto\n")
WITH_OPTIONS = Recipe("with-options", policy=AUTO, files=(
    ("etc/modprobe.d/vfio.conf",
     "options vfio-pci disable_vga=1 disable_idle_d3=1\noptions vfio-pci ids=1b36:0010\n"),))
SHOW_PARAMETERS = """
for parameter in /sys/module/vfio_pci/parameters/*; do
	value "${parameter##*/}" "$(cat "$parameter")"
done
"""


def test_kernel_without_vfio(lab):
    """Scenario k: overrides hold the devices free; they bind once the root loads vfio-pci."""
    image = lab.image(WITHOUT_VFIO)
    assert "has no vfio-pci" in image.log
    boot = lab.boot(image=image, in_root="modprobe vfio-pci\nfacts later\n")
    taken = (*GPU2, "disk2")
    for stage in ("initramfs", "root"):
        expected = TWINS.host_drivers() | dict.fromkeys(TWINS.addresses(*taken))
        assert boot.stages[stage].drivers == expected
        assert boot.stages[stage].overrides == dict.fromkeys(TWINS.addresses(*taken), VFIO)
    prove(boot, TWINS, taken, stages=["later"])
    report = [line for line in boot.stages["root"].report if "\tbind\t" in line]
    assert len(report) == len(taken)
    assert all("failed: its driver is not there" in line for line in report)


@pytest.fixture(name="with_options", scope="module")
def boot_with_options(lab):
    """One boot of an image that was built with options for vfio-pci, ids= among them."""
    return lab.boot(AUTO, "vfio_pci.nointxmask=1", image=lab.image(WITH_OPTIONS),
                    in_root=SHOW_PARAMETERS)


def test_options_reach_the_module(with_options):
    """Scenario l: of modprobe.d and of the command line, as the module itself shows them."""
    values = with_options.stages["root"].values
    wanted = ("disable_vga", "disable_idle_d3", "nointxmask", "disable_denylist", "enable_sriov")
    assert [values[name] for name in wanted] == ["Y", "Y", "Y", "N", "N"]


def test_ids_are_dropped(with_options):
    """Scenario m: an ids= that names every twin takes none of them, and is reported."""
    prove(with_options, TWINS, taken=(*GPU2, "disk2"))
    assert "# ids dropped" in with_options.stages["root"].notes()
    assert any("ids=1b36:0010 left out" in line for line in with_options.said(level=4))


@pytest.mark.nightly
def test_ids_on_the_command_line(lab):
    """Scenario m: so is one of the command line, where most people have theirs from."""
    boot = lab.boot(CARD_AND_DRIVE, "vfio-pci.ids=1b36:0010,8086:2668")
    prove(boot, TWINS, taken=(*GPU2, "disk2"))
    assert "# ids dropped" in boot.stages["root"].notes()
    assert any("vfio-pci.ids=1b36:0010,8086:2668 left out" in line for line in boot.said(level=4))


@pytest.mark.nightly
def test_a_variants_modules_are_loaded_for_a_device_alone_that_gets_it(lab):
    """vfio_pci stands for a variant of the drives: its name is the other one, and it is loaded for
    that name alone. What belongs to a variant that no device gets is not even looked for."""
    plan = ["vfio-bind-plan 1", f"kernel {lab.root.kernel_release}",
            *(f"load {name}.ko required" for name in ("irqbypass", "vfio", "vfio_iommu_type1",
                                                      "vfio-pci-core")),
            "variant odd_vfio_pci vfio_pci:v0000FFFFd*sv*sd*bc*sc*i*", "load gone.ko required",
            "variant vfio_pci vfio_pci:v00001B36d00000010sv*sd*bc*sc*i*",
            "load vfio-pci.ko required", "variant odd_vfio_pci vfio_pci:v*d*sv*sd*bc*sc*iFF",
            "load gone.ko required", ""]
    boot = lab.boot(ONE_DRIVE.replace("\n", " driver=auto\n"),
                    files={"usr/lib/vfio-bind/plan": File("\n".join(plan).encode())})
    prove(boot, TWINS, taken=("disk2",))
    assert boot.said(level=3) == []
