"""One entry of the past as text: at several lengths, and as a digest of one line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent.memory.history import OFFICE_TAG, Entry, PastCell
from agent.prompts.quoting import clip_lines, quoted_lines
from agent.prompts.render import SEE_THE_REST, output_text
from notebooks.record.cells import PARAMETER_TAGS

_ASSIGNED = re.compile(r"^([A-Za-z]\w*)(?:, *[A-Za-z]\w*)* *=(?!=)", re.M)
MOST_NAMES, MOST_FILES = 8, 8
UNDONE = "undone"
"""Status of a cell that an undo has taken out (see `Recorder.entries`)."""
DIGEST_REQUEST, DIGEST_ANSWER, DIGEST_CODE, BRIEF = 200, 300, 120, 80
SCANNED = 2_000
"""Characters of a text that a digest looks at."""


@dataclass(frozen=True, slots=True)
class Length:
    """How much of an entry is shown.

    Attributes:
        words: Characters of a request, an answer, a note or a cell's code.
        output: Characters of a cell's output.
        attempts: Whether cells that failed before one that worked are shown.
    """

    words: int
    output: int
    attempts: bool = True


WHOLE = Length(100_000, 16_000)
LONG = Length(8_000, 4_000)
SHORT = Length(1_500, 800, attempts=False)


def entry_text(number: int, entry: Entry, length: Length) -> str:
    """Return *entry* as text: every word of then behind a mark, what it is before it.

    Args:
        number: Its number in the conversation, from 1.
        entry: The entry.
        length: How much of it.
    """
    return f"[{number}] " + "\n".join(_lines(entry, length))


def _lines(entry: Entry, length: Length) -> Iterator[str]:
    if entry.kind == "request":
        yield f"The user asked{', and undid it later' if _is_undone(entry) else ''}:"
        yield _clipped(entry.text, length.words)
    elif entry.kind == "note":
        yield f"Noted ({entry.note or 'note'}):"
        yield _clipped(entry.text, length.words)
    cells = entry.cells
    if not length.attempts:
        cells = _without_failed_attempts(cells)
        if left := len(entry.cells) - len(cells):
            yield f"{left} attempts that failed are left out here."
    for cell in cells:
        yield from _cell(cell, entry, length)
    if entry.answer:
        yield "You answered:"
        yield _clipped(entry.answer, length.words)
    elif entry.kind == "request":
        yield f"It ended without an answer: {_line(entry.ending or 'the reason is not known', 300)}"


def _is_undone(entry: Entry) -> bool:
    """Whether an undo has taken out all that was run for *entry*."""
    return any(c.status == UNDONE for c in entry.cells) and not any(
        c.status == "ok" for c in entry.cells
    )


def _without_failed_attempts(cells: tuple[PastCell, ...]) -> tuple[PastCell, ...]:
    good = [number for number, cell in enumerate(cells) if cell.status in ("ok", UNDONE)]
    if not good:
        return cells[-1:]
    return tuple(c for n, c in enumerate(cells) if n in good or n > good[-1])


def _cell(cell: PastCell, entry: Entry, length: Length) -> Iterator[str]:
    if PARAMETER_TAGS & set(cell.tags) and cell.status == "ok":
        constants = "\n".join(line for line in cell.source.splitlines() if line[:1] != "#")
        yield "Constants were set:"
        yield _clipped(constants, length.words)
        return
    if OFFICE_TAG in cell.tags:
        yield f"You used a tool on the workbook open in Excel ({cell.status}):"
        yield _clipped(cell.source, length.words)
        return
    who = {"request": "You ran", "code": "The user ran code of their own"}.get(entry.kind, "Ran")
    if cell.status in ("blocked", "not-run"):
        who = "This code was not allowed to run"
    yield f"{who} ({cell.status}):"
    yield _clipped(cell.source, length.words)
    if printed := output_text(cell.outputs):
        yield "It printed:"
        yield quoted_lines(clip_lines(printed, length.output, SEE_THE_REST))
    elif cell.status == "ok":
        yield "It printed nothing."
    if cell.error and cell.error not in printed:
        yield f"It ended with: {_line(cell.error, length.output)}"
    if cell.status == UNDONE:
        yield "It was undone later: files and variables are as they were before it."
    elif cell.files:
        yield "It wrote: " + _files(cell.files)


def _clipped(text: str, limit: int) -> str:
    return quoted_lines(clip_lines(text, limit, ""))


def _line(text: str, limit: int) -> str:
    """Return *text* in one line, in quotes, its control characters escaped."""
    text = " ".join(text.split())
    return repr(text if len(text) <= limit else text[: limit - 1] + "…")


def _files(names: Sequence[str]) -> str:
    shown = ", ".join(_line(name, 120) for name in names[:MOST_FILES])
    return shown + (f" and {len(names) - MOST_FILES} more" if len(names) > MOST_FILES else "")


def digest(number: int, entry: Entry, *, brief: bool = False) -> str:
    """Return *entry* in one line: what was asked, made, written, answered.

    It is made of the entry's own words, so the same past always gives the same text.

    Args:
        number: Its number in the conversation, from 1.
        entry: The entry.
        brief: Only what was asked, run or noted.
    """
    parts = list(_asked(entry, BRIEF if brief else DIGEST_REQUEST))
    return f"[{number}] " + "; ".join(parts if brief else [*parts, *_results(entry)])


def _asked(entry: Entry, limit: int) -> Iterator[str]:
    if entry.kind == "request":
        undone = ", undone later" if _is_undone(entry) else ""
        yield f"asked {_line(entry.text[:SCANNED], limit)}{undone}"
    elif entry.kind == "note":
        yield f"{entry.note or 'note'} {_line(entry.text[:SCANNED], limit)}"
    elif entry.cells:
        cell = entry.cells[0]
        code = _line(cell.source[:SCANNED], min(limit, DIGEST_CODE))
        yield f"the user ran {code} ({cell.status})"


def _results(entry: Entry) -> Iterator[str]:
    cells = [cell for cell in entry.cells if not PARAMETER_TAGS & set(cell.tags)]
    if cells and entry.kind != "code":
        count = f"{len(cells)} cells, the last" if len(cells) > 1 else "its code"
        yield f"{count} {cells[-1].status}"
    made = [n for c in cells if c.status == "ok" for n in _ASSIGNED.findall(c.source[:20_000])]
    if names := list(dict.fromkeys(made)):
        yield "made " + ", ".join(names[-MOST_NAMES:])
    kept = [cell for cell in cells if cell.status != UNDONE]
    if files := list(dict.fromkeys(name for cell in kept for name in cell.files)):
        yield "wrote " + _files(files)
    if entry.answer:
        yield f"you answered {_line(entry.answer[:SCANNED], DIGEST_ANSWER)}"
    elif entry.kind == "request":
        yield "no answer"
    elif entry.kind == "code" and (printed := output_text(entry.cells[-1].outputs[-1:])):
        yield f"it printed {_line(printed[-SCANNED:], DIGEST_CODE)}"
