# SPDX-License-Identifier: GPL-2.0-or-later
"""The manual pages say what the source knows, all of it and nothing else."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

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

def selectors():
    return strings(r'\[SELECT_\w+\] = \{\s*"(\w+)"', table("binder/core/value.c", "} selectors["))


def class_names():
    return strings(r'\{ "(\w+)", \{ 0x', table("binder/core/value.c", "} class_names[]"))


def options():
    return strings(r'\{ "(\w+)", (?:true|false)', table("binder/core/option.c", "options[] ="))


def with_words():
    return strings(r'\[WITH_\w+\] = "(\w+)"', source("binder/core/option.c"))


def allow_words():
    return strings(r'\{ "([\w-]+)", ALLOW_', source("binder/core/option.c"))


def reasons():
    """Tokens by their names in the source, in its order; the first is "-"."""
    tokens = dict(strings(r'\[REASON_(\w+)\] = \{\s*"([\w-]+)"', source("binder/core/reason.c")))
    order = strings(r"REASON_(\w+)(?=,| =)", table("binder/core/reason.h", "enum reason {"))
    assert set(order) == set(tokens)
    return {name: tokens[name] for name in order}


def guards():
    tokens = reasons()
    names = list(tokens)
    first, last = strings(r"#define GUARD_(?:FIRST|LAST)\s+REASON_(\w+)", source("binder/core/reason.h"))
    return [tokens[name] for name in names[names.index(first):names.index(last) + 1]]


def verdicts():
    return set(strings(r'return "(\w+)";', source("binder/core/reason.c")))


def commands():
    return strings(r'\{ "(\w+)", "', table("cli/program.c", "} commands[]"))


def exit_codes():
    values = dict(strings(r"(EXIT_\w+) = (\d+)", table("cli/base/complain.h", "enum exit_code")))
    named = dict(strings(r'\[(EXIT_\w+)\] = "([\w-]+)"', source("cli/base/complain.c")))
    assert set(values) == set(named)
    return {int(values[name]): named[name] for name in values}


def long_options(name):
    return set(re.findall(r'\{ "([\w-]+)", (?:no|optional|required)_argument', source(name)))


def own_options():
    """Those each command takes beside the common ones."""
    own = {name: set() for name in commands()}
    for path in (TOP / "cli").glob("*/*.c"):
        if path.name == "arguments.c":
            continue
        text = path.read_text()
        taken = long_options(path.relative_to(TOP))
        if "editing_run(options" in text:
            taken |= long_options("cli/edit/edit_command.c")
        for name in re.findall(r"^int command_(\w+)\(", text, re.M):
            own[name] |= taken if name in own else set()
    return own


def kernel_words():
    found = strings(r'"((?:rd\.)?vfio_bind(?:\.\w+)?)"', source("binder/core/cmdline.c"))
    return list(dict.fromkeys(found))


def kernel_values():
    text = source("binder/core/cmdline.c")
    text = text[text.index("char *const off[3]"):text.index("static bool starts_ours")]
    return set(strings(r'"([\w-]+)"', text))


def columns(name):
    return strings(r'\{ "([A-Z]+)", "', table(f"cli/{name}.c", "table_column columns[]"))


def states():
    text = source("cli/show/row_text.c")
    return strings(r'= "(\w+)"', re.search(r"\*state_name\(.*?^}", text, re.S | re.M)[0])


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
    (lambda: items(POLICY, "Verdicts and other reasons"),
     lambda: [token for token in reasons().values() if token not in ["-", *guards()]]),
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
    listed = re.findall(r"^\.It\n\.Pa (\S+)", section(BOOT, "AS PROCESS 1"), re.M)
    assert listed == inits()


def test_every_value_of_the_kernel_word_is_there():
    assert set(words(section(BOOT, "KERNEL COMMAND LINE"), "Cm")) >= kernel_values()


def test_the_exit_codes_and_their_words():
    listed = re.findall(r"^\.It (\d+) Pq Cm (\S+)", section(COMMANDS, "EXIT STATUS"), re.M)
    assert {int(code): word for code, word in listed} == exit_codes()


def test_the_exit_codes_of_the_binder():
    listed = re.findall(r"^\.It (\d+)", section(BOOT, "EXIT STATUS"), re.M)
    assert listed == strings(r"STATUS_\w+ = (\d+)", source("binder/report.h"))


def test_the_options_all_commands_take():
    listed = re.findall(r"Fl -([\w-]+)", "\n".join(re.findall(
        r"^\.It Fl .*", section(COMMANDS, "OPTIONS"), re.M)))
    assert set(listed) == long_options("cli/base/arguments.c") | long_options("cli/edit/edit_command.c")


@pytest.mark.parametrize("command", commands())
def test_the_options_a_command_takes(command):
    found = re.search(r"^\.It Cm %s\b(.*\n(?:(?!\.It Cm (?:%s)\b).*\n)*)"
                      % (command, "|".join(commands())), section(COMMANDS, "COMMANDS"), re.M)
    usage, _, rest = found[1].partition("\n")
    listed = set(re.findall(r"\bFl -([\w-]+)", usage))
    if " Fl o " in usage and "The long form of\n.Fl o\n" in rest:
        listed.add("output")
    assert listed == own_options()[command]


def test_the_options_of_the_binder():
    known = strings(r'"--([\w-]+)"', source("binder/main.c"))
    listed = "\n".join(re.findall(r"^\.It Fl .*", section(BOOT, "OPTIONS"), re.M))
    assert set(re.findall(r"Fl -([\w-]+)", listed)) == set(known)


@pytest.mark.parametrize("command, file", [
    ("list", "show/list"), ("status", "show/status"), ("check", "check/check"),
    ("verify", "image/verify"), ("apply", "run/apply_release")])
def test_the_columns(command, file):
    found = re.search(r"^\.It Cm %s\n((?:\.Dv .*\n)+)" % command, section(COMMANDS, "COLUMNS"),
                      re.M)
    assert words(found[1], "Dv") == columns(file)


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
    listed = re.findall(r"# ([^,\n]*?)(?: ,|\n)", section(BOOT, "REPORT"))
    assert [note for note in notes if note not in listed
            and not note.startswith(("address", "boot-display"))] == []


def test_the_generators_update_knows():
    text = re.sub(r"\s+", " ", section(COMMANDS, "COMMANDS"))
    names = strings(r'\{ "([\w-]+)", is_', table("cli/image/rebuild.c", "} generators[]"))
    listed = text[text.index("in this order: "):]
    at = [listed.index(name) for name in names]
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
                 reasons().values(), verdicts(), commands(), exit_codes().values(),
                 kernel_words(), kernel_values(), states(), guest_programs())
    known.update(strings(r'\[FOUND_\w+\] = "(\w+)"', source("cli/image/finding.c")))
    known.update(strings(r'comparison_add\(all, "(\w+)"', source("cli/image/image_check.c")))
    known.update(strings(r'\[PART_\w+\] = "(\w+)"', source("cli/image/image_parts.c")))
    found = {word for name in PAGES for word in words(page(name), "Cm")}
    assert found - known == set()


def test_no_page_has_an_option_the_source_does_not_know():
    known = long_options("cli/base/arguments.c").union(*own_options().values())
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
