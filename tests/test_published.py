"""What README and reports/ say, held against the published records."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.version import Version

from conformance.golden.collection import load_all
from conformance.records import record
from conformance.records.ledger import FILE, load
from conformance.remote import manifest
from conformance.report import accuracy, findings, markdown, page
from conformance.report.causes import causes, of_functions
from conformance.report.standing import standing
from conformance.report.states import SEVERITIES
from conformance.storage import content
from conformance.verbs.reporting import results
from tests import fairness, retold

ROOT = content.PACKAGE.parent
PUBLISHED = ROOT / "reports" / "cpu"


@pytest.fixture(scope="module")
def merged() -> page.Merged:
    """The published reference run."""
    return page.merge(list(record.read(each)) for each in results(PUBLISHED))


def test_readme_shows_what_the_published_run_found(merged: page.Merged) -> None:
    """Word for word."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert markdown.table(merged).strip() in readme


def test_accuracy_and_findings_say_what_all_published_runs_found() -> None:
    """Word for word; CONTRIBUTING.md has the command. Older releases are told by reports/versions."""
    folders = ("reports/cpu", "reports/frameworks", "reports/sweeps")
    everything = page.merge(list(record.read(each)) for folder in folders for each in results(ROOT / folder))

    assert everything.notes == []
    assert (ROOT / "ACCURACY.md").read_text(encoding="utf-8") == accuracy.text(everything, " ".join(folders))
    assert (ROOT / "reports" / "FINDINGS.md").read_text(encoding="utf-8") == findings.text(
        everything, " ".join(folders)
    )


@pytest.mark.parametrize("path", retold.published(), ids=lambda path: str(path.relative_to(ROOT)))
def test_published_runs_speak_in_the_words_of_today(path: Path) -> None:
    """Of the ledgers and of what adapter.toml tells; `python -m tests.retold` puts them there."""
    head = next(iter(record.read(path)))

    assert retold.retold(head) == head


def test_readme_counts_the_cases() -> None:
    """It says: more than 260."""
    assert len(load_all()) > 260


def test_nothing_in_the_published_run_is_unexpected(merged: page.Merged) -> None:
    """It was judged with the ledgers beside it."""
    assert [check for check in merged.checks if not check["expected"]] == []


KNOWN_WRONG_ANSWERS = [
    ("tensorflow", "weighted_cross_entropy_with_logits", "G3", "gradients/zero-logit-hard-labels"),
    ("pytorch", "binary_cross_entropy_with_logits", "V3", "values/confident-negative"),
    ("pytorch", "binary_cross_entropy_with_logits", "G2", "values/saturated-positive"),
    ("tensorflow", "sigmoid_cross_entropy_with_logits", "V4", "values/infinite-logits-hard-labels"),
    ("pytorch", "binary_cross_entropy_with_logits", "V4", "values/infinite-logits-hard-labels"),
    ("jax", "optax.sigmoid_binary_cross_entropy", "V4", "values/infinite-logits-hard-labels"),
    ("tensorflow", "sigmoid_cross_entropy_with_logits", "R4", "reductions/half-mean-of-zeros"),
]


@pytest.mark.parametrize(("adapter", "implementation", "clause", "case"), KNOWN_WRONG_ANSWERS)
def test_the_known_wrong_answers_were_found(
    merged: page.Merged, adapter: str, implementation: str, clause: str, case: str
) -> None:
    """By the suite on its own."""
    found = [
        check
        for check in merged.checks
        if (check["subject"]["adapter"], check["subject"]["implementation"]) == (adapter, implementation)
        and (check["clause"], check["case"], check["outcome"]) == (clause, case, "deviates")
    ]

    assert found


def test_every_deviation_is_explained_and_seen() -> None:
    """No entry without a reason of its own, and none that nothing shows."""
    for folder in content.adapter_folders().values():
        ledger = load(folder / FILE)
        assert "unexplained" not in ledger.deviations
        assert {scope.deviation for scope in ledger.scopes} == set(ledger.deviations)


