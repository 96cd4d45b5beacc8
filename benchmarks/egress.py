"""The egress guard: how much it finds in a made corpus, and how fast it reads.

``python -m benchmarks.egress`` prints precision and recall by kind, and MB/s.
"""

from __future__ import annotations

import random
import time
from collections import Counter

from agent.egress.rules import KINDS
from agent.egress.scan import scan
from tests.corpus.egress import Text, corpus, numeric_sheet


def score(texts: list[Text]) -> dict[str, tuple[float, float, int]]:
    """Return precision, recall and number of values by kind, and of all as ``all``."""
    right, wrong, missed = Counter[str](), Counter[str](), Counter[str]()
    for each in texts:
        data = each.text.encode()
        expected = Counter(each.values)
        for found in scan(data):
            value = found.kind, data[found.start : found.end].decode()
            if expected[value]:
                expected[value] -= 1
                right[found.kind] += 1
            else:
                wrong[found.kind] += 1
        for (kind, _), count in expected.items():
            missed[kind] += count
    rows = {kind: (right[kind], wrong[kind], missed[kind]) for kind in KINDS}
    rows["all"] = right.total(), wrong.total(), missed.total()
    return {
        kind: (r / ((r + w) or 1), r / ((r + m) or 1), r + m) for kind, (r, w, m) in rows.items()
    }


def megabytes_a_second(megabytes: int = 32) -> float:
    """Return how fast a printed sheet of numbers is read."""
    sheet = numeric_sheet(random.Random(1), 20_000).encode()
    data = sheet * max(1, megabytes * 1_000_000 // len(sheet))
    scan(data[:100_000])
    began = time.perf_counter()
    scan(data)
    return len(data) / 1e6 / (time.perf_counter() - began)


def main() -> None:
    """Print all of it."""
    for kind, (precision, recall, count) in score(corpus()).items():
        print(f"{kind:12} precision {precision:.3f}  recall {recall:.3f}  of {count}")
    print(f"{megabytes_a_second():.0f} MB/s over a printed sheet of numbers")


if __name__ == "__main__":
    main()
