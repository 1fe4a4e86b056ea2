"""The framework's side: a process that the engine starts by path. It imports Python, NumPy and ``conformance.adapter``.

Nothing of the judging side is here, nor can be imported here. Python 3.9 and NumPy 1.21 are enough.
"""
