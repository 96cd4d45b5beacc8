"""What people ask of their sales, from the upload to a workbook whose numbers are right.

Each number is held against one that plain Python gets from the cells of the uploaded files.
"""

from __future__ import annotations

import asyncio
import datetime
import json
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio
from openpyxl import load_workbook

from kernel_gateway.terminal.rerun import rerun_file
from notebooks.ledger.verify import verify_notebook
from tests.conftest import EXAMPLES, Conversation, RunningGateway, code_reply, exchange, gateways
from tests.corpus import orders as corpus
from tests.network_servers import Server, http_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOP = "Analyze this sales data and show me top 5 products by revenue"
TOTALS = "Calculate total revenue and average order value"
LARGE = "Find all orders above $1000 and create a summary"
PIVOT = "Create a pivot table showing sales by region and product"
UNIQUE = "Combine these files and show unique customer count"
STACK = "Stack these files vertically and sort by date"
CONSOLIDATE = "Stack these 3 workbooks but only keep rows where Sales > 1000"
LOW = "Use pandas to calculate sum of column C"
HIGH = "List what is in the home directory with os"
DOWNLOAD = "Download sales data from our API"

READ = """import pandas as pd

orders = pd.read_excel("inputs/orders.xlsx", sheet_name="Orders", header=3)
orders = orders[orders["Date"] != "Total"]
orders["Date"] = pd.to_datetime(orders["Date"])
orders["Revenue"] = orders["Quantity"] * orders["Price"]
print(f"{len(orders)} orders, revenue {orders['Revenue'].sum():.2f}")"""
COMBINE = """import pandas as pd

frames = [pd.read_excel(f"inputs/{name}", sheet_name="Orders", header=3) for name in input_files]
stacked = pd.concat([frame[frame["Date"] != "Total"] for frame in frames], ignore_index=True)
stacked["Date"] = pd.to_datetime(stacked["Date"])
stacked["Customer"] = stacked["Customer"].str.strip()
print(f"{len(stacked)} orders of {len(frames)} files")"""
TRANSCRIPT = json.loads(
    (EXAMPLES.parent / "agent/standin/transcripts/stack_sales.json").read_text()
)["exchanges"][0]["reply"]["run_code"]
CELLS = {
    TOP: """
top = orders.groupby("Product")["Revenue"].sum().nlargest(top_count).round(2).reset_index()
top.to_excel("outputs/top_products.xlsx", sheet_name="Top", index=False)
print(top.to_string(index=False))""",
    TOTALS: """total = orders["Revenue"].sum()
average = total / len(orders)
print(f"total {total:.2f}, average {average:.2f}")""",
    LARGE: """large = orders[orders["Revenue"] > min_revenue].sort_values("Revenue", ascending=False)
summary = large.groupby("Region")["Revenue"].agg(["count", "sum"]).round(2).reset_index()
with pd.ExcelWriter("outputs/large_orders.xlsx") as writer:
    large.to_excel(writer, sheet_name="Orders", index=False)
    summary.to_excel(writer, sheet_name="Summary", index=False)
print(f"{len(large)} of {len(orders)} orders, {large['Revenue'].sum():.2f}")""",
    PIVOT: """pivot = orders.pivot_table(
    index="Region", columns="Product", values="Revenue", aggfunc="sum", fill_value=0,
    margins=True, margins_name="Total",
).round(2)
pivot.to_excel("outputs/pivot.xlsx", sheet_name="Pivot")
print(pivot.to_string())""",
    UNIQUE: f"""{COMBINE}
unique = stacked["Customer"].str.casefold().nunique()
print(f"unique customers: {{unique}}")""",
    STACK: f"""{COMBINE}
stacked = stacked.sort_values("Date", kind="stable", ignore_index=True)
stacked.to_excel("outputs/stacked.xlsx", sheet_name="Stacked", index=False)""",
    LOW: """import pandas as pd

column = pd.read_excel("inputs/orders.xlsx", sheet_name="Orders", header=3, usecols="A,C")
print("sum of Quantity:", column.loc[column["Date"] != "Total", "Quantity"].sum())""",
    HIGH: "import os\nprint(os.listdir('/root'))",
    DOWNLOAD: """import pandas as pd
import requests

reply = requests.get("{url}/api/sales", timeout=30)
reply.raise_for_status()
sales = pd.DataFrame(reply.json())
sales["revenue"] = sales["quantity"] * sales["price"].astype(float)
sales.to_excel("outputs/api_sales.xlsx", sheet_name="Sales", index=False)
print(f"{{len(sales)}} orders, revenue {{sales['revenue'].sum():.2f}}")""",
}
PARAMETERS = {TOP: {"top_count": 5}, LARGE: {"min_revenue": 1000}}
READ_FIRST = {TOP, TOTALS, LARGE, PIVOT}
"""Requests that are about `orders`, which the first of a conversation has to read."""
REFUSED = {"text": "That can't be run here: code never gets at the operating system."}
DENIED = {"text": "Nothing was downloaded, since it was not allowed."}


