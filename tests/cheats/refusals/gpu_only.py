"""It says to run on a GPU only, where there is none, and is wrong.

DETECTED BY: nothing was judged, and that is no pass.
"""

from tests.cheats.honest import wrong


def loss(logits, labels):
    """Wrong."""
    return wrong(logits, labels)


loss.devices = ("gpu",)
