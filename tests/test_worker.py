"""The worker: what it may import, what travels, and workers that answer anything."""

from __future__ import annotations

import ast
import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance import adapter
from conformance.adapter import BFLOAT16, NotOffered, Request
from conformance.arithmetic.dtype import DTYPES
from conformance.errors import UsageError
from conformance.golden.collection import named
from conformance.judging.choice import Choice
from conformance.judging.opening import open_session
from conformance.remote.link import Limits, Link, Start, WorkerDied
from conformance.remote.manifest import PROGRAM
from conformance.remote.proxy import RemoteAdapter
from conformance.remote.raised import Raised, rebuilt
from conformance.running.judge import Judge
from conformance.storage.content import PACKAGE
from conformance.subjects import smoke
from conformance.subjects.subject import Call
from conformance.worker import __main__ as program
from conformance.worker.wire import Channel, WireError, packed, unpacked
from fuzz import answers
from tests.command import ROOT, checks, conformance

FOLDER = ROOT / "adapters" / "numpy"
COMMAND = (sys.executable, str(PROGRAM))
PROTOCOL = (ROOT / "adapters" / "PROTOCOL.md").read_text(encoding="utf-8")
BODY = "{**HELLO['implementations'][0], "
SPEAKS = """
import json, sys
HELLO = {"name": "odd", "packages": ["odd"], "versions": {"odd": "1"}, "devices": ["cpu"], "modes": ["eager"],
         "quantities": ["loss"], "layouts": ["contiguous"], "dtypes": ["float32"],
         "implementations": [{"name": "f", "target": "f", "parameters": ["logits", "labels"]}]}
def say(head, data=b"", lengths=None):
    line = json.dumps({**head, "lengths": [len(data)] if lengths is None else lengths})
    sys.stdout.buffer.write(line.encode() + b"\\n" + data)
    sys.stdout.buffer.flush()
def hear():
    head = json.loads(sys.stdin.buffer.readline())
    sys.stdin.buffer.read(sum(head["lengths"]))
    return head
"""


@pytest.fixture
def numpy() -> RemoteAdapter:
    """The adapter of NumPy, in a worker."""
    link = Link(Start("numpy", FOLDER, COMMAND))
    yield RemoteAdapter(link, link.hello())
    link.close()


def odd(folder: Path, after: str) -> RemoteAdapter:
    """A worker that says hello as it should, and then runs ``after``."""
    (folder / "worker.py").write_text(f"{SPEAKS}hear(); say({{'hello': HELLO}}, lengths=[])\n{after}\n")
    link = Link(Start("odd", folder, (sys.executable, str(folder / "worker.py"))))
    return RemoteAdapter(link, link.hello())


@given(
    dtype=st.sampled_from(["<f8", "<f4", "<f2", "bfloat16", "<i4", "|b1", "<c8", "<U3"]),
    shape=st.lists(st.integers(0, 4), max_size=3),
)
def test_arrays_travel_to_the_bit(dtype: str, shape: list[int]) -> None:
    """Of every dtype and shape, empty ones and scalars too."""
    kind = np.dtype(BFLOAT16 if dtype == "bfloat16" else dtype)
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(kind)
    facts, data = packed(array, BFLOAT16)
    back = unpacked(json.loads(json.dumps(facts)), bytearray(data.tobytes()), BFLOAT16)

    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert back.tobytes() == array.tobytes()


@settings(max_examples=300)
@given(st.binary(max_size=60) | st.builds(lambda each: json.dumps(each).encode() + b"\n", st.dictionaries(
    st.sampled_from(["lengths", "array", "results"]),
    st.none() | st.integers() | st.lists(st.integers(-3, 40) | st.none() | st.text(max_size=3), max_size=3),
)))  # fmt: skip
def test_whatever_comes_is_a_message_or_none(data: bytes) -> None:
    """And never another error."""
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    channel = Channel(reading, os.dup(1))
    try:
        head, parts = channel.receive()
        assert isinstance(head, dict)
        assert all(isinstance(each, bytearray) for each in parts)
    except (EOFError, WireError):
        pass
    finally:
        channel.close()


@pytest.mark.parametrize("facts", [
    {}, {"dtype": "O", "shape": [1]}, {"dtype": "<f4", "shape": [3]}, {"dtype": "<f4", "shape": "2"},
    {"dtype": 3, "shape": [2]},
    {"dtype": "<f4", "shape": [-1, -1]}, {"dtype": "V8", "shape": [1]}, {"dtype": "nonsense", "shape": [1]},
    {"dtype": [["a", "<f4"]], "shape": [2]}, {"dtype": "<f4", "shape": [2.0]},
])  # fmt: skip
def test_facts_that_do_not_fit_the_bytes_are_no_array(facts: dict) -> None:
    """Nor is an array of objects."""
    with pytest.raises(WireError):
        unpacked(facts, bytearray(8), BFLOAT16)


