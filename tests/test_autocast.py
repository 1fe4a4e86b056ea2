"""Mixed precision: logits in half, all else in float32, inside torch.autocast; and the dtype of what comes of it."""

from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
import pytest
import torch

from conformance.__main__ import main
from conformance.adapter import Implementation, NotOffered, Request
from conformance.arithmetic.dtype import DTYPES
from conformance.judging.choice import Choice
from conformance.judging.opening import open_session
from conformance.subjects.reproducer import script
from conformance.subjects.subject import Call, Runner, bits, native

X, Z = np.array([0.5, -3.0, 30.0, -7.0]), np.array([1.0, 0.0, 1.0, 0.25])
HALVES = {"float16": torch.float16, "bfloat16": torch.bfloat16}
OPERATOR = "binary_cross_entropy_with_logits"


def opened(mode: str, dtype: str, implementation: str = OPERATOR) -> Runner:
    """A subject of the PyTorch adapter."""
    return open_session(Choice(("pytorch",), (implementation,), ("cpu",), (dtype,), (mode,))).runners[0]


def test_only_the_half_dtypes_have_such_subjects() -> None:
    """All four dtypes have the other modes."""
    subjects = [each.subject for each in open_session(Choice(("pytorch",), (OPERATOR,), ("cpu",))).runners]
    found = {mode: {each.dtype for each in subjects if each.mode == mode} for mode in ("autocast", "eager")}

    assert found == {"autocast": {"float16", "bfloat16"}, "eager": set(DTYPES)}


@pytest.mark.parametrize("dtype", HALVES)
def test_the_loss_is_that_of_float32_and_the_gradient_comes_back_in_half(dtype: str) -> None:
    """Bit for bit: widening the logits is exact."""
    operands = {"logits": native(X, DTYPES[dtype]), "labels": native(Z, DTYPES[dtype])}
    operands["cotangent"] = native(np.ones(4), DTYPES[dtype])
    half, wide = Call(operands), Call({name: each.astype(np.float32) for name, each in operands.items()})
    loss, gradient = opened("autocast", dtype).run_both(half)
    expected, slope = opened("eager", "float32").run_both(wide)

    assert (loss.dtype.name, gradient.dtype.name) == ("float32", dtype)
    assert (bits(loss) == bits(expected)).all()
    assert (bits(gradient) == bits(slope.astype(gradient.dtype))).all()


def test_labels_and_weights_are_in_float32_and_integers_stay_what_they_are() -> None:
    """As a model under autocast has them; the ambient dtype is that of the logits."""
    seen = {}

    def function(logits, labels, *, weight=None):
        seen.update(logits=logits.dtype, labels=labels.dtype, weight=weight.dtype)
        seen["ambient"] = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else None
        return logits * labels * weight

    runner = opened("autocast", "float16")
    program = runner.adapter.program(Request(Implementation("f", "f", function), "autocast"))
    logits, labels, weight = torch.ones(2, dtype=torch.float16), torch.ones(2, dtype=torch.float16), torch.ones(2)
    program({"logits": logits, "labels": labels, "weight": weight.half()})
    wide = {"logits": torch.float16, "labels": torch.float32, "weight": torch.float32, "ambient": torch.float16}
    assert seen == wide
    program({"logits": logits, "labels": labels.int(), "weight": weight})
    assert seen == wide | {"labels": torch.int32}
    assert not torch.is_autocast_enabled("cpu")
    for dtype in (torch.float32, torch.float64):
        with pytest.raises(NotOffered, match="autocast leaves as it is"):
            program({"logits": logits.to(dtype), "labels": labels, "weight": weight})


@pytest.mark.parametrize("quantity", ["loss", "gradient", "curvature"])
def test_a_reproducer_runs_under_autocast(quantity: str) -> None:
    """And prints what the subject returns."""
    runner = opened("autocast", "bfloat16")
    half = DTYPES["bfloat16"]
    operands = {"logits": native(X[:1], half), "labels": native(Z[:1], half)}
    if quantity == "gradient":
        operands["cotangent"] = native(np.ones(1), half)
    call = Call(operands)
    text = script(runner.adapter, runner.request(call, quantity), call.operands, "cpu", None)
    printed = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout

    got = float(runner.run(call, quantity)[0])
    assert f"{got:.4f}" in printed
    assert ("dtype=torch.bfloat16" in printed) == (quantity != "loss")


def test_a_sweep_of_mixed_precision_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Its results are not of the dtype that is swept."""
    options = ("--adapter", "pytorch", "--implementation", OPERATOR, "--mode", "autocast", "--dtype", "float16")

    assert main(["sweep", *options, "--out", "nowhere"]) == 2
    message = capsys.readouterr().err.strip()
    assert "a sweep counts results in the dtype of the logits" in message
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_a_keras_policy_changes_no_bit_of_a_loss(policy: str) -> None:
    """So the TensorFlow adapter has no such mode: losses are computed in floatx, or in the dtype that they are told."""
    tf = pytest.importorskip("tensorflow")
    logits, labels = tf.constant(X[:, None], tf.float16), tf.constant(Z[:, None], tf.float32)

    def computed() -> list[bytes]:
        results = []
        for dtype, smoothing in itertools.product((None, "float16", "bfloat16"), (0.0, 0.1)):
            loss = tf.keras.losses.BinaryCrossentropy(True, smoothing, reduction="none", dtype=dtype)
            with tf.GradientTape() as tape:
                tape.watch(logits)
                value = loss(labels, logits)
            results += [each.numpy().tobytes() for each in (value, tape.gradient(value, logits))]
        return [*results, tf.keras.losses.binary_crossentropy(labels, logits, from_logits=True).numpy().tobytes()]

    plain = computed()
    before = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy(policy)
    try:
        assert computed() == plain
    finally:
        tf.keras.mixed_precision.set_global_policy(before)
