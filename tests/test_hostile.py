"""Files from elsewhere: whatever is in them, it is read, or refused in one clear line; and they name no file to open.

``python -m fuzz.readers`` does the same for as long as one likes.
"""

from __future__ import annotations

import ast
import gzip
import json
import random
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.arithmetic.dtype import DTYPES
from conformance.arithmetic.number import parse
from conformance.errors import ContentError, UsageError
from conformance.golden import collection
from conformance.records import ledger, record
from conformance.report import compare, history, page, teeth
from conformance.report.merge import merge
from conformance.storage import content, intake, limits
from fuzz import hostile, targets
from tests import runs

SEEDS = [seed for seed in targets.seeds() if seed[0] & targets.RENDERED != targets.RENDERED]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(hostile.VALUES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
quick = settings(max_examples=700, deadline=None, suppress_health_check=list(HealthCheck))
CASE = """\
idea = "A plain statement of the behaviour"
source = "SPEC.md V2"
clauses = ["V2"]
flags = ["ordinary"]
[input]
logits = ["1", "2"]
labels = ["1"]
"""
LEDGER = """\
[[deviation]]
id = "lost-tail"
reason = "The loss is a difference of two large numbers."
harm = "Confident correct examples weigh nothing in the loss."
versions = ">=2.3"
"""
GOLDEN = """\
[golden.float32]
columns = ["logits", "labels", "loss", "gradient", "curvature", "label_gradient", "weight_gradient", "pos_weight_gradient"]
rows = [
  ["0x1p+0", "0x1p+0", "1", "1", "1", "1", "1", "1"], ["0x1p+1", "0x1p+0", "1", "1", "1", "1", "1", "1"]]
"""  # noqa: E501 - as it is generated


@quick
@given(seed=st.sampled_from(SEEDS), number=st.integers(0, 2**32))
def test_a_file_with_hostile_parts_is_read_or_refused(seed: bytes, number: int) -> None:
    """Values, keys and nesting that nobody expects, in files that are otherwise right."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        targets.put(hostile.mutated(seed, random.Random(number)))


@quick
@given(seed=st.sampled_from(SEEDS), place=st.integers(0, 5000), noise=st.binary(max_size=8), cut=st.integers(0, 8))
def test_a_file_with_broken_bytes_is_read_or_refused(seed: bytes, place: int, noise: bytes, cut: int) -> None:
    """Bytes exchanged, added and lost."""
    place = 1 + place % len(seed)
    targets.put(seed[:place] + noise + seed[place + cut :])


@settings(quick, max_examples=300)
@given(
    kind=st.sampled_from(("check", "case", "implementation", "curve", "speed", "sweep", "run")),
    data=st.data(),
    it=ANYTHING,
)
def test_any_value_in_any_field_of_a_record_is_read_or_refused(kind: str, data: st.DataObject, it: Any) -> None:
    """Of the record, and of its subject."""
    head, *rest = (json.loads(each) for each in targets.run_text().splitlines())
    chosen = head if kind == "run" else next(each for each in rest if each["record"] == kind)
    inner = chosen.get("subject", chosen.get("machine", chosen))
    changed = data.draw(st.sampled_from((chosen, inner)))
    changed[data.draw(st.sampled_from(sorted(changed)))] = it
    text = "".join(json.dumps(each) + "\n" for each in (head, *([] if kind == "run" else [chosen])))
    targets.put(bytes([data.draw(st.integers(0, 3)) << 3]) + text.encode())


def refused(act: Callable[[], Any]) -> str:
    """The line with which it was refused, in less than two seconds."""
    before = time.process_time()
    with pytest.raises(UsageError) as caught:
        act()
    assert time.process_time() - before < 2
    assert str(caught.value).isprintable()
    return str(caught.value)


def with_check(**changes: Any) -> str:
    """A run of one check, changed."""
    return record.line(runs.head()) + "\n" + json.dumps({**runs.check(), **changes}) + "\n"


def with_head(**changes: Any) -> str:
    """A run's first line, changed."""
    return json.dumps(runs.head(**changes)) + "\n"


RECORDS = {
    "a machine without a processor": (with_head(machine={}), "line 1: machine: 'system' is a required property"),
    "an adapter without versions": (with_head(adapters={"a": {}}), "line 1: adapters.a: 'versions' is a required"),
    "deviations that are no texts": (with_head(deviations={"a": {"b": {"link": 3}}}), "line 1: deviations.a.b.link: 3"),
    "no signature": (with_check(signature=None), "line 2: signature: None is not of type 'string'"),
    "an unknown outcome": (with_check(outcome="perhaps"), "line 2: outcome: 'perhaps' is not one of"),
    "an unknown level": (with_check(level="ought"), "line 2: level: 'ought' is not one of"),
    "a clause of no chapter": (with_check(clause="</script>"), "line 2: clause: '</script>' does not match"),
    "a worst element that is none": (with_check(worst=3), "line 2: worst: 3 is not of type 'object'"),
    "a worst element without a logit": (with_check(worst={}), "line 2: worst: 'index' is a required"),
    "a deviation that is a list": (with_check(deviation=[[]]), "line 2: deviation: [[]] is not of type 'string'"),
    "a number beyond float64": (with_check(measures={"x": 7}).replace("7}", "1e400}"), "line 2: it is no check record"),
    "an integer of 400 digits": (
        with_check(measures={"x": 7}).replace("7}", "1" + "0" * 400 + "}"),
        "line 2: it is no check record",
    ),
    "half of a surrogate pair": (with_check(detail="\ud800"), "line 2: it is not JSON (it holds half of a surrogate"),
    "deep nesting": (with_head(options={"x": json.loads("[" * 200 + "]" * 200)}), "line 1: it is not JSON (it is nes"),
    "deeper nesting": ("[" * 100_000 + "\n", "line 1: it is not JSON (it is nested too deeply)"),
    "a line without end": ('{"record": "run", "x": "' + "x" * limits.MOST_LINE_BYTES, "line 1: it is longer than"),
    "a kind with control characters": ('{"record": "\\u001b[2J\\n"}\n', r"line 1: it is no record: '\x1b[2J\n'"),
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_hostile_run_is_refused_by_line(tmp_path: Path, name: str) -> None:
    """What once ended in a traceback."""
    text, message = RECORDS[name]
    path = tmp_path / "results.jsonl"
    path.write_text(text)

    assert f"{path}: {message}" in refused(lambda: page.render(merge([list(record.read(path))])))


@pytest.mark.parametrize("labels", [8, 1000])
def test_a_curve_of_more_labels_than_its_grid_has_is_refused(labels: int) -> None:
    """Before so many elements are made."""
    grid, curve, _ = runs.curves()

    told = refused(lambda: page.render(merge([[runs.head(), grid, {**curve, "labels": labels}]])))
    assert "the curve of a bce 1.0 eager cpu float32 cannot be read" in told


@pytest.mark.parametrize("dtype", ["1" * 5000 + "f", "f4,f4", "complex64", "O", "V9"])
def test_a_curve_of_a_dtype_that_no_result_has_is_refused(dtype: str) -> None:
    """NumPy would evaluate a part of the text."""
    grid, curve, _ = runs.curves()

    told = refused(lambda: page.render(merge([[runs.head(), grid, {**curve, "result_dtype": dtype}]])))
    assert "the curve of a bce 1.0 eager cpu float32 cannot be read (no curve is of dtype" in told


@pytest.mark.parametrize("part", ["hi", "lo", "exponent"])
def test_a_grid_that_lacks_exact_values_is_refused(part: str) -> None:
    """In any of the three parts of a number."""
    grid, *curves = runs.curves()
    grid["loss"] = {**grid["loss"], part: grid["loss"][part][:-32]}

    told = refused(lambda: page.render(merge([[runs.head(), grid, *curves]])))
    assert told.startswith("the grid of float32")


def test_too_many_subjects_for_a_page_are_refused() -> None:
    """Tables grow with the square of their number."""
    checks = [runs.conforming(mode=str(number)) for number in range(limits.MOST_SUBJECTS + 1)]

    assert "2,001 subjects in these runs" in refused(lambda: merge([[runs.head(), *checks]]))


def test_too_many_versions_for_a_history_are_refused() -> None:
    """So many cells would be no table."""
    checks = [runs.conforming(mode=str(number), version=str(number)) for number in range(1000)]

    assert "1,000 implementations in 1,000 versions" in refused(lambda: history.history([[runs.head(), *checks]]))


def test_a_version_of_5000_digits_is_a_version(tmp_path: Path) -> None:
    """int() refuses it; it is sorted as a text."""
    found = history.history([[runs.head(), runs.check(version="9" * 5000), runs.check()]])

    page.write_history(found, tmp_path / "history.html")
    assert found.versions["a"] == ["9" * 5000, "1.0"]


@pytest.mark.parametrize("cut", [1, 9, 40])
def test_a_broken_gz_is_refused(tmp_path: Path, cut: int) -> None:
    """Cut off, or with a byte exchanged."""
    path = tmp_path / "results.jsonl.gz"
    whole = gzip.compress(record.line(runs.head()).encode() + b"\n")
    for data in (whole[:-cut], whole[: 10 + cut] + b"\xff\xff" + whole[12 + cut :], b"", b"\x1f\x8b", b"{}"):
        path.write_bytes(data)
        assert str(path) in refused(lambda: list(record.read(path)))


@pytest.mark.parametrize(
    ("line", "message"),
    [(b"0" * (1 << 20), "it is longer than"), (record.line(runs.check()).encode() + b"\n", "the file is larger than")],
    ids=["line", "file"],
)
def test_a_zip_bomb_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: bytes, message: str
) -> None:
    """At the limit for a line, or for a file."""
    monkeypatch.setattr(limits, "MOST_RECORD_BYTES", 1 << 21)
    path = tmp_path / "results.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(record.line(runs.head()).encode() + b"\n")
        for _ in range((64 << 20) // len(line)):
            file.write(line)

    assert message in refused(lambda: list(record.read(path)))


def test_more_values_than_memory_has_room_for_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are counted before they are made."""
    monkeypatch.setattr(limits, "MOST_VALUES", 100)
    path = tmp_path / "results.jsonl"
    path.write_text((record.line(runs.head()) + "\n") * 10)

    assert "line 2: the file has more than 100 values" in refused(lambda: list(intake.lines(path)))


# 27 billion elements by its first rows, in 33 kB.
WIDE = json.dumps([[["1"] * 3000] + [[]] * 3000] + [[]] * 3000)
CASES = {
    "ragged, wide and deep": ('logits = ["1", "2"]', f"logits = {WIDE}", "input.logits: it has too many elements"),
    "shapes that do not fit": ('["1", "2"]', '["1", "2", "3"]\nweight = ["1", "2"]', "input: its shapes do not fit"),
    "no operands": ('logits = ["1", "2"]\nlabels = ["1"]', "repeat = 2", "input: "),
    "a picture of numbers": (
        'logits = ["1", "2"]\nlabels = ["1"]',
        'picture = [[1]]\npalette = {"#" = {logit = "1", label = "1"}}',
        "input.picture: 1 is not a string",
    ),
    "a hex float of a million digits": (
        '"2"',
        f'"0x{"f" * 900_000}p0"',
        "input: a number has more than 2500 characters",
    ),
    "a huge exponent": ('"2"', '"0x1p999999"', "input: the exponent of '0x1p999999' is beyond 20000"),
    "an integer of 5000 digits": ("[input]", f"[input]\nrepeat = {'9' * 5000}", "file: it is not TOML"),
    "a key of 30000 parts": ("[input]", f"{'a.' * 30_000}a = 1\n[input]", "file: a key has more than 16 parts"),
    "a table of 30000 parts": ("[input]", f"[{'a.' * 30_000}a]\n[input]", "file: a key has more than 16 parts"),
    "deep nesting": ('["1", "2"]', "[" * 5000 + "]" * 5000, "file: it is not TOML"),
    "more than a case has": ("[input]", f"# {'x' * limits.MOST_TEXT_BYTES}\n[input]", "file: it is larger than"),
    "a NUL": ("plain", "pl\0in", "file: it is not TOML"),
    "infinite logits of a law": (
        '[input]\nlogits = ["1", "2"]\nlabels = ["1"]',
        '[law]\nexamples = 1\nelements = 1\nlogits = [-inf, inf]\nlabels = "hard"',
        "law.logits.0: -inf is less than the minimum",
    ),
}


def written(folder: Path, text: str) -> Path:
    """A case file in a scratch folder of cases."""
    path = folder / "values" / "scratch.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_case_is_refused_by_entry(tmp_path: Path, name: str) -> None:
    """What once ended in a traceback, or took the machine's memory."""
    old, new, message = CASES[name]
    path = written(tmp_path, CASE.replace(old, new, 1))

    assert f"{path}: {message}" in refused(lambda: collection.load(path, tmp_path))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"labels", "loss"', '"labels", "weight", "loss"', "golden.float32.rows: a row is not as long as the columns"),
        ('"curvature"', '"curve"', "golden.float32.columns: they are"),
        ('"labels", "loss"', '"label", "loss"', "golden.float32.columns: they are"),
        ('"1", "1"]]', '"1", "one"]]', "golden.float32: 'one' is not a number"),
        ('"1", "1"]]', '"1", "0x1p99999"]]', "golden.float32: the exponent of"),
        ("golden.float32", "golden.float8", "golden: Additional properties are not allowed"),
    ],
)
def test_a_golden_part_with_the_right_hash_is_not_believed(tmp_path: Path, old: str, new: str, message: str) -> None:
    """Anybody can compute a hash."""
    body = GOLDEN.replace(old, new, 1)
    path = written(tmp_path, f'{CASE}[golden]\nsha256 = "{collection.seal(body)}"\n{body}')

    def act() -> None:
        collection.load(path, tmp_path).exact("pos_weight_gradient", DTYPES["float32"])

    assert f"{path}: {message}" in refused(act)


