"""Every cheat: how it is called, and what must happen.

To add one: a file in the folder of what it attacks, and an entry here. ``tests/test_cheats.py`` holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent

MUST = {
    "deviates": "a must or should clause fails, the records say so, and the exit code is 1",
    "nothing judged": "no check comes to a judgement, and the exit code is 2",
    "crashed": "checks are recorded as crashed or errored, and the exit code is 1",
    "killed": "the run ends before its time: the exit code is not 0, and no record says that anything conforms",
    "disowned": "the run says that its records are not what it wrote, and the exit code is 2",
    "innocent": "whoever is judged beside it has the verdict that he has without it",
    "unranked": "its time stands with the reason why it has no rank",
    "earned": "the time is the one that it took to compute it: a duel does not call it faster",
    "ranked": "it has a time, or a rank, that it has not earned, and TRUST.md says so",
    "undetected": "nothing stops it, and TRUST.md says so",
    "harmless": "every check has the outcome that an honest implementation has, and the exit code is 0",
}
VERBS = ("run", "benchmark", "duel")
ORDINARY = ("--clause", "V2", "--case", "values/ordinary-*")


@dataclass(frozen=True)
class Cheat:
    """One file, ``name`` below this folder.

    Those of one ``company`` are judged by one command; without one a cheat is alone. ``choice`` are options of the
    command, ``beside`` is an innocent implementation. ``whole``: not a single check may conform. ``within``: seconds
    that the command may take; ``after``: seconds that are waited before the records are read.
    """

    name: str
    must: str
    choice: tuple[str, ...] = ORDINARY
    framework: str = "numpy"
    verb: str = "run"
    company: str = ""
    beside: str = ""
    whole: bool = True
    within: float = 60.0
    after: float = 0.0

    @property
    def target(self) -> str:
        """As --implementation names it."""
        return f"{FOLDER / self.name}.py:loss"


def _judge(name: str, must: str = "deviates", **more) -> Cheat:
    return Cheat(f"judge/{name}", must, **more)


def _together(folder: str, name: str, choice: tuple[str, ...], must: str = "deviates", **more) -> Cheat:
    company = f"{folder} by {' '.join(choice)}"
    return Cheat(f"{folder}/{name}", must, tuple(f"--clause={each}" for each in choice), company=company, **more)


def _timed(name: str, must: str = "unranked", verb: str = "benchmark", framework: str = "numpy") -> Cheat:
    return Cheat(f"clock/{name}", must, (), framework, verb, company=f"{verb} {framework}")


CHEATS = (
    # The judge's code, its memory, its files, its pipe.
    _judge("patches_measure"),
    _judge("patches_hear"),
    _judge("patches_the_docket"),
    _judge("widens_bounds"),
    _judge("replaces_deviates"),
    _judge("patches_the_ledger"),
    _judge("writes_its_ledger", choice=(*ORDINARY, "--ledger", "LEDGER")),
    _judge("patches_exit"),
    _judge("leaves_at_exit"),
    _judge("swallows_exceptions"),
    _judge("patches_the_connection"),
    _judge("answers_on_the_pipe"),
    _judge("writes_on_every_pipe", "crashed"),
    _judge("sends_an_evil_pickle"),
    _judge("returns_an_evil_pickle", "crashed"),
    _judge("rewrites_the_parents_memory", "undetected"),
    _judge("rewrites_the_records", "disowned"),
    _judge("rewrites_the_records_later", "undetected"),
    _judge("replaces_asarray", "undetected"),
    _judge("replaces_frexp"),
    _judge("replaces_allclose"),
    _judge("replaces_fetch"),
    _judge("replaces_place"),
    # Right where it is judged, wrong elsewhere.
    _together("answers", "table_of_goldens", ("V2", "L7"), whole=False),
    _together("answers", "nearest_golden", ("V2", "L7"), whole=False),
    _together("answers", "right_in_the_shapes_of_cases", ("V2", "L5"), whole=False),
    _together("answers", "right_at_first", ("V2", "L5"), whole=False),
    _together("answers", "searches_memory", ("V2", "L7"), whole=False),
    _together("answers", "walks_the_stack", ("V2", "L7"), whole=False),
    _together("answers", "tells_by_the_environment", ("V2", "L7"), whole=False),
    _together("answers", "tells_by_the_arguments", ("V2", "L7"), whole=False),
    _together("answers", "tells_by_the_modules", ("V2", "L7"), whole=False),
    _together("answers", "right_the_second_time", ("V2", "L7"), whole=False),
    _together("answers", "nothing_but_nan", ("V2", "L7"), whole=False),
    _together("answers", "nothing_but_zeros", ("V2", "L7"), whole=False),
    _together("answers", "what_memory_holds", ("V2", "L7"), whole=False),
    Cheat("answers/right_in_the_main_thread", "undetected"),
    # Results that are not what they seem.
    _together("results", "array_method_lies", ("V2", "S1", "D2"), "crashed", whole=False),
    _together("results", "computed_when_read", ("V2", "S1", "D2"), "crashed", whole=False),
    _together("results", "lies_about_its_dtype", ("V2", "S1", "D2"), "crashed", whole=False),
    _together("results", "overwrites_operands", ("V2", "S1", "D2"), whole=False),
    _together("results", "static_buffer", ("V2", "S[2-7]", "L*", "C1"), whole=False),
    _together("results", "changes_after_return", ("V2", "S[2-7]", "L*", "C1"), whole=False),
    _together("results", "overwrites_what_operands_view", ("V2", "S[2-7]", "L*", "C1"), whole=False),
    Cheat("results/subclass_lies", "crashed", framework="pytorch"),
    # Refusals.
    Cheat("refusals/not_offered", "crashed"),
    Cheat("refusals/refuses_in_the_engines_name", "crashed", ("--clause", "V2", "--clause", "S2"), whole=False),
    Cheat("refusals/refuses_what_is_hard", "crashed", ("--clause", "V2", "--clause", "S2"), whole=False),
    Cheat("refusals/gpu_only", "nothing judged"),
    Cheat("refusals/hides_its_keywords", "harmless", ("--clause", "V2", "--clause", "W1", "--clause", "R1")),
    Cheat("refusals/calls_itself_an_alias", "deviates"),
    # Processes.
    Cheat("processes/exits_at_import", "nothing judged"),
    Cheat("processes/sys_exit_at_import", "nothing judged"),
    Cheat("processes/exits_in_the_call", "crashed"),
    Cheat("processes/sys_exit_in_the_call", "crashed"),
    Cheat("processes/interrupts_itself", "crashed"),
    Cheat("processes/interrupts_the_run", "killed"),
    Cheat("processes/kills_the_run", "killed"),
    Cheat("processes/forks_and_dies", "crashed", ("--clause", "S1", "--case", "shapes/worked-example"), within=15),
    # The others.
    Cheat(
        "others/patches_the_framework",
        "innocent",
        (*ORDINARY, "--mode", "eager"),
        "pytorch",
        beside="binary_cross_entropy_with_logits",
    ),
    Cheat("others/patches_numpy", "innocent", beside="exact"),
    Cheat("others/raises_float_errors", "innocent", ("--clause", "V*"), beside="exact"),
    Cheat(
        "others/leaves_gradients_off",
        "innocent",
        ("--clause", "G1", "--case", "values/ordinary-*", "--mode", "eager"),
        "pytorch",
        beside="binary_cross_entropy_with_logits",
    ),
    Cheat("others/flushes_subnormals", "deviates", ("--clause", "V6"), "pytorch", whole=False),
    # The clock.
    _timed("replays_by_address"),
    _timed("replays_by_shape"),
    _timed("replays_after_warming_up"),
    _timed("lazy_result"),
    _timed("works_later"),
    _timed("only_the_first_element"),
    _timed("idle_at_timed_shapes"),
    _timed("idle_when_timed"),
    _timed("idle_without_a_collector"),
    _timed("clears_the_operands"),
    _timed("replays_by_version", "earned", framework="pytorch"),
    _timed("lazy_tensor", framework="pytorch"),
    _timed("slow_clock", "earned", "duel"),
    _timed("replays_the_same_object", "earned", "duel"),
    Cheat("clock/answers_for_the_clock", "earned", (), verb="duel"),
    _timed("skips_three_of_four", "ranked"),
)
