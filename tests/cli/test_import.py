# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-bind import: old settings as rules that name one device each, judged before printed."""


import pytest

from lib import golden
from lib.editing import CONF, get_conf, plant, run, set_conf
from lib.payload import fixture_program  # noqa: F401

DRIVES = {"02": "bind nvme path=0000:00/02.0/00.0 id=144d:a80a",
          "03": "bind nvme path=0000:00/03.0/00.0 id=144d:a80a",
          "04": "bind nvme dsn=00-25-38-b1-21-00-51-3a id=144d:a80a"}
GPU = "bind display path=0000:00/05.0/00.0 id=10de:1c82"
BOOT_GPU = "bind display path=0000:00/01.0/00.0 id=10de:1c82"
USB = "bind usb path=0000:00/14.0 id=8086:a12f"
NIC = ["bind network path=0000:00/07.0/00.0 id=8086:1572",
       "bind network path=0000:00/07.0/00.1 id=8086:1572"]
SCRIPT = """#!/bin/sh
DEVS="0000:05:00.0 0000:00:14.0" # not 0000:03:00.0
for DEV in $DEVS; do
    echo "vfio-pci" > /sys/bus/pci/devices/$DEV/driver_override
done
"""
RECIPE = """for i in /sys/bus/pci/devices/*/boot_vga; do
    [ "$(cat "$i")" -eq 0 ] && echo "vfio-pci" > "${i%/boot_vga}/driver_override"
done
"""
BY_HAND = "etc/initramfs-tools/scripts/init-top/"


@pytest.fixture(name="root")
def fixture_root(tmp_path):
    plant(tmp_path / "root")
    return tmp_path / "root"


def rules(done, start="bind"):
    return [line for line in done.stdout.splitlines() if line.startswith(start)]


CMDLINES = [
    # The kernel command line, the rules, and those that are printed behind a "#".
    ("vfio-pci.ids=8086:a12f", [USB], []),
    ("vfio_pci.ids=8086:a12f", [USB], []),
    ("pci_stub.ids=8086:a12f", [USB], []),
    ("vfio-pci.ids=8086:a12f,8086:1572", [USB, *NIC], []),
    ("vfio-pci.ids=144d:a80a", [DRIVES["03"], DRIVES["04"]], [DRIVES["02"]]),
    ("vfio-pci.ids=10de:1c82,10de:0fb9", [GPU], [BOOT_GPU]),
    ("vfio-pci.ids=10de:0fb9,10de:1c82", [GPU], [BOOT_GPU]),
    ("vfio-pci.ids=8086:ffffffff:ffffffff:ffffffff:0c0330:ffffff", [USB], []),
    ("vfio-pci.ids=8086:a12f vfio-pci.ids=8086:a12f", [USB], []),
    ('vfio-pci.ids="8086:a12f,8086:1572"', [USB, *NIC], []),
    ('"vfio-pci.ids=8086:a12f,8086:1572"', [USB, *NIC], []),
    ("rd.qubes.hide_pci=00:14.0,03:00.0", [USB, DRIVES["03"]], []),
    ("xen-pciback.hide=(00:14.0)(0000:03:00.0)", [USB, DRIVES["03"]], []),
    ("vfio-pci-devices=0000:00:14.0", [USB], []),
]


@pytest.mark.parametrize("cmdline, bound, refused", CMDLINES)
def test_the_kernel_command_line(program, root, cmdline, bound, refused):
    (root / "proc/cmdline").write_text(f"quiet {cmdline} splash\n")
    done = run(program, root, "import")
    assert done.status == 0, done.stderr
    assert (rules(done), rules(done, "#bind")) == (bound, ["#" + rule for rule in refused])


