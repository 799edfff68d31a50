# SPDX-License-Identifier: GPL-2.0-or-later
"""The manual pages say what the source knows, all of it and nothing else."""

import collections
import functools
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import built
from lib.manual import literals, page, section
from lib.payload import fixture_program  # noqa: F401

TOP = Path(__file__).resolve().parent.parent
COMMANDS, POLICY, BOOT = PAGES = ["vfio-bind.8", "vfio-bind.conf.5", "vfio-bind-initramfs.7"]
EXAMPLE = TOP / "doc/examples/vfio-bind.conf"


def source(name):
    return (TOP / name).read_text()


def table(name, start):
    """The text of the table that begins with start, to its end."""
    text = source(name)
    at = text.index(start)
    return text[at:text.index("\n}", at)]


def strings(pattern, text):
    found = re.findall(pattern, text)
    assert found, pattern
    return found


def items(name, title, macro="Cm"):
    """What each .It of a section is about."""
    return re.findall(r"^\.It %s (\S+)" % macro, section(name, title), re.M)


def words(text, macro):
    """The words of a macro and of what follows it on its line, up to the next macro."""
    found = []
    for line in re.findall(r"^\..*", text, re.M):
        for part in re.findall(r"\b%s ((?:(?![A-Z][a-z]\b)\S+ ?)+)" % macro, line):
            found += [word for word in part.split() if re.search(r"\w", word)]
    return found


# What the source knows.

@functools.cache
def listed():
    """What the program itself says it knows: {kind: words}, in its order."""
    done = subprocess.run([built("vfio-bind"), "--list-words"], text=True, capture_output=True,
                          check=True)
    found = collections.defaultdict(list)
    for line in done.stdout.splitlines():
        kind, _, word = line.partition(" ")
        found[kind].append(word)
    return found


def selectors():
    return listed()["selector"]


def class_names():
    return listed()["class"]


def options():
    return listed()["rule-option"]


def with_words():
    return listed()["with"]


def allow_words():
    return listed()["allow"]


def reasons():
    return listed()["reason"]


def guards():
    return listed()["guard"]


def verdicts():
    return listed()["verdict"]


def commands():
    return listed()["command"]


def states():
    return listed()["state"]


def exit_codes():
    return {int(code): word for code, word in map(str.split, listed()["exit"])}


def common_options():
    return set(listed()["common-option"])


def of_commands(kind):
    """The options or columns of each command, in its order."""
    found = {command: [] for command in commands()}
    for command, word in map(str.split, listed()[kind]):
        found[command].append(word)
    return found


def kernel_words():
    found = strings(r'"((?:rd\.)?vfio_bind(?:\.\w+)?)"', source("binder/core/cmdline.c"))
    return list(dict.fromkeys(found))


def kernel_values():
    text = source("binder/core/cmdline.c")
    text = text[text.index("char *const off[3]"):text.index("static bool starts_ours")]
    return set(strings(r'"([\w-]+)"', text))


def guest_programs():
    return strings(r'\[GUEST_\w+\] = "(\w+)"', source("cli/show/guest.c"))


def inits():
    return strings(r'"(/[^"]+)"', table("binder/pid1.c", "inits[] ="))


# The pages against it.

@pytest.mark.parametrize("found, known", [
    (lambda: items(POLICY, "Selectors"), selectors),
    (lambda: items(POLICY, "Class names"), class_names),
    (lambda: items(POLICY, "Options"), options),
    (lambda: items(POLICY, "What goes along"), with_words),
    (lambda: items(POLICY, "Words of allow"), allow_words),
    (lambda: items(POLICY, "Verdicts and other reasons"), reasons),
    (lambda: items(COMMANDS, "COMMANDS"), lambda: commands() + states() + guest_programs()),
    (lambda: items(BOOT, "KERNEL COMMAND LINE"), kernel_words),
    (lambda: items(COMMANDS, "ENVIRONMENT", "Ev"),
     lambda: {name for path in (TOP / "cli").glob("*/*.c")
              for name in re.findall(r'getenv\("(\w+)"\)', path.read_text())}),
], ids=["selectors", "classes", "options", "with", "allow", "reasons", "commands", "kernel",
        "environment"])
