"""What is right for a plan, by ball arithmetic: the loss and all of its derivatives, and their largest terms.

With a = 1 - z', b = q z', z' the smoothed label z (1 - s) + s / 2, S softplus, s' sigmoid:

    l = w (a S(x) + b S(-x))                 d l / d x = w (a s'(x) - b s'(-x))
    d l / d z = w (1 - s) (q S(-x) - S(x))   d l / d w = l / w        d l / d q = w z' S(-x)
    d2 l / d x2 = w s'(x) s'(-x) (a + b)     d2 l / d x d z = -w (1 - s) (s'(x) + q s'(-x))

A reduction adds the elements and divides; so does the gradient of an operand that was broadcast.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from flint import arb, ctx

from conformance import operator
from conformance.arithmetic.ball import narrowed
from conformance.arithmetic.exact import Exact, Floats
from conformance.configurations.element import Element
from conformance.configurations.plan import Plan

_COLUMNS = ("logits", "labels", "weight", "pos_weight", "cotangent", "direction")
_TERMS = {"logits": "gradient", "labels": "label_gradient", "weight": "weight_gradient",
          "pos_weight": "pos_weight_gradient"}  # fmt: skip
Indices = npt.NDArray[np.intp]
Value = Callable[[Element], arb]


@dataclass(frozen=True, eq=False)
class Right:
    """Exact results in C order, the magnitude of the largest term of each, and how many elements were added.

    ``terms`` are those for a share of one, where a mean hands each element a share of the cotangent, else nothing.
    """

    exact: Exact
    scale: Floats
    summands: int = 1
    terms: Floats | float = 0.0


class Truth:
    """The right results of one plan. Elements that are the same bits are computed once."""

    def __init__(self, made: Plan) -> None:
        self.made = made
        self.count = int(np.prod(made.shape, dtype=np.int64))
        self._known: dict[str, Right] = {}
        self._balls: dict[int, list[Element]] = {}
        given = {name: each.values for name, each in made.operands.items()}
        given |= {"cotangent": made.cotangent.values, "direction": made.direction.values}
        columns = [np.broadcast_to(given.get(name, np.float64(1)), made.shape).reshape(-1) for name in _COLUMNS]
        columns += [np.broadcast_to(each.values, made.shape).reshape(-1) for each in made.tangents().values()]
        stacked = np.ascontiguousarray(np.stack(columns, axis=-1)) if self.count else np.empty((0, len(columns)))
        first, self.owner = _different(stacked)
        self.elements: Floats = stacked[first]
        self.counts: Indices = np.bincount(self.owner, minlength=len(self.elements))

    def right(self, what: str) -> Right:
        """What is right for 'loss', 'gradient NAME', 'forward', 'second', 'mixed' or 'upstream'."""
        if what not in self._known:
            kind, _, name = what.partition(" ")
            compute: dict[str, Callable[[], Right]] = {
                "loss": self._loss, "forward": self._forward, "gradient": lambda: self._gradient(name),
            }  # fmt: skip
            self._known[what] = compute[kind]() if kind in compute else self._second(kind)
        return self._known[what]

    def _loss(self) -> Right:
        return self._reduced(Element.loss, self._term("loss"))

    def _gradient(self, name: str) -> Right:
        return self._gathered(name, lambda it: it.c * it.slope(name), self._term(_TERMS[name]))

    def _forward(self) -> Right:
        along = self.made.along

        def value(it: Element) -> arb:
            return sum((it.slope(name) * it.tangents[index] for index, name in enumerate(along)), arb(0))

        terms = [self._term(_TERMS[name]) * np.abs(self.elements[:, 6 + index]) for index, name in enumerate(along)]
        return self._reduced(value, np.sum(terms, axis=0))

    def _second(self, beyond: str) -> Right:
        """The derivative of the inner product of direction and gradient, by what ``beyond`` says."""
        _, _, w, q, _, v = np.abs(self.elements[:, :6]).T
        if beyond == "upstream":
            value, term = (lambda it: it.slope("logits") * it.v), self._term("gradient") * v
            if self.made.reduction != "none":
                return self._reduced(value, term)
            return Right(narrowed(lambda: self._values(value))[self.owner], term[self.owner])
        if beyond == "mixed":
            return self._gathered("labels", lambda it: it.slope_by("labels") * it.c * it.v, w * (1 + q) * v)
        return self._gathered("logits", lambda it: it.slope_by("logits") * it.c * it.v, self._term("curvature") * v)

    def _term(self, quantity: str) -> Floats:
        """The largest term of each element, for a cotangent of one."""
        x, z, w, q = self.elements[:, :4].T
        smoothing = self.made.label_smoothing or 0.0
        return operator.largest_term(quantity, x, z * (1 - smoothing) + smoothing / 2, w, q, np.ones_like(x))

    def _values(self, value: Value) -> list[arb]:
        """One ball an element, at the current precision."""
        if ctx.prec not in self._balls:
            smoothing = self.made.label_smoothing or 0.0
            self._balls[ctx.prec] = [Element(row, smoothing) for row in self.elements.tolist()]
        return [value(each) for each in self._balls[ctx.prec]]

    @property
    def of_nothing(self) -> bool:
        """True for a mean that would divide by zero."""
        return bool(self._divisor() == 0)

    def _divisor(self) -> arb:
        if self.made.reduction == "none" or not self.made.divisor:
            return arb(1)
        if self.made.divisor == "numel":
            return arb(self.count)
        weights = self.elements[:, 2]
        if self.made.divisor == "nonzero_weights":
            return arb(int(self.counts[weights != 0].sum()))
        pairs = zip(weights.tolist(), self.counts.tolist(), strict=True)
        return sum((arb(weight) * times for weight, times in pairs), arb(0))

    def _reduced(self, value: Value, term: Floats) -> Right:
        if self.made.reduction == "none":
            return Right(narrowed(lambda: self._values(value))[self.owner], term[self.owner])

        def total() -> list[arb]:
            pairs = zip(self._values(value), self.counts.tolist(), strict=True)
            return [sum((ball * times for ball, times in pairs), arb(0)) / self._divisor()]

        scale = float((term * self.counts).sum()) / float(self._divisor())
        return Right(narrowed(total), np.array([scale]), self.count)

    def _gathered(self, name: str, value: Value, term: Floats) -> Right:
        """A gradient: divided as a mean divides, and added up over the axes along which the operand was broadcast.

        ``term`` is the largest term of each element for a cotangent of one.
        """
        form = self.made.operands[name].array.shape
        divisor = float(self._divisor())
        shares = term if self.made.reduction == "mean" else np.zeros_like(term)
        term = term * np.abs(self.elements[:, 4])
        if form == self.made.shape:
            exact = narrowed(lambda: [each / self._divisor() for each in self._values(value)])
            return Right(exact[self.owner], term[self.owner] / divisor, terms=shares[self.owner])
        size = int(np.prod(form, dtype=np.int64))
        place = np.broadcast_to(np.arange(size).reshape(form), self.made.shape).reshape(-1)
        pairs, counts = np.unique(place * max(len(self.elements), 1) + self.owner, return_counts=True)

        def totals() -> list[arb]:
            balls = self._values(value)
            sums = [arb(0)] * size
            for pair, times in zip(pairs.tolist(), counts.tolist(), strict=True):
                at, element = divmod(pair, len(balls))
                sums[at] = sums[at] + balls[element] * times
            return [each / self._divisor() for each in sums]

        def added_up(each: Floats) -> Floats:
            return np.bincount(place, each[self.owner], size).astype(np.float64)

        summands = max(self.count // max(size, 1), 1)
        return Right(narrowed(totals), added_up(term / divisor), summands, added_up(shares))


def _different(rows: Floats) -> tuple[Indices, Indices]:
    """Where the first of each different row is, and which of these each row is. By their bits."""
    bits = rows.view(np.uint64)
    # A number for each row sorts ten times faster than the row; should two rows share one, the rows decide.
    weights = np.random.default_rng(0).integers(0, 2**63, rows.shape[1], np.uint64) * np.uint64(2) + np.uint64(1)
    for keys in ((bits * weights).sum(axis=1), rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1])))):
        _, first, owner = np.unique(keys.reshape(-1), return_index=True, return_inverse=True)
        if np.array_equal(bits[first][owner.reshape(-1)], bits):
            break
    return first, owner.reshape(-1)


@functools.lru_cache(1024)
def truth(made: Plan) -> Truth:
    """The right results of a plan; subjects of one dtype share plans."""
    return Truth(made)
