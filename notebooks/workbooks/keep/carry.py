"""Carry over what a writer dropped: parts of a workbook that code did not mean to touch.

openpyxl reads a workbook into its own model and writes that model: drawings it does not know,
sparklines, slicers, threaded comments and much more are gone. Here they are put back from the
workbook that was read. What the writer did write stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from ..structure.package_changes import Change, change_package, name_after, refer_to_copy
from ..structure.shift import Copied
from .cell_metadata import carry_cell_metadata
from .document_properties import carry_properties
from .drawings import carry_drawing
from .filters import fit_filters
from .macro_sheets import carry_macro_sheets
from .names import restore_names
from .opc import EditablePackage, Relationship, parse, serialize
from .rich_text import rich_texts, with_rich_texts
from .settings import (
    insert_in_workbook,
    restore_rules,
    restore_sheet,
    restore_workbook,
)
from .sheet_markup import SheetMarkup, copy_of, name_of, references
from .sizes import carry_sizes
from .styles import carry_styles
from .tables import relate_records, restore_tables
from .workbook_parts import sheet_parts, workbook_part

DROPPED = (
    "sheetCalcPr protectedRanges sortState dataConsolidate customSheetViews phoneticPr "
    "customProperties cellWatches ignoredErrors smartTags legacyDrawingHF drawingHF picture "
    "oleObjects controls webPublishItems extLst"
).split()
"""Children of a worksheet that openpyxl never writes: without one, no code has removed it."""
OF_COPIES = (
    "sheetCalcPr protectedRanges phoneticPr cellWatches ignoredErrors picture extLst".split()
)
"""Those that a copy of a worksheet gets too."""
OF_SHEET = frozenset({"threadedComment", "namedSheetView", "tableSingleCells", "queryTable"})
"""Relationships of a sheet that its part does not mention."""
NOT_KEPT = frozenset({"calcChain", "worksheet", "chartsheet", "dialogsheet", "styles", "theme",
                      "sharedStrings", "externalLink", "pivotCacheDefinition",
                      "xlMacrosheet", "xlIntlMacrosheet"})  # fmt: skip
"""Relationships of a workbook that the writer made anew."""
THEME = "xl/theme/theme1.xml"
"""The part that openpyxl reads as theme; without it, it writes that of Office."""
LISTED = frozenset({"slicerCache", "timelineCacheRef"})
"""Elements of a workbook's extensions that stand in a list: it is valid without one of them."""
MACRO_TYPES = {
    ".xlsm": "application/vnd.ms-excel.sheet.macroEnabled.main+xml",
    ".xltm": "application/vnd.ms-excel.template.macroEnabled.main+xml",
}
"""Content types of the workbook part: Excel opens no .xlsm that states another one."""


@dataclass(frozen=True, slots=True)
class SheetPair:
    """A sheet that was read and written.

    Attributes:
        before: Its name in the workbook that was read.
        after: Its name in the workbook that was written.
        drawings: What code did with charts and pictures: nothing, added some, or changed those
            that were there.
        added: The places of those it added among all charts, then all pictures, from 0.
        comments: Whether code left the comments as they were.
    """

    before: str
    after: str
    drawings: Literal["same", "added", "changed"] = "same"
    added: tuple[int, ...] = ()
    comments: bool = True


@dataclass(slots=True)
class _Copying:
    """The two packages, what was copied from one to the other, and what must not be."""

    source: EditablePackage
    result: EditablePackage
    texts: Mapping[int, Any]
    parts: dict[str, str] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()

    def take(self, part: str) -> str:
        return self.result.copy(self.source, part, self.parts)


