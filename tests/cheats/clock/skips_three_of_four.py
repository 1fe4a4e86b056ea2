"""The worker's round makes one call of four, the last one among them.

DETECTED BY: nothing. Results are right, and no more bytes are moved than the machine can move.
"""

import sys

from tests.cheats.honest import right

module = sys.modules.get("conformance.worker.rounds")
if module is not None:
    whole = module.Rounds.run

    def run(self, calls):
        """A quarter of a round, which ends with the right set."""
        sets = self._sets
        self._sets = sets[:calls][-1 - (calls - 1) // 4 * 4 :: 4] or sets[-1:]
        seconds = whole(self, len(self._sets))
        self._sets = sets
        return seconds

    module.Rounds.run = run


def loss(logits, labels):
    """Right."""
    return right(logits, labels)
