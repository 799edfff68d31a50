# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-bind verify --boot: what a console says, and what follows. QEMU is played by a script that
prints what real kernels said; tests/vm boots real images."""

import os
import shutil
import subprocess

import pytest

from lib import golden, limited
from lib.hosttree import HostTree
from lib.initramfs import image, initramfs_tools, pe, tree, uki
from lib.moduletree import RELEASE, vfio_tree
from lib.payload import OURS, build, fixture_program, set_policy  # noqa: F401

BINDER = b"\x7fELF, or so it says\n"
KERNEL = b"a kernel of its own\n"
# Says what it was started with, plays a console, and goes on until it is ended.
QEMU = """#!/bin/sh
cd "${0%/*}"
printf '%s\\n' "$@" >words
while [ $# -gt 0 ]; do
    case $1 in
    -kernel | -initrd) cat "$2" >"${1#-}" ;;
    -append) printf '%s' "$2" >append ;;
    -accel) [ "$2" != kvm ] || { echo 'KVM internal error. Suberror: 1'; cat fifo; } ;;
    esac
    shift
done
cat console
[ ! -e ends ] || exit "$(cat ends)"
cat fifo
"""

# Each as the kernel of that release wrote it.
INIT = "[    5.414091] sched_process_exec: filename=/init pid=1 old_pid=1\r\n"
START = ("[    6.197428] sched_process_exec: filename=/usr/lib/vfio-bind/binder pid=155 "
         "old_pid=155\r\n")
END = ("[    6.387207] sched_process_exit: comm=binder pid=156 prio=120\r\n"
       "[    6.388759] sched_process_exit: comm=binder pid=155 prio=120\r\n")
PORT = "[    4.765678] bus: 'pci': really_probe: probing driver pcieport with device 0000:00:01.0\r\n"
AGP = ("[    3.089334] pci 0000:00:00.0: bus: 'pci': really_probe: probing driver agpgart-intel "
       "with device\r\n")
OLD = "[   10.040652] bus: 'pci': really_probe: probing driver e1000e with device 0000:00:05.0\r\n"
NEW = ("[   10.682937] pci 0000:01:00.0: bus: 'pci': really_probe: probing driver nvme with "
       "device\r\n")
BOUND = ("[    6.287207] pci 0000:01:00.0: bus: 'pci': really_probe: probing driver vfio-pci with "
         "device\r\n")
FIRST = "the binder ended before any other driver probed a device"
NEXT_INIT = "[    6.5] sched_process_exec: filename=/init.vfio-bind-next pid=1 old_pid=1\r\n"
RDINIT = "[    5.4] sched_process_exec: filename=/usr/lib/vfio-bind/binder pid=1 old_pid=1\r\n"

CONSOLES = {
    "6.1": (PORT + INIT + START + END + OLD, "right", FIRST),
    "6.12": (AGP + INIT + START + BOUND + END + NEW, "right", FIRST),
    "7.2": (AGP + INIT + START + END.replace("120", "120 group_dead=true") + NEW, "right", FIRST),
    "what the kernel does before any program runs": (NEW + INIT + START + END, "right", FIRST),
    "a port of PCI Express": (AGP + INIT + PORT + START + PORT + END, "right", FIRST),
    "nothing else ever": (AGP + INIT + START + END, "right", FIRST),
    "before": (AGP + INIT + NEW + START + END, "wrong",
               "nvme probed 0000:01:00.0 before the binder had started"),
    "before, 6.1": (PORT + INIT + OLD + START + END, "wrong",
                    "e1000e probed 0000:00:05.0 before the binder had started"),
    "meanwhile": (AGP + INIT + START + NEW + END, "wrong",
                  "nvme probed 0000:01:00.0 before the binder had ended"),
    "an escape": (AGP + INIT + NEW.replace("nvme", "nv\033[1mme"), "wrong", "nv?[1mme probed"),
    "never": (AGP + INIT + NEW, "wrong", "before the binder had started"),
    "a child of the binder ends": (AGP + INIT + START + END.splitlines(True)[0] + NEW, "wrong",
                                   "before the binder had ended"),
    "no probe and no binder": (AGP + INIT, "unknown", "the binder did not start"),
    "a binder that hangs": (AGP + INIT + START, "unknown", "the binder did not end"),
    "a kernel's own helper": (AGP + START + INIT, "unknown", "the binder did not start"),
    "no trace": (AGP + NEW, "unknown", "does not say what it starts"),
    "no word of drivers": (INIT + START + END, "unknown", "does not say what drivers do"),
    "nothing": ("", "unknown", "does not say what it starts"),
    "lost": (AGP + INIT + "** 12 printk messages dropped **\r\n" + START + END, "unknown",
             "left lines out"),
    "lost, and yet wrong": (AGP + INIT + "** 1 printk messages dropped **\r\n" + NEW, "wrong",
                            "nvme probed"),
    "cut": ((AGP + INIT + START)[:-60], "unknown", "the binder did not start"),
    "a long line": (AGP + "x" * 9000 + "\r\n" + INIT + START + END, "right", FIRST),
    "rdinit=": (AGP + RDINIT + BOUND + INIT + NEW, "right", FIRST),
    "rdinit=, and wrong": (AGP + RDINIT + NEW + INIT, "wrong", "before the binder had ended"),
    "an /init that is not the binder": (AGP + INIT + NEXT_INIT + NEW, "wrong", "had started"),
}


@pytest.fixture(name="machine", scope="module")
def fixture_machine(program, tmp_path_factory):
    """A machine with a kernel, and the files of its payload."""
    root = tmp_path_factory.mktemp("boot") / "root"
    host = HostTree(root)
    host.nvme()
    host.mount("/", "259:0")
    vfio_tree(root)
    (root / OURS).mkdir(parents=True)
    (root / OURS / "binder").write_bytes(BINDER)
    (root / "boot").mkdir()
    (root / "boot" / f"vmlinuz-{RELEASE}").write_bytes(KERNEL)
    host.write("proc/cmdline", 'quiet root=/dev/sda1 hugepages=64 rd.driver.pre=nvme a="b c" -- x\n')
    set_policy(root)
    built = build(program, root, root.parent / "payload")
    assert built.status == 0
    return root, tree(built.dir)


class Booted:
    """What verify said, and what it started."""

    def __init__(self, done, folder):
        self.status, self.stderr, self.folder = done.returncode, done.stderr, folder
        self.json = golden.validate(done.stdout, "verify") if done.stdout else None

    @property
    def order(self):
        (row,) = [row for row in self.json["checks"] if row["check"] == "order"]
        return row

    def read(self, name):
        return (self.folder / name).read_bytes()


@pytest.fixture(name="boot")
def fixture_boot(program, machine, tmp_path):
    """Boots an image with a QEMU that says what is on a console, and then ends, or never does."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "qemu-system-x86_64").write_text(QEMU)
    (folder / "qemu-system-x86_64").chmod(0o755)
    subprocess.run(["mkfifo", folder / "fifo"], check=True)

    def run(console, content=None, ends=0, root=machine[0], path=f"{folder}:/usr/bin:/bin"):
        initrd = tmp_path / "initrd"
        initrd.write_bytes(content or image({**machine[1], **initramfs_tools()}))
        (folder / "console").write_text(console, newline="")
        if ends is not None:
            (folder / "ends").write_text(str(ends))
        done = limited.run([program, "--root", root, "verify", "--json", "--boot", initrd],
                           text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           env={**os.environ, "PATH": path})
        return Booted(done, folder)
    return run


