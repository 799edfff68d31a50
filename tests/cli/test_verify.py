# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-bind verify: images of every generator and compression, right, wrong and broken."""

import itertools
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from lib import archives, golden, limited
from lib.editing import let_in
from lib.hosttree import HostTree
from lib.initramfs import (COMPRESS, TOP, UNIT, Link, cpio, dracut, image, initramfs_tools, member,
                           microcode, mkinitcpio, padded, systemd, tree, uki)
from lib.moduletree import RELEASE, vfio_tree
from lib.payload import OURS, build, fixture_program, set_policy  # noqa: F401

BINDER = b"\x7fELF, or so it says\n"
CALL = "/usr/lib/vfio-bind/binder"
ETC_UNIT = "etc/systemd/system/vfio-bind-initrd.service"
DROP_IN = "usr/lib/systemd/system/vfio-bind-initrd.service.d/x.conf"
DECIDES = "vfio-bind verify --boot decides"
KERNEL = {f"usr/lib/modules/{RELEASE}": None}
NOBODY = 65534


@pytest.fixture(name="host", scope="module")
def fixture_host(program, tmp_path_factory):
    """A machine whose root is on an NVMe drive, and its payload as path -> content."""
    root = tmp_path_factory.mktemp("verify") / "root"
    host = HostTree(root)
    _, disk = host.nvme()
    host.mount("/", "259:0")
    assert disk
    vfio_tree(root)
    (root / OURS).mkdir(parents=True)
    (root / OURS / "binder").write_bytes(BINDER)
    set_policy(root, name="vfio-bind.conf.d/10-a.conf")
    built = build(program, root, root.parent / "payload")
    assert built.status == 0
    return root, tree(built.dir)


class Verified:
    """What one run said."""

    def __init__(self, done):
        for word in ("AddressSanitizer", "runtime error", "LeakSanitizer"):
            assert word not in done.stderr, done.stderr
        self.status, self.stderr, self.stdout = done.returncode, done.stderr, done.stdout

    @property
    def json(self):
        return golden.validate(self.stdout, "verify")

    def result(self, check):
        (row,) = [row for row in self.json["checks"] if row["check"] == check]
        return row["result"]

    def detail(self, check):
        (row,) = [row for row in self.json["checks"] if row["check"] == check]
        return row["detail"]

    def amiss(self):
        """The checks that do not say right."""
        return {row["check"]: row["result"] for row in self.json["checks"]
                if row["result"] != "right"}


@pytest.fixture(name="verify")
def fixture_verify(program, host, tmp_path):
    """Verifies the bytes of an image."""
    def run(content, *options, root=host[0], prefix=(), form=("--json",)):
        path = tmp_path / "initrd"
        if content is not None:
            path.write_bytes(content)
        return Verified(limited.run(
            [*prefix, program, "--root", root, "verify", *form, *options, path], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE))
    return run


@pytest.fixture(name="own_root")
def fixture_own_root(host, tmp_path):
    """A copy of the machine, to be changed."""
    shutil.copytree(host[0], tmp_path / "root", symlinks=True)
    return tmp_path / "root"


@pytest.mark.parametrize("compression", COMPRESS)
def test_every_compression(verify, host, compression):
    done = verify(image({**host[1], **KERNEL, **initramfs_tools()}, compression), "--strict")
    assert (done.status, done.amiss()) == (0, {}), done.stdout
    assert done.json["result"] == "as-configured"
    assert (done.json["generator"], done.json["kernel"]) == ("initramfs-tools", RELEASE)
    # What is not compressed goes on as if it were one archive.
    assert done.detail("archives") == (
        "plain" if compression == "plain" else f"plain, {compression}")
    assert done.detail("modules") == "5, and 0 built in"


@pytest.mark.parametrize("compression", COMPRESS)
def test_the_end_of_each_compression_is_found(verify, host, compression):
    """Another archive behind it wins, be it zeros away or not."""
    first = COMPRESS[compression](cpio({**host[1], **initramfs_tools(), "etc/vfio-bind.conf": "x"}))
    policy = {"etc/vfio-bind.conf": host[1]["etc/vfio-bind.conf"]}
    for last in (cpio(policy), COMPRESS["xz"](cpio(policy))):
        assert verify(padded(first + bytes(4), 4) + last).amiss() == {}
    assert verify(padded(first + bytes(4), 4)).amiss() == {"policy": "outdated"}


def test_many_archives(verify, host):
    files = {**host[1], **initramfs_tools()}
    parts = [COMPRESS[name](cpio({path: content})) for (path, content), name in
             zip(files.items(), list(COMPRESS) * 10)]
    content = b"".join(padded(part + bytes(4), 4) for part in parts)
    assert verify(content, "--strict").amiss() == {}


