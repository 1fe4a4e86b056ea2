"""What is run: stages, their steps, and the sizes of a run and of a rehearsal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

PYTORCH, JAX = "binary_cross_entropy_with_logits", "optax.sigmoid_binary_cross_entropy"
TENSORFLOW = "sigmoid_cross_entropy_with_logits"
KERNEL, INTERPRETED = "examples/triton_loss.py:triton_loss", "benchmarks.gpu.interpreted:triton_loss"
SIXTEEN_BITS = ("float16", "bfloat16")
DTYPES = ("float32", "float16", "bfloat16", "float64")


@dataclass(frozen=True)
class Scale:
    """Sizes: globs of cases, dtypes, float32 blocks a sweep (0: all of them), powers of two to time, of a duel."""

    cases: tuple[str, ...]
    dtypes: tuple[str, ...]
    blocks: int
    powers: tuple[int, ...]
    seconds: float  # of one timing
    duel: tuple[str, int, int]  # workload, processes, rounds


SCALES = {
    "full": Scale((), DTYPES, 0, (18, 22, 26, 28), 0.4, ("backward-mean-pixels-2^26", 3, 12)),
    "tiny": Scale(
        ("values/half-confident*", "values/ordinary-hard*"),
        ("float32",),
        4,
        (10,),
        0.01,
        ("backward-mean-pixels-2^10", 2, 2),
    ),
}


@dataclass(frozen=True)
class Settings:
    """How a run was asked for. ``workers``: processes at once, those of all steps that run side by side."""

    device: str
    scale: Scale
    workers: int

    def share(self, of_sixteen: int) -> int:
        """A step's processes, of the sixteenths of all that it gets."""
        return max(1, self.workers * of_sixteen // 16)


@dataclass(frozen=True)
class Step:
    """One process. ``needs``: modules and frameworks; ``{out}`` in the command is its own folder of records."""

    name: str
    needs: tuple[str, ...]
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    gibibytes: float = 4.0  # of the GPU's free memory


@dataclass(frozen=True)
class Stage:
    """Steps one after another, or ``together``; ``share`` of the whole budget."""

    name: str
    share: float
    steps: tuple[Step, ...]
    together: bool = False


def stages(settings: Settings) -> tuple[Stage, ...]:
    """All of them but the first, which looks at what is here, in order of value."""
    return (
        Stage("suite", 0.21, tuple(_suite(settings)), together=True),
        Stage("sweeps", 0.2, tuple(_sweeps(settings))),
        Stage("speed", 0.23, tuple(_speed(settings))),
        Stage("triton", 0.17, tuple(_triton(settings))),
        Stage("more", 1.0, tuple(_more(settings)), together=True),
    )


def _suite(settings: Settings) -> Iterator[Step]:
    """Every dtype where that costs no compilation, float32 where it does; side by side, for all wait for compilers."""
    every, one = settings.scale.dtypes, ("float32",)
    yield _judged("pytorch", settings, 4, ("eager", "func"), every)
    yield _judged("jax", settings, 6, ("compiled",), every)
    yield _judged("pytorch-compiled", settings, 1, ("compiled",), one, (PYTORCH,))
    yield _judged("jax-eager", settings, 4, ("eager",), one)
    yield _judged("tensorflow", settings, 4, ("eager", "graph", "xla"), one, (TENSORFLOW,))


def _more(settings: Settings) -> Iterator[Step]:
    """With the time that is left: the rest of torch.compile, and what has been asked for in float32 alone."""
    names = ("BCEWithLogitsLoss", "soft_margin_loss", "multilabel_soft_margin_loss", "binary_cross_entropy")
    yield _judged("pytorch-compiled-others", settings, 8, ("compiled",), ("float32",), names)
    yield _judged("pytorch-compiled-sixteen", settings, 4, ("compiled",), SIXTEEN_BITS, (PYTORCH,))
    yield _judged("jax-eager-sixteen", settings, 4, ("eager",), SIXTEEN_BITS, (JAX,))


def _judged(
    name: str,
    settings: Settings,
    sixteenths: int,
    modes: tuple[str, ...],
    dtypes: tuple[str, ...],
    implementations: tuple[str, ...] = (),
) -> Step:
    """A run of the suite by processes that share the card's memory: none may take more than its part."""
    framework, workers = name.partition("-")[0], settings.share(sixteenths)
    if settings.scale.cases:  # a rehearsal tries each command, not each subject
        main = {"pytorch": PYTORCH, "jax": JAX, "tensorflow": TENSORFLOW}[framework]
        modes, implementations = modes[:1], (main,)
        dtypes = dtypes[:1]
    words = _run_words(framework, settings, modes, dtypes, implementations)
    words += [*_cases(settings), "--", "-n", str(workers)]
    # Each worker is two processes, each step has one worker at least, and those of other steps stand beside it.
    fraction = {"XLA_PYTHON_CLIENT_MEM_FRACTION": f"{0.7 / (2 * max(5, settings.workers)):.4f}"}
    threads = {"TORCHINDUCTOR_COMPILE_THREADS": "1"} if "compiled" in modes else {}
    return Step(name, (framework,), (*words,), {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", **fraction, **threads})


def _cases(settings: Settings) -> list[str]:
    """All cases, or one clause of few."""
    chosen = [word for each in settings.scale.cases for word in ("--case", each)]
    return [*chosen, "--clause", "V2"] if chosen else []


def _run_words(
    framework: str,
    settings: Settings,
    modes: tuple[str, ...],
    dtypes: tuple[str, ...],
    implementations: tuple[str, ...],
) -> list[str]:
    words = [sys.executable, "-m", "conformance", "run", "--adapter", framework, "--device", settings.device]
    words += [word for each in implementations for word in ("--implementation", each)]
    words += [word for each in modes for word in ("--mode", each)]
    words += [word for each in dtypes for word in ("--dtype", each)]
    return [*words, "--out", "{out}"]


def _sweeps(settings: Settings) -> Iterator[Step]:
    """Every float32, float16 and bfloat16, for labels 0 and 1, with what the seconds go into."""
    for framework, implementation, mode in (
        ("pytorch", PYTORCH, "eager"),
        ("jax", JAX, "compiled"),
        ("pytorch", PYTORCH, "compiled"),
    ):
        command = [sys.executable, "-m", "benchmarks.gpu.sweeps", f"{framework}:{implementation}:{mode}"]
        command += ["--device", settings.device, "--blocks", str(settings.scale.blocks), "--out", "{out}"]
        yield Step(f"{framework}-{mode}", (framework,), tuple(command), gibibytes=8.0)


def _speed(settings: Settings) -> Iterator[Step]:
    """The main functions, one at a time; then one against the other."""
    subjects = (("pytorch", PYTORCH, ("eager", "compiled")), ("jax", JAX, ("compiled", "eager")))
    for framework, implementation, modes in subjects:
        yield _timed(framework, settings, framework, implementation, modes)
    workload, processes, rounds = settings.scale.duel
    where = f"{settings.device}:float32"
    duel = [sys.executable, "-m", "conformance", "duel", f"pytorch:{PYTORCH}:compiled:{where}"]
    duel += [f"jax:{JAX}:compiled:{where}", "--workload", workload, "--processes", str(processes)]
    duel += ["--rounds", str(rounds), "--out", "{out}/duel.json"]
    yield Step("duel", ("pytorch", "jax"), tuple(duel), gibibytes=16.0)


def _timed(name: str, settings: Settings, framework: str, implementation: str, modes: tuple[str, ...]) -> Step:
    modes = modes[:1] if settings.scale.cases else modes
    words = _run_words(framework, settings, modes, ("float32",), (implementation,))
    words += [word for power in settings.scale.powers for word in ("--workload", f"*-multilabel-2^{power}")]
    words += ["--", "--benchmark-only", f"--benchmark-max-time={settings.scale.seconds}", "--benchmark-min-rounds=3"]
    return Step(name, (framework,), tuple(words), gibibytes=24.0 if settings.device == "gpu" else 0.0)


def _triton(settings: Settings) -> Iterator[Step]:
    """The example, judged and timed; on a CPU by Triton's interpreter, which says nothing of time."""
    target = KERNEL if settings.device == "gpu" else INTERPRETED
    dtypes = tuple(each for each in settings.scale.dtypes if each != "float64")
    words = _run_words("pytorch", settings, ("eager",), dtypes, (target,))
    words += _cases(settings)
    needs = ("pytorch", "triton")
    # PyTorch may import Triton, whose own functions must be interpreted as well.
    interpreted = {} if settings.device == "gpu" else {"TRITON_INTERPRET": "1"}
    yield Step("judged", needs, (*words, "--", "-n", str(min(3, settings.workers))), interpreted)
    if settings.device == "gpu":
        timed = _timed("timed", settings, "pytorch", target, ("eager",))
        yield Step("timed", needs, timed.command, gibibytes=timed.gibibytes)
