"""The recipe of a table: plain pandas code that loads it right."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .formats.addresses import column_letters
from .profile.cells import literal
from .profile.column import Column
from .recipe_totals import rule_of_totals, totals_lines, whole_number_lines
from .recipe_values import (
    AMOUNT,
    ERA_DATE,
    NUMBERS,
    conversion_line,
    identifier_line,
    is_plain,
    is_tempting,
)

if TYPE_CHECKING:
    from .formats.json_table import JsonCode
    from .profile.sheets import Described
    from .read import FileFormat, TextFormat

WIDTH = 96
LARGE_ROWS = 20_000
MAX_SKIPPED = 200
"""Rows that are left out by their positions; more of them by their texts, where those tell."""


def recipe_of(
    described: Described,
    name: str,
    found: FileFormat,
    sheet: str,
    sheets: int,
    *,
    from_1904: bool = False,
    json_code: JsonCode | None = None,
) -> str:
    """Return the code that loads a table into ``frame``.

    Args:
        described: The table with its columns.
        name: The file as code names it, such as ``inputs/sales.xlsx``.
        found: The file's format.
        sheet: The name of its sheet.
        sheets: How many sheets the file has.
        json_code: Where the records are in a JSON file.
        from_1904: The workbook counts days from 1904.
    """
    if found.kind == "parquet":
        return f"import pandas as pd\n\nframe = pd.read_parquet({name!r})\n"
    plan = _Plan(described, text=found.kind == "text")
    if found.kind == "json" and json_code is not None:
        plan.as_objects = True
        call = _read_json(plan, name, json_code)
    elif found.text is not None:
        call = _read_csv(plan, name, found.text)
    else:
        call = _read_excel(plan, name, sheet, sheets)
    after = _after(plan, from_1904=from_1904)
    head = _head(after)
    if found.kind == "json":
        head = ["import json", "from pathlib import Path", "", *head]
    if any(literal(name).startswith("datetime(") for name in described.names):
        head.insert(0, "from datetime import datetime\n")
    return "\n".join([*head, "", *_notes(described), call, *after]) + "\n"


def _head(after: Sequence[str]) -> list[str]:
    """Return the imports and the functions that the lines *after* the reading need."""
    amounts = any("(amount" in line for line in after)
    eras = any("(era_date" in line for line in after)
    modules = ["import re"] * (amounts or eras) + ["import unicodedata"] * amounts
    head = [*modules, "", "import pandas as pd"] if modules else ["import pandas as pd"]
    return [*head, *[""] * amounts, *[AMOUNT] * amounts, *[""] * eras, *[ERA_DATE] * eras]


class _Plan:
    """What the reading of a table has to state."""

    def __init__(self, described: Described, *, text: bool) -> None:
        self.described, self.text = described, text
        self.table, self.grid = described.table, described.grid
        self.top, self.left, self.bottom, self.right = self.table.area
        self.several = len(self.table.header_rows) > 1
        self.named = self.several or not described.plain_names or self._types_spread()
        sections = self.table.sections
        # the rows below a section's head get its text before it is dropped
        skipped = set(self.table.left_out) - set(sections.rows if sections else ())
        self.drops_blanks = len(self.table.blank_rows) > MAX_SKIPPED
        if self.drops_blanks:
            skipped -= set(self.table.blank_rows)
        self.by_text = rule_of_totals(described, text=text)
        if self.by_text is not None:
            skipped -= {total.row for total in self.table.totals}
        self.skipped = sorted(skipped)
        # a large sheet is read in little memory as long as no row in it is skipped
        self.dropped: list[int] = []
        if not text and self.table.end - self.table.body_top > LARGE_ROWS:
            self.dropped = [row - self.table.body_top for row in self.skipped]
            self.skipped = []
        self.read_rows = self.bottom - self.table.body_top + 1 - len(self.skipped)
        # pandas counts nrows wrong beside a list of rows to skip
        self.cut = not text and not self.to_the_end and self.skips_rows_inside
        renamed = self.named and bool(self.types())
        awkward = self.cut or self.several or renamed or sections is not None
        self.as_objects = awkward and not text

    @property
    def whole_width(self) -> bool:
        """Return whether the sheet has no further columns."""
        return self.left == 0 and self.right >= max(
            self.grid.right, self.grid.fields - 1, self.grid.extent[1]
        )

    @property
    def to_the_end(self) -> bool:
        """Return whether the sheet ends with the table."""
        return self.table.end >= max(self.grid.bottom, self.grid.extent[0])

    @property
    def skips_rows_inside(self) -> bool:
        """Return whether rows to skip are more than the first ones."""
        start = 0 if self.table.header_rows else self.table.body_top
        return bool(self.skipped) and self.skipped != list(range(start, start + len(self.skipped)))

    def columns(self) -> Sequence[tuple[Any, Column]]:
        """Return the columns with their names."""
        return list(zip(self.described.names, self.described.columns, strict=True))

    def missing(self) -> list[str]:
        """Return the arguments that keep texts such as ``NA`` in columns of texts."""
        kinds = ("text", "identifier", "mixed")
        if not any(c.looks_missing and c.kind in kinds for c in self.described.columns):
            return []
        return ["keep_default_na=False", 'na_values=[""]']

    def types(self) -> dict[str, str]:
        """Return column → type, of columns whose type a reader must not guess."""
        found = {literal(name): self._type(column) for name, column in self.columns()}
        return {name: kind for name, kind in found.items() if kind}

    def _types_spread(self) -> bool:
        """Return whether pandas would give a column's type to a repeat of its name too."""
        types = self.types()
        return any(
            isinstance(name, str)
            and literal(name.rpartition(".")[0]) in types
            and literal(name) not in types
            for name in self.described.names
        )

    def _type(self, column: Column) -> str:
        if column.kind == "identifier":
            return "str"
        if column.kind == "date" and column.stored == "text" and column.date:
            return "str" if self.text or column.date.format == "%Y%m%d" else ""
        if column.notation and column.kind in NUMBERS:
            if self.text:
                return "" if is_plain(column, self.grid.decimal) else "str"
            return {"text": "str", "mixed": "object"}.get(column.stored, "")
        return "str" if column.kind == "text" and _tempting(column) else ""


