"""A comparison in words: its sums, and its lines for a terminal or a report."""

from __future__ import annotations

from collections.abc import Iterator

from .difference import LAYERS, Comparison, Difference


def headline(found: Comparison) -> str:
    """Return the result in one sentence."""
    if found.problem is not None:
        which = {"before": found.before, "after": found.after}.get(found.problem.file, "")
        name = f"{which}: " if which else ""
        return f"Not compared. {name}{found.problem.message} {found.problem.hint}".strip()
    if found.same:
        return "The same." if not found.notes else "No difference was found."
    return "; ".join(_sums(found)) + "."


def _sums(found: Comparison) -> Iterator[str]:
    for layer in LAYERS:
        counts = found.counts.get(layer)
        if counts:
            said = ", ".join(f"{count:,} {cause}" for cause, count in counts.items())
            yield f"{layer}: {said}"


def changed_to(difference: Difference) -> str:
    """Return what was and is, on one line: ``1 → 2``."""
    before, after = (
        None if text is None else " ".join(text.split()) or "(empty)"
        for text in (difference.before, difference.after)
    )
    if before is None and after is None:
        return ""
    if difference.cause == "added" or difference.what in ("rows", "columns"):
        return after if after is not None else before or ""
    if difference.cause == "removed":
        return before or ""
    return f"{'(blank)' if before is None else before} → {'(blank)' if after is None else after}"


def place_of(difference: Difference) -> str:
    """Return sheet and place as Excel writes them: ``Data!B2``, and the place before."""
    parts = [difference.sheet, difference.place]
    place = "!".join(part for part in parts if part)
    return f"{place} (was {difference.was})" if difference.was else place


def rest(found: Comparison) -> list[str]:
    """Return how much is not listed, and what a reader must know besides."""
    more = [f"and {count:,} more in {layer}" for layer, count in found.more.items()]
    return [*more, *found.notes]


def first_in_words(found: Comparison) -> str:
    """Return the first difference in one line; empty without one."""
    if not found.differences:
        return ""
    each = found.differences[0]
    what = "" if each.what == "cell" else f" {each.what}"
    return f"{place_of(each)}{what} {each.cause}: {changed_to(each)}".rstrip(": ")
