"""Whether code computes a column from other rows too: a running total, a share of a sum, a rank."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

ACROSS = frozenset(
    """cumsum cumprod cummax cummin cumcount ngroup shift diff pct_change rolling expanding ewm
    transform rank ffill bfill pad backfill interpolate sum mean median max min std var sem count
    nunique size quantile mode first last nth value_counts searchsorted factorize qcut cut
    accumulate average percentile""".split()
)
"""Methods and functions whose value in one row may depend on others."""
_OF_A_TEXT = frozenset({"str", "dt", "cat"})


def across_rows(statements: Sequence[Mapping[str, Any]], column: str) -> list[str]:
    """Return the names of functions over several rows with which the code computes *column*.

    Args:
        statements: The code on the way (see `Replay.run`).
        column: Name of the column.

    Returns:
        The names, sorted; empty if each row's value is computed from that row, as far as is seen.
    """
    trees = [tree for statement in statements if (tree := _parsed(str(statement["code"])))]
    setting = [tree for tree in trees if column in set(_names_columns(tree))]
    wanted = {name for tree in setting for name in _loaded(tree)} - _frames(setting)
    found = {name for tree in setting for name in _calls(tree)}
    for tree in reversed(trees):
        if tree not in setting and wanted & set(_stored(tree)):
            found |= set(_calls(tree))
            wanted |= set(_loaded(tree))
    return sorted(found & ACROSS)


def _parsed(code: str) -> ast.Module | None:
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _names_columns(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg  # frame.assign(Total=…)


def _calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if isinstance(owner, ast.Attribute) and owner.attr in _OF_A_TEXT:
                continue  # frame["Name"].str.count("x")
            if not any(
                keyword.arg == "axis" and _is_columns(keyword.value) for keyword in node.keywords
            ):
                yield node.func.attr
                yield from (text for text in _texts(node) if node.func.attr in ("transform", "agg"))


def _texts(node: ast.Call) -> Iterator[str]:
    return (a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str))


def _is_columns(node: ast.AST) -> bool:
    """Whether an ``axis`` goes along a row."""
    return isinstance(node, ast.Constant) and node.value in (1, "columns")


def _loaded(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id


def _stored(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.FunctionDef):
            yield node.name


def _frames(trees: Sequence[ast.AST]) -> set[str]:
    """Return the names of the frames that get the column: their other columns are not looked at."""
    found = set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            found.add(node.value.id)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            base: ast.AST = node.func
            while isinstance(base, ast.Attribute | ast.Subscript | ast.Call):
                base = base.func if isinstance(base, ast.Call) else base.value
            if isinstance(base, ast.Name):
                found.add(base.id)
    return found
