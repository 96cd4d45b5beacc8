"""Print what differs between two files, as JSON. Run in a sandbox: workbooks come from anywhere.

``python -m workbooks.compare '{"before": "/workspace/a.xlsx", "after": "/workspace/b.xlsx"}'``;
``tolerance``, ``layers`` and ``most`` as in `compare_workbooks`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .difference import LAYERS, MOST_LISTED, comparison_to_json, shortened
from .workbooks import TOLERANCE, compare_workbooks

MOST_PRINTED = 3_000_000
"""The longest result: a sandbox hands out no more than 4 MB."""


def main() -> None:
    """Print the comparison that the command line asks for."""
    asked = json.loads(sys.argv[1])
    found = compare_workbooks(
        Path(asked["before"]),
        Path(asked["after"]),
        tolerance=float(asked.get("tolerance", TOLERANCE)),
        layers=asked.get("layers", LAYERS),
        most=int(asked.get("most", MOST_LISTED)),
        at_once=True,
    )
    text = json.dumps(comparison_to_json(found))
    for most in (200, 50, 10, 1):
        if len(text) <= MOST_PRINTED:
            break
        text = json.dumps(comparison_to_json(shortened(found, most)))
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
