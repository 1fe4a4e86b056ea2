"""The call of a cause as a script that shows it with the framework alone, where one can be written."""

from __future__ import annotations

from conformance.adapter import NotOffered
from conformance.configurations.causes import Cause
from conformance.configurations.factors import DEFAULTS
from conformance.configurations.plan import plan
from conformance.configurations.trial import Trial
from conformance.subjects.reproducer import script

_PLAIN = ("history", "beyond")  # a script is one call


def script_of(cause: Cause, trial: Trial) -> str:
    """The script; '' where strides, histories or several derivatives would have to be written out."""
    row = {**DEFAULTS, **dict(cause.factors)}
    if any(row[name] != DEFAULTS[name] for name in row if name in _PLAIN or name.endswith("layout")):
        return ""
    made = plan(row, cause.origin, trial.runner, trial.seed, trial.able)
    runner = trial.runner
    wrt = cause.finding.what.removeprefix("gradient ")
    if wrt not in ("loss", *made.along):
        return ""
    operands = {name: each.array for name, each in made.operands.items()}
    if wrt != "loss":
        operands["cotangent"] = made.cotangent.array
    request = trial.request(made, "loss") if wrt == "loss" else trial.request(made, "gradient", wrt=wrt)
    try:
        return script(runner.adapter, request, operands, runner.subject.device, cause.finding.worst)
    except NotOffered:
        return ""
