"""Mutants of the checks: ``python -m tests.mutants`` changes a comparison, a number, an operator at a time, and looks
whether a test fails. It writes the kill rate and every survivor to reports/mutants.json.

cosmic-ray makes the mutants. Its own way to run them starts Python once a mutant, ten seconds each; here one process
imports the frameworks and reads the proven results, and forks for each mutant. A mutant meets the quick tests first,
then those miniatures that a clause of its chapter must catch, then right implementations, until something fails.
"""

from __future__ import annotations

import argparse
import ast
import functools
import gc
import importlib
import importlib.util
import itertools
import json
import os
import re
import resource
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import grimp
import pytest
import torch
from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

from conformance.arithmetic import proof
from conformance.arithmetic.dtype import DTYPES
from conformance.golden import collection
from conformance.judging import draw
from conformance.records.record import Record
from conformance.remote import loader
from conformance.storage import content

ROOT = content.PACKAGE.parent
RESULT = ROOT / "reports" / "mutants.json"
# The tests that look at a module, the quickest first; the laws' inputs are looked at by no other.
QUICK = {
    "spec.clauses": ("tolerances", "spec"),
    "spec.bounds": ("tolerances", "spec", "bounds", "configurations"),
    "arithmetic.ulp": ("ulp", "bounds"),
    "operator": ("operator", "bounds"),
    "spec.verdict": ("verdict", "bounds"),
    **{f"suite.test_{name}": ("checks", "bounds") for name in ("values", "reductions")},
    **{f"suite.test_{name}": ("answers", "bounds") for name in ("shapes", "dtypes", "errors")},
    "suite.test_gradients": ("checks", "masks", "bounds"),
    "suite.test_weights": ("answers", "masks", "bounds"),
    "suite.test_laws": ("laws", "ambient"),
    "suite.test_probabilities": ("probability", "bounds"),
    "subjects.refusal": ("refusal",),
    "configurations.causes": ("configurations",),
    "configurations.judgement": ("configurations",),
}
# What no mutant is put to: another process does not see it, and frameworks and a published run take seconds.
DESELECTED = (
    "test_ambient.py::test_a_process_that_does_not_end_well_says_why",
    "test_ambient.py::test_a_reading_is_what_the_subject_returns",
    "test_ambient.py::test_right_implementations_follow_no_switch",
    "test_probability.py::test_curves_and_workloads_are_made_of_logits",
    "test_spec.py::test_spec_md_is_what_spec_py_says",
)
ENOUGH = 0.9  # of the mutants must be killed
SECONDS = 60  # of CPU, more than any right run takes: a mutant that loops is killed
MEMORY = 6 << 30
# No mistakes that somebody makes: a shift, or & for +, is a TypeError for floats; for masks + is | and * is &; identity
# of numbers and arrays is no comparison of theirs.
_FOREIGN = re.compile(
    r"_(BitOr|BitAnd|BitXor)_(Add|Sub|Mul|Div|FloorDiv|Mod|Pow|RShift|LShift)$"
    r"|_(Add|Sub|Mul|Div|FloorDiv|Mod|Pow)_(BitOr|BitAnd|BitXor|RShift|LShift)$"
    r"|_(Eq|NotEq|Lt|LtE|Gt|GtE)_(Is|IsNot)$|_(Is|IsNot)_(Eq|NotEq|Lt|LtE|Gt|GtE)$"
)


@dataclass(frozen=True)
class Mutant:
    """One change of one module."""

    module: str
    operator: str
    occurrence: int
    line: int
    column: int

    @property
    def path(self) -> Path:
        """The file that is changed."""
        return content.PACKAGE / f"{self.module.replace('.', '/')}.py"

    @property
    def change(self) -> str:
        """What was done to it, in cosmic-ray's word."""
        return self.operator.rpartition("/")[2]

    def source(self) -> str:
        """The changed file."""
        return mutate_code(
            self.path.read_text(encoding="utf-8"), plugins.get_operator(self.operator)(), self.occurrence
        )

    def text(self) -> str:
        """The changed lines as they are then."""
        old = self.path.read_text(encoding="utf-8").splitlines()
        new = self.source().splitlines()
        return " / ".join(line.strip() for line in new if line not in old) or f"without: {old[self.line - 1].strip()}"