def script(url: str) -> list[dict]:
    """Return the model's replies: the code, then an answer or what it makes of a refusal."""
    made = []
    for request, cell in CELLS.items():
        code = cell.format(url=url) if request == DOWNLOAD else cell.strip()
        code = f"{READ}\n{code}" if request in READ_FIRST else code
        made += exchange(request, code_reply(*code.splitlines(), **PARAMETERS.get(request, {})))
        for saw, answer in (
            ('"status": "ok"', {"text": "Done; the numbers are above."}),
            ("the user said no", DENIED),
            ('"status": "blocked"', REFUSED),
        ):
            made.append({"when": {"request": request, "after": 1, "saw": saw}, "reply": answer})
    return [*made, *exchange(CONSOLIDATE, {"run_code": TRANSCRIPT}, {"text": "Stacked."})]


@dataclass
class Sales:
    """The service, the files and the API that all tests share."""

    running: RunningGateway
    server: Server
    files: list[Path]

    async def ask(self, request: str, *files: Path) -> Asked:
        conversation = await self.running.conversation(*files)
        return Asked(conversation, await conversation.ask(request))

    async def asked_permission(self, request: str) -> tuple[Conversation, dict]:
        conversation = await self.running.conversation()
        await conversation.connection.send("turn.request", request=request)
        return conversation, (await conversation.until("permission.required"))["data"]


