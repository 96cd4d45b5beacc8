"""Workbooks in the layouts that finance people use, each with what is true of its sheets."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_range, xl_rowcol_to_cell

from tests.corpus.records import FORMATS, LANGUAGES, Ledger, make_ledger, sums
from tests.corpus.truth import Sheet, TrueTable

BASIC = ("date", "region", "product", "units", "sales")
MANY = ("account", "date", "region", "product", "units", "price", "sales", "share", "paid")
SHORT = ("region", "product", "units", "sales")


class Pen:
    """Writes one sheet of a workbook."""

    def __init__(self, book: Any, name: str) -> None:
        self.book, self.sheet, self.name = book, book.add_worksheet(name), name
        self._formats: dict[Any, Any] = {}

    def format(self, **properties: Any) -> Any:
        key = tuple(sorted(properties.items()))
        if key not in self._formats:
            self._formats[key] = self.book.add_format(properties)
        return self._formats[key]

    def put(self, row: int, column: int, value: Any, code: str = "", *, bold: bool = False) -> None:
        """Write a value; texts stay texts."""
        if isinstance(value, datetime.datetime) and not code:
            code = "yyyy-mm-dd"
        properties: dict[str, Any] = {"num_format": code} if code else {}
        if bold:
            properties["bold"] = True
        form = self.format(**properties) if properties else None
        if isinstance(value, str):
            self.sheet.write_string(row, column, value, form)
        elif isinstance(value, datetime.datetime):
            self.sheet.write_datetime(row, column, value, form)
        elif value is not None:
            self.sheet.write(row, column, value, form)

    def header(self, row: int, column: int, names: Iterable[Any], *, bold: bool = False) -> None:
        for at, name in enumerate(names):
            self.put(row, column + at, name, bold=bold)

    def body(self, row: int, column: int, ledger: Ledger, rows: Iterable[tuple[Any, ...]]) -> int:
        """Write rows; return the number of the next one."""
        for values in rows:
            for at, (field, value) in enumerate(zip(ledger.fields, values, strict=True)):
                self.put(row, column + at, value, FORMATS.get(field, ""))
            row += 1
        return row


def table_of(ledger: Ledger, top: int, left: int, bottom: int, **facts: Any) -> TrueTable:
    """Return the truth of a ledger written at *top*, *left* (from 0) down to *bottom*."""
    given = {
        "range": xl_range(top, left, bottom, left + len(ledger.fields) - 1),
        "header_rows": (top + 1,),
        "names": ledger.names,
        "kinds": ledger.kinds,
        "rows": ledger.rows,
    }
    return TrueTable(**(given | facts))


def plain(pen: Pen, language: str, seed: int) -> list[TrueTable]:
    ledger = make_ledger(language, (MANY, BASIC, SHORT)[seed % 3], seed=seed)
    pen.header(0, 0, ledger.names, bold=seed % 2 == 0)
    end = pen.body(1, 0, ledger, ledger.rows)
    return [table_of(ledger, 0, 0, end - 1)]


def titled(pen: Pen, language: str, seed: int) -> list[TrueTable]:
    """A title, facts with labels, an offset, and a note below."""
    ledger = make_ledger(language, BASIC, seed=seed)
    left, gap = seed % 3, seed % 2
    pen.put(0, left, "Meridian Office Supply GmbH", bold=True)
    pen.put(1, left, "Period:")
    pen.put(1, left + 1, "Q1 2024")
    pen.put(2, left, "Prepared on")
    pen.put(2, left + 1, datetime.datetime(2024, 4, 2))
    top = 3 + gap
    pen.header(top, left, ledger.names)
    end = pen.body(top + 1, left, ledger, ledger.rows)
    pen.put(end + gap, left, "Source: general ledger, extracted by the controller on 2 April 2024")
    return [table_of(ledger, top, left, end - 1)]


def merged_title(pen: Pen, language: str, seed: int) -> list[TrueTable]:
    ledger = make_ledger(language, MANY, seed=seed)
    pen.sheet.merge_range(0, 0, 0, len(MANY) - 1, "Sales report 2024", pen.format(bold=True))
    pen.header(1 + seed % 2, 0, ledger.names)
    end = pen.body(2 + seed % 2, 0, ledger, ledger.rows)
    return [table_of(ledger, 1 + seed % 2, 0, end - 1)]


def subtotals(pen: Pen, language: str, seed: int) -> list[TrueTable]:
    """Subtotals behind each group and a grand total, named by word."""
    ledger = make_ledger(language, SHORT if seed % 2 else BASIC, seed=seed)
    total, sub, grand = ledger.words
    pen.header(0, 0, ledger.names)
    row, marks, at = 1, [], ledger.at("region")
    for group in ledger.groups:
        rows = [r for r in ledger.rows if r[at] == group]
        row = pen.body(row, 0, ledger, rows)
        label = (f"{group} {total}", sub, f"{total} {group}")[seed % 3]
        marks.append(row + 1)
        row = pen.body(row, 0, ledger, [sums(ledger, rows, label)])
    row += seed % 2
    marks.append(row + 1)
    row = pen.body(row, 0, ledger, [sums(ledger, list(ledger.rows), grand)])
    return [table_of(ledger, 0, 0, row - 1, totals=tuple(marks))]


def silent_subtotals(pen: Pen, language: str, seed: int) -> list[TrueTable]:
    """Sums without a word: only the arithmetic tells."""
    ledger = make_ledger(language, SHORT, seed=seed)
    pen.header(0, 0, ledger.names)
    row, marks, at = 1, [], ledger.at("region")
    for group in ledger.groups:
        rows = [r for r in ledger.rows if r[at] == group]
        row = pen.body(row, 0, ledger, rows)
        marks.append(row + 1)
        row = pen.body(row, 0, ledger, [(None, *sums(ledger, rows, "")[1:])])
    return [table_of(ledger, 0, 0, row - 1, totals=tuple(marks))]


def total_behind_gap(pen: Pen, language: str, seed: int) -> list[TrueTable]:
    ledger = make_ledger(language, BASIC, seed=seed)
    pen.header(2, 1, ledger.names, bold=True)
    end = pen.body(3, 1, ledger, ledger.rows) + 1
    where = "date" if seed % 2 else "region"
    total = sums(ledger, list(ledger.rows), ledger.words[0], where=where)
    pen.body(end, 1, ledger, [total])
    pen.put(0, 1, "Overview")
    return [table_of(ledger, 2, 1, end, totals=(end + 1,))]


def total_first(pen: Pen, language: str, seed: int) -> list[TrueTable]:
    ledger = make_ledger(language, SHORT, seed=seed)
    pen.header(0, 0, ledger.names)
    row = pen.body(1, 0, ledger, [sums(ledger, list(ledger.rows), ledger.words[0])])
    end = pen.body(row, 0, ledger, ledger.rows)
    return [table_of(ledger, 0, 0, end - 1, totals=(2,))]


GROUPS = ("Q1 2024", "Q2 2024", "Q3 2024")


def grouped_header(pen: Pen, language: str, seed: int) -> list[TrueTable]:
    """Two header rows, merged or not: quarters over plan and actual."""
    ledger = make_ledger(language, ("region", "product"), seed=seed)
    low, high = seed % 2 == 0, seed % 3 == 0
    top = 2 if seed % 4 > 1 else 0
    if top:
        pen.put(0, 0, "Budget")
    if low:
        pen.sheet.merge_range(top, 0, top + 1, 0, ledger.names[0])
        pen.sheet.merge_range(top, 1, top + 1, 1, ledger.names[1])
    else:
        row = top if high else top + 1
        pen.put(row, 0, ledger.names[0])
        pen.put(row, 1, ledger.names[1])
    for at, group in enumerate(GROUPS):
        if low:
            pen.sheet.merge_range(top, 2 + 2 * at, top, 3 + 2 * at, group)
        else:
            pen.put(top, 2 + 2 * at, group)
        pen.put(top + 1, 2 + 2 * at, "Plan")
        pen.put(top + 1, 3 + 2 * at, "Actual")
    rows = []
    for number, row in enumerate(ledger.rows):
        values = [round(1_000.25 + 13.5 * number * (c + 1) % 700, 2) for c in range(6)]
        rows.append((row[0], row[1], *values))
        for at, value in enumerate(rows[-1]):
            pen.put(top + 2 + number, at, value)
    names = (*ledger.names, *(f"{g} / {n}" for g in GROUPS for n in ("Plan", "Actual")))
    return [
        TrueTable(
            range=xl_range(top, 0, top + 1 + len(rows), 7),
            header_rows=(top + 1, top + 2),
            names=names,
            kinds=("text", "text", *["number"] * 6),
            rows=tuple(rows),
        )
    ]


def units_row(pen: Pen, language: str, seed: int) -> list[TrueTable]:
    """A row of units below the names."""
    ledger = make_ledger(language, ("region", "units", "price"), seed=seed)
    pen.header(0, 0, ledger.names)
    pen.header(1, 1, ("pcs", "EUR"))
    end = pen.body(2, 0, ledger, ledger.rows)
    region, units, price = ledger.names
    names = (region, f"{units} / pcs", f"{price} / EUR")
    kinds = ("text", "integer", "currency")
    return [table_of(ledger, 0, 0, end - 1, header_rows=(1, 2), names=names, kinds=kinds)]


def period_header(pen: Pen, language: str, seed: int) -> list[TrueTable]:
    """Month-ends, year numbers or texts of months as names."""
    ledger = make_ledger(language, ("region", "product"), seed=seed)
    periods: list[Any]
    if seed % 3 == 0:
        periods = [
            datetime.datetime(2024, m + 1, 1) - datetime.timedelta(days=1) for m in range(1, 10)
        ]
    elif seed % 3 == 1:
        periods = [2019, 2020, 2021, 2022, 2023]
    else:
        periods = [f"{m} 2024" for m in ("Jan", "Feb", "Mar", "Apr", "May", "Jun")]
    top = seed % 2 * 2
    if top:
        pen.put(0, 0, "Profit and loss, kEUR")
    pen.header(top, 0, (*ledger.names, *periods))
    rows = []
    for number, row in enumerate(ledger.rows):
        values = [round(700.25 + (371 * number + 83 * c) % 911, 2) for c in range(len(periods))]
        rows.append((*row, *values))
        for at, value in enumerate(rows[-1]):
            pen.put(top + 1 + number, at, value)
    return [
        TrueTable(
            range=xl_range(top, 0, top + len(rows), 1 + len(periods)),
            header_rows=(top + 1,),
            names=(*ledger.names, *periods),
            kinds=("text", "text", *["number"] * len(periods)),
            rows=tuple(rows),
        )
    ]


def repeated_names(pen: Pen, language: str, seed: int) -> list[TrueTable]:
    ledger = make_ledger(language, ("date", "sales", "region", "units"), seed=seed)
    date, sales, _region, units = ledger.names
    names = (date, sales, units, sales, units)
    pen.header(0, 0, names)
    rows = []
    for number, (day, money, _, count) in enumerate(ledger.rows):
        rows.append((day, money, count, round(money * 0.92 + number, 2), count + 3))
        for at, value in enumerate(rows[-1]):
            pen.put(1 + number, at, value, FORMATS["sales"] if at in (1, 3) else "")
    return [
        TrueTable(
            range=xl_range(0, 0, len(rows), 4),
            header_rows=(1,),
            names=(date, sales, units, f"{sales}.1", f"{units}.1"),
            kinds=("date", "currency", "integer", "currency", "integer"),
            rows=tuple(rows),
        )
    ]


def odd_names(pen: Pen, language: str, seed: int) -> list[TrueTable]:
    """Blanks, line breaks and no-break spaces in names; one column without a name."""
    ledger = make_ledger(language, SHORT, seed=seed)
    region, product, units, sales = ledger.names
    names = (f"{region} ", f"{product}\n(code)", f"Net  {units}", f"{sales}\u00a0€")
    pen.header(0, 0, names)
    end = pen.body(1, 0, ledger, ledger.rows)
    return [table_of(ledger, 0, 0, end - 1, names=names)]


def side_by_side(pen: Pen, language: str, seed: int) -> list[TrueTable]:
    a = make_ledger(language, SHORT, seed=seed)
    b = make_ledger(language, ("date", "product", "price"), seed=seed + 1, per_group=3 + seed % 4)
    pen.header(1, 0, a.names)
    left = 5 + seed % 2
    pen.header(1, left, b.names)
    if seed % 2:
        pen.put(0, 0, "Sales")
        pen.put(0, left, "Prices")
    end_a = pen.body(2, 0, a, a.rows)
    end_b = pen.body(2, left, b, b.rows)
    return [table_of(a, 1, 0, end_a - 1), table_of(b, 1, left, end_b - 1)]


def stacked(pen: Pen, language: str, seed: int) -> list[TrueTable]:
    a = make_ledger(language, BASIC, seed=seed, per_group=3)
    b = make_ledger(language, ("account", "region", "price"), seed=seed + 1, per_group=4)
    pen.put(0, 0, "Table 1: sales")
    pen.header(1, 0, a.names)
    end = pen.body(2, 0, a, a.rows)
    gap = 1 + seed % 3
    pen.put(end + gap, 0, "Table 2: prices")
    top = end + gap + 1
    pen.header(top, 0, b.names)
    end_b = pen.body(top + 1, 0, b, b.rows)
    return [table_of(a, 1, 0, end - 1), table_of(b, top, 0, end_b - 1)]


def with_gaps(pen: Pen, language: str, seed: int) -> list[TrueTable]:
    """A blank row below the header, or blank rows between the groups."""
    ledger = make_ledger(language, MANY, seed=seed)
    pen.header(0, 0, ledger.names)
    row, at = 1 + (seed % 2), ledger.at("region")
    for group in ledger.groups:
        row = pen.body(row, 0, ledger, [r for r in ledger.rows if r[at] == group])
        row += (seed + 1) % 2
    return [table_of(ledger, 0, 0, row - 1 - (seed + 1) % 2)]


def headless(pen: Pen, language: str, seed: int) -> list[TrueTable]:
    ledger = make_ledger(language, BASIC, seed=seed)
    end = pen.body(0, 0, ledger, ledger.rows)
    return [table_of(ledger, 0, 0, end - 1, header_rows=(), names=tuple(range(5)))]


def excel_table(pen: Pen, language: str, seed: int) -> list[TrueTable]:
    """An Excel table with a totals row, and a remark right below it."""
    ledger = make_ledger(language, ("region", "product", "units", "price"), seed=seed)
    count = len(ledger.rows)
    columns: list[dict[str, Any]] = [{"header": name} for name in ledger.names]
    columns[0]["total_string"] = ledger.words[0]
    columns[2] |= {"total_function": "sum", "total_value": sum(r[2] for r in ledger.rows)}
    pen.sheet.add_table(
        2,
        1,
        3 + count,
        4,
        {"columns": columns, "total_row": True, "data": [list(r) for r in ledger.rows]},
    )
    pen.put(0, 1, "Stock list")
    return [table_of(ledger, 2, 1, 3 + count, totals=(4 + count,))]


def repeated_header(pen: Pen, language: str, seed: int) -> list[TrueTable]:
    """The header again on every page, as a printed report has it."""
    ledger = make_ledger(language, BASIC, seed=seed)
    pen.header(0, 0, ledger.names)
    row = pen.body(1, 0, ledger, ledger.rows[:7])
    pen.header(row, 0, ledger.names)
    row = pen.body(row + 1, 0, ledger, ledger.rows[7:])
    return [table_of(ledger, 0, 0, row - 1)]


def formula_totals(pen: Pen, language: str, seed: int) -> list[TrueTable]:
    """Formula columns and a total, with or without stored values."""
    ledger = make_ledger(language, ("product", "units", "price"), seed=seed)
    pen.header(0, 0, (*ledger.names, "Gross"))
    end = pen.body(1, 0, ledger, ledger.rows)
    stored = seed % 2 == 0
    for row in range(1, end):
        units, price = ledger.rows[row - 1][1:]
        pen.sheet.write_formula(
            row,
            3,
            f"=B{row + 1}*C{row + 1}*1.19",
            None,
            round(units * price * 1.19, 2) if stored else "",
        )
    pen.put(end, 0, ledger.words[0])
    gross = [round(u * p * 1.19, 2) for _, u, p in ledger.rows]
    pen.sheet.write_formula(
        end, 1, f"=SUM(B2:B{end})", None, sum(r[1] for r in ledger.rows) if stored else ""
    )
    pen.sheet.write_formula(
        end, 3, f"=SUM(D2:D{end})", None, round(sum(gross), 2) if stored else ""
    )
    rows = tuple((*r, g if stored else None) for r, g in zip(ledger.rows, gross, strict=True))
    return [
        TrueTable(
            range=xl_range(0, 0, end, 3),
            header_rows=(1,),
            names=(*ledger.names, "Gross"),
            kinds=("text", "integer", "number", "number" if stored else "formula"),
            totals=(end + 1,),
            rows=rows,
        )
    ]


def right_to_left(pen: Pen, language: str, seed: int) -> list[TrueTable]:
    pen.sheet.right_to_left()
    return titled(pen, ("ar", "he")[seed % 2], seed)


def errors(pen: Pen, language: str, seed: int) -> list[TrueTable]:
    ledger = make_ledger(language, SHORT, seed=seed)
    pen.header(0, 0, ledger.names)
    end = pen.body(1, 0, ledger, ledger.rows)
    pen.sheet.write_formula(3, 3, "=NA()", None, "#N/A")
    pen.sheet.write_formula(6, 3, "=1/0", None, "#DIV/0!")
    rows = [list(r) for r in ledger.rows]
    rows[2][3] = rows[5][3] = None
    return [table_of(ledger, 0, 0, end - 1, rows=tuple(map(tuple, rows)))]


def filtered(pen: Pen, language: str, seed: int) -> list[TrueTable]:
    """Texts only, so that nothing but the filter and the frozen pane shows the header."""
    ledger = make_ledger(language, ("region", "product"), seed=seed)
    pen.header(3, 0, ledger.names)
    end = pen.body(4, 0, ledger, ledger.rows)
    pen.sheet.autofilter(3, 0, end - 1, 1)
    pen.sheet.freeze_panes(4, 0)
    pen.put(0, 0, "Assignment of products to regions")
    pen.put(1, 0, "Status: draft")
    return [table_of(ledger, 3, 0, end - 1)]


LAYOUTS: tuple[Callable[[Pen, str, int], list[TrueTable]], ...] = (
    plain, titled, merged_title, subtotals, silent_subtotals, total_behind_gap, total_first,
    grouped_header, units_row, period_header, repeated_names, odd_names, side_by_side, stacked,
    with_gaps, headless, excel_table, repeated_header, formula_totals, right_to_left, errors, filtered,
)  # fmt: skip


def write_layouts(
    path: Any, *, languages: tuple[str, ...] = LANGUAGES, times: int = 4
) -> list[Sheet]:
    """Write one workbook with every layout *times* over, in changing languages."""
    sheets = []
    with xlsxwriter.Workbook(path) as book:
        for number, layout in enumerate(LAYOUTS):
            for turn in range(times):
                language = languages[(number * 3 + turn * 5) % len(languages)]
                pen = Pen(book, f"{layout.__name__[:20]} {language} {turn}")
                sheets.append(Sheet(pen.name, tuple(layout(pen, language, turn)), pen.name))
    return sheets


def cell(row: int, column: int) -> str:
    """Return an A1 address; *row* and *column* count from 0."""
    return str(xl_rowcol_to_cell(row, column))
