"""Formulas with functions that LibreOffice lacks, said in functions that it has.

Only forms whose result is the same in every case are rewritten; others stay without a value.
Where a case can't be said, the rewritten formula gives `UNSAID`, which is no value either.

The package `formulas` 1.3.4 was tried as a second engine and left out: it gives wrong values
(XLOOKUP with several columns to return, UNIQUE of texts that differ in case only).

Source: Microsoft's pages on XLOOKUP, XMATCH, LET and FILTER.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from .formula_cells import area_of

UNSAID = "#NULL!"
LONGEST = 8_192
"""Characters of a formula in Excel."""
_CALL = re.compile(r"(?:_xlfn\.)(?:_xlws\.)?(XLOOKUP|XMATCH|LET)\s*\(", re.IGNORECASE)
_SUM = re.compile(r"\bSUM\s*\(\s*_xlfn\._xlws\.FILTER\s*\(", re.IGNORECASE)
_AREA = re.compile(
    r"\s*(?P<sheet>(?:'(?:[^']|'')*'|[^\W\d][\w.]*)!)?"
    r"(?P<area>\$?[A-Z]{1,3}\$?\d+(?::\$?[A-Z]{1,3}\$?\d+)?|\$?[A-Z]{1,3}:\$?[A-Z]{1,3})\s*",
    re.IGNORECASE,
)
_TABLE_COLUMN = re.compile(r"\s*[^\W\d][\w.]*\[[^\[\]@#,:']+\]\s*")
_NUMBER = re.compile(r"\s*-?\d+(?:\.\d+)?\s*")
_PLAIN_TEXT = re.compile(r'\s*"[^"*?~]*"\s*')
_PLAIN_KEY = re.compile(r"[^:\[\]{}#]*")
_VARIABLE = re.compile(r"_xlpm\.[\w.]+", re.IGNORECASE)
Shape = tuple[str, int]
"""``column`` or ``row``, and how many cells; 0 for that of a table."""


class Unsayable(Exception):
    """The formula can't be rewritten."""


def equivalent(text: str) -> str | None:
    """Return a formula that gives the same in LibreOffice; ``None`` if there is none.

    Args:
        text: The formula, without ``=``.
    """
    try:
        for pattern, rewritten in ((_SUM, _sum_of_filter), (_CALL, _call)):
            while (found := _last(pattern, text)) is not None:
                arguments, end = arguments_of(text, found.end())
                if pattern is _SUM:
                    end = _closing(text, end)
                made = rewritten(found, arguments)
                text = f"{text[: found.start()]}{made}{text[end:]}"
                if len(text) > LONGEST:
                    return None
    except Unsayable:
        return None
    return text


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """Return the last match outside texts: the innermost of calls within calls is among them."""
    inside = [found.span() for found in re.finditer(r'"(?:[^"]|"")*"', text)]
    matches = [
        found
        for found in pattern.finditer(text)
        if not any(start < found.start() < end for start, end in inside)
    ]
    return matches[-1] if matches else None


def arguments_of(text: str, start: int) -> tuple[list[str], int]:
    """Return the arguments of a call that begin at *start*, and where it ends."""
    depth, at, begun = 0, start, start
    arguments: list[str] = []
    while at < len(text):
        sign = text[at]
        if sign in "\"'":
            at = _after_quoted(text, at)
            continue
        if sign in "([{":
            depth += 1
        elif sign in ")]}":
            if depth == 0:
                return [*arguments, text[begun:at]], at + 1
            depth -= 1
        elif sign == "," and depth == 0:
            arguments.append(text[begun:at])
            begun = at + 1
        at += 1
    raise Unsayable


def _after_quoted(text: str, at: int) -> int:
    end = text.find(text[at], at + 1)
    if end < 0:
        raise Unsayable
    return end + 1  # a doubled quote begins another quoted piece


def _closing(text: str, at: int) -> int:
    found = re.compile(r"\s*\)").match(text, at)
    if found is None:
        raise Unsayable
    return found.end()


def _call(found: re.Match[str], arguments: list[str]) -> str:
    calls: dict[str, Callable[[Sequence[str]], str]] = {
        "XLOOKUP": _xlookup, "XMATCH": _xmatch, "LET": _let,
    }  # fmt: skip
    return calls[found[1].upper()](arguments)


def _xlookup(arguments: Sequence[str]) -> str:
    if not 3 <= len(arguments) <= 6:
        raise Unsayable
    key, lookup, result, missing, match, search = [*arguments, *[""] * (6 - len(arguments))]
    if _shape(lookup) != _shape(result):
        raise Unsayable
    position = _position(key, lookup, match, search)
    found = _of_same_type(key, lookup, position, f"INDEX({result},{position})")
    other = missing.strip() or "NA()"
    return _guarded(key, lookup, f"IF(ISNUMBER({position}),{found},{other})", other)


