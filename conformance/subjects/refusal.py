"""Which errors are a refusal, in the framework's words, and which are a fault of the code that raised them."""

from __future__ import annotations

import builtins
from collections.abc import Collection

from conformance.remote.raised import Raised
from conformance.worker import server

# What a check raises that looks at its arguments. An AttributeError or IndexError is raised by code that did not look.
_SAYS_SO = (TypeError, ValueError, NotImplementedError, RuntimeError)
# How an error says that a number was not acceptable.
_SPECIAL = ("nan", "inf", "finite", "valid", "constraint", "support", "between 0 and 1", "range")
# How frameworks word that an operand has no derivative,
_NO_DERIVATIVE = (
    "not differentiable", "not implemented", "not been implemented", "not support", "no derivative",
    "must implement the jvp", "forward-mode", "not appear in the backward graph",
)  # fmt: skip
# and that a result was computed without the operand: nobody refused anything, and `backward` would say nothing.
_DISCONNECTED = ("does not require grad", "not have been used in the graph", "no gradient")


def is_refusal(error: BaseException, frameworks: Collection[str]) -> bool:
    """True if a check of arguments raised it.

    That is an error of a kind that says so (TypeError, ValueError, NotImplementedError, RuntimeError, or a class that a
    library defines), an assertion with a message, or any other that was raised inside one of the ``frameworks`` (names
    of top-level modules). RecursionError and UnicodeError are none.
    """
    if isinstance(error, (RecursionError, UnicodeError)) or not isinstance(error, Exception):
        return False
    if isinstance(error, _SAYS_SO) or type(error).__module__ != builtins.__name__:
        return True
    if isinstance(error, AssertionError) and str(error):
        return True
    return _raised_in(error) in frameworks


def speaks_of_special_numbers(error: BaseException, frameworks: Collection[str]) -> bool:
    """True if it refuses NaN or infinity: in its words, or from inside one of the frameworks."""
    text = str(error).lower()
    worded = any(words in text for words in _SPECIAL)
    return is_refusal(error, frameworks) and (worded or _raised_in(error) in frameworks)


def has_no_derivative(error: BaseException, frameworks: Collection[str]) -> bool:
    """True if it refuses to differentiate, in the words in which frameworks do."""
    return is_refusal(error, frameworks) and any(words in str(error) for words in _NO_DERIVATIVE)


def is_disconnected(error: BaseException) -> bool:
    """True if the differentiation found no way from the result back to the operand."""
    return any(words in str(error) for words in _DISCONNECTED)


def told(error: BaseException) -> str:
    """The error in one line: its class and its first line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else f"{type(error).__name__}: "


def raised_in(error: BaseException) -> str:
    """The module of the innermost frame, which an error from a worker brings along."""
    return error.raised_in if isinstance(error, Raised) else server.raised_in(error)


def _raised_in(error: BaseException) -> str:
    """The top-level module of the innermost frame."""
    return raised_in(error).partition(".")[0]
