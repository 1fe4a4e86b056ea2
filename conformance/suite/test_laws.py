"""L: laws that need no oracle. Hypothesis draws the inputs (conformance/judging/draw.py)."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from conformance import operator
from conformance.adapter import Array, NotOffered
from conformance.arithmetic.exact import Exact, Floats
from conformance.arithmetic.number import float_text
from conformance.arithmetic.ulp import measure, unit
from conformance.golden import grid
from conformance.judging.ambient import effect
from conformance.judging.docket import Docket, Hearing
from conformance.judging.draw import drawn
from conformance.judging.examination import Examination
from conformance.judging.twin import same_bits, twin_of
from conformance.spec.bounds import GRADIENT_MUST
from conformance.spec.clauses import bound
from conformance.spec.outcome import Conforms, Deviates, Outcome, Worst
from conformance.spec.verdict import Judged, both, named, within
from conformance.subjects import lengths
from conformance.subjects.subject import Call, Runner, bits, native

Mask = npt.NDArray[np.bool_]
POSITION_BASE = 61  # elements of the pattern whose copies must agree: a prime, so that every lane meets every element
LADDER = 31


def symmetry(examination: Examination) -> Outcome:
    x, z = _drawn(examination)
    one, other = _both(examination, x, z), _both(examination, -x, 1 - z)
    for quantity in one:
        left, right = one[quantity], other[quantity] * (1 if quantity == "loss" else -1)
        larger = np.maximum(np.abs(left), np.abs(right))
        ulps = _ulps(_apart(left, right), larger, examination)
        if (bad := _differs(ulps, larger, examination, "L1")).any():
            index = _furthest(ulps, bad)
            lost = min(abs(left[index]), abs(right[index])) < larger[index] / 2
            signature = "nan" if np.isnan(larger[index]) else "lost-tail" if lost else "lost-bits"
            shown = f"the {quantity} is {left[index]:.9g}, its mirror image's {right[index]:.9g}"
            worst = _worst(index, x, z, left, right, ulps)
            return Deviates(signature, shown, {"failing": int(bad.sum())}, worst)
    return Conforms({"elements": len(x)})


def monotone(examination: Examination) -> Outcome:
    x = np.sort(_drawn(examination)[0])
    for label in (0.0, 1.0):
        z = np.full_like(x, label)
        sign = 1 - 2 * label
        loss = _losses(examination, x, z)[:: int(sign)]
        scale = np.maximum(np.abs(x), operator.loss(x, z))[:: int(sign)]
        if (outcome := _never_falls(examination, loss, scale, x[:: int(sign)], z)) is not None:
            return outcome
    return Conforms({"elements": len(x)})


def convex(examination: Examination) -> Outcome:
    order = np.argsort(_drawn(examination)[0], kind="stable")
    x = _drawn(examination)[0][order]
    for label in (0.0, 0.5, 1.0) if examination.runner.implementation.labels == "soft" else (0.0, 1.0):
        z = np.full_like(x, label)
        result = _both(examination, x, z)
        if "gradient" not in result:
            raise NotOffered("the adapter does not differentiate")
        if (outcome := _never_falls(examination, result["gradient"], _scale("gradient", x, z), x, z)) is not None:
            return outcome
    return Conforms({"elements": len(x)})


def repeatable(examination: Examination) -> Outcome:
    x, z = _labels(examination)
    call = _shared(examination, x, z)
    first = examination.run_both(call)
    # Another call between the two: what a call leaves behind must not show.
    examination.run_both(_shared(examination, -x, z))
    second = examination.run_both(call)
    for quantity in first:
        if differing := int((bits(first[quantity]) != bits(second[quantity])).sum()):
            return Deviates("differs", f"{differing} elements of the {quantity} differ the second time")
    return Conforms({"elements": len(x)})


def independent_of_position(examination: Examination) -> Outcome:
    x, z = (column[:POSITION_BASE].copy() for column in _labels(examination))
    # Beside what was drawn, a ladder through 0 with label 1, where a last bit that differs is not rounded away.
    x[:LADDER], z[:LADDER] = np.linspace(-8, 8, LADDER), 1.0
    reference: dict[str, Array] = {}
    tried = lengths.around_powers(examination.runner)
    for turn, length in enumerate(tried):
        owner = _owners(turn, length)
        got = examination.run_both(_call(examination, x[owner], z[owner]))
        for quantity, values in got.items():
            found = bits(values)
            if quantity not in reference:
                reference[quantity] = found[np.argsort(owner[:POSITION_BASE])]
            differing = np.flatnonzero(found != reference[quantity][owner])
            if differing.size:
                index = int(differing[0])
                detail = (
                    f"the {quantity} of logit {x[owner[index]]:.9g}, label {z[owner[index]]:g} at place {index} of "
                    f"{length} has other bits than in a tensor of {tried[0]}"
                )
                return Deviates("depends-on-position", detail, {"length": length, "place": index})
    return Conforms({"lengths": len(tried)})


def inputs_unchanged(examination: Examination) -> Outcome:
    x, z = _labels(examination)
    call = examination.with_cotangent(_shared(examination, x, z))
    after = examination.runner.run_and_look(call)
    for name, array in call.operands.items():
        if changed := int((bits(array) != bits(after[name])).sum()):
            return Deviates("changed-input", f"{changed} elements of the {name} changed")
    return Conforms({"elements": len(x)})


def modes_agree(examination: Examination) -> Outcome:
    """Each mode, the first one too, against the exact value of what was drawn: so one that is right is not accused."""
    return both(_against_exact(examination))


def _against_exact(examination: Examination) -> Iterator[Judged]:
    x, z = _labels(examination)
    exact = exact_pairs(x.tobytes(), z.tobytes())
    limits = {"loss": bound("L7"), "gradient": GRADIENT_MUST}
    for quantity, got in _both(examination, x, z).items():
        errors = measure(got, exact[quantity], _scale(quantity, x, z), examination.dtype)
        yield named(quantity, within(errors, limits[quantity], (x, z)))


def same_as_function(examination: Examination) -> Outcome:
    """Whatever the function gives, right or wrong, with every operand and reduction that both have."""
    twin = twin_of(examination)
    return same_bits(examination, twin, _offered_calls(examination, twin))


def ambient_switches(examination: Examination) -> Outcome:
    """In the framework's first mode: what each switch did is recorded, and what it did silently deviates."""
    runner, session = examination.runner, examination.session
    switches = runner.adapter.ambient()
    if not switches or runner.subject.mode != runner.adapter.modes[0]:
        raise NotOffered("the switches are tried in the first mode" if switches else "no ambient switch is declared")
    dtypes = examination.case.dtypes
    plain = session.readings.of(runner, "", dtypes)
    effects = {
        name: effect(plain, session.readings.of(runner, name, dtypes), switch, runner.dtype)
        for name, switch in switches.items()
    }
    silent = [f"{name}: {why}" for name, (_, why) in effects.items() if why]
    if silent:
        return Deviates("differs", "; ".join(silent))
    return Conforms({name: word for name, (word, _) in effects.items()})


