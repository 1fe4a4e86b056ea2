"""What a call can be: its factors and their values. The first value of each is the plain call.

To add one: a line here, and what it means in ``plan`` (operands) or ``trial`` (how they are put to the function).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from conformance.arithmetic.dtype import DTYPES
from conformance.subjects.subject import Runner

Values = tuple[str, ...]
Row = Mapping[str, str]  # a value for each factor

SHAPES: dict[str, tuple[int, ...]] = {
    "matrix": (5, 7),
    "scalar": (),
    "empty": (0,),
    "empty rows": (0, 5),
    "one": (1,),
    "vector": (61,),
    "block": (129,),
    "power": (256,),
    "square": (8, 8),
    "column": (7, 1),
    "wide": (3, 300),
    "classes": (2, 1100),
    "pixels": (2, 3, 4, 5),
    "pixels last": (2, 4, 5, 3),
    "volume": (2, 3, 2, 3, 2),
    "long": (66_001,),  # more than float16 can count
    "large": (3, 44_041),  # more than 2^17
}
LARGE = ("long", "large")
_FEW = ("scalar", "empty", "empty rows", "one")  # no layout but one
_RANK_4 = ("pixels", "pixels last")
_VIEWS = ("transposed", "strided", "sliced", "expanded")
OTHER_DTYPES = {  # two floating dtypes of an operand that are not that of the logits
    "float64": ("float32", "float16"),
    "float32": ("float64", "float16"),
    "float16": ("float32", "float64"),
    "bfloat16": ("float32", "float64"),
}
_WEIGHTS = ("weight", "pos_weight")
SMOOTHING = 0.25  # exact in every dtype

BEFORE = ("dtype", "labels", "layout", "rank", "options")  # histories in which another call comes first

FACTORS: dict[str, Values] = {
    "inputs": ("everyday", "tails", "anywhere", "nan"),
    "shape": tuple(SHAPES),
    "labels dtype": ("same", "other", "another", "int32", "bool"),
    "weight dtype": ("same", "other"),
    "pos_weight dtype": ("same", "other"),
    "logits layout": ("contiguous", *_VIEWS, "channels_last"),
    "labels layout": ("contiguous", *_VIEWS, "channels_last"),
    "weight layout": ("contiguous", *_VIEWS),
    "pos_weight layout": ("contiguous", *_VIEWS),
    "cotangent layout": ("contiguous", *_VIEWS, "broadcast"),
    "weight": ("none", "scalar", "classes", "examples", "full", "gaps"),
    "pos_weight": ("none", "scalar", "classes", "full"),
    "smoothing": ("none", "some"),
    "reduction": ("none", "sum", "mean"),
    "cotangent": ("ones", "varied", "gaps"),
    "asked": ("logits", "all", "labels", "weights", "nothing"),
    "history": ("first", *BEFORE, "again", "interleaved", "refilled", "overwritten"),
    "beyond": ("nothing", "forward", "second", "mixed", "upstream"),
}
DEFAULTS: Row = {name: values[0] for name, values in FACTORS.items()}

_SAID = {
    "inputs": {
        "tails": "logits lie in the tails",
        "anywhere": "logits are of any size",
        "nan": "an element is NaN",
    },
    "weight": {
        "scalar": "weight is a scalar",
        "classes": "weight is per class",
        "examples": "weight is per example",
        "full": "weight is given for each element",
        "gaps": "weights are 0 here and there",
    },
    "pos_weight": {
        "scalar": "pos_weight is a scalar",
        "classes": "pos_weight is per class",
        "full": "pos_weight is given for each element",
    },
    "smoothing": {"some": f"labels are smoothed by {SMOOTHING}"},
    "cotangent": {"varied": "the cotangent varies", "gaps": "the cotangent is 0 here and there"},
    "asked": {
        "all": "every operand is differentiated together",
        "labels": "only the labels are differentiated",
        "weights": "only the weights are differentiated",
        "nothing": "nothing is differentiated",
    },
    "history": {
        "dtype": "it follows a call of another dtype",
        "labels": "it follows a call with labels of another dtype",
        "layout": "it follows a call with other strides",
        "rank": "it follows a call of another rank",
        "options": "it follows a call with other options",
        "again": "the backward pass runs twice",
        "interleaved": "two forward passes come before two backward passes",
        "refilled": "the same tensors hold new values",
        "overwritten": "operands are overwritten before the backward pass, without an error",
    },
    "beyond": {
        "forward": "forward mode is used",
        "second": "it is differentiated twice",
        "mixed": "it is differentiated by logits and labels",
        "upstream": "its gradient is differentiated by the cotangent",
    },
}


def values_for(runner: Runner, cheap: bool) -> dict[str, Values]:
    """The values of each factor that a runner can be asked for; of the costly ones a few only, unless ``cheap``."""
    implementation, adapter = runner.implementation, runner.adapter
    found = dict(FACTORS)
    reductions = implementation.reductions
    found["reduction"] = tuple(dict.fromkeys(("none", "sum", "mean", *reductions)))
    found["reduction"] = _only(found["reduction"], reductions)
    found["asked"] += adapter.contexts
    layouts = ("contiguous", *adapter.layouts)
    found |= {name: _only(values, layouts) for name, values in found.items() if name.endswith(" layout")}
    for name in _WEIGHTS:
        if not implementation.offers(name):
            found |= {each: found[each][:1] for each in (name, f"{name} dtype", f"{name} layout")}
    if not implementation.offers("weight"):
        found["asked"] = _without(found["asked"], ("weights",))
    if not implementation.offers("label_smoothing"):
        found["smoothing"] = found["smoothing"][:1]
    if not adapter.refills:
        found["history"] = _without(found["history"], ("refilled",))
    # That an operand was overwritten only the first mode's differentiation promises to notice.
    if not adapter.refills or runner.subject.mode != adapter.modes[0]:
        found["history"] = _without(found["history"], ("overwritten",))
    if runner.subject.mode in adapter.mixed:
        # Half logits beside float32: the first of their other dtypes.
        found |= {f"{name} dtype": ("other",) for name in ("labels", *_WEIGHTS) if len(found[f"{name} dtype"]) > 1}
    if runner.subject.mode in adapter.compiles_slowly:
        found["history"] = _without(found["history"], ("again",))  # what is compiled may reuse what a graph would keep
    return found if cheap else _few(found)


def _few(found: dict[str, Values]) -> dict[str, Values]:
    """For a mode in which each shape, rank and dtype costs a compilation."""
    layouts = {name: _only(values, ("contiguous", "transposed")) for name, values in found.items() if "layout" in name}
    return found | layouts | {
        "shape": ("matrix", "vector", "pixels"),
        "labels dtype": _without(found["labels dtype"], ("another", "bool")),
        "weight": _without(found["weight"], ("examples",)),
        "history": _without(found["history"], ("rank", "layout")),
    }  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """Where ``factor`` has one of ``values``, ``other`` has one of ``choice``; with ``never``, none of them."""

    factor: str
    values: Values
    other: str
    choice: Values
    never: bool = False

    def broken(self, row: Row) -> bool:
        """True if the row has what cannot be together."""
        return row[self.factor] in self.values and (row[self.other] in self.choice) == self.never


_DERIVED = ("logits", "all", "labels", "weights")
# In this order: what a rule takes back may break a later one.
RULES = (
    *(Rule(f"{name} layout", ("channels_last",), "shape", _RANK_4) for name in ("logits", "labels")),
    *(Rule(f"{name} layout", _VIEWS, "shape", _FEW, never=True) for name in ("logits", "labels", *_WEIGHTS)),
    Rule("weight", ("classes", "examples"), "shape", ("scalar", *LARGE), never=True),
    Rule("pos_weight", ("classes",), "shape", ("scalar", *LARGE), never=True),
    # What a mean by weights divides by, where these are broadcast, no documentation says.
    Rule("weight", ("scalar", "classes", "examples"), "reduction", FACTORS["reduction"]),
    Rule("weight layout", _VIEWS, "weight", ("full", "gaps")),
    Rule("pos_weight layout", _VIEWS, "pos_weight", ("full",)),
    Rule("weight dtype", ("other",), "weight", ("none",), never=True),
    Rule("pos_weight dtype", ("other",), "pos_weight", ("none",), never=True),
    Rule("asked", ("weights",), "weight", ("none",), never=True),
    Rule("asked", ("labels",), "labels dtype", ("int32", "bool"), never=True),
    Rule("history", ("again", "interleaved", "overwritten"), "asked", _DERIVED),
    *(
        Rule("history", ("refilled", "overwritten"), f"{name} layout", ("expanded",), never=True)
        for name in ("logits", "labels", *_WEIGHTS)
    ),
    Rule("cotangent", ("varied", "gaps"), "asked", _DERIVED),
    Rule("cotangent layout", (*_VIEWS, "broadcast"), "asked", _DERIVED),
    Rule("cotangent layout", (*_VIEWS, "broadcast"), "shape", _FEW, never=True),
    Rule("cotangent layout", (*_VIEWS, "broadcast"), "reduction", ("none",)),
    Rule("beyond", FACTORS["beyond"][1:], "asked", _DERIVED),
    Rule("beyond", ("mixed",), "labels dtype", ("int32", "bool"), never=True),
    Rule("beyond", ("mixed",), "inputs", ("nan",), never=True),  # by the labels the slope is -1, whatever the logit
)


def mended(row: Row) -> Row:
    """The row with the plain value for each that cannot be together with another."""
    found = dict(row)
    for rule in RULES:
        if rule.broken(found):
            found[rule.factor] = DEFAULTS[rule.factor]
    return found


def said(factor: str, value: str, dtype: str) -> str:
    """A value that is not the plain one, as a part of a sentence about a subject of the dtype."""
    if text := _SAID.get(factor, {}).get(value):
        return text
    subject, _, what = factor.partition(" ")
    if what == "dtype":
        return f"{subject} {'is' if subject != 'labels' else 'are'} {dtype_of(value, dtype)}"
    if what == "layout":
        return f"{subject} {'is' if 'ent' in subject or 'weight' in subject else 'are'} {value.replace('_', '-')}"
    if factor == "shape":
        return f"the shape is {list(SHAPES[value])}"
    if factor == "asked":
        return f"it runs under {value}"
    return f"{factor} is {value}"


def dtype_of(value: str, dtype: str) -> str:
    """The dtype that a value of a dtype's factor stands for beside logits of ``dtype``."""
    if value in ("other", "another"):
        return OTHER_DTYPES[dtype][("other", "another").index(value)]
    return dtype if value == "same" else value


def coarser(first: str, second: str) -> str:
    """The one of two floating dtypes with fewer digits."""
    return min(first, second, key=lambda name: DTYPES[name].precision)


def _only(values: Iterable[str], wanted: Iterable[str]) -> Values:
    known = set(wanted)
    return tuple(value for value in values if value in known)


def _without(values: Iterable[str], unwanted: Iterable[str]) -> Values:
    gone = set(unwanted)
    return tuple(value for value in values if value not in gone)
