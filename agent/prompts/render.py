"""Render the model's input: pure functions from values to text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

MAX_PROFILE_COLUMNS = 60
MAX_VARIABLES = 40
MAX_EARLIER_CELLS = 8
MAX_CELL_TEXT = 1_500
MAX_OUTPUT_TEXT = 6_000


def system_prompt() -> str:
    """Return the system instruction."""
    return (resources.files("agent.prompts") / "system.md").read_text(encoding="utf-8")


def render_profile(name: str, profile: Mapping[str, Any]) -> str:
    """Describe one uploaded file for the model."""
    if problem := profile.get("problem"):
        return f"File {name}: can't be read as a workbook. {problem['message']}"
    lines = [f"File {name}:"]
    for sheet in profile["sheets"]:
        lines += _render_sheet(sheet)
    for table in profile.get("tables", ()):
        columns = ", ".join(table["columns"])
        where = table.get("range", "")
        lines.append(f"  Excel table {table['name']} on {table['sheet']} {where}: {columns}")
    for name_ in profile.get("defined_names", ()):
        lines.append(f"  Defined name {name_['name']} = {name_['refers_to']}")
    return "\n".join(lines)


def _render_sheet(sheet: Mapping[str, Any]) -> list[str]:
    hidden = "" if sheet["visible"] == "Visible" else f" ({sheet['visible'].lower()})"
    if "rows" not in sheet:
        return [f"  Sheet {sheet['name']!r}{hidden}: {sheet['kind']}, no cells"]
    size = f"{sheet['rows']} rows x {sheet.get('columns_used', len(sheet['columns']))} columns"
    lines = [f"  Sheet {sheet['name']!r}{hidden}: {size}"]
    if not sheet.get("header_row"):
        shown = json.dumps(sheet.get("first_rows", []), ensure_ascii=False)
        return [*lines, f"    no header row found; first rows: {shown}"]
    header = f"    header in row {sheet['header_row']}, {sheet.get('data_rows', '?')} data rows"
    if titles := sheet.get("title_rows"):
        header += f"; title above it: {' / '.join(titles[:3])}"
    lines.append(header)
    for column in sheet["columns"][:MAX_PROFILE_COLUMNS]:
        samples = ", ".join(column["samples"])
        blanks = f", {column['blanks']} blank" if column["blanks"] else ""
        lines.append(
            f"    {column['letter']} {column['name']!r}: {column['type']}{blanks}; e.g. {samples}"
        )
    if more := max(0, len(sheet["columns"]) - MAX_PROFILE_COLUMNS) + sheet.get("more_columns", 0):
        lines.append(f"    and {more} more columns")
    for row in sheet.get("totals_rows", ()):
        lines.append(f"    totals row at the end: {' | '.join(row)}")
    if merged := sheet.get("merged"):
        lines.append(f"    merged cells: {', '.join(merged[:10])}")
    return lines


def render_variables(variables: Sequence[Mapping[str, Any]]) -> str:
    """Render the live variables, one line each."""
    lines = []
    for variable in variables[:MAX_VARIABLES]:
        facts = [str(variable["type"])]
        if shape := variable.get("shape"):
            facts.append("x".join(str(n) for n in shape))
        if columns := variable.get("columns"):
            facts.append("columns " + ", ".join(str(c) for c in columns))
        if "preview" in variable:
            facts.append(str(variable["preview"]))
        lines.append(f"  {variable['name']}: {'; '.join(facts)}")
    return "\n".join(lines)


def render_earlier_cells(cells: Sequence[Mapping[str, Any]]) -> str:
    """Render the notebook's last cells with their outcomes."""
    parts = []
    for cell in cells[-MAX_EARLIER_CELLS:]:
        parts.append(f"  # {cell['status']}\n{_indent(clip(str(cell['source']), MAX_CELL_TEXT))}")
    return "\n".join(parts)


def render_output(outputs: Sequence[Mapping[str, Any]]) -> str:
    """Render a cell's outputs as the text that the model receives."""
    parts = []
    for output in outputs:
        kind = output["output_type"]
        if kind == "stream":
            parts.append(_joined(output["text"]))
        elif kind == "error":
            parts.append(f"{output['ename']}: {output['evalue']}")
        else:
            data = output["data"]
            images = [mime for mime in data if mime.startswith("image/")]
            parts.append(f"[{images[0]} shown]" if images else _joined(data.get("text/plain", "")))
    return clip("\n".join(part.rstrip("\n") for part in parts if part), MAX_OUTPUT_TEXT)


def _joined(text: Any) -> str:
    return "".join(text) if isinstance(text, list) else str(text)


def clip(text: str, limit: int) -> str:
    """Shorten a long *text* in the middle, and say how many characters were left out."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"


def _indent(text: str) -> str:
    return "\n".join("  " + line for line in text.splitlines())