_TORCH = ("pytorch/pytorch",)
_JAX = ("google-deepmind/optax", "jax-ml/jax", "google/jax")
_KERAS = ("keras-team/keras", "keras-team/keras-core")
TRACKERS = {
    "distrax": ("google-deepmind/distrax", *_JAX),
    "fvcore": ("facebookresearch/fvcore", *_TORCH),
    "jax": _JAX,
    "keras_jax": (*_KERAS, *_JAX),
    "keras_numpy": (*_KERAS, "numpy/numpy"),
    "keras_torch": (*_KERAS, *_TORCH),
    "kornia": ("kornia/kornia", *_TORCH),
    "mindspore": ("mindspore-ai/mindspore",),
    "mlx": ("ml-explore/mlx",),
    "monai": ("Project-MONAI/MONAI", *_TORCH),
    "numpy": ("numpy/numpy", "scipy/scipy"),
    "numpyro": ("pyro-ppl/numpyro", *_JAX),
    "onnxruntime": ("microsoft/onnxruntime", *_TORCH),
    "openvino": ("openvinotoolkit/openvino", *_TORCH),
    "paddle": ("PaddlePaddle/Paddle",),
    "pytorch": _TORCH,
    "sklearn": ("scikit-learn/scikit-learn",),
    "smp": ("qubvel-org/segmentation_models.pytorch", "qubvel/segmentation_models.pytorch", *_TORCH),
    "tensorflow": ("tensorflow/tensorflow", "keras-team/keras", "keras-team/tf-keras"),
    "tfjs": ("tensorflow/tfjs",),
    "tfp_jax": ("tensorflow/probability", *_JAX),
    "timm": ("huggingface/pytorch-image-models", *_TORCH),
    "tinygrad": ("tinygrad/tinygrad",),
    "torchvision": ("pytorch/vision", *_TORCH),
}


def test_upstream_is_the_accused_projects_own_tracker() -> None:
    """An analogy in another project is related, and says so."""
    for name, folder in content.adapter_folders().items():
        own = tuple(f"https://github.com/{project}/" for project in TRACKERS[name])
        for each in load(folder / FILE).deviations.values():
            assert not each.link or each.link.startswith(own), each.id


def test_what_is_not_documented_says_what_a_user_sees_and_how_grave_it_is(merged: page.Merged) -> None:
    """Of public functions; with a script of the framework alone that names what is exact."""
    for cause in of_functions(causes(merged)):
        assert cause["title"], cause["id"]
        assert cause["severity"] in SEVERITIES, cause["id"]
        last = cause["reproducer"].rstrip().splitlines()[-1]
        assert "# got " in last, cause["id"]
        assert ", exact " in last, cause["id"]


def test_no_cause_mixes_public_functions_with_what_others_compose(merged: page.Merged) -> None:
    """Each has one role, so that no function answers for a control."""
    who = standing(merged)
    for adapter, folder in content.adapter_folders().items():
        roles: dict[str, set[str]] = {}
        for check in merged.checks:
            if check.get("deviation") and check["subject"]["adapter"] == adapter:
                roles.setdefault(check["deviation"], set()).add(who.role(check) == "function")
        assert all(len(found) == 1 for found in roles.values()), (adapter, roles)
        assert folder


def test_the_published_run_accuses_public_functions_of_their_own_faults_only() -> None:
    """No control, composition, duplicate, documented behaviour, refusal or right result is among must and should."""
    assert fairness.main([str(PUBLISHED)]) == 0


def test_reproducers_are_short(merged: page.Merged) -> None:
    """At most ten lines, and no word of this suite."""
    for check in merged.checks:
        lines = check.get("reproducer", "").splitlines()
        assert len(lines) <= 10, check
        assert not any("conformance" in line for line in lines), check


def test_the_others_are_as_their_ledgers_say_and_as_many_as_readme_says() -> None:
    """The published runs of frameworks with environments of their own: every check is expected, in a known version."""
    folders, count = content.adapter_folders(), 0
    for path in sorted((ROOT / "reports" / "frameworks").glob("*.gz")):
        checks = [each for each in record.read(path) if each["record"] == "check"]
        (name,) = {each["subject"]["adapter"] for each in checks}
        (version,) = {each["subject"]["version"] for each in checks}
        count += len(checks)

        assert [each for each in checks if not each["expected"]] == []
        assert f"{name}.jsonl.gz" == path.name
        assert Version(version) in map(Version, manifest.read(folders[name]).published)
        listed = load(folders[name] / FILE).deviations
        assert {each["deviation"] for each in checks if "deviation" in each} <= set(listed)
    assert f" {count:,} checks of PaddlePaddle" in (ROOT / "README.md").read_text(encoding="utf-8")