FILES = [
    # A file, its content, and the rules.
    ("etc/modprobe.d/vfio.conf", "options vfio-pci disable_vga=1 ids=8086:a12f\n", [USB]),
    ("etc/modprobe.d/vfio.conf", 'options vfio_pci ids="8086:a12f" # mine\n', [USB]),
    ("usr/lib/modprobe.d/x.conf", "options pci-stub ids=8086:a12f\n", [USB]),
    ("lib/modprobe.d/x.conf", "options vfio-pci ids=8086:a12f\n", [USB]),
    ("etc/modprobe.d/vfio.conf", "options vfio-pci \\\n  ids=8086:a12f\n", [USB]),
    ("etc/initramfs-tools/modules", "vfio\nvfio_pci ids=8086:a12f\n", [USB]),
    ("etc/initramfs-tools/modules", "pci-stub ids=8086:a12f disable=0\n", [USB]),
    ("etc/driverctl.d/pci-0000:00:14.0", "vfio-pci\n", [USB]),
    ("etc/driverctl.d/0000:00:14.0", "vfio-pci", [USB]),
    ("etc/driverctl.d/pci-0000:00:14.0", "pci-stub\n", [USB + " driver=pci-stub"]),
    ("boot/config/vfio-pci.cfg", "BIND=0000:00:14.0|8086:a12f 03:00.0|144d:a80a\r\n",
     [USB, DRIVES["03"]]),
    ("boot/config/vfio-pci.cfg", "BIND=00:14.0 0000:03:00.0\n", [USB, DRIVES["03"]]),
    ("etc/vfio-pci.cfg", 'DEVICES="0000:05:00.0 0000:05:00.1"\n', [GPU]),
    ("usr/local/bin/vfio-pci-override.sh", SCRIPT, [GPU, USB]),
    ("usr/lib/dracut/modules.d/20vfio/vfio-init.sh", SCRIPT, [GPU, USB]),
    ("etc/initcpio/hooks/anything", SCRIPT, [GPU, USB]),
    ("usr/bin/vfio-pci-override.sh", RECIPE, ["bind vga boot_vga=0"]),
    (BY_HAND + "gpu", RECIPE, ["bind vga boot_vga=0"]),
    (BY_HAND + "loads", "#!/bin/sh\nmodprobe vfio-pci ids=8086:a12f disable_vga=1\n", [USB]),
    (BY_HAND + "quoted", "#!/bin/sh\nmodprobe -i vfio_pci 'ids=8086:a12f'; true\n", [USB]),
    ("etc/rc.local", 'echo "8086 a12f" > /sys/bus/pci/drivers/vfio-pci/new_id\n', [USB]),
    ("etc/rc.local", "echo 8086 a12f >/sys/bus/pci/drivers/vfio-pci/new_id\n", [USB]),
    ("etc/systemd/system/vfio.service", "[Service]\nExecStart=/sbin/modprobe vfio-pci "
     "ids=8086:a12f\n", [USB]),
    ("etc/modprobe.d/vfio.conf",
     "install vfio-pci /sbin/modprobe -i vfio-pci ids=8086:a12f; exit 0\n", [USB]),
]

ENTRIES = [
    # The same for what a boot loader has.
    ("boot/loader/entries/arch.conf",
     "title Arch\noptions root=/dev/sda2 vfio-pci.ids=8086:a12f\n", [USB]),
    ("boot/grub2/grubenv", "kernelopts=root=/dev/sda2 vfio-pci.ids=8086:a12f \n", [USB]),
    ("boot/syslinux/syslinux.cfg",
     "label Unraid OS\n  append vfio-pci.ids=8086:a12f initrd=/bzroot\n", [USB]),
    ("boot/extlinux.conf", "  APPEND root=/dev/sda2 vfio-pci.ids=8086:a12f\n", [USB]),
    ("boot/loader/entries/quoted.conf",
     'options "vfio-pci.ids=8086:a12f" root="/dev/sda2"\n', [USB]),
    ("boot/loader/entries/quoted.conf",
     'options "dyndbg=a b" vfio-pci.ids=8086:a12f\n', [USB]),
    ("boot/limine.conf", "/Linux\n    protocol: linux\n"
     "    cmdline: root=/dev/sda2 vfio-pci.ids=8086:a12f\n", [USB]),
    ("etc/default/limine", 'KERNEL_CMDLINE[default]+="quiet vfio-pci.ids=8086:a12f"\n', [USB]),
    ("etc/kernel/uki.conf", "[UKI]\nCmdline=quiet vfio-pci.ids=8086:a12f\n", [USB]),
    ("boot/refind_linux.conf", '"Boot with standard options"  '
     '"ro root=/dev/sda2 vfio-pci.ids=8086:a12f"\n', [USB]),
    ("boot/efi/EFI/refind/refind.conf", "menuentry Arch {\n"
     '    options "root=/dev/sda2 vfio-pci.ids=8086:a12f"\n}\n', [USB]),
    ("etc/grub.d/40_custom", "menuentry 'VFIO' {\n"
     "    linux /vmlinuz root=/dev/sda2 vfio-pci.ids=8086:a12f\n}\n", [USB]),
    # A setting goes on while its quote is open, and behind a backslash.
    ("etc/default/grub", 'GRUB_CMDLINE_LINUX="quiet\n  vfio-pci.ids=8086:a12f\n"\n', [USB]),
    ("etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT='quiet\n\nvfio-pci.ids=8086:a12f'\n", [USB]),
    ("etc/default/grub", 'GRUB_CMDLINE_LINUX="quiet vfio-pci.ids=8086:\\\na12f"\n', [USB]),
    ("etc/default/grub", 'GRUB_TIMEOUT="\nGRUB_CMDLINE_LINUX=vfio-pci.ids=8086:a12f\n', [USB]),
]


