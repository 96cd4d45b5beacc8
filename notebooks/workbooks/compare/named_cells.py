"""Which sheets, cells and columns a piece of Python code names where it writes to workbooks.

The code is read, never run. What can't be known from its text makes everything that it may touch
count as named: a change is called unintended only if no line of the code can have meant it.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field

from .code_values import (
    A1,
    WHOLE,
    Area,
    Belonging,
    Book,
    Cells,
    Sheet,
    Values,
    written_area,
)  # fmt: skip


@dataclass(slots=True)
class Named:
    """What code names.

    Attributes:
        areas: Cells and columns it writes to.
        reshaped: Sheets to which it adds rows or columns, or from which it removes them; ``None``
            for one that it does not name.
        objects: Sheets whose objects it may change; ``None`` for one that it does not name.
        sheets: Whether it adds, removes, renames or moves sheets, or changes what belongs to the
            whole workbook.
        unknown: Why its writes can't be told from its text; empty if they can.
    """

    areas: list[Area] = field(default_factory=list)
    reshaped: set[str | None] = field(default_factory=set)
    objects: set[str | None] = field(default_factory=set)
    sheets: bool = False
    unknown: list[str] = field(default_factory=list)


_RESHAPES = frozenset({"append", "insert_rows", "insert_cols", "delete_rows", "delete_cols"})
_HARMLESS = frozenset(
    "print len enumerate list sorted range zip isinstance str repr tuple set dict sum max min any "
    "all iter next id type reversed map filter Reference Series copy deepcopy display hasattr "
    "getattr bool int float".split()
)
_OPAQUE = frozenset("exec eval setattr vars globals locals __import__ run_line_magic".split())
_OTHER_WRITERS = frozenset(
    "xlsxwriter zipfile shutil subprocess pyexcel xlwings xlwt pyxlsb odf lxml uno os".split()
)
_WRITES_FILES = frozenset(
    "copy copy2 copyfile move rename replace system run Popen ZipFile".split()
)
_TURNED = frozenset("value font fill border alignment number_format protection style comment "
                    "hyperlink data_type".split())  # fmt: skip


def named_cells(codes: Sequence[str]) -> Named:
    """Return what cells of code name, taken together.

    Args:
        codes: The source of each, in order; names that one defines count in the next.
    """
    named = Named()
    reader = _Reader(named)
    for code in codes:
        try:
            tree = ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            named.unknown.append("the code can't be read as plain Python")
            continue
        try:
            reader.prepare(tree)
            reader.visit(tree)
        except RecursionError:
            named.unknown.append("the code is nested too deeply")
    return named


class _Reader(ast.NodeVisitor):
    def __init__(self, named: Named) -> None:
        self._named = named
        self._values = Values()
        self._functions: set[str] = set()

    def prepare(self, tree: ast.AST) -> None:
        """Learn the names of a cell before its writes."""
        self._values.prepare(tree)

    def visit_Import(self, node: ast.Import) -> None:
        for each in node.names:
            self._imported(each.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self._imported(node.module or "")

    def _imported(self, module: str) -> None:
        top = module.partition(".")[0]
        if top in _OTHER_WRITERS - {"os", "shutil"}:
            self._named.unknown.append(f"{top} can write any part of a file")

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._functions.add(node.name)
        for each in [*node.args.args, *node.args.kwonlyargs]:
            self._values.bind(each.arg, None)
        self.generic_visit(node)

    def visit_For(self, node: ast.For) -> None:
        self._bind_each(node.target, node.iter)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self._bind_each(node.target, node.iter)
        self.generic_visit(node)

    def _bind_each(self, target: ast.expr, iterated: ast.expr) -> None:
        value = self._values.value(iterated)
        if isinstance(value, Book):
            value = Sheet(None)
        if isinstance(value, str):
            value = None
        numbered = (
            isinstance(iterated, ast.Call) and getattr(iterated.func, "id", "") == "enumerate"
        )
        for at, name in enumerate(_names(target)):
            self._values.bind(name, None if numbered and at == 0 else value)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.generic_visit(node)
        for target in node.targets:
            self._assign(target, node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.generic_visit(node)
        self._assign(node.target, None)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.generic_visit(node)
        self._assign(node.target, node.value)

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Subscript):
                if isinstance(self._values.value(target.value), Book):
                    self._named.sheets = True
                else:
                    self._write(target)

    def _assign(self, target: ast.expr, value: ast.expr | None) -> None:
        if isinstance(target, ast.Name):
            self._values.bind(target.id, self._values.value(value))
        elif isinstance(target, ast.Tuple | ast.List):
            for each in target.elts:
                self._assign(each, None)
        else:
            self._write(target)

    def _write(self, target: ast.expr) -> None:
        """Take a write to an attribute or an item."""
        if isinstance(target, ast.Attribute):
            owner = self._values.value(target.value)
            if isinstance(owner, Cells):
                self._add(owner.area)
            elif isinstance(owner, Sheet | Belonging):
                name = owner.name if isinstance(owner, Sheet) else owner.sheet
                self._named.objects.add(name)
                self._named.sheets |= target.attr in ("title", "sheet_state")
            elif isinstance(owner, Book):
                self._named.sheets = True
            elif target.attr in _TURNED:
                self._add(Area(None))
            elif target.attr in ("width", "height", "hidden", "ref", "title", "freeze_panes"):
                self._named.objects.add(None)
                self._named.sheets = True
        elif isinstance(target, ast.Subscript):
            self._write_item(target)

    def _write_item(self, target: ast.Subscript) -> None:
        owner, key = self._values.value(target.value), self._values.value(target.slice)
        if isinstance(owner, Sheet):
            self._add(self._values.area(owner.name, target.slice))
        elif isinstance(owner, Belonging):
            self._named.objects.add(owner.sheet)
        elif isinstance(owner, Book):
            self._named.sheets = True
        else:
            if isinstance(key, str) and (A1.fullmatch(key) or WHOLE.fullmatch(key)):
                self._add(written_area(None, key))
            elif isinstance(target.slice, ast.JoinedStr | ast.BinOp):
                self._add(self._values.area(None, target.slice))
            keys = target.slice.elts if isinstance(target.slice, ast.Tuple) else [target.slice]
            for each in keys:
                for part in each.elts if isinstance(each, ast.List) else [each]:
                    if isinstance(name := self._values.value(part), str):
                        self._named.areas.append(Area(None, header=name))

    def _add(self, area: Area) -> None:
        if area not in self._named.areas:
            self._named.areas.append(area)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        function = node.func
        if isinstance(function, ast.Name):
            self._function(function.id, node)
        elif isinstance(function, ast.Attribute):
            self._method(function, node)

    def _function(self, name: str, node: ast.Call) -> None:
        if name in _OPAQUE:
            self._named.unknown.append(f"{name}() runs or changes what the code does not show")
        elif name not in _HARMLESS and name not in self._functions:
            self._passed_on(name, node)

    def _passed_on(self, name: str, node: ast.Call) -> None:
        """A function that the code does not show gets a sheet: it may do anything with it."""
        for each in [*node.args, *(k.value for k in node.keywords)]:
            value = self._values.value(each)
            if isinstance(value, Book):
                self._named.unknown.append(f"the workbook is given to {name}()")
            elif isinstance(value, Sheet | Cells):
                sheet = value.name if isinstance(value, Sheet) else value.area.sheet
                self._whole(sheet)

    def _whole(self, sheet: str | None) -> None:
        self._add(Area(sheet))
        self._named.reshaped.add(sheet)
        self._named.objects.add(sheet)

    def _add_ranges(self, sheet: str | None, node: ast.Call) -> None:
        """Add the ranges in a call: merging cells, for one, empties most of them."""
        for each in [*node.args, *(k.value for k in node.keywords)]:
            text = self._values.value(each)
            if isinstance(text, str) and A1.fullmatch(text):
                self._add(written_area(sheet, text))
            elif isinstance(each, ast.JoinedStr):
                self._add(Area(sheet))

    def _method(self, function: ast.Attribute, node: ast.Call) -> None:
        owner, name = self._values.value(function.value), function.attr
        if name == "to_excel":
            given = {k.arg: self._values.value(k.value) for k in node.keywords}
            sheet = given.get("sheet_name", "Sheet1" if "sheet_name" not in given else None)
            self._whole(sheet if isinstance(sheet, str) else None)
            self._named.sheets = True
        elif name.startswith("write") and owner is None and name != "write_text":
            self._whole(None)
        elif name in _WRITES_FILES and getattr(function.value, "id", "") in _OTHER_WRITERS:
            self._named.unknown.append(f"{name}() writes files that the code does not show")
        elif name == "cell":
            if len(node.args) > 2 or any(k.arg == "value" for k in node.keywords):
                written = self._values.value(node)
                self._add(written.area if isinstance(written, Cells) else Area(None))
        elif isinstance(owner, Sheet):
            self._add_ranges(owner.name, node)
            if name in _RESHAPES:
                self._named.reshaped.add(owner.name)
            elif name == "move_range":
                self._whole(owner.name)
            elif name not in ("iter_rows", "iter_cols"):
                self._named.objects.add(owner.name)
        elif isinstance(owner, Belonging):
            self._named.objects.add(owner.sheet)
        elif isinstance(owner, Book):
            self._named.sheets |= name not in ("save", "close")
        elif name in _RESHAPES - {"append"}:
            self._named.reshaped.add(None)
        elif owner is None:
            if name == "append" and not isinstance(function.value, ast.Name):
                return
            if name == "append" and not self._values.knows(function.value.id):  # type: ignore[attr-defined]
                self._named.reshaped.add(None)  # a list, or the sheet of an earlier cell
            self._passed_on(name, node)


def _names(target: ast.expr) -> list[str]:
    if isinstance(target, ast.Name):
        return [target.id]
    if isinstance(target, ast.Tuple | ast.List):
        return [name for each in target.elts for name in _names(each)]
    return []
