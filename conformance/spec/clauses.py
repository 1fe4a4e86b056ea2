"""The clauses of the specification and their levels; SPEC.md is this table as prose, a test holds the two together."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from conformance.spec.bounds import (
    AGREEMENT,
    AT_ZERO,
    CONFIGURED,
    CONFIGURED_SECOND,
    CONFIGURED_SHOULD,
    GRADIENT_MUST,
    GRADIENT_SHOULD,
    HALF,
    HALF_SUMMATION,
    LOG_TWO,
    LOSS_MUST,
    LOSS_SHOULD,
    PROBABILITY_MUST,
    PROBABILITY_SHOULD,
    SECOND_MUST,
    SECOND_SHOULD,
    SLOPE_MUST,
    SLOPE_SHOULD,
    SUBNORMAL,
    SYMMETRY,
    WEIGHTED_MUST,
    WHOLE,
    Bound,
    careless_summation,
    large_summation,
    summation,
)


class Level(StrEnum):
    """How binding a clause is: RFC 2119's words."""

    MUST = "must"
    SHOULD = "should"
    MAY = "may"


@dataclass(frozen=True)
class Clause:
    """One numbered sentence of SPEC.md."""

    id: str
    level: Level
    sentence: str
    reason: str
    source: str
    bound: Bound | None = None


CHAPTERS = {
    "V": "Values",
    "G": "Gradients",
    "S": "Shapes",
    "R": "Reductions",
    "W": "Weights",
    "D": "Dtypes",
    "L": "Laws",
    "E": "Errors",
    "P": "Probabilities",
    "C": "Configurations",
}

_THIS = "definition of the operator"

