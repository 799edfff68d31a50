# SPDX-License-Identifier: GPL-2.0-or-later
"""The plan of modules and the modules themselves, against modprobe."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lib.hosttree import HostTree
from lib.moduletree import COMPRESS, MLX5, RELEASE, vfio_tree
from lib.payload import OURS, build, fixture_program, own_mounts, set_policy  # noqa: F401

KERNELS = ("6.1.", "6.12.", "7.")


def modprobe(root, release, module, config, expect=0):
    """(action, name of the module, options) of each line of --show-depends, once each."""
    done = subprocess.run(["modprobe", "-d", root, "-S", release, "-C", config, "--show-depends",
                           module], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          env={"PATH": "/usr/sbin:/sbin"}, check=False)
    assert done.returncode == expect
    seen = []
    for line in done.stdout.splitlines():
        action, what, *options = line.split(maxsplit=2)
        step = (action, re.sub(r"\.ko.*", "", os.path.basename(what)), " ".join(options).strip())
        if step not in seen:
            seen.append(step)
    return seen


def steps(payload):
    """The plan in the same form."""
    result = []
    for line in payload.plan:
        action, what, *rest = line.split(maxsplit=3)
        options = rest[1] if len(rest) > 1 else ""
        result.append(("insmod" if action == "load" else action, what.removesuffix(".ko"), options))
    return result


def needs(payload):
    return {line.split()[1].removesuffix(".ko"): line.split()[2] for line in payload.plan
            if line.startswith("load ")}


def modprobe_conf(root, text, name="test.conf", where="etc/modprobe.d"):
    path = Path(root) / where / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path.parent


@pytest.fixture(name="root")
def fixture_root(tmp_path):
    return tmp_path / "root"


@pytest.fixture(name="out")
def fixture_out(tmp_path):
    return tmp_path / "out"


def test_the_plan_is_what_modprobe_would_do(program, root, out):
    vfio_tree(root, ".xz")
    config = modprobe_conf(root, "options vfio-pci disable_vga=1 disable_idle_d3=1\n"
                                 "options vfio_iommu_type1 allow_unsafe_interrupts=1\n")
    payload = build(program, root, out)
    assert payload.status == 0 and payload.stdout == ""
    assert steps(payload) == modprobe(root, RELEASE, "vfio-pci", config)
    assert payload.read("plan").startswith(f"vfio-bind-plan 1\nkernel {RELEASE}\n")


def test_required_are_dependencies_and_optional_are_soft_ones(program, root, out):
    vfio_tree(root)
    assert needs(build(program, root, out)) == {
        "irqbypass": "required", "vfio": "required", "vfio_iommu_type1": "optional",
        "vfio-pci-core": "required", "vfio-pci": "required"}


def test_a_soft_dependency_that_another_driver_needs_is_required(program, root, out):
    tree = vfio_tree(root, without=("mlx5-vfio-pci",))
    tree.add("mlx5-vfio-pci", ("vfio_iommu_type1", "vfio_pci_core"),
             ("alias=" + MLX5,))
    tree.index()
    set_policy(root, "bind 0000:01:00.0 driver=mlx5_vfio_pci\n")
    assert needs(build(program, root, out))["vfio_iommu_type1"] == "required"


@pytest.mark.parametrize("compress", [c for c in COMPRESS if c != ".gz"])
def test_modules_are_stored_as_they_are_uncompressed(program, root, out, compress):
    tree = vfio_tree(root, compress)
    payload = build(program, root, out)
    stored = sorted((out / OURS / "modules").iterdir())
    assert [path.name for path in stored] == ["irqbypass.ko", "vfio-pci-core.ko", "vfio-pci.ko",
                                              "vfio.ko", "vfio_iommu_type1.ko"]
    for path in stored:
        assert path.read_bytes() == tree.modules[path.stem]
        assert path.stat().st_mode & 0o777 == 0o644
    assert payload.status == 0


def test_gzip_too(program, root, out):
    """Debian's depmod knows no .ko.gz, so the content changes behind its back."""
    tree = vfio_tree(root)
    for path in (tree.path / "kernel").iterdir():
        path.write_bytes(COMPRESS[".gz"](path.read_bytes()))
    assert build(program, root, out).status == 0
    for path in (out / OURS / "modules").iterdir():
        assert path.read_bytes() == tree.modules[path.stem]


