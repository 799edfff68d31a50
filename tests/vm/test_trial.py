# SPDX-License-Identifier: GPL-2.0-or-later
"""A trial on a firmware that remembers: UEFI with its variables in a file that is kept."""

import base64
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from .boot import run_alone, with_kernel
from .images import File, Recipe
from .keyboard import attended, switched_on
from .lab import MULTI_USER, NO_POLICY
from .machine import OVMF, Machine, disk
from .proof import prove
from .roots import TRIXIE

VARIABLE = "/sys/firmware/efi/efivars/VfioBindTrial-29816690-cd8b-438a-9722-e290f7c7a2d5"
VARIABLES = "/usr/share/OVMF/OVMF_VARS_4M.fd"
# Its keys are Microsoft's, and the kernel comes past them: QEMU's own way in (-kernel) is not asked
# for a signature. What is after that is as with any boot loader: the kernel is locked down.
SECURE = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", "/usr/share/OVMF/OVMF_VARS_4M.ms.fd"
PLAIN = Machine((disk("disk1"), disk("root")))
POLICY = f"bind path={PLAIN.path('disk1')} id=1b36:0010\n"
BOOTS = 3  # that the image has; the variable may have fewer


def digest(policy):
    """FNV-1a, of the policy as the image's copy of it is read."""
    value = 0xcbf29ce484222325
    for byte in f"# /etc/vfio-bind.conf\n{policy}".encode():
        value = (value ^ byte) * 0x100000001b3 % 2**64
    return f"{value:016x}"


def text(boots, boot=""):
    """What the variable holds, as printf(1) takes it."""
    last = f"boot {boot}\\n" if boot else ""
    return f"vfio-bind-trial 1\\nboots {boots}\\npolicy {digest(POLICY)}\\n{last}"


# As update --trial leaves a machine, for the image to be built there.
NOTE = ("var/lib/vfio-bind/trial", text(BOOTS).replace("\\n", "\n"))
ON_TRIAL = Recipe("trial", policy=POLICY, files=(NOTE,))
# Before any init: what was in the variables when the power came on.
FIRST = """#!/bin/sh
PATH=/usr/sbin:/usr/bin:/sbin:/bin
mkdir -p /proc /sys /dev
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
insmod /usr/lib/vfio-bind/modules/efivarfs.ko
mount -t efivarfs efivarfs /sys/firmware/efi/efivars
%s
umount /sys/firmware/efi/efivars && rmmod efivarfs
umount /dev /sys /proc
exec /init "$@"
"""
# told NAME COMMAND...: its exit code and what it printed, to the test.
TOLD = """
told() {
	name=$1
	shift
	"$@" >/run/told 2>&1
	value "$name" "$? $(base64 -w0 /run/told)"
}
"""
LOOK = f"""{TOLD}
mount -t efivarfs efivarfs /sys/firmware/efi/efivars
echo '%s' >/etc/vfio-bind.conf
told variable sh -c '[ -e %s ] && cat /sys/firmware/efi/efivars/VfioBindTrial-* | tail -c +5'
told status vfio-bind status
%s
"""


def put(content):
    """Shell that writes the variable."""
    return f"printf '\\007\\000\\000\\000{content}' >{VARIABLE}"


def told(boot, name, stage="root"):
    """Exit code and output of a command."""
    status, _, said = boot.stages[stage].values[name].partition(" ")
    return int(status), base64.b64decode(said).decode("utf-8", errors="replace")


def with_variables(machine, folder, code=None, fresh=VARIABLES):
    """The machine with a firmware that keeps what it is told in a file of that folder."""
    variables = folder / Path(fresh).name
    if not variables.exists():
        shutil.copy(fresh, variables)
    flash = f"if=pflash,unit=0,format=raw,readonly=on,file={code}" if code else OVMF[0]
    return replace(machine, firmware=(flash, f"if=pflash,unit=1,format=raw,file={variables}"))


@pytest.fixture(scope="session", name="release", ids=str, params=[TRIXIE])
def release_on_trial(request):
    """As the others do, as it does not depend on the generator."""
    return request.param


@pytest.fixture(name="boot")
def fixture_boot(lab, tmp_path):
    """Boots the image on trial; first: shell before any init; script: in the root."""
    machine = with_variables(PLAIN, tmp_path)

    def boot(first="", script="", machine=machine, recipe=ON_TRIAL, words="", files=(), **more):
        files = dict(files)
        if first:
            files["lab/first"] = File((FIRST % first).encode(), 0o755)
            words += " rdinit=/lab/first"
        look = LOOK % (POLICY.strip(), VARIABLE, script)
        return lab.boot(words=words, machine=machine, files=files, image=lab.image(recipe),
                        in_root=look, **more)
    return boot