ORDERS = {
    "initramfs-tools": (initramfs_tools(), "initramfs-tools", "right", "00-vfio-bind before udev"),
    "behind udev": (initramfs_tools(("udev", "00-vfio-bind")), "initramfs-tools", "wrong",
                    "runs behind udev"),
    "not in ORDER": (initramfs_tools(("udev",)), "initramfs-tools", "unknown",
                     "it takes rdinit=/usr/lib/vfio-bind/binder"),
    "no script": ({name: text for name, text in initramfs_tools().items() if "00-" not in name},
                  "initramfs-tools", "unknown", "nothing here calls the binder"),
    "script of no mode": ({**initramfs_tools(), "scripts/init-top/00-vfio-bind": None},
                          "initramfs-tools", "wrong", "not executable"),
    "conf.d": ({**initramfs_tools(("udev",)), "conf/conf.d/x": "/usr/lib/vfio-bind/binder || :\n"},
               "initramfs-tools", "right", "before all scripts"),
    "dracut 112": (dracut(), "dracut", "right", "00-vfio-bind.sh before 01-parse-kernel.sh"),
    "dracut 059": ({"lib": Link("usr/lib"), **dracut(hooks="usr/lib/dracut/hooks")}, "dracut",
                   "right", "hook cmdline/00-vfio-bind.sh"),
    "dracut 106": ({"usr/lib/dracut/hooks": Link("/var/lib/dracut/hooks"), **dracut()}, "dracut",
                   "right", "hook cmdline/00-vfio-bind.sh"),
    "late hook": (dracut("05-vfio-bind.sh"), "dracut", "wrong", "behind 01-parse-kernel.sh"),
    "no hook": (dracut(None), "dracut", "unknown", "nothing here calls"),
    "dracut with systemd": ({**dracut(None), **systemd()}, "dracut", "right",
                            "before systemd-modules-load and systemd-udevd"),
    "a hook is not enough with systemd": ({**dracut(), **systemd(None, False)}, "dracut",
                                          "unknown", "nothing here calls"),
    "systemd alone": (systemd(), "systemd", "right", "before systemd-modules-load"),
    "not wanted": (systemd(wants=False), "systemd", "wrong", "sysinit.target does not want it"),
    "wanted, but not there": (systemd(None), "systemd", "unknown", "nothing here calls"),
    "late unit": (systemd(UNIT.replace("systemd-udevd.service", "x.service")), "systemd", "wrong",
                  "not ordered before systemd-udevd.service"),
    "waiting unit": (systemd(UNIT.replace("DefaultDependencies=no", "")), "systemd", "wrong",
                     "lacks DefaultDependencies=no"),
    "unit of no use": (systemd(UNIT.replace("ExecStart=-/usr/lib/vfio-bind/binder", "")
                               .replace("ConditionPathExists=/usr/lib/vfio-bind/binder", "")),
                       "systemd", "wrong", "does not start the binder"),
    "no release file": ({name: text for name, text in systemd().items() if "release" not in name},
                        "systemd", "wrong", "/etc/initrd-release"),
    "mkinitcpio": (mkinitcpio(), "mkinitcpio", "right", "early hook"),
    "mkinitcpio, last": (mkinitcpio("udev vfio-bind"), "mkinitcpio", "right", "early hook"),
    "mkinitcpio without hook": (mkinitcpio("udev"), "mkinitcpio", "unknown", "nothing here calls"),
    "mkinitcpio without file": (mkinitcpio(hook=False), "mkinitcpio", "wrong", "no hooks/vfio-bind"),
    "mkinitcpio with systemd": ({**mkinitcpio("udev"), **systemd()}, "mkinitcpio", "right",
                                "before systemd-modules-load"),
    "booster": ({"etc/booster.init.yaml": "", "init": "\x7fELF"}, "booster", "unknown",
                "it takes rdinit="),
    "booster behind us": ({"etc/booster.init.yaml": "", "init": BINDER,
                           "usr/lib/booster/init": "\x7fELF"}, "booster", "right",
                          "the binder is /init, and another init follows"),
    "stripped": ({"etc/booster.init.yaml": "", "init": b"\x7fELF \0/init.vfio-bind-next\0",
                  "usr/lib/booster/init": "\x7fELF"}, "booster", "right", "the binder is /init"),
    "nothing behind us": ({"init": BINDER}, "unknown", "wrong", "no init to follow"),
    "busybox": ({"init": "#!/bin/sh\nmount\n/usr/lib/vfio-bind/binder\nmdev -s\n"}, "unknown",
                "right", "before it loads a driver"),
    "busybox, late": ({"init": "#!/bin/sh\nmodprobe nvme\n/usr/lib/vfio-bind/binder\n"}, "unknown",
                      "wrong", "behind modprobe"),
    "busybox without us": ({"init": "#!/bin/sh\nmdev -s\n"}, "unknown", "unknown",
                           "nothing here calls"),
    "masked unit": ({**systemd(), ETC_UNIT: Link("/dev/null")}, "systemd", "wrong",
                    f"is masked: /{ETC_UNIT} is empty"),
    "emptied unit": (systemd(""), "systemd", "wrong", "is masked"),
    "a comment starts it": (systemd(UNIT.replace("ExecStart=", "#ExecStart=")), "systemd", "wrong",
                            "does not start the binder"),
    "it is in another section": (systemd(UNIT.replace("[Service]\n", "")), "systemd", "wrong",
                                 "does not start the binder"),
    "a drop-in empties it": ({**systemd(), DROP_IN: "[Service]\nExecStart=\nExecStart=/bin/true\n"},
                             "systemd", "wrong", "does not start the binder"),
    "a drop-in has it wait for udev": (
        {**systemd(), DROP_IN: "[Unit]\nAfter=systemd-udev-settle.service\n"}, "systemd", "wrong",
        "waits for systemd-udev-settle.service"),
    "it waits for udev": (systemd(UNIT.replace("[Service]", "After=systemd-udev-settle.service\n"
                                               "[Service]")), "systemd", "wrong",
                          "waits for systemd-udev-settle.service"),
    "it waits for what nobody knows": (
        {**systemd(), DROP_IN: "[Unit]\n After = my.service\n"}, "systemd", "unknown",
        f"waits for my.service: {DECIDES}"),
    "a condition": ({**systemd(), DROP_IN: "[Unit]\nConditionKernelCommandLine=x\n"}, "systemd",
                    "unknown", f"has ConditionKernelCommandLine=: {DECIDES}"),
    "something first": ({**systemd(), DROP_IN: "[Service]\nExecStartPre=/bin/own\n"}, "systemd",
                        "unknown", f"starts /bin/own first: {DECIDES}"),
    "nothing waits for its end": (systemd(UNIT.replace("oneshot", "simple")), "systemd", "wrong",
                                  "lacks Type=oneshot"),
    "default dependencies again": ({**systemd(), DROP_IN: "[Unit]\nDefaultDependencies=yes\n"},
                                   "systemd", "wrong", "lacks DefaultDependencies=no"),
    "a drop-in of no use": ({**systemd(), DROP_IN: "# nothing\n[Service]\nNice=5\n",
                             "etc/systemd/system/service.d/y.conf": "[Unit]\nDescription=x\n"},
                            "systemd", "right", "before systemd-modules-load"),
    "a drop-in of all services": (
        {**systemd(), "usr/lib/systemd/system/service.d/y.conf": "[Unit]\nAfter=own.service\n"},
        "systemd", "unknown", "waits for own.service"),
    "a drop-in that is switched off": (
        {**systemd(), DROP_IN: "[Unit]\nAfter=own.service\n",
         f"{ETC_UNIT}.d/x.conf": Link("/dev/null")},
        "systemd", "right", "before systemd-modules-load"),
    "a link of wants that leads nowhere": (
        {**systemd(), f"etc/systemd/system/sysinit.target.wants/{ETC_UNIT[19:]}": Link("/gone")},
        "systemd", "right", "before systemd-modules-load"),
    "the script says exit 0": ({**initramfs_tools(),
                                "scripts/init-top/00-vfio-bind": "#!/bin/sh\nexit 0\n"},
                               "initramfs-tools", "wrong", "does not call the binder"),
    "the script ends first": ({**initramfs_tools(), "scripts/init-top/00-vfio-bind":
                               f"#!/bin/sh\nexit 0\n{CALL}\n"},
                              "initramfs-tools", "wrong", "does not call the binder"),
    "the script has it in a comment": ({**initramfs_tools(), "scripts/init-top/00-vfio-bind":
                                        f"#!/bin/sh\n# {CALL}\n: # {CALL}\n"},
                                       "initramfs-tools", "wrong", "does not call the binder"),
    "the script may end first": ({**initramfs_tools(), "scripts/init-top/00-vfio-bind":
                                  f"#!/bin/sh\nif own; then exit; fi\n{CALL}\n"},
                                 "initramfs-tools", "unknown", DECIDES),
    "the script may not call it": ({**initramfs_tools(), "scripts/init-top/00-vfio-bind":
                                    f"#!/bin/sh\nif [ -e /x ]; then {CALL}; fi\n"},
                                   "initramfs-tools", "unknown", DECIDES),
    "nothing waits for the binder": ({**initramfs_tools(), "scripts/init-top/00-vfio-bind":
                                      f"#!/bin/sh\n{CALL} &\n"},
                                     "initramfs-tools", "unknown", DECIDES),
    "a script ahead": ({**initramfs_tools(("00-first", "00-vfio-bind", "udev")),
                        "scripts/init-top/00-first": "#!/bin/sh\nmodprobe nvme\n"},
                       "initramfs-tools", "wrong", "runs first, and loads drivers: modprobe nvme"),
    "a script ahead that may": ({**initramfs_tools(("00-first", "00-vfio-bind", "udev")),
                                 "scripts/init-top/00-first":
                                     "#!/bin/sh\nif own; then modprobe nvme; fi\n"},
                                "initramfs-tools", "unknown", f"00-first runs first: {DECIDES}"),
    "a program ahead": ({**initramfs_tools(("00-first", "00-vfio-bind", "udev")),
                         "scripts/init-top/00-first": "\x7fELF"},
                        "initramfs-tools", "unknown", f"00-first runs first: {DECIDES}"),
    "a script ahead that does nothing": ({**initramfs_tools(("00-first", "00-vfio-bind", "udev")),
                                          "scripts/init-top/00-first": "#!/bin/sh\necho hello\n"},
                                         "initramfs-tools", "right", "before udev"),
    "a comment in conf.d": ({**initramfs_tools(("udev",)), "conf/conf.d/x": f"# {CALL}\n"},
                            "initramfs-tools", "unknown", "nothing here calls"),
    "no init": ({name: text for name, text in initramfs_tools(("udev",)).items() if name != "init"},
                "initramfs-tools", "wrong", "there is no /init"),
    "a hook of dracut's ahead": ({**dracut(), "var/lib/dracut/hooks/cmdline/00-a.sh": "own\n"},
                                 "dracut", "unknown", f"00-a.sh runs first: {DECIDES}"),
    "a hook that calls nothing": ({**dracut(),
                                   "var/lib/dracut/hooks/cmdline/00-vfio-bind.sh": ":\n"},
                                  "dracut", "wrong", "does not call the binder"),
    "only run_hook": ({**mkinitcpio("udev", late="udev vfio-bind"),
                       "hooks/vfio-bind": f"run_hook() {{\n    {CALL}\n}}\n"}, "mkinitcpio", "wrong",
                      "has no run_earlyhook"),
    "a hook of the same name": ({**mkinitcpio(), "hooks/vfio-bind":
                                 f"run_earlyhook() {{ :; }}\nrun_hook() {{\n    {CALL}\n}}\n"},
                                "mkinitcpio", "wrong", "/hooks/vfio-bind does not call the binder"),
    "an early hook ahead": ({**mkinitcpio("mine vfio-bind"),
                             "hooks/mine": "run_earlyhook () {\n\tmodprobe nvme\n}\n"},
                            "mkinitcpio", "wrong", "runs first, and loads drivers: modprobe nvme"),
    "an early hook ahead that may": ({**mkinitcpio("mine vfio-bind"),
                                      "hooks/mine": "run_earlyhook() {\n\town\n}\n"},
                                     "mkinitcpio", "unknown", f"/hooks/mine runs first: {DECIDES}"),
    "an early hook ahead that does nothing": (
        {**mkinitcpio("mine vfio-bind"),
         "hooks/mine": "run_earlyhook() {\n echo\n}\nrun_hook() {\n modprobe nvme\n}\n"},
        "mkinitcpio", "right", "early hook"),
    "HOOKS without base": ({name: text for name, text in mkinitcpio().items() if name != "init"},
                           "mkinitcpio", "wrong", "HOOKS has neither base nor systemd"),
    "another init": ({**mkinitcpio(), "init": "#!/bin/sh\n"}, "mkinitcpio", "unknown",
                     f"not known to run early hooks: {DECIDES}"),
    "busybox, in a comment": ({"init": f"#!/bin/sh\n# {CALL}\nmdev -s\n"}, "unknown", "unknown",
                              "nothing here calls"),
    "busybox, modprobe in a comment": ({"init": f"#!/bin/sh\n# no modprobe yet\nmount x\n{CALL}\n"},
                                       "unknown", "right", "before it loads a driver"),
    "busybox, who knows": ({"init": f"#!/bin/sh\nown\n{CALL}\n"}, "unknown", "unknown",
                           f'has "own": {DECIDES}'),
    "busybox, a program with a variable": ({"init": f"#!/bin/sh\nA=b own\n{CALL}\n"}, "unknown",
                                           "unknown", f'has "A=b own": {DECIDES}'),
    "busybox, variables": ({"init": f"#!/bin/sh\nA=b\nexport A\nB='c d'\n{CALL} >/dev/null\n"},
                           "unknown", "right", "before it loads a driver"),
    "busybox as we ship it": ({"init": (TOP / "hooks/busybox/init").read_text(),
                               "init.vfio-bind-next": "#!/bin/sh\n"}, "unknown", "right",
                              "before it loads a driver"),
}


