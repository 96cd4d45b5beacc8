"""The front page of an export: what a reviewer asks first, with what is on record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from notebooks.export.cells import listed
from notebooks.export.evidence import (
    INPUTS,
    OUTPUTS,
    RecordedCell,
    RecordedFile,
    Request,
    allowed_by,
    findings_of,
    mappings,
    model_of,
    moment,
    ties_of,
    words,
)
from notebooks.record.undone import UNDONE

Look = Literal["good", "bad", "amber", ""]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One of the boxes at the top.

    Attributes:
        name: What was judged.
        word: The verdict in a word or two.
        why: The reason, or the size of it.
        look: Its colour.
        details: One line for each problem.
    """

    name: str
    word: str
    why: str = ""
    look: Look = ""
    details: Sequence[str] = ()


def front_html(
    title: str,
    about: str,
    verdicts: Sequence[Verdict],
    requests: Sequence[Request],
    code: Sequence[RecordedCell],
    files: Sequence[RecordedFile],
) -> str:
    """Render the front page.

    Args:
        title: The notebook's name.
        about: Where it comes from, in a line.
        verdicts: Of the chain and of a re-run; those on the cells are added.
        requests: The requests.
        code: The cells of code.
        files: The files that the notebook names.
    """
    shown = [*verdicts, *_own_verdicts(code)]
    boxes = "".join(_box(verdict) for verdict in shown)
    problems = [f"{v.name}: {line}" for v in shown if v.look == "bad" for line in v.details]
    amber = [f"{v.name}: {line}" for v in shown if v.look == "amber" for line in v.details]
    return (
        f'<header class="front"><p class="kicker">Tallybook review record</p>'
        f'<h1>{escape(title)}</h1><p class="about">{escape(about)}</p>'
        f'<dl class="verdicts">{boxes}</dl>{listed(problems, "bad")}{listed(amber, "amber")}'
        f"{_asked(requests, code)}{_files(files)}{_ran(code)}</header>"
    )


def _box(verdict: Verdict) -> str:
    return (
        f'<div class="verdict {verdict.look}"><dt>{escape(verdict.name)}</dt>'
        f'<dd class="word">{escape(verdict.word)}</dd>'
        f'<dd class="why">{escape(verdict.why)}</dd></div>'
    )


def _own_verdicts(code: Sequence[RecordedCell]) -> list[Verdict]:
    counting = [cell for cell in code if cell.ending.outcome != UNDONE]
    return [_code_verdict(code), _tie_verdict(counting), _check_verdict(counting)]


def _code_verdict(code: Sequence[RecordedCell]) -> Verdict:
    ran = [c for c in code if c.ending.is_live]
    errors = [c for c in ran if c.ending.outcome == "error"]
    others = [c for c in code if not c.ending.is_live]
    details = [f"cell {c.number} {c.ending.sentence}" for c in others]
    details += [f"cell {c.number} ended in an error: {c.ending.reason}" for c in errors]
    why = ", ".join(
        f"{len(found)} {name}"
        for found, name in ((others, "stopped or undone"), (errors, "with an error"))
        if found
    )
    return Verdict(
        name="Code",
        word=f"{len(ran)} of {len(code)} cells ran",
        why=why or "none was refused, stopped or undone",
        look="amber" if details else "",
        details=details,
    )


def _tie_verdict(code: Sequence[RecordedCell]) -> Verdict:
    results = [(cell, result) for cell in code for result in ties_of(cell.facts)]
    bad = [(c, r) for c, r in results if r.get("status") == "suspicious"]
    tied = sum(r.get("status") == "tied-out" for _, r in results)
    details = [f"cell {c.number}: {words(f.get('message'))}" for c, r in bad for f in _or_itself(r)]
    if not results:
        return Verdict(name="Tie-out", word="none", why="no table was read and written")
    word = f"{len(bad)} suspicious" if bad else "ties out" if tied == len(results) else "partly"
    look: Look = "amber" if bad else "good" if tied == len(results) else ""
    why = f"{tied} of {len(results)} results tie out"
    return Verdict(name="Tie-out", word=word, why=why, look=look, details=details)


