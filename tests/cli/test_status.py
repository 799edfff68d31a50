# SPDX-License-Identifier: GPL-2.0-or-later
"""`vfio-bind status`: the boot's report against what holds now, and its exit status."""

import json
import os

import pytest

from lib import binder as binders
from lib import golden
from lib import machine as machines
from lib.bootimage import BINDER, set_image
from lib.bootreport import BOUND, FAILED, NVME, RULE, drive, set_report
from lib.hosttree import HostTree
from lib.payload import fixture_program, set_policy  # noqa: F401
from lib.tree import Tree

RELEASE = "6.1.0-test"
WORDS = {0: "as-configured", 1: "failed", 2: "mistake", 5: "refused", 6: "not-configured",
         10: "pending", 11: "drift"}


@pytest.fixture(name="host")
def fixture_host(tmp_path):
    host = HostTree(tmp_path / "root")
    host.write("proc/sys/kernel/osrelease", RELEASE + "\n")
    host.write(f"lib/modules/{RELEASE}/modules.builtin", "")
    return host


def status(program, root, code):
    """The object of --json, once text and table agree with it."""
    shown = golden.validate(golden.run(program, "--root", root, "status", "--json",
                                       status=code).stdout, "status")
    assert shown["result"] == WORDS[code]
    text = golden.run(program, "--root", root, "status", status=code).stdout
    for sentence in shown["messages"]:
        assert sentence + "\n" in text
    for device in shown["devices"]:
        assert device["address"] in text and device["detail"] in text
    for rule in shown["rules"]:
        assert f"{rule['rule']} binds nothing: {rule['detail']}\n" in text
    return shown


def stamp(host, policy, release=RELEASE, version="0.1.0"):
    host.write(f"lib/modules/{release}/modules.builtin", "")
    host.write(f"var/lib/vfio-bind/images/{release}",
               f"vfio-bind-image 1\nversion {version}\npolicy\n# /etc/vfio-bind.conf\n{policy}")
    set_image(host.root, release, policy, binder=BINDER + version.encode())


