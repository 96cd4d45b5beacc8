"""A trace in words, line by line. Names and values come from files: they are quoted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from notebooks.lineage.trace import Input, Trace

MOST_RANGES, MOST_SHOWN, MOST_CODE_LINES = 12, 60, 40
VALUE = "value"


def words(found: Trace) -> list[str]:
    """Return the trace in words: the cell, the code, the variables, the inputs, the rows."""
    writer = found.writer
    lines = [f"{place_of(found)} in {quoted(found.file)}"]
    if found.origin:
        lines[0] += f" = {shown(found.origin.get('value'))}"
    by = f"written by {writer.model}" if writer.model else "sent by a user"
    lines.append(f"written by cell {writer.number} ({writer.id}), code {by}, {writer.started}")
    if writer.request:
        lines.append(f"asked for: {quoted(writer.request, 200)}")
    lines.append("code on the way:")
    lines += [f"  {line}" for line in _code_lines(found)]
    if found.variables:
        lines.append(f"variables on the way: {', '.join(found.variables[:MOST_SHOWN])}")
    lines += [f"read: {line}" for line in map(_input, found.inputs)]
    if found.origin:
        lines += _origin(found.origin, 0)
    lines += [f"note: {note}" for note in found.notes]
    return lines


def place_of(found: Trace) -> str:
    """Return ``'Pivot'!C7``; the cell alone for a file without sheets."""
    return f"{quoted(found.sheet)}!{found.cell}" if found.sheet else found.cell


def quoted(text: str, most: int = 80) -> str:
    """Return *text* as one short line in quotes."""
    return repr(text if len(text) <= most else f"{text[:most]}…")


def shown(value: Any) -> str:
    """Return a value of a cell: ``4,210.5``, ``'North'``."""
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int | float):
        return f"{value:,}" if abs(value) < 1e15 else repr(value)
    return quoted(str(value))


def _code_lines(found: Trace) -> Iterator[str]:
    left = MOST_CODE_LINES
    for step in found.steps:
        for at, line in enumerate(step.code.splitlines()):
            if not left:
                yield "…"
                return
            left -= 1
            yield f"{f'[{step.cell}:{step.line + at}]':<9} {line}"


def _input(each: Input) -> str:
    said = where(each.file, each.sheet)
    if each.columns:
        said += f", columns {', '.join(map(quoted, each.columns[:MOST_SHOWN]))}"
    if each.written_by is not None:
        said += f" (written by cell {each.written_by})"
    return said


def where(file: str, sheet: str) -> str:
    """Return the name of a table: ``'inputs/sales.xlsx'!'Sheet1'``."""
    return f"{quoted(file)}!{quoted(sheet)}" if sheet else quoted(file)


def _origin(node: Mapping[str, Any], depth: int) -> list[str]:
    """Return what a node of the tree says, indented by its depth."""
    indent = "  " * depth
    lines = []
    if depth:
        sheet = f"{quoted(str(node.get('sheet')))}!" if node.get("sheet") else ""
        lines.append(f"{indent}{sheet}{node.get('cell')} = {shown(node.get('value'))}")
    if (setter := node.get("set_by")) and depth == 0:
        lines.append(f"set by line {setter['line']} of cell {setter['cell']}")
    kind = node.get("kind")
    if kind == "formula":
        lines.append(f"{indent}formula: ={str(node.get('formula'))[:300]}")
        for area in node.get("precedents", ()):
            cells = area["cells"]
            lines.append(
                f"{indent}reads {quoted(str(area['sheet']))}!{area['area']}"
                f" ({area['filled']} filled cells{_not_followed(area)})"
            )
            for child in cells:
                lines += _origin(child, depth + 1)
    elif kind == "rows":
        lines += [indent + line for line in rows_words(node)]
    elif kind == "constant":
        at = node["code"]
        lines.append(f"{indent}{node['reason']} Cell {at['cell']}, line {at['line']}.")
    if node.get("reason") and kind != "constant":
        lines.append(f"{indent}{node['reason']}")
    return lines


def _not_followed(area: Mapping[str, Any]) -> str:
    rest = area["filled"] - len(area["cells"])
    return f", {rest} of them not followed" if rest > 0 else ""


def rows_words(node: Mapping[str, Any]) -> list[str]:
    """Return what is said of the rows of one cell's value.

    Args:
        node: A node of kind ``rows``.
    """
    made, sources = node["computation"], node["sources"]
    checked = [each for each in sources if each.get("checked")]
    first = _computed(made)
    if where_texts := [f"{quoted(k)} = {shown(v)}" for k, v in made["where"].items()]:
        first += f", where {' and '.join(where_texts)}"
    lines = [first]
    for each in sources:
        said = f"  {where(each['file'], each['sheet'])}, {_rows(each)}"
        if each.get("columns"):
            said += f", columns {', '.join(map(quoted, each['columns'][:MOST_SHOWN]))}"
        lines.append(said)
    if checked:
        column = checked[0].get("column") or made["column"]
        what = "their number" if made["how"] == "size" else quoted(column)
        together = " of these files together" if checked[0].get("together") else ""
        lines.append(f"  checked: computed again from {what} in the rows{together}")
    elif across := made.get("across"):
        lines.append(
            f"  not checked against the file: the code computes {quoted(made['column'])} with "
            f"{', '.join(across[:5])}, over other rows as well. Which those are is not known; the "
            "row is the one that it stands beside"
        )
    else:
        lines.append(
            f"  not checked against the file: {quoted(made['column'])} is not one of its columns; "
            "the code computes it. The rows are those that the code used"
        )
    if made.get("others"):
        lines.append(f"  the same number is also: {'; '.join(made['others'])}")
    return lines


def _computed(made: Mapping[str, Any]) -> str:
    count = made["rows"]
    rows = "1 row" if count == 1 else f"{count:,} rows"
    if made["how"] == VALUE:
        said = f"value of {quoted(made['column'])} in {rows}"
    elif made["how"] == "size":
        said = f"number of {rows}"
    else:
        said = f"{made['how']} of {quoted(made['column'])} over {rows}"
    if made.get("rounded") is not None:
        said += f", rounded to {made['rounded']} digits"
    return said


def _rows(source: Mapping[str, Any]) -> str:
    count = source["count"]
    noun = "1 row" if count == 1 else f"{count:,} rows"
    ranges: Sequence[Sequence[int]] | None = source.get("rows")
    if ranges is None:
        return f"{noun} (their numbers in the file are not known)"
    texts = [str(a) if a == b else f"{a}-{b}" for a, b in ranges[:MOST_RANGES]]
    more = ", …" if len(ranges) > MOST_RANGES else ""
    return f"{noun}: {', '.join(texts)}{more}"
