"""Reading XML piece by piece, without document types: no entity can grow, nothing is fetched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol
from xml.parsers import expat

from ..values import Unreadable, damaged

PIECE_BYTES = 16 * 1024
"""So few bytes hold few rows, however wide these are."""

Start = Callable[[str, dict[str, str]], None]


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes:
        """Return up to *size* bytes, none at the end."""


def refuse_doctype(*_: object) -> None:
    """Refuse a document type: workbooks have none, and attacks are made of them."""
    raise Unreadable(
        "hostile-package",
        "The file declares XML entities, which no workbook does and attacks do.",
        "Don't use it; ask its sender for a file saved by a spreadsheet program.",
    )


def events(stream: Readable, handlers: Any) -> Iterator[None]:
    """Parse *stream* and yield after each piece, so that its caller can hand on what was found.

    Args:
        stream: The document.
        handlers: Has the methods ``start(name, attributes)``, ``end(name)`` and ``text(data)``;
            names are local names, without prefix or namespace.

    Raises:
        Unreadable: It is not well-formed, or declares a document type.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = refuse_doctype
    start, end = handlers.start, handlers.end
    parser.StartElementHandler = lambda name, of: start(name.rpartition(":")[2], of)
    parser.EndElementHandler = lambda name: end(name.rpartition(":")[2])
    parser.CharacterDataHandler = handlers.text
    try:
        while piece := stream.read(PIECE_BYTES):
            parser.Parse(piece)
            yield
        parser.Parse(b"", True)  # noqa: FBT003 (the parser takes it by position)
    except expat.ExpatError as error:
        raise damaged(f"its XML breaks off or is malformed ({error})") from error
    yield


def local(of: dict[str, str], name: str) -> str | None:
    """Return the attribute *name* of any prefix, such as ``r:id`` for ``id``."""
    if name in of:
        return of[name]
    return next((of[key] for key in of if key.rpartition(":")[2] == name), None)