def carry_over(
    original: Path | IO[bytes],
    result: Path,
    sheets: Sequence[SheetPair],
    saved: Path,
    *,
    suffix: str,
    changes: Sequence[Change] = (),
    copies: Sequence[SheetPair] = (),
) -> bool:
    """Put what *result* lost of *original* back, and write it to *saved*.

    Args:
        original: The workbook that was read, .xlsx, .xlsm, .xltx or .xltm.
        result: The workbook that was written from it.
        sheets: The sheets that are in both.
        saved: Where the workbook with the parts goes; not *result* itself.
        suffix: The ending its name will have: macros are kept in .xlsm and .xltm.
        changes: What was inserted, deleted and renamed in between, in order.
        copies: Sheets of *result* that are copies of sheets of *original*: they get what openpyxl
            does not know of those, as far as a workbook may have it twice.

    Returns:
        Whether anything was lost, and *saved* was written.

    Raises:
        Unreadable: One of the two is no readable package.
    """
    with EditablePackage(original) as source, EditablePackage(result) as target:
        before, after = sheet_parts(source), sheet_parts(target)
        copying = _Copying(
            source,
            target,
            rich_texts(source),
            missing=frozenset(before) - {pair.before for pair in sheets},
        )
        if changes:
            change_package(source, changes)
        relate_records(target)
        for pair in sheets:
            if pair.before in before and pair.after in after:
                restore_tables(source, target, before[pair.before], after[pair.after])
        copying.left_out = fit_filters(source, target, sheets)
        for pair in sheets:
            if pair.before in before and pair.after in after:
                _carry_sheet(copying, before[pair.before], after[pair.after], pair)
        for pair in copies:
            if pair.before in before and pair.after in after:
                _carry_to_copy(copying, before[pair.before], after[pair.after], pair, changes)
        names = {pair.before: pair.after for pair in sheets}
        _carry_workbook(copying, suffix.lower(), names, changes)
        _mend_pivot_caches(target)
        carry_properties(source, target, copying.parts)
        if target.changed:
            target.save(saved)
        return target.changed


def _carry_sheet(copying: _Copying, before: str, after: str, pair: SheetPair) -> None:
    source, target = copying.source, copying.result
    old, new = SheetMarkup.of(source.read(before)), SheetMarkup.of(target.read(after))
    written = serialize(new.root), new.cells
    for name in DROPPED:
        if (element := old.child(name)) is not None and new.child(name) is None:
            _carry_element(copying, element, before, after, new)
    _carry_printer_settings(copying, before, after, old, new)
    restore_sheet(old, new)
    carry_drawing(copying.source, copying.result, copying.parts, before, after, old, new, pair)
    if pair.comments:
        _carry_legacy_drawing(copying, before, after, old, new)
        _carry_implicit(copying, before, after)
        _carry_comments(source, target, before, after)
    _carry_query_tables(copying, before, after)
    _carry_rules(old, new)
    _carry_lists(old, new)
    carry_cell_metadata(old, new)
    carry_sizes(old, new)
    new.cells = with_rich_texts(copying.texts, old.cells, new.cells)
    if (serialize(new.root), new.cells) != written:
        target.write(after, new.content())


def _carry_to_copy(
    copying: _Copying, before: str, after: str, pair: SheetPair, changes: Sequence[Change]
) -> None:
    """Give a copy of a sheet what openpyxl does not know of the sheet, in parts of its own.

    What may be in a workbook once stays away: slicers, timelines, controls, comment threads.
    """
    source, target = copying.source, copying.result
    once = {r.target for r in source.relationships(before) if r.kind in ("slicer", "timeline")}
    own = _Copying(
        source, target, copying.texts,
        missing=copying.missing - {pair.before}, left_out=frozenset(once),
    )  # fmt: skip
    old, new = SheetMarkup.of(source.read(before)), SheetMarkup.of(target.read(after))
    for name in OF_COPIES:
        if (element := old.child(name)) is not None and new.child(name) is None:
            _carry_element(own, element, before, after, new)
    restore_sheet(old, new)
    if not once and old.child("controls") is None and old.child("oleObjects") is None:
        carry_drawing(source, target, own.parts, before, after, old, new, pair)
    _carry_rules(old, new)
    _carry_lists(old, new)
    carry_cell_metadata(old, new)
    carry_sizes(old, new)
    new.cells = with_rich_texts(own.texts, old.cells, new.cells)
    target.write(after, new.content())
    name = name_after(pair.before, changes)
    refer_to_copy(target, after, name, Copied(name, pair.after))


def _carry_element(
    copying: _Copying, element: Any, before: str, after: str, new: SheetMarkup
) -> None:
    """Insert a copy of *element*, with all it refers to; leave it out if a part is missing."""
    copied = copy_of(element)
    related = {each.id: each for each in copying.source.relationships(before)}
    if name_of(copied) == "extLst":
        for extension in list(copied):
            parts = {related[i].target for i in _named(extension) if i in related}
            if parts & copying.left_out or _names_missing_sheet(extension, copying):
                copied.remove(extension)
        if not len(copied):
            return
    for owner, attribute in references(copied):
        wanted = related.get(owner.get(attribute))
        if wanted is None or not (wanted.external or wanted.target in copying.source):
            return
        owner.set(attribute, _relate(copying, after, wanted))
    new.insert(copied)


def _named(element: Any) -> list[str]:
    return [owner.get(attribute) for owner, attribute in references(element)]


