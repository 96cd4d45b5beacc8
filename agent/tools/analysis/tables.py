"""The table that an analysis is about: the code that loads it, its columns and their kinds."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agent.context.profiler import Profile
from agent.repair.nearest import nearest
from agent.tools.analysis.arguments import TableSource
from agent.tools.tool import Reach, ToolFailed
from notebooks.workbooks.profile.cells import literal

NUMBERS = frozenset({"integer", "number", "currency", "percent", "float", "int", "bool"})
DATES = frozenset({"date", "datetime64"})
MOST_NAMED = 40


@dataclass(frozen=True, slots=True)
class Table:
    """A table that code can use.

    Attributes:
        place: Where it is, for messages.
        code: Loads it into `variable`; empty if it is there already.
        variable: Its name in code.
        columns: Column as text → its name as code, such as ``"'Net  Amount'"`` or ``"2023"``.
        kinds: Column as text → its kind in the profile, or the start of its dtype.
        largest: Column as text → the largest of its numbers, where known.
        more: It has further columns, whose names are not known here.
        first_row: The row of the sheet that its first row is, where all follow each other.
    """

    place: str
    code: str
    variable: str
    columns: Mapping[str, str]
    kinds: Mapping[str, str]
    largest: Mapping[str, float]
    more: bool = False
    first_row: int | None = None

    @property
    def may_have_numbers(self) -> bool:
        """Whether a column holds numbers, or may do so."""
        return self.more or any(kind in NUMBERS | {"object"} for kind in self.kinds.values())

    def name(self, wanted: str, holds: str = "anything") -> str:
        """Return the name of the column *wanted* as code.

        Raises:
            ToolFailed: There is no such column, or it holds something else.
        """
        code = self.columns.get(wanted)
        if code is None and self.more:
            return repr(wanted)
        if code is None:
            raise ToolFailed(f"{self.place} has no column {wanted!r}. {self._instead(wanted)}")
        kind = self.kinds[wanted]
        allowed = {"numbers": NUMBERS, "dates": DATES}.get(holds)
        if allowed is not None and kind not in allowed and kind != "object":
            fitting = [name for name in self.columns if self.kinds[name] in allowed]
            shown = ", ".join(map(repr, fitting[:MOST_NAMED])) or "none"
            raise ToolFailed(
                f"The column {wanted!r} of {self.place} holds {_words(kind)}, not {holds}. Columns "
                f"of {holds}: {shown}. If it should hold them, convert it with run_code first, and "
                "give the variable."
            )
        return code

    def _instead(self, wanted: str) -> str:
        like = nearest(wanted, self.columns)
        meant = f"Did you mean {' or '.join(map(repr, like))}? " if like else ""
        shown = ", ".join(map(repr, list(self.columns)[:MOST_NAMED]))
        return f"{meant}It has: {shown}."


def _words(kind: str) -> str:
    words = {"mixed": "values of several types", "str": "text", "identifier": "identifiers"}
    return words.get(kind, kind)


async def find_table(
    source: TableSource,
    reach: Reach,
    variables: Sequence[Mapping[str, Any]],
    variable: str = "",
    *,
    as_kept: bool = False,
) -> Table:
    """Return the table that *source* names.

    Args:
        source: The model's words.
        reach: The files.
        variables: What the kernel holds.
        variable: What the table is to be called in code; empty for its own name, or ``frame``.
        as_kept: Load a file's values as they are kept, numbers and dates in texts as texts.

    Raises:
        ToolFailed: There is none, or several could be meant.
    """
    if source.variable:
        found = _of_variable(source.variable, variables)
        if not variable:
            return found
        return replace(found, code=f"{variable} = {found.variable}", variable=variable)
    file = reach.file(source.file)
    profile = await reach.profiler.profile(reach.workspace, file)
    if profile is None:
        raise ToolFailed(f"{file.name!r} holds no table.")
    if problem := profile.get("problem"):
        raise ToolFailed(f"{file.name!r} can't be read: {problem['message']}")
    return _of_file(source, file.name, profile, variable or "frame", as_kept=as_kept)


def _of_variable(name: str, variables: Sequence[Mapping[str, Any]]) -> Table:
    frames = {each["name"]: each for each in variables if each.get("columns") is not None}
    found = frames.get(name)
    if found is None or not name.isidentifier():
        like = nearest(name, frames)
        meant = f"Did you mean {' or '.join(map(repr, like))}? " if like else ""
        shown = ", ".join(map(repr, list(frames)[:MOST_NAMED])) or "none"
        raise ToolFailed(f"No variable {name!r} holds a DataFrame. {meant}There are: {shown}.")
    columns = {each: repr(each) for each in found["columns"]}
    kinds = {
        each: _dtype(dtype) for each, dtype in zip(found["columns"], found["dtypes"], strict=True)
    }
    more = found["shape"][1] > len(columns)
    return Table(f"The DataFrame {name!r}", "", name, columns, kinds, {}, more=more)


def _dtype(text: str) -> str:
    for start in ("datetime64", "float", "int", "uint", "bool", "str"):
        if text.lower().startswith(start):
            return {"uint": "int"}.get(start, start)
    return "text" if text.startswith(("string", "category")) else "object"


def _of_file(
    source: TableSource, name: str, profile: Profile, variable: str, *, as_kept: bool
) -> Table:
    sheet = _sheet(source, name, profile)
    tables = sheet["tables"]
    if source.number > len(tables) or (not source.number and len(tables) > 1):
        shown = "; ".join(
            f"{at}: {table['range']} with {', '.join(c['name'] for c in table['columns'][:4])}"
            for at, table in enumerate(tables[:MOST_NAMED], 1)
        )
        raise ToolFailed(
            f"Sheet {sheet['name']!r} of {name!r} has tables {shown}. Give its number."
        )
    table = tables[(source.number or 1) - 1]
    found = {_as_text(column["name"]): column for column in table["columns"]}
    recipe = _without_conversions(table["recipe"]) if as_kept else table["recipe"]
    code = recipe.rstrip("\n")
    if variable != "frame":
        code += f"\n{variable} = frame"
    return Table(
        f"Sheet {sheet['name']!r} of {name!r}",
        code,
        variable,
        {text: column["name"] for text, column in found.items()},
        {text: column["kind"] for text, column in found.items()},
        {
            text: column["max"]
            for text, column in found.items()
            if isinstance(column.get("max"), int | float)
        },
        first_row=_first_row(table),
    )


def _without_conversions(recipe: str) -> str:
    """Return a recipe without the lines that give columns of its frame other values."""
    lines = recipe.splitlines()
    for node in ast.parse(recipe).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            last = node.end_lineno or node.lineno
            lines[node.lineno - 1 : last] = [""] * (last - node.lineno + 1)
    return "\n".join(line for at, line in enumerate(lines) if line or at < 2 or lines[at - 1])


def _sheet(source: TableSource, name: str, profile: Profile) -> Mapping[str, Any]:
    sheets = [each for each in profile["sheets"] if each.get("tables")]
    if source.sheet:
        sheets = [each for each in sheets if each["name"] == source.sheet]
    elif len(sheets) > 1:
        sheets = [each for each in sheets if each.get("visible", "visible") == "visible"] or sheets
    if len(sheets) == 1:
        found: Mapping[str, Any] = sheets[0]
        return found
    known = [each["name"] for each in profile["sheets"] if each.get("tables")]
    shown = ", ".join(map(repr, known[:MOST_NAMED])) or "none"
    what = f"no sheet {source.sheet!r} with a table" if source.sheet else "several sheets"
    raise ToolFailed(f"{name!r} has {what}: its sheets with tables are {shown}. Give the sheet.")


def _as_text(code: str) -> str:
    """Return a column's name as a model writes it: ``'Sales'`` as Sales, a date as YYYY-MM-DD."""
    try:
        value = ast.literal_eval(code)
    except (ValueError, SyntaxError):
        if code.startswith("datetime("):
            parts = [int(part) for part in code[9:-1].split(",")]
            return "-".join([f"{parts[0]:04}", *(f"{part:02}" for part in parts[1:3])])
        return code
    return value if isinstance(value, str) else literal(value)


def _first_row(table: Mapping[str, Any]) -> int | None:
    first, last, rows = table["first_data_row"], table["last_row"], table["data_rows"]
    totals = [each["row"] for each in table.get("totals", ())]
    whole = last - first + 1 == rows + len(totals) and all(row >= first + rows for row in totals)
    return first if whole else None
