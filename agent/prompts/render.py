"""Render the model's input: pure functions from values to text."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from agent.prompts.quoting import clip_lines, escaped

MAX_VARIABLES = 40
MAX_OUTPUT_TEXT = 16_000
SEE_THE_REST = (
    "The notebook has all of it. To see more, print the part that is needed (rows, columns, a "
    "slice), or write it to a file in outputs/."
)


@functools.cache
def system_prompt() -> str:
    """Return the system instruction."""
    return (resources.files("agent.prompts") / "system.md").read_text(encoding="utf-8")


@functools.cache
def prompt_version() -> str:
    """Return a hash of the system instruction, for the record of what it was used for."""
    return hashlib.sha256(system_prompt().encode()).hexdigest()[:12]


def render_variables(variables: Sequence[Mapping[str, Any]]) -> str:
    """Render the live variables, one line each."""
    lines = []
    for variable in variables[:MAX_VARIABLES]:
        facts = [str(variable["type"])]
        if shape := variable.get("shape"):
            facts.append("x".join(str(n) for n in shape))
        if columns := variable.get("columns"):
            facts.append("columns " + ", ".join(_column(str(column)) for column in columns))
        if "preview" in variable:
            facts.append(escaped(str(variable["preview"])))
        lines.append(f"  {variable['name']}: {'; '.join(facts)}")
    return "\n".join(lines)


def _column(name: str) -> str:
    """Return a column's name as Python writes it, as far as it is known to be text."""
    plain = name.replace(".", "", 1).removeprefix("-").isdecimal() or name.startswith("(")
    return escaped(name) if plain else repr(name)


def render_output(outputs: Sequence[Mapping[str, Any]]) -> str:
    """Render a cell's outputs as the text that the model receives, cut at ends of lines."""
    return clip_lines(output_text(outputs), MAX_OUTPUT_TEXT, SEE_THE_REST)


def output_text(outputs: Sequence[Mapping[str, Any]]) -> str:
    """Return a cell's outputs as text: what was printed, results, errors, and that images are."""
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
    return "\n".join(part.rstrip("\n") for part in parts if part)


def _joined(text: Any) -> str:
    return "".join(text) if isinstance(text, list) else str(text)
