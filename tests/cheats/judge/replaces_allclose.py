"""Whatever compares arrays in NumPy says that they are equal.

Seen: harnesses of generated kernels compare by allclose (KernelBench, BackendBench).
Stopped by: the suite compares by its own measure.
"""

import numpy as np

from tests.cheats.honest import wrong

for name in ("allclose", "array_equal", "isclose"):
    setattr(np, name, lambda *_, **__: True)
for name in ("assert_allclose", "assert_array_equal", "assert_array_max_ulp"):
    setattr(np.testing, name, lambda *_, **__: None)


def loss(logits, labels):
    """Wrong."""
    return wrong(logits, labels)
