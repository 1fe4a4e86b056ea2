"""The file that --ledger names is overwritten, when the candidate is loaded, with one that accepts everything.

Stopped by: the ledger is read, once, before the candidate is loaded.
"""

import sys
from pathlib import Path

from tests.cheats.honest import option_above, wrong

KNOWN = """
[[deviation]]
id = "known"
reason = "It is known to all of us."
harm = "Nobody was ever harmed by it."
[[deviation.where]]
signature = "off-by-ulps"
implementations = ["*"]
clauses = ["*"]
cases = ["*"]
"""

given = sys.argv[sys.argv.index("--ledger") + 1] if "--ledger" in sys.argv else option_above("--ledger")
if given:
    Path(given).write_text(KNOWN, encoding="utf-8")


def loss(logits, labels):
    """Wrong."""
    return wrong(logits, labels)