@dataclass
class Asked:
    """A request that has ended."""

    conversation: Conversation
    finished: dict

    @property
    def printed(self) -> str:
        outputs = [each["output"] for each in self.conversation.of_kind("cell.output")]
        return "".join(each.get("text", "") for each in outputs)

    def sheet(self, file: str, sheet: str) -> list[tuple]:
        """Return the rows of a sheet of outputs/, which was checked and is sound."""
        [checked] = self.conversation.of_kind("workbook.checked")
        assert (checked["name"], checked["findings"]) == (f"outputs/{file}", [])
        for result in self.conversation.of_kind("result.checked"):
            assert [f for f in result["findings"] if f["severity"] == "suspicious"] == []
        path = self.conversation.notebook.parent / "workspace" / "outputs" / file
        return [tuple(row) for row in load_workbook(path)[sheet].iter_rows(values_only=True)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sales(tmp_path_factory):
    directory = tmp_path_factory.mktemp("sales")
    starts = [datetime.date(2025, month, 1) for month in (1, 4, 7)]
    files = [
        corpus.save(directory / "orders.xlsx", corpus.orders(7, starts[0], 150), "Orders 2025")
    ]
    for number, start in enumerate(starts, 1):
        rows = corpus.orders(20 + number, start, 40 + number)
        files.append(corpus.save(directory / f"sales_q{number}.xlsx", rows, f"Q{number} 2025"))
    with http_server() as server:
        server.pages["/api/sales"] = corpus.as_json(corpus.orders(31, starts[0], 60))
        async with gateways(directory / "data") as start:
            running = await start(script(server.url), network_private="127.0.0.0/8")
            yield Sales(running, server, files)


def by(rows, *names):
    """Return the revenue of *rows* by the attributes *names*, to the cent."""
    sums = defaultdict(Decimal)
    for row in rows:
        sums[tuple(getattr(row, name) for name in names)] += row.revenue
    return sums


def cents(value):
    return pytest.approx(float(value), abs=0.005)


async def test_top_products_by_revenue(sales):
    asked = await sales.ask(TOP, sales.files[0])

    found = by(corpus.read(sales.files[0]), "product")
    expected = sorted(found.items(), key=lambda item: -item[1])[:5]
    header, *rows = asked.sheet("top_products.xlsx", "Top")
    assert asked.finished["status"] == "ok"
    assert header == ("Product", "Revenue")
    assert rows == [(product, cents(revenue)) for (product,), revenue in expected]


async def test_total_revenue_and_average_order_value(sales):
    asked = await sales.ask(TOTALS, sales.files[0])

    revenues = [row.revenue for row in corpus.read(sales.files[0])]
    total, average = sum(revenues), sum(revenues) / len(revenues)
    assert asked.finished["status"] == "ok"
    assert asked.printed.splitlines()[-1] == f"total {total:.2f}, average {average:.2f}"


async def test_orders_above_1000_are_found_and_summed_up(sales):
    asked = await sales.ask(LARGE, sales.files[0])

    large = [row for row in corpus.read(sales.files[0]) if row.revenue > 1000]
    _, *rows = asked.sheet("large_orders.xlsx", "Orders")
    _, *summary = asked.sheet("large_orders.xlsx", "Summary")
    assert 1000 in [row.revenue for row in corpus.read(sales.files[0])]  # which is not above
    assert sorted(row[-1] for row in rows) == [cents(v) for v in sorted(r.revenue for r in large)]
    assert summary == [
        (region, sum(row.region == region for row in large), cents(revenue))
        for (region,), revenue in sorted(by(large, "region").items())
    ]


async def test_a_pivot_by_region_and_product(sales):
    asked = await sales.ask(PIVOT, sales.files[0])

    rows = corpus.read(sales.files[0])
    cells = by(rows, "region", "product")
    (_, *products, _), *body, total = asked.sheet("pivot.xlsx", "Pivot")
    assert (products, [row[0] for row in body]) == (
        sorted(corpus.PRODUCTS),
        sorted(corpus.REGIONS),
    )
    for region, *values, whole in body:
        assert values == [cents(cells[region, product]) for product in products]
        assert whole == cents(by(rows, "region")[region,])
    assert total[-1] == cents(sum(cells.values()))


async def test_unique_customers_of_several_files_combined(sales):
    asked = await sales.ask(UNIQUE, *sales.files[1:])

    rows = [row for file in sales.files[1:] for row in corpus.read(file)]
    unique = {row.customer.strip().casefold() for row in rows}
    assert len({row.customer for row in rows}) > len(unique)  # they are typed in several ways
    assert f"{len(rows)} orders of 3 files" in asked.printed
    assert f"unique customers: {len(unique)}" in asked.printed


async def test_files_stacked_and_sorted_by_date(sales):
    asked = await sales.ask(STACK, *sales.files[1:])

    rows = [row for file in sales.files[1:] for row in corpus.read(file)]
    expected = sorted(rows, key=lambda row: row.date)  # those of one day keep their order
    header, *found = asked.sheet("stacked.xlsx", "Stacked")
    assert header == corpus.COLUMNS
    assert [(row[0].date(), *row[1:]) for row in found] == [
        (row.date, row.product, row.quantity, cents(row.price), row.customer.strip(), row.region)
        for row in expected
    ]


async def test_three_workbooks_of_different_structure_become_one_table(sales):
    files = sorted(EXAMPLES.glob("*.xlsx"))
    asked = await sales.ask(CONSOLIDATE, *files)

    expected = []
    for file, sheet, first, (date, region, product, units, amount) in (
        (files[0], "Sales Q1", 5, (0, 1, 2, 3, 4)),
        (files[1], "Q2", 4, (1, 0, 2, 3, 4)),
        (files[2], "Data", 6, (3, 2, 0, 4, 1)),
    ):
        for row in load_workbook(file)[sheet].iter_rows(min_row=first, values_only=True):
            if row[units] is None or "otal" in str(row[0]):
                continue
            day = row[date]
            day = datetime.datetime.strptime(day, "%d/%m/%Y") if isinstance(day, str) else day
            line = (day, row[region].capitalize(), row[product], row[units], cents(row[amount]))
            expected += [line] if row[amount] > 1000 else []
    header, *found = asked.sheet("stacked_sales.xlsx", "Stacked")
    assert header == ("Quarter", "Date", "Region", "Product", "Units", "Sales")
    assert [row[1:] for row in found] == expected


async def test_a_request_of_low_risk_runs_without_asking(sales):
    asked = await sales.ask(LOW, sales.files[0])

    quantity = sum(row.quantity for row in corpus.read(sales.files[0]))
    assert f"sum of Quantity: {quantity}" in asked.printed
    assert asked.conversation.of_kind("permission.required") == []
    assert {each["risk"] for each in asked.conversation.of_kind("risk.assessed")} == {"low"}


async def test_a_request_of_medium_risk_asks_first_with_code_address_and_reason(sales):
    conversation, asked = await sales.asked_permission(DOWNLOAD)

    assert f"{sales.server.url}/api/sales" in asked["preview"]
    assert [(each["method"], each["url"]) for each in asked["network"]] == [
        ("GET", f"{sales.server.url}/api/sales")
    ]
    assert "network" in asked["explanation"]
    await conversation.connection.send("permission.reply", id=asked["id"], decision="deny")
    finished = (await conversation.until("turn.finished"))["data"]
    assert finished["answer"] == DENIED["text"]
    assert conversation.of_kind("network.called") == []
    assert conversation.of_kind("cell.started") == []


async def test_a_request_of_high_risk_never_runs_and_the_answer_says_so(sales):
    asked = await sales.ask(HIGH)

    assert asked.finished["answer"] == REFUSED["text"]
    assert asked.conversation.of_kind("cell.started") == []
    assert asked.conversation.of_kind("permission.required") == []


async def test_sales_downloaded_from_an_api_that_was_allowed(sales):
    conversation, asked = await sales.asked_permission(DOWNLOAD)
    await conversation.connection.send("permission.reply", id=asked["id"], decision="once")
    done = Asked(conversation, (await conversation.until("turn.finished"))["data"])

    sent = json.loads(sales.server.pages["/api/sales"])
    revenue = sum(each["quantity"] * Decimal(each["price"]) for each in sent)
    header, *rows = done.sheet("api_sales.xlsx", "Sales")
    [call] = conversation.of_kind("network.called")
    assert (call["url"], call["status"]) == (f"{sales.server.url}/api/sales", 200)
    assert len(rows) == len(sent)
    assert sum(Decimal(str(row[header.index("revenue")])) for row in rows) == cents(revenue)
    assert f"{len(sent)} orders, revenue {revenue:.2f}" in done.printed


async def test_a_request_is_recorded_signed_and_can_be_run_again(sales):
    asked = await sales.ask(PIVOT, sales.files[0])

    verified = verify_notebook(asked.conversation.notebook)
    report = await asyncio.to_thread(rerun_file, asked.conversation.notebook, parameters={})

    assert verified.verified
    assert report.verdict == "reproduced"