BROAD = "bind nvme id=144d:a80a driver=pci-stub\nbind 02:00.0\n"
REFUSED = f"{NVME}\trefuse\tdriver-conflict\t/etc/vfio-bind.conf:1\tnvme\tnvme\t\n"
KEPT = f"{NVME}\tkeep\trule\t/etc/vfio-bind.conf:2\tnvme\tnvme\t\n"
NEVER = "This boot went without vfio-bind"
OTHER = "This boot went by another policy than /etc has now"
CASES = {
    # name: (driver now, policy, rows or None for no report, note, policy of the boot, policy of
    # the image or None for no stamp; exit status, status, how its detail goes on, message)
    "as configured": ("vfio-pci", RULE, BOUND, None, None, RULE,
                      0, "as configured", "/etc/vfio-bind.conf:1; bound in this boot", None),
    "without a stamp": ("vfio-pci", RULE, BOUND, None, None, None,
                        0, "as configured", "/etc/vfio-bind.conf:1; bound in this boot", None),
    "by hand since": ("vfio-pci", RULE, "", None, "", RULE,
                      10, "as configured", "/etc/vfio-bind.conf:1; bound since this boot began",
                      OTHER),
    "nothing configured": ("nvme", "", None, None, None, None, 6, None, None,
                           "There is no rule in /etc/vfio-bind.conf."),
    "no image yet": ("nvme", RULE, None, None, None, None, 10, "pending",
                     "/etc/vfio-bind.conf:1; rebuild the image (vfio-bind update)",
                     NEVER + ": vfio-bind update"),
    "the image is there": ("nvme", RULE, None, None, None, RULE, 10, "pending",
                           "/etc/vfio-bind.conf:1; the next boot binds it",
                           NEVER + "; the next one has it"),
    "the image is older than etc": (
        "vfio-pci", RULE + "# a word\n", BOUND, None, RULE, RULE, 10, "as configured",
        "/etc/vfio-bind.conf:1; bound in this boot",
        f"The image of {RELEASE} has another policy than /etc: vfio-bind update"),
    "only the image is older": (
        "vfio-pci", RULE, BOUND, None, None, "", 10, "as configured",
        "/etc/vfio-bind.conf:1; bound in this boot; the image leaves it to the host (no rule in "
        "it); rebuild it: vfio-bind update",
        f"The image of {RELEASE} has another policy than /etc: vfio-bind update"),
    "off": ("nvme", RULE, "", "off", "", RULE, 10, "pending",
            "/etc/vfio-bind.conf:1; the next boot binds it", "This boot: off"),
    "hung": ("nvme", RULE, FAILED.replace("failed: its driver is not there", "hung: unbind"),
             "hung", None, RULE, 11, "drift", "/etc/vfio-bind.conf:1; hung: unbind",
             "This boot: hung"),
    "its driver is not there": (None, RULE, FAILED, None, None, RULE, 11, "drift",
                                "/etc/vfio-bind.conf:1; failed: its driver is not there", None),
    "taken back": ("nvme", RULE, BOUND, None, None, RULE, 11, "drift",
                   "/etc/vfio-bind.conf:1; the boot bound it, and it was taken back since", None),
    "rule removed": ("vfio-pci", "", BOUND, None, RULE, None, 10, "pending",
                     "/etc/vfio-bind.conf:1; the next boot leaves it to the host", OTHER),
    "given back too": ("nvme", "", BOUND, None, RULE, None, 10, "host", "/etc/vfio-bind.conf:1",
                       OTHER),
    "refused": ("nvme", BROAD, REFUSED, None, None, BROAD, 5, "refused",
                "/etc/vfio-bind.conf:1; two rules name different drivers", None),
    "kept": ("nvme", RULE + "keep 02:00.0\n", KEPT, None, None, None, 0, "kept",
             "/etc/vfio-bind.conf:2", None),
    "somebody else's": ("vfio-pci", "keep 01:00.0\n", "", None, None, None, 0, "foreign",
                        "neither the boot nor a rule bound it", None),
    "what showed the picture is no news": (
        "vfio-pci", RULE, BOUND, f"boot-display {NVME} boot_vga", None, RULE, 0, "as configured",
        "/etc/vfio-bind.conf:1; bound in this boot", None),
    "ids dropped": ("vfio-pci", RULE, BOUND, "ids dropped", None, RULE, 0, "as configured",
                    "/etc/vfio-bind.conf:1; bound in this boot",
                    "This boot left out an ids= of vfio-pci: vfio-bind import"),
}


@pytest.mark.parametrize("name", CASES)
def test_status(program, host, name):
    driver, policy, rows, note, then, image, code, word, detail, message = CASES[name]
    drive(host, driver)
    set_policy(host.root, policy)
    if rows is not None:
        set_report(host.root, rows, note, then)
    if image is not None:
        stamp(host, image)
    shown = status(program, host.root, code)
    found = {device["address"]: device for device in shown["devices"]}
    if word is None:
        assert NVME not in found
    else:
        assert (found[NVME]["status"], found[NVME]["detail"]) == (word, detail)
        assert (found[NVME]["boot"] is None) == (not rows)
    assert message in shown["messages"] if message else not shown["messages"]


OVERRIDE = f"/etc/driverctl.d/pci-{NVME}"
OVERRIDES = {
    # name: (driver now, policy, what driverctl gives it to; status and how its detail goes on)
    "to the host": ("nvme", RULE, "nvme", 11, "/etc/vfio-bind.conf:1; the boot bound it, and it was "
                    f"taken back since; {OVERRIDE} names it for the host: vfio-bind check"),
    "to the host at the next boot": ("vfio-pci", RULE, "nvme", 0, "/etc/vfio-bind.conf:1; bound in "
                                     f"this boot; {OVERRIDE} names it for the host: vfio-bind check"),
    "to a guest as we do": ("vfio-pci", RULE, "vfio-pci", 0,
                            "/etc/vfio-bind.conf:1; bound in this boot"),
    "to a guest": ("vfio-pci", "keep 01:00.0\n", "vfio-pci", 0, "neither the boot nor a rule bound "
                   f"it; {OVERRIDE} names it for vfio-pci: vfio-bind check"),
}


