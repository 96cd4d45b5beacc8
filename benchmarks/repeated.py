"""What a request costs the second time: the same question of another month's file."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import xlsxwriter

from agent.memory.worked_code import OPENING
from agent.prompts.tokens import estimate_tokens
from agent.standin.server import StandinServer
from benchmarks.running import scripted
from kernel_gateway.terminal.client import GatewayClient, path_url

REQUEST = "What is the net amount by region?"
RIGHT = """\
import pandas as pd
from pathlib import Path
file = sorted(Path('inputs').glob('*.xlsx'))[0]
frame = pd.read_excel(file, header=2)
frame = frame[frame['Region'].notna() & (frame['Region'] != 'Total')]
net = frame['Gross Amount'] - frame['Tax'] - frame['Returns'].fillna(0)
print('net by region'); print(net.groupby(frame['Region']).sum())"""
WRONG = RIGHT.replace("header=2", "header=0")


def _calls(name: str, **arguments: Any) -> dict[str, Any]:
    return {"parts": [{"functionCall": {"name": name, "args": arguments}}]}


EXCHANGES = [
    {"when": {"saw": "net by region\\nRegion"}, "reply": {"text": "It is shown above."}},
    {"when": {"after": 0, "saw": OPENING[:40]}, "reply": _calls("run_code", code=RIGHT)},
    {"when": {"after": 0}, "reply": _calls("describe_table", file="sales.xlsx")},
    {"when": {"after": 1}, "reply": _calls("run_code", code=WRONG)},
    {"when": {"after": 2}, "reply": _calls("run_code", code=RIGHT)},
    {"when": {"after": 3}, "reply": {"text": "It is shown above."}},
]
"""A model that looks the table up, reads it wrong once, and mends that; unless it has code that
worked on such a table."""


async def measure_repeated(directory: Path) -> list[tuple[str, float, float, str, str]]:
    """Ask once, then again in another conversation with another file of the same columns."""
    async with scripted(directory, EXCHANGES) as (client, standin):
        first = await _asked(client, standin, _workbook(directory / "one", 1))
        second = await _asked(client, standin, _workbook(directory / "two", 2))
    return [
        ("The same request of next month's file: calls of the model", second[0], first[0] / 2,
         "calls", f"the first time: {first[0]}"),
        ("… tokens sent, system prompt and tools included", second[1], first[1] * 0.75,
         "tokens", f"the first time: {first[1]:,}"),
    ]  # fmt: skip


async def _asked(client: GatewayClient, standin: StandinServer, file: Path) -> tuple[int, int]:
    """Ask in a new conversation with *file*; return how often the model was called, and tokens."""
    conversation = str((await client.post("/api/v1/conversations", {}))["id"])
    await client.upload(path_url(conversation), [file])
    before = len(standin.requests)
    connection = await client.connect(path_url(conversation))
    await connection.send("turn.request", request=REQUEST)
    async for event in connection.events():
        if event["kind"] == "turn.finished":
            break
    sent = standin.requests[before:]
    return len(sent), sum(estimate_tokens(json.dumps(each)) for each in sent)


def _workbook(directory: Path, month: int) -> Path:
    directory.mkdir()
    path = directory / "sales.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Sales")
        sheet.write(0, 0, f"Sales of month {month}")
        sheet.write_row(2, 0, ["Region", "Day", "Gross Amount", "Tax", "Returns"])
        date = book.add_format({"num_format": "yyyy-mm-dd"})
        for row in range(60):
            day = datetime.date(2026, month, row % 28 + 1)
            sheet.write_row(row + 3, 0, [("North", "South", "East")[row % 3]])
            sheet.write_datetime(row + 3, 1, datetime.datetime.combine(day, datetime.time()), date)
            sheet.write_row(row + 3, 2, [100.5 * row, 19.25 * row, 3.5 * (row % 4)])
        sheet.write_row(63, 0, ["Total", "", 177885.0, 34072.5, 315.0])
    return path
