"""``python -m workbooks.profile FILE [NAME]``: print a file's profile as one JSON object.

Before it, of a large file, stand lines with the share that is done: a record separator, a number.

Run in a sandbox, for workbooks come from anywhere.
"""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path
from typing import Any

from .ahead import Ahead

KEPT: list[Any] = []
"""The cells: the process ends with them, since to free millions takes time."""
MAX_PRINTED = 3_500_000
"""Characters; the service keeps the last 4 MiB of what the reader prints."""


def main() -> None:
    """Print the profile of the file named on the command line, or the problem with it."""
    gc.disable()  # the process is short, and the cells are many
    path, name = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None
    ahead = Ahead(path)
    from ..values import Unreadable

    try:
        result = _profile(path, name, ahead)
    except Unreadable as problem:
        found = {"code": problem.code, "message": problem.message, "hint": problem.hint}
        result = {"problem": found}
    sys.stdout.write(_printed(result))


def _profile(path: Path, name: str | None, ahead: Ahead) -> dict[str, Any]:
    from ..formats.gzip_text import is_gzip, unpacked
    from ..values import Unreadable
    from .book import profile_file

    if not is_gzip(path):
        return profile_file(path, name, kept=KEPT, say=_say, ahead=ahead)
    with unpacked(path) as inner:
        found = profile_file(inner, name or str(path), kept=KEPT, say=_say)
    if found["format"]["kind"] != "text":
        what = found["format"]["description"]
        raise Unreadable(
            "no-table", f"The file is a gzip archive of one file ({what}), not a table.",
            "Unpack it first, with gzip.open.",
        )  # fmt: skip
    found["format"]["description"] += ", packed with gzip"
    return found


def _say(share: float) -> None:
    """Print the share that is done: a line that is no part of the JSON."""
    sys.stdout.write(f"\x1e{share:.2f}\n")
    sys.stdout.flush()


def _printed(result: dict[str, Any]) -> str:
    """Return *result* as JSON, without samples and whole sheets where it would be too long."""
    text = json.dumps(result, ensure_ascii=True, default=str)
    for drop in (("whole", "first_rows"), ("samples", "first_formula", "notes", "facts")):
        if len(text) <= MAX_PRINTED:
            break
        for sheet in result.get("sheets", ()):
            for part in (sheet, *(t for t in sheet.get("tables", ())), *_columns(sheet)):
                for key in drop:
                    part.pop(key, None)
        text = json.dumps(result, ensure_ascii=True, default=str)
    return text


def _columns(sheet: dict[str, Any]) -> list[dict[str, Any]]:
    return [column for table in sheet.get("tables", ()) for column in table["columns"]]


if __name__ == "__main__":
    main()