@pytest.mark.parametrize("files, generator, result, detail", ORDERS.values(), ids=ORDERS)
def test_order(verify, host, files, generator, result, detail):
    done = verify(image({**host[1], **files}))
    assert done.json["generator"] == generator
    assert done.amiss() == ({} if result == "right" else {"order": result})
    assert detail in done.detail("order")
    assert done.status == (1 if result in ("wrong", "unknown") else 0)
    assert verify(image({**host[1], **files}), "--strict").status == (
        {"right": 0, "wrong": 1, "unknown": 1}[result])


def plan(text):
    return {f"{OURS}/plan": text}


MODULE = f"{OURS}/modules/vfio-pci.ko"
# What is put over a right image (None: taken out of it), what is then amiss, and what it says.
CHANGES = {
    "other policy": ({"etc/vfio-bind.conf": "bind vga boot_vga=0\n"}, 10, {"policy": "outdated"},
                     "/etc/vfio-bind.conf differs"),
    "longer policy": ({"etc/vfio-bind.conf.d/10-a.conf": "bind nvme id=144d:a80a\n#"}, 10,
                      {"policy": "outdated"}, "10-a.conf differs"),
    "a file more": ({"etc/vfio-bind.conf.d/20-b.conf": ""}, 10, {"policy": "outdated"},
                    "20-b.conf is in the image only"),
    "a file less": ({"etc/vfio-bind.conf.d/10-a.conf": None}, 10, {"policy": "outdated"},
                    "10-a.conf is not in the image"),
    "what is no policy": ({"etc/vfio-bind.conf.d/README": "x", "etc/vfio-bind.conf.d/.a.conf": ""},
                          0, {}, "as in /etc"),
    "older binder": ({f"{OURS}/binder": BINDER + b"x"}, 10, {"binder": "outdated"},
                     "not the one that is installed"),
    "binder without content": ({f"{OURS}/binder": ""}, 1, {"binder": "wrong"}, "no program"),
    "no binder": ({f"{OURS}/binder": None}, 10, {"binder": "missing"}, "is not in the image"),
    "plan for another kernel": (plan("vfio-bind-plan 1\nkernel 6.1\nbuiltin vfio_pci\n"), 1,
                                {"plan": "wrong"}, f"for kernel 6.1, the image for {RELEASE}"),
    "plan of another time": (plan(f"vfio-bind-plan 1\nkernel {RELEASE}\nbuiltin vfio_pci\n"), 10,
                             {"plan": "outdated"}, "not as it would be made now"),
    "plan of nothing": (plan("nonsense\n"), 1, {"plan": "wrong"}, "makes no sense"),
    "broken plan": (plan(f"vfio-bind-plan 1\nkernel {RELEASE}\nload\n"), 1, {"plan": "wrong"},
                    "makes no sense"),
    "plan without vfio-pci": (plan(f"vfio-bind-plan 1\nkernel {RELEASE}\n"), 1, {"plan": "wrong"},
                              "has no vfio-pci"),
    "no plan": (plan(None), 1, {"plan": "wrong"}, "is not in the image"),
    "module missing": ({MODULE: None}, 1, {"modules": "wrong"}, "vfio-pci.ko is not in the image"),
    "module of no use": ({f"{OURS}/modules/vfio_iommu_type1.ko": None}, 0,
                         {"modules": "changed"}, "vfio_iommu_type1.ko is not in the image"),
    "module of another build": ({MODULE: b"\x7fELF"}, 10, {"modules": "outdated"},
                                "not that of the installed kernel"),
    "compressed module": ({MODULE: b"\xfd7zXZ\0"}, 1, {"modules": "wrong"}, "is no module"),
    "other storage": ({f"{OURS}/protect": "vfio-bind-protect 1\n"}, 0, {"protect": "changed"},
                      "not what it was"),
    "unknown storage": ({f"{OURS}/protect": "vfio-bind-protect 1\nunknown\n"}, 0,
                        {"protect": "changed"}, "was not known"),
    "broken protect": ({f"{OURS}/protect": "vfio-bind-protect 1\nnonsense\n"}, 1,
                       {"protect": "wrong"}, "makes no sense"),
    "no protect": ({f"{OURS}/protect": None}, 1, {"protect": "wrong"}, "is not in the image"),
}


