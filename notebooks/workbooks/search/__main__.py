"""``python -m workbooks.search FILE TEXT``: print the cells that contain a text, as JSON.

Run in a sandbox, for workbooks come from anywhere.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ..read import Unreadable
from . import search_file


def main() -> None:
    """Print what is found, or the problem with the file."""
    path, wanted = sys.argv[1:3]
    try:
        result: dict[str, Any] = search_file(Path(path), wanted)
    except Unreadable as problem:
        found = {"code": problem.code, "message": problem.message, "hint": problem.hint}
        result = {"problem": found}
    json.dump(result, sys.stdout, ensure_ascii=True, default=str)


if __name__ == "__main__":
    main()