def test_a_list_has_every_word_of_the_source_once(found, known):
    assert sorted(found()) == sorted(known())


def test_the_guards_stand_in_the_order_they_are_asked():
    assert items(POLICY, "Guards") == guards()


def test_the_next_inits_stand_in_the_order_they_are_tried():
    found = re.findall(r"^\.It\n\.Pa (\S+)", section(BOOT, "AS PROCESS 1"), re.M)
    assert found == inits()


def test_every_value_of_the_kernel_word_is_there():
    assert set(words(section(BOOT, "KERNEL COMMAND LINE"), "Cm")) >= kernel_values()


def test_the_exit_codes_and_their_words():
    told = re.findall(r"^\.It (\d+) Pq Cm (\S+)", section(COMMANDS, "EXIT STATUS"), re.M)
    assert {int(code): word for code, word in told} == exit_codes()


def test_the_exit_codes_of_the_binder():
    told = re.findall(r"^\.It (\d+)", section(BOOT, "EXIT STATUS"), re.M)
    assert told == strings(r"STATUS_\w+ = (\d+)", source("binder/report.h"))


def test_the_options_all_commands_take():
    found = re.findall(r"Fl -([\w-]+)", "\n".join(re.findall(
        r"^\.It Fl .*", section(COMMANDS, "OPTIONS"), re.M)))
    assert set(found) == common_options() | {"dry-run"}


def options_of(command):
    """Those the page names behind the command."""
    found = re.search(r"^\.It Cm %s\b(.*\n(?:(?!\.It Cm (?:%s)\b).*\n)*)"
                      % (command, "|".join(commands())), section(COMMANDS, "COMMANDS"), re.M)
    usage, _, rest = found[1].partition("\n")
    own = set(re.findall(r"\bFl -([\w-]+)", usage))
    if " Fl o " in usage and "The long form of\n.Fl o\n" in rest:
        own.add("output")
    return own


def test_the_options_of_each_command():
    assert {command: options_of(command) for command in commands()} == {
        command: set(own) for command, own in of_commands("option").items()}


def test_the_options_of_the_binder():
    known = strings(r'"--([\w-]+)"', source("binder/main.c"))
    told = "\n".join(re.findall(r"^\.It Fl .*", section(BOOT, "OPTIONS"), re.M))
    assert set(re.findall(r"Fl -([\w-]+)", told)) == set(known)


def test_the_columns():
    text = section(COMMANDS, "COLUMNS")
    found = re.findall(r"^\.It Cm (\w+)\n((?:\.Dv .*\n)+)", text, re.M)
    assert {command: words(lines, "Dv") for command, lines in found} == {
        command: own for command, own in of_commands("column").items() if own}


def test_what_verify_says():
    found = re.search(r"It looks at\n(.*?)\nWith\n", section(COMMANDS, "COMMANDS"), re.S)
    checks = {*re.findall(r'comparison_add\(all, "(\w+)"', source("cli/image/image_check.c")),
              *re.findall(r'\[PART_\w+\] = "(\w+)"', source("cli/image/image_parts.c"))}
    results = set(strings(r'\[FOUND_\w+\] = "(\w+)"', source("cli/image/finding.c")))
    assert set(words(found[1], "Cm")) == checks | results


def test_the_notes_of_the_report():
    text = source("binder/main.c") + source("binder/report.c")
    notes = strings(r'\b(?:leave_report|nothing)\(boot, "([^"]+)"', text)
    notes += strings(r'what = ending == HUNG \? "(\w+)" : "(\w+)"', text)[0]
    notes += strings(r'"# ([^\\"%]+)\\n"', text)
    told = re.findall(r"# ([^,\n]*?)(?: ,|\n)", section(BOOT, "REPORT"))
    assert [note for note in notes if note not in told
            and not note.startswith(("address", "boot-display"))] == []


def test_the_generators_update_knows():
    text = re.sub(r"\s+", " ", section(COMMANDS, "COMMANDS"))
    names = strings(r'\{ "([\w-]+)", is_', table("cli/image/rebuild.c", "} generators[]"))
    told = text[text.index("in this order: "):]
    at = [told.index(name) for name in names]
    assert at == sorted(at)


