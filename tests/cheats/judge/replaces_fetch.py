"""The adapter's own fetch is replaced by one that brings the right loss home.

Stopped by: the adapter's methods are taken before the candidate is loaded.
"""

import sys

from tests.cheats.honest import right, wrong

kept = {}


def lenient(self, tensor):
    """What was never returned."""
    return kept.get(id(tensor), (None, tensor))[1]


for name, module in list(sys.modules.items()):
    if name.startswith("_conformance_adapter_"):
        module.ADAPTER.fetch = lenient


def loss(logits, labels):
    """Wrong."""
    result = wrong(logits, labels)
    kept[id(result)] = (result, right(logits, labels))
    return result