@pytest.mark.parametrize("name", OVERRIDES)
def test_driverctl_is_named(program, host, name):
    """Its service comes behind the boot: where the two are at odds, status says who else there is."""
    driver, policy, given, code, detail = OVERRIDES[name]
    drive(host, driver)
    set_policy(host.root, policy)
    set_report(host.root, BOUND if policy == RULE else "", None, None)
    if policy == RULE:
        stamp(host, policy)
    host.write(OVERRIDE[1:], given + "\n")
    host.write("etc/driverctl.d/vmbus-0000:01:00.0", "nvme\n")
    shown = status(program, host.root, code)
    assert [device["detail"] for device in shown["devices"] if device["address"] == NVME] == [detail]


def test_a_mount_point_is_no_news_of_the_policy(program, host):
    """The detail is made of what is known of the device, not of what list says of it."""
    drive(host, "nvme")
    host.mount("/", "0:25", "server:/root", "nfs4")
    disk = host.block("pci0000:00/0000:00:04.0/0000:02:00.0/nvme/nvme1/nvme1n1", "259:9")
    host.node(disk)
    host.mount("/srv/refused:\\040nothing", "259:9", "/dev/nvme1n1")
    set_policy(host.root, BROAD)
    set_report(host.root, REFUSED)
    listed = json.loads(golden.run(program, "--root", host.root, "list", "--json").stdout)
    used = {device["address"]: device["use"] for device in listed["devices"]}
    assert used[NVME] == ["/srv/refused: nothing"]
    detail = {device["address"]: device["detail"]
              for device in status(program, host.root, 5)["devices"]}
    assert detail[NVME] == "/etc/vfio-bind.conf:1; two rules name different drivers"


def refusal(reason, detail, address=NVME, rule=1):
    return f"{address}\trefuse\t{reason}\t/etc/vfio-bind.conf:{rule}\tnvme\tnvme\t{detail}\n"


def test_what_this_boot_refused_is_said_first(program, host):
    """The next boot finds the disk in use again: nothing is pending."""
    drive(host, "nvme")
    set_policy(host.root, "keep 01:00.0\n" + RULE)
    kept = KEPT.replace(NVME, "0000:01:00.0").replace(":2", ":1")
    set_report(host.root, kept + refusal("in-use", "nvme1n1", rule=2))
    stamp(host, "keep 01:00.0\n" + RULE)
    first, second = status(program, host.root, 5)["devices"]
    assert (first["address"], first["status"], first["state"], first["reason"]) == (
        NVME, "refused", "refused", "in-use")
    assert first["detail"] == ("/etc/vfio-bind.conf:2; a disk on it is in use: nvme1n1; "
                               "unmount what is on it, and take it out of fstab")
    assert first["boot"] == {"verdict": "refuse", "reason": "in-use",
                             "rule": "/etc/vfio-bind.conf:2", "detail": "nvme1n1"}
    assert (second["status"], second["boot"]["reason"]) == ("host", "rule")
    listed = json.loads(golden.run(program, "--root", host.root, "list", "--json").stdout)
    assert [(device["state"], device["reason"], device["note"][:40]) for device in listed["devices"]
            if device["address"] == NVME] == [
        ("refused", "in-use", "refused: a disk on it is in use: nvme1n1")]
    assert "refused: in-use" in golden.run(program, "--root", host.root, "graph").stdout


@pytest.mark.parametrize("note, then, reason, word, token", (
    ("dry-run", None, "in-use", "pending", "rule"),
    (None, "", "in-use", "pending", "rule"),
    (None, None, "moon", "refused", None),
    (None, None, "absent", "refused", None),
))
def test_which_refusals_count(program, host, note, then, reason, word, token):
    """Not those of a dry run or of another policy; a reason nobody knows is a refusal still."""
    drive(host, "nvme")
    set_policy(host.root, RULE)
    set_report(host.root, refusal(reason, ""), note, then)
    stamp(host, RULE)
    device = status(program, host.root, 10 if word == "pending" else 5)["devices"][0]
    assert (device["status"], device["reason"]) == (word, token)