def test_options_keep_their_order_across_files(program, root, out):
    vfio_tree(root)
    modprobe_conf(root, "options vfio_pci b=2\noptions vfio-pci c=\"x y\"\n", "20.conf")
    modprobe_conf(root, "options vfio-pci a=1\n", "10.conf")
    modprobe_conf(root, "options vfio-pci z=26\n", "30.conf", "usr/lib/modprobe.d")
    modprobe_conf(root, "options vfio-pci masked=1\n", "20.conf", "lib/modprobe.d")
    payload = build(program, root, out)
    assert payload.plan[-1] == 'load vfio-pci.ko required a=1 b=2 c="x y" z=26'


def test_ids_stay_in_the_plan(program, root, out):
    """The binder drops them, and says so at boot."""
    vfio_tree(root)
    modprobe_conf(root, "options vfio-pci ids=144d:a80a disable_vga=1\n")
    assert build(program, root, out).plan[-1].endswith(" ids=144d:a80a disable_vga=1")


def test_an_alias_brings_its_own_options(program, root, out):
    tree = vfio_tree(root, without=("vfio-pci",))
    tree.add("own_vfio_pci", ("vfio_pci_core",), ("alias=vfio_pci:v*d*sv*sd*bc*sc*i*",))
    tree.index()
    config = modprobe_conf(root, "alias vfio-pci own_vfio_pci\noptions vfio-pci x=1\n"
                                 "options own_vfio_pci y=2\n")
    payload = build(program, root, out)
    assert steps(payload) == modprobe(root, RELEASE, "vfio-pci", config)
    assert payload.plan[-1] == "load own_vfio_pci.ko required x=1 y=2"


def test_volatile_configuration_is_not_taken_along(program, root, out):
    vfio_tree(root)
    modprobe_conf(root, "options vfio-pci x=1\n", where="run/modprobe.d")
    assert build(program, root, out).plan[-1] == "load vfio-pci.ko required"


def test_a_blacklisted_module_is_loaded_by_name(program, root, out):
    vfio_tree(root)
    config = modprobe_conf(root, "blacklist vfio_pci\nblacklist vfio_iommu_type1\n")
    payload = build(program, root, out)
    assert steps(payload) == modprobe(root, RELEASE, "vfio-pci", config)
    assert len(payload.plan) == 5


def test_a_soft_dependency_of_the_configuration_comes_first(program, root, out):
    vfio_tree(root)
    config = modprobe_conf(root, "softdep vfio-pci pre: pci-stub\n")
    payload = build(program, root, out)
    assert steps(payload) == modprobe(root, RELEASE, "vfio-pci", config)
    assert "load pci-stub.ko optional" in payload.plan


def test_an_install_line_is_reported_and_the_module_loaded(program, root, out):
    vfio_tree(root)
    modprobe_conf(root, "install vfio-pci /sbin/modprobe --ignore-install vfio-pci; echo hi\n")
    payload = build(program, root, out)
    assert payload.status == 0
    assert "install vfio_pci /sbin/modprobe --ignore-install vfio-pci; echo hi" in payload.stderr
    assert "is not run" in payload.stderr
    assert payload.plan[-1] == "load vfio-pci.ko required"


def test_an_install_line_that_means_never_is_obeyed(program, root, out):
    vfio_tree(root)
    modprobe_conf(root, "install vfio_iommu_type1 /bin/false\n")
    payload = build(program, root, out)
    assert payload.stderr.count("left out") == 1
    assert "vfio_iommu_type1" not in payload.read("plan")
    assert not (out / OURS / "modules/vfio_iommu_type1.ko").exists()


def test_an_install_line_counts_for_nothing_beside_a_softdep(program, root, out):
    """libkmod ignores it then, and so does the plan."""
    vfio_tree(root)
    config = modprobe_conf(root, "install vfio /bin/false\n")
    payload = build(program, root, out)
    assert "install" not in payload.stderr
    assert steps(payload) == modprobe(root, RELEASE, "vfio-pci", config)