def _offered_calls(examination: Examination, twin: Runner) -> Iterator[Call]:
    x, z = _labels(examination)
    plain = _shared(examination, x, z)
    offers = examination.runner.implementation.offers
    names = [name for name in ("weight", "pos_weight") if offers(name) and twin.implementation.offers(name)]
    factor = native(1 + np.arange(len(plain.operands["logits"])) % 7 / 4, examination.dtype)
    for given in ((), *((name,) for name in names)):
        for reduction in examination.runner.implementation.reductions:
            operands = {**plain.operands, **dict.fromkeys(given, factor)}
            yield examination.with_cotangent(dataclasses.replace(plain, operands=operands, reduction=reduction))


@functools.cache
def exact_pairs(logits: bytes, labels: bytes) -> dict[str, Exact]:
    """The exact losses and gradients of drawn logits and labels, given as the bytes of float64 arrays of one length."""
    return grid.exact_pairs(np.frombuffer(logits), np.frombuffer(labels))


def _scale(quantity: str, x: Floats, z: Floats) -> Floats:
    ones = np.ones_like(x)
    return operator.largest_term(quantity, x, z, ones, ones, ones)


def _drawn(examination: Examination) -> tuple[Floats, Floats]:
    law = examination.case.law
    if law is None:
        raise ValueError(f"{examination.case.id} is not a law")
    return drawn(law, examination.dtype, examination.session.choice.seed)


