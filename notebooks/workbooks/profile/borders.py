"""The lines around cells.

Source: ECMA-376 part 1, section 18.8.4 (border) and 18.18.3 (ST_BorderStyle).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

WEIGHTS = {"none": 0, "medium": 2, "mediumDashed": 2, "thick": 3, "double": 3}


class Lines(NamedTuple):
    """How heavy the lines around a cell are: 0 for none, to 3."""

    left: int = 0
    right: int = 0
    top: int = 0
    bottom: int = 0


NONE = Lines()


def border_lines(element: Any) -> Lines:
    """Return the lines of a ``border`` element of a workbook's styles."""
    found = dict.fromkeys(Lines._fields, 0)
    for side in element:
        name = {"start": "left", "end": "right"}.get(_name(side), _name(side))
        if name in found:
            found[name] = WEIGHTS.get(side.get("style", "none"), 1)
    return Lines(**found)


def _name(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def lines_of(
    styles: Mapping[tuple[int, int], int], lines: Sequence[Lines]
) -> dict[tuple[int, int], Lines]:
    """Return cell → its lines, of cells that have any.

    Args:
        styles: Cell → style number.
        lines: The lines of each style.
    """
    lined = {number: each for number, each in enumerate(lines) if any(each)}
    if not lined:
        return {}
    return {place: lined[style] for place, style in styles.items() if style in lined}