def _or_itself(result: object) -> Iterable[dict[str, object]]:
    found = mappings(result.get("findings")) if isinstance(result, dict) else []
    line = result.get("line") if isinstance(result, dict) else ""
    return [dict(each) for each in found] or [{"message": line}]


def _check_verdict(code: Sequence[RecordedCell]) -> Verdict:
    checked = {name for c in code for name in _names(c.facts.get("checks"))}
    details = [f"cell {c.number}: {line}" for c in code for line in findings_of(c.facts)]
    if not checked and not details:
        return Verdict(name="Workbook checks", word="none", why="no workbook was written")
    return Verdict(
        name="Workbook checks",
        word=f"{len(details)} finding{'s' if len(details) > 1 else ''}" if details else "passed",
        why=f"{len(checked)} file{'s' if len(checked) != 1 else ''} checked",
        look="amber" if details else "good",
        details=details,
    )


def _names(value: object) -> Iterable[str]:
    return [str(name) for name in value] if isinstance(value, dict) else []


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], none: str) -> str:
    """Return a table; the cells of *rows* are HTML already."""
    if not rows:
        return f'<p class="small">{escape(none)}</p>'
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td data-label="{escape(name)}">{cell}</td>' if cell else "<td></td>"
            for name, cell in zip(heads, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide"><table class="facts stacks"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _asked(requests: Sequence[Request], code: Sequence[RecordedCell]) -> str:
    by_number = {cell.number: cell for cell in code}
    rows = []
    for request in requests:
        if not request.number:
            continue
        cells = [by_number[n] for n, _ in request.members if n in by_number]
        models = sorted({model for c in cells if (model := model_of(c.facts))})
        answer = words(request.answers[-1], 320) if request.answers else "no answer on record"
        who = request.who or "not on record"
        rows.append(
            [
                f'<a href="#request-{request.number}">{request.number}</a>',
                f'<span class="name">{escape(words(request.text, 320))}</span>',
                f'{escape(who)}<br><span class="small">{escape(request.at)}</span>',
                escape(answer),
                escape(", ".join(models)),
            ]
        )
    heads = ("#", "Request", "Asked by", "Answer", "Model and version")
    none = "No request is on record."
    return f"<h2>What was asked and answered</h2>{_table(heads, rows, none)}"


def _files(files: Sequence[RecordedFile]) -> str:
    rows = []
    for file in files:
        role = next(
            (r for p, r in ((INPUTS, "input"), (OUTPUTS, "output")) if file.name.startswith(p)), ""
        )
        state = "" if file.present else '<br><span class="small">not there at the end</span>'
        rows.append(
            [
                f'<span class="name">{escape(words(file.name, 500))}</span>{state}',
                role,
                _links(file.read_by),
                _links(file.cells),
                f'<span class="hash">{escape(words(file.sha256, 80))}</span>',
            ]
        )
    heads = ("File", "Role", "Read by cell", "Written by cell", "sha256 of the last content")
    return f"<h2>Files</h2>{_table(heads, rows, 'No file is on record.')}"


def _links(numbers: Sequence[int]) -> str:
    return ", ".join(f'<a href="#cell-{number}">{number}</a>' for number in numbers)


def _ran(code: Sequence[RecordedCell]) -> str:
    rows = []
    for cell in code:
        outcome = cell.ending.outcome or "not recorded"
        look = {"ok": "good-text", "not recorded": "small"}.get(outcome, "bad-text")
        seconds = cell.facts.get("seconds")
        took = f"{seconds:.2f} s" if isinstance(seconds, int | float) else ""
        changes = "<br>".join(escape(f"{n}: {what}") for n, what in cell.changes.items())
        rows.append(
            [
                f'<a href="#cell-{cell.number}">{cell.number}</a>',
                f'<span class="{look}">{escape(words(outcome, 40))}</span>',
                escape(words(cell.facts.get("risk"), 40)),
                escape(allowed_by(cell.facts)) or "not asked",
                changes,
                f'<span class="keep">{escape(moment(cell.facts.get("started")))}</span>',
                f'<span class="keep">{took}</span>',
            ]
        )
    heads = ("Cell", "Outcome", "Risk", "Allowed by", "What it changed", "Started", "Took")
    return f"<h2>What ran</h2>{_table(heads, rows, 'No code is on record.')}"