@pytest.mark.parametrize("change, status, amiss, detail", CHANGES.values(), ids=CHANGES)
def test_changes(verify, host, change, status, amiss, detail):
    files = {**host[1], **KERNEL, **initramfs_tools(), **change}
    content = image({name: text for name, text in files.items()
                     if text is not None or name not in change})
    done = verify(content)
    assert (done.status, done.amiss()) == (status, amiss), done.stdout
    assert verify(content, "--strict").status == (12 if amiss and not status else status)
    assert any(detail in row["detail"] for row in done.json["checks"]), done.stdout
    assert done.json["result"] == {0: "as-configured", 1: "failed", 10: "pending"}[status]


def test_kernel_that_is_named(verify, host):
    content = image({**host[1], **initramfs_tools()})
    assert verify(content, "--kernel", RELEASE).status == 0
    done = verify(content, "--kernel", "6.1")
    assert (done.status, done.result("plan")) == (1, "wrong")
    assert done.detail("plan") == f"for kernel {RELEASE}, not for 6.1"


def test_kernel_that_is_not_installed(verify, host):
    plan_text = host[1][f"{OURS}/plan"].decode().replace(RELEASE, "5.4-gone")
    done = verify(image({**host[1], **initramfs_tools(), **plan(plan_text)}))
    assert done.amiss() == {"plan": "unproven", "modules": "unproven"} and done.status == 0


