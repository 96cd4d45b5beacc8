"""The copy of a damaged upload that LibreOffice could read, beside it in ``inputs/``.

The service makes it when the upload is profiled; its name ends with the hash of the upload, so
that it is never taken for the copy of another file.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..read import Book, open_book
from ..values import Unreadable


def open_or_recovered(path: Path) -> tuple[Path, Book]:
    """Open a file; where it can't be read, the copy that was recovered from it.

    Args:
        path: The file.

    Returns:
        What was opened: its path, and the book.

    Raises:
        Unreadable: The file can't be read, and there is no copy of it.
    """
    try:
        return path, open_book(path)
    except Unreadable as problem:
        copy = recovered_copy(path)
        if copy is None:
            raise
        book = open_book(copy)
        print(  # noqa: T201
            f"{path.name}: {problem.message} Read instead: {copy.name}, what LibreOffice could "
            "read of it; some of it may be missing."
        )
        return copy, book


def recovered_copy(path: Path) -> Path | None:
    """Return the copy that was recovered from *path*, if there is one beside it."""
    if not any(path.parent.glob(f"{_literal(path.stem)}.recovered-*.xlsx")):
        return None
    with path.open("rb") as file:
        hashed = hashlib.file_digest(file, "sha256").hexdigest()
    copy = path.with_name(f"{path.stem}.recovered-{hashed[:8]}.xlsx")
    return copy if copy.is_file() else None


def _literal(name: str) -> str:
    """Return a pattern of `Path.glob` that only this name fits."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)
