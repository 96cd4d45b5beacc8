"""``python -m workbooks.preview FILE SHEET FIRST COUNT``: print rows of a sheet as one JSON object.

An empty SHEET is the first one. Run in a sandbox, for workbooks come from anywhere.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ..read import Unreadable
from . import preview_file


def main() -> None:
    """Print the rows that the command line asks for, or the problem with the file."""
    path, sheet, first, count = sys.argv[1:5]
    try:
        result = preview_file(Path(path), sheet, first=int(first), count=int(count))
    except Unreadable as problem:
        found = {"code": problem.code, "message": problem.message, "hint": problem.hint}
        result = {"problem": found}
    except LookupError as error:
        hint = "Ask without a sheet for the names of all."
        result = {"problem": {"code": "no-such-sheet", "message": f"{error}.", "hint": hint}}
    json.dump(result, sys.stdout, ensure_ascii=True, default=str)


if __name__ == "__main__":
    main()
