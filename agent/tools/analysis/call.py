"""One call of ``run_analysis``: its arguments checked, its code written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from agent.ports import ToolCall, ToolDeclaration
from agent.repair.nearest import nearest
from agent.tools.analysis import arguments as of
from agent.tools.analysis import comparing, describing, money, rules
from agent.tools.analysis.arguments import Analysis, Holds, TableSource
from agent.tools.analysis.declared import COMMON, details, signature
from agent.tools.analysis.tables import Table, find_table
from agent.tools.analysis.written import Places, Written
from agent.tools.tool import Reach, ToolFailed

NAME = "run_analysis"


@dataclass(frozen=True, slots=True)
class Kind:
    """An analysis.

    Attributes:
        arguments: The model of its arguments.
        write: Writes its code.
        needs: What has to be given of the arguments that may be left out, with | for alternatives.
    """

    arguments: type[Analysis]
    write: Callable[[Any, Places], Written]
    needs: str = ""


FLOWS = "flows | table and value"
KINDS: Mapping[str, Kind] = {
    "data_quality": Kind(of.DataQuality, describing.data_quality),
    "summary_statistics": Kind(of.SummaryStatistics, describing.summary_statistics),
    "outliers": Kind(of.Outliers, describing.outliers),
    "trend": Kind(of.Trend, describing.trend),
    "reconciliation": Kind(of.Reconciliation, comparing.reconciliation),
    "variance": Kind(of.Variance, comparing.variance),
    "cash_flow": Kind(of.CashFlow, comparing.cash_flow, "value | inflow and outflow"),
    "npv": Kind(of.Npv, money.npv, FLOWS),
    "irr": Kind(of.Irr, money.irr, FLOWS),
    "xirr": Kind(of.Xirr, money.xirr, "flows and days | table, value and date"),
    "loan_schedule": Kind(of.LoanSchedule, money.loan_schedule),
    "depreciation": Kind(of.Depreciation, money.depreciation),
    "tax_calculation": Kind(
        of.TaxCalculation,
        rules.tax_calculation,
        "amount | table and value; rate | rate_column | brackets",
    ),
    "compliance_check": Kind(of.ComplianceCheck, rules.compliance_check),
}


EXPLAIN = "explain"


def _declaration() -> ToolDeclaration:
    """Return the declaration: what all analyses take, and a line on each of them.

    All arguments with their descriptions are 11 kB, which each call of the model would carry. The
    model gets those of one analysis when it asks for them, and with a call that does not fit.
    """
    lines = [signature(name, kind.arguments, kind.needs) for name, kind in KINDS.items()]
    words = (
        "Run a usual analysis of finance: it writes the code, with the table's recipe, and runs it "
        "as a cell. Use it rather than own code where it fits. ? marks what may be "
        "left out, | alternatives; rates are fractions (0.08 is 8 %), days YYYY-MM-DD, money paid "
        "negative; other is as table. Analyses:\n"
    )
    return ToolDeclaration(NAME, words + "\n".join(lines), COMMON)


RUN_ANALYSIS = _declaration()


def explained(call: ToolCall) -> str:
    """Return the arguments of the analysis that *call* asks to have explained, else nothing."""
    kind = KINDS.get(str(call.arguments.get("analysis")))
    if kind is None or call.arguments.get(EXPLAIN) is not True:
        return ""
    return details(kind.arguments)


async def analysis_code(
    call: ToolCall, reach: Reach, variables: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the code of the analysis that *call* asks for.

    Args:
        call: The model's call.
        reach: The path's files.
        variables: What its kernel holds.

    Returns:
        ``code`` and ``parameters``, as arguments of ``run_code``.

    Raises:
        ToolFailed: The arguments don't fit, or the files; the message says which and what would.
        ContainerError: The file could not be read.
    """
    given = dict(call.arguments)
    name = given.pop("analysis", None)
    given.pop(EXPLAIN, None)
    given = _with_options(given)
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        like = nearest(name, KINDS) if isinstance(name, str) else []
        meant = f"Did you mean {' or '.join(like)}? " if like else ""
        raise ToolFailed(f"There is no analysis {name!r}. {meant}There are: {', '.join(KINDS)}.")
    asked = _checked(str(name), kind, given)
    several = hasattr(asked, "other")
    table = await _table(asked, "table", reach, variables, "one_frame" if several else "")
    other = await _table(asked, "other", reach, variables, "other_frame")
    tables = [each for each in (table, other) if each is not None]
    written = kind.write(asked, Places(tables, _columns(asked, table, other)))
    code = _whole(str(name), written, tables, asked.save_as)
    return {"code": code, "parameters": dict(written.parameters)}