def _tempting(column: Column) -> bool:
    """Return whether a reader may take a column of texts for numbers, days or truth values."""
    return all(is_tempting(str(value).strip()) for value in column.samples)


def _read_csv(plan: _Plan, name: str, form: TextFormat) -> str:
    plan.grid.decimal = decimal = _file_decimal(plan)
    before = form.skip_rows
    arguments = [repr(name)]
    if form.delimiter != ",":
        arguments.append(f"sep={form.delimiter!r}")
    if form.encoding.lower().replace("_", "-") not in ("utf-8", "ascii"):
        arguments.append(f"encoding={form.encoding!r}")
    if form.quotechar not in ('"', ""):
        arguments.append(f"quotechar={form.quotechar!r}")
    arguments += _rows(plan, before)
    if not plan.whole_width:
        arguments.append(f"usecols=range({plan.left}, {plan.right + 1})")
    if "," in (decimal, form.decimal):  # where nothing is said, kernels look for it
        arguments.append(f'decimal="{decimal or "."}"')
    if thousands := _file_thousands(plan, decimal):
        arguments.append(f"thousands={thousands!r}")
    arguments += _dtype(plan)
    arguments += [*plan.missing(), "skip_blank_lines=False"]
    return _call("pd.read_csv", arguments)


def _read_json(plan: _Plan, name: str, code: JsonCode) -> str:
    """Return the reading of records as they are: pandas.read_json makes 1 of the text 001."""
    text = f"Path({name!r}).read_text(encoding={code.encoding!r})"
    if code.lines:
        lines = f'{text}.split("\\n")'
        found = f"records = [json.loads(line) for line in {lines} if line.strip()]"
    else:
        found = f"records = json.loads({text}){code.path}"
    calls = [found, f"frame = pd.DataFrame({code.frame}, dtype=object)"]
    if any(name != shown for name, shown in zip(plan.described.names, code.names, strict=False)):
        calls.append(_column_names(plan))
    calls += [
        f'frame[{literal(name)}] = frame[{literal(name)}].astype("Int64")'
        for name, column in plan.columns()
        if column.kind == "integer" and 2**53 < (column.maximum or 0) < 2**63
    ]
    left_out = [row - plan.table.body_top for row in plan.skipped]
    if left_out:
        rows = [str(row) for row in left_out]
        calls.append(_wrapped("frame = frame.drop(index=[", rows, "]).reset_index(drop=True)"))
    return "\n".join(calls)


def _file_decimal(plan: _Plan) -> str:
    signs = [
        c.notation.decimal
        for c in plan.described.columns
        if c.notation and c.notation.plain and c.notation.decimal
    ]
    return max(set(signs), key=signs.count) if signs else ""


def _file_thousands(plan: _Plan, decimal: str) -> str:
    signs = {
        c.notation.thousands
        for c in plan.described.columns
        if c.notation and c.kind != "date" and is_plain(c, decimal) and c.notation.thousands
    }
    return signs.pop() if len(signs) == 1 else ""


def _read_excel(plan: _Plan, name: str, sheet: str, sheets: int) -> str:
    arguments = [repr(name)]
    if sheets > 1:
        arguments.append(f"sheet_name={sheet!r}")
    arguments += _rows(plan, 0)
    if not plan.whole_width and not plan.several:
        arguments.append(f'usecols="{column_letters(plan.left)}:{column_letters(plan.right)}"')
    arguments += ["dtype=object"] if plan.as_objects else _dtype(plan)
    arguments += plan.missing()
    call = _call("pd.read_excel", arguments)
    if plan.several and not plan.whole_width:
        call += f"\nframe = frame.iloc[:, {plan.left}:{plan.right + 1}]"
    if plan.named:
        call += "\n" + _column_names(plan)
    if plan.cut:
        call += f"\nframe = frame.head({plan.read_rows})"
    return call


