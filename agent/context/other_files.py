"""What files without a table are: their kind by content or ending, their size, a zip's members."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

KINDS = {
    ".png": "picture", ".jpg": "picture", ".jpeg": "picture", ".gif": "picture", ".svg": "picture",
    ".webp": "picture", ".tif": "picture", ".tiff": "picture", ".bmp": "picture",
    ".pdf": "PDF document", ".doc": "Word document", ".docx": "Word document", ".rtf": "document",
    ".ppt": "presentation", ".pptx": "presentation", ".msg": "Outlook mail", ".eml": "mail",
    ".py": "Python code", ".ipynb": "notebook", ".sql": "SQL code", ".md": "text", ".log": "log",
    ".pkl": "pickle", ".feather": "Feather table", ".sqlite": "SQLite database", ".db": "database",
    ".mp3": "sound", ".mp4": "film", ".exe": "program", ".dll": "program",
}  # fmt: skip
"""Ending → kind of files that are not opened to look for a table."""
MOST_BYTES = 200_000_000
"""Larger files of an unknown kind are not opened either."""
LEAST_ROWS = 2
_IS = "The file is "


def may_hold_a_table(name: str, size: int) -> bool:
    """Return whether a file of an unusual ending is worth a look: content decides, not the name."""
    return PurePosixPath(name).suffix.lower() not in KINDS and 0 < size <= MOST_BYTES


def is_a_table(profile: dict[str, Any]) -> bool:
    """Return whether what has an unusual ending is a table: one that fills nearly the whole file.

    Mails and logs have lines that can be cut at some sign too. What is encrypted or too large
    counts as one, so that the reason is told.
    """
    if problem := profile.get("problem"):
        return bool(problem["code"] in ("encrypted", "workbook-too-large"))
    if profile["format"]["kind"] != "text":
        return True
    [sheet] = profile["sheets"]
    tables = sheet.get("tables", ())
    if len(tables) != 1 or not tables[0]["header_rows"] or len(tables[0]["columns"]) < 2:
        return False
    filled = tables[0]["data_rows"]
    rows = filled + len(tables[0]["header_rows"]) + len(tables[0]["totals"])
    return bool(filled >= LEAST_ROWS and rows >= 0.8 * sheet["rows"])


def describe_file(name: str, size: int, problem: dict[str, Any] | None) -> str:
    """Return the kind and the size of a file in words.

    Args:
        name: Its name.
        size: Its size in bytes.
        problem: Why the reader found no table in it, if it looked.
    """
    kind = KINDS.get(PurePosixPath(name).suffix.lower(), "")
    message = str(problem["message"]) if problem else ""
    if message.startswith(_IS):
        kind = message.removeprefix(_IS).rstrip(".").replace(", not a table", "")
        kind = kind.replace(", not a workbook", "").replace(
            "neither a workbook nor text", "binary data"
        )
    return ", ".join(part for part in (kind, _size(size)) if part)


def _size(size: int) -> str:
    for unit, most in (("MB", 1_000_000), ("KB", 1_000)):
        if size >= most:
            return f"{size / most:.3g} {unit}"
    return f"{size} bytes"
