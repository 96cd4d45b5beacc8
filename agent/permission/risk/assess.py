"""Assess a cell's code before it runs: a seat belt in front of the sandbox.

IPython's syntax is first transformed to Python (magics and ``!`` become calls). Then the
syntax tree is walked, and names are followed through imports and assignments
(`agent.permission.risk.values`). Code that can't be parsed, or that has unknown syntax, never
runs. The kernel's audit hook (`container.inside.audit_hook`) refuses, at run time, calls that
this check can't see.
"""

from __future__ import annotations

import ast
import re
import sys
import warnings

from IPython.core.inputtransformer2 import TransformerManager

from agent.permission.risk.findings import Assessment
from agent.permission.risk.walk import Walker
from container.inside.cell_text import is_python

DEEPEST = 6000
MOST_MAGICS = 50
_MAGIC_LINES = re.compile(r"^[ \t]*[%!]|=[ \t]*[%!]", re.MULTILINE)
# The parser may warn: an unknown escape in a string, or a word right after a number.
_MAY_WARN = re.compile(r"\\|\d\.?[A-Za-z_]")


def assess(code: str) -> Assessment:
    """Return the findings in *code* and its imports, or why it can't be parsed."""
    try:
        tree = parse_cell(code)
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        return Assessment(syntax_error=f"SyntaxError: {where}{error.msg}")
    except (ValueError, RuntimeError, MemoryError) as error:  # too many magics, or too deep
        return Assessment(syntax_error=f"SyntaxError: {error or type(error).__name__}")
    # A chain of calls is a deep tree. A Python frame takes no C stack, so a high limit is safe.
    sys.setrecursionlimit(max(sys.getrecursionlimit(), DEEPEST))
    try:
        walker = Walker(tree, parse_cell)
        walker.visit(tree)
        walker.finish(tree)
    except RecursionError:
        return Assessment(syntax_error="SyntaxError: the code is nested too deeply")
    found = sorted(dict.fromkeys(walker.findings), key=lambda f: (f.line, f.column))
    return Assessment(findings=tuple(found), imports=tuple(dict.fromkeys(walker.imports)))


def parse_cell(code: str) -> ast.Module:
    """Return the syntax tree of *code* as IPython would run it.

    Raises:
        SyntaxError, ValueError, RuntimeError, MemoryError: It can't be parsed.
    """
    if is_python(code) and _MAY_WARN.search(code) is None:
        return ast.parse(code)
    if len(_MAGIC_LINES.findall(code)) > MOST_MAGICS:
        raise ValueError(f"a cell may have {MOST_MAGICS} magics")  # IPython takes seconds over more
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they concern the user's code, not the service's log
        source: str = TransformerManager().transform_cell(code)
        return ast.parse(source)