def prove_counted(boot, left):
    """The drive went, and what is left was written before."""
    prove(boot, PLAIN, taken=["disk1"])
    assert f"# trial {left}" in boot.stages["root"].notes()
    said = boot.said()
    assert said[0] == f"on trial: {left} boot{'' if left == 1 else 's'} left"
    assert said[1].startswith(f"{PLAIN.address('disk1')} bound to vfio-pci")
    lines = told(boot, "variable")[1].splitlines()
    assert lines[:3] == ["vfio-bind-trial 1", f"boots {left}", f"policy {digest(POLICY)}"]
    assert lines[3].startswith("boot ") and len(lines) == 4
    # The image on the disk is another one: what status exits with is for test_the_whole_way.
    assert f"This boot is on trial, {left} boot" in told(boot, "status")[1]


def prove_off(boot, said, note):
    """Nothing went, and that is shown with `quiet` too."""
    prove(boot, PLAIN)
    assert boot.said(level=3) == [said] and boot.stages["root"].overrides == {}
    assert f"# {note}" in boot.stages["root"].notes()


FAILED = "nothing bound: the trial failed, no boot of it is left: vfio-bind update ends it"


def test_a_boot_counts_binds_and_is_confirmed(boot):
    """The binder finds module and variable by itself; confirm takes the variable away."""
    done = boot(put(text(1)), f"""
told confirm vfio-bind confirm
[ -e {VARIABLE} ] || value gone yes
told again vfio-bind status
""")
    prove_counted(done, 0)
    assert told(done, "confirm")[0] == 0 and done.stages["root"].values["gone"] == "yes"
    assert "The trial was confirmed in boot" in told(done, "again")[1]


@pytest.mark.nightly
def test_a_boot_that_is_not_confirmed_is_the_last(boot):
    """The next one binds nothing and is up, and so are those after it."""
    prove_counted(boot(put(text(1))), 0)
    for _ in range(2):
        off = boot(script="told confirm vfio-bind confirm\n")
        prove_off(off, FAILED, "the trial failed")
        assert told(off, "status")[0] == 1 and "The trial failed in boot" in told(off, "status")[1]
        assert told(off, "confirm")[0] == 1


@pytest.mark.nightly
def test_three_boots(boot):
    """One after another, with the last confirmed: from then on it binds without a count."""
    prove_counted(boot(put(text(3))), 2)
    prove_counted(boot(), 1)
    last = boot(script="told confirm vfio-bind confirm\n")
    prove_counted(last, 0)
    assert told(last, "confirm")[0] == 0
    after = boot()
    prove(after, PLAIN, taken=["disk1"])
    assert told(after, "variable")[0] == 1
    assert not [line for line in after.said() if "trial" in line]


CANNOT = "nothing bound: on trial, and its boots cannot be counted: "
FULL = f"""
{put(text(1))}
cd /sys/firmware/efi/efivars
size=30000
number=0
while [ "$size" -gt 1 ]; do
	number=$((number + 1))
	(printf '\\007\\000\\000\\000'; dd if=/dev/zero bs=1 count="$size" 2>/dev/null) >/lab/fill
	dd if=/lab/fill of="Fill$number-29816690-cd8b-438a-9722-e290f7c7a2d5" bs=65536 \\
		2>/dev/null || size=$((size / 2))
done
cd /
"""
# The mount is kept: the next one would be of the same file system, and no more read-only.
READ_ONLY = f"""
{put(text(1))}
mount -o remount,ro /sys/firmware/efi/efivars
umount() {{ :; }}
rmmod() {{ :; }}
"""
REFUSED = {
    "nonsense": (put("what is this"), f"{CANNOT}{VARIABLE}: EINVAL"),
    "forged with more boots": (put(text(BOOTS + 1)), f"{CANNOT}{VARIABLE}: EINVAL"),
    "full": (FULL, f"{CANNOT}{VARIABLE}: ENOSPC"),
    "read-only": (READ_ONLY, f"{CANNOT}{VARIABLE}: EROFS"),
}


@pytest.mark.nightly
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_counted_is_not_bound(boot, name):
    """A firmware that refuses, and a variable that makes no sense."""
    first, said = REFUSED[name]
    prove_off(boot(first), said, "the trial cannot be counted")


@pytest.mark.nightly
def test_without_uefi(boot):
    """The same image, started by a BIOS."""
    done = boot(machine=PLAIN, script="told update vfio-bind update --trial\n")
    prove_off(done, f"{CANNOT}/sys/firmware/efi/efivars: ENOENT", "the trial cannot be counted")
    code, said = told(done, "update")
    assert code == 1 and "no trial" in said and "vfio-bind fallback" in said


LOCKED_DOWN = """
value secure "$(od -An -tu1 -j4 /sys/firmware/efi/efivars/SecureBoot-* | xargs)"
mount -t securityfs securityfs /sys/kernel/security
value lockdown "$(cat /sys/kernel/security/lockdown)"
"""


@pytest.mark.nightly
def test_secure_boot(boot, tmp_path):
    """It counts and binds with Secure Boot on, and a kernel that takes only what is signed."""
    done = boot(put(text(1)), LOCKED_DOWN, with_variables(PLAIN, tmp_path, *SECURE))
    prove_counted(done, 0)
    values = done.stages["root"].values
    assert values["secure"] == "1" and "[integrity]" in values["lockdown"]


