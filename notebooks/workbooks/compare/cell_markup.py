"""What a worksheet part says of its cells beside values: formulas and formats, row by row.

Usual parts are cut into rows and read with expressions over the bytes; unusual ones (prefixes,
cells without addresses) are written in the usual way first. Source: ECMA-376 part 1, 18.3.1.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

from ..formats.addresses import address, column_index
from ..formats.sheet_windows import windows
from ..values import MAX_COLUMNS, damaged

MOST_FORMULAS = 2_000_000
MOST_SHAPED_CELLS = 5_000_000
MOST_UNUSUAL_BYTES = 100_000_000
MOST_AROUND_BYTES = 64_000_000
_HEAD = re.compile(rb"<sheetData\b[^>]*?(/?)>")
_STYLED = re.compile(rb'<c r="([A-Z]{1,3})[0-9]+" s="([0-9]+)"')
_STYLED_ANYWHERE = re.compile(rb'<c r="([A-Z]{1,3})[0-9]+"(?: (?!s=)[a-z]+="[^"]*")+ s="([0-9]+)"')
_ROW_STYLE = re.compile(rb' s="([0-9]+)"')
_CUSTOM = re.compile(rb' customFormat="(?:1|true)"')
"""Without it, the format of a row is not applied (ECMA-376 part 1, section 18.3.1.73)."""
_ROW_NUMBER = re.compile(rb' r="([0-9]{1,7})"')
_PREFIXED = re.compile(rb":(?:row|c|f)[ />]")
_ONE_QUOTE = re.compile(rb"<(?:row|c|f)\b[^>]*='")
_ROW = re.compile(rb'<row r="([0-9]{1,7})"[^>]*>')
_FORMULA = re.compile(
    rb'<c r="([A-Z]{1,3})[0-9]+"[^>]*>\s*<f([^>]*?)(?:/>|>([^<]*)</f>)'
    rb"\s*(?:<v[^>]*>([^<]*)</v>|<v ?/>)?"
)
_ATTRIBUTE = re.compile(r'([\w:]+)="([^"]*)"')


class NotCompared(Exception):
    """The part can't be compared beyond its values; its text says why."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula as it is written for one cell; other cells share it, relative to themselves.

    Attributes:
        text: The formula without ``=``; an array formula in braces, with its range.
        row: The row, from 0, of the cell it is written for.
        column: That cell's column.
    """

    text: str
    row: int
    column: int


@dataclass(slots=True)
class CellMarkup:
    """Formulas and formats of a sheet's cells.

    Attributes:
        formulas: Formula by place: row times `MAX_COLUMNS` plus column.
        without_value: The places of formulas without a stored value.
        shapes: The different rows of formats: format number by column; -1 is the row itself.
        rows: Number of the shape of each row that has formats.
        hidden: Hidden rows.
        around: The part without the content of its sheetData.
    """

    formulas: dict[int, Formula] = field(default_factory=dict)
    without_value: set[int] = field(default_factory=set)
    shapes: list[dict[int, int]] = field(default_factory=list)
    rows: dict[int, int] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)
    around: bytes = b""


def read_markup(open_part: Callable[[], IO[bytes]], size: int) -> CellMarkup:
    """Return what a worksheet part says of its cells.

    Args:
        open_part: Opens the part from its start.
        size: Its size in bytes.

    Raises:
        NotCompared: It is written unusually and large, or has too many formulas or formats.
        Unreadable: It is malformed or cut off.
    """
    with open_part() as stream:
        try:
            return _Reader().read(stream)
        except _NotUsual:
            pass
    if size > MOST_UNUSUAL_BYTES:
        raise NotCompared("it is written unusually and is large")
    with open_part() as stream:
        content = _usual(stream.read())
    try:
        return _Reader().read(io.BytesIO(content))
    except _NotUsual:
        raise NotCompared("its cells are written unusually") from None


class _NotUsual(Exception):
    """Only a full parser reads this part."""


class _Reader:
    def __init__(self) -> None:
        self._found = CellMarkup()
        self._known: dict[tuple[Any, ...], int] = {}
        self._letters: dict[bytes, int] = {}
        self._shared: dict[str, Formula] = {}
        self._shaped = 0
        self._row = -1
        self._last: tuple[list[tuple[bytes, bytes]], int] = [], -1
        self._usual = self._last

    def read(self, stream: IO[bytes]) -> CellMarkup:
        """Read a whole part."""
        head, empty, rest = _head(stream)
        if empty:
            tail = rest
        else:
            kept = _Kept(stream, rest)
            for window in windows(rest, kept):
                self._take(window)
            tail = kept.tail()
        tail += _bounded(stream)
        self._found.around = head + b"<sheetData/>" + tail
        return self._found

    def _take(self, window: bytes) -> None:
        if not _is_usual(window):
            raise _NotUsual
        formulas, styles = b"<f" in window, b' s="' in window
        hidden = b"hidden=" in window
        if not (formulas or styles or hidden):
            return
        if styles and not hidden and self._take_alike(window):
            if not formulas:
                return
            styles = False
        for row in window.split(b"<row")[1:]:
            attributes, _, cells = row.partition(b">")
            number = _ROW_NUMBER.match(attributes) or _ROW_NUMBER.search(attributes)
            if number is None:
                raise _NotUsual
            self._row = int(number[1]) - 1
            if styles and b' s="' in row:
                self._take_styles(attributes, cells)
            if formulas and b"<f" in cells:
                self._take_formulas(cells)
            if hidden and (b' hidden="1"' in attributes or b' hidden="true"' in attributes):
                self._found.hidden.add(self._row)
        columns = [letters for letters, _ in self._last[0]]
        ascends = columns == sorted(columns, key=lambda each: (len(each), each))
        self._usual = self._last if ascends else ([], -1)

    def _take_alike(self, window: bytes) -> bool:
        """Take a window whose rows all have the formats of the row before it, if it is one.

        Columns ascend in a row, so that as many repetitions of that row's formats as there are
        rows can only be one in each.
        """
        usual, shape = self._usual
        if not usual:
            return False
        count = window.count(b"<row")
        if window.count(b' s="') != count * len(usual) or _STYLED.findall(window) != usual * count:
            return False
        rows = [int(number) - 1 for number in _ROW.findall(window)]
        if len(rows) != count:
            return False
        self._found.rows.update(dict.fromkeys(rows, shape))
        return True

    def _take_styles(self, attributes: bytes, cells: bytes) -> None:
        styled: list[tuple[bytes, bytes]] = _STYLED.findall(cells)
        if cells.count(b' s="') != len(styled):
            styled = styled + _STYLED_ANYWHERE.findall(cells)
        custom = b' s="' in attributes and _CUSTOM.search(attributes)
        whole = _ROW_STYLE.search(attributes) if custom else None
        key = (whole[1] if whole else b"", *styled)
        shape = self._known.get(key)
        if shape is None:
            self._shaped += len(styled)
            if self._shaped > MOST_SHAPED_CELLS:
                raise NotCompared("its rows have too many different formats")
            shape = self._known[key] = len(self._known)
            formats = {self._column(letters): int(style) for letters, style in styled}
            if whole:
                formats[-1] = int(whole[1])
            self._found.shapes.append(formats)
        self._found.rows[self._row] = shape
        self._last = (styled if not whole else [], shape)

    def _column(self, letters: bytes) -> int:
        found = self._letters.get(letters)
        if found is None:
            found = self._letters[letters] = column_index(letters.decode())
        return found

    def _take_formulas(self, cells: bytes) -> None:
        formulas = self._found.formulas
        for letters, attributes, text, value in _FORMULA.findall(cells):
            column = self._column(letters)
            place = self._row * MAX_COLUMNS + column
            formulas[place] = self._formula(column, attributes, text)
            if not value:
                self._found.without_value.add(place)
        if len(formulas) > MOST_FORMULAS:
            raise NotCompared(f"it has more than {MOST_FORMULAS:,} formulas")

    def _formula(self, column: int, attributes: bytes, text: bytes) -> Formula:
        said = text.decode("utf-8", "replace")
        said = html.unescape(said) if "&" in said else said
        said = said.replace("\r\n", "\n") if "\r" in said else said
        if not attributes:
            return Formula(said, self._row, column)
        of = dict(_ATTRIBUTE.findall(attributes.decode("utf-8", "replace")))
        kind = of.get("t", "normal")
        if kind == "shared":
            group = of.get("si", "")
            if said or group not in self._shared:
                self._shared[group] = Formula(said, self._row, column)
            return self._shared[group]
        if kind == "array":
            said = f"{{={said}}} in {of.get('ref', address(self._row, column))}"
        elif kind == "dataTable":
            inputs = ", ".join(of[name] for name in ("r1", "r2") if name in of)
            said = f"{{=TABLE({inputs})}} in {of.get('ref', '')}"
        return Formula(said, self._row, column)


def _is_usual(window: bytes) -> bool:
    """Whether rows and cells are written plainly, with their addresses first."""
    if b"<!" in window or window.count(b"<c ") != window.count(b'<c r="') or b"<c>" in window:
        return False
    if b":" in window and _PREFIXED.search(window):
        return False
    return not (b"='" in window and _ONE_QUOTE.search(window))


class _Kept:
    """A stream that keeps its last pieces, to have what stands behind the cells."""

    def __init__(self, stream: IO[bytes], begun: bytes) -> None:
        self._stream = stream
        self._pieces = [b"", begun]

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        piece = self._stream.read(size)
        self._pieces = [self._pieces[1], piece]
        return piece

    def tail(self) -> bytes:
        """Return what was read behind ``</sheetData>``."""
        last = b"".join(self._pieces)
        return last[last.rfind(b"</sheetData") :].partition(b">")[2]


def _head(stream: IO[bytes]) -> tuple[bytes, bool, bytes]:
    """Return what stands before the cells, whether there are none, and what was read of them."""
    head = b""
    while (found := _HEAD.search(head)) is None:
        piece = stream.read(65536)
        if not piece or len(head) > 1_000_000:
            raise _NotUsual
        head += piece
    before = head[: found.start()]
    if b"<!" in before or (b"encoding=" in before[:200] and b"tf-8" not in before[:200].lower()):
        raise _NotUsual
    return before, found[1] == b"/", head[found.end() :]


def _bounded(stream: IO[bytes]) -> bytes:
    content = stream.read(MOST_AROUND_BYTES + 1)
    if len(content) > MOST_AROUND_BYTES:
        raise NotCompared("what stands behind its cells is larger than 64 MB")
    return content


def _usual(content: bytes) -> bytes:
    """Return a part as the usual programs write it: no prefixes, and addresses everywhere."""
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=True, remove_comments=True
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise damaged(f"a sheet is no XML ({error})") from error
    main = root.tag.rpartition("}")[0]
    for each in root.iter():
        if isinstance(each.tag, str) and each.tag.startswith(main):
            each.tag = each.tag.rpartition("}")[2]
    last_row = 0
    for row in root.iterfind("sheetData/row"):
        last_row = _number(row, last_row + 1)
        last = -1
        for cell in row.iterfind("c"):
            _order(cell, last_row, last)
            last = column_index(re.sub(r"[^A-Z]", "", cell.get("r", "A")) or "A")
    etree.cleanup_namespaces(root)
    usual: bytes = etree.tostring(root, encoding="utf-8")
    return usual


def _number(row: Any, usual: int) -> int:
    text = row.get("r", "")
    number = int(text) if text.isdecimal() else usual
    rest = {name: value for name, value in row.attrib.items() if name != "r"}
    row.attrib.clear()
    row.set("r", str(number))
    row.attrib.update(rest)
    return number


def _order(cell: Any, row: int, last: int) -> None:
    """Write a cell's address first, its format next."""
    rest = dict(cell.attrib)
    place = rest.pop("r", None) or address(row - 1, last + 1)
    style = rest.pop("s", None)
    cell.attrib.clear()
    cell.set("r", place)
    if style is not None:
        cell.set("s", style)
    cell.attrib.update(rest)