def mutants(module: str) -> Iterator[Mutant]:
    """Every mutant of a module, but for those that change an annotation or a message and no behaviour."""
    source = Mutant(module, "", 0, 0, 0).path.read_text(encoding="utf-8")
    silent = list(_silent(ast.parse(source)))
    nodes = list(ast_nodes(get_ast(source)))
    for name in plugins.operator_names():
        operator = plugins.get_operator(name)
        if operator.arguments() or name.endswith("NoOp") or _FOREIGN.search(name):
            continue
        spans = [span for node in nodes for span in operator().mutation_positions(node)]
        for occurrence, (start, _) in enumerate(spans):
            if not any(first <= start < last for first, last in silent):
                yield Mutant(module, name, occurrence, *start)


def _silent(tree: ast.AST) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    for node in ast.walk(tree):
        parts = [getattr(node, name, None) for name in ("annotation", "returns")]
        for each in [node if isinstance(node, ast.JoinedStr) else None, *parts]:
            if each is not None:
                yield (each.lineno, each.col_offset), (each.end_lineno, each.end_col_offset)


def killer(mutant: Mutant) -> str:
    """The name of what fails, '' if nothing does. To be called in a process of its own."""
    try:
        _put(mutant.module, mutant.source() if mutant.operator else mutant.path.read_text(encoding="utf-8"))
        return _quick(*QUICK[mutant.module]) or _teeth(_chapters(mutant.module))
    except BaseException as error:
        return f"{type(error).__name__}"


def _put(module: str, source: str) -> None:
    name = f"conformance.{module}"
    spec = importlib.util.find_spec(name)
    # Whoever imported it before holds what it was.
    _forget({name, *_imports().find_downstream_modules(name)} & set(sys.modules))
    sys.modules[name] = importlib.util.module_from_spec(spec)
    exec(compile(source, spec.origin, "exec"), sys.modules[name].__dict__)


def _forget(names: Iterable[str]) -> None:
    for name in names:
        parent, _, own = name.rpartition(".")
        del sys.modules[name]
        vars(sys.modules.get(parent)).pop(own, None) if parent in sys.modules else None


@functools.cache
def _imports() -> grimp.ImportGraph:
    return grimp.build_graph("conformance")


class _First:
    name = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember the test that failed."""
        if report.failed:
            self.name = self.name or report.nodeid


def _quick(*names: str) -> str:
    first = _First()
    tests = [str(ROOT / "tests" / f"test_{name}.py") for name in names]
    code = pytest.main(
        [
            "-qx",
            "--tb=no",
            "-Wignore::pytest.PytestAssertRewriteWarning",
            "-Wignore::pytest.PytestUnknownMarkWarning",  # pytest-benchmark's: no plugin is loaded here
            "-pno:cacheprovider",
            "-pno:unraisableexception",
            "--rootdir",
            str(ROOT),
            *(f"--deselect=tests/{each}" for each in DESELECTED),
            *tests,
        ],
        plugins=[first],
    )
    return first.name or ("" if code == 0 else f"pytest exits with {code}")


def _chapters(module: str) -> str:
    """The letters of the chapters that a module judges; C's surveys take minutes."""
    if module.startswith("suite"):
        return (importlib.import_module(f"conformance.{module}").__doc__ or "")[0]
    return "" if module.startswith("configurations") else "VGSRWDLEP"


def _teeth(letters: str) -> str:
    from conformance.judging import opening
    from conformance.judging.choice import Choice
    from conformance.spec.clauses import CLAUSES
    from tests import teeth
    from tests.miniatures.miniature import cabinet

    opening.load_ledger = functools.cache(opening.load_ledger)
    # Ten million elements and processes take seconds: quick tests look at these.
    chapter = {each for each in CLAUSES if each[0] in letters and each not in ("R3", "R6", "L9")}
    left = set(chapter)
    for each in sorted(cabinet(), key=lambda each: len(each.dtypes)):
        # What concerns all chapters is put to one miniature a clause, a chapter of its own to all of its miniatures.
        named = left.intersection(each.caught_by)
        left -= named if len(letters) > 1 else set()
        if not named:
            continue
        choice = Choice((each.framework,), (each.target,), ("cpu",), each.dtypes, (each.mode,), tuple(named))
        if named - {heard.clause for heard in teeth.hear(choice) if heard.failed}:
            return f"miniature {each.name}"
    for mode, clauses in (("eager", chapter), ("func", chapter & {"L7"})):
        for name in ("narrow", "within_two_ulps") if clauses else ():
            target = f"tests.exemplars.in_pytorch:{name}"
            choice = Choice(("pytorch",), (target,), ("cpu",), ("float32", "float16"), (mode,), tuple(clauses))
            if any(heard.failed for heard in teeth.hear(choice)):
                return f"exemplar {name}"
    return ""


