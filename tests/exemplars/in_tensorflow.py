"""Implementations in TensorFlow that must not be accused: rounded once, and wrong by up to two ULP."""

from __future__ import annotations

import functools

import ml_dtypes
import tensorflow as tf

_VECTOR = 64  # a multiple of every vector length in elements


def correct(logits, labels, *, weight=None, pos_weight=None, reduction="none", label_smoothing=0.0):
    """Rounded once, with exact derivatives."""
    return _reduced(logits, labels, weight, pos_weight, reduction, label_smoothing, None)


def within_two_ulps(logits, labels, *, weight=None, pos_weight=None, reduction="none", label_smoothing=0.0):
    """Wrong by up to two ULP of the logits' dtype, by an amount that each element's bits decide."""
    return _reduced(logits, labels, weight, pos_weight, reduction, label_smoothing, logits.dtype)


def _reduced(logits, labels, weight, pos_weight, reduction, label_smoothing, wrong_in):
    if not logits.dtype.is_floating:
        raise TypeError(f"logits must be floating, not {logits.dtype}")
    if labels.dtype == tf.string or logits.shape != labels.shape:
        raise ValueError(f"labels {labels.dtype} {labels.shape} do not fit logits {logits.shape}")
    if reduction not in ("none", "sum", "mean"):
        raise ValueError(f"unknown reduction '{reduction}'")
    x, z = tf.cast(logits, tf.float64), tf.cast(labels, tf.float64)
    w, q = (tf.cast(1 if each is None else each, tf.float64) for each in (weight, pos_weight))
    z = z * (1 - label_smoothing) + label_smoothing / 2
    losses = _elementwise(wrong_in)(x, z, tf.broadcast_to(q, tf.shape(x)))
    # The limit of 0 * loss is 0.
    losses = tf.where((w == 0) & tf.math.is_inf(losses), tf.zeros_like(losses), losses) * w
    reduce = {"none": tf.identity, "sum": tf.reduce_sum, "mean": tf.reduce_mean}[reduction]
    return tf.cast(reduce(losses), logits.dtype)


def _held(*operands):
    """Forward mode follows the steps inside of a custom gradient, unless nothing leads into them."""
    return [tf.stop_gradient(each) for each in operands]


def _by_full_vectors(function, x):
    """The elements left over after full vectors take another path, with other bits: nothing is left over here."""
    flat = tf.reshape(x, [-1])
    size = tf.size(flat)
    return tf.reshape(function(tf.pad(flat, [[0, -size % _VECTOR]]))[:size], tf.shape(x))


def _tail(x):
    return _by_full_vectors(tf.exp, -tf.abs(x))


def _sigmoid(x):
    return tf.where(x >= 0, tf.ones_like(x), _tail(x)) / (1 + _tail(x))


def _loss(x, z, q):
    side = tf.where(x > 0, 1 - z, q * z)
    linear = tf.where((side == 0) & ~tf.math.is_nan(x), tf.zeros_like(x), tf.abs(x) * side)
    return linear + _by_full_vectors(tf.math.log1p, _tail(x)) * ((1 - z) + q * z)


@functools.cache
def _elementwise(wrong_in):
    """The loss with its derivatives, each wrong by up to two ULP of ``wrong_in`` unless that is None."""

    def wrong(exact, x, z):
        return exact if wrong_in is None else _wrong(exact, x, z, wrong_in)

    @tf.custom_gradient
    def loss(x, z, q):
        def pull(cotangent):
            softplus = _loss(x, tf.ones_like(x), tf.ones_like(x))
            weighted = q * softplus - _loss(x, tf.zeros_like(x), tf.ones_like(x))
            by_label = wrong(tf.where(q == 1, -x, weighted), x, z)
            return cotangent * slope(x, z, q), cotangent * by_label, cotangent * wrong(z * softplus, x, z)

        return wrong(_loss(*_held(x, z, q)), x, z), pull

    @tf.custom_gradient
    def slope(x, z, q):
        def pull(cotangent):
            curvature = wrong(_sigmoid(x) * _sigmoid(-x) * ((1 - z) + q * z), x, z)
            by_label = -(_sigmoid(x) + q * _sigmoid(-x))
            return cotangent * curvature, cotangent * by_label, -cotangent * z * _sigmoid(-x)

        held_x, held_z, held_q = _held(x, z, q)
        exact = (1 - held_z) * _sigmoid(held_x) - held_q * held_z * _sigmoid(-held_x)
        return tf.where(x == 0, exact, wrong(exact, x, z)), pull

    return loss


def _wrong(exact, x, z, dtype):
    facts = ml_dtypes.finfo(dtype.as_numpy_dtype)
    mixed = tf.bitwise.bitwise_xor(_bits(x), _bits(z) * 31) * -7046029254386353131
    steps = tf.minimum(_field(mixed, 61, 7), 6) - 3
    fraction = tf.cast(steps, tf.float64) / (3 if facts.bits == 64 else 2)
    exponent = tf.maximum(_field(_bits(exact), 52, 0x7FF) - 1023, int(facts.minexp))
    unit = exponent - int(facts.nmant)
    power = tf.bitwise.left_shift(tf.maximum(unit + 1023, 1), tf.constant(52, tf.int64))
    step = fraction * tf.bitcast(power, tf.float64)
    stepped = exact + step
    kept = (tf.abs(step) >= tf.abs(exact)) | ~(tf.abs(stepped) <= float(facts.max)) | (unit < -1022)
    return tf.where(kept, exact, stepped)


def _field(bits, shift, mask):
    return tf.bitwise.bitwise_and(tf.bitwise.right_shift(bits, tf.constant(shift, tf.int64)), mask)


def _bits(values):
    return tf.bitcast(values, tf.int64)
