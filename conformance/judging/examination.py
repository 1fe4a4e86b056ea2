"""One case put to one subject of a session: what its checks ask of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from conformance.adapter import Array, NotOffered
from conformance.arithmetic.ulp import Errors
from conformance.golden.case import Case
from conformance.judging.exercise import DIFFERENTIATED, Exercise
from conformance.judging.session import Session
from conformance.spec.outcome import Worst
from conformance.subjects import refusal
from conformance.subjects.shape import WrongShape
from conformance.subjects.subject import Call, native

T = TypeVar("T")


@dataclass(eq=False)
class Examination(Exercise):
    """A runner, a case, and the session with its shared tensors and its other runners."""

    session: Session

    def run_or_refusal(self, call: Call) -> Array | str:
        """The loss, or the name of the error that refuses the call. Raises NotOffered, and what is no refusal."""
        try:
            return self.run(call)
        except (NotOffered, WrongShape):
            raise
        except Exception as error:
            if not refusal.is_refusal(error, self.runner.adapter.packages):
                raise
            return type(error).__name__

    def tangent(self, operand: str) -> Array:
        """Forward mode along an operand, with a tangent of ones. Raises NotOffered where there is none."""
        return self.derived(lambda: self.runner.run(self.call(), "tangent", operand), operand)

    def derived(self, compute: Callable[[], T], operand: str) -> T:
        """What ``compute`` gives. Raises NotOffered, in the framework's words, where the operand has no derivative.

        Raises Disconnected where the result silently does not depend on it.
        """
        try:
            return compute()
        except NotOffered:
            raise
        except Exception as error:
            if refusal.is_disconnected(error):
                raise Disconnected(f"{operand} is taken for a constant: {refusal.told(error)}") from error
            if refusal.has_no_derivative(error, self.runner.adapter.packages):
                raise NotOffered(f"no derivative with respect to {operand}: {refusal.told(error)}") from error
            raise

    def run_both(self, call: Call) -> dict[str, Array]:
        """Loss and gradient from one program; the loss alone where the adapter does not differentiate."""
        try:
            loss, gradient = self.runner.run_both(self.with_cotangent(call))
        except NotOffered:
            return {"loss": self.runner.run(call)}
        return {"loss": loss, "gradient": gradient}

    def errors(self, quantity: str = "loss", golden: str = "") -> Errors:
        """The errors of this case's elements for a quantity; ``golden`` names another golden to compare with."""
        golden = golden or quantity
        if self.case.elementwise and self.case.bare:
            return self.session.batches.errors(self, quantity, golden)
        cotangent = None
        if "cotangent" in self.case.texts and quantity in DIFFERENTIATED:
            cotangent = native(self.case.operand("cotangent", self.dtype), self.dtype)
        return self.compare(self.run(self.call(), quantity, cotangent), golden)

    def reproducible(self, quantity: str, worst: Worst | None) -> tuple[Call, str, str]:
        """The smallest call that shows what was found: the worst element alone where elements are independent.

        Returns the call (with its cotangent, if any), the request's quantity and the operand to differentiate.
        """
        call = self.call(reduction=self.case.reductions[0])
        if worst is not None and self.case.elementwise and self.case.bare:
            index = slice(worst.index, worst.index + 1)
            call = Call({name: array.reshape(-1)[index] for name, array in call.operands.items()})
        elif "cotangent" in self.case.texts and quantity in DIFFERENTIATED:
            cotangent = native(self.case.operand("cotangent", self.dtype), self.dtype)
            call = dataclasses.replace(call, operands={**call.operands, "cotangent": cotangent})
        wrt = DIFFERENTIATED.get(quantity, "")
        return call, "gradient" if quantity in DIFFERENTIATED else quantity, wrt


class Disconnected(Exception):
    """A result that does not depend on an operand, as far as the framework's differentiation sees."""


def others(case: Case) -> list[str]:
    """What the case can be differentiated along besides the logits: its weights or, without any, its labels."""
    return [name for name in ("weight", "pos_weight") if name in case.texts] or ["labels"]