def _labels(examination: Examination) -> tuple[Floats, Floats]:
    """What was drawn, with hard labels for an implementation that takes no others."""
    x, z = _drawn(examination)
    return (x, z) if examination.runner.implementation.labels == "soft" else (x, np.round(z))


def _call(examination: Examination, x: Floats, z: Floats) -> Call:
    return Call({"logits": native(x, examination.dtype), "labels": native(z, examination.dtype)})


def _shared(examination: Examination, x: Floats, z: Floats) -> Call:
    return lengths.stretched(_call(examination, x, z), examination.runner)


def _both(examination: Examination, x: Floats, z: Floats) -> dict[str, Floats]:
    results = examination.run_both(_shared(examination, x, z))
    return {name: lengths.cut(got, len(x)).astype(np.float64) for name, got in results.items()}


def _losses(examination: Examination, x: Floats, z: Floats) -> Floats:
    return _both(examination, x, z)["loss"]


def _apart(left: Floats, right: Floats) -> Floats:
    """The difference; the same infinity, or NaN, on both sides is none."""
    same = (left == right) | (np.isnan(left) & np.isnan(right))
    with np.errstate(invalid="ignore"):
        return np.where(same, 0.0, left - right)


def _differs(ulps: Floats, larger: Floats, examination: Examination, clause: str) -> Mask:
    """Beyond the clause's bound, NaN included. Below the normal range a device may flush one side: V6's matter."""
    return ~(larger < examination.dtype.smallest_normal) & ~(ulps <= bound(clause).ulps)


def _furthest(ulps: Floats, bad: Mask) -> int:
    return int(np.argmax(np.where(bad, np.nan_to_num(ulps, nan=0.0, posinf=1e300), -1)))


def _ulps(difference: Floats, magnitude: Floats, examination: Examination) -> Floats:
    _, exponent = np.frexp(magnitude)
    steps = unit(exponent.astype(np.int64) - 1, examination.dtype)
    with np.errstate(over="ignore"):
        return np.abs(np.ldexp(difference, -steps.astype(np.int32)))


def _never_falls(examination: Examination, values: Floats, scale: Floats, x: Floats, z: Floats) -> Outcome | None:
    if not np.isfinite(values).all():
        index = int(np.flatnonzero(~np.isfinite(values))[0])
        return Deviates("nan" if np.isnan(values[index]) else "overflow", f"{values[index]} at logit {x[index]:.9g}")
    highest = np.maximum.accumulate(values)
    ulps = _ulps(highest - values, scale, examination)
    if (ulps <= bound("L2").ulps).all():
        return None
    index = int(np.argmax(ulps))
    detail = f"{values[index]:.9g} at logit {x[index]:.9g}, label {z[index]:g}, after {highest[index]:.9g} before it"
    return Deviates("wrong-value", detail, {}, _worst(index, x, z, values, highest, ulps))


def _worst(index: int, x: Floats, z: Floats, got: Floats, expected: Floats, ulps: Floats) -> Worst:
    texts = (float_text(float(column[index])) for column in (x, z, got, expected))
    logit, label, shown, exact = texts
    return Worst(index, logit, label, shown, exact, float(ulps[index]), float(ulps[index]))


def _owners(turn: int, length: int) -> npt.NDArray[np.int64]:
    """Which element is at each place: another stride for each length gives it other places and other neighbours."""
    return (np.arange(length) * (1 + turn) + 7 * turn) % POSITION_BASE


CHECKS = {
    "L1": symmetry,
    "L2": monotone,
    "L3": convex,
    "L4": repeatable,
    "L5": independent_of_position,
    "L6": inputs_unchanged,
    "L7": modes_agree,
    "L8": same_as_function,
    "L9": ambient_switches,
}


def test_laws(docket: Docket, judge: Hearing) -> None:
    docket.hear(CHECKS, judge)
