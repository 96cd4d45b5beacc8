"""Sheets of a written workbook that are copies of another one, and what they lack of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..keep.opc import EditablePackage
from ..keep.parts import lost_of_copies, said
from ..keep.sheet_markup import SheetMarkup
from ..keep.workbook_parts import sheet_parts
from .finding import Finding

ALIKE, FEWEST_TEXTS = 0.6, 3
"""Share of a sheet's texts that a copy has in the same cells; and how many there must be."""
_FORMULA = re.compile(rb'<c r="([A-Z]{1,3}\d{1,7})"[^>]*><f')
Cells = Mapping[tuple[int, int], Any]


def copied_sheet_findings(
    path: Path, original: Path, ours: Mapping[str, Cells], theirs: Mapping[str, Cells]
) -> list[Finding]:
    """Name charts, lists, formats and the like that a copy of a sheet lacks.

    A sheet with the same columns that code wrote anew is no copy: a copy has the same widths,
    merged ranges or formulas too.

    Args:
        path: The written workbook.
        original: The workbook it was made from.
        ours: The first cells of each sheet of *path*, by name.
        theirs: Those of each sheet of *original*.

    Raises:
        Unreadable: One of both is broken.
    """
    pairs = [
        (before, after)
        for after in ours.keys() - theirs.keys()
        if (before := _most_alike(ours[after], theirs))
    ]
    if not pairs:
        return []
    with EditablePackage(original) as source, EditablePackage(path) as target:
        parts, made = sheet_parts(source), sheet_parts(target)
        pairs = [
            (before, after)
            for before, after in sorted(pairs)
            if before in parts
            and after in made
            and _shape(source, parts[before]) & _shape(target, made[after])
        ]
    return [
        Finding(
            "copy-incomplete",
            f"Sheet {after!r} is a copy of {before!r}, but lacks {said(missing)}.",
            "Copy it with openpyxl's copy_worksheet in this session, which takes charts, lists, "
            "formats and print settings along; make the rest anew, or name it in the answer.",
            sum(missing.values()),
        )
        for (before, after), missing in lost_of_copies(original, path, pairs).items()
    ]


def _most_alike(cells: Cells, sheets: Mapping[str, Cells]) -> str:
    """Return the sheet that has most texts in the same cells; empty if none is alike."""
    shares = {name: _share(other, cells) for name, other in sheets.items()}
    best = max(shares, key=lambda name: shares[name], default="")
    return best if best and shares[best] >= ALIKE else ""


def _share(before: Cells, after: Cells) -> float:
    texts = {place: value for place, value in before.items() if isinstance(value, str)}
    if len(texts) < FEWEST_TEXTS:
        return 0.0
    same: int = sum(bool(after.get(place) == value) for place, value in texts.items())
    return same / len(texts)


def _shape(package: EditablePackage, part: str) -> set[Any]:
    """Return widths, merged ranges and places of formulas of a sheet, each as one value."""
    markup = SheetMarkup.of(package.read(part))
    widths = tuple(
        (each.get("min"), each.get("max"), each.get("width"))
        for block in markup.children("cols")
        for each in block
        if each.get("width")
    )
    merged = {each.get("ref") for block in markup.children("mergeCells") for each in block}
    formulas = frozenset(_FORMULA.findall(markup.cells))
    found = {("widths", widths), ("merged", frozenset(merged)), ("formulas", formulas)}
    return {each for each in found if each[1]}
