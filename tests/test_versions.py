"""The published runs of several releases: each known bug is found where it is, and is absent where it is mended."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from packaging.version import Version

from conformance.records import record
from conformance.records.ledger import FILE, load
from conformance.records.record import Record
from conformance.remote import manifest
from conformance.report import history, release
from conformance.spec.outcome import Conforms, Crashed, Deviates, Errored, NoData, Outcome, Unsupported
from conformance.storage import content
from conformance.subjects.subject import Subject

ROOT = content.PACKAGE.parent
FOLDER = ROOT / "reports" / "versions"
FOCAL = "optax.sigmoid_focal_loss"
KERAS = "keras.losses.BinaryCrossentropy(from_logits=False)"
FUNCTION = "binary_cross_entropy_with_logits"
LOGITS = "BernoulliLogits.log_prob"
KNOWN = [  # adapter, implementation, mode, clause, case, the releases that have it, those beside them that do not
    ("jax", FOCAL, "*", "G1", "values/saturated-positive", ("0.6.2, optax 0.2.4", "0.6.2, optax 0.2.5"),
     ("0.6.2, optax 0.2.6", "0.6.2, optax 0.2.8")),
    ("sklearn", "metrics.log_loss", "*", "P4", "probabilities/certain-and-right", ("1.1.3",), ("1.2.0", "1.9.1")),
    ("sklearn", "HalfBinomialLoss", "*", "G1", "gradients/logit-of-minus-thousand", ("1.1.3", "1.3.2"),
     ("1.4.0", "1.9.1")),
    ("numpyro", LOGITS, "*", "V4", "values/infinite-logits-hard-labels", ("0.21.0",), ("0.22.0",)),
    ("numpyro", LOGITS, "*", "V5", "values/nan-logit", ("0.22.0",), ("0.21.0",)),
    ("paddle", FUNCTION, "*", "W2", "weights/pos-weight-gradient-at-two", ("2.6.2",), ("3.0.0", "3.3.1")),
    ("paddle", FUNCTION, "*", "W2", "weights/pos-weight-negative-tail", ("2.6.2",), ("3.0.0", "3.3.1")),
    ("paddle", FUNCTION, "*", "G3", "gradients/zero-logit-hard-labels", ("3.0.0", "3.3.1"), ("2.6.2",)),
    ("pytorch", FUNCTION, "eager", "V3", "values/saturated-positive", ("2.2.2",), ("2.3.1", "2.8.0", "2.13.0+cpu")),
    ("pytorch", "Bernoulli.log_prob", "func", "V1", "dtypes/float32-beyond-half-range", ("2.2.2", "2.3.1"),
     ("2.8.0", "2.13.0+cpu")),
    ("tensorflow", KERAS, "*", "P1", "probabilities/around-one-ten-millionth", ("2.15.1",), ("2.18.1", "2.21.0")),
    ("tensorflow", "sigmoid_cross_entropy_with_logits", "xla", "R6", "reductions/large-log-two", ("2.21.0",),
     ("2.15.1", "2.18.1")),
]  # fmt: skip


@functools.cache
def published(adapter: str) -> Sequence[Record]:
    """The records of one framework's releases."""
    return list(record.read(FOLDER / f"{adapter}.jsonl.gz"))


@pytest.mark.parametrize(("adapter", "implementation", "mode", "clause", "case", "bad", "good"), KNOWN)
def test_a_known_bug_is_found_in_the_releases_that_have_it_and_in_no_other(
    adapter: str, implementation: str, mode: str, clause: str, case: str, bad: tuple[str, ...], good: tuple[str, ...]
) -> None:
    """In some mode there; elsewhere it is judged and conforms, or is refused in the framework's own words."""
    outcomes: dict[str, set[str]] = {}
    for each in published(adapter):
        if each["record"] == "check" and (each["subject"]["implementation"], each["clause"], each["case"]) == (
            implementation, clause, case,
        ) and fnmatchcase(each["subject"]["mode"], mode):  # fmt: skip
            outcomes.setdefault(release.of(each)[1], set()).add(each["outcome"])

    for version in bad:
        assert outcomes[version] & {"deviates", "errored"}, version
    for version in good:
        assert "conforms" in outcomes[version], version
        assert outcomes[version] <= {"conforms", "unsupported"}, version


RECORDED = sorted(FOLDER.glob("*.gz")) + sorted((ROOT / "reports" / "frameworks").glob("*.gz"))


@pytest.mark.parametrize("path", [*RECORDED, ROOT / "reports" / "cpu" / "results.jsonl.gz"], ids=lambda path: path.stem)
def test_every_check_is_as_the_ledger_of_its_release_says(path: Path) -> None:
    """Judged anew by the ledgers that are here, as when it was recorded: what is said of one release is of no other."""
    head, *others = record.read(path)
    folders = {label: content.adapter_folders()[release.taken_apart(label, "")[0]] for label in head["adapters"]}
    ledgers = {
        label: load(folder / FILE).beside(head["adapters"][label]["versions"]) for label, folder in folders.items()
    }
    for each in (other for other in others if other["record"] == "check"):
        subject = Subject(**each["subject"])
        found = ledgers[subject.adapter].judge(subject, each["clause"], each["case"], outcome_of(each))

        assert (found.expected, found.deviation) == (each["expected"], each.get("deviation", "")), each
        assert found.expected, each


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.gz")), ids=lambda path: path.stem)
def test_the_releases_are_those_that_adapter_toml_names(path: Path) -> None:
    """For `doctor`, which says of other versions that they were not judged."""
    name = path.name.removesuffix(".jsonl.gz")
    checks = [each for each in published(name) if each["record"] == "check"]
    known = manifest.read(content.adapter_folders()[name]).published

    assert {release.of(each)[0] for each in checks} == {name}
    assert {Version(each["subject"]["version"]).public for each in checks} == set(known)


def outcome_of(check: Record) -> Outcome:
    """What was recorded, as the ledger takes it."""
    if check["outcome"] == "deviates":
        return Deviates(check["signature"], "")
    made = {"unsupported": Unsupported, "errored": Errored, "crashed": Crashed, "no-data": NoData}
    return made[check["outcome"]]("") if check["outcome"] in made else Conforms()


def test_the_page_says_when_the_focal_gradient_was_mended() -> None:
    """It came before the oldest release that was judged, and went in 0.2.6."""
    found = history.history([published("jax")])
    (line,) = (each for each in found.changing("jax") if each.id == "focal-loss-gradient-nan")

    assert line.told(found.versions["jax"]) == "gone in 0.6.2, optax 0.2.6, after 0.6.2, optax 0.2.5"


def test_readme_says_how_many_releases_are_published() -> None:
    """Of how many frameworks."""
    found = history.history([published(path.name.removesuffix(".jsonl.gz")) for path in sorted(FOLDER.glob("*.gz"))])
    count = sum(len(each) for each in found.versions.values())

    assert f"{count} releases of {len(found.versions)} frameworks" in (ROOT / "README.md").read_text(encoding="utf-8")
