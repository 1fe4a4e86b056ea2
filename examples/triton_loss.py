"""Sigmoid cross-entropy fused in Triton, and right: a template for whoever writes such a kernel.

    python -m conformance run --adapter pytorch --device gpu --implementation examples/triton_loss.py:triton_loss \
        --dtype float32 --dtype float16 --dtype bfloat16

Loss, gradient and second derivative are a pass over memory each, and a reduction writes one number a block. Where
kernels of this operator usually go wrong, a comment names the clause of SPEC.md that sees it. With TRITON_INTERPRET=1
in the environment before the import, everything but speed can be tried on a CPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import triton
import triton.language as tl
from torch.autograd.function import once_differentiable

_DTYPES = (torch.float32, torch.float16, torch.bfloat16)
_NARROW = 2**31 - 2**21  # offsets up to here, and one block more, fit into 32 bits
_RANK = 3  # axes that are left when neighbours are merged; what has more is copied
Strides = tuple[int, ...]


@triton.jit
def _exp_minus(a):
    """exp(-a) of a >= 0 in float32, within 1 ULP, subnormal results too; NaN of NaN.

    tl.exp is 2^(a log2(e)) by the GPU's approximate exponential: the product is rounded to the ulp of a, and then
    exponentiated. At a = 80 that is 40 ULP of a loss or gradient that a user looks at: V3 and G2. libdevice.exp does
    not do that, but flushes subnormals (V6 allows it), and the interpreter has no libdevice.
    """
    known = a == a
    near = tl.where(known & (a < 110.0), a, 110.0)  # exp(-110) rounds to 0
    power = tl.floor(near * 1.4426950408889634 + 0.5)
    # log(2) in two parts; the product with the first is exact.
    y = power * 0.693359375 - near - power * 2.1219444005469057e-4
    p = 1.394575578160584e-3 + y * 1.9789289217442274e-4
    p = 0.5 + y * (0.1666666567325592 + y * (0.04166628047823906 + y * (0.008333503268659115 + y * p)))
    half = power.to(tl.int32) // 2
    rest = power.to(tl.int32) - half
    # In two steps: 2^-150 is no float32, and the second product alone is rounded.
    scaled = (1.0 + (y + y * y * p)) * ((127 - half) << 23).to(tl.float32, bitcast=True)
    return tl.where(known, scaled * ((127 - rest) << 23).to(tl.float32, bitcast=True), a)


@triton.jit
def _log1p(t):
    """log(1 + t) of t in [0, 1] in float32, within 1.5 ULP.

    log(1.0 + t), the usual spelling, is 0 for t < 2^-24: V3 sees every loss below 6e-8 vanish, V1 and L1 their signs.
    """
    upper = t > 0.41421357
    f = tl.where(upper, (t - 1.0) * 0.5, t)  # log(1 + t) = log(2) + log(1 + (t - 1) / 2)
    p = -0.12405285239219666 + f * (0.1188870295882225 + f * (-0.11677859723567963 + f * 0.0674816370010376))
    p = -0.16668008267879486 + f * (0.14219443500041962 + f * p)
    p = 0.3333331346511841 + f * (-0.25000008940696716 + f * (0.20002123713493347 + f * p))
    square = f * f
    tail = square * f * p - 0.5 * square
    return tl.where(upper, 0.693359375 + (f + (tail - 2.1219444005469057e-4)), f + tail)


@triton.jit
def _place(index, sizes, strides, RANK: tl.constexpr):
    """Offsets of the elements ``index`` of a view (S7) or an expanded cotangent (G8), which need no copy."""
    if RANK == 1:
        place = index * strides[2]
    else:
        row = index // sizes[1]
        place = (row // sizes[0]) * strides[0] + (row % sizes[0]) * strides[1] + (index % sizes[1]) * strides[2]
    return place


@triton.jit
def _index(count, WIDE: tl.constexpr, BLOCK: tl.constexpr):
    """Indices of the block's elements. In 32 bits they wrap beyond 2^31: an illegal address, if one is lucky."""
    program = tl.program_id(0)
    if WIDE:
        program = program.to(tl.int64)
    index = program * BLOCK + tl.arange(0, BLOCK)
    return index, index < count


@triton.jit
def _load(pointer, index, inside, sizes, strides, RANK: tl.constexpr):
    """Elements of an operand, 1 without one, in float32. In float16 exp(-18) is 0, and (1 - z) x overflows: D1, G2."""
    if pointer is None:
        value = tl.full(index.shape, 1.0, tl.float32)
    else:
        value = tl.load(pointer + _place(index, sizes, strides, RANK), mask=inside, other=0).to(tl.float32)
    return value


