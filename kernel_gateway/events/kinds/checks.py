"""Events of what was checked: workbooks, results, answers, and what leaves the kernel."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kernel_gateway.events.kinds.base import EventData


class CheckFinding(EventData):
    """One thing that is wrong with a written workbook."""

    code: str
    message: str
    hint: str
    count: int


class CountedCells(EventData):
    """Formula cells of one kind."""

    count: int
    cells: list[str] = Field(description="The first of them, as `Sheet!A1`.")


class KeptValues(CountedCells):
    """Formula cells that keep their stored value: nothing that they depend on has changed."""

    original: str = Field(description="The upload that has the values.")


class ComputedFormulas(EventData):
    """The formulas of a workbook were computed, and their values stored in it."""

    message: str = Field(description="All of it in one line.")
    problem: str | None = Field(None, description="Why nothing was computed.")
    formulas: int | None = None
    computed: int | None = Field(None, description="Those that were computed.")
    kept: KeptValues | None = Field(
        None, description="Those that can't be computed, and keep the value stored in an upload."
    )
    errors: dict[str, CountedCells] | None = Field(None, description="By error, as `#REF!`.")
    without_value: dict[str, CountedCells] | None = Field(None, description="By reason.")
    cells: dict[str, bool | int | float | str] | None = Field(
        None,
        description="Up to 40 cells with their values: errors first, then those of the "
        "last rows, in order. Dates are texts.",
    )


class WorkbookChecked(EventData):
    """A workbook that a cell has written was checked."""

    cell: str
    name: str
    findings: list[CheckFinding] = Field(description="Empty if nothing is wrong.")
    computed: ComputedFormulas | None = Field(
        None, description="If the cell wrote formulas without values."
    )


class TiedTable(EventData):
    """A table that was read or written."""

    file: str
    sheet: str
    rows: int | None
    total_rows: int


class RowsLeftOut(EventData):
    """Rows that a step of the code left out."""

    rows: int | None = Field(description="Empty if they were not counted alone.")
    why: str
    line: int
    cell: str


class TiedSum(EventData):
    """The sum of one column, before and after."""

    name: str
    before: float
    after: float
    ties: bool | None
    why: str


class ResultChecked(EventData):
    """What a cell has written was tied out against what was read."""

    cell: str
    status: Literal["tied-out", "suspicious", "not-tied-out"]
    line: str = Field(description="All of it in one line.")
    read: list[TiedTable] = Field(description="Rows, total rows included.")
    written: list[TiedTable]
    left_out: list[RowsLeftOut]
    sums: list[TiedSum] = Field(description="The most relevant columns first.")
    findings: list[CheckFinding] = Field(description="What is suspicious.")
    why: str = Field(description="Why it is not tied out.")


class EgressFinding(EventData):
    """Something that was found on its way out; its value is nowhere."""

    kind: Literal["secret", "card", "iban", "national-id", "email", "phone"]
    rule: str
    action: Literal["warn", "redact", "block"]
    count: int


class OutputRedacted(EventData):
    """What leaves the kernel held something that a policy names."""

    towards: Literal["model", "client"]
    findings: list[EgressFinding]
    cell: str | None = Field(None, description="The cell that showed it, towards clients.")


class Contradicted(EventData):
    """Something that an answer says, and the fact that says otherwise."""

    claim: str
    fact: str


class AnswerChecked(EventData):
    """An answer says what nothing bears out."""

    contradicted: list[Contradicted] = Field(description="By checks and tie-outs.")
    not_from_a_result: list[str] = Field(
        description="Numbers that no output, file, request or code has, as the answer writes them."
    )
    stopped: bool = Field(
        description="The model answers again; else this is said below the answer."
    )