def test_builtin_modules_are_marked(program, root, out):
    tree = vfio_tree(root, builtin=("irqbypass", "vfio", "vfio-pci-core"))
    config = modprobe_conf(root, "")
    payload = build(program, root, out)
    assert [step[:2] for step in steps(payload)] == \
        [step[:2] for step in modprobe(root, RELEASE, "vfio-pci", config)]
    assert sorted(path.stem for path in (out / OURS / "modules").iterdir()) == ["vfio-pci"]
    tree.builtin += ["vfio_pci", "vfio_iommu_type1"]
    shutil.rmtree(tree.path / "kernel")
    tree.index()
    payload = build(program, root, out)
    assert payload.plan == ["builtin vfio_pci"] and payload.stderr.count("vfio-pci") == 0
    assert not (out / OURS / "modules").exists()


def test_options_of_what_is_built_in_are_a_warning(program, root, out):
    """The kernel takes them from its command line only."""
    vfio_tree(root, builtin=("vfio", "irqbypass", "vfio-pci-core", "vfio-pci"))
    modprobe_conf(root, "options vfio-pci disable_vga=1\n")
    payload = build(program, root, out)
    assert payload.plan == ["builtin vfio_pci"]
    assert "put vfio_pci.NAME=VALUE on the kernel command line" in payload.stderr


def test_a_kernel_without_vfio_is_a_warning(program, root, out):
    vfio_tree(root, without=("vfio-pci", "mlx5-vfio-pci"))
    payload = build(program, root, out)
    assert payload.status == 0
    assert f"kernel {RELEASE} has no vfio-pci" in payload.stderr
    assert payload.plan == [] and f"{OURS}/binder" in payload.files()


def test_a_kernel_without_modules_is_a_warning(program, root, out):
    payload = build(program, root, out)
    assert payload.status == 0 and payload.plan == []
    assert "has no vfio-pci" in payload.stderr


def test_every_driver_of_the_policy_is_planned_once(program, root, out):
    vfio_tree(root)
    set_policy(root, "bind nvme driver=pci-stub\nbind 0000:01:00.0 driver=mlx5_vfio_pci\n"
                     "bind 0000:02:00.0 driver=mlx5_vfio_pci\nbind vga\n")
    payload = build(program, root, out)
    assert [line.split()[1] for line in payload.plan][-3:] == [
        "vfio-pci.ko", "pci-stub.ko", "mlx5-vfio-pci.ko"]
    assert len(payload.plan) == 7
    assert "driver" not in payload.stderr


def test_a_driver_that_the_kernel_lacks_is_a_warning(program, root, out):
    vfio_tree(root)
    set_policy(root, "bind nvme driver=hisi_acc_vfio_pci\n")
    payload = build(program, root, out)
    assert payload.status == 0 and "has no hisi_acc_vfio_pci" in payload.stderr


def test_a_driver_that_is_no_variant_is_a_warning(program, root, out):
    vfio_tree(root)
    set_policy(root, "bind nvme driver=odd_vfio_pci\n")
    payload = build(program, root, out)
    assert payload.status == 0 and "odd_vfio_pci is no vfio variant driver" in payload.stderr


def test_a_broken_module_fails_and_leaves_nothing(program, root, out):
    tree = vfio_tree(root, ".xz")
    module = tree.path / "kernel/vfio.ko.xz"
    module.write_bytes(module.read_bytes()[:200])
    payload = build(program, root, out)
    assert payload.status == 1 and "vfio.ko.xz" in payload.stderr
    assert payload.files() == []