@pytest.mark.parametrize(("after", "told"), [
    ("hear(); say({'results': []}, lengths=[])", "0 results"),
    ("hear(); say({'results': [{}]}, lengths=[])", "to 'run' came"),
    ("hear(); say({'results': 3}, lengths=[])", "to 'run' came"),
    ("hear(); say({'error': {}}, lengths=[])", "an error without words"),
    ("hear(); say({'error': {'classes': [], 'text': '', 'raised_in': ''}}, lengths=[])", "an error without words"),
    ("hear(); say({}, lengths=['x'])", "lengths of"),
    ("hear(); say({}, lengths=[-1])", "lengths of"),
    ("hear(); say({}, lengths=[1 << 60])", "lengths of"),
    ("hear(); print('hello', flush=True)", "it is not JSON"),
    ("hear(); print('[' * 100000, flush=True)", "it is not JSON"),
    ("hear(); print('3', flush=True)", "it is no JSON object"),
    ("hear(); sys.exit(3)", "the process ended itself with status 3"),
    ("hear(); import os; os.abort()", "SIGABRT"),
    ("hear(); say({'results': [{'id': -1, 'device': 'cpu'}]}, lengths=[8])", "ended itself with status 0"),
    ("import time; time.sleep(60)", "no result within"),
    ("import os; os.fork() or (time := __import__('time')).sleep(60); sys.exit(4)", "ended itself with status 4"),
])  # fmt: skip
def test_a_worker_that_answers_anything_is_ended_in_one_line(tmp_path: Path, after: str, told: str) -> None:
    """A message cut short, another language, silence, death, and a fork that holds the pipe."""
    adapter = odd(tmp_path, f"hear(); say({{}}, lengths=[])\n{after}")
    operands = {name: adapter.place(np.ones(2, np.float32), "cpu") for name in ("logits", "labels")}
    run = adapter.program(Request(adapter.implementations()[0], "eager"))
    adapter.link.begin(2.0)

    with pytest.raises(WorkerDied, match=re.escape(told)):
        run(operands)


