"""What must hold of an answer and of the workbooks that were written."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from openpyxl import Workbook, load_workbook

from benchmarks.prompts.task import Check, Outcome

CENT = 0.0051
NUMBER = re.compile(r"\d(?:[\d,]*\d)?(?:\.\d+)?")


def says(*values: float | Decimal) -> Check:
    """Return the check that the answer has each of *values*, to the cent, whatever its sign."""

    def check(outcome: Outcome) -> str:
        found = [float(each.replace(",", "")) for each in NUMBER.findall(outcome.answer)]
        missing = [v for v in values if not any(abs(n - abs(float(v))) < CENT for n in found)]
        return f"the answer lacks {missing}: {outcome.answer!r}" if missing else ""

    return check


def mentions(*words: str) -> Check:
    """Return the check that the answer has each of *words*; ``a|b`` stands for either."""

    def check(outcome: Outcome) -> str:
        text = outcome.answer.lower()
        missing = [w for w in words if not any(each.lower() in text for each in w.split("|"))]
        return f"the answer lacks {missing}: {outcome.answer!r}" if missing else ""

    return check


def ran(*, cells: bool) -> Check:
    """Return the check that code was run, or that none was."""

    def check(outcome: Outcome) -> str:
        ran = bool(outcome.of_kind("cell.started"))
        return "" if ran is cells else f"code was {'run' if ran else 'not run'}"

    return check


def parameter(value: Any) -> Check:
    """Return the check that *value* of the request is a parameter of the notebook."""

    def check(outcome: Outcome) -> str:
        given = [v for g in outcome.of_kind("code.generated") for v in g["parameters"].values()]
        return "" if value in given else f"{value} is no parameter, but {given}"

    return check


def rows(
    file: str, columns: Sequence[str], expected: Sequence[Sequence[Any]], *, ordered: bool = False
) -> Check:
    """Return the check that a sheet of *file* has *expected* below its header, in *columns*.

    Args:
        file: Its name in outputs/.
        columns: Headers, in whatever order; the sheet may have others beside them.
        expected: The rows' values in these columns.
        ordered: Whether their order counts.
    """

    def check(outcome: Outcome) -> str:
        book = _book(outcome, file)
        if isinstance(book, str):
            return book
        wanted = [tuple(map(_plain, row)) for row in expected]
        why = f"no sheet of {file} has the columns {list(columns)}"
        for sheet in book:
            lines = [list(row) for row in sheet.iter_rows(values_only=True)]
            header = next((n for n, line in enumerate(lines) if set(columns) <= set(line)), None)
            if header is None:
                continue
            places = [lines[header].index(name) for name in columns]
            found = [tuple(_plain(line[at]) for at in places) for line in lines[header + 1 :]]
            found = [row for row in found if any(value is not None for value in row)]
            if (found if ordered else _sorted(found)) == (wanted if ordered else _sorted(wanted)):
                return ""
            why = (
                f"{file} has {len(found)} rows, {found[:2]} …; right {len(wanted)}, {wanted[:2]} …"
            )
        return why

    return check


def cells(file: str, sheet: str, expected: Mapping[str, Any]) -> Check:
    """Return the check that cells of *file* hold what is expected, a formula as text with =."""

    def check(outcome: Outcome) -> str:
        book = _book(outcome, file)
        if isinstance(book, str):
            return book
        if sheet not in book.sheetnames:
            return f"{file} has no sheet {sheet!r}"
        for place, value in expected.items():
            found = book[sheet][place].value
            if _formula(found) != _formula(value):
                return f"{file} {sheet}!{place} holds {found!r}, not {value!r}"
        return ""

    return check


def formats(file: str, sheet: str, expected: Mapping[str, str]) -> Check:
    """Return the check that cells of *file* have these number formats."""

    def check(outcome: Outcome) -> str:
        book = _book(outcome, file)
        if isinstance(book, str):
            return book
        found = {place: book[sheet][place].number_format for place in expected}
        return "" if found == dict(expected) else f"number formats are {found}, not {expected}"

    return check


def _formula(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("="):
        return value.replace(" ", "").replace("$", "").upper()
    return _plain(value)


def _book(outcome: Outcome, file: str) -> Workbook | str:
    path = outcome.outputs / file
    if not path.is_file():
        return f"there is no outputs/{file}"
    return load_workbook(path)


def _plain(value: Any) -> Any:
    """Return *value* as it is compared: numbers to the cent, days as days, texts stripped."""
    if isinstance(value, datetime.datetime):
        return value.date()
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return round(float(value), 2)
    return value.strip() if isinstance(value, str) else value


def _sorted(found: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(found, key=lambda row: [str(value) for value in row])
