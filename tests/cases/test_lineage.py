"""From a cell of a written workbook back to the code that wrote it and the rows it is made of."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from kernel_gateway.cli import cli
from tests.cases import inputs

pytestmark = pytest.mark.asyncio(loop_scope="module")

PIVOT = """import pandas as pd
sales = pd.read_excel("inputs/sales.xlsx")
large = sales[sales["Sales"] > 300]
pivot = large.pivot_table(index="Region", columns="Quarter", values="Sales", aggfunc="sum")
totals = large.groupby("Region")["Sales"].mean().reset_index()
with pd.ExcelWriter("outputs/pivot.xlsx") as writer:
    large.to_excel(writer, sheet_name="Rows", index=False)
    pivot.to_excel(writer, sheet_name="Pivot")
    totals.to_excel(writer, sheet_name="Means", index=False)"""
CONCAT = """import pandas as pd
from pathlib import Path
frames = []
for file in sorted(Path("inputs").glob("month_*.xlsx")):
    frame = pd.read_excel(file)
    frame["Month"] = file.stem[-2:]
    frames.append(frame)
months = pd.concat(frames, ignore_index=True)
by_month = months.groupby(["Customer"], as_index=False).agg(total=("Amount", "sum"))
by_month.to_excel("outputs/months.xlsx", sheet_name="By customer", index=False)"""
MERGE = """import pandas as pd
orders = pd.read_csv("inputs/orders.csv")
people = pd.read_excel("inputs/people.xlsx")
merged = orders.merge(people, on="Person", how="left")
merged["Value"] = merged["Quantity"] * merged["Price"]
merged.groupby("Team")["Value"].sum().to_frame().to_excel("outputs/teams.xlsx")"""
OPENPYXL = """from openpyxl import Workbook, load_workbook
source = load_workbook("inputs/ledger.xlsx", data_only=True)["Book"]
sums = {}
for account, amount in source.iter_rows(min_row=2, values_only=True):
    sums[account] = sums.get(account, 0) + amount
book = Workbook()
sheet = book.active
sheet.title = "It's <b>"
sheet.append(["Account", "Amount"])
for account, amount in sums.items():
    sheet.append([account, amount])
last = sheet.max_row
sheet.cell(last + 1, 1, "Total")
sheet.cell(last + 1, 2, f"=SUM(B2:B{last})")
sheet["D1"] = 12345.5
book.save("outputs/ledger.xlsx")"""
REQUESTS = {"a pivot": [PIVOT], "stack them": [CONCAT], "by team": [MERGE], "with openpyxl": [OPENPYXL]}


def sales(path):
    """Sales of 3 regions and 4 quarters, in a fixed disorder."""
    mixed = np.random.default_rng(7)
    frame = pd.DataFrame({
        "Region": mixed.choice(["North", "South", "West"], 60),
        "Quarter": mixed.choice(["Q1", "Q2", "Q3", "Q4"], 60),
        "Sales": mixed.integers(100, 900, 60) + 0.25,
    })  # fmt: skip
    frame.to_excel(path, index=False, sheet_name="Data")
    return frame


def traced(asked, file, cell, *more):
    """Return what `tallybook trace` prints."""
    name = asked.outputs / file
    notebook = asked.conversation.notebook
    result = CliRunner().invoke(cli, ["trace", str(name), cell, "--notebook", str(notebook), *more])
    return result


async def test_try(ask, tmp_path):
    frame = sales(tmp_path / "sales.xlsx")
    asked = await ask("a pivot", tmp_path / "sales.xlsx")
    import asyncio
    for cell in ("Pivot!B2", "Pivot!C3", "Means!B2", "Rows!C5"):
        out = await asyncio.to_thread(traced, asked, "pivot.xlsx", cell)
        print(out.output)
        if out.exception and not isinstance(out.exception, SystemExit):
            raise out.exception
    inputs.workbook(tmp_path / "month_01.xlsx", [("Customer", "Amount"), ("A", 1.5), ("B", 2.25), ("A", 4)])
    inputs.workbook(tmp_path / "month_02.xlsx", [("Customer", "Amount"), ("B", 10), ("A", 20.125)])
    asked = await ask("stack them", tmp_path / "month_01.xlsx", tmp_path / "month_02.xlsx")
    out = await asyncio.to_thread(traced, asked, "months.xlsx", "B2")
    print(out.output)
    (tmp_path / "orders.csv").write_text("Person,Quantity,Price\nAda,2,1.5\nBob,3,10\nAda,1,7\nEve,5,2\n")
    inputs.workbook(tmp_path / "people.xlsx", [("Person", "Team"), ("Ada", "Red"), ("Bob", "Blue"), ("Eve", "Red")])
    asked = await ask("by team", tmp_path / "orders.csv", tmp_path / "people.xlsx")
    out = await asyncio.to_thread(traced, asked, "teams.xlsx", "B3")
    print(out.output)
    inputs.workbook(tmp_path / "ledger.xlsx", [("Account", "Amount"), ("4000", 10), ("4001", 2.5), ("4000", 7)], title="Book")
    asked = await ask("with openpyxl", tmp_path / "ledger.xlsx")
    for c in ("B4","D1","B2","Z9"):
        out = await asyncio.to_thread(traced, asked, "ledger.xlsx", f"'It''s <b>'!{c}")
        print(out.output)
    raise SystemExit