@settings(max_examples=100)
@given(seed=st.integers(0, 1), number=st.integers(0, 2**32), noise=st.binary(max_size=8))
def test_whatever_a_worker_says_is_used_or_refused(seed: int, number: int, noise: bytes) -> None:
    """``put`` raises anything else: a framework's error, one clear line, or the death of the worker."""
    said = answers.mutated(answers.seeds()[seed], random.Random(number))
    place = 1 + number % len(said)

    assert answers.put(said)
    assert answers.put(said[:place] + noise + said[place + len(noise) // 2 :])


def test_what_a_right_worker_says_is_used() -> None:
    """The input that all the others are made of is no nonsense itself."""
    assert [answers.put(each) for each in answers.seeds()] == ["accepted"] * 4


@pytest.mark.parametrize(("changed", "told"), [
    ("{'hello': {}}", "'name' is a required property"),
    ("{'hello': {**HELLO, 'modes': []}}", "[] should be non-empty"),
    ("{'hello': {**HELLO, 'devices': ['tpu']}}", "'tpu' is not one of"),
    ("{'hello': {**HELLO, 'dtypes': 'float32'}}", "'float32' is not of type 'array'"),
    ("{'hello': {**HELLO, 'implementations': [{}]}}", "'name' is a required property"),
    (f"{{'hello': {{**HELLO, 'implementations': [{BODY}'role': 'judge'}}]}}}}", "'judge' is not one of"),
    (
        f"{{'hello': {{**HELLO, 'implementations': [{BODY}'clamp': {{'kind': 'logarithm', 'value': '7'}}}}]}}}}",
        "a clamp of the logarithm at 7 is none",
    ),
    ("{'fault': 'no such thing'}", "no such thing"),
    ("{}", "does not say hello"),
])  # fmt: skip
def test_a_hello_that_cannot_be_used_is_refused_in_one_line(tmp_path: Path, changed: str, told: str) -> None:
    """Which adapter, and what is wrong."""
    (tmp_path / "worker.py").write_text(f"{SPEAKS}hear(); say({changed}, lengths=[])\nhear()\n")
    link = Link(Start("odd", tmp_path, (sys.executable, str(tmp_path / "worker.py"))))
    with pytest.raises(UsageError) as caught:
        RemoteAdapter(link, link.hello())
    link.close()

    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("text", "told"), [
    ("raise SystemExit(0)", "ended itself with status 0"),
    ("import sys; sys.stderr.write('no such library\\n'); sys.exit(1)", "no such library"),
])  # fmt: skip
def test_a_program_that_does_not_start_says_its_last_line(tmp_path: Path, text: str, told: str) -> None:
    """Of its standard error."""
    (tmp_path / "worker.py").write_text(text)
    with pytest.raises(UsageError, match=re.escape(told)):
        Link(Start("odd", tmp_path, (sys.executable, str(tmp_path / "worker.py")))).hello()
    with pytest.raises(UsageError, match="No such file"):
        Link(Start("odd", tmp_path, (str(tmp_path / "nowhere"),))).hello()


def test_a_worker_that_does_not_read_is_late(tmp_path: Path) -> None:
    """However much it is asked."""
    adapter = odd(tmp_path, "import time; time.sleep(60)")
    adapter.link.begin(1.0)
    with pytest.raises(WorkerDied, match="no result within 1 s"):
        adapter.fetch(adapter.place(np.ones(1 << 20), "cpu"))


def test_errors_come_over_with_what_checks_ask_of_them(numpy: RemoteAdapter) -> None:
    """Their class, their words and the module that raised them; NotOffered as itself."""
    known = {each.name: each for each in numpy.implementations()}
    operands = {
        "logits": numpy.place(np.ones(2, np.float32), "cpu"),
        "labels": numpy.place(np.ones(3, np.float32), "cpu"),
    }
    with pytest.raises(ValueError, match="must have the same shape") as caught:
        numpy.program(Request(known["exact"], "eager"))(operands)
    assert isinstance(caught.value, Raised)
    assert caught.value.raised_in == "_conformance_adapter_numpy"
    with pytest.raises(NotOffered):
        numpy.program(Request(known["xlogy composition"], "eager", "curvature"))(
            {"probabilities": operands["logits"], **operands}
        )
    error = rebuilt(
        {"classes": [["torch", "Out of Memory"], ["builtins", "RuntimeError"]], "text": "x", "raised_in": "a.b"}
    )
    assert isinstance(error, RuntimeError)
    assert (type(error).__module__, type(error).__name__, str(error)) == ("torch", "OutofMemory", "x")


def test_a_tensor_of_an_earlier_process_is_gone(numpy: RemoteAdapter) -> None:
    """What comes after a death is no result of what came before."""
    tensor = numpy.place(np.ones(2, np.float32), "cpu")
    assert numpy.fetch(tensor).tolist() == [1, 1]
    numpy.link.close()
    with pytest.raises(WorkerDied, match="begun anew"):
        numpy.fetch(tensor)
    assert numpy.fetch(numpy.place(np.zeros(1, np.float32), "cpu")).tolist() == [0]


def test_the_judging_side_is_not_where_implementations_run(tmp_path: Path) -> None:
    """It cannot be imported there, and what a candidate prints is no answer."""
    (tmp_path / "spy.py").write_text(
        "import sys\nimport numpy as np\nprint('{}')\nsys.stdout.flush()\n"
        "found = []\n"
        "for name in ('case', 'ulp', 'judge', 'recorder', 'verdict', 'session', 'proof', 'exact'):\n"
        "    try:\n        __import__(f'conformance.{name}')\n        found.append(name)\n"
        "    except ModuleNotFoundError:\n        pass\n"
        "def f(logits, labels):\n"
        "    assert not found, found\n"
        "    assert not {'pytest', 'hypothesis', 'flint', 'conformance.golden.case'} & set(sys.modules)\n"
        "    x, z = logits.astype(np.float64), labels.astype(np.float64)\n"
        "    return (np.abs(x) * np.where(x > 0, 1 - z, z) + np.log1p(np.exp(-np.abs(x)))).astype(logits.dtype)\n"
    )
    choice = ("--dtype", "float32", "--clause", "V2", "--case", "values/*", "--out", "out")
    result = conformance("run", "--adapter", "numpy", "--implementation", "spy.py:f", *choice, cwd=tmp_path)

    assert result.returncode == 0, result.stdout + result.stderr
    assert {each["outcome"] for each in checks(tmp_path / "out")} == {"conforms"}


def test_no_framework_is_imported_where_it_is_judged(tmp_path: Path) -> None:
    """Of a whole run, in the only process of pytest's."""
    code = (
        "import sys\nfrom conformance.__main__ import main\n"
        "choice = ['--dtype', 'float32', '--clause', 'V2', '--mode', 'eager', '--out', 'out']\n"
        "code = main(['run', '--adapter', 'pytorch', *choice])\n"
        "assert not {'torch', 'jax', 'tensorflow', '_conformance_adapter_pytorch'} & set(sys.modules)\nsys.exit(code)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
        capture_output=True, text=True,
    )  # fmt: skip

    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_a_worker_imports_what_its_list_says_and_no_newer_syntax() -> None:
    """Python 3.9 reads it, and nothing but Python, NumPy and the list is imported."""
    allowed = {*sys.stdlib_module_names, "numpy", "ml_dtypes", "conformance"}
    for name, place in program._MODULES.items():
        tree = ast.parse((PACKAGE / place).read_text(encoding="utf-8"), feature_version=(3, 9))
        for node in ast.walk(tree):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{each.name}" for each in node.names if node.module == "conformance.worker"]
                names = names or [str(node.module)]
            for each in names:
                assert each.partition(".")[0] in allowed, (name, each)
                assert not each.startswith("conformance") or each in program._MODULES, (name, each)
    for path in (*(ROOT / "adapters").glob("*/adapter.py"), PACKAGE / "worker" / "__main__.py"):
        ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))


