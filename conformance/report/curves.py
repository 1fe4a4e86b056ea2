"""Where it is wrong: what each subject returned on the grid, as ULPs of the exact values in the records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

from conformance import operator
from conformance.arithmetic.dtype import DTYPES, Dtype
from conformance.arithmetic.exact import Exact, Floats
from conformance.arithmetic.ulp import Errors, Kind, measure
from conformance.errors import UsageError
from conformance.golden.grid import QUANTITIES, unpacked
from conformance.records.record import Record
from conformance.report.merge import Merged, named
from conformance.report.pack import packed

# An error as 16 bits: 512 steps an octave of 1 + ULP, the largest codes for what is no distance.
STEPS = 512
LARGEST = 65000
NAN, INFINITE, FLUSHED, ABSENT = 65535, 65534, 65533, 65532
Codes = npt.NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class Lattice:
    """A dtype's grid as the records hold it."""

    dtype: Dtype
    logits: Floats
    labels: Floats
    exact: dict[str, Exact]

    def elements(self, labels: int) -> tuple[Floats, Floats]:
        """Logits and labels of the elements for the first so many labels."""
        return np.tile(self.logits, labels), np.repeat(self.labels[:labels], len(self.logits))


@dataclass(frozen=True, eq=False)
class Sample:
    """One quantity of one subject on its dtype's lattice."""

    subject: dict[str, str]
    quantity: str
    labels: int
    got: Floats
    errors: Errors


def lattices(merged: Merged) -> dict[str, Lattice]:
    """The grids of the records by dtype."""
    return {name: _lattice(record) for name, record in merged.grids.items() if name in DTYPES}


def samples(merged: Merged, grids: dict[str, Lattice]) -> Iterator[Sample]:
    """The curves that have values, measured."""
    for record in merged.curves:
        lattice = grids.get(record["subject"]["dtype"])
        if "values" in record and lattice is not None:
            yield _sample(record, lattice)


def curves(merged: Merged, grids: dict[str, Lattice], measured: list[Sample]) -> str:
    """The curves' data for the page, packed."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    for name, lattice in grids.items():
        arrays[f"logits.{name}"] = lattice.logits
        arrays[f"labels.{name}"] = lattice.labels
    listed = []
    for number, sample in enumerate(measured):
        listed.append({"subject": named(sample.subject), "quantity": sample.quantity, "labels": sample.labels})
        arrays[f"{number}.result"] = code(sample.errors, sample.errors.result_ulp)
        arrays[f"{number}.scaled"] = code(sample.errors, sample.errors.scaled_ulp)
    refused = [
        {"subject": named(each["subject"]), "why": each["refused"]} for each in merged.curves if "refused" in each
    ]
    header = {
        "curves": listed,
        "refused": refused,
        "dtypes": [name for name in DTYPES if name in grids],
        "quantities": QUANTITIES,
        "precisions": {name: dtype.precision for name, dtype in DTYPES.items()},
        "codes": {"steps": STEPS, "nan": NAN, "infinite": INFINITE, "flushed": FLUSHED, "absent": ABSENT},
    }
    return packed(header, arrays)


def code(errors: Errors, ulps: Floats) -> Codes:
    """The errors as 16 bits each."""
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = np.rint(STEPS * np.log2(1 + np.where(np.isfinite(ulps), ulps, 0)))
    coded: Codes = np.minimum(scaled, LARGEST).astype(np.uint16)
    coded[~np.isfinite(ulps)] = INFINITE
    coded[(errors.kind == Kind.NAN) | (errors.kind == Kind.NAN_LOST)] = NAN
    coded[errors.kind == Kind.FLUSHED] = FLUSHED
    return coded


def _lattice(record: Record) -> Lattice:
    try:
        exact = {
            name: Exact(
                unpacked(record[name]["hi"], np.float64),
                unpacked(record[name]["lo"], np.float64),
                unpacked(record[name]["exponent"], np.int16).astype(np.int64),
            )
            for name in QUANTITIES
        }
        logits, labels = unpacked(record["logits"], np.float64), unpacked(record["labels"], np.float64)
    except ValueError as error:
        raise UsageError(f"the grid of {record['dtype']} cannot be read ({error}); run the suite anew") from None
    parts = (part for each in exact.values() for part in (each.hi, each.lo, each.exponent))
    if any(len(part) != len(logits) * len(labels) for part in parts):
        raise UsageError(f"the grid of {record['dtype']} has another number of exact values; run the suite anew")
    return Lattice(DTYPES[record["dtype"]], logits, labels, exact)


def _sample(record: Record, lattice: Lattice) -> Sample:
    subject, labels = record["subject"], int(record["labels"])
    name = record["result_dtype"]
    try:
        got = unpacked(record["values"], ml_dtypes.bfloat16 if name == "bfloat16" else name).astype(np.float64)
        x, z = lattice.elements(min(labels, len(lattice.labels)))
        if labels > len(lattice.labels) or len(got) != len(x):
            raise ValueError(f"{len(got)} values, {len(x)} elements")
    except (ValueError, TypeError) as error:
        where = " ".join(subject.values())
        raise UsageError(f"the curve of {where} cannot be read ({error}); run the suite anew") from None
    quantity = record["quantity"]
    ones = np.ones_like(x)
    scale = operator.largest_term(quantity, x, z, ones, ones, ones)
    exact = lattice.exact[quantity][slice(0, len(x))]
    return Sample(subject, quantity, labels, got, measure(got, exact, scale, lattice.dtype))
