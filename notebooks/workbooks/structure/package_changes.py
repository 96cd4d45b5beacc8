"""Shifts and renames applied to a package: what is carried into a save moves with its cells.

Source: ECMA-376 part 1, sections 18.3 (worksheets), 20.5 (drawings), 21.2 (charts); part 4,
section 19.4.2 (legacy drawings); [MS-XLSX] 2.6 (extensions).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ..formats.addresses import address, column_index
from ..keep.opc import EditablePackage, parse, serialize
from ..keep.sheet_markup import SheetMarkup
from ..keep.workbook_parts import sheet_parts
from .shift import Copied, Rename, Shift

Change = Shift | Rename

FORMULAS = frozenset({"f", "formula", "formula1", "formula2"})
FORMULA_ATTRIBUTES = ("textlink", "fmlaLink", "fmlaRange", "fmlaTxbx", "fmlaGroup")
COMMENTS = frozenset({"threadedComment", "comment"})
RANGE_ATTRIBUTES = ("sqref", "ref")
FOLLOWED = frozenset({"drawing", "chart", "chartEx", "control", "ctrlProp", "threadedComment",
                      "vmlDrawing", "comments"})  # fmt: skip
_CELL = re.compile(rb'(<c r=")([A-Z]{1,3})(\d{1,7})(")')
_ANCHOR = re.compile(r"(<x:Anchor>)([^<]*)(</x:Anchor>)")
_PLACE = re.compile(r"<x:(Row|Column)>(\d+)</x:(?:Row|Column)>")
_LINK = re.compile(r"<x:(Fmla\w+)>([^<]*)</x:\1>")


def change_package(package: EditablePackage, changes: Sequence[Change]) -> None:
    """Change what a workbook's parts say of cells, as if Excel had made *changes* before.

    Formulas and values of its cells stay: they are read from elsewhere.

    Args:
        package: The workbook; its parts are changed in memory.
        changes: What was inserted, deleted and renamed, in order. The sheets' names are those
            that they had at the time.

    Raises:
        Unreadable: A part is missing or broken.
    """
    done: set[str] = set()
    for sheet, part in sheet_parts(package).items():
        named = _with_names(sheet, changes)
        markup = SheetMarkup.of(package.read(part))
        for change, name in named:
            _change_elements(markup.root, name, change)
            if isinstance(change, Shift) and change.sheet == name:
                markup.cells = _shift_cells(markup.cells, change)
        package.write(part, markup.content())
        _change_related(package, part, named, done)


def refer_to_copy(package: EditablePackage, part: str, before: str, copied: Copied) -> None:
    """Let a copied sheet, its drawing and its charts refer to the copy.

    Args:
        package: The workbook; its parts are changed in memory.
        part: The part of the copy; nothing that it is related to belongs to another sheet.
        before: The name of the sheet it was copied from.
        copied: The copy.
    """
    markup = SheetMarkup.of(package.read(part))
    _change_elements(markup.root, before, copied)
    package.write(part, markup.content())
    _change_related(package, part, [(copied, before)], set())


def name_after(sheet: str, changes: Sequence[Change]) -> str:
    """Return the name that a sheet has once *changes* are made."""
    for change in changes:
        if isinstance(change, Rename) and change.sheet == sheet:
            sheet = change.name
    return sheet


def _with_names(sheet: str, changes: Sequence[Change]) -> list[tuple[Change, str]]:
    """Return each change with the name that *sheet* has when it is made."""
    named = []
    for change in changes:
        named.append((change, sheet))
        if isinstance(change, Rename) and change.sheet == sheet:
            sheet = change.name
    return named


def _change_related(
    package: EditablePackage,
    part: str,
    named: Sequence[tuple[Change | Copied, str]],
    done: set[str],
) -> None:
    for related in package.relationships(part):
        name = related.target
        if related.external or related.kind not in FOLLOWED or name in done or name not in package:
            continue
        done.add(name)
        if related.kind == "vmlDrawing":
            text = package.read(name).decode("utf-8", "surrogateescape")
            for change, sheet in named:
                text = _change_legacy(text, sheet, change)
            package.write(name, text.encode("utf-8", "surrogateescape"))
        elif name.endswith(".xml"):
            root = parse(package.read(name))
            for change, sheet in named:
                _change_elements(root, sheet, change)
            package.write(name, serialize(root))
        _change_related(package, name, named, done)


def _change_elements(root: Any, sheet: str, change: Change | Copied) -> None:
    for element in list(root.iter()):
        name = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
        if element.text and name in FORMULAS:
            element.text = change.formula(element.text, sheet)
        for attribute in FORMULA_ATTRIBUTES:
            if text := element.get(attribute):
                element.set(attribute, change.formula(text, sheet))
        if isinstance(change, Shift) and change.sheet == sheet:
            _shift_element(element, name, change)


def _shift_element(element: Any, name: str, shift: Shift) -> None:
    if name in COMMENTS and not shift.ranges(element.get("ref", "A1")):
        element.getparent().remove(element)  # its cell is deleted
    elif element.text and name == "sqref":
        element.text = shift.ranges(element.text) or element.text
    elif name in ("from", "to"):
        _shift_corner(element, shift)
    elif name == "cellWatch":
        _shift_attribute(element, "r", shift)
    for attribute in RANGE_ATTRIBUTES:
        _shift_attribute(element, attribute, shift)


def _shift_attribute(element: Any, name: str, shift: Shift) -> None:
    if text := element.get(name):
        element.set(name, shift.ranges(text) or text)


def _shift_corner(corner: Any, shift: Shift) -> None:
    """Move a corner of an anchor, which counts from 0."""
    wanted = "row" if shift.axis == "row" else "col"
    for each in corner:
        if isinstance(each.tag, str) and each.tag.rpartition("}")[2] == wanted and each.text:
            place = shift.place(int(each.text) + 1)
            each.text = str((place or shift.at) - 1)


def _shift_cells(cells: bytes, shift: Shift) -> bytes:
    """Rename the cells: the indexes of cell metadata are found by a cell's name."""

    def renamed(cell: re.Match[bytes]) -> bytes:
        row, column = int(cell[3]), column_index(cell[2].decode()) + 1
        place = shift.place(row if shift.axis == "row" else column)
        if place is None:
            return b'<c r=""'  # deleted: a name that no cell has
        at = (place - 1, column - 1) if shift.axis == "row" else (row - 1, place - 1)
        return cell[1] + address(*at).encode() + cell[4]

    return _CELL.sub(renamed, cells)