def _with_options(given: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments with those of ``options`` beside the others.

    Raises:
        ToolFailed: One is in both.
    """
    options = given.pop("options", None) or {}
    if not isinstance(options, Mapping):
        raise ToolFailed("options must be an object: the name of each argument to its value.")
    if twice := sorted(set(given) & set(options)):
        raise ToolFailed(f"{twice[0]} is given twice, also in options.")
    return {**given, **options}


def _checked(name: str, kind: Kind, given: Mapping[str, Any]) -> Analysis:
    known = [each.alias or field for field, each in kind.arguments.model_fields.items()]
    try:
        return kind.arguments.model_validate(given)
    except ValidationError as error:
        faults = []
        for each in error.errors()[:5]:
            where = ".".join(map(str, each["loc"]))
            words = str(each["msg"]).removeprefix("Value error, ")
            if each["type"] == "extra_forbidden" and len(each["loc"]) == 1:
                like = nearest(where, known)
                words = f"{name} has no such argument" + (
                    f"; did you mean {' or '.join(like)}?" if like else ""
                )
            faults.append(f"{where}: {words}" if where else words)
    takes = details(kind.arguments)
    why = "; ".join(faults)
    raise ToolFailed(f"The arguments of {name} don't fit: {why}. It takes:\n{takes}")


async def _table(
    asked: Analysis,
    field: str,
    reach: Reach,
    variables: Sequence[Mapping[str, Any]],
    variable: str,
) -> Table | None:
    source = getattr(asked, field, None)
    if not isinstance(source, TableSource):
        return None
    as_kept = isinstance(asked, of.DataQuality)  # a recipe mends what it is to find
    return await find_table(source, reach, variables, variable, as_kept=as_kept)


def _columns(asked: Analysis, table: Table | None, other: Table | None) -> dict[str, list[str]]:
    """Return the columns that the arguments name, as code.

    Raises:
        ToolFailed: A table has no such column.
    """
    found: dict[str, list[str]] = {}
    for argument, field in type(asked).model_fields.items():
        holds = next((each for each in field.metadata if isinstance(each, Holds)), None)
        value = getattr(asked, argument)
        if holds is None or not value:
            continue
        owner = other if argument.startswith("other_") else table
        if owner is None:
            raise ToolFailed(f"{argument} names a column, but no table is given.")
        wanted = [value] if isinstance(value, str) else value
        found[argument] = [owner.name(each, holds.kind) for each in wanted]
    if other is not None:  # where it has no names of its own, it has the same
        for argument in ("key", "value"):
            names, holds_numbers = found.get(argument, []), argument == "value"
            if f"other_{argument}" not in found and names:
                value = getattr(asked, argument)
                wanted = [value] if isinstance(value, str) else value
                kind = "numbers" if holds_numbers else "anything"
                found[f"other_{argument}"] = [other.name(each, kind) for each in wanted]
    return found


def _whole(name: str, written: Written, tables: Sequence[Table], save_as: str) -> str:
    """Return the cell: what it is, imports, tables, the analysis, and its result as last line."""
    loading = []
    for table in sorted(tables, key=lambda each: "\n" in each.code):  # recipes assign `frame`
        code = table.code
        if code and table.first_row is not None and table.variable == "frame":
            code += (
                f"\nframe.index = range({table.first_row}, {table.first_row} + len(frame))"
                "  # rows of the sheet"
            )
        loading += [code] if code else []
    text = "\n\n".join(loading)
    imports = [line for line in written.imports if not re.search(rf"^{line}$", text, re.M)]
    title = name.replace("_", " ").capitalize()
    places = " and ".join(table.place[0].lower() + table.place[1:] for table in tables)
    head = f"# {title}" + (f" of {places}" if places else "")
    parts = [head + ("\n" + "\n".join(imports) if imports else ""), text, written.body]
    code = "\n\n".join(part for part in parts if part)
    if save_as:
        way = "to_csv" if save_as.endswith(".csv") else "to_excel"
        code += f"\n{written.result}.{way}({f'outputs/{save_as}'!r}, index=False)"
    return f"{code}\n{written.result}\n"
