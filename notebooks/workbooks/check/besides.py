"""Cells that code changed in a workbook besides those that it names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..compare.difference import Comparison
from ..compare.named_cells import named_cells
from ..compare.unintended import unintended
from ..compare.words import place_of
from ..compare.workbooks import compare_workbooks
from .finding import Finding, some

MOST_BYTES = 1_500_000
"""Size of each workbook: a check must not keep its user waiting."""
MOST_ORIGINALS = 3
MOST_LISTED = 2_000
ALIKE = 0.6
"""Share of an original's rows that a workbook made from it still has."""
LAYERS = ("sheets", "values", "formulas")


def besides_findings(path: Path, originals: Sequence[Path], codes: Sequence[str]) -> list[Finding]:
    """Name the cells that differ from the original although no code names them.

    Nothing is said where that can't be known.

    Args:
        path: A workbook that code has written.
        originals: Workbooks it may have been made from; one counts if the code loads it.
        codes: The code that ran, cell by cell.
    """
    text = "\n".join(codes)
    if "load_workbook" not in text or path.stat().st_size > MOST_BYTES:
        return []
    loaded = [each for each in originals if each.name in text and _is_small(each)]
    compared = [
        found
        for original in loaded[:MOST_ORIGINALS]
        if _is_made_from(
            found := compare_workbooks(original, path, layers=LAYERS, most=MOST_LISTED)
        )
    ]
    if not compared:
        return []
    found = min(compared, key=_size)
    besides = unintended(found, named_cells(codes))
    if not besides.count:
        return []
    places = [place_of(each) or each.what for each in besides.differences]
    return [
        Finding(
            "changed-besides",
            f"{besides.count:,} cells or sheets differ from {found.before!r} although the code "
            f"names other ones: {some(places)}.",
            "Say in the answer why they changed, or load the workbook again and change only what "
            "was asked for.",
            besides.count,
        )
    ]


def _is_small(path: Path) -> bool:
    return path.is_file() and path.stat().st_size <= MOST_BYTES


def _is_made_from(found: Comparison) -> bool:
    rows = sum(sheet.rows_before for sheet in found.sheets)
    return rows > 0 and sum(sheet.rows for sheet in found.sheets) >= ALIKE * rows


def _size(found: Comparison) -> int:
    return sum(sum(causes.values()) for causes in found.counts.values())
