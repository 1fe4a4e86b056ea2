"""Implementations on probabilities that must not be accused: with no clamp, and with each kind that can be declared."""

from __future__ import annotations

import torch

from conformance.adapter import Clamp
from tests.miniatures.correct_on_probabilities import NarrowOnProbabilities, OnProbabilities


class Floored(OnProbabilities):
    """Logarithms of at least -100, as documented; what is held fast has no slope."""

    clamp = Clamp("logarithm", "-100")

    def loss(self, p, z, q):
        return z * -torch.log(p).clamp(min=-100) + (1 - z) * -torch.log1p(-p).clamp(min=-100)

    def slope(self, p, z, q):
        held = (torch.log(p) < -100) | (torch.log1p(-p) < -100)
        return torch.where(held, torch.zeros_like(p), super().slope(p, z, q))


class Clipped(OnProbabilities):
    """Probabilities within [1e-7, 1 - 1e-7], in float64: the documented number is kept in every dtype."""

    clamp = Clamp("probability", "1e-7")

    def loss(self, p, z, q):
        return super().loss(p.clamp(1e-7, 1 - 1e-7), z, q)

    def slope(self, p, z, q):
        kept = (p >= 1e-7) & (p <= 1 - 1e-7)
        return torch.where(kept, super().slope(p, z, q), torch.zeros_like(p))


class NarrowClipped(Clipped):
    """The same in the dtype of the probabilities, whose nearest numbers are the ends: in float16 the upper one is 1."""

    inside = None


plain = OnProbabilities()
narrow = NarrowOnProbabilities()
floored = Floored()
clipped = Clipped()
narrow_clipped = NarrowClipped()