@triton.jit
def _store(pointer, index, inside, value):
    """Round once, to the operand's own dtype (D2)."""
    dtype: tl.constexpr = pointer.dtype.element_ty
    if dtype.primitive_bitwidth < 32:
        tl.store(pointer + index, value.to(dtype, fp_downcast_rounding="rtne"), mask=inside)
    else:
        tl.store(pointer + index, value.to(dtype), mask=inside)


@triton.jit
def _times(weight, value):
    """Their product; a zero weight leaves nothing of an infinite value, for padding is written so (W6, G5)."""
    return tl.where((weight == 0.0) & (value == value), 0.0, weight * value)


@triton.jit
def _smooth(z, smoothing):
    """The label that is meant (W5)."""
    return z * (1.0 - smoothing) + 0.5 * smoothing


@triton.jit
def _loss(x, z, q):
    """The loss without its weight. Both terms are positive, so nothing cancels.

    max(x, 0) - x z + log1p(exp(-|x|)), which everybody writes, is infinity minus infinity at infinite logits (V4), and
    rounds x z to the ulp of x (V3: a label of 1 - 2^-24). (1 - z) x - log_sigmoid(x) loses the negative tail: V3, L1.
    """
    side = tl.where(x > 0.0, 1.0 - z, q * z)
    linear = _times(side, tl.abs(x))  # 0 times infinity: the limit is 0 (V4)
    return linear + _log1p(_exp_minus(tl.abs(x))) * ((1.0 - z) + q * z)


@triton.jit
def _sigmoids(x):
    """sigmoid(x) and sigmoid(-x), each with its own tail; exactly 1/2 at 0, for the division is a rounded one (G3)."""
    tail = _exp_minus(tl.abs(x))
    large = tl.div_rn(1.0, 1.0 + tail)
    small = tl.div_rn(tail, 1.0 + tail)
    return tl.where(x < 0.0, small, large), tl.where(x < 0.0, large, small)


@triton.jit
def _softplus(x):
    """log(1 + exp(x))."""
    return tl.where(x > 0.0, x, 0.0) + _log1p(_exp_minus(tl.abs(x)))


