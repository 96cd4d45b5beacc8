"""Find the code that magics run, after IPython has transformed them into calls."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from agent.permission.risk import rules
from agent.permission.risk.values import called_name

# The arguments of a cell magic can be code too: timeit's set-up, an expression in {}.
_PLAIN_WORDS = re.compile(r"[\w\s-]*")
_DOTTED_NAMES = re.compile(r"[\w\s.-]*")
_TIMING_OPTIONS = re.compile(r"\s*(?:-[nrtcpqo]\s*\d*\s+)*")


@dataclass(frozen=True, slots=True)
class Magic:
    """A magic as the check sees it.

    Attributes:
        refused: Its name, if it never runs; else empty.
        body: The code it runs, to be checked like a cell; ``None`` if there is none.
        lines_before: The number of lines from the call to that code.
    """

    refused: str = ""
    body: str | None = None
    lines_before: int = 0


def is_magic(func: ast.AST) -> bool:
    """Return whether a call of *func* is IPython's transformation of a magic or a ``!``."""
    return (
        isinstance(func, ast.Attribute)
        and isinstance(func.value, ast.Call)
        and called_name(func.value.func) == "get_ipython"
    )


def read_magic(node: ast.Call) -> Magic:
    """Return the magic of the call *node*."""
    method = node.func.attr if isinstance(node.func, ast.Attribute) else "?"
    words = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    if len(words) != len(node.args) or node.keywords or not words:
        return Magic(refused="a magic whose words only the run will know")
    if method == "run_line_magic":
        return _line_magic(words[0], " ".join(words[1:]))
    if method == "run_cell_magic" and len(words) == 3:
        return _cell_magic(*words)
    shown = {"system": "!", "getoutput": "!!"}.get(method)
    return Magic(refused=shown or f"%{words[0]}")


def _line_magic(name: str, line: str) -> Magic:
    if name == "matplotlib" and line.split()[:1] == ["inline"]:
        return Magic()
    if name in rules.LISTING_LINE_MAGICS and _DOTTED_NAMES.fullmatch(line):
        return Magic()
    if name == "config" and line.startswith(rules.DRAWING_OPTIONS):
        return Magic(body=line)
    if name in rules.HARMLESS_LINE_MAGICS:
        options = _TIMING_OPTIONS.match(line)
        return Magic(body=line[options.end() :] if options else line)
    return Magic(refused=f"%{name}")


def _cell_magic(name: str, line: str, body: str) -> Magic:
    if name in rules.HARMLESS_CELL_MAGICS and _PLAIN_WORDS.fullmatch(line):
        return Magic(body=body, lines_before=1)
    return Magic(refused=f"%{name}")