def _names_missing_sheet(extension: Any, copying: _Copying) -> bool:
    """Whether a formula in *extension* names a sheet that code has removed or renamed."""
    formulas = " ".join(f.text or "" for f in extension.iter("{*}f"))
    quoted = (name.replace("'", "''") for name in copying.missing)
    return any(f"{name}!" in formulas or f"'{name}'!" in formulas for name in quoted)


def _relate(copying: _Copying, part: str, wanted: Relationship) -> str:
    """Relate *part* to a copy of what *wanted* names; return the relationship's id."""
    target = wanted.target if wanted.external else copying.take(wanted.target)
    for each in copying.result.relationships(part):
        if (each.type, each.target) == (wanted.type, target):
            return each.id
    return copying.result.relate(part, wanted.type, target, external=wanted.external)


def _carry_printer_settings(
    copying: _Copying, before: str, after: str, old: SheetMarkup, new: SheetMarkup
) -> None:
    was, now = old.child("pageSetup"), new.child("pageSetup")
    if was is None or now is None or references(now):
        return
    related = {each.id: each for each in copying.source.relationships(before)}
    for _, attribute in references(was):
        wanted = related.get(was.get(attribute))
        if wanted is not None and wanted.target in copying.source:
            now.set(attribute, _relate(copying, after, wanted))


def _carry_legacy_drawing(
    copying: _Copying, before: str, after: str, old: SheetMarkup, new: SheetMarkup
) -> None:
    """Carry the old drawing of comments and controls: openpyxl draws comments in a size of its own.

    It refers to no comment: the comments part says which cells have one.
    """
    was = old.child("legacyDrawing")
    if was is None:
        return
    if (now := new.child("legacyDrawing")) is not None:
        named = {now.get(attribute) for _, attribute in references(now)}
        for each in [r for r in copying.result.relationships(after) if r.id in named]:
            copying.result.unrelate(after, each.id)
            copying.result.remove(each.target)
        new.root.remove(now)
    _carry_element(copying, was, before, after, new)


def _carry_implicit(copying: _Copying, before: str, after: str) -> None:
    there = {each.kind for each in copying.result.relationships(after)}
    for wanted in copying.source.relationships(before):
        if wanted.kind in OF_SHEET - there and wanted.target in copying.source:
            _relate(copying, after, wanted)


def _carry_comments(
    source: EditablePackage, target: EditablePackage, before: str, after: str
) -> None:
    """Give comments their formats back: openpyxl reads plain texts."""
    was, now = (
        next((r.target for r in package.relationships(part) if r.kind == "comments"), "")
        for package, part in ((source, before), (target, after))
    )
    if was in source and now in target:
        target.write(now, source.read(was))


def _carry_query_tables(copying: _Copying, before: str, after: str) -> None:
    """Relate tables to the queries that fill them, which openpyxl leaves out."""
    written = _tables(copying.result, after)
    for name, part in _tables(copying.source, before).items():
        for wanted in copying.source.relationships(part):
            known = wanted.kind == "queryTable" and wanted.target in copying.source
            if known and name in written:
                _relate(copying, written[name], wanted)


def _tables(package: EditablePackage, sheet: str) -> dict[str, str]:
    """Return the part of each table of a sheet by the table's name."""
    parts = [r.target for r in package.relationships(sheet) if r.kind == "table"]
    known = [part for part in parts if part in package]
    return {parse(package.read(part)).get("displayName", ""): part for part in known}


def _carry_rules(old: SheetMarkup, new: SheetMarkup) -> None:
    """Put rules of conditional formats back that openpyxl can't read, and the links of others.

    The link leads to a rule in the sheet's extensions.
    """
    restore_rules(old, new)
    extended = {
        key: extensions
        for key, rule in _rules(old).items()
        if (extensions := next((e for e in rule if name_of(e) == "extLst"), None)) is not None
    }
    for key, rule in _rules(new).items():
        if key in extended and not any(name_of(each) == "extLst" for each in rule):
            rule.append(copy_of(extended[key]))


def _carry_lists(old: SheetMarkup, new: SheetMarkup) -> None:
    """Give drop-downs their list back that is said in two ways: openpyxl reads neither.

    Source: [MS-XLSX] 2.4.45 (list): entries with commas, beside a plain formula1.
    """
    lists = {
        str(each.get("sqref")): choice
        for block in old.children("dataValidations")
        for each in block
        if (choice := next((c for c in each if _is_choice(c)), None)) is not None
    }
    for block in new.children("dataValidations") if lists else ():
        for each in block:
            choice = lists.get(str(each.get("sqref")))
            if choice is not None and each.get("type") == "list" and not len(each):
                each.append(copy_of(choice))


def _is_choice(element: Any) -> bool:
    return isinstance(element.tag, str) and element.tag.endswith("}AlternateContent")


