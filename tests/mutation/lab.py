# SPDX-License-Identifier: GPL-2.0-or-later
"""The fast tests around a core that can be exchanged: unit tables and the binder are linked once,
to a shared library of the core, and the trees of tests/cases are unfolded once."""

import resource
import subprocess
from pathlib import Path

from cases.test_cases import FOLDERS, Case, dry, judge
from lib.binder import clear, collect

TOP = Path(__file__).parents[2]
UNITS = sorted((TOP / "tests/unit").glob("unit_*.c"))
FLAGS = ["-std=c11", "-D_GNU_SOURCE", '-DVERSION="0"', "-O1", "-w", "-fPIC", "-I", TOP / "binder",
         "-I", TOP / "binder/core", "-I", TOP / "tests/unit"]
SECONDS = 2  # of computing: a mutant may never end


def compile_core(source, target):
    """Returns False where that is no C."""
    done = subprocess.run(["cc", *FLAGS, "-c", "-o", target, source], stderr=subprocess.DEVNULL,
                          check=False)
    return done.returncode == 0


def limit():
    """For a child: it ends, and leaves no core dump."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Lab:
    """A folder with all of it; extra goes to the linker of each program."""

    def __init__(self, folder, core, *extra):
        self.folder, self.extra = folder, extra
        self.objects = {name: folder / f"{name}.o" for name in core}
        for name, target in self.objects.items():
            assert compile_core(TOP / f"binder/core/{name}.c", target)
        self.link({})
        self.programs = self.build(core)
        self.cases = [Case(folder) for folder in FOLDERS]
        self.trees = [case.unfold(folder / "trees" / case.folder.name, dry(case))
                      for case in self.cases]

    def build(self, core):
        """The unit tables, and the binder behind them."""
        edge = [path for path in sorted((TOP / "binder").glob("*.c"))
                if path.stem not in (*core, "main", "pid1")]
        subprocess.run(["cc", *FLAGS, "-c", *edge], cwd=self.folder, check=True)
        objects = [f"{path.stem}.o" for path in edge]
        programs = []
        for sources in [[path] for path in UNITS] + [[TOP / "binder/main.c", TOP / "binder/pid1.c"]]:
            programs.append(self.folder / sources[0].stem)
            subprocess.run(["cc", *FLAGS, "-o", programs[-1], *sources, *objects, "libcore.so",
                            "-Wl,-rpath,$ORIGIN", "-lcmocka", *self.extra],
                           cwd=self.folder, check=True)
        return programs

    def link(self, changed):
        """Makes the library, with objects exchanged."""
        subprocess.run(["cc", "-shared", "-o", self.folder / "libcore.so",
                        *{**self.objects, **changed}.values()], check=True)

    def run(self, *words):
        """The exit status, or minus the signal."""
        return subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              preexec_fn=limit, check=False).returncode

    def killer(self, first=""):
        """The name of a test that fails, or None: unit_FIRST is asked first."""
        *units, binder = self.programs
        for unit in sorted(units, key=lambda path: path.stem != f"unit_{first}"):
            if self.run(unit):
                return unit.stem
        for case, tree in zip(self.cases, self.trees):
            clear(tree)
            status = self.run(binder, "--root", tree.root)
            try:
                judge(case, collect(tree, status))
            except (AssertionError, ValueError, IndexError):
                return case.folder.name
        return None

    def try_mutant(self, mutant, source):
        """(True, who kills it or None); (False, None) if it is no other program at all."""
        changed = self.folder / "mutant.c"
        changed.write_text(mutant.text(source), "utf-8")
        target, name = self.folder / "mutant.o", Path(mutant.path).stem
        if not compile_core(changed, target):
            return False, None
        if target.read_bytes() == self.same(name, source):
            return False, None
        self.link({name: target})
        return True, self.killer(name)

    def same(self, name, source):
        """The object of the source as it is, compiled under the mutants' name."""
        target = self.folder / f"same-{name}"
        if not target.exists():
            changed = self.folder / "mutant.c"
            kept = changed.read_text("utf-8")
            changed.write_text(source, "utf-8")
            assert compile_core(changed, target)
            changed.write_text(kept, "utf-8")
        return target.read_bytes()
