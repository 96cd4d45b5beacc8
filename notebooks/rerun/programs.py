"""What compares the files and pictures of a re-run, which hostile code may have made.

The command and the service pass programs that run in a sandbox (`agent.checks`); this layer has
none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from notebooks.rerun.compare import by_bytes
from notebooks.workbooks.compare.difference import Comparison, Problem
from notebooks.workbooks.compare.workbooks import compare_workbooks
from notebooks.workbooks.read import identify
from notebooks.workbooks.values import Unreadable

LAYERS = ("sheets", "values", "formulas", "formats", "objects")
"""Parts of the package beside these may hold when and where it was written."""
WORKBOOKS = frozenset({"xlsx", "xlsm", "xltx", "xltm", "xlsb", "xls", "ods", "xml2003"})
"""Kinds of files that have the content of a workbook."""
MOST_PLACES = 2000
"""Differences listed of each layer: those of two runs are matched by place."""


def _compare_here(before: Path, after: Path) -> Comparison:
    try:
        for which, path in (("before", before), ("after", after)):
            if (kind := identify(path)).kind not in WORKBOOKS:
                return _unread(before, after, which, f"it is no workbook, but {kind.description}")
        return compare_workbooks(before, after, layers=LAYERS, most=MOST_PLACES)
    except OSError:
        raise
    except Unreadable as error:
        return _unread(before, after, "", error.message)
    except Exception as error:  # noqa: BLE001 (a broken file can make a reader raise anything)
        return _unread(before, after, "", type(error).__name__)


def _unread(before: Path, after: Path, which: str, why: str) -> Comparison:
    problem = Problem(file=which, code="not-compared", message=why, hint="")
    return Comparison(before=before.name, after=after.name, tolerance=0.0, problem=problem)


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """How workbooks and pictures are compared.

    Attributes:
        workbooks: Compares two files; raises `OSError` if one can't be opened.
        pictures: Returns how two pictures look different; empty if they look the same.
    """

    workbooks: Callable[[Path, Path], Comparison] = _compare_here
    pictures: Callable[[bytes, bytes], str] = by_bytes


IN_THIS_PROCESS = Programs()
