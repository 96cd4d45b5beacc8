"""How a recipe leaves total rows out: by their texts, so that it fits a longer file too."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .profile.cells import literal
from .recipe_values import is_tempting

if TYPE_CHECKING:
    from .profile.sheets import Described

MOST_LABELS, WIDTH = 12, 96
_MISSING = frozenset({"na", "n/a", "nan", "null", "none", "#n/a", "<na>", "nat"})
_NUMBERS = frozenset({"integer", "number", "currency", "percent"})


@dataclass(frozen=True)
class TextRule:
    """The texts of a column that just the total rows have.

    Attributes:
        at: The column, from 0 in the table.
        labels: The whole texts, without blanks around them; empty if *pattern* is given.
        pattern: What those texts contain, as a regular expression.
    """

    at: int
    labels: Sequence[str] = ()
    pattern: str = ""


def rule_of_totals(described: Described, *, text: bool) -> TextRule | None:
    """Return the texts that tell a table's total rows, ``None`` if there are none.

    Args:
        described: The table.
        text: It is one of a text file, where a text among numbers makes all of them texts.
    """
    table, grid = described.table, described.grid
    totals = {total.row for total in table.totals}
    if not totals or not table.header_rows or max(totals) > table.area[2]:
        return None
    for at, column in enumerate(range(table.area[1], table.area[3] + 1)):
        if text and described.columns[at].kind in _NUMBERS:
            continue
        values = grid.column(column, table.body_top, table.area[2])
        rows = dict(enumerate(values, table.body_top))
        if (rule := _rule_of_column(at, rows, totals)) is not None:
            return rule
    return None


def _rule_of_column(at: int, rows: dict[int, object], totals: set[int]) -> TextRule | None:
    def tells(matches: Callable[[str], object]) -> bool:
        found = {row for row, v in rows.items() if isinstance(v, str) and matches(v.strip())}
        return found == totals

    texts = [v.strip() for row in totals if isinstance(v := rows[row], str) and v.strip()]
    if len(texts) < len(totals) or not all(map(_stays_a_text, texts)):
        return None
    labels = sorted(set(texts))
    if len(labels) == 1 and tells(set(labels).__contains__):
        return TextRule(at, labels)
    words = Counter(word for each in texts for word in {each.split()[0], each.split()[-1]})
    for word, count in words.most_common(3):
        escaped = re.escape(word)
        for pattern in (rf"\b{escaped}$", rf"^{escaped}\b") if count == len(texts) else ():
            if tells(re.compile(pattern).search):
                return TextRule(at, pattern=pattern)
    if len(labels) <= MOST_LABELS and tells(set(labels).__contains__):
        return TextRule(at, labels)
    patterns = [rf"\b{re.escape(word)}\b" for word, _ in words.most_common(3)]
    for pattern in (*patterns, "|".join(patterns)):
        if tells(re.compile(pattern).search):
            return TextRule(at, pattern=pattern)
    return None


def _stays_a_text(text: str) -> bool:
    """Whether no reader takes *text* for a number, a date or a missing value."""
    letters = sum(map(str.isalpha, text))
    return letters >= 2 and text.casefold() not in _MISSING and not is_tempting(text)


def totals_lines(described: Described, rule: TextRule) -> list[str]:
    """Return the lines that leave out the rows with the texts of *rule*."""
    labels = f"frame[{literal(described.names[rule.at])}].astype(str).str.strip()"
    if len(rule.labels) == 1:
        data = f"{labels} != {rule.labels[0]!r}"
    elif rule.labels:
        data = f"~{labels}.isin({list(rule.labels)!r})"
    else:
        data = f"~{labels}.str.contains({rule.pattern!r})"
    line = f"frame = frame[{data}].reset_index(drop=True)"
    if len(line) <= WIDTH:
        return [line]
    return ["frame = frame[", f"    {data}", "].reset_index(drop=True)"]


def whole_number_lines(described: Described) -> list[str]:
    """Return the line that makes columns whole numbers again where a total row has no number."""
    table, grid = described.table, described.grid
    rows = [total.row for total in table.totals]
    names = [
        literal(name)
        for at, (name, column) in enumerate(
            zip(described.names, described.columns, strict=True), table.area[1]
        )
        if column.kind == "integer"
        and not (column.stored or column.strays or column.blanks)
        and not (column.errors or column.uncalculated)
        and any(not isinstance(grid.value(row, at), int | float) for row in rows)
    ]
    if not names:
        return []
    return [f"frame = frame.astype({{{', '.join(f'{name}: int' for name in names)}}})"]
