"""Where outcomes become records, each becomes one that conforms.

Stopped by: the process that records never loads the candidate.
"""

import contextlib

from tests.cheats.honest import wrong

with contextlib.suppress(ImportError):
    from conformance.judging.docket import Docket
    from conformance.spec.outcome import Conforms

    enter = Docket._enter
    Docket._enter = lambda self, clause, outcome: enter(self, clause, Conforms())


def loss(logits, labels):
    """Wrong."""
    return wrong(logits, labels)
