"""Values that the code writes as they stand there, and did not compute."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any


def written_constant(
    statements: Sequence[Mapping[str, Any]], cell: int, line: int, value: Any
) -> bool:
    """Whether *line* of *cell* gives a workbook's cell the constant *value*.

    Such as ``sheet["D2"] = 99`` and ``sheet.cell(2, 4, 99)``: a row of a file with the same number
    is not where it comes from.

    Args:
        statements: The code on the way (see `Replay.run`).
        cell: Number of the notebook's cell that set the workbook's cell.
        line: Its line there.
        value: The value of the workbook's cell.
    """
    for statement in statements:
        first = int(statement["line"])
        if int(statement["cell"]) != cell or not first <= line:
            continue
        try:
            tree = ast.parse(str(statement["code"]))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in ast.walk(tree):
            if getattr(node, "lineno", 0) + first - 1 == line and _sets(node, value):
                return True
    return False


def _sets(node: ast.AST, value: Any) -> bool:
    if isinstance(node, ast.Assign):
        return _is(node.value, value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr != "cell":
            return False
        named = [keyword.value for keyword in node.keywords if keyword.arg == "value"]
        return any(_is(each, value) for each in [*node.args[2:3], *named])
    return False


def _is(node: ast.AST, value: Any) -> bool:
    try:
        found = ast.literal_eval(node)  # a constant, also a negative one
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False
    return type(found) is not bool and isinstance(found, int | float | str) and found == value
