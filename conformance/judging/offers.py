"""What a case needs and an implementation does not offer."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.adapter import NotOffered
from conformance.golden.case import Case
from conformance.subjects.subject import Runner


def applicable(case: Case, runner: Runner) -> str:
    """Why the implementation does not offer what the case needs; '' if it does."""
    return next(_obstacles(case, runner), "")


def _obstacles(case: Case, runner: Runner) -> Iterator[str]:
    implementation = runner.implementation
    if implementation.devices and runner.subject.device not in implementation.devices:
        yield f"it runs on {' and '.join(implementation.devices)} only"
    if implementation.labels == "hard" and not case.drawn and not case.hard_labels:
        yield "its labels must be 0 or 1"
    for name in ("weight", "pos_weight"):
        if name in case.texts and not implementation.offers(name):
            yield f"it has no {name}"
    if implementation.same_rank_weights and "weight" in case.texts:
        rank = case.texts["weight"].ndim
        if rank not in (0, len(case.shape)):
            yield f"its documentation asks for weights of rank 0 or {len(case.shape)}, not {rank}"
    if case.label_smoothing != "0" and not implementation.offers("label_smoothing"):
        yield "it has no label smoothing"
    if case.ignore_index is not None and not implementation.offers("ignore_index"):
        yield "it has no ignore_index"
    if case.layout not in runner.adapter.layouts:
        yield f"the framework has no {case.layout} tensors"


def require_reduction(runner: Runner, reduction: str) -> None:
    """Raise NotOffered unless the implementation has the reduction."""
    if reduction not in runner.implementation.reductions:
        raise NotOffered(f"it has no reduction '{reduction}'")
