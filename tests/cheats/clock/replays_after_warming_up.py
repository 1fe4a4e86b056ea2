"""From the fourth call of a shape on, the last result is returned again.

Seen: AgentKernelArena, where the call that is checked can be told from those that are timed.
Stopped by: what was timed is compared.
"""

from tests.cheats.honest import right, timed

WARM = 3
kept = {}


def loss(logits, labels):
    """Right three times."""
    results = kept.setdefault(logits.shape, [])
    if len(results) < WARM or not timed(logits):
        results.append(right(logits, labels))
    return results[-1]
