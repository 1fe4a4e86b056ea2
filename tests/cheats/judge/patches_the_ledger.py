"""The ledger expects everything.

Stopped by: the process that reads the ledger never loads the candidate.
"""

import contextlib

from tests.cheats.honest import wrong

with contextlib.suppress(ImportError):
    from conformance.records.ledger import Finding, Ledger

    Ledger.judge = lambda self, subject, clause, case, outcome: Finding(True)


def loss(logits, labels):
    """Wrong."""
    return wrong(logits, labels)