def put_to_test(mutant: Mutant) -> str:
    """Fork, and return what killed the mutant, or ''."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY + _size(), MEMORY + _size()))
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1), os.dup2(null, 2)
        os.write(writer, (killer(mutant) or "-").encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read().decode()
    os.waitpid(child, 0)
    return {"-": "", "": "it dies, or does not end"}.get(answer, answer)


def _size() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0]) * resource.getpagesize()


def warm() -> None:
    """Compute once what no mutant changes: proven results, draws of the laws, proofs of the oracle's tests."""
    torch.set_num_threads(1)
    proof.prove = functools.cache(proof.prove)
    loader.load(*loader.locate("pytorch"))
    for each in collection.load_all():
        for dtype in map(DTYPES.__getitem__, each.dtypes):
            if each.law:
                draw.drawn(each.law, dtype)
            elif dtype.name in each.golden and each.mismatch != "raise":
                for quantity in collection.QUANTITIES[each.argument]:
                    each.exact(quantity, dtype)
    kept = set(sys.modules)
    if failed := _quick("operator", "spec"):
        sys.exit(f"without any change, this fails: {failed}")
    own = ("conformance", "tests", "_conformance_adapter", "conftest")
    _forget(name for name in set(sys.modules) - kept if name.startswith(own))
    _imports()
    gc.freeze()


def examine_survivors(module: str, stored: Record) -> Record:
    """Put those to the test that survived when the module, which is the same now, was examined."""
    left = {each["change"] + each["text"] for each in stored["survivors"]}
    found = _examined(each for each in mutants(module) if each.change + each.text() in left)
    killed = stored["mutants"] - len(found["survivors"])
    return {**found, "mutants": stored["mutants"], "killed": killed, "seconds": stored["seconds"]}


def _examined(chosen: Iterable[Mutant]) -> Record:
    began = time.monotonic()
    answers = {each: put_to_test(each) for each in chosen}
    # Some changes are no Python.
    answers = {each: answer for each, answer in answers.items() if answer != "SyntaxError"}
    survivors = [each for each, answer in answers.items() if not answer]
    return {
        "mutants": len(answers),
        "killed": len(answers) - len(survivors),
        "seconds": round(time.monotonic() - began),
        "survivors": [{"line": each.line, "change": each.change, "text": each.text()} for each in survivors],
    }


def explained(module: str, found: Record, stored: Record) -> bool:
    """Give each survivor the reason that is on record for it; False if there is none for one of them.

    One that is on record for another module counts too: code moves.
    """
    records = [*stored.values(), stored.get(module, {})]
    known = {each["change"] + each["text"]: each["reason"] for one in records for each in one.get("survivors", ())}
    for each in found["survivors"]:
        each["reason"] = known.get(each["change"] + each["text"], "")
        print(f"  {module}:{each['line']}: {each['change']}: {each['text']} ({each['reason'] or 'WHY?'})", flush=True)
    return all(each["reason"] for each in found["survivors"])


def main() -> None:
    """Put the mutants of the chosen modules to the test; exit code 1 if too many survive, or one without a reason."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--module", action="append", choices=QUICK, help="only this one; the others stay as stored")
    parser.add_argument("--survivors", action="store_true", help="only those that are stored as survivors")
    parser.add_argument("--first", type=int, metavar="N", help="only so many of each module; nothing is stored")
    options = parser.parse_args()
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    warm()
    on_record = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {}
    stored = {module: on_record[module] for module in QUICK if module in on_record}
    good = True
    for module in options.module or QUICK:
        if failed := put_to_test(Mutant(module, "", 0, 0, 0)):
            sys.exit(f"without any change, this fails for {module}: {failed}")
        if options.survivors:
            found = examine_survivors(module, stored[module])
        else:
            found = _examined(itertools.islice(mutants(module), options.first))
        print(f"{module}: {found['killed']} of {found['mutants']} killed in {found['seconds']} s", flush=True)
        good &= explained(module, found, on_record) and found["killed"] >= ENOUGH * found["mutants"]
        stored[module] = found
        if options.first:
            continue
        RESULT.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.exit(not good)


if __name__ == "__main__":
    main()
