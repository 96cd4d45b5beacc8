"""Compares a produced file with the recorded one, by value."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from notebooks.rerun.compare import plain_text
from notebooks.rerun.programs import IN_THIS_PROCESS, Programs
from notebooks.rerun.tolerance import changed, lines_difference
from notebooks.rerun.volatile import beyond_volatile, explained, said_lines
from notebooks.workbooks.compare.difference import Comparison, Difference
from notebooks.workbooks.compare.words import place_of

WORKBOOK_SUFFIXES = frozenset({".xlsx", ".xlsm", ".xltx", ".xltm", ".xlsb", ".xls", ".ods"})
MOST_PLACES = 8
"""Volatile places that a report names."""
OF_NO_EDIT = frozenset({"volatile", "not computed"})
TEXT_SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".json", ".html", ".htm", ".md"})
PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp"})
CHUNK_BYTES = 1 << 20
MOST_PICTURE_BYTES = 64 * 1024 * 1024
MOST_TEXT_BYTES = 32 * 1024 * 1024
"""Size of texts up to which what is volatile in them is found."""


def file_difference(one: Path, other: Path, programs: Programs = IN_THIS_PROCESS) -> str:
    """Return the first difference of two files, or ``""``.

    Workbooks are compared by content, layer by layer, text files line by line; both with a
    tolerance for numbers. Pictures are compared by how they look, other files byte by byte.
    """
    if _same_bytes(one, other):
        return ""
    suffix = one.suffix.lower()
    if suffix in WORKBOOK_SUFFIXES:
        return _workbook_words(programs.workbooks(one, other))
    if suffix in PICTURE_SUFFIXES:
        return _picture_difference(one, other, programs)
    if suffix in TEXT_SUFFIXES:
        try:
            difference = lines_difference(_lines(one), _lines(other))
        except UnicodeDecodeError:
            return "its bytes differ"
        return str(difference) if difference else ""
    return "its bytes differ"


def volatile_in_file(recorded: Path, one: Path, other: Path, programs: Programs) -> str | None:
    """Return what is volatile in a file, if that is all in which it differs from the record.

    Args:
        recorded: The recorded file.
        one: The file of a re-run, which differs from it.
        other: The file of a second re-run.
        programs: What compares workbooks and pictures.

    Returns:
        The volatile places in plain words; ``None`` if the file differs elsewhere too.
    """
    if _same_bytes(one, other):
        return None
    suffix = one.suffix.lower()
    if suffix in WORKBOOK_SUFFIXES:
        own = programs.workbooks(one, other)
        places = [place_of(each) for each in own.differences if each.cause not in OF_NO_EDIT]
        if not places or not explained(programs.workbooks(recorded, one), own):
            return None
        return ", ".join(places[:MOST_PLACES])
    if suffix in PICTURE_SUFFIXES:
        return "how it looks" if _picture_difference(one, other, programs) else None
    if suffix not in TEXT_SUFFIXES:
        return None
    if max(path.stat().st_size for path in (recorded, one, other)) > MOST_TEXT_BYTES:
        return None
    try:
        found = beyond_volatile(*("".join(_lines(path)) for path in (recorded, one, other)))
    except UnicodeDecodeError:
        return None
    return None if found.difference is not None else said_lines(found.lines)


def _picture_difference(one: Path, other: Path, programs: Programs) -> str:
    if max(one.stat().st_size, other.stat().st_size) > MOST_PICTURE_BYTES:
        return "its bytes differ"
    return programs.pictures(one.read_bytes(), other.read_bytes())


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


def _workbook_words(found: Comparison) -> str:
    """Return the first difference of two workbooks, and how many there are; ``""`` without one.

    Sheets, values, formulas, formats and objects count. What a formula gives does not where its
    value is another one each time, or was never computed.
    """
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