def test_machine_without_a_policy(verify, host, own_root):
    shutil.rmtree(own_root / "etc")
    done = verify(image({**host[1], **initramfs_tools()}), root=own_root)
    assert (done.status, done.result("policy")) == (10, "outdated")
    done = verify(image(initramfs_tools()), root=own_root)
    assert (done.status, done.json["result"]) == (6, "not-configured")


def test_image_without_us(verify):
    done = verify(image(initramfs_tools()))
    assert done.status == 10
    assert done.amiss() == {"binder": "missing", "policy": "outdated"}
    done = verify(image({"init": "#!/bin/sh\n"}))
    assert done.amiss() == {"binder": "missing", "policy": "outdated", "order": "missing"}


def test_policy_with_a_mistake(verify, program, own_root):
    set_policy(own_root, "bind nonsense\n")
    built = build(program, own_root, own_root.parent / "out")
    done = verify(image({**tree(built.dir), **initramfs_tools()}), root=own_root)
    assert done.status == 2 and done.json["result"] == "mistake"
    assert done.result("policy") == done.result("plan") == "right"
    assert done.stderr.startswith("/etc/vfio-bind.conf:1:6: expected")


def test_machine_without_a_binder(verify, host, own_root):
    (own_root / OURS / "binder").unlink()
    done = verify(image({**host[1], **initramfs_tools()}), root=own_root)
    assert done.result("binder") == "unproven" and done.status == 0