# As test_unbind_that_hangs of test_faults.py: the boot stays at a drive that does not let go.
STUCK = replace(ON_TRIAL, name="trial-stuck", trees=("initramfs-tools-forced",))
SLOW = "throttling.bps-write=600"
# The power came on for the first time if there is no variable yet; after that nobody is busy.
ONCE = f"if [ -e {VARIABLE} ]; then : >/scripts/init-top/00-lab-first; else {put(text(1))}; fi"


def reset_when_it_hangs(console):
    """Somebody who sees that nothing moves any more."""
    console.wait("vfio-bind: on trial: 0 boots left")
    console.wait("hung: unbind")
    assert "bound to vfio-pci" not in console.text
    console.reset()


def power_cut(folder, machine, image, words, drives):
    """Behind the count, before the first bind; and then the power comes back."""
    with switched_on(folder, machine, drives, with_kernel(folder, image, words)) as console:
        console.wait("vfio-bind: on trial: 0 boots left")
        console.cut_power()
    assert "bound to vfio-pci" not in console.text and "hung: " not in console.text
    run_alone(folder, machine, image, words, drives)


@pytest.mark.nightly
@pytest.mark.parametrize("start", [attended(reset_when_it_hangs), power_cut],
                         ids=["reset", "power cut"])
def test_a_boot_that_hangs_is_the_last(boot, tmp_path, start):
    """What was counted is gone, whether it came to bind anything or not: the next boot is up."""
    with open(tmp_path / "drive", "wb") as file:
        file.truncate(16 << 20)
    off = boot(ONCE, recipe=STUCK, start=start, words="loglevel=7 lab.force=busy "
               "nvme_core.io_timeout=255 sysctl.kernel.hung_task_timeout_secs=0",
               files={"lab/busy": File(PLAIN.address("disk1").encode())},
               drives={"disk1": f"{tmp_path}/drive,{SLOW}"})
    prove_off(off, FAILED, "the trial failed")


class Host:
    """A Debian under UEFI with a disk of its own, booted with what it built for itself."""

    def __init__(self, lab, folder):
        self.lab, self.folder = lab, folder
        self.machine = with_variables(PLAIN, folder)
        self.disk, self.initrd = folder / "disk", None
        subprocess.run(["cp", "--sparse=always", lab.disk[0], self.disk], check=True)

    def boot(self, script):
        """Boots, then takes out the image that was built meanwhile."""
        image = self.lab.image(NO_POLICY)
        if self.initrd:
            image = replace(image, initrd=self.initrd)
        boot = self.lab.boot(machine=self.machine, image=image, base=MULTI_USER,
                             in_root=TOLD + script, drives={"root": self.disk})
        subprocess.run(["e2fsck", "-p", self.disk], stdout=subprocess.DEVNULL, check=False)
        self.initrd = self.folder / "initrd"
        name = self.lab.release.generator.image.format(self.lab.root.kernel_release)
        subprocess.run(["debugfs", "-R", f"dump {name} {self.initrd}", self.disk],
                       stderr=subprocess.DEVNULL, check=True)
        return boot


UPDATE = f"""
mkdir -p /var/log/journal
systemctl restart systemd-journald
echo '{POLICY.strip()}' >/etc/vfio-bind.conf
told update vfio-bind update --trial
told status vfio-bind status
"""
# The unit is on its way, or was here; whoever asks for it waits until it has run.
CONFIRMED = f"""
systemctl start vfio-bind-confirm.service
journalctl --sync
told unit journalctl -b -u vfio-bind-confirm.service -o cat
[ -e {VARIABLE} ] || value gone yes
told status vfio-bind status
"""
AFTER = """
told earlier vfio-bind status --boot=-1
told status vfio-bind status
"""


@pytest.mark.nightly
def test_the_whole_way(lab, tmp_path):
    """update --trial, a boot that reaches its target and is confirmed by itself, one after it."""
    host = Host(lab, tmp_path)
    built = host.boot(UPDATE)
    assert told(built, "update", "multi-user")[0] == 0, told(built, "update", "multi-user")
    assert "The images are on trial, 1 boot left" in told(built, "status", "multi-user")[1]

    tried = host.boot(CONFIRMED)
    prove(tried, PLAIN, taken=["disk1"], stages=("initramfs", "multi-user"))
    assert tried.said()[0] == "on trial: 0 boots left"
    assert "The trial was confirmed in boot" in told(tried, "unit", "multi-user")[1]
    assert tried.stages["multi-user"].values["gone"] == "yes"
    status = told(tried, "status", "multi-user")
    assert status[0] == 0 and "The trial was confirmed in boot" in status[1]

    after = host.boot(AFTER)
    prove(after, PLAIN, taken=["disk1"], stages=("initramfs", "multi-user"))
    assert not [line for line in after.said() if "trial" in line]
    code, said = told(after, "earlier", "multi-user")
    assert code == 0 and said.startswith("on trial: 0 boots left\n")
    assert f"{PLAIN.address('disk1')} vfio-pci" in " ".join(said.split())
    assert told(after, "status", "multi-user")[0] == 0
