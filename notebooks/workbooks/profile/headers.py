"""Which rows of a block name its columns: found by the change of type from header to body.

The idea is that of Pytheas (Christodoulakis et al., VLDB 2020) and of Fang et al. (AAAI 2012):
a header differs in type from what stands below it. Every candidate row is scored and the best
one wins; it is then extended upwards by the rows that group or continue its names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import cells
from .amounts import DASHES, read_shape
from .dates import read_dates
from .grid import Area, Grid
from .header_numbers import are_codes, runs, year_of
from .rows_above import belongs_above

CANDIDATES = 40
BODY_ROWS = 120
MAX_HEADER_ROWS = 5
ENOUGH = 0.2
SCORED_COLUMNS = 60
_CENTS = re.compile(r"[.,]\d")
_VALUES = (cells.NUMBER, cells.DATE, cells.TIME, cells.BOOLEAN)


@dataclass(frozen=True)
class Header:
    """The rows of a block that name its columns.

    Attributes:
        rows: Their numbers (from 0 in the sheet), empty if nothing names the columns.
        score: How clear the last of them is; about 1 is certain.
    """

    rows: tuple[int, ...]
    score: float


def fine_class(value: Any) -> str:
    """Return the class of a value, with texts that look like amounts or dates taken as such."""
    found = cells.class_of(value)
    if found is not cells.TEXT:
        return found
    text = str(value).strip()
    if len(text) > 40 or not any(sign.isdigit() for sign in text):
        return cells.NUMBER if text in DASHES else cells.TEXT
    if read_dates([text]):
        return cells.DATE
    return cells.NUMBER if read_shape(text) else cells.TEXT


class Block:
    """A block's classes of values, worked out once for all candidates."""

    def __init__(self, grid: Grid, area: Area) -> None:
        self.grid, self.area = grid, area
        self.top, self.left, bottom, right = area
        self.right = min(right, self.left + SCORED_COLUMNS - 1)
        head = range(self.top, min(bottom, self.top + CANDIDATES + BODY_ROWS) + 1)
        self.values = [grid.row(row, self.left, self.right) for row in head]
        self.classes = [
            [self._class(r, c) for c in range(len(self.values[0]))] for r in range(len(head))
        ]
        self.width = len(self.values[0])
        self._bodies: list[list[tuple[str | None, float]]] = []
        self._counts: list[Counter[str]] = []

    def _class(self, r: int, c: int) -> str:
        found = fine_class(self.values[r][c])
        if found is cells.BLANK and (self.top + r, self.left + c) in self.grid.formulas:
            return cells.NUMBER  # a formula that was never calculated
        return found

    def body(self, start: int) -> list[tuple[str | None, float]]:
        """Return each column's main class and its share, over the rows from *start* on."""
        while len(self._bodies) <= start:
            self._slide(len(self._bodies))
        return self._bodies[start]

    def _slide(self, start: int) -> None:
        """Move the window over the body down to *start*."""
        if start == 0:
            window = self.classes[:BODY_ROWS]
            self._counts = [Counter(row[c] for row in window) for c in range(self.width)]
        else:
            for c, found in enumerate(self.classes[start - 1]):
                self._counts[c][found] -= 1
            entering = start + BODY_ROWS - 1
            if entering < len(self.classes):
                for c, found in enumerate(self.classes[entering]):
                    self._counts[c][found] += 1
        self._bodies.append([_main_class(counts) for counts in self._counts])

    def filled(self, r: int) -> list[int]:
        """Return the columns of row *r* that hold something."""
        return [c for c, found in enumerate(self.classes[r]) if found is not cells.BLANK]

    def repeats(self, r: int) -> bool:
        """Return whether row *r* stands again below, as a header does on every page."""
        return len(self.filled(r)) > 1 and self.values[r] in self.values[r + 1 :]

    def merged_spans(self, r: int) -> list[tuple[int, int, int]]:
        """Return (first column, last column, last row) of merged areas that start in row *r*."""
        row = self.top + r
        return [
            (left - self.left, right - self.left, bottom - self.top)
            for top, left, bottom, right in self.grid.merged
            if top == row and self.left <= left <= self.right
        ]


def _main_class(counts: Counter[str]) -> tuple[str | None, float]:
    name, most, total = None, 0, 0
    for found, count in counts.items():
        if found is not cells.BLANK and found is not cells.ERROR:
            total += count
            if count > most:
                name, most = found, count
    return (name, most / total) if name else (None, 0.0)


