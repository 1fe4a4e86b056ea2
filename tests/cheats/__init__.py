"""Dishonest candidates: each a small file with one idea, and a table (table.py) of what must happen to it.

A candidate is anybody's code, and leaderboards of generated kernels have been cheated in most of these ways. Each file
says where its idea was seen, if that is public, and what stops it. The computation is wrong on purpose, by a hundredth,
wherever the cheat believes that nobody looks: so an honest judge must see it.

| folder | what it attacks |
|---|---|
| judge | the code, the memory, the files and the pipe of the judge; the adapter beside the candidate |
| answers | the question: right where it is judged, by the goldens, the stack, the environment, or the count of calls |
| results | the result: an array that lies, that changes, that is computed later, that takes the operands with it |
| refusals | the outcome: what is refused, hidden or declared away |
| processes | the process: exits, signals, a child that lives on |
| others | the verdicts of those who are judged beside it, and of those who come later |
| clock | the measurement: replays, lazy results, patched clocks, nothing done where it is timed |

They do not all belong to those who mean ill: an unguarded sys.exit, a static buffer or a kernel for another device are
everyday mistakes. A cheat looks for the run among the processes above its own, and touches none but that one.

Not here, because no judge can stop it: a candidate that knows the suite by its adapter or its command line, and is
right whenever that is there. What is judged is then right; what is used is something else.
"""