def test_adapters_name_the_dtypes_that_are_judged() -> None:
    """In the order of the page."""
    assert tuple(DTYPES) == adapter.DTYPES


def test_the_protocol_is_what_is_spoken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request of a run, and every key of it, stands in PROTOCOL.md."""
    seen: dict[str, set[str]] = {}
    send = Channel.send

    def recorded(self: Channel, head: dict, parts: tuple = ()) -> None:
        seen.setdefault(head["do"], set()).update(head)
        send(self, head, parts)

    monkeypatch.setattr(Channel, "send", recorded)
    session = open_session(Choice(("numpy",), ("exact",), ("cpu",), ("float32",)), Limits())
    (runner,) = session.runners
    for clause, case in (("V4", "values/infinite-beside-finite"), ("C1", "configurations/everyday")):
        Judge(session).hear(runner, clause, named(case))
    session.close()

    assert {"hello", "program", "run", "fetch", "ask"} <= set(seen)
    for do, keys in seen.items():
        assert f"`{do}`" in PROTOCOL
        for key in keys - {"do"}:
            assert f"`{key}`" in PROTOCOL or f'"{key}"' in PROTOCOL, (do, key)


def test_what_was_brought_along_is_judged_once(tmp_path: Path) -> None:
    """Two of them, and the adapter's own beside them, each in its worker."""
    (tmp_path / "mine.py").write_text(
        "def f(logits, labels):\n    return logits\n\ndef g(logits, labels):\n    return labels\n"
    )
    mine = [f"{tmp_path / 'mine.py'}:{name}" for name in "fg"]
    for names in (mine[:1], mine, [*mine, "exact"]):
        session = open_session(Choice(("numpy",), tuple(names), (), ("float32",)), Limits())
        assert sorted(each.subject.implementation for each in session.runners) == sorted(names)
        assert len(session.links) == len(names)
        session.close()


@pytest.mark.parametrize("framework", ["jax", "pytorch", "tensorflow"])
def test_every_mode_of_a_framework_is_sound_in_a_worker(framework: str) -> None:
    """Whatever its results are: the smoke check, in all that do not compile C++."""
    session = open_session(Choice((framework,)), Limits())
    adapter = session.adapters[framework]
    smoke.check(
        framework, adapter, ("cpu",), [mode for mode in adapter.modes if (framework, mode) != ("pytorch", "compiled")]
    )
    session.close()


@pytest.mark.parametrize("framework", ["jax", "numpy", "pytorch", "tensorflow"])
def test_a_result_without_axes_comes_over(framework: str) -> None:
    """As an array, whatever the framework makes of it."""
    session = open_session(Choice((framework,)), Limits())
    runner = next(each for each in session.on_logits if "mean" in each.implementation.reductions)
    operands = {"logits": np.zeros((2, 2)), "labels": np.ones((2, 2))}
    got = runner.run(Call({name: each.astype(runner.dtype.numpy) for name, each in operands.items()}, "mean"))
    session.close()

    assert (type(got), got.shape) == (np.ndarray, ())
    assert float(got) == pytest.approx(np.log(2), rel=1e-2)
