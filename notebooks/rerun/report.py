"""The report on one re-run: JSON values, the exit code, one HTML page."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from notebooks.rerun.each_report import STYLE

if TYPE_CHECKING:  # papermill and numpy take a third of a second, which a page needs not
    from notebooks.rerun.judge import CellVerdict, FileVerdict
    from notebooks.rerun.run import RerunReport

WELL, WRONG, INCOMPLETE = 0, 1, 3
"""Exit codes: all went well; something differs or failed; a recorded file could not be compared."""


def exit_code(report: RerunReport) -> int:
    """Return the exit code that ``tallybook rerun`` has with *report*.

    With other inputs or parameters than the recorded ones, differences are expected.
    """
    fine = {"reproduced", "differs"} if report.changed else {"reproduced"}
    if report.verdict in fine:
        return WELL
    return INCOMPLETE if report.verdict == "incomplete" else WRONG


def report_to_json(report: RerunReport) -> dict[str, Any]:
    """Render *report* as plain JSON values, without the place of its notebook."""
    return {
        "verdict": report.verdict,
        "exit_code": exit_code(report),
        "changed": report.changed,
        "cells": [_cell_to_json(cell) for cell in report.cells],
        "files": [_file_to_json(file) for file in report.files],
        "replaced_inputs": list(report.replaced_inputs),
        "repaired_cells": list(report.repaired_cells),
        "replayed_calls": report.replayed_calls,
        "missing_responses": report.missing_responses,
    }


def _cell_to_json(cell: CellVerdict) -> dict[str, Any]:
    return {
        "cell": cell.cell,
        "cell_id": cell.cell_id,
        "verdict": cell.verdict,
        "detail": cell.detail,
    }


def _file_to_json(file: FileVerdict) -> dict[str, Any]:
    return {"name": file.name, "verdict": file.verdict, "detail": file.detail}


def report_html(title: str, report: Mapping[str, Any]) -> str:
    """Return *report* as one HTML page that loads and runs nothing; every text is escaped.

    Args:
        title: What was run again.
        report: What `report_to_json` returned.
    """
    expected = " (inputs or parameters were replaced)" if report["changed"] else ""
    heading = f"{html.escape(title)}: {html.escape(report['verdict'])}{expected}"
    notes = "".join(f"<li>{html.escape(note)}" for note in _notes(report))
    cells = [
        (f"cell {each['cell']} ({each['cell_id']})", each["verdict"], each["detail"])
        for each in report["cells"]
    ]
    files = [(each["name"], each["verdict"], each["detail"]) for each in report["files"]]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{heading}</title>'
        f"<style>{STYLE}</style><h1>{heading}</h1><ul>{notes}</ul>"
        f"{_table('Cell', cells)}{_table('File', files)}</html>\n"
    )


def _notes(report: Mapping[str, Any]) -> list[str]:
    notes = [f"inputs/{name} is not the recorded file" for name in report["replaced_inputs"]]
    notes += [f"cell {number} had no id of its own" for number in report["repaired_cells"]]
    if report["replayed_calls"]:
        notes.append(f"{report['replayed_calls']} network calls got their recorded responses")
    if report["missing_responses"]:
        notes.append(f"{report['missing_responses']} recorded responses are not stored any more")
    return notes


def _table(what: str, rows: Sequence[tuple[str, str, str]]) -> str:
    if not rows:
        return ""
    body = "\n".join(
        f"<tr><td>{html.escape(label)}<td class={html.escape(verdict)}>{html.escape(verdict)}"
        f"<td>{html.escape(detail)}"
        for label, verdict, detail in rows
    )
    return f"<table><thead><tr><th>{what}<th>Verdict<th>Detail</thead><tbody>{body}</tbody></table>"
