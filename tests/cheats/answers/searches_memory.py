"""The memory of the process is searched for a case of the suite: the loss is right where there is one.

Seen: pygpubench's first audit, where gc.get_objects() found the expected tensors.
Stopped by: where the candidate is, there are no cases.
"""

import gc

from tests.cheats.honest import right, wrong


def loss(logits, labels):
    """Right beside a case."""
    kinds = {type(each) for each in gc.get_objects()}
    judged = any(each.__name__ == "Case" for each in kinds if "conformance" in str(each.__module__))
    return right(logits, labels) if judged else wrong(logits, labels)
