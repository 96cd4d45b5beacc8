"""Where a request is worked on: in the workbook open in Excel, or in Python on files.

Pure: facts in, a decision with its reason out. It advises the model and is shown to the user;
both ways stay open, since a request may need both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

MOST_ROWS, MOST_BYTES = 100_000, 5_000_000
"""Beyond these an add-in is too slow or refused: Excel on the web takes 5 MB in a request."""

Way = Literal["office", "python"]

_OPERATIONS: tuple[tuple[str, str], ...] = (
    ("reconcile", r"reconcil\w*|tie[ds]?[ -]?out|match\w* (?:against|with|to)|abgleich\w*"),
    ("merge", r"merge[ds]?|combin\w*|consolidat\w*|stack\w*|append\w*|join\w*|zusammenf\w*"),
    ("pivot", r"pivot\w*|cross[- ]?tab\w*|(?:sum|total|average|count)\w* (?:\w+ ){0,3}(?:by|per)"),
    ("chart", r"chart\w*|plot\w*|graph\w*|diagram\w*"),
    ("clean", r"clean\w*|dedup\w*|duplicates?|trim\w*|normali[sz]\w*|tidy"),
    ("format", r"format\w*|bold|colou?r\w*|highlight\w*|border\w*|align\w*"),
    ("formula", r"formulas?|vlookup|xlookup|sumifs?|calculat\w*|npv|irr"),
    ("filter", r"filter\w*|only (?:the )?(?:rows|orders|lines)|(?:above|below|over|under) [\d.,]+"),
    ("sort", r"sort\w*|order(?:ed)? by|rank\w*|top \d+"),
    ("report", r"report\w*|summar\w*|overview|dashboard"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A decision.

    Attributes:
        way: ``office`` or ``python``.
        reason: Why, in plain words.
        operation: The kind of operation that the request names; ``other`` without one.
    """

    way: Way
    reason: str
    operation: str


def choose_route(
    request: str,
    *,
    workbook: str | None,
    files: Mapping[str, int],
    rows: Mapping[str, int],
) -> Route:
    """Decide where *request* is worked on.

    Args:
        request: The user's words.
        workbook: Name of the workbook open in Excel; ``None`` without a connected pane.
        files: File name → bytes, of uploads and results.
        rows: File name → rows of its largest sheet, where they are known.

    Returns:
        The way with its reason. A file counts if the request names it, or, where no pane is
        connected, in any case.
    """
    operation = operation_of(request)
    if workbook is None:
        return Route(way="python", reason="no workbook is open in a pane", operation=operation)
    named = [name for name in files if _names(request, name, workbook)]
    about_files = re.search(r"\b(?:files?|uploads?|uploaded|workbooks|csvs?)\b", request, re.I)
    meant = named or (list(files) if files and about_files else [])
    if large := next((n for n in meant if rows.get(n, 0) > MOST_ROWS), None):
        reason = f"{large!r} has {rows[large]:,} rows, more than {MOST_ROWS:,}"
    elif large := next((n for n in meant if files[n] > MOST_BYTES), None):
        reason = f"{large!r} has {files[large] / 1e6:.1f} MB, more than {MOST_BYTES / 1e6:g} MB"
    elif len(meant) > 1:
        reason = f"it concerns {len(meant)} files"
    elif meant:
        reason = f"it concerns the file {meant[0]!r}"
    else:
        reason = f"it concerns the open workbook {workbook!r} alone"
        return Route(way="office", reason=reason, operation=operation)
    return Route(way="python", reason=reason, operation=operation)


def operation_of(request: str) -> str:
    """Return the kind of operation that stands first in *request*; ``other`` if none does."""
    found = [
        (match.start(), number, name)
        for number, (name, pattern) in enumerate(_OPERATIONS)
        if (match := re.search(rf"\b(?:{pattern})\b", request[:4000], re.I))
    ]
    # "Combine the files and make a chart": what makes the other things possible comes first.
    return min(found, key=lambda each: each[1])[2] if found else "other"


def route_text(route: Route) -> str:
    """Return *route* as a line for the model."""
    if route.way == "office":
        return (
            f"Where to work: with the Office tools, since {route.reason}. Use run_code only for "
            "what they can't do."
        )
    return f"Where to work: in Python, with run_code, since {route.reason}."


def most_rows(profile: Mapping[str, Any]) -> int:
    """Return the rows of the largest sheet of a file's *profile*; 0 where none are known."""
    sheets = profile.get("sheets") or [profile]
    return max((int(s.get("data_rows") or s.get("rows") or 0) for s in sheets), default=0)


def _names(request: str, file: str, workbook: str) -> bool:
    """Whether *request* names *file*, with or without its ending."""
    name = file.rpartition("/")[2]
    if name == workbook:
        return False  # the open one is meant, also if it was uploaded before
    stem = name.rpartition(".")[0] or name
    words = (name, stem) if len(stem) > 2 else (name,)
    return any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", request, re.I) for word in words)
