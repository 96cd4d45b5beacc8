"""Which formulas depend on cells whose value is not known.

It errs on one side: a formula that may depend on such a cell is taken to.
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .formula_cells import Area, FormulaCell, area_of
from .stored_values import Place
from .table_references import Table

LAST_ROW, LAST_COLUMN = 1_048_576, 16_384
MOST_PASSES = 40
_STRINGS = re.compile(r'"(?:[^"]|"")*"')
REFERENCE = re.compile(
    r"(?<![\w.\\])(?:(?P<sheet>'(?:[^']|'')*'|[^\W\d][\w.]*(?::[^\W\d][\w.]*)?)!)?"
    r"(?P<area>\$?[A-Z]{1,3}\$?[0-9]{1,7}(?::\$?[A-Z]{1,3}\$?[0-9]{1,7})?"
    r"|\$?[A-Z]{1,3}:\$?[A-Z]{1,3}|\$?[0-9]{1,7}:\$?[0-9]{1,7})(?![\w(.!])",
    re.IGNORECASE,
)
_ANYWHERE = re.compile(r"\b(?:INDIRECT|OFFSET|GETPIVOTDATA)\s*\(", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d][\w.\\]*")
SheetArea = tuple[int, Area]


@dataclass(slots=True)
class Names:
    """What a workbook's names and tables mean.

    Attributes:
        sheets: The sheets' names in capitals, in order.
        defined: The text of each defined name, by the name in capitals.
        tables: The tables, by their names in capitals.
    """

    sheets: Sequence[str]
    defined: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)


class Places:
    """Cells of a workbook's sheets, to be looked up by area."""

    def __init__(self, areas: Sequence[SheetArea] = ()) -> None:
        self._columns: dict[tuple[int, int], list[int]] = {}
        self._areas = list(areas)

    def add(self, sheet: int, place: Place) -> None:
        """Add a cell."""
        insort(self._columns.setdefault((sheet, place[1]), []), place[0])

    def add_area(self, sheet: int, area: Area) -> None:
        """Add all cells of an area."""
        self._areas.append((sheet, area))

    def touch(self, sheet: int, area: Area) -> bool:
        """Whether a cell lies in *area*."""
        top, left, bottom, right = area
        for on, (first, start, last, end) in self._areas:
            if on == sheet and first <= bottom and top <= last and start <= right and left <= end:
                return True
        few = right - left < len(self._columns)
        columns = ((sheet, at) for at in range(left, right + 1)) if few else list(self._columns)
        for on, column in columns:
            rows = self._columns.get((on, column)) if on == sheet else None
            if rows and left <= column <= right:
                at = bisect_left(rows, top)
                if at < len(rows) and rows[at] <= bottom:
                    return True
        return False


def dependents(
    cells: Mapping[tuple[int, Place], FormulaCell],
    texts: Mapping[tuple[int, Place], str],
    names: Names,
    unknown: Iterable[tuple[int, Place]],
    spilled: Sequence[SheetArea] = (),
) -> set[tuple[int, Place]]:
    """Return the cells that depend on *unknown* ones, these included.

    Args:
        cells: All formula cells by sheet and place.
        texts: The formula of each, shared ones moved to their place.
        names: The workbook's names.
        unknown: The cells whose value is not known.
        spilled: Further cells that may have another value.
    """
    found, places = set(unknown), Places(spilled)
    if not found and not spilled:
        return found
    for sheet, place in found:
        _add(places, sheet, cells.get((sheet, place)), place)
    read = {key: areas_read(text, key[0], names) for key, text in texts.items() if key not in found}
    for _ in range(MOST_PASSES):
        before = len(found)
        for (sheet, place), areas in list(read.items()):
            if areas is None or any(places.touch(on, area) for on, area in areas):
                del read[sheet, place]
                found.add((sheet, place))
                _add(places, sheet, cells.get((sheet, place)), place)
        if len(found) == before:
            return found
    return found | set(read)


def _add(places: Places, sheet: int, cell: FormulaCell | None, place: Place) -> None:
    if cell is not None and cell.area[:2] != cell.area[2:]:
        places.add_area(sheet, cell.area)
    else:
        places.add(sheet, place)


def areas_read(text: str, sheet: int, names: Names, depth: int = 0) -> list[SheetArea] | None:
    """Return the areas that a formula reads; ``None`` if that is not known.

    Args:
        text: The formula, without ``=``.
        sheet: The sheet it is on.
        names: The workbook's names.
        depth: How many names it stands in.
    """
    bare = _STRINGS.sub('""', text)
    if _ANYWHERE.search(bare) or depth > 20:
        return None
    areas: list[SheetArea] = []
    for found in REFERENCE.finditer(bare):
        area = _area(found["area"].replace("$", "").upper())
        on = _sheets(found["sheet"], sheet, names)
        if area is None or on is None:
            return None
        areas += [(each, area) for each in on]
    for word in dict.fromkeys(w.upper() for w in _WORD.findall(REFERENCE.sub(" ", bare))):
        if word in names.tables:  # in a defined name; formulas have plain references
            areas.append((names.tables[word].sheet, names.tables[word].area))
        elif word in names.defined:
            more = areas_read(names.defined[word], sheet, names, depth + 1)
            if more is None:
                return None
            areas += more
    return areas


def _area(reference: str) -> Area | None:
    first, _, last = reference.partition(":")
    if first.isdigit():
        return int(first), 1, int(last), LAST_COLUMN
    if first.isalpha():
        return area_of(f"{first}1:{last}{LAST_ROW}")
    return area_of(reference)


def _sheets(name: str | None, sheet: int, names: Names) -> list[int] | None:
    """Return the numbers of the sheets that a reference names; ``None`` for an unknown one."""
    if name is None:
        return [sheet]
    plain = name.strip("'").replace("''", "'").upper()
    if plain in names.sheets:
        return [names.sheets.index(plain)]
    first, _, last = plain.partition(":")
    if first in names.sheets and last in names.sheets:
        one, other = sorted((names.sheets.index(first), names.sheets.index(last)))
        return list(range(one, other + 1))
    return []
