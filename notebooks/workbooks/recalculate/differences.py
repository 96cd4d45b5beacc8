"""Formulas for which LibreOffice gives another value than Excel, found by what they read.

LibreOffice takes TRUE for the number 1 in a range, compares a text such as ``"20"`` with the
number 20 in a lookup, and never in a criterion; and it names errors otherwise.

Source: Microsoft's pages on the functions; ECMA-376 part 1, section 18.17.7; tried on
LibreOffice 7.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from .dependents import REFERENCE, Names, SheetArea, areas_read
from .equivalents import Unsayable, arguments_of
from .office_values import NotComputed, OfficeValue
from .sheets import Key
from .stored_values import ErrorValue, Place

_TAKES_BOOLEANS = re.compile(
    r"\b(?:SUM|SUMSQ|COUNT|AVERAGE|MIN|MAX|MEDIAN|PRODUCT|LARGE|SMALL|RANK|SUBTOTAL|AGGREGATE|MODE"
    r"|STDEVP?|VARP?|QUARTILE|PERCENTILE|(?:STDEV|VAR|QUARTILE|PERCENTILE|RANK|MODE)\.\w+"
    r"|ISNUMBER|TEXT|CONCAT|CONCATENATE|TEXTJOIN|LEN|LEFT|RIGHT|TYPE)\s*\(",
    re.IGNORECASE,
)
_LITERAL = re.compile(
    r"\b(?:TRUE|FALSE)\b(?:\(\))?\s*&|&\s*(?:TRUE|FALSE)\b"
    r"|\([^()&]*[=<>][^()&]*\)\s*&|&\s*\([^()&]*[=<>][^()&]*\)",
    re.IGNORECASE,
)
_LOOKS_UP = re.compile(r"\b(MATCH|[VHX]?LOOKUP|XMATCH)\s*\(", re.IGNORECASE)
_COUNTS_BY = re.compile(r"\b(?:COUNT|SUM|AVERAGE|MAX|MIN)IFS?\s*\(", re.IGNORECASE)
_QUOTED = re.compile(r'"([^"]*)"')
_NUMBERS = re.compile(r"(?<![\w.$!'])\d+(?:\.\d+)?(?![\w.:!(])")
AS_NUMBERS = "TRUE or FALSE among numbers"
OTHER_TYPE = "compares numbers with numbers kept as text"

_KINDS = (
    ("#NUM!", "SQRT LN LOG LOG10 FACT LARGE SMALL PERCENTILE QUARTILE IRR XIRR RATE NPER DATE "
     "ASIN ACOS ACOSH ATANH COMBIN PERMUT GAMMALN YIELD PERCENTILE.INC PERCENTILE.EXC "
     "QUARTILE.INC QUARTILE.EXC DATEDIF POWER EXP"),
    ("#REF!", "INDEX OFFSET VLOOKUP HLOOKUP INDIRECT"),
    ("#N/A", "RANK RANK.EQ RANK.AVG MODE MODE.SNGL"),
)  # fmt: skip
_ERROR_OF = {name: error for error, names in _KINDS for name in names.split()}
_FUNCTION = re.compile(r"([A-Za-z][\w.]*)\s*\(")
_PARTS = re.compile(r"([A-Za-z]{0,3})(\d{0,7})")
UNSURE = frozenset({"Err:502", "Err:504"})
NO_CONVERGENCE = "Err:523"
MOST_PASSES = 10
Values = Mapping[Key, OfficeValue]


def other_values(
    texts: Mapping[Key, str], values: Sequence[Mapping[Place, OfficeValue]], names: Names
) -> dict[Key, str]:
    """Return the formulas that may have another value in Excel, and why.

    Args:
        texts: The formula of each cell.
        values: The value of every cell, by sheet.
        names: The workbook's names.
    """
    read = _Read(values)
    found: dict[Key, str] = {}
    for key, text in texts.items():
        literal = _LITERAL.search(_QUOTED.sub('""', text)) is not None
        if literal or (read.any_booleans and _takes_booleans(text, key[0], names, read)):
            found[key] = AS_NUMBERS
        elif _compares_types(text, key[0], names, read):
            found[key] = OTHER_TYPE
    return found


def _takes_booleans(text: str, sheet: int, names: Names, read: _Read) -> bool:
    """Whether a function, or ``&``, gets cells with TRUE or FALSE."""
    bare = _QUOTED.sub('""', text)
    taken = [
        argument
        for arguments in _calls(_TAKES_BOOLEANS, bare)
        for argument in arguments
        if REFERENCE.fullmatch(argument.strip())
    ]
    for found in REFERENCE.finditer(bare) if "&" in bare else ():
        if bare[: found.start()].rstrip()[-1:] == "&" or bare[found.end() :].lstrip()[:1] == "&":
            taken.append(found[0])
    return any(
        read.of(on, area).booleans
        for argument in taken
        for on, area in areas_read(argument, sheet, names) or ()
    )


def _compares_types(text: str, sheet: int, names: Names, read: _Read) -> bool:
    """Whether a text that looks like a number may be compared with that number."""
    for arguments in _calls(_LOOKS_UP, text):
        keys, places = arguments[0], areas_read(",".join(arguments[1:2]), sheet, names) or ()
        texts = _number_texts(keys)
        if read.any_number_texts:
            for on, area in areas_read(keys, sheet, names) or ():
                texts |= read.of(on, area).number_texts
        if texts and any(texts & read.of(on, area).numbers for on, area in places):
            return True
    if not read.any_number_texts:
        return False
    for arguments in _calls(_COUNTS_BY, text):
        areas = areas_read(",".join(arguments), sheet, names) or ()
        bare = _QUOTED.sub('""', ",".join(arguments))
        numbers = {float(n) for n in _NUMBERS.findall(bare)}
        number_texts = set[float]()
        for on, area in areas:
            kinds = read.of(on, area)
            if area[:2] == area[2:]:
                numbers |= kinds.numbers
            else:
                number_texts |= kinds.number_texts
        if numbers & number_texts:
            return True
    return False


def _calls(functions: re.Pattern[str], text: str) -> Iterator[list[str]]:
    """Yield the arguments of each call; of VLOOKUP only the table's first column counts."""
    for found in functions.finditer(text):
        try:
            arguments, _ = arguments_of(text, found.end())
        except Unsayable:
            continue
        name = found[0].rstrip("( ").upper()
        if name in ("VLOOKUP", "HLOOKUP") and len(arguments) > 1:
            arguments[1] = _first_line(arguments[1], by_column=name == "VLOOKUP")
        yield arguments