@pytest.mark.parametrize("console, result, detail", CONSOLES.values(), ids=CONSOLES)
def test_what_a_console_says(boot, console, result, detail):
    done = boot(console)
    assert (done.order["result"], done.stderr) == (result, ""), done.order
    assert done.order["detail"].startswith("booted: ") and detail in done.order["detail"]
    assert done.status == (0 if result == "right" else 1)


@pytest.mark.parametrize("console", [AGP + INIT + START + END, AGP + INIT + NEW])
def test_the_boot_is_over_once_it_is_decided(boot, console):
    """By itself this QEMU never ends."""
    assert boot(console, ends=None).order["result"] in ("right", "wrong")


def test_what_is_booted(boot, machine):
    """The image as it is, its kernel, its command line, and what makes the kernel talk."""
    content = image({**machine[1], **initramfs_tools()})
    done = boot(AGP + INIT + START + END, content)
    assert (done.read("kernel"), done.read("initrd")) == (KERNEL, content)
    append = done.read("append").decode()
    assert append.endswith(' root=/dev/sda1 rd.driver.pre=nvme a="b c"')
    assert "tp_printk" in append and "quiet" not in append and "hugepages" not in append
    words = done.read("words").decode().splitlines()
    models = [word.split(",")[0] for at, word in enumerate(words) if words[at - 1] == "-device"]
    for model, count in (("VGA", 1), ("nvme", 2), ("e1000e", 1), ("qemu-xhci", 1),
                         ("intel-iommu", 1)):
        assert models.count(model) == count


