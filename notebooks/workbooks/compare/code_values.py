"""What expressions of a piece of code stand for, as far as it writes to workbooks with openpyxl.

The code is read, never run. A name that is bound more than once stands for all it may be.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..formats.addresses import column_index
from ..values import MAX_COLUMNS, MAX_ROWS

Span = tuple[int, int]
"""First and last row or column, from 0."""
ROWS: Span = (0, MAX_ROWS - 1)
COLUMNS: Span = (0, MAX_COLUMNS - 1)


@dataclass(frozen=True, slots=True)
class Area:
    """Cells that code names.

    Attributes:
        sheet: The sheet's name; ``None`` where the code does not say which.
        rows: Its rows.
        columns: Its columns.
        header: The name of the column instead, where code names it so.
    """

    sheet: str | None
    rows: Span = ROWS
    columns: Span = COLUMNS
    header: str = ""

    def covers(self, sheet: str, rows: Span, columns: Span) -> bool:
        """Whether it shares a cell with an area of *sheet*."""
        return (
            not self.header
            and self.sheet in (None, sheet)
            and self.rows[0] <= rows[1]
            and rows[0] <= self.rows[1]
            and self.columns[0] <= columns[1]
            and columns[0] <= self.columns[1]
        )


@dataclass(frozen=True, slots=True)
class Book:
    """A workbook that code has opened."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet; its name is ``None`` where the code does not say which."""

    name: str | None


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells of a sheet."""

    area: Area


@dataclass(frozen=True, slots=True)
class Belonging:
    """Something that belongs to a sheet: its dimensions, tables, charts."""

    sheet: str | None


A1 = re.compile(r"\$?([A-Za-z]{1,3})\$?([1-9]\d{0,6})(?::\$?([A-Za-z]{1,3})\$?([1-9]\d{0,6}))?")
WHOLE = re.compile(r"\$?([A-Za-z]{1,3})(?::\$?([A-Za-z]{1,3}))?")
_COLUMN_THEN = re.compile(r"\$?([A-Za-z]{1,3})\$?")
_OPENED = frozenset({"load_workbook", "Workbook"})


class Values:
    """What names and expressions stand for."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._known: dict[str, Any] = {}
        self._bindings: Counter[str] = Counter()

    def prepare(self, tree: ast.AST) -> None:
        """Count how often each name is bound in a cell, before any is; forget it until then."""
        self._bindings = Counter()
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self._bindings[node.id] += 1
            elif isinstance(node, ast.arg):
                self._bindings[node.arg] += 2  # callers bind it
        for name in self._bindings:
            self._known.pop(name, None)

    def bind(self, name: str, value: Any) -> None:
        """Let *name* stand for *value*; ``None`` is what is not known."""
        if self._bindings[name] > 1:
            if isinstance(value, Sheet):
                value = Sheet(None)
            elif isinstance(value, Cells):
                value = Cells(Area(None))
            elif not isinstance(value, Book):
                value = None
        if value is None:
            self._known.pop(name, None)
        else:
            self._known[name] = value

    def knows(self, name: str) -> bool:
        """Whether something is known of *name*."""
        return name in self._known

    def value(self, node: ast.AST | None) -> Any:
        """Return what is known of an expression: a constant, numbers, a part of a book."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return self._known.get(node.id)
        if isinstance(node, ast.Call):
            return self._of_call(node)
        if isinstance(node, ast.Subscript):
            return self._of_item(self.value(node.value), node.slice)
        if isinstance(node, ast.Attribute):
            return self._of_attribute(self.value(node.value), node.attr)
        return None

    def _of_attribute(self, owner: Any, name: str) -> Any:
        if isinstance(owner, Book):
            return Sheet(None) if name in ("active", "worksheets") else owner
        if isinstance(owner, Sheet):
            return Cells(Area(owner.name)) if name in ("rows", "columns") else Belonging(owner.name)
        return owner if isinstance(owner, Cells | Belonging) else None

    def _of_item(self, owner: Any, key: ast.expr) -> Any:
        if isinstance(owner, Book):
            name = self.value(key)
            return Sheet(name if isinstance(name, str) else None)
        if isinstance(owner, Sheet):
            if owner.name is None and not _is_address(key, self.value(key)):
                return owner  # an item of book.worksheets
            return Cells(self.area(owner.name, key))
        return owner if isinstance(owner, Cells | Belonging) else None

    def _of_call(self, node: ast.Call) -> Any:
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        if name in _OPENED:
            return Book()
        if name == "range":
            return _span_of([self.value(each) for each in node.args])
        if not isinstance(function, ast.Attribute):
            return self.value(node.args[0]) if name in ("enumerate", "list") and node.args else None
        owner = self.value(function.value)
        if isinstance(owner, Book):
            first = self.value(node.args[0]) if node.args else None
            return Sheet(first if isinstance(first, str) else None)
        if name == "cell":
            sheet = owner.name if isinstance(owner, Sheet) else None
            return Cells(self._of_numbers(sheet, node))
        if isinstance(owner, Sheet):
            if name in ("iter_rows", "iter_cols"):
                return Cells(self._of_bounds(owner.name, node))
            return Belonging(owner.name)
        if isinstance(owner, Cells):
            return Cells(Area(owner.area.sheet))  # such as cell.offset
        return None

    def _of_numbers(self, sheet: str | None, node: ast.Call) -> Area:
        given = dict(zip(("row", "column"), node.args, strict=False))
        given |= {k.arg: k.value for k in node.keywords if k.arg}
        rows = _span(self.value(given.get("row")), ROWS)
        return Area(sheet, rows, _span(self.value(given.get("column")), COLUMNS))

    def _of_bounds(self, sheet: str | None, node: ast.Call) -> Area:
        given = {k.arg: self.value(k.value) for k in node.keywords if k.arg}
        ends = []
        for low, high, usual in (("min_row", "max_row", ROWS), ("min_col", "max_col", COLUMNS)):
            first, last = given.get(low), given.get(high)
            ends.append(
                (
                    first - 1 if isinstance(first, int) and first > 0 else usual[0],
                    last - 1 if isinstance(last, int) and last > 0 else usual[1],
                )
            )
        return Area(sheet, ends[0], ends[1])

    def area(self, sheet: str | None, key: ast.expr) -> Area:
        """Return the cells that a key such as ``"B2"`` or ``f"C{row}"`` means."""
        value = self.value(key)
        if isinstance(value, str):
            return written_area(sheet, value)
        if isinstance(value, int):
            return Area(sheet, (value - 1, value - 1))
        texts: list[str | None] = []
        if isinstance(key, ast.JoinedStr):
            texts = [self._constant(each) for each in key.values]
        elif isinstance(key, ast.BinOp) and isinstance(key.op, ast.Add):
            texts = [self._constant(key.left), self._constant(key.right)]
        first = texts[0] if texts else None
        if first is not None and len(texts) == 2 and (found := _COLUMN_THEN.fullmatch(first)):
            column = column_index(found[1].upper())
            return Area(sheet, ROWS, (column, column))
        last = texts[-1] if texts else None
        if first is None and last is not None and len(texts) == 2 and last.isdecimal():
            return Area(sheet, (int(last) - 1, int(last) - 1))
        return Area(sheet)

    def _constant(self, node: ast.expr) -> str | None:
        value = self.value(node.value if isinstance(node, ast.FormattedValue) else node)
        return value if isinstance(value, str) else None


def _is_address(key: ast.expr, value: Any) -> bool:
    if isinstance(value, str) or isinstance(key, ast.JoinedStr | ast.BinOp):
        return True
    return not isinstance(value, int)


def _span(value: Any, usual: Span) -> Span:
    if isinstance(value, bool) or value is None:
        return usual
    if isinstance(value, int) and value > 0:
        return value - 1, value - 1
    if isinstance(value, range) and len(value):
        return max(0, min(value[0], value[-1]) - 1), max(value[0], value[-1]) - 1
    return usual


def _span_of(values: Sequence[Any]) -> range | None:
    whole = all(isinstance(v, int) and not isinstance(v, bool) for v in values)
    if not values or not whole or len(values) > 3 or (len(values) == 3 and not values[2]):
        return None
    return range(*values)


def written_area(sheet: str | None, text: str) -> Area:
    """Return the cells that an address means; the whole sheet for what is none."""
    if found := A1.fullmatch(text):
        left, top = column_index(found[1].upper()), int(found[2]) - 1
        right = column_index(found[3].upper()) if found[3] else left
        bottom = int(found[4]) - 1 if found[4] else top
        return Area(
            sheet, (min(top, bottom), max(top, bottom)), (min(left, right), max(left, right))
        )
    if found := WHOLE.fullmatch(text):
        left = column_index(found[1].upper())
        right = column_index((found[2] or found[1]).upper())
        return Area(sheet, ROWS, (min(left, right), max(left, right)))
    return Area(sheet)
