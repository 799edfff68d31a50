# SPDX-License-Identifier: GPL-2.0-or-later
"""`vfio-bind graph`: DOT that says of every function what list says of it."""

import json
import shutil
import subprocess
import xml.etree.ElementTree

import pytest

from lib import dot, golden, limited
from lib import machine as machines
from lib.bootreport import BOUND, NVME, RULE, drive, set_report
from lib.hosttree import HostTree
from lib.payload import fixture_program, set_policy  # noqa: F401

FILLS = {"none": ("white", "gray92"), "bind": ("palegreen",), "keep": ("lightskyblue",),
         "refuse": ("lightcoral",)}
STYLES = {"host": "filled", "vfio": "filled", "refused": "filled", "pending": "filled,dashed",
          "drift": "filled,bold", "foreign": "filled,bold"}
POLICY = "bind display\nbind nvme\nbind network with=group\nkeep usb\nbind usb\n"
POLICIES = {
    "laptop-adl-vmd-tb4dock": "bind nvme\nbind display\nbind usb\nkeep 00:14.0\n",
    "desktop-trx40-rtx3080": "bind nvme path=0000:00/01.2/00.0 id=1987:5016\n"
                             "bind usb id=1022:149c with=group\nkeep 47:00.1\nbind 21:00.0\n",
    "server-r710-quadnic-sriov-iommu-early": "bind id=8086:1520\nbind vga\nkeep 02:00.0\n"
                                             "bind 02:00.0\n",
}
needs_dot = pytest.mark.skipif(not shutil.which("dot"), reason="Graphviz is not installed")


@pytest.mark.parametrize("name", POLICIES)
def test_golden(program, tmp_path, name):
    set_policy(tmp_path, POLICIES[name])
    golden.compare(f"graph/{name}.dot",
                   golden.on_machine(program, tmp_path, name, "graph").stdout)


def both(program, *words):
    """The graph, and {address: device} of list."""
    graph = dot.parse(golden.run(program, *words, "graph").stdout)
    shown = json.loads(golden.run(program, *words, "list", "--json").stdout)
    return graph, {device["address"]: device for device in shown["devices"]}


def functions_of(graph):
    """{address: name of its node}."""
    found = {}
    for name, attributes in graph.nodes.items():
        for address in attributes.get("functions", "").split():
            assert address not in found
            found[address] = name
    return found


def check_nodes(graph, devices):
    for address, name in functions_of(graph).items():
        device, node = devices[address], graph.nodes[name]
        text = dot.label(node["label"])
        assert node["fillcolor"] in FILLS[device["verdict"]], address
        assert (node["fillcolor"] == "gray92") == (device["bridge"]
                                                   and device["verdict"] == "none")
        assert node["style"] == STYLES[device["state"]]
        assert (node.get("color") == "red") == (device["state"] in ("drift", "foreign"))
        assert node.get("peripheries", "1") == ("2" if device["twins"] else "1")
        assert ("refused: " + str(device["reason"]) in text) == (device["verdict"] == "refuse")
        for use in device["use"]:
            assert use in text.split("\n")
        if device["driver"] != device["driver_next"]:
            assert (f"{device['driver'] or 'no driver'} \u2192 {device['driver_next'] or 'host'}"
                    in text.split("\n"))


def check_clusters(graph, devices):
    """Each group is one cluster; several groups share one only as a single node of equals."""
    for attributes, members in graph.clusters.values():
        inside = [address for name in members
                  for address in graph.nodes[name]["functions"].split()]
        groups = attributes["label"].split()[1:]
        assert {devices[address]["group"] for address in inside} == set(map(int, groups))
        assert len(groups) == len(set(groups)) and (len(groups) == 1 or len(members) == 1)
        assert attributes["label"].startswith("group " if len(groups) == 1 else "groups ")
        shared = [device for device in (devices[address] for address in inside)
                  if "group shared" in (device["note"] or "")]
        assert (attributes["color"] == "red") == bool(shared)
    clustered = [name for _, members in graph.clusters.values() for name in members]
    assert len(clustered) == len(set(clustered))
    for address, name in functions_of(graph).items():
        assert (name in clustered) == (devices[address]["group"] is not None)


def check_edges(graph, machine):
    """Whoever stands above a function in the machine does so in the graph."""
    functions = functions_of(graph)
    above = {}
    for upper, lower in graph.edges:
        assert upper in graph.nodes and lower in graph.nodes and lower not in above
        above[lower] = upper
    for device in machine:
        bus = "pci%04x:%02x" % device.key[:2]
        wanted = functions[device.parent] if device.parent else bus
        assert above[functions[device.address]] == wanted
        if not device.parent:
            below = machine.below.get(device.key[:2])
            assert above.get(bus) == (functions[below] if below else None)


@pytest.mark.parametrize("path", sorted(golden.MACHINES.glob("*.tsv")), ids=lambda path: path.stem)
def test_says_what_list_says(program, tmp_path, path):
    set_policy(tmp_path, POLICY)
    graph, devices = both(program, "--root", tmp_path, "--machine", path)
    machine = machines.load(path)
    assert set(functions_of(graph)) == set(devices) == set(machine.devices)
    check_nodes(graph, devices)
    check_clusters(graph, devices)
    check_edges(graph, machine)


@pytest.mark.parametrize("policy, nodes", (
    ("", [8]), ("bind id=8086:1520\n", [8]), ("bind 05:10.4\n", [1, 7]),
    ("bind id=8086:1520\nkeep address=05:10.0,05:11.5\n", [2, 6])))