@triton.jit
def _forward(
    x,
    z,
    w,
    q,
    out,
    count,
    smoothing,
    sizes,
    steps,
    SUM: tl.constexpr,
    RANK: tl.constexpr,
    WIDE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Losses, or the sum of a block's, into ``out``."""
    index, inside = _index(count, WIDE, BLOCK)
    logits = _load(x, index, inside, sizes, steps[0], RANK)
    labels = _smooth(_load(z, index, inside, sizes, steps[1], RANK), smoothing)
    loss = _loss(logits, labels, _load(q, index, inside, sizes, steps[3], RANK))
    loss = _times(_load(w, index, inside, sizes, steps[2], RANK), loss)
    if SUM:
        # In float64 that costs nothing beside the loads. One float32 or float16 accumulator for all: R3, R4, R6; an
        # atomic sum comes out otherwise each time: L4. Elements beyond the end have a loss of log 2: R7.
        total = tl.sum(tl.where(inside, loss, 0.0).to(tl.float64), axis=0)
        tl.store(out + tl.program_id(0), total)
    else:
        _store(out, index, inside, loss)


@triton.jit
def _backward(
    x,
    z,
    w,
    q,
    c,
    dx,
    dz,
    dw,
    dq,
    count,
    smoothing,
    sizes,
    steps,
    RANK: tl.constexpr,
    WIDE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Gradients of each element times its cotangent ``c``, those that somebody asked for."""
    index, inside = _index(count, WIDE, BLOCK)
    logits = _load(x, index, inside, sizes, steps[0], RANK)
    labels = _smooth(_load(z, index, inside, sizes, steps[1], RANK), smoothing)
    weight = _load(w, index, inside, sizes, steps[2], RANK)
    positive = _load(q, index, inside, sizes, steps[3], RANK)
    pulled = _load(c, index, inside, sizes, steps[4], RANK)
    right, left = _sigmoids(logits)
    if dx is not None:
        # sigmoid(x) - z loses the tail at label 1 (G2, L1); a parenthesis more, and it does not.
        _store(dx, index, inside, pulled * weight * ((1.0 - labels) * right - positive * labels * left))
    if dz is not None:
        slope = -logits if q is None else positive * _softplus(-logits) - _softplus(logits)
        _store(dz, index, inside, pulled * _times(weight, slope) * (1.0 - smoothing))
    if dw is not None:
        _store(dw, index, inside, pulled * _loss(logits, labels, positive))
    if dq is not None:
        _store(dq, index, inside, pulled * _times(weight * labels, _softplus(-logits)))


@triton.jit
def _curvature(
    x,
    z,
    w,
    q,
    c,
    v,
    dc,
    dx,
    dz,
    count,
    smoothing,
    sizes,
    steps,
    RANK: tl.constexpr,
    WIDE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Derivatives of the gradient with respect to the logits, times its own cotangent ``v``."""
    index, inside = _index(count, WIDE, BLOCK)
    logits = _load(x, index, inside, sizes, steps[0], RANK)
    labels = _smooth(_load(z, index, inside, sizes, steps[1], RANK), smoothing)
    weight = _load(w, index, inside, sizes, steps[2], RANK)
    positive = _load(q, index, inside, sizes, steps[3], RANK)
    pulled = _load(c, index, inside, sizes, steps[4], RANK)
    weight = weight * _load(v, index, inside, sizes, steps[5], RANK)
    right, left = _sigmoids(logits)
    if dc is not None:
        _store(dc, index, inside, weight * ((1.0 - labels) * right - positive * labels * left))
    if dx is not None:
        # sigmoid (1 - sigmoid) cancels for x >> 0: G11. A derivative through abs and where is 0 at logit 0: G6.
        _store(dx, index, inside, pulled * weight * ((1.0 - labels) + positive * labels) * right * left)
    if dz is not None:
        _store(dz, index, inside, -pulled * weight * (right + positive * left) * (1.0 - smoothing))


_INTERPRETED = not isinstance(_forward, triton.runtime.JITFunction)


def triton_loss(
    logits: torch.Tensor,
    labels: torch.Tensor,
    *,
    weight: torch.Tensor | None = None,
    pos_weight: torch.Tensor | None = None,
    reduction: str = "none",
    label_smoothing: float = 0.0,
) -> torch.Tensor:
    """The loss of logits in float32, float16 or bfloat16, in their dtype; labels of any dtype, weights that broadcast.

    ``weight`` and ``pos_weight`` have shapes that broadcast to that of the logits. Raises TypeError and ValueError.
    """
    _refuse(logits, labels, weight, pos_weight, reduction)
    return _Loss.apply(logits, labels, weight, pos_weight, float(label_smoothing), reduction)


triton_loss.devices = ("gpu",)  # type: ignore[attr-defined] - on the CPU it is unsupported, and the page says so


def _refuse(x: torch.Tensor, z: torch.Tensor, w: torch.Tensor | None, q: torch.Tensor | None, reduction: str) -> None:
    """A kernel sees pointers: whatever it is given, it computes something of it. E1 and S8 see what is not refused."""
    if x.dtype not in _DTYPES:
        raise TypeError(f"logits must be float32, float16 or bfloat16, not {x.dtype}: arithmetic is in float32")
    if x.shape != z.shape:  # [N, 1] against [N] would be [N, N] losses of the wrong pairs
        raise ValueError(f"labels {tuple(z.shape)} and logits {tuple(x.shape)} differ in shape")
    if reduction not in ("none", "sum", "mean"):
        raise ValueError(f"unknown reduction '{reduction}'")
    for each in (w, q):
        if each is not None and torch.broadcast_shapes(each.shape, x.shape) != x.shape:
            raise ValueError(f"a weight of shape {tuple(each.shape)} does not fit logits {tuple(x.shape)}")
    for each in (z, w, q):
        if each is not None and (each.device != x.device or each.is_complex()):
            raise ValueError(f"an operand is {each.dtype} on {each.device}, the logits are on {x.device}")


class _Loss(torch.autograd.Function):
    """Losses, or their sum or mean."""

    @staticmethod
    def forward(ctx: Any, x: Any, z: Any, w: Any, q: Any, smoothing: float, reduction: str) -> torch.Tensor:
        ctx.save_for_backward(x, z, w, q)
        ctx.save_for_forward(x, z, w, q)
        ctx.smoothing, ctx.reduction = smoothing, reduction
        if reduction == "none":
            out = torch.empty(x.shape, dtype=x.dtype, device=x.device)
            _launch(_forward, x, (x, z, w, q), (out,), smoothing, SUM=False)
            return out
        out = torch.zeros(triton.cdiv(x.numel(), _block(x)), dtype=torch.float64, device=x.device)
        _launch(_forward, x, (x, z, w, q), (out,), smoothing, SUM=True)
        return _reduced(out, x, reduction)

    @staticmethod
    def backward(ctx: Any, cotangent: torch.Tensor) -> tuple[Any, ...]:
        x, z, w, q = ctx.saved_tensors
        if ctx.reduction == "mean":
            cotangent = cotangent.float() / x.numel()  # in float16 that would be 0 for large batches: G8, R4
        wanted = ctx.needs_input_grad[:4]
        gradients = _Gradients.apply(cotangent.expand(x.shape), x, z, w, q, ctx.smoothing, wanted)
        left = iter(gradients)
        return (*(next(left) if each else None for each in wanted), None, None)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> torch.Tensor:
        """Forward mode: what reverse mode multiplies by a cotangent, this adds up (G7, G12)."""
        x = ctx.saved_tensors[0]
        total = torch.zeros(x.shape, dtype=torch.float32, device=x.device)
        for at, tangent in enumerate(tangents[:4]):
            if tangent is not None:
                out = torch.empty_like(total)
                outs = [out if at == place else None for place in range(4)]
                _launch(_backward, x, (*ctx.saved_tensors, tangent), outs, ctx.smoothing)
                total += out
        return total.to(x.dtype) if ctx.reduction == "none" else _reduced(total.double(), x, ctx.reduction)


class _Gradients(torch.autograd.Function):
    """The wanted gradients, which can be differentiated once more, that of the logits at least."""

    @staticmethod
    def forward(ctx: Any, c: Any, x: Any, z: Any, w: Any, q: Any, smoothing: float, wanted: Any) -> tuple[Any, ...]:
        ctx.save_for_backward(c, x, z, w, q)
        ctx.smoothing, ctx.wanted = smoothing, wanted
        ctx.set_materialize_grads(False)
        # What is added up over a broadcast axis is rounded after that: G9.
        outs = [
            torch.empty(x.shape, dtype=torch.float32 if at > 1 else each.dtype, device=x.device) if wanted[at] else None
            for at, each in enumerate((x, z, w, q))
        ]
        _launch(_backward, x, (x, z, w, q, c), outs, smoothing)
        return tuple(
            out if at < 2 else out.sum_to_size(each.shape).to(each.dtype)
            for at, (out, each) in enumerate(zip(outs, (x, z, w, q), strict=True))
            if out is not None
        )

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *cotangents: torch.Tensor | None) -> tuple[Any, ...]:
        c, x, z, w, q = ctx.saved_tensors
        first = cotangents[0] if ctx.wanted[0] else None
        if first is None or any(each is not None for each in cotangents[1:]) or any(ctx.needs_input_grad[3:5]):
            raise NotImplementedError(
                "the second derivative with respect to weights or labels alone is not implemented"
            )
        outs = [
            torch.empty(x.shape, dtype=each.dtype, device=x.device) if needed else None
            for each, needed in zip((c, x, z), ctx.needs_input_grad, strict=False)
        ]
        _launch(_curvature, x, (x, z, w, q, c, first), outs, ctx.smoothing)
        return (*outs, None, None, None, None)


def _reduced(parts: torch.Tensor, x: torch.Tensor, reduction: str) -> torch.Tensor:
    """Sum or mean of float64 parts, rounded once: a float16 sum and count overflow where the mean fits (R4)."""
    total = parts.sum()
    return (total / x.numel() if reduction == "mean" else total).to(x.dtype)


def _block(x: torch.Tensor) -> int:
    """Elements of a program. The interpreter takes as long for a program, whatever its size."""
    return min(1 << 17, triton.next_power_of_2(max(1, x.numel()))) if _INTERPRETED else 1024


def _launch(
    kernel: Any, x: torch.Tensor, operands: Sequence[Any], outs: Sequence[Any], smoothing: float, **more: Any
) -> None:
    """Run a kernel on operands that broadcast to x's shape, for contiguous results."""
    if not x.numel():
        return
    views = [None if each is None else each.expand(x.shape) for each in operands]
    sizes, strides = _merged(x.shape, [each.stride() for each in views if each is not None])
    if len(sizes) > _RANK:
        views = [None if each is None else each.contiguous() for each in views]
        sizes, strides = _merged(x.shape, [each.stride() for each in views if each is not None])
    left = iter(strides)
    steps = tuple((0,) * _RANK if each is None else (0,) * (_RANK - len(sizes)) + next(left) for each in views)
    farthest = max(sum((n - 1) * abs(step) for n, step in zip(sizes, each, strict=True)) for each in strides)
    block = _block(x)
    more |= {"RANK": min(len(sizes), 2), "WIDE": max(farthest, x.numel()) > _NARROW, "BLOCK": block}
    inner = (1, 1, *sizes)[-2:]
    with torch.cuda.device_of(x):
        kernel[(triton.cdiv(x.numel(), block),)](*views, *outs, x.numel(), smoothing, inner, steps, **more)


def _merged(shape: Sequence[int], strides: Sequence[Strides]) -> tuple[Strides, list[Strides]]:
    """Shape and strides with neighbouring axes merged where every operand allows it; one axis at least."""
    sizes, steps = [1], [[0] * len(strides)]
    for axis, size in enumerate(shape):
        here = [each[axis] for each in strides]
        if size == 1:
            continue
        if sizes == [1] or all(outer == size * inner for outer, inner in zip(steps[-1], here, strict=True)):
            sizes[-1], steps[-1] = sizes[-1] * size, here
        else:
            sizes.append(size)
            steps.append(here)
    return tuple(sizes), list(zip(*steps, strict=True))
