"""One element of a plan in ball arithmetic: the formulas of ``truth``."""

from __future__ import annotations

from collections.abc import Sequence

from flint import arb


class Element:
    """Logit, label, weight, pos_weight, cotangent, direction and tangents, at the precision of its making."""

    def __init__(self, numbers: Sequence[float], smoothing: float) -> None:
        x, z, w, q, c, v, *tangents = numbers
        self.x, self.w, self.q, self.c, self.v = arb(x), arb(w), arb(q), arb(c), arb(v)
        self.tangents = [arb(each) for each in tangents]
        self.kept = 1 - arb(smoothing)
        self.z = arb(z) * self.kept + arb(smoothing) / 2
        self.negative, self.positive = 1 - self.z, self.q * self.z
        self.up = x >= 0
        tail = (-abs(self.x)).exp()
        near, far, log = 1 / (1 + tail), tail / (1 + tail), tail.log1p()
        self.sigmoid, self.sigmoid_of_minus = (near, far) if self.up else (far, near)
        larger = log + abs(self.x)
        self.softplus, self.softplus_of_minus = (larger, log) if self.up else (log, larger)
        self.plain = q == 1

    def unweighted(self) -> arb:
        """The loss without its weight."""
        return self.negative * self.softplus + self.positive * self.softplus_of_minus

    def loss(self) -> arb:
        """The loss."""
        return self.w * self.unweighted()

    def slope(self, name: str) -> arb:
        """The derivative of the loss by an operand."""
        if name == "weight":
            return self.unweighted()
        if name == "logits":
            return self.w * (self.negative * self.sigmoid - self.positive * self.sigmoid_of_minus)
        if name == "pos_weight":
            return self.w * self.z * self.softplus_of_minus
        apart = -self.x if self.plain else self.q * self.softplus_of_minus - self.softplus
        return self.w * self.kept * apart

    def slope_by(self, name: str) -> arb:
        """The derivative of the gradient by the logits or the labels."""
        if name == "logits":
            return self.w * self.sigmoid * self.sigmoid_of_minus * (self.negative + self.positive)
        return -self.w * self.kept * (self.sigmoid + self.q * self.sigmoid_of_minus)
