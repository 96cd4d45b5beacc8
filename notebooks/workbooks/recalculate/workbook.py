"""Compute all formulas of a workbook, and store the values in it."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ..keep.opc import EditablePackage
from ..keep.workbook_parts import workbook_part
from ..values import Unreadable
from .computation import Convert, compute
from .report import report
from .sheets import CannotCompute as CannotCompute
from .sheets import Key, Sheets, needs_values, read_sheets
from .shown_values import shown_values
from .stored_values import Computed, with_values
from .unchanged import Original, read_original


def recalculate(
    content: bytes,
    convert: Convert,
    version: tuple[int, int],
    originals: Mapping[str, bytes] = MappingProxyType({}),
) -> tuple[bytes | None, dict[str, Any]]:
    """Return the workbook with all values, and what was computed.

    Args:
        content: The file.
        convert: Returns a workbook as a computed OpenDocument spreadsheet.
        version: LibreOffice's version.
        originals: Workbooks it may have been made from, by name.

    Returns:
        The new file, ``None`` if nothing was to be computed; and the report (see `report`).

    Raises:
        CannotCompute: It is left as it is.
        OfficeFailed: LibreOffice gave nothing.
        Unreadable: The file is broken.
    """
    with EditablePackage(io.BytesIO(content)) as package:
        sheets = read_sheets(package)
        if not needs_values(package, sheets):
            return None, {}
        with contextlib.ExitStack() as opened:
            computation = compute(
                package, sheets, convert, version, lambda: _read_originals(originals, opened)
            )
        store(package, sheets, computation.values)
        made = io.BytesIO()
        package.save(made)
        said = report(sheets, computation, shown_values(package))
    return made.getvalue(), said


def _read_originals(originals: Mapping[str, bytes], opened: contextlib.ExitStack) -> list[Original]:
    found = []
    for name, content in originals.items():
        with contextlib.suppress(Unreadable):
            package = opened.enter_context(EditablePackage(io.BytesIO(content)))
            if (original := read_original(name, package)) is not None:
                found.append(original)
    return found


def store(package: EditablePackage, sheets: Sheets, values: Mapping[Key, Computed]) -> None:
    """Store *values* in the workbook, and let Excel compute everything again on opening."""
    for number, part in enumerate(sheets.parts):
        own = {place: value for (on, place), value in values.items() if on == number}
        if part and any(on == number for on, _ in sheets.cells):
            package.write(part, with_values(sheets.contents[part], own))
    main = workbook_part(package)
    package.write(main, _computed_on_load(package.read(main)))


_SETTINGS = re.compile(rb"<((?:\w+:)?)calcPr\b([^>]*?)(/?)>")
_ON_LOAD = re.compile(rb'\s+(?:fullCalcOnLoad|calcCompleted)="[^"]*"')
_BEFORE_SETTINGS = re.compile(
    rb"</(?:\w+:)?(?:sheets|externalReferences|definedNames)\s*>"
    rb"|<(?:\w+:)?(?:externalReferences|definedNames)\s*/>"
)


def _computed_on_load(book: bytes) -> bytes:
    found = _SETTINGS.search(book)
    if found is not None:
        of = _ON_LOAD.sub(b"", found[2]).rstrip()
        made = b"<" + found[1] + b"calcPr" + of + b' fullCalcOnLoad="1"' + found[3] + b">"
        return book[: found.start()] + made + book[found.end() :]
    ends = list(_BEFORE_SETTINGS.finditer(book))
    if not ends:
        return book
    last = ends[-1]
    prefix = last[0].lstrip(b"</").partition(b":")[0] + b":" if b":" in last[0] else b""
    return book[: last.end()] + b"<" + prefix + b'calcPr fullCalcOnLoad="1"/>' + book[last.end() :]
