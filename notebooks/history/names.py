"""The variables that a cell's code sets, as far as its text shows."""

from __future__ import annotations

import ast

_SCOPES = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def assigned_names(source: str) -> frozenset[str]:
    r"""Return the names that *source*, a cell, binds at its top level.

    Names that code binds in other ways (``exec``, ``globals()``, star imports) are not found; of a
    cell that is no Python, none are.

    >>> sorted(assigned_names("import os.path, re as r\nfor i in x: y, *z = i"))
    ['i', 'os', 'r', 'y', 'z']
    """
    from IPython.core.inputtransformer2 import TransformerManager  # late: it takes 0.2 s

    try:
        tree = ast.parse(TransformerManager().transform_cell(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    found: set[str] = set()
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
            continue
        if isinstance(node, _SCOPES):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.alias) and node.name != "*":
            found.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            found.add(node.name)
        waiting.extend(ast.iter_child_nodes(node))
    return frozenset(found)
