"""Render the model's input: pure functions from values to text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

MAX_VARIABLES = 40
MAX_EARLIER_CELLS = 8
MAX_CELL_TEXT = 1_500
MAX_OUTPUT_TEXT = 6_000


def system_prompt() -> str:
    """Return the system instruction."""
    return (resources.files("agent.prompts") / "system.md").read_text(encoding="utf-8")


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