@pytest.mark.parametrize("name, text, bound", FILES + ENTRIES)
def test_files(program, root, name, text, bound):
    set_conf(root, text, name)
    done = run(program, root, "import")
    assert (done.status, rules(done)) == (0, bound), done.stdout + done.stderr
    assert "/" + name in done.stdout


WRITES = """#!/bin/sh
for DEV in 00:14.0 0000:21:00:.0 /sys/bus/pci/devices/0000:00:*; do
    echo vfio-pci > /sys/bus/pci/devices/$DEV/driver_override
done
"""


@pytest.mark.parametrize("name, text", [
    ("etc/modprobe.d/vfio.conf", "install vfio-pci /usr/lib/x.sh\n"),
    ("etc/modprobe.d/vfio.conf", "install vfio_pci /bin/sh -c '/usr/lib/x.sh; true'\n"),
    ("etc/initramfs-tools/conf.d/vfio", "install vfio-pci /usr/lib/x.sh\n"),
    ("etc/initramfs-tools/hooks/vfio", 'echo "install vfio-pci /usr/lib/x.sh" >> $D/x.conf\n'),
])
def test_the_script_that_modprobe_runs(program, root, name, text):
    set_conf(root, text, name)
    set_conf(root, WRITES, "usr/lib/x.sh")
    done = run(program, root, "import")
    assert (done.status, rules(done)) == (0, [USB]), done.stdout + done.stderr
    assert "# /usr/lib/x.sh:2: " in done.stdout
    assert "# 0000:21:00:.0: is no address\n" in done.stdout and "0000:00:: is" not in done.stdout


def test_a_variable_of_a_script(program, root):
    set_conf(root, "IDS=8086:a12f\nmodprobe vfio-pci ids=$IDS\n", BY_HAND + "gpu")
    done = run(program, root, "import")
    assert "# $IDS: is a variable of the script\n" in done.stdout and not rules(done)


def test_addresses_alone(program, root):
    set_conf(root, "0000:00:14.0\n03:00.0\n0000:21:00:.0\n", "etc/vfio-pci.cfg")
    done = run(program, root, "import")
    assert rules(done) == [USB, DRIVES["03"]]
    assert "# /etc/vfio-pci.cfg:3: " in done.stdout
    assert "# 0000:21:00:.0: is no address\n" in done.stdout


@pytest.mark.parametrize("match", [
    'KERNEL=="0000:00:14.0"', 'ATTR{vendor}=="0x8086", ATTR{device}=="0xa12f"',
    'ATTR{vendor}=="0x8086", \\\n  ATTR{device}=="0xa12f"',
    'KERNELS=="0000:00:1[4-6].0"', 'KERNEL=="0000:00:14.0|0000:99:00.0"',
    'ENV{PCI_SLOT_NAME}=="0000:00:14.0"', 'ENV{PCI_ID}=="8086:A12F"',
    'ENV{PCI_ID}==i"8086:a12f"', 'ATTR{class}=="0x0c0330"',
    'ENV{MODALIAS}=="pci:v00008086d0000A12F*"', 'ATTR{class}=="0x0c03*", KERNEL!="0000:07:*"',
])
def test_udev_rules(program, root, match):
    set_conf(root, 'ACTION=="add", ' + match + ', ATTR{driver_override}="vfio-pci"\n',
             "etc/udev/rules.d/10-vfio.rules")
    done = run(program, root, "--json", "import")
    (entry,) = golden.validate(done.stdout, "import")["imports"]
    assert [device["rule"] for device in entry["devices"]] == [USB]
    said = golden.validate(run(program, root, "--json", "list").stdout, "list")["devices"]
    assert [row["address"] for row in said if "10-vfio.rules:1 names it" in (row["note"] or "")] == \
        ["0000:00:14.0"]
    said = golden.validate(run(program, root, "--json", "check").stdout, "check")["findings"]
    assert [found["devices"] for found in said if found["check"] == "ids"] == [["0000:00:14.0"]]


