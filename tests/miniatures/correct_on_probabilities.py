"""A correct implementation of the operator on probabilities, in PyTorch: float64 inside, rounded once.

A miniature is a subclass that overrides one part; the logit of the parts that it inherits is a probability here.
"""

from __future__ import annotations

import torch

from tests.miniatures.correct import Correct


class OnProbabilities(Correct):
    """Nothing is clamped: the loss is infinite where it is, and its slope has its limit at either end."""

    takes = "probabilities"
    clamp = None

    def loss(self, p, z, q):
        return self.positive(p, z) + self.negative(p, z)

    def positive(self, p, z):
        """The cost of the label's share of ones, with 0 log 0 = 0."""
        return -torch.special.xlogy(z, p)

    def negative(self, p, z):
        """The cost of its share of zeros."""
        return -torch.special.xlog1py(1 - z, -p)

    def slope(self, p, z, q):
        inside = (p > 0) & (p < 1)
        middle = torch.where(inside, p, torch.full_like(p, 0.5))
        return torch.where(inside, self.middle_slope(middle, z), self.end_slope(p, z))

    def middle_slope(self, p, z):
        return (p - z) / (p * (1 - p))

    def end_slope(self, p, z):
        inward = 1 - 2 * p
        return torch.where(z == p, inward, -inward * torch.inf)


class NarrowOnProbabilities(OnProbabilities):
    """Nothing wider than the dtype of the probabilities."""

    inside = None