# Not as the kernel reads it, so not as we may.
BROKEN = {
    "empty": (lambda good: b"", "it is empty"),
    "zeros": (lambda good: bytes(4096), "nothing but zeros"),
    "text": (lambda good: b"This is no image.\n", "no archive the kernel knows"),
    "text behind": (lambda good: padded(good + bytes(4), 4) + b"text", "no archive the kernel"),
    "a byte off": (lambda good: padded(good, 4) + b"\0" + cpio({}), "no multiple of 4"),
    "plain, a byte off": (lambda good: cpio({}) + b"\0" + cpio({}), "no multiple of 4"),
    "gzip behind plain, a byte off": (lambda good: cpio({}) + b"\0" + COMPRESS["gzip"](cpio({})),
                                      "no multiple of 4"),
    "lz4 frame": (lambda good: b"\x04\x22\x4d\x18" + bytes(64), "no archive the kernel knows"),
    "lz4 and no zeros": (lambda good: padded(COMPRESS["lz4"](good), 4) + cpio({}),
                         "4 zero bytes must follow"),
    "no cpio in it": (lambda good: COMPRESS["zstd"](b"no cpio"), "no cpio archive"),
    "old cpio in it": (lambda good: COMPRESS["gzip"](cpio({}).replace(b"070701", b"070707")),
                       "not in the newc format (cpio -H newc)"),
    "cpio and more": (lambda good: COMPRESS["xz"](cpio({}) + b"more"), "no cpio archive"),
    "cpio a byte off": (lambda good: COMPRESS["xz"](cpio({}) + b"\0" + cpio({})),
                        "no multiple of 4"),
}


@pytest.mark.parametrize("make, says", BROKEN.values(), ids=BROKEN)
def test_broken_images(verify, host, make, says):
    done = verify(make(image({**host[1], **initramfs_tools()})))
    assert (done.status, done.result("archives")) == (1, "wrong")
    assert says in done.detail("archives"), done.detail("archives")


