"""What a comparison of two workbooks found, as a value and as JSON."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Layer = Literal["sheets", "values", "formulas", "formats", "objects", "parts"]
LAYERS: tuple[Layer, ...] = ("sheets", "values", "formulas", "formats", "objects", "parts")
Cause = Literal[
    "edited", "added", "removed", "moved", "renamed", "recalculated", "volatile", "not computed"
]
CONSEQUENCES: frozenset[str] = frozenset({"recalculated", "volatile", "not computed"})
"""Causes of differences that nobody wrote: a formula's value changed, the formula did not."""
MOST_LISTED = 200
MOST_TEXT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference, or a group of cells that differ alike.

    Attributes:
        layer: What kind of content differs.
        cause: Why, as far as it is known. *edited*: a constant, formula, format or object was
            changed; *recalculated*: the formula is the same, its value is another; *volatile*: such
            a formula gives another value each time, or refers to one that does; *not computed*: the
            formula is the same, but one of the files stores no value for it.
        sheet: The sheet's name in the second workbook, in the first one if it is gone there; empty
            for the whole workbook.
        place: Cells in the second workbook, in the first one if they are gone there: ``B2``,
            ``B2:B9, D2`` or, for whole rows and columns, ``5:7`` and ``C:C``; empty without cells.
        what: What it is: ``cell``, ``rows``, ``number format``, ``table 'Sales'`` …
        before: What the first workbook has, as text; ``None`` for nothing.
        after: What the second has; ``None`` for nothing.
        count: How many cells, rows, columns or objects it is.
        was: The place in the first workbook, where it is another one.
        label: Row key and column name, where they are known.
    """

    layer: Layer
    cause: Cause
    sheet: str
    place: str
    what: str
    before: str | None = None
    after: str | None = None
    count: int = 1
    was: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetMatch:
    """How the rows and columns of one sheet were matched.

    Attributes:
        name: The sheet's name in the second workbook.
        name_before: Its name in the first.
        rows: Number of matched rows that hold a value.
        rows_before: Number of rows of the first sheet that hold a value.
        by: How rows were matched: ``position``, ``key 'Account'`` or ``content``.
    """

    name: str
    name_before: str
    rows: int
    rows_before: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why nothing was compared.

    Attributes:
        file: Which file: ``before`` or ``after``; empty for both.
        code: Permanent kebab-case name of the reason.
        message: The fact.
        hint: What to do.
    """

    file: str
    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What differs between two workbooks.

    Attributes:
        before: Name of the first file.
        after: Name of the second file.
        tolerance: Relative tolerance of numbers.
        counts: How many cells, rows or objects differ, by layer and cause: exact.
        differences: The first of them, listed.
        more: How many further entries of a layer are not listed.
        sheets: How the sheets' rows were matched.
        notes: What a reader must know besides: what could not be compared, and why.
        problem: Why nothing was compared; ``None`` if it was.
    """

    before: str
    after: str
    tolerance: float
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    differences: tuple[Difference, ...] = ()
    more: Mapping[str, int] = field(default_factory=dict)
    sheets: tuple[SheetMatch, ...] = ()
    notes: tuple[str, ...] = ()
    problem: Problem | None = None

    @property
    def same(self) -> bool:
        """Whether both were read, and nothing differs."""
        return self.problem is None and not self.counts


class Collector:
    """Counts all differences, and lists the first ones of each layer."""

    def __init__(self, layers: Iterable[str] = LAYERS, most: int = MOST_LISTED) -> None:
        """Collect differences of *layers*, listing up to *most* of each."""
        self.layers, self._most = frozenset(layers), most
        self._counts: dict[str, Counter[str]] = {}
        self._listed: dict[str, list[Difference]] = {}
        self._entries: Counter[str] = Counter()
        self.notes: list[str] = []

    def lists(self, layer: Layer) -> bool:
        """Whether another difference of *layer* would be listed, not only counted."""
        return layer in self.layers and self._entries[layer] < self._most

    def add(self, difference: Difference) -> None:
        """Take a difference in."""
        layer = difference.layer
        if layer not in self.layers:
            return
        if len(difference.sheet) + len(difference.was) > MOST_TEXT:
            sheet, was = clipped(difference.sheet), clipped(difference.was)
            difference = dataclasses.replace(difference, sheet=sheet, was=was)
        self._counts.setdefault(layer, Counter())[difference.cause] += difference.count
        self._entries[layer] += 1
        if self._entries[layer] <= self._most:
            self._listed.setdefault(layer, []).append(difference)

    def count(self, layer: Layer, cause: Cause, cells: int) -> None:
        """Count entries of one cell each that are not listed."""
        if layer in self.layers and cells:
            self._counts.setdefault(layer, Counter())[cause] += cells
            self._entries[layer] += cells

    def note(self, text: str) -> None:
        """Add a remark, once."""
        text = clipped(text)
        if text not in self.notes and len(self.notes) < self._most:
            self.notes.append(text)

    def result(self, *, before: str, after: str, tolerance: float, **rest: Any) -> Comparison:
        """Return what was collected."""
        shown = {layer: len(found) for layer, found in self._listed.items()}
        more: dict[str, int] = {
            layer: self._entries[layer] - shown.get(layer, 0)
            for layer in LAYERS
            if self._entries[layer] > shown.get(layer, 0)
        }
        return Comparison(
            before=before,
            after=after,
            tolerance=tolerance,
            counts={layer: dict(self._counts[layer]) for layer in LAYERS if layer in self._counts},
            differences=tuple(d for layer in LAYERS for d in self._listed.get(layer, ())),
            more=more,
            notes=tuple(self.notes),
            **rest,
        )


def clipped(text: str) -> str:
    """Return *text*, a long one cut."""
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"


def shortened(found: Comparison, most: int) -> Comparison:
    """Return a comparison that lists up to *most* differences of each layer."""
    kept, more = [], dict(found.more)
    shown: Counter[str] = Counter()
    for each in found.differences:
        shown[each.layer] += 1
        if shown[each.layer] <= most:
            kept.append(each)
        else:
            more[each.layer] = more.get(each.layer, 0) + 1
    return dataclasses.replace(found, differences=tuple(kept), more=more)


def comparison_to_json(found: Comparison) -> dict[str, Any]:
    """Render a comparison as plain JSON values."""
    return {"same": found.same, **dataclasses.asdict(found)}


def comparison_from_json(value: Mapping[str, Any]) -> Comparison:
    """Rebuild a comparison from `comparison_to_json`.

    Raises:
        TypeError: A key is unknown or missing.
        KeyError: A list is missing.
    """
    rest = {name: each for name, each in value.items() if name != "same"}
    rest["differences"] = tuple(Difference(**each) for each in value["differences"])
    rest["sheets"] = tuple(SheetMatch(**each) for each in value["sheets"])
    rest["notes"] = tuple(value["notes"])
    rest["problem"] = None if value["problem"] is None else Problem(**value["problem"])
    return Comparison(**rest)
