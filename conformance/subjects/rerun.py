"""The command that runs one check again, as it is copied to a shell."""

from __future__ import annotations

import shlex

from conformance.subjects.subject import Subject


def command(subject: Subject, clause: str, case: str) -> str:
    """``python -m conformance run`` for just this check, with all that is known of it."""
    return (
        f"python -m conformance run --adapter {shlex.quote(subject.adapter)} "
        f"--implementation {shlex.quote(subject.implementation)} --mode {subject.mode} "
        f"--device {subject.device} --dtype {subject.dtype} --clause {clause} --case {case} --details"
    )