@pytest.mark.parametrize("compression", COMPRESS)
def test_truncated_images(verify, host, compression):
    """Wherever an image ends too early, it is damaged, and nothing else happens."""
    good = COMPRESS[compression](cpio({**host[1], **initramfs_tools()}))
    assert verify(good).status == 0
    for part in range(1, 10):
        done = verify(good[:len(good) * part // 10])
        assert (done.status, done.result("archives")) == (1, "wrong"), part
    assert verify(good[:-1]).status in ((0, 1) if compression in ("gzip", "plain", "zstd", "lz4")
                                        else (1,))


def test_damaged_bytes(verify, host):
    """Whatever a bit that flipped does, verify ends, and with an exit code of its own."""
    pick = random.Random(7)
    for compression in COMPRESS:
        good = image({**host[1], **initramfs_tools()}, compression)
        for _ in range(12):
            bad = bytearray(good)
            for _ in range(pick.choice((1, 3, 200))):
                bad[pick.randrange(len(bad))] = pick.randrange(256)
            assert verify(bytes(bad)).status in (0, 1, 10)


def header(size=b"00000000", name=b"00000002"):
    return (b"070701" + b"0" * 48 + size + b"0" * 32 + name + b"0" * 8 + b"a\0").ljust(112, b"\0")


@pytest.mark.parametrize("content", [
    header(size=b"ffffffff"), header(name=b"ffffffff"), header(size=b"xxxxxxxx"), header(size=b"7fffffff") + bytes(1 << 16),
    b"\x28\xb5\x2f\xfd" + b"\xff" * 20, b"\xfd7zXZ\0" + bytes(64), b"\x02\x21\x4c\x18\xff\xff\x7f\0",
    b"\x1f\x8b", b"BZh", b"\x5d\0\0", b"\x28\xb5\x2f\xfd", b"\x02\x21\x4c\x18", b"0", b"070701"],
                         ids=itertools.count())
def test_nonsense(verify, content):
    done = verify(content)
    assert done.status == 1 and done.result("archives") == "wrong"


@pytest.mark.parametrize("name", archives.CASES)
def test_an_archive_is_read_by_the_rules_of_the_kernel(verify, host, name):
    """The table that tests/vm/test_archives.py has a kernel unpack."""
    files = {path: text for path, text in {**host[1], **initramfs_tools()}.items()
             if path != archives.CONF}
    content, word = archives.made(name, host[1][archives.CONF])
    done = verify(cpio({"etc": None, **files}) + content)
    if word == "unsure":
        assert done.status and done.result("archives") == "unknown"
        return
    if word in ("wrong", "cut"):
        assert (done.status, done.result("archives")) == (1, "wrong"), done.stdout
        return
    assert done.result("archives") == "right", done.detail("archives")
    assert done.detail("policy") == {
        "same": "as in /etc", "other": "/etc/vfio-bind.conf differs",
        "missing": "/etc/vfio-bind.conf is not in the image"}[word]


def test_unified_kernel_image(verify, host):
    content = uki(image({**host[1], **KERNEL, **systemd()}))
    assert verify(content, "--strict").amiss() == {}
    assert verify(content[:-1000]).result("archives") == "wrong"
    assert verify(uki(b"", b".other")).detail("archives") == "no initramfs is in it"
    for length in (0x3c, 0x7e, 0x81, 0x90, 0xb0, 0xd9, 512):
        assert verify(content[:length]).result("archives") == "wrong"


def test_what_the_kernel_leaves_out(verify, host):
    """A file whose directory no archive has is not unpacked; a link on its way is followed."""
    policy = {"etc/vfio-bind.conf": host[1]["etc/vfio-bind.conf"]}
    files = {**host[1], **initramfs_tools()}
    rest = {name: text for name, text in files.items() if not name.startswith("etc/")}
    done = verify(cpio(rest) + cpio(policy, parents=False))
    assert done.detail("policy") == "/etc/vfio-bind.conf is not in the image"
    moved = {"real": None, "real/vfio-bind.conf.d": None, "etc": Link("real")}
    etc = {name: text for name, text in files.items() if name.startswith("etc/")}
    assert verify(cpio({**moved, **rest}) + cpio(etc, parents=False)).amiss() == {}


@pytest.mark.parametrize("over", ["keep nvme\n", Link("elsewhere")], ids=["file", "link"])
def test_what_the_kernel_does_not_put_over_a_folder(verify, host, over):
    """Where anything is in the folder: init/initramfs.c:clean_path() cannot remove it."""
    policy = {"etc/vfio-bind.conf": host[1]["etc/vfio-bind.conf"]}
    files = {name: text for name, text in {**host[1], **initramfs_tools()}.items()
             if name not in policy}
    later = cpio({"etc": over}) + cpio(policy, parents=False)
    assert verify(cpio({**files, "etc/other": ""}) + later).amiss() == {}
    bare = {name: text for name, text in files.items() if not name.startswith("etc/")}
    assert "not in the image" in verify(cpio({**bare, "etc": None}) + later).detail("policy")


def test_drop_ins_of_both_folders(program, verify, host, own_root):
    """An image beside a machine with each kind of file; what does not count is not compared."""
    vendor, own = "usr/lib/vfio-bind.conf.d/", "etc/vfio-bind.conf.d/"
    for name, text in ((vendor + "20-b.conf", "keep usb\n"), (vendor + "30-c.conf", "nonsense\n"),
                       (own + "30-c.conf", "keep sata\n"), (vendor + "40-d.conf", "nonsense\n")):
        (own_root / name).parent.mkdir(parents=True, exist_ok=True)
        (own_root / name).write_text(text)
    (own_root / own / "40-d.conf").symlink_to("/dev/null")
    built = build(program, own_root, own_root.parent / "payload", policy=None)
    assert (built.status, built.stderr) == (0, "")
    files = {**tree(built.dir), **initramfs_tools()}
    assert verify(image(files), root=own_root).amiss() == {}

    def amiss(changes):
        changed = {name: text for name, text in {**files, **changes}.items() if text is not None}
        return verify(image(changed), root=own_root).detail("policy")

    as_good = {vendor + "30-c.conf": "other\n", own + "40-d.conf": Link("/dev/null"),
               vendor + "40-d.conf": "other\n"}
    assert amiss(as_good) == "as in /etc"
    for changes, said in (
            ({vendor + "20-b.conf": "keep usb \n"}, f"/{vendor}20-b.conf differs"),
            ({vendor + "20-b.conf": None}, f"/{vendor}20-b.conf is not in the image"),
            ({own + "20-b.conf": "keep usb\n"}, f"/{vendor}20-b.conf is not in the image"),
            ({own + "30-c.conf": Link("/dev/null")}, f"/{own}30-c.conf differs"),
            ({own + "40-d.conf": "keep usb\n"}, f"/{own}40-d.conf differs"),
            ({vendor + "35-x.conf": ""}, f"/{vendor}35-x.conf is in the image only"),
            ({vendor + "99-x.conf": ""}, f"/{vendor}99-x.conf is in the image only")):
        assert amiss(changes) == said, changes


def test_links_that_go_round(verify, host):
    files = {**host[1], **initramfs_tools(), "a": Link("b"), "b": Link("a"), "a/x": "",
             "c": Link("c/c/c"), "c/d": "", "up": Link("../../.."), "up/init": "#!/bin/sh\n"}
    assert verify(cpio(files, parents=True)).amiss() == {}


def test_hard_links(verify, host):
    """The last name of a file has its content, as cpio(1) writes it; all names are the file."""
    binder = f"{OURS}/binder"
    files = {name: text for name, text in {**host[1], **initramfs_tools()}.items()
             if name != binder}
    names = [binder, f"{OURS}/other", f"{OURS}/third"]
    for order in (names, names[::-1], [names[1], names[0], names[2]]):
        links = b"".join(member(name, 0o100755, BINDER if name == order[-1] else b"", 999, 3)
                         for name in order)
        end = member("TRAILER!!!", 0, b"", 0)
        assert verify(cpio(files)[:-len(end)] + links + end).amiss() == {}


def test_hard_links_to_what_the_kernel_cannot_make(verify, host):
    """The first name has no folder: no other comes to be. None of their contents is kept."""
    names = ["none/first", *(f"name{number}" for number in range(40))]
    links = b"".join(member(name, 0o100644, bytes(1 << 20), 999, len(names)) for name in names)
    done = verify(COMPRESS["zstd"](links + cpio({**host[1], **initramfs_tools()})))
    assert (done.status, done.result("archives")) == (1, "wrong")
    assert "name0 is a name of none/first" in done.detail("archives")


def test_a_device_for_a_policy(verify, host):
    files = cpio({**host[1], **initramfs_tools()})
    fifo = member("etc/vfio-bind.conf", 0o010644, b"", 5) + member("TRAILER!!!", 0, b"", 0)
    assert verify(files + fifo).amiss() == {"policy": "outdated"}


def test_text(verify, host):
    content = image({**host[1], **initramfs_tools()})
    lines = verify(content, form=()).stdout.splitlines()
    assert lines[0].endswith(f"initrd: initramfs-tools, kernel {RELEASE}")
    assert lines[1].split() == ["CHECK", "RESULT", "DETAIL"] and len(lines) == 10
    done = verify(image(initramfs_tools()), form=())
    assert done.stdout.endswith("Build the image anew: vfio-bind update\n")
    assert "\x1b" not in done.stdout and done.stderr == ""
    bare = verify(content, "--raw", "--noheadings", "-o", "RESULT", form=())
    assert bare.stdout.split() == ["right"] * 8


def test_what_cannot_be_read(verify, program, tmp_path):
    done = verify(None)
    assert done.status == 1 and done.stderr.endswith("initrd: No such file or directory\n")
    (tmp_path / "initrd").mkdir()
    assert verify(None).stderr.endswith("initrd: Is a directory\n")
    (tmp_path / "initrd").rmdir()
    os.mkfifo(tmp_path / "initrd")
    assert verify(None).status == 1
    for arguments in ([], ["a", "b"], ["--nonsense", "a"]):
        assert subprocess.run([program, "verify", *arguments], stderr=subprocess.PIPE,
                              check=False).returncode == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="root reads everything, so another must try")
def test_what_may_not_be_read(verify, host, tmp_path):
    path = tmp_path / "initrd"
    path.write_bytes(b"secret")
    path.chmod(0o600)
    let_in(tmp_path)
    let_in(host[0].parent)
    done = verify(None, prefix=("setpriv", f"--reuid={NOBODY}", "--clear-groups"))
    assert done.status == 4 and "initrd: Permission denied" in done.stderr


def test_nothing_is_left_behind(verify, host, tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    assert verify(image({**host[1], **initramfs_tools()})).status == 0
    assert verify(microcode()).status == 10
    assert list((tmp_path / "tmp").iterdir()) == []