def test_a_whole_number_may_be_written_with_a_point(tmp_path: Path) -> None:
    """JSON Schema takes 2.0 for an integer; a range does not."""
    loaded = collection.load(written(tmp_path, CASE.replace("[input]", "[input]\nrepeat = 2.0")), tmp_path)

    assert isinstance(loaded.repeat, int)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('">=2.3"', f"{'9' * 5000}", "file: it is not TOML"),
        ("id =", f"{'a.' * 30_000}a = 1\nid =", "file: a key has more than 16 parts"),
        ("lost-tail", "\\u001b[2J", r"deviation.0.id: '\x1b[2J' does not match"),
    ],
)
def test_a_hostile_ledger_is_refused_by_entry(tmp_path: Path, old: str, new: str, message: str) -> None:
    """As a case is."""
    path = tmp_path / "deviations.toml"
    path.write_text(LEDGER.replace(old, new, 1))

    assert f"{path}: {message}" in refused(lambda: ledger.load(path))


def test_a_kill_matrix_with_half_of_a_surrogate_pair_is_refused(tmp_path: Path) -> None:
    """The page could not be written."""
    path = tmp_path / "teeth.json"
    path.write_text('{"clauses": ["\\ud800"], "miniatures": []}')

    assert "half of a surrogate pair" in refused(lambda: teeth.load(path))