def test_a_unified_kernel_image(boot, machine):
    """It has a kernel of its own; without a command line it gets that of this boot."""
    initrd = image({**machine[1], **initramfs_tools()})
    done = boot(AGP + INIT + START + END, uki(initrd))
    assert done.order["result"] == "right"
    assert (done.read("kernel"), done.read("initrd")) == (b"a kernel", initrd)
    assert done.read("append").decode().endswith(' a="b c"')
    own = pe({b".linux": KERNEL, b".cmdline": b"rdinit=/x quiet\n\0", b".initrd": initrd})
    done = boot(AGP + INIT + START + END, own)
    assert (done.read("kernel"), done.read("initrd")) == (KERNEL, initrd)
    assert done.read("append").endswith(b"sched_process_exit rdinit=/x")
    done = boot("", pe({b".initrd": initrd}))
    assert done.status == 1 and "is not here to boot" in done.stderr


@pytest.mark.parametrize("console, result", [
    (AGP + INIT + BOUND + NEXT_INIT + NEW, "right"), (AGP + INIT + NEW + NEXT_INIT, "wrong")])
def test_the_binder_as_init(boot, machine, console, result):
    """It ends where process 1 starts the next init."""
    files = {"init": BINDER, "init.vfio-bind-next": "#!/bin/sh\n"}
    assert boot(console, image({**machine[1], **files})).order["result"] == result


def test_one_boot_does_not_make_a_wrong_order_right(boot, machine):
    """What runs beside the binder may be first the next time."""
    files = initramfs_tools(("udev", "00-vfio-bind"))
    done = boot(AGP + INIT + START + END, image({**machine[1], **files}))
    assert (done.status, done.order["result"]) == (1, "unknown")
    assert "first this time, but" in done.order["detail"] and "udev" in done.order["detail"]


def test_boot_decides_where_reading_cannot(boot, machine):
    """An init that nobody knows, which has the binder in a program of its own."""
    content = image({**machine[1], "init": "#!/bin/sh\nexec /bin/own\n"})
    assert boot(AGP + INIT + START + END, content).order["result"] == "right"
    assert boot(AGP + INIT + NEW, content).order["result"] == "wrong"


def test_what_comes_next(program, machine, tmp_path):
    """Where reading is a guess, the next step is the command that decides."""
    path = tmp_path / "initrd"
    path.write_bytes(image({**machine[1], "init": f"#!/bin/sh\nown\n/{OURS}/binder\n"}))
    done = limited.run([program, "--root", machine[0], "verify", path], text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stdout.endswith(f"Only a boot can tell: vfio-bind verify --boot {path}\n")


def test_no_kernel(boot, machine, tmp_path):
    shutil.copytree(machine[0], tmp_path / "root", symlinks=True)
    (tmp_path / f"root/boot/vmlinuz-{RELEASE}").unlink()
    done = boot("", root=tmp_path / "root")
    assert (done.status, done.json["result"]) == (1, "failed")
    assert f"kernel {RELEASE} is not here" in done.stderr


def test_a_kernel_beside_its_modules(boot, machine, tmp_path):
    shutil.copytree(machine[0], tmp_path / "root", symlinks=True)
    kernel = tmp_path / f"root/boot/vmlinuz-{RELEASE}"
    (modules,) = (tmp_path / "root").glob(f"**/lib/modules/{RELEASE}")
    kernel.rename(modules / "vmlinuz")
    assert boot(AGP + INIT + START + END, root=tmp_path / "root").read("kernel") == KERNEL


def test_qemu_that_fails(boot):
    done = boot("qemu-system-x86_64: -device nvme: it is no\033[1m model\n", ends=1)
    assert (done.status, done.json["result"]) == (1, "failed")
    assert done.stderr == "vfio-bind: qemu-system-x86_64: -device nvme: it is no?[1m model\n"


def test_no_qemu(boot, tmp_path):
    done = boot("", path=str(tmp_path))
    assert (done.status, done.json["result"]) == (1, "failed")
    assert "install the package qemu-system-x86" in done.stderr


def test_an_image_without_us_and_no_policy(program, machine, tmp_path, boot):
    """There is nothing to prove: nothing is booted."""
    shutil.copytree(machine[0], tmp_path / "root", symlinks=True)
    shutil.rmtree(tmp_path / "root/etc")
    done = boot(AGP + INIT + NEW, image(initramfs_tools()), root=tmp_path / "root")
    assert done.status == 6 and not (done.folder / "words").exists()
