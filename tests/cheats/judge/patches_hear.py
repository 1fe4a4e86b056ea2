"""The method that judges answers that the clause holds, whatever it is asked.

Stopped by: where the candidate is, there is no judge.
"""

import contextlib

from tests.cheats.honest import wrong

with contextlib.suppress(ImportError):
    from conformance.running.judge import Judge
    from conformance.spec.outcome import Conforms

    Judge.hear = lambda self, runner, clause, case: Conforms()


def loss(logits, labels):
    """Wrong."""
    return wrong(logits, labels)