def _rules(sheet: SheetMarkup) -> Mapping[tuple[str, str, str], Any]:
    return {
        (str(block.get("sqref")), str(rule.get("type")), str(rule.get("priority"))): rule
        for block in sheet.children("conditionalFormatting")
        for rule in block
        if name_of(rule) == "cfRule"
    }


# the workbook part


def _carry_workbook(
    copying: _Copying, suffix: str, sheets: Mapping[str, str], changes: Sequence[Change]
) -> None:
    source, target = copying.source, copying.result
    before, after = workbook_part(source), workbook_part(target)
    there = {each.kind for each in target.relationships(after)}
    ids: dict[str, str] = {}
    for wanted in source.relationships(before):
        if wanted.kind in NOT_KEPT or wanted.external or wanted.target not in source:
            continue
        if wanted.target in copying.left_out:
            continue
        if wanted.kind.startswith("vbaProject") and suffix not in MACRO_TYPES:
            continue
        if wanted.kind not in there:
            ids[wanted.id] = _relate(copying, after, wanted)
    _carry_theme(source, target, before, after)
    carry_styles(source, target, before, after)
    old, new = parse(source.read(before)), parse(target.read(after))
    written = serialize(new)
    extensions = next((each for each in old if name_of(each) == "extLst"), None)
    if extensions is not None and not any(name_of(each) == "extLst" for each in new):
        copied = _without_lost(copy_of(extensions), ids)
        if len(copied):
            new.append(copied)
    _carry_custom_views(old, new)
    restore_workbook(old, new)
    restore_names((source, before, old), (target, after, new), sheets, changes)
    if serialize(new) != written:
        target.write(after, serialize(new))
    carry_macro_sheets(source, target, sheets, copying.parts, macros=suffix in MACRO_TYPES)
    if suffix in MACRO_TYPES:
        target.set_content_type(after, MACRO_TYPES[suffix])


def _carry_theme(source: EditablePackage, target: EditablePackage, before: str, after: str) -> None:
    """Put the theme back where openpyxl has not found it: it looks under one name only."""
    was, now = (
        next((r.target for r in package.relationships(part) if r.kind == "theme"), "")
        for package, part in ((source, before), (target, after))
    )
    if was != THEME and was in source and now in target:
        target.write(now, source.read(was))


def _carry_custom_views(old: Any, new: Any) -> None:
    """Carry the list of custom views, whose settings are on the sheets.

    Source: ECMA-376 part 1, section 18.2.3 (customWorkbookView).
    """
    views = next((each for each in old if name_of(each) == "customWorkbookViews"), None)
    if views is None or any(name_of(each) == "customWorkbookViews" for each in new):
        return
    copied, sheets = copy_of(views), _sheet_ids(new)
    names = {identity: name for name, identity in _sheet_ids(old).items()}
    for view in copied:
        if isinstance(view.tag, str):
            active = sheets.get(names.get(view.get("activeSheetId"), ""))
            view.set("activeSheetId", active or next(iter(sheets.values()), "1"))
    insert_in_workbook(new, copied)


def _sheet_ids(book: Any) -> dict[str, str]:
    return {each.get("name", ""): each.get("sheetId", "") for each in book.iter("{*}sheet")}


def _without_lost(extensions: Any, ids: Mapping[str, str]) -> Any:
    """Rename the references of a workbook's extensions; drop those that lead nowhere."""
    for extension in list(extensions):
        found = references(extension)
        gone = [owner for owner, attribute in found if owner.get(attribute) not in ids]
        if gone and (len(gone) == len(found) or not all(name_of(o) in LISTED for o in gone)):
            extensions.remove(extension)
            continue
        for owner in gone:
            owner.getparent().remove(owner)
        for owner, attribute in found:
            owner.set(attribute, ids.get(owner.get(attribute), ""))
    return extensions


def _mend_pivot_caches(package: EditablePackage) -> None:
    """Let Excel read a pivot cache's records anew where openpyxl wrote none, but named some.

    Source: ECMA-376 part 1, section 18.10.1.67 (pivotCacheDefinition): records are optional.
    """
    for part in [name for name in package.names if "pivotCacheDefinition" in name]:
        if part.endswith(".rels"):
            continue
        missing = [r for r in package.relationships(part) if r.target not in package]
        for each in missing:
            package.unrelate(part, each.id)
        if missing:
            root = parse(package.read(part))
            for _, attribute in references(root):
                root.attrib.pop(attribute, None)
            root.set("saveData", "0")
            root.set("refreshOnLoad", "1")
            package.write(part, serialize(root))
