# SPDX-License-Identifier: GPL-2.0-or-later
"""What the real hooks put into images, and in which order it will run."""

from .images import Recipe, unpack
from .lab import MULTI_USER, NO_POLICY
from .machine import GPU2, TWINS
from .proof import prove, prove_links

POLICY = f"bind display boot_display=0 with=functions\nbind {TWINS.address('disk2')} id=1b36:0010\n"
# As Debian ships it: all drivers in the image, and no script of a test but the last one.
STOCK = Recipe("stock", policy=POLICY,
               files=(("etc/initramfs-tools/conf.d/lab", "MODULES=most\n"),))
# By the policy of the boot, but without what only the image has: nothing protects any drive.
AGAIN = """
cp /run/vfio-bind/policy /etc/vfio-bind.conf
mark again
/usr/lib/vfio-bind/binder
status=$?
udevadm settle
mark "again done"
facts again
value status $status
"""


def test_order(lab, tmp_path):
    """Our script is the first of init-top, udev comes later."""
    tree = unpack(lab.root, lab.image(STOCK).initrd, tmp_path)
    lines = (tree / "scripts/init-top/ORDER").read_text("utf-8").splitlines()
    scripts = [line.split()[0].removeprefix("/scripts/init-top/") for line in lines
               if line.startswith("/scripts/")]
    assert scripts[0] == "00-vfio-bind"
    assert "udev" in scripts[1:]


def test_no_policy_no_payload(lab, tmp_path):
    """Without rules the image has our script, which does nothing, and no file of the payload."""
    tree = unpack(lab.root, lab.image(NO_POLICY).initrd, tmp_path)
    assert (tree / "scripts/init-top/00-vfio-bind").exists()
    assert not (tree / "usr/lib/vfio-bind").exists()
    assert not (tree / "etc/vfio-bind.conf").exists()


def test_protect_in_a_chroot(lab, tmp_path):
    """Where the host cannot be seen the image says so."""
    tree = unpack(lab.root, lab.image(STOCK).initrd, tmp_path)
    protect = (tree / "usr/lib/vfio-bind/protect").read_text("utf-8")
    assert protect.splitlines() == ["vfio-bind-protect 1", "unknown"]


def test_protect_in_the_machine(lab, tmp_path):
    """Scenario f: the image that Debian built while it ran names its root's drive and no other."""
    tree = unpack(lab.root, lab.host_image.initrd, tmp_path)
    protect = (tree / "usr/lib/vfio-bind/protect").read_text("utf-8").splitlines()
    storage = [line for line in protect if line.startswith("storage")]
    assert protect[0] == "vfio-bind-protect 1"
    assert f"storage path={TWINS.path('root')} id=1b36:0010" in storage
    assert not any(TWINS.path(name) in line for line in storage
                   for name in ("disk1", "disk2", "disk3"))


def test_whole_system_without_us(lab):
    """What all other tests are worth: by itself the host takes every twin, up to multi-user."""
    boot, _ = lab.host
    prove(boot, TWINS, stages=["initramfs", "multi-user"])
    assert boot.stages["multi-user"].values["target"] == "active"


def test_whole_system(lab):
    """Debian's own kind of image, all of systemd: the chosen devices stay ours to the end."""
    image = lab.image(STOCK)
    assert "/sys is no sysfs" in image.log  # what the hook was warned of, the person sees
    boot = lab.boot(image=image, base=MULTI_USER, in_root=AGAIN)
    taken = (*GPU2, "disk2")
    prove_links(boot, TWINS, taken, "initramfs", all_up=True)
    prove(boot, TWINS, taken, stages=["multi-user"])
    assert boot.stages["multi-user"].values["target"] == "active"
    # Scenario n, where all of the host's services run: the second run changes nothing.
    prove_links(boot, TWINS, taken, "again", all_up=True)
    assert boot.probes(boot.between("again", "again done")) == {}
    assert boot.stages["again"].values["status"] == "0"
    assert boot.stages["again"].verdicts() == boot.stages["multi-user"].verdicts()