def test_the_command_line_of_the_build_host_does_not_leak(program, root, out, tmp_path):
    vfio_tree(root)
    config = modprobe_conf(root, "options vfio-pci a=1\n")
    cmdline = tmp_path / "cmdline"
    words = ("quiet vfio_pci.disable_vga=1 vfio-pci.ids=10de:1c82 vfio.x=\"y z\" "
             "modprobe.blacklist=vfio_pci,vfio\n")
    cmdline.write_text(words)
    prefix = own_mounts(f"mount --bind {cmdline} /proc/cmdline")
    leaking = subprocess.run([*prefix, "modprobe", "-d", root, "-S", RELEASE, "-C", config,
                              "--show-depends", "vfio-pci"], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
    assert "disable_vga=1" in leaking and "ids=" in leaking, "modprobe shows what must not leak"
    cmdline.write_text("quiet")
    want = build(program, root, out, prefix=prefix).plan
    assert len(want) == 5 and want[-1] == "load vfio-pci.ko required a=1"
    cmdline.write_text(words)
    assert build(program, root, out, prefix=prefix).plan == want


def test_modules_loaded_here_do_not_count(program, root, out):
    """A module of the plan is named as one that runs on this machine, if there is any."""
    live = [path.name for path in Path("/sys/module").iterdir()
            if (path / "initstate").exists()] or [path.name for path in
                                                  Path("/sys/module").iterdir()]
    if not live:
        pytest.skip("this machine shows no modules")
    tree = vfio_tree(root)
    tree.add(live[0])
    tree.index()
    modprobe_conf(root, f"softdep vfio-pci pre: {live[0]}\n")
    assert f"load {live[0]}.ko optional" in build(program, root, out).plan


def module_tree(version):
    """lib/modules/RELEASE of a Debian kernel of that version in the cache, not of the lab's."""
    cache = os.environ.get("VFIO_BIND_CACHE", "/var/cache/vfio-bind")
    found = sorted(Path(cache).glob(f"*/tree/usr/lib/modules/{version}*-amd64"))
    if not found:
        pytest.skip(f"no modules of a kernel {version}* in {cache}; the vm suite puts some there")
    return found[-1]


@pytest.mark.parametrize("version", KERNELS)
@pytest.mark.parametrize("driver", ["vfio-pci", "pci-stub"])
def test_debian_kernels(program, root, out, version, driver):
    modules = module_tree(version)
    config = modprobe_conf(root, "options vfio-pci disable_vga=1\n")
    want = [step for name in dict.fromkeys(("vfio-pci", driver))
            for step in modprobe(modules.parents[3], modules.name, name, config)]
    assert len(want) >= 5
    own = root / "lib/modules" / modules.name
    own.mkdir(parents=True)
    for index in modules.glob("modules.*"):
        shutil.copy(index, own)
    names = {name for _, name, _ in want}
    for path in modules.rglob("*.ko*"):
        if path.name.split(".ko")[0] in names:
            (own / path.relative_to(modules)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, own / path.relative_to(modules))
    set_policy(root, f"bind nvme driver={driver}\n")
    payload = build(program, root, out, modules.name)
    assert payload.status == 0 and steps(payload) == want
    assert needs(payload)["vfio_iommu_type1"] == "optional"
    soft = (modules / "modules.softdep").read_text()
    assert "softdep vfio post: vfio_iommu_type1" in soft
    for stored in (out / OURS / "modules").iterdir():
        assert stored.read_bytes().endswith(b"~Module signature appended~\n")


EVERYTHING = "variant vfio-pci vfio_pci:v*d*sv*sd*bc*sc*i*"
AUTO = "bind network driver=auto\n"


def nic(root, ids="15b3:101e"):
    """A host with its root on a drive, and a network function; returns the function's folder."""
    host = HostTree(root)
    host.nvme()
    host.mount("/", "259:0")
    place = "pci0000:00/0000:00:04.0"
    host.pci(place, ids, 0x020000)
    return root / "sys/devices" / place


def behind(plan, line):
    return plan[plan.index(line) + 1:]


def test_auto_takes_the_variant_of_a_function_along(program, root, out):
    nic(root)
    vfio_tree(root)
    payload = build(program, root, out, policy=AUTO)
    assert payload.plan[5:] == [
        EVERYTHING, f"variant mlx5_vfio_pci {MLX5}", "load mlx5-vfio-pci.ko required"]
    assert (out / OURS / "modules/mlx5-vfio-pci.ko").exists()
    assert payload.stderr == ""


def test_auto_leaves_out_what_no_function_could_get(program, root, out):
    nic(root, "15b3:101d")
    vfio_tree(root)
    payload = build(program, root, out, policy=AUTO)
    assert payload.plan[4:] == ["load vfio-pci.ko required", EVERYTHING]
    assert not (out / OURS / "modules/mlx5-vfio-pci.ko").exists()


def test_auto_takes_what_a_virtual_function_would_get_along(program, root, out):
    (nic(root, "15b3:101d") / "sriov_vf_device").write_text("101e\n")
    vfio_tree(root)
    assert f"variant mlx5_vfio_pci {MLX5}" in build(program, root, out, policy=AUTO).plan


def test_auto_takes_all_along_where_the_machine_cannot_be_seen(program, root, out):
    nic(root, "8086:1533")
    (root / ".dockerenv").write_text("")
    vfio_tree(root)
    assert f"variant mlx5_vfio_pci {MLX5}" in build(program, root, out, policy=AUTO).plan


@pytest.mark.parametrize("policy, there", (("bind network\n", False),
                                           ("bind network driver=mlx5_vfio_pci\n", False),
                                           ("accept cmdline\n", True)))
def test_variants_are_there_where_a_rule_may_ask_for_them(program, root, out, policy, there):
    nic(root)
    vfio_tree(root)
    plan = build(program, root, out, policy=policy).plan
    assert (f"variant mlx5_vfio_pci {MLX5}" in plan) == there
    assert (EVERYTHING in plan) == there


def test_what_two_variants_need_is_behind_each_and_stored_once(program, root, out):
    """Whichever of them is asked for finds all it needs, and what nobody asks for is not loaded."""
    nic(root)
    tree = vfio_tree(root)
    other = MLX5.replace("sc*", "sc00")
    tree.add("maker_core")
    for name, alias in (("a_vfio_pci", MLX5), ("b_vfio_pci", other)):
        tree.add(name, ("vfio_pci_core", "maker_core"), (f"alias={alias}",))
    tree.index()
    (root / "lib/modules" / RELEASE / "modules.alias").write_text(
        f"# a comment\nalias {MLX5} a_vfio_pci\nalias {other} b_vfio_pci\n")
    payload = build(program, root, out, policy=AUTO)
    assert behind(payload.plan, "load vfio-pci.ko required") == [
        f"variant b_vfio_pci {other}", "load maker_core.ko required", "load b_vfio_pci.ko required"]
    set_policy(root, AUTO)
    (root / ".dockerenv").write_text("")
    payload = build(program, root, out)
    assert behind(payload.plan, "load vfio-pci.ko required") == [
        f"variant a_vfio_pci {MLX5}", "load maker_core.ko required", "load a_vfio_pci.ko required",
        f"variant b_vfio_pci {other}", "load maker_core.ko required", "load b_vfio_pci.ko required"]
    assert [path.name for path in (out / OURS / "modules").glob("maker*")] == ["maker_core.ko"]


def test_aliases_of_one_variant_that_do_not_stand_together(program, root, out):
    """Their order counts where two match alike; the modules stand behind the first."""
    nic(root)
    vfio_tree(root).add("b_vfio_pci")
    (root / ".dockerenv").write_text("")
    aliases = [f"alias {MLX5} mlx5_vfio_pci", "alias vfio_pci:v00001DD8d*sv*sd*bc*sc*i* b_vfio_pci",
               "alias vfio_pci:v000019E5d*sv*sd*bc*sc*i* mlx5_vfio_pci",
               "alias vfio_pci:v000019E5d*sv*sd*bc*sc*i* odd", "alias pci:v*d* mlx5_vfio_pci",
               "alias vfio_pci: a b_vfio_pci"]
    subprocess.run(["depmod", "-b", root, RELEASE], check=True, env={"PATH": "/usr/sbin:/sbin"})
    (root / "lib/modules" / RELEASE / "modules.alias").write_text("\n".join(aliases))
    assert behind(build(program, root, out, policy=AUTO).plan, "load vfio-pci.ko required") == [
        f"variant mlx5_vfio_pci {MLX5}", "load mlx5-vfio-pci.ko required",
        "variant b_vfio_pci vfio_pci:v00001DD8d*sv*sd*bc*sc*i*", "load b_vfio_pci.ko required",
        "variant mlx5_vfio_pci vfio_pci:v000019E5d*sv*sd*bc*sc*i*"]


def test_a_variant_that_is_built_in(program, root, out):
    nic(root)
    tree = vfio_tree(root, builtin=("vfio-pci", "mlx5-vfio-pci"))
    tree.builtin_info = ["vfio_pci.alias=vfio_pci:v*d*sv*sd*bc*sc*i*", f"mlx5_vfio_pci.alias={MLX5}",
                         "mlx5_vfio_pci.license=GPL", "mlx5_core.alias=pci:v*"]
    tree.index()
    payload = build(program, root, out, policy=AUTO)
    assert payload.plan[-3:] == [EVERYTHING, f"variant mlx5_vfio_pci {MLX5}",
                                 "builtin mlx5_vfio_pci"]
    assert payload.stderr.count("warning") == payload.stderr.count("storage")
