"""Assess a cell's code before it runs: a seat belt, in front of the sandbox.

The code is first turned from IPython into Python (magics and ``!`` become calls), then
walked as a syntax tree, with names followed through imports and assignments
(`agent.permission.risk.values`). What can't be parsed never runs, nor does a kind of syntax that
this check does not know. What it can't see, the kernel's audit hook refuses while it runs
(`container.inside.audit_hook`).
"""

from __future__ import annotations

import ast
import re
import warnings

from IPython.core.inputtransformer2 import TransformerManager

from agent.permission.risk.findings import Assessment
from agent.permission.risk.walk import Walker
from container.inside.cell_text import is_python

# What a parser warns of: an unknown escape in a string, a word right behind a number.
_MAY_WARN = re.compile(r"\\|\d\.?[A-Za-z_]")


def assess(code: str) -> Assessment:
    """Return every finding in *code*, its imports, or why it can't be parsed."""
    try:
        tree = parse_cell(code)
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        return Assessment(syntax_error=f"SyntaxError: {where}{error.msg}")
    except (ValueError, RecursionError, MemoryError) as error:
        return Assessment(syntax_error=f"SyntaxError: {error or type(error).__name__}")
    try:
        walker = Walker(tree, parse_cell)
        walker.visit(tree)
    except RecursionError:
        return Assessment(syntax_error="SyntaxError: the code is nested too deeply")
    found = sorted(dict.fromkeys(walker.findings), key=lambda f: (f.line, f.column))
    return Assessment(findings=tuple(found), imports=tuple(dict.fromkeys(walker.imports)))


def parse_cell(code: str) -> ast.Module:
    """Return the syntax tree of *code* as IPython would run it.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: It can't be parsed.
    """
    if is_python(code) and _MAY_WARN.search(code) is None:
        return ast.parse(code)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the user's code, of no use in a log
        source: str = TransformerManager().transform_cell(code)
        return ast.parse(source)