def _change_legacy(text: str, sheet: str, change: Change | Copied) -> str:
    """Change what a legacy drawing says of cells: links, anchors, cells of comments."""

    def formula(link: re.Match[str]) -> str:
        return f"<x:{link[1]}>{change.formula(link[2], sheet)}</x:{link[1]}>"

    text = _LINK.sub(formula, text)
    own = isinstance(change, Shift) and change.sheet == sheet
    return _shift_legacy(text, change) if own else text  # type: ignore[arg-type]


def _shift_legacy(text: str, shift: Shift) -> str:
    axis = "Row" if shift.axis == "row" else "Column"

    def moved(number: str) -> str:
        return str((shift.place(int(number) + 1) or shift.at) - 1)

    def anchor(found: re.Match[str]) -> str:
        # left column and offset, top row and offset, right column and offset, bottom row, offset
        numbers = [each.strip() for each in found[2].split(",")]
        if len(numbers) == 8 and all(each.isdigit() for each in numbers):
            for at in (2, 6) if axis == "Row" else (0, 4):
                numbers[at] = moved(numbers[at])
        return found[1] + ", ".join(numbers) + found[3]

    def place(found: re.Match[str]) -> str:
        number = moved(found[2]) if found[1] == axis else found[2]
        return f"<x:{found[1]}>{number}</x:{found[1]}>"

    return _PLACE.sub(place, _ANCHOR.sub(anchor, text))
