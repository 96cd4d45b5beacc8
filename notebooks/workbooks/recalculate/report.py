"""What was computed, bounded, for the model, the user and the record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..formats.addresses import address
from .computation import Computation
from .sheets import Key, Sheets
from .shown_values import ShownValues
from .stored_values import ErrorValue

MOST_CELLS, MOST_ERRORS, MOST_PLACES, MOST_KINDS = 40, 25, 5, 20


def report(sheets: Sheets, computation: Computation, values_of: ShownValues) -> dict[str, Any]:
    """Return what was computed.

    Args:
        sheets: The workbook's worksheets.
        computation: What was computed.
        values_of: How the workbook shows numbers.

    Returns:
        ``formulas``; ``computed``, of them computed; ``errors``: by error how many (``count``)
        and some ``cells``; ``without_value``: the same by reason; ``kept``, where some keep the
        value that they have in the original: its name (``original``), how many, and some
        ``cells``; ``cells``: up to 40 cells with their values, dates as texts: errors first,
        then those of the last rows of each sheet, in the order of the sheets and rows.
    """
    values = computation.values
    own = [key for key in sheets.cells if key in values]
    kept = [key for key in own if key in computation.kept]
    errors: dict[str, list[Key]] = {}
    for key in own:
        if isinstance(value := values[key], ErrorValue):
            errors.setdefault(str(value), []).append(key)
    without: dict[str, list[Key]] = {}
    for key, reason in computation.reasons.items():
        without.setdefault(reason[:60], []).append(key)
    if computation.depending:
        without["depends on such cells"] = sorted(computation.depending)
    shown = [key for keys in errors.values() for key in keys][:MOST_ERRORS]
    rest = sorted(set(own) - set(shown), key=lambda key: (-key[1][0], key[0], key[1][1]))
    shown += sorted(rest[: MOST_CELLS - len(shown)])
    of_original = {"original": computation.original, **_some(sheets, kept)}
    return {
        "formulas": len(sheets.cells),
        "computed": len(own) - len(kept),
        **({"kept": of_original} if kept else {}),
        "errors": _counted(sheets, errors),
        "without_value": _counted(sheets, without),
        "cells": {
            place_of(sheets, key): values_of.shown(values[key], sheets.cells[key].style)
            for key in shown
        },
    }


def place_of(sheets: Sheets, key: Key) -> str:
    """Return a cell's address with its sheet: ``'It''s'!B2``."""
    number, (row, column) = key
    name = sheets.names[number]
    name = name if name.isprintable() else ascii(name)[1:-1]
    plain = re.fullmatch(r"[^\W\d]\w*", name) is not None
    quoted = name if plain else "'" + name.replace("'", "''") + "'"
    return f"{quoted}!{address(row - 1, column - 1)}"


def _counted(sheets: Sheets, found: Mapping[str, list[Key]]) -> dict[str, Any]:
    return {name: _some(sheets, keys) for name, keys in list(found.items())[:MOST_KINDS]}


def _some(sheets: Sheets, keys: list[Key]) -> dict[str, Any]:
    return {"count": len(keys), "cells": [place_of(sheets, key) for key in keys[:MOST_PLACES]]}