# fmt: off
_PROBABILITIES = (
    Clause("P1", Level.MUST,
           "For probabilities between 0 and 1 the loss is within the bound of the exact value, or of the one that the "
           "documented clamp makes of it, in scaled ULP.",
           "log(1 - p) rounds 1 - p, which costs half an ULP of 1: any formula in use keeps it.", _THIS,
           PROBABILITY_MUST),
    Clause("P2", Level.SHOULD, "The loss on probabilities is within the bound in result ULP, tails included.",
           "A small p has a loss of p, which log1p(-p) keeps and log(1 - p) does not.",
           "https://github.com/jax-ml/jax/pull/1200", PROBABILITY_SHOULD),
    Clause("P3", Level.MUST,
           "The gradient with respect to p is within the bound of (p - z) / (p (1 - p)), in scaled ULP, where nothing "
           "is clamped by documentation.",
           "A clamp that nobody documents is another gradient.", "https://github.com/pytorch/pytorch/issues/103316",
           SLOPE_MUST),
    Clause("P4", Level.MUST,
           "At p = 0 and p = 1 the loss is its limit, or what the documented clamp makes of it, never NaN.",
           "0 log 0 is 0: a certain and right prediction costs nothing.", "https://github.com/ml-explore/mlx/pull/1280",
           PROBABILITY_MUST),
    Clause("P5", Level.MUST,
           "The gradient with respect to p is never NaN, and infinite only where the exact one, after the documented "
           "clamp, is infinite or overflows the dtype.",
           "One NaN in a gradient ends a training run.", "https://github.com/PaddlePaddle/Paddle/pull/50930"),
    Clause("P6", Level.SHOULD,
           "The gradient with respect to p is within the bound in result ULP where nothing is clamped.",
           "Where a soft label is nearly met, two terms cancel; p - z does not.", _THIS, SLOPE_SHOULD),
    Clause("P7", Level.SHOULD,
           "At p = 0 and p = 1, if documentation clamps nothing there, the gradient is its limit: 1 or -1 where the "
           "label agrees, infinite where it does not.",
           "Its term with coefficient 0 is 0 up to the very end.", _THIS, SLOPE_MUST),
    Clause("P8", Level.MUST, "A class that only calls a function of probabilities gives that function's bits.",
           "Who reads the one's verdict relies on it for the other.", _THIS),
)
_NIST = "Kuhn, Kacker and Lei, NIST SP 800-142 (2010)"
_CONFIGURATIONS = (
    Clause("C1", Level.MUST,
           "However it is called, the loss is within the bound of the exact one, in the shape of the logits and in "
           "their dtype or a wider one that another operand has.",
           "Faults show where two or three conditions meet: strides and weights, a reduction and half precision.",
           _NIST, CONFIGURED),
    Clause("C2", Level.MUST,
           "However it is called, the gradient of every operand that asks for one is within the bound, in the shape "
           "and dtype of that operand.",
           "A cotangent has strides, operands are differentiated together, one backward pass follows another.",
           "https://github.com/unslothai/unsloth/pull/10713", CONFIGURED),
    Clause("C3", Level.MUST,
           "However it is called, forward mode and the derivatives of the gradient (by logits, labels and the "
           "cotangent) are within the bound.",
           "They are written once more, and tried unreduced and unweighted only.",
           "https://github.com/pytorch/pytorch/pull/77852", CONFIGURED_SECOND),
    Clause("C4", Level.MUST,
           "A call leaves its operands, its earlier results and the state of the framework as they were.",
           "What changes behind a caller's back is looked for everywhere else.",
           "https://github.com/linkedin/Liger-Kernel/issues/272"),
    Clause("C5", Level.MUST, "However it is called, the same call twice gives the same bits.",
           "Reproducible training.", _THIS),
    Clause("C6", Level.SHOULD,
           "However it is called, the unreduced loss, and its gradient for labels 0 and 1, are within the bound in "
           "result ULP.",
           "A table of the golden inputs is not the function.", "https://github.com/apache/tvm/issues/20184",
           CONFIGURED_SHOULD),
)
_CLAUSES = (
    Clause("V1", Level.MUST, "Finite logits and labels in [0, 1] give a finite, non-negative loss.",
           "A negative or infinite loss ends or misleads training.", "cross-entropy of two distributions is >= 0"),
    Clause("V2", Level.MUST, "The loss is within the bound of the exact value, in scaled ULP.",
           "Any backward-stable evaluation keeps it.", "section Measures above", LOSS_MUST),
    Clause("V3", Level.SHOULD, "The loss is within the bound of the exact value in result ULP, tails included.",
           "A confident correct prediction still has a loss, e^-|x|, and the well-conditioned form keeps it.",
           "https://github.com/pytorch/pytorch/issues/195529", LOSS_SHOULD),
    Clause("V4", Level.SHOULD, "Infinite logits give the limit: 0 where the label agrees, +inf where it does not.",
           "Masks are written as infinite logits.", "https://github.com/pytorch/pytorch/issues/49844", LOSS_MUST),
    Clause("V5", Level.MUST, "NaN in an element gives NaN in that element, and touches no other.",
           "A hidden NaN, or one that spreads, cannot be found.", "IEEE 754-2019, section 6.2", LOSS_MUST),
    Clause("V6", Level.MAY, "A subnormal loss is either right or flushed to zero; which one is recorded.",
           "Devices differ by design; users compare them.", "IEEE 754-2019, section 7.5", SUBNORMAL),
    Clause("V7", Level.MUST, "A logit of 0 or -0 gives log 2 for every label.",
           "It is the loss of an untrained model, which everybody looks at first.", _THIS, LOG_TWO),
    Clause("G1", Level.MUST, "The gradient is within the bound of sigmoid(x) - z, in scaled ULP.",
           "Any backward-stable evaluation keeps it.", "section Measures above", GRADIENT_MUST),
    Clause("G2", Level.SHOULD, "The gradient is within the bound in result ULP, tails included.",
           "sigmoid(x) - 1 cancels; -sigmoid(-x) does not.", "https://github.com/pytorch/pytorch/issues/195677",
           GRADIENT_SHOULD),
    Clause("G3", Level.MUST, "At logit 0 and -0 the gradient is 0.5 - z, as a faithful sigmoid gives it.",
           "A zero-initialised last layer takes its first step from there.",
           "https://github.com/pytorch/pytorch/issues/2298", AT_ZERO),
    Clause("G4", Level.MUST, "The gradient is finite for every finite logit.",
           "One NaN in a gradient ends a training run.", "|sigmoid(x) - z| <= 1"),
    Clause("G5", Level.MUST, "The gradient with respect to the label is -x.",
           "Distillation and mixup learn through the labels.", _THIS, LOSS_MUST),
    Clause("G6", Level.MUST, "The second derivative is sigmoid(x) sigmoid(-x), in scaled ULP.",
           "Second-order methods and gradient penalties use it.", _THIS, SECOND_MUST),
    Clause("G7", Level.MUST, "Forward mode gives the same derivative as reverse mode, within the bound.",
           "Silent disagreement was found only by accident.", "https://github.com/pytorch/pytorch/issues/79609",
           GRADIENT_MUST),
    Clause("G8", Level.MUST,
           "The gradient is linear in the incoming cotangent: an arbitrary one, of a sum, of a mean.",
           "A loss is scaled, weighted and added to others.", "chain rule", WEIGHTED_MUST),
    Clause("G9", Level.SHOULD, "The gradients with respect to weight and pos_weight are those of the formula.",
           "Learned and adversarial weights need them.", "https://github.com/pytorch/pytorch/issues/19254",
           WEIGHTED_MUST),
    Clause("G10", Level.SHOULD, "At infinite logits the gradient is its limit: 1 - z at +inf, -z at -inf.",
           "Masks are written as infinite logits.", "https://github.com/pytorch/pytorch/issues/31829", GRADIENT_MUST),
    Clause("G11", Level.SHOULD, "The second derivative is within the bound in result ULP, tails included.",
           "sigmoid(x) (1 - sigmoid(x)) cancels for x >> 0.", _THIS, SECOND_SHOULD),
    Clause("G12", Level.MUST,
           "Forward mode along labels, weight and pos_weight gives the derivative, or refuses; never silently nothing.",
           "A derivative of zero that nobody announced looks like one that was computed.",
           "https://github.com/pytorch/pytorch/issues/19254", WEIGHTED_MUST),
    Clause("G13", Level.MAY,
           "A zero cotangent over an infinite or NaN element gives zero or NaN, which is recorded, and touches no "
           "other element.",
           "What is masked after the loss comes back as a zero cotangent.",
           "https://github.com/pytorch/pytorch/issues/121416", WEIGHTED_MUST),
    Clause("S1", Level.MUST, "The unreduced loss has the shape of the logits.", "It is an elementwise operator.",
           _THIS),
    Clause("S2", Level.MUST, "Multi-label input [N, C] gives the elementwise loss and gradient in that shape.",
           "The commonest use.", _THIS, LOSS_MUST),
    Clause("S3", Level.MUST, "Per-pixel input [N, H, W], [N, H, W, C], [N, C, H, W] gives them in that shape.",
           "Segmentation.", _THIS, LOSS_MUST),
    Clause("S4", Level.SHOULD,
           "Per-pixel results equal those of the flattened and of the transposed input, bit for bit.",
           "A reshape is not arithmetic.", _THIS),
    Clause("S5", Level.MUST, "A zero-dimensional input gives a zero-dimensional result.", "vmap and tests use it.",
           _THIS, LOSS_MUST),
    Clause("S6", Level.MAY,
           "Empty input gives an empty loss, a zero sum, and a mean of NaN or zero, which is recorded.",
           "Frameworks differ by design; the last batch may be empty.",
           "https://github.com/pytorch/pytorch/issues/51906"),
    Clause("S7", Level.MUST, "Strided, transposed, sliced, expanded and channels-last views give what a copy gives.",
           "A view is not arithmetic.", _THIS, LOSS_MUST),
    Clause("S8", Level.MUST, "Mismatched shapes raise, pair each logit with its own label, or broadcast where declared;"
           " never an outer product of [N] and [N, 1].",
           "The silent outer product trains on the wrong pairs.",
           "https://github.com/pytorch/pytorch/issues/1939", LOSS_MUST),
    Clause("R1", Level.MUST, "none, sum and mean agree with the exact sum of the exact elements.",
           "It is what is minimised.", "Higham, section 4.2", summation(8, HALF)),
    Clause("R2", Level.MUST, "The mean is over all elements, not per image and not per batch.",
           "Three means go by the same name; learning rates depend on which.",
           "https://github.com/tensorflow/addons/issues/2431", summation(128, HALF)),
    Clause("R3", Level.SHOULD, "Reductions of 10^7 elements and more keep their accuracy.",
           "A sequential accumulator loses it.", "https://github.com/pytorch/pytorch/issues/24933",
           large_summation(10**7, HALF)),
    Clause("R4", Level.MUST, "A mean in float16 or bfloat16 is right where it fits, though sum and count do not.",
           "Mixed-precision training sees NaN, or zero.", "https://github.com/tensorflow/tensorflow/issues/115732",
           HALF_SUMMATION),
    Clause("R5", Level.MUST, "A weighted mean divides by what its documentation says.",
           "Number of elements, sum of weights, count of non-zero weights: three losses.",
           "https://github.com/pytorch/pytorch/issues/54843", summation(8, HALF)),
    Clause("R6", Level.MUST,
           "Reductions of 10^7 elements and more are off by roundings, not by per cent.",
           "A mean that is off by per cent is another loss.", "Higham and Mary (2019), theorem 3.1",
           careless_summation(10**7, HALF)),
    Clause("R7", Level.MUST,
           "Where the losses are whole numbers the sum is exact but for the last rounding; mean and gradients follow.",
           "A count that is off by one, a block that was left out, or an accumulator of half precision shows nowhere "
           "else.", "IEEE 754-2019, section 4.3: an exact result is not rounded", WHOLE),
    Clause("W1", Level.MUST, "Weights multiply the loss and gradient, element by element or broadcast.",
           "Class balancing.", _THIS, WEIGHTED_MUST),
    Clause("W2", Level.MUST, "pos_weight multiplies the positive term only, per class, with soft labels too.",
           "It has been put on the whole loss, and on half of the term.",
           "https://github.com/PaddlePaddle/Paddle/pull/65859", WEIGHTED_MUST),
    Clause("W3", Level.MUST, "pos_weight = 1 gives what no pos_weight gives.", "It is another code path.",
           "https://github.com/pytorch/pytorch/issues/13773", WEIGHTED_MUST),
    Clause("W4", Level.MUST,
           "A zero weight makes the gradient of a finite logit zero, and leaves the others alone.",
           "Padding is masked by zero weights.", _THIS, WEIGHTED_MUST),
    Clause("W5", Level.MUST, "Label smoothing a replaces z by z (1 - a) + a / 2.",
           "Another definition is another loss.", "Keras documentation of BinaryCrossentropy", WEIGHTED_MUST),
    Clause("W6", Level.SHOULD,
           "A zero weight over an infinite logit makes loss and gradient zero: each, their sum and their mean.",
           "Padding is written so, and 0 * inf = NaN in one element is NaN in the sum; the limit of 0 * loss is 0.",
           "https://github.com/pytorch/pytorch/issues/49844", WEIGHTED_MUST),
    Clause("W7", Level.MAY,
           "A zero weight over NaN gives NaN or zero, which is recorded, in loss and gradient, and touches no other "
           "element.",
           "NaN times zero is NaN by IEEE 754; a mask that selects gives zero.",
           "https://github.com/pytorch/pytorch/issues/121416", WEIGHTED_MUST),
    Clause("W8", Level.MUST,
           "Where ignore_index is offered, an element with that label has no loss and no gradient, and a mean divides "
           "by the others.",
           "Unlabelled pixels are no negatives, and do not make a mean smaller.",
           "https://github.com/qubvel-org/segmentation_models.pytorch/issues/852", WEIGHTED_MUST),
    Clause("D1", Level.MUST, "Each dtype is computed at its own precision.", "float64 in, float32 accuracy out.",
           "section Measures above", LOSS_MUST),
    Clause("D2", Level.MUST,
           "Loss and gradient have the dtype of the logits; under mixed precision the loss may be in float32.",
           "Anything else changes the next layer; a wider loss is what autocast promises.", _THIS),
    Clause("D3", Level.MUST, "Integer, bool and mixed-dtype labels are computed rightly or refused, never truncated.",
           "An integer loss is zero.", "https://github.com/pytorch/pytorch/issues/171282", LOSS_MUST),
    Clause("D4", Level.MAY,
           "Called with its defaults, a function computes in the dtype of the logits or in its framework's default "
           "one; which one is recorded.",
           "Whoever ports has to know which; the other clauses ask for the dtype of the logits.",
           "https://keras.io/api/losses/probabilistic_losses/#binarycrossentropy-class", LOSS_MUST),
    Clause("D5", Level.SHOULD,
           "A loss that mixed precision makes wider than its logits is right at the precision of its own dtype.",
           "float32 in name and half in digits: whoever compares or adds up such losses trusts what is not there.",
           "https://docs.pytorch.org/docs/stable/amp.html", LOSS_MUST),
    Clause("L1", Level.SHOULD, "loss(x, z) = loss(-x, 1 - z), and the gradients are opposite.",
           "Needs no oracle, and nearly every implementation breaks it.",
           "https://github.com/pytorch/pytorch/issues/195529", SYMMETRY),
    Clause("L2", Level.MUST, "For hard labels the loss is monotone in the logit, within the bound.",
           "Ranking by loss.", _THIS, AGREEMENT),
    Clause("L3", Level.MUST, "The loss is convex in the logit: its gradient never decreases, within the bound.",
           "Optimisers rely on it.", _THIS, AGREEMENT),
    Clause("L4", Level.MUST, "The same input twice gives the same bits.", "Reproducible training.", _THIS),
    Clause("L5", Level.SHOULD, "An element's bits depend on nothing but that element.",
           "Not on position, length, or neighbours: a batch of one must reproduce a batch of many.",
           "https://docs.pytorch.org/docs/stable/notes/numerical_accuracy.html"),
    Clause("L6", Level.MUST, "Inputs are left unchanged.", "They are used again.", _THIS),
    Clause("L7", Level.MUST, "Every mode is within the bound of the exact value, and so agrees with the others.",
           "A compiler is not allowed another loss.", "https://github.com/tensorflow/tensorflow/issues/118313",
           LOSS_MUST),
    Clause("L8", Level.MUST, "A class that only calls a function gives that function's bits.",
           "Who reads the one's verdict relies on it for the other.", _THIS),
    Clause("L9", Level.SHOULD,
           "An ambient switch (default dtype or device, threads, flush to zero, ...) changes no bit without a word: "
           "only what its documentation says, or by an error.",
           "Who sets it for a layer's sake does not look at the loss; heard with --thorough, or by name.",
           "https://docs.pytorch.org/docs/stable/notes/numerical_accuracy.html", AGREEMENT),
    Clause("E1", Level.MUST,
           "Mismatched shapes, wrong dtypes and unknown reductions raise the framework's own error.",
           "A number would be believed.", _THIS),
    Clause("E2", Level.MAY, "Labels outside [0, 1] are refused or give the formula's value; which one is recorded.",
           "No document promises either.", "https://github.com/pytorch/pytorch/issues/110865", LOSS_MUST),
    *_PROBABILITIES,
    *_CONFIGURATIONS,
)
# fmt: on

CLAUSES: dict[str, Clause] = {clause.id: clause for clause in _CLAUSES}


def bound(clause: str) -> Bound:
    """The bound of a clause that has one; raises LookupError for the others."""
    found = CLAUSES[clause].bound
    if found is None:
        raise LookupError(f"clause {clause} compares no numbers")
    return found