def _first_line(reference: str, *, by_column: bool) -> str:
    """Return the first column, or row, of a plain reference."""
    sheet, mark, area = reference.strip().rpartition("!")
    first, colon, last = area.replace("$", "").partition(":")
    one, other = _PARTS.fullmatch(first), _PARTS.fullmatch(last)
    if not colon or one is None or other is None:
        return reference
    kept = f"{one[1]}{other[2]}" if by_column else f"{other[1]}{one[2]}"
    return f"{sheet}{mark}{first}:{kept}"


def _number_texts(text: str) -> set[float]:
    return set(filter(None, map(_as_number, _QUOTED.findall(text))))


def _as_number(text: str) -> float | None:
    try:
        return float(text) if text.strip()[:1].isdigit() or text.strip()[:1] in "-+." else None
    except ValueError:
        return None


class _Kinds:
    """What an area holds: numbers, texts that look like numbers, and whether booleans."""

    __slots__ = ("booleans", "number_texts", "numbers")

    def __init__(self, values: Iterator[OfficeValue]) -> None:
        self.booleans = False
        self.numbers: set[float] = set()
        self.number_texts: set[float] = set()
        for value in values:
            if isinstance(value, bool):
                self.booleans = True
            elif isinstance(value, float):
                self.numbers.add(value)
            elif type(value) is str and (number := _as_number(value)) is not None:
                self.number_texts.add(number)


class _Read:
    """The cells of a workbook by area; each area is looked through once."""

    def __init__(self, values: Sequence[Mapping[Place, OfficeValue]]) -> None:
        self._values = values
        self._known: dict[SheetArea, _Kinds] = {}
        everything = _Kinds(value for sheet in values for value in sheet.values())
        self.any_booleans = everything.booleans
        self.any_number_texts = bool(everything.number_texts)

    def of(self, sheet: int, area: tuple[int, int, int, int]) -> _Kinds:
        """Return what an area of a sheet holds."""
        key = sheet, area
        if key not in self._known:
            self._known[key] = _Kinds(self._cells(sheet, area))
        return self._known[key]

    def _cells(self, sheet: int, area: tuple[int, int, int, int]) -> Iterator[OfficeValue]:
        cells = self._values[sheet] if sheet < len(self._values) else {}
        top, left, bottom, right = area
        if (bottom - top + 1) * (right - left + 1) <= len(cells):
            for row in range(top, bottom + 1):
                for column in range(left, right + 1):
                    if (value := cells.get((row, column))) is not None:
                        yield value
        else:
            for (row, column), value in cells.items():
                if top <= row <= bottom and left <= column <= right:
                    yield value


def with_excel_errors(
    texts: Mapping[Key, str], values: dict[Key, OfficeValue], names: Names
) -> None:
    """Name errors in *values* as Excel does: by the function, or by the error that is read."""
    unsure: list[Key] = []
    named: dict[Key, ErrorValue] = {}
    for key, text in texts.items():
        value = values.get(key)
        kinds = [
            _ERROR_OF[name] for name in map(str.upper, _FUNCTION.findall(text)) if name in _ERROR_OF
        ]
        if isinstance(value, NotComputed) and value == NO_CONVERGENCE and "#NUM!" in kinds:
            named[key] = ErrorValue("#NUM!")
        elif value == "#VALUE!" or (isinstance(value, NotComputed) and value in UNSURE):
            if len(set(kinds)) == 1:
                named[key] = ErrorValue(kinds[0])
            else:
                unsure.append(key)
    for _ in range(MOST_PASSES):
        before = len(named)
        for key in unsure:
            for on, (top, left, bottom, right) in areas_read(texts[key], key[0], names) or ():
                at = (on, (top, left))
                if key not in named and (top, left) == (bottom, right) and at in named:
                    named[key] = named[at]
        if len(named) == before:
            break
    values.update(named)
    for key in unsure:
        if key not in named:
            values[key] = ErrorValue("#VALUE!")