def find_header(grid: Grid, area: Area) -> Header:
    """Return the header rows of the block *area*."""
    block = Block(grid, area)
    last = min(len(block.values), CANDIDATES)
    scores = [(_score(block, r), -r) for r in range(last)]
    if not scores:
        return Header((), 0.0)
    best, at = max(scores)
    if best < ENOUGH:
        return Header((), best)
    rows = [-at]
    while rows[0] > 0 and len(rows) < MAX_HEADER_ROWS and belongs_above(block, rows):
        rows.insert(0, rows[0] - 1)
    return Header(tuple(area[0] + r for r in rows), best)


def _score(block: Block, r: int) -> float:
    """Return how well row *r* names what stands below it."""
    if r + 1 >= len(block.values):
        return _lonely(block, r)
    body = block.body(r + 1)
    evidence: list[float] = []
    columns = filled = 0
    for c, (main, share) in enumerate(body):
        if main is None and block.classes[r][c] is cells.BLANK:
            continue
        columns += main is not None
        filled += main is not None and _named(block, r, c)
        evidence.append(_evidence(block, r, c, main, share))
    if not evidence or not columns or not block.filled(r):
        return -1.0
    score = sum(evidence) / len(evidence)
    coverage = filled / columns
    score -= 0.9 * (1 - coverage) if coverage < 0.75 else 0.2 * (1 - coverage)
    score -= 0.7 * min(2, _data_above(block, r, body))
    score -= 0.6 * _misfit(block, r + 1, body)
    score += _marks(block, r)
    return score - 0.004 * r


def _lonely(block: Block, r: int) -> float:
    """Score the last row of a block: it can only be the header of an empty table."""
    if len(block.values) > 1 or block.width < 3:
        return -1.0
    texts = [
        str(v) for v, f in zip(block.values[r], block.classes[r], strict=True) if f is cells.TEXT
    ]
    whole = len(texts) == block.width == len(set(texts)) and max(map(len, texts)) <= 40
    return 0.3 if whole else -1.0


def _named(block: Block, r: int, c: int) -> bool:
    """Return whether column *c* has a name in row *r*, or above it where it is blank there."""
    if block.classes[r][c] is not cells.BLANK:
        return True
    return r > 0 and block.classes[r - 1][c] is cells.TEXT


def _evidence(block: Block, r: int, c: int, main: str | None, share: float) -> float:
    found, value = block.classes[r][c], block.values[r][c]
    if main is None:
        return 0.2 if found is cells.TEXT else -0.2
    if found is cells.BLANK:
        if c == 0 or (r > 0 and block.classes[r - 1][c] is cells.TEXT):
            return 0.3
        return -0.3
    if found is cells.TEXT:
        if main is not cells.TEXT:
            return share if share >= 0.5 else 0.3
        return _among_texts(block, r, c)
    if found is cells.DATE:
        return {cells.NUMBER: 1.0, cells.DATE: -1.0}.get(main, -0.2)
    if found is cells.NUMBER and main is cells.NUMBER:
        return _number_over_numbers(block, r, c, value)
    return -0.4


def _among_texts(block: Block, r: int, c: int) -> float:
    """Return how different a text is from the texts below it."""
    text = str(block.values[r][c]).strip()
    below = [
        str(row[c]).strip()
        for row, found in zip(
            block.values[r + 1 : r + 1 + BODY_ROWS], block.classes[r + 1 :], strict=False
        )
        if found[c] is cells.TEXT
    ]
    if text in below:
        return 0.3 if block.repeats(r) else -1.0
    if len(text) > 60:  # a question over its answers, or one paragraph among others
        short = sum(len(other) <= 0.5 * len(text) for other in below)
        return 0.3 if below and short >= 0.9 * len(below) else -0.2
    digits = sum(any(sign.isdigit() for sign in other) for other in below)
    has_digits = any(sign.isdigit() for sign in text)
    if (
        has_digits
        and below
        and sum(_shape(other) == _shape(text) for other in below) >= 0.8 * len(below)
    ):
        return -0.8  # R01 over R02 and R03
    if not has_digits and digits >= 0.8 * len(below):
        return 0.6
    if has_digits and not digits:
        return 0.1
    if len(below) >= 3 and len(set(below)) <= 0.5 * len(below):
        return 0.45  # a few names that repeat, under another one
    return 0.3


