# SPDX-License-Identifier: GPL-2.0-or-later
"""The script in /etc/grub.d: what it makes of the entries that 10_linux prints."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "hooks/grub-fallback"
# What GRUB's own prints, for two kernels: the same shape, and what is in it is not looked at.
LINUX = r"""#!/bin/sh
echo "Found linux image" >&2
cat <<'END'
function gfxmode {
	set gfxpayload="${1}"
}
END
entry() {
	cat <<END
$1menuentry '$2' --class debian --class os \$menuentry_id_option 'gnulinux-$3' {
$1	$(if [ "$GRUB_SAVEDEFAULT" = true ]; then echo savedefault; fi)
$1	if [ x\$feature_platform_search_hint = xy ]; then
$1	  search --no-floppy --fs-uuid --set=root 1111
$1	fi
$1	linux	/boot/vmlinuz-$3 root=UUID=1 ro $GRUB_CMDLINE_LINUX $GRUB_CMDLINE_LINUX_DEFAULT
$1	initrd	/boot/initrd.img-$3
$1}
END
}
entry "" "Debian's '\\''own'\\'' GNU/Linux" 6.12
echo "submenu 'More' {"
entry "	" "Debian, with Linux 6.9" 6.9
echo "}"
"""


class Folder:
    """An /etc/grub.d."""

    def __init__(self, path):
        self.path = path
        (path / "99_vfio-bind").symlink_to(SCRIPT)

    def put(self, name, text, mode=0o755):
        (self.path / name).write_text(text)
        (self.path / name).chmod(mode)

    def run(self, **environment):
        done = subprocess.run([self.path / "99_vfio-bind"], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False,
                              env={"PATH": os.environ["PATH"], **environment})
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout


@pytest.fixture(name="folder")
def fixture_folder(tmp_path):
    return Folder(tmp_path)


def test_the_newest_kernel_once_more(folder):
    """A title and an id of its own, our word in front, all the rest as it is."""
    folder.put("10_linux", LINUX)
    assert folder.run(GRUB_CMDLINE_LINUX="rootflags=x", GRUB_CMDLINE_LINUX_DEFAULT="quiet -- y",
                      GRUB_SAVEDEFAULT="true") == (
        "menuentry 'Debian's '\\''own'\\'' GNU/Linux, without vfio-bind' --class debian "
        "--class os $menuentry_id_option 'vfio-bind-fallback' {\n"
        "\t\n"
        "\tif [ x$feature_platform_search_hint = xy ]; then\n"
        "\t  search --no-floppy --fs-uuid --set=root 1111\n"
        "\tfi\n"
        "\tlinux\t/boot/vmlinuz-6.12 root=UUID=1 ro rd.vfio_bind=0 rootflags=x quiet -- y\n"
        "\tinitrd\t/boot/initrd.img-6.12\n"
        "}\n")


def test_without_any_setting(folder):
    folder.put("10_linux", LINUX)
    assert " ro rd.vfio_bind=0  \n" in folder.run()


def test_zfs_on_ubuntu(folder):
    folder.put("10_linux", "#!/bin/sh\nexit 0\n")
    folder.put("10_linux_zfs", LINUX)
    assert folder.run().startswith("menuentry 'Debian")


@pytest.mark.parametrize("text", [
    "#!/bin/sh\necho blscfg\n", "#!/bin/sh\nexit 1\n", "#!/bin/sh\nexit 0\n",
    LINUX.replace("$GRUB_CMDLINE_LINUX ", ""), LINUX.replace(" \\$menuentry_id_option", ""),
    "#!/bin/sh\necho \"menuentry 'x' --class x \\$menuentry_id_option 'y' {\"\n"
    "echo rd.vfio_bind=0\n"])
def test_what_cannot_be_copied(folder, text):
    """All of an entry or nothing; and whatever happens, grub-mkconfig goes on."""
    folder.put("10_linux", text)
    assert folder.run() == ""


def test_what_its_owner_switched_off(folder):
    folder.put("10_linux", LINUX, 0o644)
    assert folder.run() == ""


def test_without_grub(folder):
    assert folder.run() == ""


@pytest.mark.skipif(not shutil.which("grub-script-check"), reason="GRUB is not on this machine")
def test_grub_reads_it(folder):
    folder.put("10_linux", LINUX.replace("Debian's", "Debian"))
    subprocess.run(["grub-script-check"], input=folder.run(), text=True, check=True)
