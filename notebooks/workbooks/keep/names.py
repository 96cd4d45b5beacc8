"""Defined names that openpyxl drops, simplifies or gives to another sheet.

It reads print areas and titles into ranges, drops the built-in names it does not know and those
of one sheet that have no valid range, and numbers sheets without the chartsheets.

Source: ECMA-376 part 1, section 18.2.5 (definedName).
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .opc import EditablePackage, Relationship
from .sheet_markup import copy_of, name_of

if TYPE_CHECKING:
    from ..structure.package_changes import Change

Key = tuple[str, str]
"""A name in lower case, and the sheet it belongs to; an empty one for the whole workbook."""
BUILT_IN = "_xlnm."
FILTER = "_xlnm._filterdatabase"


def names_of(package: EditablePackage, main: str, book: Any) -> dict[Key, Any]:
    """Return the defined names of a workbook.

    Args:
        package: The workbook.
        main: Its workbook part.
        book: The tree of that part.
    """
    sheets = [each.get("name", "") for each in _sheets(book)]
    return {
        (each.get("name", "").lower(), _owner(each, sheets)): each
        for each in book.iter("{*}definedName")
    }


def restore_names(
    source: tuple[EditablePackage, str, Any],
    result: tuple[EditablePackage, str, Any],
    sheets: Mapping[str, str],
    changes: Sequence[Change],
) -> bool:
    """Put names back that code did not change, and give each to its sheet.

    Args:
        source: The package that was read, its workbook part and the part's tree.
        result: The one that was written; its tree is changed.
        sheets: The sheets that are in both: their new names by their old ones.
        changes: What was inserted, deleted and renamed in between, in order.

    Returns:
        Whether the tree was changed.
    """
    new = result[2]
    titles = [each.get("name", "") for each in _sheets(new)]
    now, read = _written(result, titles), _read_sheets(source)
    before = {key: (each.text or "").strip() for key, each in now.items()}
    for key, name in names_of(*source).items():
        owner = sheets.get(key[1], "")
        if key[1] and not owner:
            continue  # its sheet is gone
        text = name.text or ""
        for change in changes:
            text = change.formula(text, key[1])
        read_as, plain = _as_openpyxl(name, text, read, sheets)
        if (before.get(read_as) if read_as else None) != plain:
            continue  # code has changed it
        if read_as is None and (key[0], owner) in before:
            continue  # code has made one in its place
        if read_as is not None and read_as != (key[0], owner):
            now.pop(read_as, None)
        now[key[0], owner] = kept = copy_of(name)
        kept.text = text
    return _store(new, now, titles)


def _sheets(book: Any) -> list[Any]:
    return list(book.iter("{*}sheet"))


def _owner(name: Any, sheets: Sequence[str]) -> str:
    """Return the sheet of a name; a question mark for one that does not exist."""
    number = name.get("localSheetId")
    if number is None:
        return ""
    with contextlib.suppress(ValueError, IndexError):
        return sheets[int(number)]
    return "?"


def _related(workbook: tuple[EditablePackage, str, Any]) -> list[tuple[str, Relationship]]:
    """Return each sheet's name and relationship, in order."""
    package, main, book = workbook
    related = {each.id: each for each in package.relationships(main)}
    return [
        (sheet.get("name", ""), related[identity])
        for sheet in _sheets(book)
        for key, identity in sheet.attrib.items()
        if key.endswith("}id") and identity in related
    ]


def _read_sheets(source: tuple[EditablePackage, str, Any]) -> list[str]:
    """Return the sheets that openpyxl reads: it counts no others."""
    return [name for name, related in _related(source) if related.target in source[0]]


def _written(result: tuple[EditablePackage, str, Any], titles: Sequence[str]) -> dict[Key, Any]:
    """Return the names that openpyxl has written: it counts worksheets only."""
    worksheets = [name for name, related in _related(result) if related.kind == "worksheet"]
    found = {}
    for each in result[2].iter("{*}definedName"):
        found[each.get("name", "").lower(), _owner(each, worksheets)] = each
    return {key: each for key, each in found.items() if not key[1] or key[1] in titles}


def _as_openpyxl(
    name: Any,
    text: str,
    read: Sequence[str],
    sheets: Mapping[str, str],
) -> tuple[Key | None, str | None]:
    """Return the key and text under which openpyxl writes a name that nobody has changed.

    Both are ``None`` if it writes none.
    """
    lowered = name.get("name", "").lower()
    reserved = lowered.startswith(BUILT_IN)
    if name.get("localSheetId") is None:
        dropped = lowered in (f"{BUILT_IN}print_titles", f"{BUILT_IN}print_area", FILTER)
        return (None, None) if dropped else ((lowered, ""), text.strip())
    owner = sheets.get(_owner(name, read), "?")
    if lowered == FILTER:
        return None, None  # follows from the filter
    plain = _plain_range(name.get("name", ""), text, owner) if reserved else text.strip()
    return (None, None) if plain is None else ((lowered, owner), plain)


def _plain_range(name: str, text: str, owner: str) -> str | None:
    """Return what openpyxl writes for a built-in name of a sheet; ``None`` for nothing."""
    from openpyxl.workbook.defined_name import DefinedName
    from openpyxl.worksheet.print_settings import PrintArea, PrintTitles

    reserved = DefinedName(name=name).is_reserved
    if reserved is None:
        return text.strip()
    with warnings.catch_warnings(), contextlib.suppress(Exception):
        warnings.simplefilter("ignore")
        if reserved == "Print_Titles":
            read = PrintTitles.from_string(text)
            return str(PrintTitles(read.cols, read.rows, owner)) or None
        if reserved == "Print_Area":
            area = PrintArea.from_string(text)
            area.title = owner
            return str(area) or None
    return None


def _store(book: Any, names: Mapping[Key, Any], titles: Sequence[str]) -> bool:
    """Write *names* into the tree of a workbook part; return whether it was changed."""
    listed = next((each for each in book if name_of(each) == "definedNames"), None)
    if listed is None:
        if not names:
            return False
        listed = _new_list(book)
    numbers = {title: str(number) for number, title in enumerate(titles)}
    before = [_described(each) for each in listed]
    for each in list(listed):
        listed.remove(each)
    for (_, owner), each in sorted(names.items(), key=lambda item: item[0]):
        if owner:
            each.set("localSheetId", numbers[owner])
        listed.append(each)
    if not len(listed):
        listed.getparent().remove(listed)
    return before != [_described(each) for each in listed]


def _described(name: Any) -> tuple[Any, ...]:
    return (*sorted(name.attrib.items()), name.text)


def _new_list(book: Any) -> Any:
    from .settings import insert_in_workbook

    return insert_in_workbook(book, "definedNames")
