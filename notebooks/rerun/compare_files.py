"""Compares a produced file with the recorded one, by value."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from notebooks.rerun.compare import plain_text
from notebooks.rerun.tolerance import changed, lines_difference
from notebooks.workbooks.compare.difference import Difference
from notebooks.workbooks.compare.words import place_of
from notebooks.workbooks.compare.workbooks import compare_workbooks
from notebooks.workbooks.read import identify
from notebooks.workbooks.values import Unreadable

WORKBOOK_SUFFIXES = frozenset({".xlsx", ".xlsm", ".xltx", ".xltm", ".xlsb", ".xls", ".ods"})
LAYERS_OF_RERUN = ("sheets", "values", "formulas", "formats", "objects")
"""Parts of the package beside these may hold when and where it was written."""
WORKBOOKS = frozenset({"xlsx", "xlsm", "xltx", "xltm", "xlsb", "xls", "ods", "xml2003"})
"""Kinds of files that have the content of a workbook."""
OF_NO_EDIT = frozenset({"volatile", "not computed"})
TEXT_SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".json", ".html", ".htm", ".md"})
CHUNK_BYTES = 1 << 20


def file_difference(one: Path, other: Path) -> str:
    """Return the first difference of two files, or ``""``.

    Workbooks are compared by content, layer by layer, text files line by line; both with a
    tolerance for numbers. Other files are compared byte by byte.
    """
    if _same_bytes(one, other):
        return ""
    suffix = one.suffix.lower()
    if suffix in WORKBOOK_SUFFIXES:
        return workbook_difference(one, other)
    if suffix in TEXT_SUFFIXES:
        try:
            difference = lines_difference(_lines(one), _lines(other))
        except UnicodeDecodeError:
            return "its bytes differ"
        return str(difference) if difference else ""
    return "its bytes differ"


def _same_bytes(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        while chunk := first.read(CHUNK_BYTES):
            if chunk != second.read(CHUNK_BYTES):
                return False
    return True


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", newline="") as file:
        for line in file:
            yield plain_text(line)


def workbook_difference(one: Path, other: Path) -> str:
    """Return the first difference of two workbooks, and how many there are; ``""`` without one.

    Sheets, values, formulas, formats and objects count. What a formula gives does not where its
    value is another one each time, or was never computed.
    """
    try:
        for path in (one, other):
            if (kind := identify(path)).kind not in WORKBOOKS:
                return f"a workbook can't be read: it is no workbook, but {kind.description}"
        found = compare_workbooks(one, other, layers=LAYERS_OF_RERUN)
    except OSError:
        raise
    except Unreadable as error:
        return f"a workbook can't be read: {error.message}"
    except Exception as error:  # noqa: BLE001 (a broken file can make a reader raise anything)
        return f"a workbook can't be read ({type(error).__name__})"
    if found.problem is not None:
        which = {"before": "the recorded", "after": "the produced"}.get(found.problem.file, "a")
        return f"{which} workbook can't be read: {found.problem.message}"
    moved = [note for note in found.notes if "another order" in note]
    listed = [each for each in found.differences if each.cause not in OF_NO_EDIT]
    left = sum(
        count
        for causes in found.counts.values()
        for cause, count in causes.items()
        if cause not in OF_NO_EDIT
    )
    if not left:
        return moved[0].rstrip(".") if moved else ""
    if not listed:
        return "; ".join(f"{layer}: {counts}" for layer, counts in found.counts.items())
    shown = _in_words(listed[0])
    more = left - listed[0].count
    return f"{shown} (and {more:,} more)" if more > 0 else shown


def _in_words(each: Difference) -> str:
    if each.what == "cell":
        return f"{place_of(each)}: {changed(each.before or '', each.after or '')}"
    what = f"{place_of(each)}: {each.what}" if place_of(each) else each.what
    if each.cause == "edited" and each.before is not None and each.after is not None:
        return f"{what}: {changed(each.before, each.after)}"
    return f"{what} {each.cause}"
