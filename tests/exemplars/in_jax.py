"""Implementations in JAX that must not be accused: rounded once, and wrong by up to two ULP."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp


def correct(logits, labels, *, weight=None, pos_weight=None, reduction="none", label_smoothing=0.0):
    """Rounded once, with exact derivatives."""
    return _checked(logits, labels, weight, pos_weight, reduction, label_smoothing, None)


def within_two_ulps(logits, labels, *, weight=None, pos_weight=None, reduction="none", label_smoothing=0.0):
    """Wrong by up to two ULP of the logits' dtype, by an amount that each element's bits decide."""
    return _checked(logits, labels, weight, pos_weight, reduction, label_smoothing, jnp.dtype(logits.dtype))


def _checked(logits, labels, weight, pos_weight, reduction, label_smoothing, wrong_in):
    if not jnp.issubdtype(logits.dtype, jnp.floating):
        raise TypeError(f"logits must be floating, not {logits.dtype}")
    if logits.shape != labels.shape:
        raise ValueError(f"labels {labels.shape} and logits {logits.shape} differ in shape")
    if reduction not in ("none", "sum", "mean"):
        raise ValueError(f"unknown reduction '{reduction}'")
    return _reduced(logits, labels, weight, pos_weight, reduction, label_smoothing, wrong_in)


# Compiled as a whole: one program for a shape, where eager JAX compiles each of its steps.
@functools.partial(jax.jit, static_argnames=("reduction", "label_smoothing", "wrong_in"))
def _reduced(logits, labels, weight, pos_weight, reduction, label_smoothing, wrong_in):
    x, z = logits.astype(jnp.float64), labels.astype(jnp.float64)
    w, q = (jnp.float64(1) if each is None else each.astype(jnp.float64) for each in (weight, pos_weight))
    z = z * (1 - label_smoothing) + label_smoothing / 2
    losses = _elementwise(wrong_in)(x, z, jnp.broadcast_to(q, x.shape))
    losses = jnp.where((w == 0) & jnp.isinf(losses), 0.0, losses) * w  # the limit of 0 * loss is 0
    total = losses if reduction == "none" else _pairwise(losses.reshape(-1))
    return (total / losses.size if reduction == "mean" else total).astype(logits.dtype)


def _pairwise(values):
    while values.size > 1:
        half = values.size // 2
        rest = values[2 * half :]
        values = jnp.concatenate([values[:half] + values[half : 2 * half], rest])
    return values.sum()


def _tail(x):
    return jnp.exp(-jnp.abs(x))


def _sigmoid(x):
    return jnp.where(x >= 0, 1.0, _tail(x)) / (1 + _tail(x))


def _loss(x, z, q):
    side = jnp.where(x > 0, 1 - z, q * z)
    linear = jnp.where((side == 0) & ~jnp.isnan(x), 0.0, jnp.abs(x) * side)
    return linear + jnp.log1p(_tail(x)) * ((1 - z) + q * z)


@functools.cache
def _elementwise(wrong_in):
    """The loss with its derivatives, each wrong by up to two ULP of ``wrong_in`` unless that is None."""

    def wrong(exact, x, z):
        return exact if wrong_in is None else _wrong(exact, x, z, jnp.finfo(wrong_in))

    @jax.custom_jvp
    def loss(x, z, q):
        return wrong(_loss(x, z, q), x, z)

    @jax.custom_jvp
    def slope(x, z, q):
        exact = (1 - z) * _sigmoid(x) - q * z * _sigmoid(-x)
        return jnp.where(x == 0, exact, wrong(exact, x, z))

    @loss.defjvp
    def loss_jvp(operands, tangents):
        x, z, q = operands
        softplus = _loss(x, jnp.ones_like(x), 1.0)
        by_label = jnp.where(q == 1, -x, q * softplus - _loss(x, jnp.zeros_like(x), 1.0))
        slopes = (slope(x, z, q), wrong(by_label, x, z), wrong(z * softplus, x, z))
        return loss(x, z, q), sum(tangent * each for tangent, each in zip(tangents, slopes, strict=True))

    @slope.defjvp
    def slope_jvp(operands, tangents):
        x, z, q = operands
        curvature = wrong(_sigmoid(x) * _sigmoid(-x) * ((1 - z) + q * z), x, z)
        by_label = -(_sigmoid(x) + q * _sigmoid(-x))
        slopes = (curvature, by_label, -z * _sigmoid(-x))
        return slope(x, z, q), sum(tangent * each for tangent, each in zip(tangents, slopes, strict=True))

    return loss


def _wrong(exact, x, z, facts):
    mixed = (_bits(x) ^ (_bits(z) * 31)) * -7046029254386353131
    steps = jnp.minimum((mixed >> 61) & 7, 6) - 3
    fraction = steps / (3 if facts.bits == 64 else 2)
    exponent = jnp.maximum(((_bits(exact) >> 52) & 0x7FF) - 1023, int(facts.minexp))
    unit = exponent - int(facts.nmant)
    step = fraction * jax.lax.bitcast_convert_type(jnp.maximum(unit + 1023, 1) << 52, jnp.float64)
    stepped = exact + step
    kept = (jnp.abs(step) >= jnp.abs(exact)) | ~(jnp.abs(stepped) <= float(facts.max)) | (unit < -1022)
    return jnp.where(kept, exact, stepped)


def _bits(values):
    return jax.lax.bitcast_convert_type(values, jnp.int64)
