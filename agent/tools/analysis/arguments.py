"""The arguments of each analysis: the one source of the schema and of the check of a call."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_COLUMNS = 40
MOST_FLOWS = 1_000
"""What a parameter may hold; longer series come from a table."""


@dataclass(frozen=True, slots=True)
class Holds:
    """Marks an argument that names columns of a table: what these have to hold."""

    kind: Literal["anything", "numbers", "dates"]


Name = Annotated[str, Field(max_length=500)]
Column = Annotated[str, Field(max_length=500), Holds("anything")]
NumberColumn = Annotated[str, Field(max_length=500), Holds("numbers")]
DateColumn = Annotated[str, Field(max_length=500), Holds("dates")]
Columns = Annotated[list[Name], Field(max_length=MOST_COLUMNS), Holds("anything")]
NumberColumns = Annotated[list[Name], Field(max_length=MOST_COLUMNS), Holds("numbers")]
Amount = Annotated[float, Field(ge=-1e15, le=1e15)]
Fraction = Annotated[float, Field(gt=-1, le=1, description="As a fraction: 0.08 is 8 %.")]
Flows = Annotated[
    list[Amount],
    Field(max_length=MOST_FLOWS, description="Money paid is negative, money received positive."),
]
Day = datetime.date
Every = Annotated[
    Literal["day", "week", "month", "quarter", "year"],
    Field(description="The length of a period."),
]


class Strict(BaseModel):
    """Arguments that take no others."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class TableSource(Strict):
    """A table of a file, or a DataFrame that is there already."""

    file: str = Field("", max_length=500, description="A file's name in inputs/ or outputs/.")
    sheet: str = Field("", max_length=255, description="Its sheet, where several have tables.")
    number: int = Field(
        0, ge=0, le=1000, description="Which table of the sheet, from 1, where it has several."
    )
    variable: str = Field(
        "", max_length=80, description="Instead of a file: the variable that holds the DataFrame."
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if bool(self.file) == bool(self.variable):
            raise ValueError("give either file or variable")
        return self


class Analysis(Strict):
    """What every analysis takes."""

    save_as: str = Field(
        "",
        max_length=120,
        pattern=r"^([^/\\\x00-\x1f]+\.(xlsx|csv))?$",
        description="Also write the result to outputs/ under this name, .xlsx or .csv.",
    )


class OfTable(Analysis):
    """An analysis of one table."""

    table: TableSource


class DataQuality(OfTable):
    """Blanks, repeats, mixed types, odd texts of each column."""

    key: Columns = Field(
        default_factory=list, description="Columns that together should name each row once."
    )


class SummaryStatistics(OfTable):
    """Count, sum, mean, quartiles, deviation, skewness of numeric columns."""

    columns: NumberColumns = Field(
        default_factory=list, description="Numeric columns; else all of them."
    )
    by: Columns = Field(default_factory=list, description="Columns to group by.")


class Outliers(OfTable):
    """Rows whose value is far from the others."""

    value: NumberColumn = Field(description="The column of amounts.")
    by: Columns = Field(default_factory=list, description="Columns to group by.")
    measure: Literal["iqr", "zscore", "mad"] = Field(
        "iqr", description="Distance from the quartiles, from the mean, or from the median."
    )
    limit: float | None = Field(
        None, gt=0, le=100, description="How far is too far; else 1.5 (iqr), 3 (zscore), 3.5 (mad)."
    )


class Trend(OfTable):
    """A value by period: change, growth, straight line and what it gives next."""

    value: NumberColumn = Field(description="The column of amounts.")
    date: DateColumn = Field(description="The column of dates.")
    every: Every = "month"
    by: Columns = Field(default_factory=list, description="Columns to group by.")
    how: Literal["sum", "mean", "count"] = "sum"
    ahead: int = Field(0, ge=0, le=60, description="Periods that the line is continued for.")


class Reconciliation(OfTable):
    """Two tables by key: matched, different, only in one."""

    other: TableSource = Field(description="The table that it is compared with.")
    key: Columns = Field(min_length=1, description="Columns that name each item in table.")
    other_key: Columns = Field(
        default_factory=list, description="The same in other, where they have other names."
    )
    value: NumberColumn = Field(description="The column of amounts.")
    other_value: NumberColumn = Field(
        "", description="The same in other, where it has another name."
    )
    tolerance: float = Field(
        0.005, ge=0, le=1e12, description="Differences up to it count as none; 0.005 if left out."
    )

    @model_validator(mode="after")
    def _paired(self) -> Self:
        if self.other_key and len(self.other_key) != len(self.key):
            raise ValueError("other_key needs as many columns as key, in the same order")
        return self


class Variance(OfTable):
    """Actual against budget: money, per cent, favourable or not."""

    actual: NumberColumn = Field(description="The column of what was.")
    budget: NumberColumn = Field(description="The column of what was planned, or the year before.")
    by: Columns = Field(min_length=1, description="Columns to group by.")
    better: Literal["higher", "lower"] = Field(
        "higher", description="Which is favourable; lower for a table of costs."
    )
    costs: list[Name] = Field(
        default_factory=list,
        max_length=200,
        description="Values of the first column of by for which the lower is favourable.",
    )
    limit_percent: float | None = Field(
        None, gt=0, le=1e6, description="Variances beyond it are marked."
    )


class CashFlow(OfTable):
    """Money in, out, net and balance by period."""

    date: DateColumn = Field(description="The column of dates.")
    value: NumberColumn = Field(
        "", description="The column of amounts: received positive, paid negative."
    )
    inflow: NumberColumn = Field("", description="Instead of value: the column of money received.")
    outflow: NumberColumn = Field("", description="With inflow: the column of money paid.")
    by: Columns = Field(default_factory=list, description="Columns to group by.")
    every: Every = "month"
    opening: Amount = Field(0.0, description="The balance before the first period.")

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if bool(self.value) == bool(self.inflow and self.outflow):
            raise ValueError("give either value, or inflow and outflow")
        return self


class OfFlows(Analysis):
    """An analysis of a series of flows: named here, or a table's column."""

    flows: Flows = Field(default_factory=list)
    table: TableSource | None = Field(
        None, description="Instead of flows: the table whose column value holds them, in order."
    )
    value: NumberColumn = Field("", description="The column of amounts.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.flows) == bool(self.table and self.value):
            raise ValueError("give either flows, or table and value")
        if self.flows and len(self.flows) < 2:
            raise ValueError("one flow is no series: give two or more")
        return self


class Npv(OfFlows):
    """Net present value of regular flows."""

    rate: Fraction
    first_flow: Literal["now", "after_one_period"] = Field(
        description="When the first flow is paid. Excel's NPV has after_one_period."
    )


class Irr(OfFlows):
    """Internal rate of return of regular flows."""


class Xirr(OfFlows):
    """Yearly internal rate of return of dated flows; with rate also their NPV."""

    days: list[Day] = Field(
        default_factory=list, max_length=MOST_FLOWS, description="The date of each of flows."
    )
    date: DateColumn = Field("", description="The column of dates.")
    rate: Fraction | None = Field(None, description="As a fraction: 0.08 is 8 %.")

    @model_validator(mode="after")
    def _dated(self) -> Self:
        if self.flows and len(self.days) != len(self.flows):
            raise ValueError(
                f"{len(self.flows)} flows need as many days; there are {len(self.days)}"
            )
        if self.table and not self.date:
            raise ValueError("date: name the column of dates")
        return self


class LoanSchedule(Analysis):
    """Each payment of a loan: interest, principal, balance."""

    principal: Amount = Field(gt=0, description="What is lent.")
    rate: Fraction = Field(description="A year, as a fraction: 0.08 is 8 %.", ge=0)
    payments: int = Field(ge=1, le=2_000, description="How many payments.")
    per_year: int = Field(12, description="Payments in a year: 1, 2, 4 or 12.")
    kind: Literal["annuity", "equal_principal", "bullet"] = Field(
        "annuity", description="Equal payments, equal principal, or all principal at the end."
    )
    first_payment: Day | None = Field(None, description="The date of the first payment.")
    extra: Amount = Field(0.0, ge=0, description="Principal paid beyond that, each time.")
    round_cents: bool = Field(
        default=True, description="Round interest and payments to cents, as banks do."
    )

    @model_validator(mode="after")
    def _whole_months(self) -> Self:
        if self.per_year not in (1, 2, 4, 12):
            raise ValueError(f"per_year is 1, 2, 4 or 12, not {self.per_year}")
        return self


class Depreciation(Analysis):
    """Depreciation of an asset by year."""

    cost: Amount = Field(gt=0, description="What it cost.")
    salvage: Amount = Field(0.0, ge=0, description="What it is worth at the end.")
    life: int = Field(ge=1, le=1_200, description="Years, or other periods, of use.")
    method: Literal["straight_line", "sum_of_years", "fixed_declining", "declining_balance"] = (
        Field(
            description="As Excel's SLN, SYD, DB, or DDB (VDB with switch_to_straight_line).",
        )
    )
    factor: float = Field(
        2.0, gt=0, le=20, description="Of declining_balance: 2 doubles the straight-line rate."
    )
    switch_to_straight_line: bool = Field(
        default=False, description="Of declining_balance: change over when that is more."
    )
    first_year_months: int = Field(
        12,
        ge=1,
        le=12,
        description="Months of use in the first year (straight_line, fixed_declining).",
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.salvage >= self.cost:
            raise ValueError("salvage has to be less than cost")
        return self


class Bracket(Strict):
    """A bracket of a progressive tax."""

    above: float = Field(ge=0, le=1e15, description="The amount from which it applies.")
    rate: float = Field(ge=0, le=1, description="As a fraction: 0.08 is 8 %.")


class TaxCalculation(Analysis):
    """Tax by a rate, a column of rates, or brackets."""

    amount: Amount | None = Field(None, description="The amount that is taxed.")
    table: TableSource | None = Field(
        None, description="Instead of amount: the table whose column value holds the amounts."
    )
    value: NumberColumn = Field("", description="The column of amounts.")
    rate: float | None = Field(None, ge=0, le=1, description="As a fraction: 0.08 is 8 %.")
    rate_column: NumberColumn = Field("", description="Instead of rate: the column of rates.")
    brackets: list[Bracket] = Field(
        default_factory=list, max_length=50, description="Instead of rate: rates by amount."
    )
    included: bool = Field(
        default=False, description="The amounts have the tax in them already (gross)."
    )

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if (self.amount is not None) == bool(self.table and self.value):
            raise ValueError("give either amount, or table and value")
        ways = [self.rate is not None, bool(self.rate_column), bool(self.brackets)]
        if sum(ways) != 1:
            raise ValueError("give one of rate, rate_column and brackets")
        if self.rate_column and not self.table:
            raise ValueError("rate_column needs a table")
        if self.brackets and self.included:
            raise ValueError("with brackets the amounts can't have the tax in them")
        starts = [each.above for each in self.brackets]
        if starts != sorted(set(starts)):
            raise ValueError("brackets have to be in ascending order of above")
        return self


Scalar = str | bool | float


class When(Strict):
    """A condition on a column."""

    column: Name
    is_: Literal[
        "equal", "not_equal", "above", "at_least", "below", "at_most", "filled", "blank"
    ] = Field(alias="is")
    value: Scalar | None = Field(None, description="A number, a text, or a date as YYYY-MM-DD.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.value is None) != (self.is_ in ("filled", "blank")):
            raise ValueError(f"{self.is_} takes {'a' if self.value is None else 'no'} value")
        return self


class Rule(Strict):
    """A rule that each row, or each group of rows, has to keep."""

    name: str = Field(min_length=1, max_length=200, description="What it demands, in words.")
    check: Literal["filled", "unique", "between", "one_of", "pattern", "compare", "balanced"] = (
        Field(
            description="filled, unique: columns. between: minimum, maximum. one_of: values. "
            "pattern: a regular expression. compare: columns[0] comparison columns[1]. balanced: "
            "columns[0] minus columns[1], if there is one, sums to 0 in each group of by."
        )
    )
    columns: list[Name] = Field(min_length=1, max_length=MOST_COLUMNS)
    minimum: Scalar | None = Field(None, description="A number, or a date as YYYY-MM-DD.")
    maximum: Scalar | None = Field(None, description="A number, or a date as YYYY-MM-DD.")
    values: list[Scalar] = Field(default_factory=list, max_length=1_000)
    pattern: str = Field("", max_length=500)
    comparison: Literal["==", "!=", "<", "<=", ">", ">="] | None = None
    by: list[Name] = Field(default_factory=list, max_length=MOST_COLUMNS)
    when: list[When] = Field(
        default_factory=list, max_length=10, description="It applies to rows that fit all of these."
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = {
            "between": self.minimum is not None or self.maximum is not None,
            "one_of": bool(self.values),
            "pattern": bool(self.pattern),
            "compare": self.comparison is not None and len(self.columns) == 2,
            "balanced": bool(self.by) and len(self.columns) <= 2,
        }
        if not needed.get(self.check, True):
            what = {
                "between": "minimum or maximum",
                "one_of": "values",
                "pattern": "pattern",
                "compare": "comparison and two columns",
                "balanced": "by, and one or two columns",
            }[self.check]
            raise ValueError(f"the check {self.check} needs {what}")
        return self


class ComplianceCheck(OfTable):
    """Rows that break the rules given."""

    rules: list[Rule] = Field(min_length=1, max_length=50)