@pytest.mark.parametrize("match", [
    'KERNEL=="0000:00:15.0"', 'KERNEL!="0000:00:14.0"', 'ATTR{vendor}=="0x8086", KERNEL=="net*"',
    'ENV{PCI_ID}=="8086:a12e"', 'ATTR{class}!="0x0c0330"', 'SUBSYSTEM=="pci"',
])
def test_udev_rules_that_are_about_nothing_there(program, root, match):
    set_conf(root, match + ', ATTR{driver_override}="vfio-pci"\n', "etc/udev/rules.d/10-v.rules")
    assert not rules(run(program, root, "import"))
    said = golden.validate(run(program, root, "--json", "list").stdout, "list")["devices"]
    assert not [row for row in said if "names it" in (row["note"] or "")]


def test_the_next_step_for_the_boot_display(program, root):
    (root / "proc/cmdline").write_text("vfio-pci.ids=10de:1c82\n")
    done = run(program, root, "--json", "import")
    (entry,) = golden.validate(done.stdout, "import")["imports"]
    assert [device.get("next") for device in entry["devices"]] == \
        [BOOT_GPU + " allow=last-display", None]
    assert ("# To take it all the same, write this line yourself:\n#  " + BOOT_GPU +
            " allow=last-display\n") in run(program, root, "import").stdout


def test_a_file_that_another_of_its_name_masks_is_not_imported(program, root):
    set_conf(root, "options vfio-pci ids=8086:a12f\n", "usr/lib/modprobe.d/vfio.conf")
    set_conf(root, "# nothing\n", "etc/modprobe.d/vfio.conf")
    assert run(program, root, "import").status == 6


@pytest.mark.parametrize("name, text", [
    ("etc/modprobe.d/vfio.conf", "options vfio ids=8086:a12f\n#options vfio-pci ids=8086:a12f\n"
                                 "softdep nvme pre: vfio-pci\noptions vfio-pci ids=\n"),
    ("etc/modprobe.d/vfio.conf.bak", "options vfio-pci ids=8086:a12f\n"),
    ("etc/driverctl.d/pci-0000:00:14.0", "xhci_hcd\n"),
    ("etc/driverctl.d/pci-0000:00:14.0", ""),
    ("etc/driverctl.d/pci-0000:00:14.0", "\x15vfio-pci\n"),  # no driver=, found by fuzzing
    ("boot/config/vfio-pci.cfg", "VFS=0000:00:14.0|8086:a12f\n"),
    ("usr/local/bin/harmless", SCRIPT),
    ("usr/local/bin/vfio-show", "cat /sys/bus/pci/devices/0000:03:00.0/boot_vga\n"),
    ("usr/lib/dracut/modules.d/50vfio-bind/module-setup.sh", SCRIPT),
    ("etc/initcpio/hooks/vfio-bind", SCRIPT),
])
def test_nothing_to_import(program, root, name, text):
    set_conf(root, text, name)
    done = run(program, root, "import")
    assert (done.status, done.stdout) == (6, ""), done.stdout
    assert "nothing to import" in done.stderr


NOTES = [
    ("vfio-pci.ids=144d:a80a", "144d:a80a takes all 3 of its kind: 0000:02:00.0, 0000:03:00.0, "
                               "0000:04:00.0. Delete the lines of those the host shall keep."),
    ("vfio-pci.ids=144d:a80a", "at 0000:02:00.0: refused (host-storage): the host's storage is"),
    ("vfio-pci.ids=10de:0fb9,10de:1c82", "at 0000:05:00.1: goes along with 0000:05:00.0\n"),
    ("vfio-pci.ids=10de:1c82", "at 0000:05:00.0, with audio 0000:05:00.1\n"),
    ("vfio-pci.ids=dead:beef", "# dead:beef: there is no such device\n"),
    ("rd.qubes.hide_pci=09:00.0", "# 09:00.0: there is no such device\n"),
    ("rd.qubes.hide_pci=nonsense", "# nonsense: is no address\n"),
    ("rd.qubes.hide_pci=03:00.0 vfio-pci-devices=03:00.0", "0000:03:00.0: is named twice here\n"),
]


@pytest.mark.parametrize("cmdline, said", NOTES)
def test_what_there_is_to_know_stands_in_comments(program, root, cmdline, said):
    (root / "proc/cmdline").write_text(cmdline + "\n")
    assert said in run(program, root, "import").stdout


