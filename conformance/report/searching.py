"""One search over everything: deviations, cases, clauses, issues and words, with what people call them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from conformance.report.causes import Cause
from conformance.report.glossary import GLOSSARY
from conformance.report.merge import Merged
from conformance.report.pack import packed
from conformance.report.states import SEVERITIES
from conformance.report.titles import short, titles
from conformance.spec.clauses import CLAUSES

# What people write, and what to look for: any of the alternatives, each a choice of words that must all be there.
SYNONYMS = {
    "mask": ["mask", "infinite", "ignore-index", "padding"],
    "masked": ["mask", "infinite", "ignore-index", "padding"],
    "padding": ["padding", "mask", "ignore-index"],
    "ignore_index": ["ignore-index", "ignore_index"],
    "mixed precision": ["autocast", "mixed-precision", "half precision"],
    "amp": ["autocast"],
    "fp16": ["float16"],
    "half": ["half", "float16", "bfloat16"],
    "bf16": ["bfloat16"],
    "sample weight": ["per-example", "per-image", "weight", "sample_weight"],
    "sample_weight": ["sample_weight", "per-example", "per-image"],
    "class weight": ["pos-weight", "per-class", "pos_weight"],
    "class_weight": ["pos-weight", "per-class", "pos_weight"],
    "channels": ["channel", "nhw", "layout-channels-last", "picture"],
    "channels last": ["channels-last", "layout-transposed-picture"],
    "channels first": ["channels-last", "layout-transposed-picture", "mask-one-channel"],
    "[n,h,w,1]": ["mask-one-channel", "[n, 1]", "column", "last axis"],
    "[n,1]": ["[n, 1]", "column"],
    "nan loss": ["nan"],
    "nan": ["nan"],
    "jit": ["compiled", "xla", "torch.compile", "jit"],
    "torch.compile": ["compiled", "torch.compile"],
    "tf.function": ["graph", "tf.function", "traced"],
    "label smoothing": ["smoothing"],
    "smooth": ["smoothing"],
    "vmap": ["torch.func", "vmap"],
    "hessian": ["second derivative", "second-derivative"],
    "broadcast": ["broadcast", "[n, n]", "column", "paired"],
    "focal": ["focal"],
}


def searching(merged: Merged, found: Sequence[Cause]) -> str:
    """The index, packed: rows of kind, title, address, where, and lower-case text."""
    rows = [*_doors(), *_causes(found, titles(merged)), *_cases(merged), *_clauses(), *_words()]
    return packed({"rows": rows, "synonyms": SYNONYMS}, {})


_DOORS = {
    "Port a model with sample weights": ("#port?weight=1", "sample weight sample_weight weights per-example per-image"),
    "Port a model with class weights": ("#port?classes=1", "class weight class_weight pos_weight pos-weight per-class"),
    "Port a model with label smoothing": ("#port?smoothing=1", "label smoothing label_smoothing smooth"),
    "Port a model with masked logits": (
        "#port?mask=1",
        "mask masked padding ignore_index ignore-index -inf infinite nan",
    ),
    "Port a model under autocast": (
        "#port?pdtype=bfloat16%2Bautocast",
        "autocast mixed precision mixed-precision amp half precision bfloat16 bf16 float16",
    ),
    "Port masks of one class, [N, H, W, 1]": (
        "#port?pshape=one%2Bonefirst",
        "[n,h,w,1] [n, h, w, 1] channels last channels first segmentation pixels mask-one-channel",
    ),
    "Judge a kernel": ("#kernel", "kernel triton cuda fused judge command traps golden vectors fastest"),
}


def _doors() -> Iterator[list[str]]:
    for title, (href, words) in _DOORS.items():
        yield ["door", title, href, "", _text(title, words)]


def _causes(found: Sequence[Cause], named_as: Mapping[str, str]) -> Iterator[list[str]]:
    for cause in found:
        address = f"#why-{cause['adapter']}-{cause['id']}"
        severity = SEVERITIES.get(cause["severity"], "")
        documented = "documented" if cause["rows"][0]["documented"] else ""
        texts = [
            *(
                cause[key]
                for key in ("id", "title", "reason", "harm", "right", "link", "related", "documented", "level")
            )
        ]
        texts += [
            severity,
            documented,
            *cause["clauses"],
            *cause["implementations"],
            *cause["modes"],
            *cause["dtypes"],
            cause["role"],
        ]
        framework = named_as.get(cause["adapter"], cause["adapter"])
        said = _text(cause["adapter"], framework, *texts)
        yield ["deviation", cause["title"] or cause["id"], address, short(framework), said]
        for key in ("link", "related"):
            for link in cause[key].split():
                told = "issue of its own" if key == "link" else "related"
                yield [
                    "issue",
                    link.replace("https://", ""),
                    address,
                    f"{told}: {cause['title'] or cause['id']}",
                    _text(link, cause["title"]),
                ]


def _cases(merged: Merged) -> Iterator[list[str]]:
    for name, each in merged.cases.items():
        links = each.get("links", [])
        text = _text(
            name,
            each["idea"],
            each["source"],
            *links,
            *each["flags"],
            *each["clauses"],
            *_flat(each.get("settings", {})),
        )
        yield ["case", each["idea"], f"#cases?case={name.replace('/', '%2F')}", name, text]


def _clauses() -> Iterator[list[str]]:
    for clause in CLAUSES.values():
        yield [
            "clause",
            clause.sentence,
            f"#clause-{clause.id}",
            clause.id,
            _text(clause.id, clause.sentence, str(clause.level)),
        ]


def _words() -> Iterator[list[str]]:
    for word, sentence in GLOSSARY.items():
        yield ["word", word, f"#word-{slug(word)}", sentence, _text(word, sentence)]


def slug(word: str) -> str:
    """A word as a part of an address."""
    return "-".join("".join(letter if letter.isalnum() else " " for letter in word.lower()).split())


def _flat(settings: dict[str, Any]) -> list[str]:
    return [str(part) for item in settings.items() for part in item]


def _text(*parts: str) -> str:
    return " ".join(parts).lower()
