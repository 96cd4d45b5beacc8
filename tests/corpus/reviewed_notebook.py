"""A recorded notebook that has one of everything that a reviewer has to see."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from notebooks.record.cells import CellIntent, Execution, Provenance
from notebooks.record.chain import Attester
from notebooks.record.recorder import NOTEBOOK, Recorder
from notebooks.record.undone import UNDO

DAY = "2026-03-02T09:"
MODEL = "gemini-3.8-flash-001"
TABLE = """<table class="dataframe"><thead><tr><th></th><th>Region</th><th>Sales</th></tr></thead>
<tbody><tr><th>0</th><td>North</td><td>72,543.46</td></tr>
<tr><th>1</th><td>West</td><td>76,028.01</td></tr></tbody></table>"""
CHART = """<svg xmlns="http://www.w3.org/2000/svg" width="420" height="160"><g fill="#0b4f9e">
<rect x="30" y="40" width="60" height="110"/><rect x="130" y="20" width="60" height="130"/>
<rect x="230" y="75" width="60" height="75"/></g></svg>"""


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Writer:
    """Records cells at fixed times, with fixed ids."""

    def __init__(self, directory: Path, extra: str, attester: Attester | None) -> None:
        self.recorder = Recorder.open(
            directory, conversation="conv_reviewed", path="main", attester=attester
        )
        self.directory, self.extra, self.count, self.turn = directory, extra, 0, "turn_1"
        self.files: dict[str, str] = {}

    def put(self, name: str, content: bytes) -> None:
        """Write a file below the directory; the next cell has it in ``files_after``."""
        file = self.directory / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
        self.files[name] = sha256(content)

    async def note(self, text: str, kind: str, **facts: Any) -> None:
        at = f"{DAY}{10 + len(self.recorder.cells):02}:00.000+00:00"
        await self.recorder.note(
            text + self.extra, {"turn": self.turn, "kind": kind, "at": at, **facts}
        )

    async def request(self, text: str) -> None:
        self.turn = f"turn_{len(self.recorder.cells) + 1}"
        await self.note(text, "request", user=f"anna.keller@example.com{self.extra}")

    async def code(
        self,
        source: str,
        outcome: Any = "ok",
        *,
        outputs: Sequence[Mapping[str, Any]] = (),
        risk: str = "low",
        findings: Sequence[Mapping[str, Any]] = (),
        decision: Mapping[str, Any] | None = None,
        before: Mapping[str, str] | None = None,
        **facts: Any,
    ) -> str:
        self.count += 1
        why = Provenance(
            turn_id=self.turn,
            model="gemini-3.8-flash",
            model_version=f"{MODEL}{self.extra}",
            risk=risk,
            findings=tuple(findings),
            decision=decision,
        )
        intent = CellIntent(
            id=f"code-{self.count}",
            source=source + (f"  # {self.extra}" if self.extra else ""),
            provenance=why,
            started=f"{DAY}{10 + self.count:02}:01.000+00:00",
            files_before=dict(self.files) if before is None else before,
        )
        execution = Execution(
            outcome=outcome,
            execution_count=self.count,
            outputs=tuple(outputs),
            finished=f"{DAY}{10 + self.count:02}:02.000+00:00",
            seconds=0.42,
            files_after=dict(self.files),
            **facts,
        )
        await self.recorder.commit(intent, execution)
        return intent.id


async def reviewed_notebook(
    directory: Path, extra: str = "", name: str = "", attester: Attester | None = None
) -> Path:
    """Record the notebook in *directory*, with the files it names.

    Args:
        directory: Where it goes.
        extra: Put into every text: requests, answers, outputs, names, findings, reasons.
        name: Put into the name of a file.
        attester: Signs it.

    Returns:
        The notebook file.
    """
    to = Writer(directory, extra, attester)
    for quarter in (1, 2, 3):
        to.put(f"inputs/sales_q{quarter}{name}.xlsx", f"quarter {quarter}".encode())
    await to.request("Stack these 3 workbooks and keep rows where Sales > 1000")
    before, made = dict(to.files), f"outputs/stacked_sales{name}.xlsx"
    to.put(made, b"stacked")
    await to.code(
        'import pandas as pd\n\nframes = [pd.read_excel(f"inputs/{name}") for name in input_files]\n'
        "stacked = pd.concat(frames, ignore_index=True)\n"
        'kept = stacked[stacked["Sales"] > 1000]\n'
        'kept.to_excel("outputs/stacked_sales.xlsx", index=False)\nkept.head()',
        before=before,
        inputs_read=[n for n in before if n.startswith("inputs/")],
        outputs=[
            {"output_type": "stream", "name": "stdout", "text": f"stacked: 180 rows\n{extra}"},
            {"output_type": "execute_result", "execution_count": 1, "metadata": {},
             "data": {"text/html": TABLE + extra, "text/plain": "a table"}},
        ],
        checks={made: []},
        computed={made: {"formulas": 12, "computed": 12, "errors": {}, "without_value": {}}},
        tie_out={"results": [{"status": "tied-out", "findings": [], "line": (
            "3 files, 180 rows, Sales 284,683.51; written: 111 rows, Sales 251,395.66; "
            f"69 rows left out by Sales > 1000{extra}")}]},
    )  # fmt: skip
    await to.note("The result is in `outputs/stacked_sales.xlsx`: 111 of 180 rows.", "answer")
    await to.request("Add the region names, and a chart of Sales by region")
    before, joined = dict(to.files), f"outputs/by_region{name}.xlsx"
    to.put(joined, b"joined")
    await to.code(
        'regions = pd.read_excel("inputs/sales_q1.xlsx")\njoined = kept.merge(regions, on="Region")\n'
        'joined.to_excel("outputs/by_region.xlsx")\njoined.groupby("Region")["Sales"].sum().plot.bar()',
        before=before,
        outputs=[{"output_type": "display_data", "metadata": {},
                  "data": {"image/svg+xml": CHART, "text/plain": f"<Figure>{extra}"}}],
        checks={joined: [{"code": "text-numbers", "count": 7,
                          "message": f"numbers are stored as text in B2:B8{extra}",
                          "hint": f"Convert them before you write.{extra}"}]},
        computed={joined: {"formulas": 9, "computed": 8,
                           "errors": {f"#DIV/0!{extra}": {"count": 1, "cells": ["Sheet1!C4"]}},
                           "without_value": {}}},
        tie_out={"results": [{"status": "suspicious", "findings": [
            {"code": "rows-multiplied", "message":
                f"the join gives 126 rows from 111: a key is there several times{extra}"}],
            "line": f"111 rows, Sales 251,395.66; written: 126 rows, Sales 288,102.10{extra}"}]},
    )  # fmt: skip
    await to.code(
        'import subprocess\nsubprocess.run(["cp", "outputs/by_region.xlsx", "/tmp"])',
        "blocked",
        risk="blocked",
        findings=[{"line": 2, "rule": "process", "reason": f"it starts a process{extra}"}],
        error={"code": "blocked", "message": f"Line 2: it starts a process.{extra}"},
    )
    await to.code(
        'import os\nos.remove("inputs/sales_q1.xlsx")', "blocked", risk="high",
        findings=[{"line": 2, "rule": "delete", "reason": f"it deletes an input{extra}"}],
        decision={"decision": "deny", "who": f"anna.keller@example.com{extra}",
                  "at": f"{DAY}20:30.000+00:00", "grant": None},
        error={"code": "denied", "message": "the user said no."},
    )  # fmt: skip
    await to.code(
        "big = [bytearray(10**9) for _ in range(100)]", "died",
        error={"code": "died", "message": f"It took more memory than 1 GB.{extra}"},
    )  # fmt: skip
    await to.code(
        'totals = joined["Sale"]', "error", error={"ename": "KeyError", "evalue": f"Sale{extra}"},
        outputs=[{"output_type": "error", "ename": "KeyError", "evalue": f"'Sale'{extra}",
                  "traceback": [f"\x1b[31mKeyError\x1b[0m: 'Sale'{extra}"]}],
    )  # fmt: skip
    before = dict(to.files)
    to.put(made, b"overwritten")
    gone = await to.code(
        'joined.to_excel("outputs/stacked_sales.xlsx")',
        risk="high",
        decision={"decision": "once", "who": f"anna.keller@example.com{extra}",
                  "at": f"{DAY}22:30.000+00:00", "grant": None},
        before=before,
    )  # fmt: skip
    await to.note("The totals are by region now.", "answer")
    to.put(made, b"stacked")
    await to.note(
        f"{extra} **Undone** by anna.keller@example.com: {made} was put back.", UNDO,
        user=f"anna.keller@example.com{extra}", without=[gone], undone=[gone], redone=[],
        restored=[made], removed=[], not_restored=[], files_after=dict(to.files), what="turn",
    )  # fmt: skip
    return directory / NOTEBOOK
