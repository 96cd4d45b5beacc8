"""Formulas of an openpyxl workbook, wherever they are, changed after a shift or a rename."""

from __future__ import annotations

from typing import Any, Protocol


class Change(Protocol):
    """What changes references: a `Shift` or a `Rename`."""

    def formula(self, text: str, sheet: str) -> str:
        """Return *text*, a formula on *sheet*, with references changed."""

    def source(self, sheet: str, area: str) -> tuple[str, str]:
        """Return a sheet's name and a range on it as they are after the change."""


def change_formulas(book: Any, change: Change) -> None:
    """Change formulas of cells, rules, validations, names, charts and sources of pivot tables.

    Args:
        book: An openpyxl workbook.
        change: What is done to each.
    """
    for sheet in book.worksheets:
        change_formulas_of(sheet, change)
    for sheet in book.chartsheets:
        for drawn in sheet._charts:
            _drawn(drawn, "", change)
    _names(book.defined_names, "", change)


def change_formulas_of(sheet: Any, change: Change) -> None:
    """Change the formulas of one worksheet (see `change_formulas`)."""
    _cells(sheet, change)
    _rules(sheet, change)
    for each in sheet.data_validations.dataValidation:
        for name in ("formula1", "formula2"):
            if text := getattr(each, name):
                setattr(each, name, change.formula(text, sheet.title))
    _names(sheet.defined_names, sheet.title, change)
    for drawn in [*sheet._charts, *sheet._pivots]:
        _drawn(drawn, sheet.title, change)


def _cells(sheet: Any, change: Change) -> None:
    for cell in sheet._cells.values():
        if cell.data_type != "f":
            continue
        value = cell._value
        if isinstance(value, str):
            cell._value = change.formula(value, sheet.title)
            continue
        for name in ("text", "r1", "r2"):  # an array or a data table
            if isinstance(text := getattr(value, name, None), str):
                setattr(value, name, change.formula(text, sheet.title))


def _rules(sheet: Any, change: Change) -> None:
    """Change the formulas of conditional formats."""
    for rules in sheet.conditional_formatting._cf_rules.values():
        for rule in rules:
            rule.formula = [change.formula(text, sheet.title) for text in rule.formula]
            for kind in ("colorScale", "dataBar", "iconSet"):
                for threshold in getattr(getattr(rule, kind, None), "cfvo", ()):
                    if threshold.type == "formula" and isinstance(threshold.val, str):
                        threshold.val = change.formula(threshold.val, sheet.title)


def _names(names: Any, title: str, change: Change) -> None:
    for name in names.values():
        if isinstance(name.attr_text, str):
            name.attr_text = change.formula(name.attr_text, title)


def _drawn(drawn: Any, title: str, change: Change) -> None:
    """Change the references within a chart, and to the source of a pivot table."""
    seen: set[int] = set()
    waiting = [drawn]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list | tuple):
            waiting += each
            continue
        if not hasattr(each, "__elements__") or id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(text := getattr(each, "f", None), str):
            each.f = change.formula(text, title)
        if type(each).__name__ == "WorksheetSource" and each.sheet and each.ref:
            each.sheet, each.ref = change.source(each.sheet, each.ref)
        waiting += vars(each).values()
