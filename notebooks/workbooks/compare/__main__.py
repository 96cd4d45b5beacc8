"""Print what differs between two files, as JSON. Run in a sandbox: workbooks come from anywhere.

``python -m workbooks.compare '{"before": "/workspace/a.xlsx", "after": "/workspace/b.xlsx"}'``;
``tolerance``, ``layers`` and ``most`` as in `compare_workbooks`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .difference import LAYERS, MOST_LISTED, comparison_to_json
from .workbooks import TOLERANCE, compare_workbooks


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
    json.dump(comparison_to_json(found), sys.stdout, ensure_ascii=True)


if __name__ == "__main__":
    main()