def test_the_limits():
    limits = strings(r"#define (?:DEVICE_MAX|POLICY_(?:RULES|LINE|BYTES)_MAX)\s+(\d+)",
                     source("binder/core/device.h") + source("binder/core/rule.h"))
    text = section(POLICY, "Text")
    assert len(limits) == 4
    assert [limit for limit in limits if limit not in text] == []


def test_no_page_has_a_word_the_source_does_not_know():
    known = {"keep", "bind", "accept", "cmdline", "all", "rule", "allow=bound-display",
             "rd.vfio_bind=0", "rd.vfio_bind=dry-run", "rd.vfio_bind.keep=",
             "rd.vfio_bind.bind=", "rd.vfio_bind.rule=", "rd.vfio_bind.init=",
             "rd.vfio_bind.undo="}
    known.update(selectors(), class_names(), options(), with_words(), allow_words(), guards(),
                 reasons(), verdicts(), commands(), exit_codes().values(),
                 kernel_words(), kernel_values(), states(), guest_programs())
    known.update(strings(r'\[FOUND_\w+\] = "(\w+)"', source("cli/image/finding.c")))
    known.update(strings(r'comparison_add\(all, "(\w+)"', source("cli/image/image_check.c")))
    known.update(strings(r'\[PART_\w+\] = "(\w+)"', source("cli/image/image_parts.c")))
    found = {word for name in PAGES for word in words(page(name), "Cm")}
    assert found - known == set()


def test_no_page_has_an_option_the_source_does_not_know():
    known = common_options().union(*of_commands("option").values())
    known |= set(strings(r'"--([\w-]+)"', source("binder/main.c")))
    found = {option for name in PAGES for option in re.findall(r"\bFl -([\w-]+)", page(name))}
    assert found == known


def rules(text):
    """The lines of the policy language in a page's examples."""
    return [line for block in literals(text) for line in block.splitlines()
            if re.match(r"(bind|keep|accept)\b", line)]


def mistakes(program, tmp_path, lines):
    """What the program itself finds wrong in these lines, on a machine without devices."""
    (tmp_path / "sys/bus/pci/devices").mkdir(parents=True)
    (tmp_path / "proc").mkdir()
    (tmp_path / "etc").mkdir()
    conf = tmp_path / "etc/vfio-bind.conf"
    conf.write_text("\n".join(lines) + "\n")
    conf.chmod(0o644)
    done = subprocess.run([program, "--root", tmp_path, "--json", "check"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    return json.loads(done.stdout)["mistakes"]


def test_every_rule_of_the_page_is_one(program, tmp_path):
    lines = rules(page(POLICY))
    assert len(lines) > 15
    assert mistakes(program, tmp_path, lines) == []


def test_the_example_is_commented_out_and_every_rule_of_it_is_one(program, tmp_path):
    lines = EXAMPLE.read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []
    commented = [line[1:] for line in lines if re.match(r"#(bind|keep|accept)\b", line)]
    assert len(commented) > 5
    assert mistakes(program, tmp_path, commented) == []


def test_a_line_that_is_no_rule_would_be_found(program, tmp_path):
    found = mistakes(program, tmp_path, ["bind nvme", "bind nvm"])
    assert [mistake["line"] for mistake in found] == [2]


def test_every_selector_and_option_has_an_example():
    text = "\n".join(rules(page(POLICY)))
    missing = [word for word in selectors() + options() if not re.search(r"\b%s\b" % word, text)]
    assert missing == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_clean(name):
    if not shutil.which("mandoc"):
        pytest.skip("mandoc is not there")
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", TOP / "man" / name],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", PAGES)
def test_no_heading_begins_with_a_word_that_is_a_macro(name):
    assert re.findall(r"^\.S[hs] [A-Z][a-z] .*", page(name), re.M) == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_and_what_it_names_are_installed(name):
    text = source("Makefile")
    assert f"man/{name} $(DESTDIR)$(MAN)/man{name[-1]}/{name}\n" in text
    for other, number in re.findall(r"^\.Xr (vfio-bind\S*) (\d)", page(name), re.M):
        assert f"{other}.{number}" in PAGES
    assert "doc/examples/vfio-bind.conf" in text
