"""Formulas whose result in an original workbook still holds: nothing that they depend on changed.

openpyxl writes formulas without their values. Where LibreOffice can't compute one, the value that
Excel stored in the original is right as long as its text and the cells it reads are the same.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..keep.opc import EditablePackage, parse
from ..keep.workbook_parts import workbook_part
from ..values import Unreadable
from .constants import constants, differing, shared_texts
from .dependents import LAST_ROW, REFERENCE, Names, dependents
from .formula_cells import FormulaCell, WrittenUnusually
from .names import names_of
from .sheets import CannotCompute, Key, Sheets, needs_values, read_sheets
from .stored_values import Computed, ErrorValue

MOST_BYTES = 80_000_000
"""Of the worksheet parts of both workbooks together, unpacked."""
MOST_TRIED = 3
_STRINGS = re.compile(r'"(?:[^"]|"")*"')
_VOLATILE = re.compile(r"\b(?:NOW|TODAY|RAND|RANDBETWEEN|RANDARRAY)\s*\(", re.IGNORECASE)
_PIVOT = re.compile(r"\bGETPIVOTDATA\s*\(", re.IGNORECASE)
_LINK = re.compile(r"\[(\d+)\]")
_WORD = re.compile(r"[^\W\d][\w.\\]*")
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")


@dataclass(slots=True)
class Original:
    """A workbook that another one may have been made from.

    Attributes:
        name: Its name, for what is said of it.
        package: The workbook.
        sheets: Its worksheets; formulas as they are written.
        names: What its names and tables mean.
        links: What its links to other workbooks name, in order.
    """

    name: str
    package: EditablePackage
    sheets: Sheets
    names: Names
    links: list[str]


def read_original(name: str, package: EditablePackage) -> Original | None:
    """Return a workbook as an original; ``None`` if it has no values that could be taken.

    Args:
        name: Its name.
        package: The workbook; it must stay open.
    """
    try:
        sheets = read_sheets(package)
        if not sheets.cells or (
            needs_values(package, sheets)
            and not any(cell.value not in (None, "0") for cell in sheets.cells.values())
        ):
            return None
        return Original(name, package, sheets, names_of(package, sheets), links_of(package))
    except (CannotCompute, Unreadable):
        return None


def links_of(package: EditablePackage) -> list[str]:
    """Return what ``[1]``, ``[2]`` … in formulas stand for.

    Source: ECMA-376 part 1, section 18.14 (external links).
    """
    main = workbook_part(package)
    related = {each.id: each for each in package.relationships(main)}
    found = []
    for link in parse(package.read(main)).iter("{*}externalReference"):
        identity = next((v for k, v in link.attrib.items() if str(k).endswith("}id")), "")
        target = related.get(identity)
        own = package.relationships(target.target) if target and target.target in package else ()
        found.append(" ".join(each.target for each in own))
    return found


@dataclass(slots=True)
class Written:
    """A workbook that was made from an original.

    Attributes:
        package: The workbook.
        sheets: Its worksheets; the formulas with plain references to tables.
        names: What its names and tables mean.
        texts: Each formula as it is written.
        unresolved: Formulas of which it is not known what they read.
    """

    package: EditablePackage
    sheets: Sheets
    names: Names
    texts: Mapping[Key, str]
    unresolved: set[Key]


def kept_values(
    written: Written, originals: Sequence[Original], wanted: Iterable[Key]
) -> tuple[str, dict[Key, Computed]]:
    """Return values that formulas keep from the workbook they were read from, and its name.

    Args:
        written: The workbook.
        originals: Workbooks that it may have been made from.
        wanted: Formulas that have no other value.

    Returns:
        The original that most of *wanted* are in, and the value of each formula, wanted or not,
        whose text and precedents are the same as there. Volatile ones are never among them.
    """
    wanted = list(wanted)
    name, values, most = "", dict[Key, Computed](), 0
    ranked = sorted(originals, key=lambda each: -_in_common(written, each, wanted))
    for original in ranked[:MOST_TRIED]:
        if _in_common(written, original, wanted) <= most:
            break
        found = _unchanged(written, original)
        if (count := sum(key in found for key in wanted)) > most:
            name, values, most = original.name, found, count
    return name, values


def _in_common(written: Written, original: Original, wanted: Sequence[Key]) -> int:
    numbers = _numbers(written.sheets, original)
    return sum(
        original.sheets.texts.get((numbers.get(sheet, -1), place)) == written.texts[sheet, place]
        for sheet, place in wanted
    )


def _numbers(sheets: Sheets, original: Original) -> dict[int, int]:
    """Return the number that each sheet has in the original, by its name."""
    there = {name.upper(): number for number, name in enumerate(original.sheets.names)}
    named = ((number, there.get(name.upper())) for number, name in enumerate(sheets.names))
    return {number: other for number, other in named if other is not None}


def _unchanged(written: Written, original: Original) -> dict[Key, Computed]:
    sheets = written.sheets
    size = sum(map(len, [*sheets.contents.values(), *original.sheets.contents.values()]))
    if size > MOST_BYTES:
        return {}
    numbers = _numbers(sheets, original)
    try:
        changed = _changed_cells(written, original, numbers)
    except WrittenUnusually:
        return {}
    changed |= _changed_formulas(written, original, numbers) | written.unresolved
    texts = _with_whole_pivot_sheets(sheets.texts)
    reached = dependents(sheets.cells, texts, written.names, changed)
    found: dict[Key, Computed] = {}
    for key in sheets.cells.keys() - reached:
        there = original.sheets.cells[numbers[key[0]], key[1]]
        if (value := stored_value(there)) is not None:
            found[key] = value
    return found


def _changed_cells(written: Written, original: Original, numbers: Mapping[int, int]) -> set[Key]:
    """Return the cells without a formula that hold something else than in the original."""
    texts, former = shared_texts(written.package), shared_texts(original.package)
    changed: set[Key] = set()
    for number, part in enumerate(written.sheets.parts):
        now = constants(written.sheets.contents[part], texts) if part else {}
        there = numbers.get(number)
        was = original.sheets.parts[there] if there is not None else ""
        before = constants(original.sheets.contents[was], former) if was else {}
        changed |= {(number, place) for place in differing(before, now)}
    return changed


def _changed_formulas(written: Written, original: Original, numbers: Mapping[int, int]) -> set[Key]:
    """Return formulas that are new, gone, written otherwise, or mean something else now."""
    here = {other: number for number, other in numbers.items()}
    cells, former = written.sheets.cells, original.sheets.cells
    changed = {
        (here[sheet], place)
        for sheet, place in former
        if sheet in here and (here[sheet], place) not in cells
    }
    meaning = _Meaning(written.names, original.names, links_of(written.package), original.links)
    for key, text in written.texts.items():
        there = (numbers.get(key[0], -1), key[1])
        same = original.sheets.texts.get(there) == text and former[there].area == cells[key].area
        if not same or _VOLATILE.search(_STRINGS.sub('""', text)) or not meaning.same(text):
            changed.add(key)
    return changed


class _Meaning:
    """Whether the names, tables and links of a formula mean what they did."""

    def __init__(self, now: Names, was: Names, links: Sequence[str], former: Sequence[str]) -> None:
        words = {*now.defined, *was.defined, *now.tables, *was.tables}
        self._changed = {word for word in words if _of(now, word) != _of(was, word)}
        while more := {
            name
            for name, text in now.defined.items()
            if name not in self._changed and self._changed & _words(text)
        }:
            self._changed |= more
        self._links = {
            str(n + 1)
            for n in range(max(len(links), len(former)))
            if list(links[n : n + 1]) != list(former[n : n + 1])
        }

    def same(self, text: str) -> bool:
        """Whether all that a formula names is as it was."""
        if self._changed and self._changed & _words(text):
            return False
        return not self._links or not self._links & set(_LINK.findall(text))


def _of(names: Names, word: str) -> tuple[Any, ...]:
    """Return what a name or a table means; a table's sheet by its name."""
    table = names.tables.get(word)
    of_table = table and (names.sheets[table.sheet], table.area, table.columns, table.totals)
    return names.defined.get(word), of_table


def _words(text: str) -> set[str]:
    return {word.upper() for word in _WORD.findall(_STRINGS.sub('""', text))}


def _with_whole_pivot_sheets(texts: Mapping[Key, str]) -> Mapping[Key, str]:
    """Let GETPIVOTDATA read the whole sheets that it names: its pivot table lies there."""
    read = dict(texts)
    for key, text in texts.items():
        if _PIVOT.search(text):
            bare = _PIVOT.sub("(", _STRINGS.sub('""', text))
            named = {found["sheet"] or "" for found in REFERENCE.finditer(bare)}
            sheets = [f"{name and name + '!'}1:{LAST_ROW}" for name in sorted(named)]
            read[key] = ",".join([bare, *sheets])
    return read


def stored_value(cell: FormulaCell) -> Computed:
    """Return the value that is stored with a formula; ``None`` without one."""
    if cell.value is None:
        return None
    text = html.unescape(cell.value)
    if cell.type == "b":
        return text.strip() in ("1", "true")
    if cell.type == "e":
        return ErrorValue(text)
    if cell.type == "str":
        return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    try:
        return float(text) if cell.type == "n" else None
    except ValueError:
        return None
