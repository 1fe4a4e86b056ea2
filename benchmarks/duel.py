"""How often a subject is called faster or slower than itself. ``python -m benchmarks.duel``.

A/A duels, as the verb fights them: of 20, at least 19 must end as 'same' or 'inconclusive'.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter

from conformance.speed.duel import Duel, fight
from conformance.subjects.threads import cores

MOST_WRONG = 0.05


def main() -> int:
    """Print the verdicts as JSON; 1 if too many are wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--duels", type=int, default=20, help="(default: %(default)s)")
    parser.add_argument("--subject", default="pytorch:binary_cross_entropy_with_logits", help="(default: %(default)s)")
    parser.add_argument("--workload", default="backward-mean-pixels-2^20", help="(default: %(default)s)")
    parser.add_argument("--threads", type=int, default=cores(), help="(default: %(default)s)")
    parser.add_argument("--processes", type=int, default=10, help="(default: %(default)s)")
    options = parser.parse_args()
    duel = Duel(options.workload, options.threads, options.processes)
    verdicts: Counter[str] = Counter()
    widths = []
    for _ in range(options.duels):
        _, arm = fight([options.subject], duel, lambda _: None)
        verdicts[arm.verdict] += 1
        widths.append(arm.ratio.high / arm.ratio.low - 1)
        print(f"{arm.verdict}: {arm.ratio.ratio:.4f}, {arm.ratio.low:.4f} to {arm.ratio.high:.4f}", file=sys.stderr)
    wrong = verdicts["faster"] + verdicts["slower"]
    widths.sort()
    print(json.dumps({"verdicts": dict(verdicts), "wrong": wrong, "median_width": round(widths[len(widths) // 2], 4)}))
    return 1 if wrong > MOST_WRONG * options.duels else 0


if __name__ == "__main__":
    sys.exit(main())