def test_equal_functions_are_one_node(program, tmp_path, policy, nodes):
    set_policy(tmp_path, policy)
    graph = dot.parse(golden.on_machine(program, tmp_path, "server-r710-quadnic-sriov-iommu-early",
                                        "graph").stdout)
    functions = functions_of(graph)
    own = {functions[f"0000:05:{slot}.{function}"] for slot in (10, 11)
           for function in (0, 1, 4, 5)}
    assert sorted(len(graph.nodes[name]["functions"].split()) for name in own) == nodes
    for name in own:
        count = len(graph.nodes[name]["functions"].split())
        title = dot.label(graph.nodes[name]["label"]).split("\n")[0]
        assert title.startswith(f"{count} \u00d7 " if count > 1 else "0000:05:1")


def test_a_port_the_host_uses_stands_alone(program, tmp_path):
    host = HostTree(tmp_path / "root")
    host.nvme()
    host.mount("/", "259:0")
    ports = [host.pci(f"pci0000:00/0000:00:1c.0/0000:05:00.{number}", "8086:1521", 0x020000)
             for number in range(4)]
    host.network("eth2", ports[2])
    host.routes(("eth2", "0.0.0.0", "0.0.0.0"))
    graph = dot.parse(golden.run(program, "--root", host.root, "graph").stdout)
    functions = functions_of(graph)
    nodes = [functions[f"0000:05:00.{number}"] for number in range(4)]
    assert nodes[0] == nodes[1] == nodes[3] != nodes[2]
    assert "default-route" in dot.label(graph.nodes[nodes[2]]["label"]).split("\n")
    assert "1 to 4 of 4 twins" in dot.label(graph.nodes[nodes[0]]["label"]).split("\n")


@pytest.mark.parametrize("driver, policy, rows, state", (
    ("nvme", RULE, BOUND, "drift"), ("vfio-pci", RULE, BOUND, "vfio"),
    ("vfio-pci", "", "", "foreign"), ("nvme", RULE, None, "pending")))
def test_states_of_a_boot(program, tmp_path, driver, policy, rows, state):
    host = HostTree(tmp_path / "root")
    drive(host, driver)
    set_policy(host.root, policy)
    if rows is not None:
        set_report(host.root, rows)
    graph, devices = both(program, "--root", host.root)
    assert devices[NVME]["state"] == state
    check_nodes(graph, devices)


ODD = ('a"b', "back\\", "\\", '\\"', "&amp;", "AT&T; &lt;b&gt; <b>x</b>", "\\N \\G \\n \\l", "{|}",
       "\u00e4\u00f6 \u4e2d", '"];}', "//*#", "a\\\\b", "--> [x=1]")


def odd_host(tmp_path, text):
    host = HostTree(tmp_path / "root")
    disk = host.nvme()[1]
    host.mount("/", "259:0")
    host.mount("/" + text.replace("\\", "\\134").replace(" ", "\\040"), "259:0")
    host.write(f"sys/bus/pci/slots/{text.replace('/', '_')}/address", "0000:01:00\n")
    assert disk
    return host, [f"slot {text.replace('/', '_')}", "/" + text]


@pytest.mark.parametrize("text", ODD)
def test_names_are_quoted(program, tmp_path, text):
    host, wanted = odd_host(tmp_path, text)
    graph = dot.parse(golden.run(program, "--root", host.root, "graph").stdout)
    lines = dot.label(graph.nodes["0000:01:00.0"]["label"]).split("\n")
    assert [line for line in wanted if line not in lines] == []


@needs_dot
@pytest.mark.parametrize("text", ODD)
def test_dot_reads_the_names(program, tmp_path, text):
    host, wanted = odd_host(tmp_path, text)
    picture = render(golden.run(program, "--root", host.root, "graph").stdout)
    shown = {line.replace("\u00a0", " ") for line in texts_of(picture)}
    assert [line for line in wanted if line not in shown] == []


def render(text):
    """The picture, drawn by dot without a word of complaint."""
    done = limited.run(["dot", "-Tsvg"], input=text.encode(), stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE)
    # Without fonts it says so, and draws.
    said = [line for line in done.stderr.decode().splitlines() if "ontconfig" not in line
            and "Pango" not in line]
    assert done.returncode == 0 and not said, done.stderr
    return xml.etree.ElementTree.fromstring(done.stdout)


def texts_of(picture):
    return ["".join(element.itertext()) for element in picture.iter()
            if element.tag.endswith("}text")]


@needs_dot
@pytest.mark.parametrize("name", POLICIES)
def test_dot_draws_it(program, tmp_path, name):
    set_policy(tmp_path, POLICIES[name])
    text = golden.on_machine(program, tmp_path, name, "graph").stdout
    picture, graph = render(text), dot.parse(text)
    kinds = [element.get("class") for element in picture.iter() if element.get("class")]
    assert kinds.count("node") == len(graph.nodes)
    assert kinds.count("edge") == len(graph.edges)
    assert kinds.count("cluster") == len(graph.clusters)


@pytest.mark.parametrize("words, said", (
    (["--json"], "graph writes DOT"), (["-o", "address"], "graph writes DOT"), (["x"], "usage")))
def test_bad_arguments(program, tmp_path, words, said):
    done = golden.on_machine(program, tmp_path, "desktop-trx40-rtx3080", "graph", *words, status=2)
    assert said in done.stderr and not done.stdout


def test_a_mistake_in_the_policy(program, tmp_path):
    set_policy(tmp_path, "bond nvme\n")
    done = golden.on_machine(program, tmp_path, "desktop-trx40-rtx3080", "graph", status=2)
    assert "palegreen" not in done.stdout and dot.parse(done.stdout).nodes
