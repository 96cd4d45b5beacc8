"""Settings of sheets and of the workbook that openpyxl reads in part: view, page, protection.

Each is put back as it was, except for what code has changed (see `three_way`).

Source: ECMA-376 part 1, sections 18.2 (workbook) and 18.3.1 (worksheets).
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from typing import Any

from lxml import etree

from .opc import parse
from .sheet_markup import SheetMarkup, copy_of, name_of, references
from .three_way import restore

ALWAYS = frozenset({"sheetPr", "sheetViews", "sheetFormatPr"})
"""Children of a worksheet that openpyxl writes although they say nothing."""
OF_CHARTSHEETS = (
    "sheetPr sheetViews sheetProtection customSheetViews pageMargins pageSetup headerFooter extLst"
).split()
OF_WORKBOOK = (
    "fileVersion fileSharing workbookPr workbookProtection bookViews sheets functionGroups "
    "externalReferences definedNames calcPr oleSize customWorkbookViews pivotCaches smartTagPr "
    "smartTagTypes webPublishing fileRecoveryPr webPublishObjects extLst"
).split()
"""Children of a workbook in their order."""
WORKBOOK_SETTINGS = (
    "fileVersion fileSharing workbookPr workbookProtection bookViews functionGroups calcPr oleSize "
    "smartTagPr smartTagTypes webPublishing fileRecoveryPr webPublishObjects"
).split()
STAYS = frozenset({"fullCalcOnLoad"})
"""What openpyxl tells Excel to do: it stores no values of formulas."""


def plain_tree(read: Callable[[Any], Any], element: Any, *, always: bool = True) -> Any:
    """Return what openpyxl writes for an element that nobody has changed.

    Args:
        read: A class of openpyxl's ``from_tree``, or a function like it.
        element: The element as it is in the file.
        always: Whether it writes the element although it says nothing.

    Returns:
        The element; ``None`` if openpyxl writes none, or can't read it.
    """
    from openpyxl.xml.functions import fromstring, tostring

    with warnings.catch_warnings(), contextlib.suppress(Exception):
        warnings.simplefilter("ignore")
        value = read(fromstring(etree.tostring(element, with_tail=False)))
        if value is not None and (always or value):
            return parse(tostring(value.to_tree()))
    return None


def restore_sheet(old: SheetMarkup, new: SheetMarkup) -> None:
    """Restore the settings of a worksheet or chartsheet.

    Args:
        old: The sheet as it was read.
        new: The sheet as it was written; changed.
    """
    if name_of(old.root) == "chartsheet":
        _restore_chartsheet(old, new)
        return
    for name, read in _of_worksheets().items():
        was, now = old.child(name), new.child(name)
        if was is None:
            continue
        plain = plain_tree(read, was, always=name in ALWAYS)
        if now is not None and plain is not None:
            levels = now.get("outlineLevelCol")
            restore(was, plain, now)
            _keep_outline(was, now, levels)
        elif now is None and plain is None and not references(was):
            new.insert(copy_of(was))


def restore_rules(old: SheetMarkup, new: SheetMarkup) -> None:
    """Put conditional formats back that openpyxl can't read.

    Args:
        old: The sheet as it was read.
        new: The sheet as it was written; changed.
    """
    from openpyxl.formatting.formatting import ConditionalFormatting

    was, now = (sheet.children("conditionalFormatting") for sheet in (old, new))
    if sum(map(len, was)) == sum(map(len, now)):
        return
    for each in was:
        if plain_tree(ConditionalFormatting.from_tree, each) is None:
            new.insert(copy_of(each))


def _keep_outline(was: Any, now: Any, written: str | None) -> None:
    """Let the depth of the outline of columns be that of the deeper one: openpyxl counts it."""
    deepest = max(int(was.get("outlineLevelCol") or 0), int(written or 0))
    if deepest:
        now.set("outlineLevelCol", str(deepest))


def _of_worksheets() -> dict[str, Callable[[Any], Any]]:
    from openpyxl.worksheet import header_footer, page, pagebreak, properties, views
    from openpyxl.worksheet.datavalidation import DataValidationList
    from openpyxl.worksheet.dimensions import SheetFormatProperties
    from openpyxl.worksheet.filters import AutoFilter
    from openpyxl.worksheet.scenario import ScenarioList

    return {
        "sheetPr": properties.WorksheetProperties.from_tree,
        "sheetViews": views.SheetViewList.from_tree,
        "sheetFormatPr": SheetFormatProperties.from_tree,
        "sheetProtection": _protection,
        "scenarios": ScenarioList.from_tree,
        "autoFilter": AutoFilter.from_tree,
        "dataValidations": DataValidationList.from_tree,
        "printOptions": page.PrintOptions.from_tree,
        "pageMargins": page.PageMargins.from_tree,
        "pageSetup": page.PrintPageSetup.from_tree,
        "headerFooter": header_footer.HeaderFooter.from_tree,
        "rowBreaks": pagebreak.RowBreak.from_tree,
        "colBreaks": pagebreak.ColBreak.from_tree,
    }


def _protection(element: Any) -> Any:
    """Read a sheet's protection as openpyxl does: the password is stored hashed."""
    from openpyxl.worksheet.protection import SheetProtection

    read = SheetProtection.from_tree(element)
    if (password := element.get("password")) is not None:
        read.set_password(password, already_hashed=True)
    return read


