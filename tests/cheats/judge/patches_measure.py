"""The measure of errors is replaced by one that takes the exact value for the result, in every module that has it.

Seen: the timer and the comparison of GPU MODE's reference kernels were patched (reference-kernels#162).
Stopped by: where the candidate is, there is no comparison.
"""

import contextlib
import sys

from tests.cheats.honest import wrong

with contextlib.suppress(ImportError):
    from conformance.arithmetic import ulp

    own = ulp.measure

    def lenient(values, exact, scale, dtype):
        """Whatever came out, it is the exact value."""
        return own(exact.approximate(), exact, scale, dtype)

    for module in list(sys.modules.values()):
        if getattr(module, "measure", None) is own:
            module.measure = lenient


def loss(logits, labels):
    """Wrong."""
    return wrong(logits, labels)
