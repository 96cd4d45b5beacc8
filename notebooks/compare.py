"""Compare a re-run with the record, by value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from notebooks.cells import REST_OF_OUTPUT

Verdict = Literal["reproduced", "differs", "failed", "not-run"]
WORKBOOK_SUFFIXES = frozenset({".xlsx", ".xlsm"})
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def outputs_difference(recorded: Sequence[Mapping[str, Any]], again: Sequence[Any]) -> str:
    """Return what differs between two output lists in plain words, or ``""``."""
    before, after = [list(_comparable(outputs)) for outputs in (recorded, again)]
    after = _cut_alike(before, after)
    if before == after:
        return ""
    for number, (one, other) in enumerate(zip(before, after, strict=False), 1):
        if one != other:
            return f"output {number} differs: {_short(one[1])} became {_short(other[1])}"
    return f"{len(before)} outputs became {len(after)}"


def _cut_alike(
    before: list[tuple[str, str]], after: list[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Cut printed text of *after* where the record of *before* was cut for its length."""
    cut = list(after)
    for number, (one, other) in enumerate(zip(before, after, strict=False)):
        if one[0] == other[0] == "stream" and (rest := REST_OF_OUTPUT.search(one[1] + "\n")):
            length = rest.start()
            cut[number] = ("stream", (other[1][:length] + one[1][length:]))
    return cut


def _comparable(outputs: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    joined: list[tuple[str, str]] = []
    for output in outputs:
        kind = output["output_type"]
        if kind == "stream":
            if output["name"] == "stderr":
                continue  # warnings name paths and times
            entry = ("stream", _plain(output["text"]))
            if joined and joined[-1][0] == "stream":
                entry = ("stream", joined.pop()[1] + entry[1])
        elif kind == "error":
            entry = ("error", f"{output['ename']}: {_plain(output['evalue'])}")
        else:
            data = output["data"]
            image = next((data[m] for m in sorted(data) if m.startswith("image/")), None)
            value = image if image is not None else data.get("text/plain", sorted(data))
            entry = ("data", _plain(value))
        joined.append(entry)
    return joined


def _plain(value: Any) -> str:
    text = "".join(value) if isinstance(value, list) else str(value)
    return _ADDRESS.sub("0x…", _ANSI.sub("", text)).strip()


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "…")


def workbook_difference(one: Path, other: Path) -> str:
    """Return the first difference of two workbooks' sheets, values and formulas, or ``""``."""
    try:
        first, second = (load_workbook(path, read_only=True) for path in (one, other))
    except (OSError, ValueError, KeyError, BadZipFile, InvalidFileException) as error:
        return f"a workbook can't be read ({type(error).__name__})"
    try:
        if first.sheetnames != second.sheetnames:
            return f"sheets {first.sheetnames} became {second.sheetnames}"
        for name in first.sheetnames:
            if difference := _sheet_difference(first[name], second[name]):
                return f"{name}!{difference}"
    finally:
        first.close()
        second.close()
    return ""


def _sheet_difference(first: Any, second: Any) -> str:
    if not hasattr(first, "iter_rows") or not hasattr(second, "iter_rows"):
        return ""  # a chart sheet holds no cells
    rows_one, rows_two = list(first.iter_rows()), list(second.iter_rows())
    if len(rows_one) != len(rows_two):
        return f" {len(rows_one)} rows became {len(rows_two)}"
    for row_one, row_two in zip(rows_one, rows_two, strict=True):
        if len(row_one) != len(row_two):
            return f" {len(row_one)} columns became {len(row_two)}"
        for a, b in zip(row_one, row_two, strict=True):
            if a.value != b.value:
                return f"{a.coordinate}: {_short(str(a.value))} became {_short(str(b.value))}"
    return ""
