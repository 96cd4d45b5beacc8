"""Excel's functions as text for the model: those that fit a request about formulas."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.retrieval.functions import FIRST_VERSION, ExcelFunction, find_functions

MOST = 3
_ABOUT_FORMULAS = re.compile(
    r"\bformulas?\b|\bfunctions?\b|\b[A-Za-z.]*lookup\b|\bexcel way\b|\bwithout (?:vba|macros?)\b"
    r"|\b[A-Z][A-Z.]{2,}\(|=[A-Z]{2,}\(|\bin (?:one|a|each) cell\b",
    re.IGNORECASE,
)


def function_lines(function: ExcelFunction) -> Iterator[str]:
    """Yield *function* as lines of text."""
    new = "" if function.since == FIRST_VERSION else f" (since Excel {function.since})"
    yield f"{function.syntax}{new}: {function.description}"
    yield f"  example: {function.example}"
    if function.pandas:
        yield f"  in pandas: {function.pandas}"


def functions_for(request: str) -> tuple[list[str], str]:
    """Return the names and the text of the functions that fit a *request* about formulas.

    Both are empty for any other request.
    """
    if _ABOUT_FORMULAS.search(request[:5000]) is None:
        return [], ""
    found = find_functions(request, MOST)
    return [f.name for f in found], "\n".join(line for f in found for line in function_lines(f))
