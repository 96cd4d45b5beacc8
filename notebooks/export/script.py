"""Renders a notebook as one Python script with the code that ran, without refused code.

Its cells are marked as editors know them: the percent format of Spyder, VS Code and Jupytext.
"""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager

from notebooks.export.outcomes import ending_of
from notebooks.record.cells import PYTHON
from notebooks.record.chain import facts_of
from notebooks.record.document import Notebook, language_of

# Python reads an encoding from the first two lines only, so that a cell's text can't set one.
HEADER = """\
#!/usr/bin/env python
# coding: utf-8
# Exported from a Tallybook notebook. Run it in the directory that holds inputs/ and outputs/."""
TEXT, RAW = "# %% [markdown]", "# %% [raw]"
IPYTHON = """\
# It uses IPython's commands: run it with `ipython FILE`.
from IPython import get_ipython"""


@dataclass(frozen=True, slots=True)
class Piece:
    """One cell in the script.

    Attributes:
        heading: Comment lines before the code.
        code: Python that runs; ``""`` for none.
        source: The cell's text, used as a comment if *code* must be left out.
        futures: Names it imports from ``__future__``, which is allowed only at the file's top.
    """

    heading: str
    code: str = ""
    source: str = ""
    futures: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The piece as text for the file."""
        return f"{self.heading}\n{self.code}" if self.code else self.heading


def notebook_script(notebook: Notebook) -> str:
    """Render *notebook* as Python that compiles.

    Code that ran stays code, with IPython's syntax as calls of IPython. Code that was blocked,
    denied or interrupted, died or did not run becomes a comment with outcome and reason; so does
    text that is no Python. After a cell that raised, the script continues, like the notebook.
    """
    pieces = [_piece(cell) for cell in notebook.cells]
    text = _file(pieces)
    if _problem(text):
        text = _file(_that_stand_together(pieces))
    return text


def _file(pieces: list[Piece]) -> str:
    futures = dict.fromkeys(name for piece in pieces for name in piece.futures)
    top = [HEADER]
    if futures:
        top.append(f"from __future__ import {', '.join(futures)}")
    if any("get_ipython()" in piece.code for piece in pieces):
        top.append(IPYTHON)
    return "\n\n\n".join(["\n".join(top), *(piece.text for piece in pieces if piece.text)]) + "\n"


def _that_stand_together(pieces: list[Piece]) -> list[Piece]:
    """Return the pieces; make those comments that don't compile after the pieces before them."""
    kept: list[Piece] = []
    for piece in pieces:
        if piece.code and (problem := _problem(_file([*kept, piece]))):
            reason = f"It can't stand in one file with the code before it: {problem}"
            heading = f"{piece.heading}\n{_comment(reason)}\n{_comment(piece.source)}"
            kept.append(Piece(heading))
        else:
            kept.append(piece)
    return kept


def _piece(cell: Any) -> Piece:
    source = str(cell.source).replace("\r\n", "\n").replace("\r", "\n")
    if cell.cell_type == "markdown":
        return Piece(f"{TEXT}\n{_comment(source)}")
    ending = ending_of(cell)
    count = cell.get("execution_count") or " "
    heading = f"# %% In[{count}]"
    if cell.cell_type == "raw" and not ending.outcome:
        return Piece(f"{RAW}\n{_comment(source)}")
    if cell.cell_type != "code" or not ending.is_live:
        said = _comment(f"This cell {ending.sentence}")
        return Piece(f"{RAW}\n{said}\n{_comment(source)}")
    if (language := language_of(facts_of(cell))) != PYTHON:
        said = _comment(
            f"This cell is {language or 'in no known language'}, and ran in its own kernel"
        )
        return Piece(f"{heading}\n{said}\n{_comment(source)}")
    code = _python(source)
    if code is None:
        why = f": {ending.reason}" if ending.reason else "."
        return Piece(f"{heading}\n{_comment(f'This cell is no Python{why}')}\n{_comment(source)}")
    code, futures = _without_futures(code)
    if ending.outcome == "error":
        said = f"It ended in an error: {ending.reason or 'the record does not say which'}"
        heading = f"{heading}\n{_comment(said)}"
        code = _going_on(code)
    return Piece(heading, code, source, futures)


def _python(source: str) -> str | None:
    """Return *source* as Python; ``None`` if it can't be converted."""
    if not _problem(source):
        return source
    try:
        transformed = str(TransformerManager().transform_cell(source))
    except (SyntaxError, ValueError, RecursionError):
        return None
    if not _problem(transformed):
        return transformed
    if not _problem(transformed, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT):
        return f"{_comment(source)}\nget_ipython().run_cell({source!r})"
    return None


def _problem(source: str, flags: int = 0) -> str:
    """Return why *source* does not compile, or ``""``."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are for the user who runs the script
            compile(source, "cell", "exec", flags=flags, dont_inherit=True)
    except SyntaxError as error:
        return error.msg
    except (ValueError, OverflowError, RecursionError, MemoryError) as error:
        return str(error) or type(error).__name__
    return ""


def _without_futures(code: str) -> tuple[str, tuple[str, ...]]:
    """Return *code* without its imports from ``__future__``, and the imported names."""
    lines = code.split("\n")
    names: list[str] = []
    for node in ast.parse(code).body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            names.extend(alias.name for alias in node.names)
            first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
            before = lines[first].encode()[: node.col_offset].decode()
            after = lines[last].encode()[node.end_col_offset :].decode()
            lines[first : last + 1] = [f"{before}pass{after}", *[""] * (last - first)]
    return "\n".join(lines), tuple(names)


def _going_on(code: str) -> str:
    """Return *code* in a ``try`` that prints its exception and continues."""
    inside = set[int]()  # lines inside a string literal, which must not be indented
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Constant | ast.JoinedStr) and node.end_lineno:
            inside.update(range(node.lineno + 1, node.end_lineno + 1))
    lines = [
        line if number in inside or not line.strip() else f"    {line}"
        for number, line in enumerate(code.split("\n"), 1)
    ]
    return "\n".join(
        [
            "try:",
            *lines,
            "except (Exception, SystemExit):",
            '    __import__("traceback").print_exc()',
        ]
    )


def _comment(text: str) -> str:
    """Return *text* as comment lines; handles every kind of line break."""
    plain = text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()
    return "\n".join(f"# {line}".rstrip() for line in plain.splitlines())