def test_half_an_id_behind_an_address_says_nothing(program, root):
    """Found by fuzzing: there is nothing behind its colon to be compared."""
    set_conf(root, "BIND=0000:03:00.0|10de\n", "boot/config/vfio-pci.cfg")
    assert rules(run(program, root, "import")) == [DRIVES["03"]]


def test_another_device_stands_there(program, root):
    set_conf(root, "BIND=0000:03:00.0|10de:1b81\n", "boot/config/vfio-pci.cfg")
    done = run(program, root, "import")
    assert not rules(done) and "another device stands there now: 144d:a80a" in done.stdout


def test_what_the_policy_chooses_already(program, root):
    set_conf(root, "bind 03:00.0\n")
    (root / "proc/cmdline").write_text("rd.qubes.hide_pci=03:00.0\n")
    done = run(program, root, "import")
    assert not rules(done) and "the policy chooses it already" in done.stdout


def everything(root):
    (root / "proc/cmdline").write_text(" ".join(line for line, _, _ in CMDLINES) + "\n")
    for name, text, _ in FILES:
        set_conf(root, text, name)


def test_the_output_is_a_policy_and_binds_what_it_says(program, root):
    everything(root)
    done = run(program, root, "import")
    assert get_conf(root) is None  # it prints, and writes nothing
    set_conf(root, done.stdout, CONF + ".d/imported.conf")
    for address, verdict in (("0000:05:00.0", "bind"), ("0000:05:00.1", "bind"),
                             ("0000:01:00.0", "none"), ("0000:02:00.0", "none"),
                             ("0000:03:00.0", "bind"), ("0000:07:00.1", "bind")):
        said = golden.validate(run(program, root, "--json", "explain", address).stdout,
                               "explain")
        assert said["verdict"] == verdict, address
    again = run(program, root, "import")
    assert rules(again) == ["bind vga boot_vga=0"] * 2  # a rule of its own needs no device


def test_the_order_is_always_the_same(program, root):
    everything(root)
    places = [line[2:].split(": ")[0] for line in run(program, root, "import").stdout.splitlines()
              if line.startswith(("# /", "# kernel"))]
    groups = ["kernel command line", "modprobe.d", "driverctl.d", "/boot/config",
              "/etc/vfio-pci.cfg"]
    ranks = [next((n for n, part in enumerate(groups)
                   if part in place.replace("initramfs-tools/modules", "modprobe.d")), len(groups))
             for place in places]
    assert ranks == sorted(ranks) and set(ranks) == set(range(len(groups) + 1))


def test_json_says_the_same(program, root):
    (root / "proc/cmdline").write_text("vfio-pci.ids=144d:a80a\n")
    said = golden.validate(run(program, root, "--json", "import").stdout, "import")
    assert said["result"] == "as-configured"
    (entry,) = said["imports"]
    assert entry["source"] == "kernel command line" and entry["text"] == "vfio-pci.ids=144d:a80a"
    assert entry["twins"] == [{"id": "144d:a80a", "takes": ["0000:02:00.0", "0000:03:00.0",
                                                           "0000:04:00.0"]}]
    assert [(device["address"], device["binds"]) for device in entry["devices"]] == \
        [("0000:02:00.0", False), ("0000:03:00.0", True), ("0000:04:00.0", True)]


@pytest.mark.parametrize("name", ["etc/modprobe.d/vfio.conf", "boot/config/vfio-pci.cfg"])
def test_control_characters_do_not_come_through(program, root, name):
    text = "options vfio-pci ids=8086:a12f \x1b[2J\xff\n" if "modprobe" in name \
        else "BIND=00:14.0 \x1b[2J\xff\n"
    set_conf(root, text.encode("latin-1"), name)
    done = run(program, root, "import")
    assert "\x1b" not in done.stdout and rules(done) == [USB]
    golden.validate(run(program, root, "--json", "import").stdout, "import")


def test_a_policy_with_a_mistake(program, root):
    set_conf(root, "bind nothing\n")
    (root / "proc/cmdline").write_text("vfio-pci.ids=144d:a80a\n")
    assert run(program, root, "import").status == 2


def test_more_than_fits_is_said(program, root):
    for number in range(260):
        set_conf(root, "vfio-pci\n", f"etc/driverctl.d/pci-{number >> 8:04x}:{number % 256:02x}:1f.0")
    done = run(program, root, "import")
    assert done.status == 1 and "more than can be imported" in done.stderr
