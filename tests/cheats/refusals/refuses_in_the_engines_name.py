"""What is hard is refused by NotOffered, raised in a frame that says to be a module of the suite.

Stopped by: whose frame raised it is told by where its code lies.
"""

import numpy as np

from tests.cheats.honest import right

names = {"__name__": "conformance.adapter"}
exec("def refuse():\n    from conformance.adapter import NotOffered\n    raise NotOffered('no such case')", names)


def loss(logits, labels):
    """Right between -4 and 4."""
    if np.abs(logits).max(initial=0) > 4:
        names["refuse"]()
    return right(logits, labels)
