"""Every bound of the specification is a billion times as wide.

Stopped by: where the candidate is, there is no specification.
"""

import contextlib

from tests.cheats.honest import wrong

with contextlib.suppress(ImportError):
    from conformance.spec.clauses import CLAUSES

    for clause in CLAUSES.values():
        if clause.bound is not None:
            object.__setattr__(clause.bound, "ulps", 1e9)


def loss(logits, labels):
    """Wrong."""
    return wrong(logits, labels)