def _shape(text: str) -> str:
    """Return *text* with 9 for every digit and a for every run of letters."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d", "9", text))


def _number_over_numbers(block: Block, r: int, c: int, value: Any) -> float:
    """Return the evidence of a number above numbers: a year or a running number may be a name."""
    row = [v for v, f in zip(block.values[r], block.classes[r], strict=True) if f is cells.NUMBER]
    years = [year_of(v) for v in row]
    below = [r2[c] for r2 in block.values[r + 1 : r + 41]]
    if year_of(value) is not None and all(year is not None for year in years):
        same = sum(year_of(v) is not None for v in below)
        return 0.7 if same < 0.5 * len(below) and runs(years) else -0.6
    numbers = [v for v in row if isinstance(v, int | float)]
    if len(numbers) >= 3 and len(numbers) == len(row) and runs(numbers) and numbers[0] in (0, 1):
        after = [v for v in block.values[r + 1] if isinstance(v, int | float)]
        alone = _names_empty_column(block, r)
        return 0.5 if not runs(after) or alone else -0.6
    if are_codes(row) and sum(_CENTS.search(str(v)) is not None for v in below) >= 0.5 * len(below):
        return 0.5  # account numbers over amounts with cents
    return -0.8


def _names_empty_column(block: Block, r: int) -> bool:
    """Return whether row *r* has a text over a column that is empty below."""
    body = block.body(r + 1)
    return any(
        main is None and block.classes[r][c] is cells.TEXT for c, (main, _) in enumerate(body)
    )


def _data_above(block: Block, r: int, body: list[tuple[str | None, float]]) -> int:
    """Return how many rows above *r* look like the body."""
    typed = [c for c, (main, share) in enumerate(body) if main in _VALUES and share >= 0.5]
    if not typed:
        width = len(block.filled(r))
        return sum(
            len(block.filled(above)) >= max(2, width) and not _grouping(block, above, r)
            for above in range(r)
        )
    share = 0.9 if _names_typed(block, r, typed) else 0.5
    used = {c for c, (main, _) in enumerate(body) if main is not None} | set(block.filled(r))
    return sum(
        sum(
            block.classes[above][c] == body[c][0] and year_of(block.values[above][c]) is None
            for c in typed
        )
        >= max(1, share * len(typed))
        and len(set(block.filled(above)) - used) < 2  # else facts of the file, wider than the table
        and len(block.filled(above)) >= 0.5 * len(block.filled(r))
        for above in range(r)
    )


def _names_typed(block: Block, r: int, typed: Sequence[int]) -> bool:
    """Return whether row *r* has texts only, and most of them over numbers and dates."""
    over = sum(block.classes[r][c] is cells.TEXT for c in typed)
    texts = all(block.classes[r][c] is cells.TEXT for c in block.filled(r))
    return texts and over >= 2 and over >= 0.6 * len(typed)


def _grouping(block: Block, above: int, r: int) -> bool:
    """Return whether row *above* stands over row *r* as another row of names."""
    names = [str(block.values[r][c]) for c in block.filled(r)]
    return len(set(names)) < len(names) or bool(block.merged_spans(above))


def _misfit(block: Block, r: int, body: list[tuple[str | None, float]]) -> float:
    """Return the share of typed columns whose cell in row *r* is of another class."""
    typed = [c for c, (main, share) in enumerate(body) if main in _VALUES and share >= 0.5]
    if not typed:
        return 0.0
    wrong = sum(block.classes[r][c] is cells.TEXT for c in typed)
    return wrong / len(typed)


def _marks(block: Block, r: int) -> float:
    """Return what bold type, filters and repeated names add to the evidence of row *r*."""
    row = block.top + r
    filled = block.filled(r)
    found = 0.0
    if block.grid.bold and filled:
        bold = sum((row, block.left + c) in block.grid.bold for c in filled) / len(filled)
        below = sum((row + 1, block.left + c) in block.grid.bold for c in filled) / len(filled)
        found += 0.25 if bold > 0.8 and below < 0.5 else 0.0
    if any(
        top == row and left <= block.left + block.width for top, left, _, _ in block.grid.filters
    ):
        found += 1.0
    return found