def _column_names(plan: _Plan) -> str:
    return _wrapped("frame.columns = [", [literal(name) for name in plan.described.names], "]")


def _rows(plan: _Plan, before: int) -> list[str]:
    """Return the arguments that pick the rows: header, rows to skip, and how many to read."""
    table = plan.table
    shift = before  # lines of the file before the first row of the sheet
    skipped = [row + shift for row in plan.skipped]
    found = []
    if not table.header_rows or (plan.named and plan.text):
        found.append("header=None")
        skipped = [*range(table.body_top + shift), *skipped]
        if table.header_rows:
            found.append(_wrapped("names=[", [literal(n) for n in plan.described.names], "]"))
    elif plan.several:
        found.append(f"header={list(table.header_rows)}")
    elif table.header_rows[0] or before:
        found.append(f"header={table.header_rows[0]}")
        skipped = [*range(before), *skipped]
    if skipped == list(range(len(skipped))) and skipped:
        found.append(f"skiprows={len(skipped)}")
    elif skipped:
        found.append(_wrapped("skiprows=[", [str(row) for row in skipped], "]"))
    if not plan.to_the_end and not plan.cut:
        found.append(f"nrows={plan.read_rows}")
    return found


def _dtype(plan: _Plan) -> list[str]:
    types = plan.types()
    if not types:
        return []
    return [_wrapped("dtype={", [f"{name}: {kind}" for name, kind in types.items()], "}")]


def _after(plan: _Plan, *, from_1904: bool) -> list[str]:
    """Return the lines that turn texts and serial numbers into what they stand for."""
    lines: list[str] = []
    if plan.dropped:  # by their places, which count blank rows too
        rows = [str(row) for row in plan.dropped]
        lines.append(_wrapped("frame = frame.drop(index=[", rows, "], errors='ignore')"))
        lines.append("frame = frame.reset_index(drop=True)")
    if plan.drops_blanks:
        lines.append('frame = frame.dropna(how="all", ignore_index=True)')
    if plan.by_text is not None:
        lines += totals_lines(plan.described, plan.by_text)
    if plan.table.sections is not None:
        name = literal(plan.described.names[plan.table.sections.column - plan.left])
        lines.append(
            f"frame[{name}] = frame[{name}].ffill()  # heads of sections name the rows below"
        )
        lines.append(
            f'frame = frame.dropna(how="all", subset=frame.columns.drop({name}), ignore_index=True)'
        )
    targets = [(f"frame[{literal(name)}]", column) for name, column in plan.columns()]
    if not plan.text:
        lines += [
            line
            for target, c in targets
            if (line := identifier_line(target, c, as_objects=plan.as_objects))
        ]
    if plan.as_objects or plan.dropped or plan.by_text is not None:
        lines.append("frame = frame.infer_objects()")
    if plan.by_text is not None:
        lines += whole_number_lines(plan.described)
    for target, column in targets:
        if plan.grid.zero_formulas and column.kind == "formula":
            lines.append(f'{target} = float("nan")  # never calculated')
        if column.merged_down:
            lines.append(f"{target} = {target}.ffill()  # merged cells")
        line = conversion_line(
            target, column, text=plan.text, decimal=plan.grid.decimal, from_1904=from_1904
        )
        if line:
            lines.append(line)
    return lines


def _notes(described: Described) -> list[str]:
    """Return comments on the rows that are left out."""
    table, lines = described.table, []
    if table.totals:
        shown = ", ".join(str(total.row + 1) for total in table.totals[:40])
        more = f" and {len(table.totals) - 40} more" if len(table.totals) > 40 else ""
        lines.append(f"# left out: total rows {shown}{more} of the sheet")
    for name, column in zip(described.names, described.columns, strict=True):
        if column.errors and len(lines) < 12:
            shown = ", ".join(f"{count} {error}" for error, count in column.errors.items())
            lines.append(f"# error cells of {literal(name)} are read as blank: {shown}")
        if column.uncalculated and len(lines) < 12:
            read = "0, which is no result" if described.grid.zero_formulas else "blank"
            lines.append(
                f"# {column.uncalculated} formulas of {literal(name)} have no value: {read}"
            )
    if table.repeated_headers:
        lines.append(f"# left out: {len(table.repeated_headers)} repeated header rows")
    return lines


def _call(function: str, arguments: list[str]) -> str:
    one_line = f"frame = {function}({', '.join(arguments)})"
    if len(one_line) <= WIDTH and "\n" not in one_line:
        return one_line
    inner = ",\n".join(textwrap.indent(argument, "    ") for argument in arguments)
    return f"frame = {function}(\n{inner},\n)"


def _wrapped(opening: str, items: Sequence[str], closing: str) -> str:
    one_line = opening + ", ".join(items) + closing
    if len(one_line) <= WIDTH - 8:
        return one_line
    lines, line = [], ""
    for item in items:
        if line and len(line) + len(item) + 2 > WIDTH - 8:
            lines.append(line.rstrip())
            line = ""
        line += f"{item}, "
    lines.append(line.rstrip())
    return "\n".join([opening, *(f"    {line}" for line in lines), closing])
