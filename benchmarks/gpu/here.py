"""The first stage: card, driver, versions, memory, and a bare call of each framework, checked to be on the device.

``python -m benchmarks.gpu.here FRAMEWORK DEVICE`` is such a call: it prints a line of JSON, or dies of its error.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FRAMEWORKS = ("pytorch", "jax", "tensorflow", "triton")
PACKAGES = ("torch", "triton", "jax", "jaxlib", "optax", "tensorflow", "numpy", "numba", "pytest", "pytest-xdist")
QUERY = ("name", "driver_version", "memory.total", "memory.free", "clocks.max.sm", "power.limit", "compute_cap")
NO_MODULE = "no module"
LOGITS, EXACT = (0.0, -20.0), (0.6931472, 2.0611537e-09)  # loss for label 0


@dataclass
class Found:
    """What is here: the card as nvidia-smi has it, each framework's answer, and why others gave none."""

    device: str
    card: dict[str, str] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)

    def any(self) -> bool:
        """True if a framework computes on the device."""
        return any(name in self.answers for name in FRAMEWORKS[:3])

    def free(self) -> float:
        """GiB of the card's memory that nobody has."""
        return float(self.card.get("memory.free", "0").split()[0]) / 1024 if self.card else float("inf")

    def reason(self) -> str:
        """Why nothing can run, in a line; '' if something can."""
        if self.any():
            return ""
        if self.device == "gpu" and not self.card:
            return f"no GPU: {self.machine.get('nvidia-smi', 'nvidia-smi shows none')}"
        return "; ".join(self.missing[name] for name in FRAMEWORKS[:3] if name in self.missing)

    def lack(self, needs: tuple[str, ...], gibibytes: float) -> str:
        """Why a step cannot run, in a line; '' if it can."""
        absent = [self.missing[name] for name in needs if name in self.missing]
        if absent:
            return absent[0]
        if self.device == "gpu" and self.free() < gibibytes:
            return f"memory taken: {self.free():.1f} GiB of the card are free, {gibibytes:g} are needed"
        return ""


def look(device: str, path: Path, seconds: float) -> Found:
    """Ask the driver and each framework, all at once, and write it to ``path``."""
    found = Found(device)
    found.machine = {"platform": platform.platform(), "python": platform.python_version(), "cores": os.cpu_count()}
    found.versions = {name: version for name in PACKAGES if (version := _version(name))}
    if device == "gpu":
        found.card, told = card()
        found.machine |= {"nvidia-smi": told} if told else {}
    asked = {name: _asked(name, device) for name in FRAMEWORKS}
    for name, process in asked.items():
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            err = f"TimeoutError: no answer within {seconds:.0f} s"
        answer = _answer(out)
        if process.returncode == 0 and answer:
            found.answers[name] = answer
        else:
            found.missing[name] = why(name, device, err)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(found), indent=1) + "\n", encoding="utf-8")
    return found


def card() -> tuple[dict[str, str], str]:
    """The first card, and what nvidia-smi says where there is none."""
    command = ["nvidia-smi", f"--query-gpu={','.join(QUERY)}", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        return {}, f"nvidia-smi: {type(error).__name__}"
    lines = [each for each in done.stdout.splitlines() if each.strip()]
    if done.returncode or not lines:
        return {}, " ".join((done.stdout + done.stderr).split())[:200] or "nvidia-smi shows none"
    return dict(zip(QUERY, (each.strip() for each in lines[0].split(",")), strict=False)), ""


def why(framework: str, device: str, err: str) -> str:
    """One line of a framework's last words."""
    lines = [each.strip() for each in err.splitlines() if each.strip()]
    last = lines[-1] if lines else "no answer"
    if "ModuleNotFoundError" in last:
        return f"{framework}: {NO_MODULE} {last.rpartition(' ')[2]}"
    old = next((each for each in lines if "driver" in each and ("too old" in each or "insufficient" in each)), "")
    if old:
        return f"{framework}: driver too old: {old[:200]}"
    if "out of memory" in err.lower() or "RESOURCE_EXHAUSTED" in err:
        return f"{framework}: memory taken: {last[:200]}"
    return f"{framework} does not see the {device}: {last[:200]}"


def _answer(out: str) -> Any:
    try:
        return json.loads(out.strip().splitlines()[-1])
    except (IndexError, ValueError):
        return None


def _asked(framework: str, device: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.gpu.here", framework, device]
    own = {**environment(), "XLA_PYTHON_CLIENT_PREALLOCATE": "false", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=own, cwd=ROOT)


def environment() -> dict[str, str]:
    """This process's own, in which the clone is imported wherever the command was started."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "COLUMNS": "150"}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _pytorch(device: str) -> dict[str, Any]:
    import torch

    place = {"gpu": "cuda", "cpu": "cpu"}[device]
    x = torch.tensor(LOGITS, device=place)  # raises where there is no driver, or one too old
    loss = torch.nn.functional.binary_cross_entropy_with_logits(x, torch.zeros_like(x), reduction="none")
    return {"where": loss.device.type.replace("cuda", "gpu"), "loss": loss.tolist(), "cuda": str(torch.version.cuda)}


def _jax(device: str) -> dict[str, Any]:
    import jax
    import optax

    x = jax.device_put(jax.numpy.asarray(LOGITS), jax.devices(device)[0])
    loss = optax.losses.sigmoid_binary_cross_entropy(x, jax.numpy.zeros_like(x))
    (where,) = loss.devices()
    return {"where": "cpu" if where.platform == "cpu" else "gpu", "loss": loss.tolist()}


def _tensorflow(device: str) -> dict[str, Any]:
    tf = importlib.import_module("tensorflow")
    with tf.device(f"/{device}:0"):
        x = tf.constant(LOGITS)
        loss = tf.nn.sigmoid_cross_entropy_with_logits(tf.zeros_like(x), x)
    return {"where": "gpu" if ":GPU:" in loss.device else "cpu", "loss": loss.numpy().tolist()}


def _triton(device: str) -> dict[str, Any]:
    if device == "cpu":
        from benchmarks.gpu.interpreted import triton_loss
    else:
        from conformance.worker.candidate import load_target

        triton_loss = load_target("examples/triton_loss.py:triton_loss")
    import torch

    x = torch.tensor(LOGITS, device={"gpu": "cuda", "cpu": "cpu"}[device])
    loss = triton_loss(x, torch.zeros_like(x))
    return {"where": loss.device.type.replace("cuda", "gpu"), "loss": loss.tolist()}


CALLS: dict[str, Callable[[str], dict[str, Any]]] = {
    "pytorch": _pytorch,
    "jax": _jax,
    "tensorflow": _tensorflow,
    "triton": _triton,
}


def main(arguments: list[str]) -> int:
    """A bare call; its result must be right, and on the device."""
    framework, device = arguments
    answer = CALLS[framework](device)
    if answer["where"] != device:
        raise RuntimeError(f"the result is on the {answer['where']}")
    if any(abs(got - exact) > 0.1 * exact for got, exact in zip(answer["loss"], EXACT, strict=True)):
        answer["wrong"] = True  # a finding, not a reason to stop
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
