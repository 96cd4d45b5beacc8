"""``python -m workbooks.profile FILE [NAME]``: print a file's profile as one JSON object.

Run in a sandbox, for workbooks come from anywhere.
"""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path

from ..read import Unreadable
from .book import profile_file


def main() -> None:
    """Print the profile of the file named on the command line, or the problem with it."""
    gc.disable()  # the process is short, and the cells are many
    path, name = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None
    try:
        result = profile_file(path, name)
    except Unreadable as problem:
        found = {"code": problem.code, "message": problem.message, "hint": problem.hint}
        result = {"problem": found}
    json.dump(result, sys.stdout, ensure_ascii=True, default=str)


if __name__ == "__main__":
    main()