def _xmatch(arguments: Sequence[str]) -> str:
    if not 2 <= len(arguments) <= 4:
        raise Unsayable
    key, lookup, match, search = [*arguments, *[""] * (4 - len(arguments))]
    _shape(lookup)
    position = _position(key, lookup, match, search)
    return _guarded(key, lookup, _of_same_type(key, lookup, position, position), "NA()")


def _of_same_type(key: str, lookup: str, position: str, formula: str) -> str:
    """Return the formula for a found cell of the key's type: LibreOffice finds 20 for ``"20"``."""
    same = f"ISTEXT({key})=ISTEXT(INDEX({lookup},{position}))"
    return f"IF({same},{formula},{UNSAID})"


def _position(key: str, lookup: str, match: str, search: str) -> str:
    if match.strip() not in ("", "0", "2") or search.strip() not in ("", "1"):
        raise Unsayable
    if not _PLAIN_KEY.fullmatch(_without_texts(key)):
        raise Unsayable  # several keys, or a table's column
    if match.strip() == "2" or _NUMBER.fullmatch(key) or _PLAIN_TEXT.fullmatch(key):
        return f"MATCH({key},{lookup},0)"
    exact = f'SUBSTITUTE(SUBSTITUTE(SUBSTITUTE({key},"~","~~"),"*","~*"),"?","~?")'
    return f"MATCH(IF(ISTEXT({key}),{exact},{key}),{lookup},0)"


def _guarded(key: str, lookup: str, formula: str, other: str) -> str:
    """Return the formula for keys that are no errors; a blank one finds a blank cell."""
    if _NUMBER.fullmatch(key) or _PLAIN_TEXT.fullmatch(key):
        return f"({formula})"
    blank = f"IF(COUNTBLANK({lookup})=0,{other},{UNSAID})"
    return f"IF(ISERROR({key}),{key},IF(ISBLANK({key}),{blank},{formula}))"


def _shape(reference: str) -> Shape:
    """Return the shape of a reference to cells in a line."""
    if _TABLE_COLUMN.fullmatch(reference):
        return "column", 0
    found = _AREA.fullmatch(reference)
    if found is None:
        raise Unsayable
    plain = found["area"].replace("$", "").upper()
    first, _, last = plain.partition(":")
    if first.isalpha():
        if first != last:
            raise Unsayable
        return "column", 1_048_576
    area = area_of(plain)
    if area is None:
        raise Unsayable
    top, left, bottom, right = area
    if left == right:
        return "column", bottom - top + 1
    if top == bottom:
        return "row", right - left + 1
    raise Unsayable


def _let(arguments: Sequence[str]) -> str:
    if len(arguments) < 3 or len(arguments) % 2 == 0:
        raise Unsayable
    known: dict[str, str] = {}
    for name, value in zip(arguments[:-1:2], arguments[1:-1:2], strict=True):
        known[name.strip().upper()] = f"({_with(value, known)})"
    return f"({_with(arguments[-1], known)})"


def _with(text: str, known: dict[str, str]) -> str:
    """Return *text* with the values of names of LET in place of the names."""
    pieces, end = [], 0
    for quoted in re.finditer(r'"(?:[^"]|"")*"', text):
        pieces += [_named(text[end : quoted.start()], known), quoted[0]]
        end = quoted.end()
    made = "".join([*pieces, _named(text[end:], known)])
    if len(made) > LONGEST:
        raise Unsayable
    return made


def _named(text: str, known: dict[str, str]) -> str:
    return _VARIABLE.sub(lambda found: known.get(found[0].upper(), found[0]), text)


def _sum_of_filter(_: re.Match[str], arguments: list[str]) -> str:
    if len(arguments) not in (2, 3):
        raise Unsayable
    values, condition = arguments[:2]
    _shape(values)
    if _CALL.search(condition) or not re.search(r"[=<>]", _without_texts(condition)):
        raise Unsayable
    count = f"SUMPRODUCT(({condition})*1)"
    other = arguments[2].strip() if len(arguments) == 3 else ""
    if not (other == "" or _NUMBER.fullmatch(other)):
        other = UNSAID
    return f"IF({count}=0,{other or UNSAID},SUMPRODUCT(({condition})*1,{values}))"


def _without_texts(text: str) -> str:
    return re.sub(r'"(?:[^"]|"")*"', '""', text)