def test_a_terminal_obeys_nothing_in_the_report(program, host):
    drive(host, "nvme")
    set_policy(host.root, RULE)
    set_report(host.root, refusal("in-use", "nvme\x1b[2J"), "\x1b]0;title")
    assert "\x1b" not in golden.run(program, "--root", host.root, "status", status=5).stdout


def test_rules_that_bind_nothing(program, host):
    drive(host, "vfio-pci")
    set_policy(host.root, RULE + "bind 0000:77:00.0\nbind nvme count=5\n")
    set_report(host.root, BOUND)
    shown = status(program, host.root, 1)
    assert [(rule["rule"], rule["reason"]) for rule in shown["rules"]] == [
        ("/etc/vfio-bind.conf:2", "absent"), ("/etc/vfio-bind.conf:3", "count")]


def test_an_absent_device_alone_is_as_configured(program, host):
    drive(host, "vfio-pci")
    set_policy(host.root, RULE + "bind 0000:77:00.0\n")
    set_report(host.root, BOUND)
    assert [rule["reason"] for rule in status(program, host.root, 0)["rules"]] == ["absent"]


def test_images_of_every_kernel(program, host):
    """Only what may boot next counts: the running kernel and the newest."""
    drive(host, "vfio-pci")
    set_policy(host.root, RULE)
    set_report(host.root, BOUND)
    host.write("usr/lib/vfio-bind/binder", BINDER + b"0.1.0")
    stamp(host, "", "5.10.0-old")
    stamp(host, RULE, version="0.0.9")
    stamp(host, RULE, "6.9.0-new")
    shown = status(program, host.root, 0)
    assert [(image["kernel"], image["running"], image["next"], image["state"], image["version"])
            for image in shown["images"]] == [
        ("5.10.0-old", False, False, "other-policy", "0.1.0"),
        (RELEASE, True, True, "other-version", "0.0.9"),
        ("6.9.0-new", False, True, "current", "0.1.0")]
    assert shown["messages"] == [f"The image of {RELEASE} has another binder than is installed"]
    assert status(program, host.root, 0)["images"][2]["built"] == "1970-01-02T00:00:00Z"
    stamp(host, "", "6.9.0-new")
    assert status(program, host.root, 10)["messages"][1].startswith("The image of 6.9.0-new has")


def test_a_mistake_in_the_policy(program, host):
    drive(host, "vfio-pci")
    set_policy(host.root, RULE + "bond nvme\n")
    set_report(host.root, BOUND, policy=RULE)
    done = golden.run(program, "--root", host.root, "status", "--json", status=2)
    assert golden.validate(done.stdout, "status")["result"] == "mistake"
    assert "/etc/vfio-bind.conf:2:1: expected" in done.stderr


@pytest.mark.parametrize("report", (
    "", "\n", "# \n#\n\t\n", "0000:02:00.0\n", "0000:02:00.0\tbind\n", "\0\0\0",
    "0000:02:00.0\tbind\trule\t\t\t\n", "0000:99:00.0\tbind\trule\tx\t-\t-\t\n",
    "nowhere\tbind\trule\tx\t-\t-\t\n", "# " + 90 * "x" + "\n", "# boot-display\n",
    "# boot-display x firmware\n", "# boot-display 0000:02:00.0\n"))
def test_a_report_that_makes_no_sense(program, host, report):
    drive(host, "nvme")
    set_policy(host.root, RULE)
    set_report(host.root, "")
    (host.root / "run/vfio-bind/report").write_bytes(report.encode())
    assert status(program, host.root, 10)["devices"][0]["status"] == "pending"


TWINS = """\
# columns: bdf	class	vendor:device	subvendor:subdevice	rev	driver	iommu_group	parent	dsn	slot	boot_vga
#protect storage path=0000:00/01.0/00.0 id=144d:a80a
0000:00:01.0	060400	8086:1901	-	-	pcieport	0	-	-	-	-
0000:00:01.1	060400	8086:1905	-	-	pcieport	1	-	-	-	-
0000:01:00.0	010802	144d:a80a	-	-	-	14	0000:00:01.0	-	-	-
0000:02:00.0	010802	144d:a80a	-	-	-	15	0000:00:01.1	-	-	-
"""


