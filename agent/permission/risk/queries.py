"""Parse, as Python, the strings that pandas evaluates."""

from __future__ import annotations

import ast
import re
import textwrap

_QUOTED = re.compile(r"`([^`]*)`")
_LOCAL = re.compile(r"@\s*(?=\w)")


def query_as_python(text: str) -> ast.AST | None:
    """Return the syntax tree of a ``query`` or ``eval`` string; ``None`` if it can't be parsed.

    ``@name`` is a variable of the cell; a column in backticks becomes a plain name.

    Source: pandas, "Indexing and selecting data", the query() method.
    """
    plain = _QUOTED.sub(lambda quoted: "_" + re.sub(r"\W", "_", quoted[1]), text)
    plain = _LOCAL.sub("", plain).strip().replace("\n", " ")
    try:
        return ast.parse(plain, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass
    try:  # eval accepts assignments, one per line
        return ast.parse(textwrap.dedent(_LOCAL.sub("", _QUOTED.sub("_column", text))).strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