def test_a_number_takes_no_time() -> None:
    """However it is written."""
    for text in ("0x" + "f" * 10**6 + "p0", "0x1p999999", "1e9999999", "9" * 10**6, "1e-99999"):
        before = time.process_time()
        with pytest.raises(ValueError, match=r"number|exponent"):
            parse(text)
        assert time.process_time() - before < 0.1


_opened: list[str] = []
_watching = False


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event in ("open", "os.remove", "os.rename", "subprocess.Popen", "socket.connect"):
        _opened.extend(f"{event} {each}" for each in arguments[: 2 if event == "os.rename" else 1])


def test_no_file_that_a_record_names_is_opened(tmp_path: Path) -> None:
    """Neither read nor written: templates and the page are all that is opened, and nothing is run."""
    global _watching  # noqa: PLW0603 - an audit hook stays for good
    secret = tmp_path / "secret"
    secret.write_text("a secret")
    for name in (str(secret), f"../{secret.name}", f"file://{secret}"):
        subject = dict.fromkeys(vars(runs.SUBJECT), name)
        texts = dict.fromkeys(("case", "signature", "detail", "deviation", "note", "reproducer"), name)
        found = [
            runs.head(missing={name: name}, options={name: [name]}, started=name),
            runs.case(name, source=name, links=[name]),
            runs.implementation(adapter=name, implementation=name, target=name, documentation=name),
            {**runs.check(), **texts, "subject": subject},
        ]
        run = runs.written(tmp_path / "run" / "results.jsonl", *found)
        page.render(merge([found]))  # the templates are compiled
        sys.addaudithook(_watch)
        out = tmp_path / "out"
        _opened.clear()
        _watching = True
        read = list(record.read(run))
        page.write(merge([read]), out / "index.html")
        page.write_comparison(compare.compare(read, read), out / "compare.html")
        page.write_history(history.history([read]), out / "history.html")
        _watching = False
        # What is written is written beside its place, and renamed.
        allowed = (
            f"open {content.PACKAGE}",
            f"open {run}",
            *(f"{each} {out}" for each in ("open", "os.rename", "os.remove")),
        )
        assert _opened
        assert [each for each in _opened if not each.startswith(allowed)] == []
        assert "a secret" not in (out / "index.html").read_text()
        assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
            "compare.html", "history.html", "index.html", "results.jsonl", "secret",
        ] or (tmp_path / "run" / "results.previous.jsonl").is_file()  # fmt: skip


def test_nothing_is_unpickled_or_evaluated() -> None:
    """In what reads files and makes pages."""
    readers = ("intake", "fits", "schema", "record", "case", "ledger", "draft", "number", "exact", "grid", "errors")
    paths = [path for name in readers for path in content.PACKAGE.glob(f"**/{name}.py")]
    assert {path.stem for path in paths} == set(readers)
    for path in [*paths, *(content.PACKAGE / "report").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec", "compile", "__import__", "open"), path
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {"pickle", "marshal", "shelve", "dill", "yaml", "subprocess"}.intersection(names), path


def test_an_error_is_one_line_that_a_terminal_prints() -> None:
    """Whatever it quotes."""
    told = str(ContentError("a.toml", "x\ny", "\x1b]0;title\x07 \u202e" + "z" * 10_000, "right"))

    assert told.isprintable()
    assert len(told) < 1000
    assert told.startswith("a.toml: x y: \\x1b]0;title")
    assert told.endswith("; right")
