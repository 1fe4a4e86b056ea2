"""Is the adapter sound? Asked before any verdict on its framework, of a function whose every result is known.

``x * x * z`` on small whole numbers is exact in every dtype: whatever comes out otherwise is the adapter's doing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from conformance.adapter import Adapter, Array, NotOffered
from conformance.arithmetic.dtype import DTYPES
from conformance.errors import UsageError
from conformance.remote.quiet import frameworks_hushed
from conformance.subjects.subject import Call, Runner, Subject, WrongDevice, bits, native
from conformance.worker.probe import PROBE

_X = np.array([[0, 1, -2], [3, -4, 5]])
_Z = np.array([[1, 0, 1], [1, 2, 3]])
_C = np.array([[1, 2, -1], [0, 3, 1]])


EXPECTED: Mapping[tuple[str, str], Array] = {
    ("loss", "logits"): _X * _X * _Z,
    ("gradient", "logits"): 2 * _X * _Z * _C,
    ("gradient", "labels"): _X * _X * _C,
    ("tangent", "logits"): 2 * _X * _Z,
    ("curvature", "logits"): 2 * _Z,
}


def check(name: str, adapter: Adapter, devices: Iterable[str], modes: Iterable[str]) -> None:
    """Raise UsageError that says how the adapter is at fault.

    Every dtype and layout is placed and fetched on each device; every quantity that the adapter offers is computed in
    each mode.
    """
    try:
        # A framework imports more of itself when it is first asked to differentiate.
        with frameworks_hushed():
            for device in devices:
                _round_trips(adapter, device)
                for mode in modes:
                    dtype = adapter.mixed.get(mode, ("float32",))[0]
                    _quantities(adapter, Runner(Subject(name, PROBE.name, "", mode, device, dtype), adapter, PROBE))
    except _Fault as fault:
        raise UsageError(f"the adapter '{name}' is at fault, no verdict on its framework: {fault}") from None


class _Fault(Exception):
    """What the adapter did, and what it had to do."""


def _round_trips(adapter: Adapter, device: str) -> None:
    for dtype in adapter.dtypes:
        array = native(_X.astype(np.float64), DTYPES[dtype])
        for layout in adapter.layouts:
            given = array if layout != "channels_last" else array.reshape(1, 2, 3, 1)
            given = np.broadcast_to(given[:1], given.shape) if layout == "expanded" else given
            given = np.broadcast_to(given.reshape(-1)[0], given.shape) if layout == "broadcast" else given
            what = f"place, then fetch, of a {layout} {dtype} array on {device}"
            try:
                tensor = adapter.place(given, device, layout)
                back = adapter.fetch(tensor)
                where = adapter.device_of(tensor)
            except Exception as error:
                raise _Fault(f"{what} raises {type(error).__name__}: {' '.join(str(error).split())}") from None
            if where != device:
                raise _Fault(f"{what} leaves it on {where}")
            _require_same(back, given, what)


def _quantities(adapter: Adapter, runner: Runner) -> None:
    dtype = runner.dtype
    operands = {"logits": native(_X.astype(np.float64), dtype), "labels": native(_Z.astype(np.float64), dtype)}
    for (quantity, wrt), expected in EXPECTED.items():
        if quantity not in adapter.quantities:
            continue
        cotangent = {"cotangent": native(_C.astype(np.float64), dtype)} if quantity == "gradient" else {}
        what = (
            f"the {quantity} of x * x * z with respect to the {wrt}, {runner.subject.mode} on {runner.subject.device}"
        )
        try:
            got = runner.run(Call({**operands, **cotangent}), quantity, wrt)
        except NotOffered:
            continue
        except WrongDevice as error:
            raise _Fault(f"{what}: {error}") from None
        except Exception as error:
            raise _Fault(f"{what}, raises {type(error).__name__}: {' '.join(str(error).split())}") from None
        wide = runner.mixed and wrt != "logits"
        if runner.mixed and quantity in ("loss", "tangent"):
            wide = got.dtype.name == "float32"  # or as narrow as the logits
        _require_same(got, native(expected.astype(np.float64), DTYPES["float32"] if wide else dtype), what)


def _require_same(got: Array, expected: Array, what: str) -> None:
    if not isinstance(got, np.ndarray):
        raise _Fault(f"{what} is a {type(got).__name__}; fetch must return a NumPy array")
    if got.dtype != expected.dtype or got.shape != expected.shape:
        raise _Fault(f"{what} is {got.dtype} {list(got.shape)}, not {expected.dtype} {list(expected.shape)}")
    # The sign of a zero is the framework's own affair here.
    if (bits(got + 0) != bits(expected + 0)).any():
        raise _Fault(f"{what} is {got.tolist()}, not {expected.tolist()}")
