"""The functions of NumPy that take numbers apart find no difference between any two.

Stopped by: the comparison's NumPy is that of another process.
"""

import numpy as np

from tests.cheats.honest import wrong

ldexp = np.ldexp
np.ldexp = lambda mantissa, exponent, *_, **__: ldexp(np.zeros_like(mantissa), 0 * np.asarray(exponent))


def loss(logits, labels):
    """Wrong."""
    return wrong(logits, labels)
