# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-bind import: each format of another system's, where it stands there and as a file that is
named; what cannot be read is named with its line, and what may not be proposed has a next step."""

import json

import pytest

from lib import golden
from lib.editing import CONF, plant, run, set_conf
from lib.payload import fixture_program  # noqa: F401

THIRD = "bind nvme path=0000:00/03.0/00.0 id=144d:a80a"
FOURTH = "bind nvme dsn=00-25-38-b1-21-00-51-3a id=144d:a80a"
GPU = "bind display path=0000:00/05.0/00.0 id=10de:1c82"
USB = "bind usb path=0000:00/14.0 id=8086:a12f"
NICS = ["bind network path=0000:00/07.0/00.0 id=8086:1572",
        "bind network path=0000:00/07.0/00.1 id=8086:1572"]
HUNTED = "bind display boot_display=0"

IDS = "vfio-pci.ids=8086:a12f"
MAPPING = "etc/pve/mapping/pci.cfg"
GUEST = "etc/pve/qemu-server/100.conf"
UDEV = "etc/udev/rules.d/10-vfio.rules"
INCUSOS = "var/lib/incus-os/state.txt"
TALOS = "system/state/config.yaml"
TRUENAS = "boot/initramfs_config.json"
SUPERGFXD = "etc/supergfxd.conf"
PASSTHROUGH = "System.Kernel.Config.PCI.Passthrough"
REBIND = "apiVersion: v1alpha1\nkind: PCIDriverRebindConfig\nname: {}\ntargetDriver: {}\n"

FORMS = [
    # Where it stands, the text, the rules, and the line of what is taken or said.
    ("etc/kernel/cmdline", f"root=/dev/sda1 {IDS} quiet\n", [USB], ":1: " + IDS),
    ("usr/lib/kernel/cmdline", f"{IDS}\n", [USB], ":1: "),
    ("etc/cmdline.d/vfio.conf", f"quiet\n{IDS}\n", [USB], ":2: "),
    ("etc/cmdline", f'"vfio-pci.ids=8086:a12f,8086:1572"\n', [USB, *NICS], ":1: "),
    ("etc/dracut.conf", f'kernel_cmdline="quiet {IDS}"\n', [USB], ":1: " + IDS),
    ("etc/dracut.conf.d/v.conf", f"kernel_cmdline+=' {IDS} '\n", [USB], ":1: " + IDS),
    ("etc/default/grub", f'GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX_DEFAULT="quiet {IDS}"\n', [USB],
     ":2: " + IDS),
    ("etc/default/grub", 'GRUB_CMDLINE_LINUX="vfio-pci.ids=\\"8086:a12f,8086:1572\\" ro"\n',
     [USB, *NICS], ':1: vfio-pci.ids="8086:a12f,8086:1572"'),
    ("etc/default/grub.d/vfio.cfg",
     f"GRUB_CMDLINE_LINUX='rd.qubes.hide_pci=03:00.0'\n", [THIRD], ":1: "),

    (MAPPING, "gpu\n\tdescription My card, the best\n"
              "\tmap description=a b,id=10de:1c82,iommugroup=14,node=pve,path=0000:05:00,"
              "subsystem-id=10de:11bf\n", [GPU], ":3: map description=a b,id="),
    (MAPPING, "pci: disks\n\tmap id=144d:a80a,node=pve,path=0000:03:00.0;0000:04:00.0\n",
     [THIRD, FOURTH], ":2: "),
    (MAPPING, "a\n\tmap id=8086:a12f,node=other,path=0000:00:14.0\n"
              "\tmap id=144d:a80a,node=pve,path=0000:03:00.0\n", [THIRD], ":3: "),
    (MAPPING, "vgpu\n\tmap id=10de:1c82,node=pve,path=0000:05:00.0\n\tmdev 1\n\n"
              "disk\n\tmap id=144d:a80a,node=pve,path=0000:03:00.0\n", [THIRD],
     "at 0000:05:00.0: is shared out as mediated devices"),
    (MAPPING, "vgpu\n\tmdev 1\n\tmap id=10de:1c82,node=pve,path=0000:05:00.0\n", [],
     "at 0000:05:00.0: is shared out as mediated devices"),
    (MAPPING, "a\n\tmap id=144d:a80a,node=pve\n", [], "id=144d:a80a,node=pve: has no path="),
    (MAPPING, "a\n\tmap id=8086:a12f,node=pve,path=0000:03:00.0\n", [],
     "another device stands there now: 144d:a80a\n# next: of that id: vfio-bind add 0000:00:14.0"),
    (GUEST, "boot: order=scsi0\nhostpci0: 0000:05:00,pcie=1,x-vga=1\n", [GPU],
     ":2: hostpci0: 0000:05:00,pcie=1,x-vga=1"),
    (GUEST, "hostpci0: 03:00.0;04:00.0\nhostpci11: host=07:00.1,rombar=0\n",
     [THIRD, FOURTH, NICS[1]], ":2: "),
    (GUEST, "hostpci0: 03:00.0\n[before]\nhostpci0: 00:14.0\n", [THIRD], ":1: "),
    (GUEST, "hostpci0: 0000:05:00.0,mdev=nvidia-35\n", [], "is shared out as mediated devices"),
    (GUEST, "hostpci0: mapping=gone,pcie=1\n", [], "# gone: is no mapping of /etc/pve/mapping/"),
    (GUEST, "hostpci0: pcie=1\n", [], "# pcie=1: names no device"),
    (GUEST, "hostpci0: 09:00\n", [], "# 09:00: there is no such device"),
    (GUEST, "hostpci0: nonsense\n", [], "# nonsense: is no address"),
    ("etc/pve/nodes/pve/qemu-server/7.conf", "hostpci0: 03:00.0\n", [THIRD], ":1: "),

    (TRUENAS, '{"pci_ids": ["0000:05:00.0", "0000:05:00.1"]}', [GPU], ":1: 0000:05:00.0"),
    (TRUENAS, '{\n "pci_ids": [\n  "0000:05:00.0",\n  "0000:09:00.0"]}', [GPU],
     ":4: 0000:09:00.0\n# 0000:09:00.0: there is no such device"),
    (TRUENAS, '{\n"pci_ids": [', [], ":2: cannot be read as JSON"),
    (INCUSOS, f"#Version: 9\n{PASSTHROUGH}[0].VendorID: 144d\n{PASSTHROUGH}[0].ProductID: a80a\n"
              f"{PASSTHROUGH}[0].PCIAddress: 0000:03:00.0\n{PASSTHROUGH}[1].VendorID: 8086\n"
              f"{PASSTHROUGH}[1].ProductID: a12f\nSystem.X[0].VendorID: 10de\n", [THIRD, USB],
     ":5: 8086:a12f"),
    (INCUSOS, f"{PASSTHROUGH}[0].VendorID: 8086\n", [], ":1: "),
    (INCUSOS, f"{PASSTHROUGH}[0].VendorID: 8086\n{PASSTHROUGH}[0].ProductID: a12f\n"
              f"{PASSTHROUGH}[0].PCIAddress: 03:00.0\n", [], "another device stands there now"),
    (TALOS, "version: v1alpha1\nmachine:\n  name: x\n---\n" +
     REBIND.format("0000:03:00.00 # the disk", "vfio-pci"), [THIRD], ":6: name: 0000:03:00.00 "),
    (TALOS, REBIND.format('"0000:00:14.0"', "vfio-pci") + "---\n" +
     REBIND.format("0000:04:00.0", "nvgrace_gpu_vfio_pci"),
     [USB, FOURTH + " driver=nvgrace_gpu_vfio_pci"], ":7: "),
    (TALOS, REBIND.format("0000:03:00.0", "nvme") + "---\n" +
     REBIND.format("0000:04:00.0", "vfio-pci"), [FOURTH], ":7: "),
    (TALOS, REBIND.format("gpu", "vfio-pci"), [], ":2: name: gpu targetDriver: vfio-pci\n"
                                                  "# gpu: is no address"),
    (TALOS, REBIND.format("0000:03:00.0", ""), [], "wants a name and a targetDriver"),
    (SUPERGFXD, '{\n  "mode": "Vfio",\n  "vfio_enable": true,\n  "vfio_save": true\n}\n', [HUNTED],
     ":2: mode: Vfio"),
    (SUPERGFXD, "{ mode", [], "supergfxd.conf:1: cannot be read as JSON"),
]

# A file of each that only says so to somebody who looks there.
NAMED = [
    *[(text, bound, said) for name, text, bound, said in FORMS
      if "JSON" not in said and not name.startswith("etc/pve/nodes")],
    ('{"id": 1, "isolated_gpu_pci_ids": ["0000:05:00.0"], "motd": ""}', [GPU], ":1: 0000:05:00.0"),
    ('[{"attributes": {"dtype": "PCI", "pptdev": "pci_0000_03_00_0"}, "id": 1},\n'
     ' {"attributes": {"dtype": "DISK"}}]', [THIRD], ":1: pci_0000_03_00_0"),
    ("config:\n  blacklist_modules:\n  - nvme\n  pci:\n    passthrough:\n"
     "    - vendor_id: 0x144d\n      product_id: '0xa80a'\n      pci_address: 0000:03:00.0\n"
     "    - product_id: a12f\n      vendor_id: \"8086\"\n", [THIRD, USB], ":9: 8086:a12f"),
    ('{"config": {"pci": {"passthrough": [\n{"vendor_id": "8086", "product_id": "a12f"},\n'
     '{"vendor_id": "144d", "product_id": "a80a", "pci_address": "0000:03:00.0"}]}}}',
     [USB, THIRD], ":3: 0000:03:00.0+144d:a80a"),
    ("options vfio-pci ids=8086:a12f\n", [USB], ":1: options"),
    ("vfio_pci ids=8086:a12f\n", [USB], ":1: "),
    ('KERNEL=="0000:03:00.0", ATTR{driver_override}="vfio-pci"\n', [THIRD], ":1: KERNEL"),
    ("BIND=0000:03:00.0|144d:a80a\n", [THIRD], ":1: BIND"),
    ('DEVICES="0000:03:00.0"\n', [THIRD], ":1: DEVICES"),
    ("title x\noptions root=/dev/sda1 vfio-pci.ids=8086:a12f\n", [USB], ":2: vfio-pci.ids"),
    ("for D in 0000:03:00.0; do\n echo vfio-pci >/sys/bus/pci/devices/$D/driver_override\ndone\n",
     [THIRD], ":1: for D"),
    ("#!/bin/sh\necho 0000:03:00.0 >/sys/bus/pci/drivers/vfio-pci/bind\n", [THIRD], ":2: echo"),
]


@pytest.fixture(name="root")
def fixture_root(tmp_path):
    plant(tmp_path / "root")
    set_conf(tmp_path / "root", "pve.example.org\n", "etc/hostname")
    return tmp_path / "root"


def rules(done):
    return [line for line in done.stdout.splitlines() if line.startswith("bind")]


def both(program, root, *words):
    """What it prints, once it has said the same in JSON."""
    done = run(program, root, "import", *words)
    said = golden.validate(run(program, root, "--json", "import", *words).stdout, "import")
    bound = {device["rule"] for entry in said["imports"] for device in entry["devices"]
             if device["binds"]} | {entry["rule"] for entry in said["imports"] if "rule" in entry}
    assert bound == set(rules(done))
    return done


@pytest.mark.parametrize("name, text, bound, said", FORMS)
def test_where_it_stands(program, root, name, text, bound, said):
    set_conf(root, text, name)
    done = both(program, root)
    assert (done.status, rules(done)) == (0, bound), done.stdout + done.stderr
    assert ("# /" + name + said if said[0] == ":" else said) in done.stdout, done.stdout
    # What is bound in the end is what the rules say, and only that.
    set_conf(root, done.stdout, CONF + ".d/imported.conf")
    assert set(rules(run(program, root, "import"))) <= {HUNTED}


@pytest.mark.parametrize("text, bound, said", NAMED)
def test_a_file_by_its_path(program, root, tmp_path, text, bound, said):
    path = set_conf(tmp_path, text, "there/settings")
    done = both(program, root, str(path))
    assert (done.status, rules(done)) == (0, bound), done.stdout + done.stderr
    assert (f"# {path}{said}" if said[0] == ":" else said) in done.stdout, done.stdout
    assert run(program, root, "import").status == 6  # that place is looked at by nobody else


@pytest.mark.parametrize("name, text", [
    (SUPERGFXD, '{"mode": "Hybrid", "vfio_enable": true}'), (SUPERGFXD, ""),
    (TRUENAS, '{"pci_ids": []}'), (TALOS, "kind: PCIDriverRebind\nname: 0000:03:00.0\n"
                                          "targetDriver: vfio-pci\n"),
    (TALOS, "machine:\n  kind: PCIDriverRebindConfig\n  name: 0000:03:00.0\n"),
    (INCUSOS, "System.Network.Config.Interfaces[0].Name: vendor_id\n"),
    (MAPPING, "a\n\tmap id=8086:a12f,node=other,path=0000:00:14.0\n"),
    (GUEST, "#hostpci0: 03:00.0\nhostpci: 03:00.0\nhostpcix: 03:00.0\nnet0: 03:00.0\n"),
    ("etc/pve/nodes/other/qemu-server/7.conf", "net0: virtio\n"),
    ("etc/default/grub", f"#GRUB_CMDLINE_LINUX={IDS}\nGRUB_TERMINAL={IDS}\n"),
    ("etc/kernel/cmdline", f"quiet -- {IDS}\n"),
])
def test_nothing_to_import(program, root, name, text):
    set_conf(root, text, name)
    done = run(program, root, "import")
    assert (done.status, done.stdout) == (6, ""), done.stdout
    done = run(program, root, "--json", "import", str(root / name))
    assert done.status == 6 and "nothing to import in it" in done.stderr
    assert golden.validate(done.stdout, "import")["imports"] == []


def test_a_guest_of_a_mapping(program, root):
    """The mapping is taken where it stands, once."""
    set_conf(root, "disk\n\tmap id=144d:a80a,node=pve,path=0000:03:00.0\n", MAPPING)
    set_conf(root, "hostpci0: mapping=disk\n", GUEST)
    done = both(program, root)
    assert rules(done) == [THIRD] and GUEST not in done.stdout


def test_lines_of_a_guest_stay(program, root):
    set_conf(root, "hostpci0: 03:00.0\n", GUEST)
    done = both(program, root)
    assert "# That line stays: it hands the device to the guest.\n" in done.stdout
    assert "take the old lines away" not in done.stderr
    set_conf(root, f"{IDS}\n", "etc/kernel/cmdline")
    done = both(program, root)
    assert done.stdout.count("That line stays") == 1
    # But for those that hand over what a guard refuses.
    set_conf(root, "hostpci0: 02:00.0\n", GUEST)
    done = both(program, root)
    assert "That line stays" not in done.stdout and "# next: name another drive" in done.stdout
    assert "take the old lines away" in done.stderr


@pytest.mark.parametrize("host, found", [("pve\n", [THIRD]), ("b.example.org\n", [FOURTH]),
                                         ("new\n", [THIRD, FOURTH])])
def test_guests_of_this_node(program, root, host, found):
    """Of all nodes where this is none of them."""
    set_conf(root, host, "etc/hostname")
    set_conf(root, "hostpci0: 03:00.0\n", "etc/pve/nodes/pve/qemu-server/1.conf")
    set_conf(root, "hostpci0: 04:00.0\n", "etc/pve/nodes/b/qemu-server/2.conf")
    assert sorted(rules(both(program, root))) == sorted(found)


def test_a_database_is_named(program, root):
    set_conf(root, b"SQLite format 3\0", "data/freenas-v1.db")
    done = both(program, root)
    assert done.stdout.startswith("# /data/freenas-v1.db: ") and "midclt call" in done.stdout
    set_conf(root, '{"pci_ids": ["0000:03:00.0"]}', TRUENAS)
    assert "freenas" not in both(program, root).stdout


def test_supergfxd_has_said_it_to_modprobe(program, root):
    set_conf(root, '{"mode": "Vfio", "vfio_enable": true}', SUPERGFXD)
    set_conf(root, "options vfio-pci ids=10de:1c82,10de:0fb9,\n", "etc/modprobe.d/supergfxd.conf")
    assert rules(both(program, root)) == [GPU]


def test_supergfxd_on_the_command_line(program, root):
    (root / "proc/cmdline").write_text("supergfxd.mode=Vfio\n")
    assert rules(both(program, root)) == [HUNTED]
    (root / "proc/cmdline").write_text("supergfxd.mode=Hybrid\n")
    assert run(program, root, "import").status == 6


HANDS = "#!/bin/sh\necho vfio-pci >/sys/bus/pci/devices/$1/driver_override\n"


@pytest.mark.parametrize("rule, program_path, text, bound", [
    ('KERNEL=="0000:03:00.0", RUN+="/opt/hand.sh $kernel"', "opt/hand.sh", HANDS, [THIRD]),
    ('ACTION=="add", ATTR{vendor}=="0x8086", ATTR{device}=="0xa12f", RUN+="hand $kernel"',
     "usr/lib/udev/hand", HANDS, [USB]),
    ('RUN{program}+="/opt/hand.sh"', "opt/hand.sh", HANDS.replace("$1", "0000:03:00.0"), [THIRD]),
    ('RUN+="/bin/true", RUN+="/opt/hand.sh"', "opt/hand.sh", HANDS.replace("$1", "0000:03:00.0"),
     [THIRD]),
    ('KERNEL=="0000:03:00.0", RUN+="/opt/hand.sh"', "opt/hand.sh", "#!/bin/sh\ntrue\n", []),
    ('KERNEL=="0000:03:00.0", RUN+="/opt/gone.sh"', "opt/hand.sh", HANDS, []),
    ('KERNEL=="0000:03:00.0", RUN+="', "opt/hand.sh", HANDS, []),
])
def test_scripts_of_udev_rules(program, root, rule, program_path, text, bound):
    set_conf(root, rule + "\n", UDEV)
    set_conf(root, text, program_path)
    done = run(program, root, "import")
    assert (done.status, rules(done)) == (0 if bound else 6, bound), done.stdout


STEPS = [
    # What was asked for, and what to do in its stead.
    ("rd.qubes.hide_pci=02:00.0", "# next: name another drive; free of its kind: 0000:03:00.0, "),
    ("rd.qubes.hide_pci=06:00.0", "# next: name another network card"),
    ("rd.qubes.hide_pci=08:00.0", "# next: turn the IOMMU on in the firmware's setup"),
    ("rd.qubes.hide_pci=00:01.0", "# next: name the devices below it"),
    ("rd.qubes.hide_pci=01:00.0", "#  bind display path=0000:00/01.0/00.0 id=10de:1c82 allow="),
    ("rd.qubes.hide_pci=04:00.0", "/etc/vfio-bind.conf:1 keeps it"),
]


@pytest.mark.parametrize("cmdline, said", STEPS)
def test_the_next_step(program, root, cmdline, said):
    set_conf(root, "keep 04:00.0\n")
    (root / "proc/cmdline").write_text(cmdline + "\n")
    done = both(program, root)
    assert not rules(done) and said in done.stdout, done.stdout


@pytest.mark.parametrize("path, status, said", [
    ("/none", 1, "/none: No such file"), ("/", 6, "there is nothing to import in it")])
def test_no_such_file(program, root, path, status, said):
    done = run(program, root, "import", path)
    assert (done.status, done.stdout) == (status, "") and said in done.stderr


def test_a_file_beside_a_machine_file(program, root, tmp_path):
    """What was written on one machine, for the dump of another."""
    machine = golden.MACHINES / "desktop-trx40-rtx3080-early.tsv"
    path = set_conf(tmp_path, "hostpci0: 0000:21:00,pcie=1\n", "there/100.conf")
    done = golden.run(program, "--root", root, "--machine", machine, "--json", "import", path)
    (entry,) = golden.validate(done.stdout, "import")["imports"]
    assert [device["address"] for device in entry["devices"]] == ["0000:21:00.0", "0000:21:00.1"]


@pytest.mark.parametrize("name, text", [
    (GUEST, "hostpci0: 03:00.0 \x1b[2J\n"), (TRUENAS, '{"pci_ids": ["0000:03:00.0\\u001b[2J"]}'),
    (TALOS, REBIND.format("\x1b[2J", "vfio-pci")), (MAPPING, "a\n\tmap path=\x1b[2J,node=pve\n"),
    (INCUSOS, f"{PASSTHROUGH}[0].VendorID: \x1b[2J\n"),
])
def test_control_characters_do_not_come_through(program, root, name, text):
    set_conf(root, text, name)
    assert "\x1b" not in both(program, root).stdout


def test_json_that_goes_too_deep(program, root, tmp_path):
    deep = json.dumps({"a": [{"pci_ids": ["0000:03:00.0"]}]})
    for _ in range(20):
        deep = f'{{"a": {deep}}}'
    path = set_conf(tmp_path, deep, "there/deep.json")
    assert run(program, root, "import", str(path)).status == 6
