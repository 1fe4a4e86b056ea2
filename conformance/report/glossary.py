"""The words that this page uses in a sense of its own, each in a sentence."""

from __future__ import annotations

GLOSSARY = {
    "ULP": "The gap between a number and the next one of its dtype: in float32 about 1.2e-7 of the number. An "
    "error of ½ ULP is correct rounding.",
    "result ULP": "The error in ULP of the exact result: |got - exact| / ulp(exact).",
    "scaled ULP": "The same error in ULP of the largest term that the usual formulas must add. It forgives what "
    "cancellation costs; must clauses are measured in it.",
    "tail": "The loss or gradient of a confident right answer: e^-|x|, small but not 0.",
    "lost": "Less than half of the digits are right, often none: a tail that comes out as 0.",
    "flushed": "A subnormal result that became 0. It is counted apart and is no error.",
    "must, should, may": "How strict a clause is. Must: a deviation is more than rounding excuses. Should: "
    "accuracy or a feature is lost that could be had. May: several behaviours are accepted. How grave a deviation "
    "is for a user is its severity.",
    "severity": "What a deviation does to a user: silent and large, the run dies, silent and small, refused or "
    "missing; or documented.",
    "clause": "One numbered sentence of the specification, with a letter for its chapter: V values, G gradients, S "
    "shapes, R reductions, W weights, D dtypes, L laws, E errors, P probabilities, C configurations.",
    "case": "One golden input with its proven results.",
    "check": "One clause tested on one case for one subject.",
    "subject": "An implementation in one mode, on one device, in one dtype, of one version.",
    "function, composition, control": "A public function of a framework; a formula that users write from its "
    "parts; and one that this suite wrote, to be caught or to be right. Verdicts speak of functions.",
    "eager": "Called directly, without a compiler.",
    "compiled": "Under torch.compile or jax.jit.",
    "graph": "Inside tf.function, which is what Keras' fit runs.",
    "xla": "Inside tf.function(jit_compile=True).",
    "session": "In a TensorFlow 1 Session.",
    "func": "Under the transforms of torch.func (grad, vmap, jvp), which differentiate another formula.",
    "autocast": "Under torch.autocast, mixed precision: the logits are half precision, and most losses are computed in "
    "float32.",
    "documented": "It deviates, and the framework's own documentation says so: a difference, nobody's fault.",
    "unsupported": "The function does not offer what the case needs, and says so: neither right nor wrong.",
    "HA, LA, EP": "Grades of accuracy: at most 1 ULP (high), at most 4 ULP (low), half of the digits (enhanced "
    "performance).",
    "port recipe": "The same loss written for one call: a script that was run as it stands, on numbers that "
    "all recipes share.",
}