def _restore_chartsheet(old: SheetMarkup, new: SheetMarkup) -> None:
    from openpyxl.chartsheet.chartsheet import Chartsheet

    plain = plain_tree(Chartsheet.from_tree, old.root)
    if plain is None:
        return
    written = {name_of(each): each for each in plain}
    for name in OF_CHARTSHEETS:
        was, now = old.child(name), new.child(name)
        if was is None:
            continue
        if now is not None and name in written:
            restore(was, written[name], now)
        elif now is None and name not in written and not references(was):
            new.insert(copy_of(was))


def restore_workbook(old: Any, new: Any) -> None:
    """Restore the settings of a workbook.

    Args:
        old: The tree of the workbook part as it was read.
        new: That of the one that was written; changed.
    """
    was, now = ({name_of(each): each for each in root} for root in (old, new))
    for name in WORKBOOK_SETTINGS:
        if name not in was or references(was[name]):
            continue
        if name not in now:
            if name not in ("workbookProtection", "bookViews", "calcPr"):  # else code removed it
                insert_in_workbook(new, copy_of(was[name]))
            continue
        plain = _plain_workbook_setting(was[name])
        if plain is not None:
            restore(was[name], plain, now[name], never_removed=STAYS)


def _plain_workbook_setting(was: Any) -> Any:
    from openpyxl.workbook.properties import CalcProperties, WorkbookProperties
    from openpyxl.workbook.protection import WorkbookProtection
    from openpyxl.workbook.views import BookView

    name = name_of(was)
    if name == "workbookPr":
        return plain_tree(_known_properties(WorkbookProperties), was)
    if name == "bookViews":
        views = [plain_tree(BookView.from_tree, each) for each in was if name_of(each)]
        plain = etree.Element(was.tag)
        plain.extend(each for each in views if each is not None)
        return plain
    known = {"calcPr": CalcProperties, "workbookProtection": WorkbookProtection}
    return plain_tree(known[name].from_tree, was) if name in known else None


def _known_properties(of: Any) -> Callable[[Any], Any]:
    """Read what openpyxl keeps of a workbook's properties: it writes all others anew."""

    def read(element: Any) -> Any:
        known = of.from_tree(element)
        kept = of()
        if known.codeName is not None:
            kept.codeName = known.codeName
        if known.date1904:
            kept.date1904 = True
        return kept

    return read


def insert_in_workbook(root: Any, child: Any) -> Any:
    """Insert a child of a workbook where the schema wants it.

    Args:
        root: The tree of the workbook part.
        child: An element, or the name of a new one.

    Returns:
        The child.
    """
    if isinstance(child, str):
        child = etree.Element(root.tag.replace("}workbook", "}" + child))
    later = OF_WORKBOOK[OF_WORKBOOK.index(name_of(child)) + 1 :]
    places = (number for number, each in enumerate(root) if name_of(each) in later)
    root.insert(next(places, len(root)), child)
    return child
