"""Renders one cell of an exported page: how it ended, its code folded, what it gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from notebooks.export.content import code_html, markdown_html, outputs_html
from notebooks.export.evidence import (
    RecordedCell,
    allowed_by,
    computed_of,
    findings_of,
    mappings,
    model_of,
    risks_of,
    ties_of,
    words,
)
from notebooks.export.outcomes import ending_of
from notebooks.ledger.review import KINDS
from notebooks.record.cells import PYTHON
from notebooks.record.chain import facts_of
from notebooks.record.document import language_of
from notebooks.record.undone import UNDO, UNDONE

LOOKS = {"answer": " answer", **dict.fromkeys((UNDO, *KINDS), " note")}
"""Classes of text cells by kind."""


def cell_html(number: int, cell: Any, code: Mapping[int, RecordedCell], *, unfolded: bool) -> str:
    """Render a cell.

    Args:
        number: Its position in the notebook, from 1.
        cell: The cell.
        code: The notebook's cells of code, by their position.
        unfolded: Show the code without a click, as for print.
    """
    source = str(cell.source)
    if cell.cell_type == "markdown":
        text = markdown_html(source, cell.get("attachments"))
        kind = facts_of(cell).get("kind")
        look = LOOKS.get(kind, "") if isinstance(kind, str) else ""
        return f'<section class="cell text{look}">{text}</section>'
    if number not in code:
        return f'<section class="cell text"><pre>{escape(source)}</pre></section>'
    return _code(code[number], unfolded=unfolded)


def _code(recorded: RecordedCell, *, unfolded: bool) -> str:
    cell, facts, ending = recorded.cell, recorded.facts, ending_of(recorded.cell)
    ran = cell.cell_type == "code" and ending.is_live
    look = "" if ran else " refused undone" if ending.outcome == UNDONE else " refused"
    said = "" if ran else f'<p class="outcome">{escape(f"This cell {ending.sentence}")}</p>'
    lines = str(cell.source).count("\n") + 1
    opened = " open" if unfolded else ""
    return (
        f'<section class="cell code{look}" id="cell-{recorded.number}">{_head(recorded)}{said}'
        f"{listed(risks_of(facts), 'plain')}"
        f"<details{opened}><summary>Code, {lines} line{'s' if lines > 1 else ''}</summary>"
        f"{code_html(str(cell.source), language_of(facts))}</details>\n"
        f"{outputs_html(cell)}{_changed(recorded)}"
        f"{_tied_out(facts)}{listed(computed_of(facts), 'plain')}"
        f"{listed(findings_of(facts), 'amber')}</section>"
    )


def _head(recorded: RecordedCell) -> str:
    facts = recorded.facts
    count = words(recorded.cell.get("execution_count") or " ", 12)
    prompt = f" In [{count}]" if recorded.cell.cell_type == "code" else ""
    parts = [f"<b>Cell {recorded.number}</b>{escape(prompt)}"]
    if (language := words(language_of(facts), 40)) != PYTHON:
        parts.append(escape(f"language: {language}"))
    if risk := words(facts.get("risk"), 40):
        parts.append(escape(f"risk: {risk}"))
    parts += [escape(text) for text in (allowed_by(facts), model_of(facts)) if text]
    if isinstance(seconds := facts.get("seconds"), int | float):
        parts.append(f"{seconds:.2f} s")
    return f'<p class="head">{"".join(f"<span>{part}</span>" for part in parts)}</p>'


def _changed(recorded: RecordedCell) -> str:
    return listed([f"{name}: {what}" for name, what in recorded.changes.items()], "plain")


def listed(lines: Sequence[str], look: str) -> str:
    """Return plain *lines* as a list; nothing for none."""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<ul class="{look}">{items}</ul>' if items else ""


def _tied_out(facts: Mapping[str, Any]) -> str:
    """Return how what the cell wrote ties out with what was read, as its record says."""
    shown = []
    for result in ties_of(facts):
        look = {"suspicious": "suspicious", "not-tied-out": "tied unknown"}
        status = look.get(words(result.get("status"), 40), "tied")
        findings = "".join(
            f"<li>{escape(words(each.get('message')))}</li>"
            for each in mappings(result.get("findings"))
        )
        line = escape(f"Tie-out: {words(result.get('line'))}")
        shown.append(f'<div class="{status}">{line}{findings and f"<ul>{findings}</ul>"}</div>')
    return "".join(shown)