def test_with_the_binders_own_report(program, binder, tmp_path):
    """The binder's writes reach no hardware in a tree, so the test plays the kernel."""
    assert str(binder) == binders.BINDER
    tree = Tree(tmp_path, machines.parse(TWINS))
    set_policy(tmp_path, "bind nvme id=144d:a80a\nbind 0000:09:00.0\n")
    assert binders.run(tree).status == 1
    shown = status(program, tmp_path, 11)
    assert [(device["address"], device["status"], device["detail"]) for device in shown["devices"]
            ] == [("0000:01:00.0", "refused", "/etc/vfio-bind.conf:1; holds the host's storage"),
                  ("0000:02:00.0", "drift", "/etc/vfio-bind.conf:1; failed: its driver is none")]
    place = tmp_path / "sys/devices/pci0000:00/0000:00:01.1/0000:02:00.0"
    (place / "driver").symlink_to("../../../../bus/pci/drivers/vfio-pci")
    uevent = place / "uevent"
    uevent.write_text("DRIVER=vfio-pci\n" + uevent.read_text(encoding="ascii"), encoding="ascii")
    shown = status(program, tmp_path, 5)
    assert shown["devices"][1]["status"] == "as configured"
    set_policy(tmp_path, "bind 02:00.0 id=144d:a80a\n")
    assert binders.run(tree).status == 0
    assert status(program, tmp_path, 0)["messages"] == []


MACHINES = {
    "server-r710-quadnic-sriov-iommu-early": "bind id=8086:1520\nbind vga\nkeep 05:11.5\n",
    "desktop-trx40-rtx3080": "bind nvme\nbind 01:00.0 id=2646:5014\nbind display\n",
    "server-dgx-b200": "bind 3d:00.0\n",
}


@pytest.mark.parametrize("form", ("txt", "raw", "json"))
@pytest.mark.parametrize("name, code", zip(MACHINES, (10, 5, 6)))
def test_golden(program, tmp_path, name, code, form):
    set_policy(tmp_path, MACHINES[name] if code != 6 else "# no rule\n")
    words = {"txt": [], "raw": ["--raw", "-o", "address,driver,next,state,rule,reason"],
             "json": ["--json"]}[form]
    text = golden.on_machine(program, tmp_path, name, "status", *words, status=code).stdout
    if form == "json":
        golden.validate(text, "status")
    golden.compare(f"status/{name}.{form}", text)


GATE = "sys/module/driver_core/parameters/allow_driver_override"
WHY = "kernel gives a device by driver_override only to a driver that allows it"
WORD = "driver_core.allow_driver_override=1"
GATED = f"This {WHY}: add {WORD} to its command line, or name driver=vfio-pci"


@pytest.mark.parametrize("value, failure, told", [
    ("N", f"bind: ENODEV; this {WHY}: {WORD} lifts that", True),
    ("0", f"driver_override: EACCES; this {WHY}: {WORD} lifts that", True),
    # It was lifted since, or the kernel does not say so.
    ("Y", f"bind: ENODEV; this {WHY}: {WORD} lifts that", False),
    (None, f"bind: ENODEV; this {WHY}: {WORD} lifts that", False),
    ("N", "bind: EINVAL", False), ("N", "its driver is not there", False),
])
def test_a_kernel_that_wants_driver_override_allowed(program, host, value, failure, told):
    policy = RULE.replace("\n", " driver=pci-stub\n")
    drive(host, None)
    set_policy(host.root, policy)
    set_report(host.root, FAILED.replace("its driver is not there", failure))
    stamp(host, policy)
    if value:
        host.write(GATE, f"{value}\n")
    shown = status(program, host.root, 11)
    (row,) = shown["devices"]
    assert row["detail"] == f"/etc/vfio-bind.conf:1; failed: {failure.partition(';')[0]}"
    assert (GATED in shown["messages"]) == told
