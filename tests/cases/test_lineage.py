"""From a cell of a written workbook back to the code that wrote it and the rows it is made of."""

import asyncio
import json
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest
import pytest_asyncio
from click.testing import CliRunner
from openpyxl import load_workbook

from kernel_gateway.cli import cli
from kernel_gateway.terminal.client import ServiceRefused
from notebooks.ledger.verify import verify_notebook
from tests.cases import inputs

pytestmark = pytest.mark.asyncio(loop_scope="module")

REQUESTS = {
    "keep a total": ["ceiling = 5", "total = ceiling * 3"],
    "use a higher limit": ["ceiling = 50"],
}
PIVOT = """import pandas as pd
sales = pd.read_excel("inputs/sales.xlsx", header=2)
large = sales[sales["Sales"] > 300]
unused = pd.read_csv("inputs/other.csv")
pivot = large.pivot_table(index="Region", columns="Quarter", values="Sales", aggfunc="sum")
pivot.loc["Total"] = pivot.sum()
means = large.groupby("Region")["Sales"].mean().round(2).reset_index()
counts = large.groupby(["Region", "Quarter"]).size().reset_index(name="count")"""
WRITE_PIVOT = """with pd.ExcelWriter("outputs/pivot.xlsx") as writer:
    large.sort_values("Sales").to_excel(writer, sheet_name="Rows", index=False)
    pivot.to_excel(writer, sheet_name="Pivot", startrow=2)
    means.to_excel(writer, sheet_name="Means", index=False)
    counts.to_excel(writer, sheet_name="Counts", index=False)"""
CONCAT = """import pandas as pd
from pathlib import Path
frames = []
for file in sorted(Path("inputs").glob("month_*.xlsx")):
    frame = pd.read_excel(file)
    frame["Month"] = file.stem[-2:]
    frames.append(frame)
months = pd.concat(frames, ignore_index=True)
totals = months.groupby(["Customer"], as_index=False).agg(total=("Amount", "sum"))
totals.to_excel("outputs/months.xlsx", sheet_name="By customer", index=False)"""
MERGE = """import pandas as pd
orders = pd.read_csv("inputs/orders.csv")
people = pd.read_excel("inputs/people.xlsx")
merged = orders.merge(people, on="Person", how="left")
merged["Value"] = merged["Quantity"] * merged["Price"]
merged.groupby("Team")["Value"].sum().to_frame().to_excel("outputs/teams.xlsx")"""
RUNNING = """import pandas as pd
df = pd.read_csv("inputs/m.csv")
t = df.copy()
t["Running"] = t["Amt"].cumsum()
t.to_excel("outputs/running.xlsx", index=False)
pd.crosstab(df["Acct"], df["Region"]).to_excel("outputs/counts.xlsx")
df.groupby("Acct")["Amt"].sum().to_csv("outputs/accounts.csv")
for account, part in df.groupby("Acct"):
    part.to_excel(f"outputs/{account}.xlsx", index=False)"""
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
sheet["D1"] = 2.5
sheet["D2"] = "=B4*2"
book.save("outputs/ledger.xlsx")"""
STYLE = """book = load_workbook("outputs/ledger.xlsx")
book.active.column_dimensions["A"].width = 30
book.save("outputs/ledger.xlsx")"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pivot(running, tmp_path_factory):
    """A conversation that wrote a pivot; the frame that it read."""
    mixed = np.random.default_rng(7)
    frame = pd.DataFrame({
        "Region": mixed.choice(["North", "South", "West"], 90),
        "Quarter": mixed.choice(["Q1", "Q2", "Q3", "Q4"], 90),
        "Sales": mixed.integers(100, 900, 90) + 0.25,
    })  # fmt: skip
    directory = tmp_path_factory.mktemp("pivot")
    rows = [("Sales of the year",), (), list(frame.columns), *frame.itertuples(index=False)]
    file = inputs.workbook(directory / "sales.xlsx", rows, title="Data")
    (directory / "other.csv").write_text("a,b\n1,2\n")
    conversation = await running.conversation(file, directory / "other.csv")
    for code in (PIVOT, WRITE_PIVOT):
        assert (await conversation.execute(code))["status"] == "ok"
    return conversation, frame


async def traced(conversation, file, cell, **query):
    """Return what the API says of a cell."""
    more = "".join(f"&{k}={v}" for k, v in query.items())
    where = f"file={quote(file)}&cell={quote(cell)}{more}"
    return await conversation.running.client.get(f"{conversation.url}/notebook/trace?{where}")


def rows_of(source):
    return [n for first, last in source["rows"] for n in range(first, last + 1)]


async def test_a_cell_of_a_pivot_is_traced_to_the_filtered_rows_of_the_input(pivot):
    """The rows are those that pandas itself adds up, by their numbers in Excel."""
    conversation, frame = pivot

    found = await traced(conversation, "outputs/pivot.xlsx", "Pivot!C4")

    own = frame[(frame.Sales > 300) & (frame.Region == "North") & (frame.Quarter == "Q2")]
    assert found["origin"]["value"] == pytest.approx(own.Sales.sum())
    assert found["origin"]["computation"]["how"] == "sum"
    (source,) = found["origin"]["sources"]
    assert (source["file"], source["sheet"]) == ("inputs/sales.xlsx", "Data")
    assert rows_of(source) == [n + 4 for n in own.index]
    assert source["columns"] == ["Region", "Quarter", "Sales"]
    assert source["checked"]


async def test_the_trace_names_cell_code_variables_and_inputs_and_nothing_beside_the_way(pivot):
    conversation, _ = pivot

    found = await traced(conversation, "outputs/pivot.xlsx", "Pivot!C4", rows="false")

    writing = next(c for c in conversation.cells() if "".join(c["source"]) == WRITE_PIVOT)
    assert found["writer"]["id"] == writing["id"]
    assert found["variables"][:2] == ["sales", "large"]
    assert "unused" not in found["variables"]
    assert [each["file"] for each in found["inputs"]] == ["inputs/sales.xlsx"]
    assert set(found["inputs"][0]["columns"]) == {"Region", "Quarter", "Sales"}
    assert found["inputs"][0]["changed"] is False
    assert any("pivot_table" in step["code"] for step in found["steps"])


async def test_totals_means_counts_and_copied_rows_are_traced_too(pivot):
    conversation, frame = pivot
    large = frame[frame.Sales > 300]
    north = large[large.Region == "North"]
    north_q3 = large[(large.Region == "North") & (large.Quarter == "Q3")]
    second = large.sort_values("Sales").index[1]
    expected = {
        "Pivot!B7": ("sum", large[large.Quarter == "Q1"].index),  # the total of a column
        "Means!B2": ("mean", north.index),
        "Counts!C4": ("size", north_q3.index),
        "Rows!C3": ("value", [second]),
    }

    for cell, (how, index) in expected.items():
        found = await traced(conversation, "outputs/pivot.xlsx", cell)
        origin = found["origin"]
        assert origin["computation"]["how"] == how, cell
        assert rows_of(origin["sources"][0]) == sorted(n + 4 for n in index), cell
        assert origin["sources"][0]["checked"], cell


async def test_a_sum_over_several_files_is_traced_to_the_rows_of_each(running, tmp_path):
    january = [("Customer", "Amount"), ("A", 1.5), ("B", 2.25), ("A", 4)]
    february = [("Customer", "Amount"), ("B", 10), ("A", 20.125)]
    files = [
        inputs.workbook(tmp_path / "month_01.xlsx", january),
        inputs.workbook(tmp_path / "month_02.xlsx", february),
    ]
    conversation = await running.conversation(*files)
    await conversation.execute(CONCAT)

    found = await traced(conversation, "outputs/months.xlsx", "'By customer'!B2")

    assert found["origin"]["value"] == 25.625
    sources = {each["file"]: each for each in found["origin"]["sources"]}
    assert rows_of(sources["inputs/month_01.xlsx"]) == [2, 4]
    assert rows_of(sources["inputs/month_02.xlsx"]) == [3]
    assert all(each["checked"] for each in sources.values())


async def test_a_merge_is_traced_to_the_rows_of_both_files(running, tmp_path):
    """A column that the code computes is not claimed to have been checked."""
    orders = tmp_path / "orders.csv"
    orders.write_text("Person,Quantity,Price\nAda,2,1.5\nBob,3,10\nAda,1,7\nEve,5,2\n")
    rows = [("Person", "Team"), ("Ada", "Red"), ("Bob", "Blue"), ("Eve", "Red")]
    people = inputs.workbook(tmp_path / "people.xlsx", rows)
    conversation = await running.conversation(orders, people)
    await conversation.execute(MERGE)

    found = await traced(conversation, "outputs/teams.xlsx", "B3")

    assert found["origin"]["value"] == 2 * 1.5 + 7 + 5 * 2
    sources = {each["file"]: each for each in found["origin"]["sources"]}
    assert rows_of(sources["inputs/orders.csv"]) == [2, 4, 5]
    assert sources["inputs/orders.csv"]["columns"] == ["Person", "Quantity", "Price"]
    assert rows_of(sources["inputs/people.xlsx"]) == [2, 4]
    assert not any(each["checked"] for each in sources.values())
    assert any("not checked against the file" in line for line in found["words"])


async def test_counts_numeric_keys_and_running_totals_are_traced_as_far_as_is_known(
    running, tmp_path
):
    """Of a running total the row is named, and that other rows are in it."""
    rows = "Acct,Region,Amt\n4000,N,1.5\n4001,S,2\n4001,N,3\n4000,N,5.25\n"
    (tmp_path / "m.csv").write_text(rows)
    conversation = await running.conversation(tmp_path / "m.csv")
    await conversation.execute(RUNNING)

    count = await traced(conversation, "outputs/counts.xlsx", "B2")
    total = await traced(conversation, "outputs/accounts.csv", "B2")
    running_total = await traced(conversation, "outputs/running.xlsx", "D4")

    for found, how, expected in ((count, "size", [2, 5]), (total, "sum", [2, 5])):
        assert found["origin"]["computation"]["how"] == how
        assert rows_of(found["origin"]["sources"][0]) == expected
        assert found["origin"]["sources"][0]["checked"]
    made = running_total["origin"]["computation"]
    assert (made["across"], made["column"]) == (["cumsum"], "Running")
    assert not running_total["origin"]["sources"][0]["checked"]
    assert any("cumsum, over other rows as well" in line for line in running_total["words"])
    assert all(each["variables"] == ["df"] for each in (count, total))


async def test_a_row_that_a_loop_over_groups_wrote_is_that_row_and_no_minimum(running, tmp_path):
    """Each group has a file of its own; the first row of one is also its smallest number."""
    (tmp_path / "m.csv").write_text("Acct,Region,Amt\n4001,N,9\n4000,N,1.5\n4000,S,5\n4001,S,9\n")
    conversation = await running.conversation(tmp_path / "m.csv")
    await conversation.execute(RUNNING)

    for cell, row in (("4000.xlsx:C2", 3), ("4000.xlsx:C3", 4), ("4001.xlsx:C3", 5)):
        name, _, place = cell.partition(":")
        origin = (await traced(conversation, f"outputs/{name}", place))["origin"]
        assert origin["computation"]["how"] == "value", cell
        assert rows_of(origin["sources"][0]) == [row], cell
        assert origin["sources"][0]["checked"], cell


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ledger(running, tmp_path_factory):
    """A conversation that wrote a workbook with openpyxl, and later changed how it looks."""
    directory = tmp_path_factory.mktemp("ledger")
    rows = [("Account", "Amount"), ("4000", 10), ("4001", 2.5), ("4000", 7)]
    file = inputs.workbook(directory / "ledger.xlsx", rows, title="Book")
    conversation = await running.conversation(file)
    for code in (OPENPYXL, STYLE):
        assert (await conversation.execute(code))["status"] == "ok"
    return conversation


async def test_formulas_are_followed_through_their_precedents_to_rows(ledger):
    """D2 reads B4, which adds B2 and B3, which Python added from rows of the input."""
    found = await traced(ledger, "outputs/ledger.xlsx", "'It''s <b>'!D2")

    origin = found["origin"]
    assert origin["formula"] == "B4*2"
    assert origin["value"] == 39
    (area,) = origin["precedents"]
    (total,) = area["cells"]
    assert (total["cell"], total["formula"], total["value"]) == ("B4", "SUM(B2:B3)", 19.5)
    leaves = total["precedents"][0]["cells"]
    assert [rows_of(leaf["sources"][0]) for leaf in leaves] == [[2, 4], [3]]
    assert [leaf["sources"][0]["checked"] for leaf in leaves] == [True, True]


async def test_a_cell_that_only_changed_how_a_workbook_looks_did_not_write_its_values(ledger):
    found = await traced(ledger, "outputs/ledger.xlsx", "'It''s <b>'!B2")

    writing = next(c for c in ledger.cells() if "".join(c["source"]) == OPENPYXL)
    assert found["writer"]["id"] == writing["id"]
    assert any("saved it again" in note for note in found["notes"])
    assert found["origin"]["set_by"]["line"] == 11


async def test_a_constant_in_the_code_is_said_to_be_one(ledger):
    """Also if a row of the input has the same number."""
    found = await traced(ledger, "outputs/ledger.xlsx", "'It''s <b>'!D1")

    assert found["origin"]["kind"] == "constant"
    assert found["origin"]["code"]["line"] == 15
    assert "not computed from a file" in found["origin"]["reason"]


async def test_what_nothing_wrote_is_refused_or_said_to_be_empty(ledger):
    empty = await traced(ledger, "outputs/ledger.xlsx", "'It''s <b>'!ZZ900000")
    assert empty["origin"]["kind"] == "empty"

    missing_sheet = await traced(ledger, "outputs/ledger.xlsx", "Nowhere!A1")
    assert any("no sheet 'Nowhere'" in note for note in missing_sheet["notes"])

    for file, cell, status in (
        ("outputs/never.xlsx", "A1", 404),
        ("inputs/ledger.xlsx", "A1", 404),
        ("../../etc/passwd", "A1", 404),
        ("outputs/ledger.xlsx", "hello", 400),
        ("outputs/ledger.xlsx", "A1:B2", 400),
        ("", "A1", 400),
    ):
        with pytest.raises(ServiceRefused) as refused:
            await traced(ledger, file, cell)
        assert refused.value.status == status, (file, cell)


async def test_the_command_traces_a_copy_of_the_file_beside_its_notebook(pivot, tmp_path):
    """Offline: notebook, inputs and outputs as they are downloaded."""
    conversation, frame = pivot
    workspace = conversation.notebook.parent / "workspace"
    for name in ("inputs/sales.xlsx", "outputs/pivot.xlsx"):
        target = tmp_path / name
        target.parent.mkdir()
        target.write_bytes((workspace / name).read_bytes())
    (tmp_path / "notebook.ipynb").write_bytes(conversation.notebook.read_bytes())

    said = await command(tmp_path / "outputs/pivot.xlsx", "Means!B3")
    prov = json.loads((await command(tmp_path / "outputs/pivot.xlsx", "Means!B3", "--prov")).output)

    south = frame[(frame.Sales > 300) & (frame.Region == "South")]
    assert said.exit_code == 0
    assert f"mean of 'Sales' over {len(south)} rows" in said.output
    assert "checked: computed again from 'Sales' in the rows" in said.output
    entities = prov["entity"]
    rows = next(e for e in entities.values() if e["prov:type"] == "tb:Rows")
    assert rows["tb:count"] == len(south)
    names = {*entities, *prov["activity"], *prov["agent"]}
    for kind in ("used", "wasGeneratedBy", "wasDerivedFrom", "wasAssociatedWith", "hadMember"):
        for relation in prov[kind].values():
            ends = [v for k, v in relation.items() if k.startswith("prov:")]
            assert set(ends) <= names, kind


async def test_a_file_that_was_changed_since_is_said_to_be(pivot, tmp_path):
    conversation, _ = pivot
    home = tmp_path / "home"
    (home / "outputs").mkdir(parents=True)
    (home / "inputs").mkdir()
    workspace = conversation.notebook.parent / "workspace"
    (home / "inputs/sales.xlsx").write_bytes((workspace / "inputs/sales.xlsx").read_bytes())
    (home / "notebook.ipynb").write_bytes(conversation.notebook.read_bytes())
    book = load_workbook(workspace / "outputs/pivot.xlsx")
    book["Pivot"]["C4"] = 1
    book.save(home / "outputs/pivot.xlsx")

    said = await command(home / "outputs/pivot.xlsx", "Pivot!C4")

    assert said.exit_code == 0
    assert "was changed after cell" in said.output
    assert "the rows are not known" in said.output


async def test_no_rows_are_named_of_an_input_that_is_another_file_now(running, tmp_path):
    """Also if the same number stands in it by chance."""
    file = inputs.workbook(tmp_path / "in.xlsx", [("Region", "Sales"), ("N", 5), ("S", 20)])
    conversation = await running.conversation(file)
    await conversation.execute(
        "import pandas as pd\nsales = pd.read_excel('inputs/in.xlsx')\n"
        "sales.groupby('Region').sum().to_excel('outputs/sums.xlsx')"
    )
    inputs.workbook(file, [("Region", "Sales"), ("N", 1), ("N", 2), ("S", 20)])
    await running.client.upload(conversation.url, [file], replace=True)

    found = await traced(conversation, "outputs/sums.xlsx", "B3")

    assert found["origin"]["value"] == 20
    assert found["origin"]["kind"] == "unknown"
    assert "'inputs/in.xlsx' changed since it was read" in found["origin"]["reason"]
    assert found["inputs"][0]["changed"] is True


async def test_a_file_that_is_in_no_record_is_refused_with_a_reason(pivot, tmp_path):
    conversation, _ = pivot
    alone = tmp_path / "alone.xlsx"
    inputs.workbook(alone, [("A", "B"), (1, 2)])

    beside = await command(alone, "B2")
    named = await command(alone, "B2", "--notebook", str(conversation.notebook))

    assert beside.exit_code == 2
    assert "--notebook" in beside.output
    assert named.exit_code == 1
    assert "no recorded cell wrote it" in named.output
    assert "Traceback" not in beside.output + named.output


async def command(file: Path, cell: str, *more: str):
    arguments = ["trace", str(file), cell, *more]
    return await asyncio.to_thread(CliRunner().invoke, cli, arguments)


async def test_a_traced_notebook_still_verifies(pivot):
    conversation, _ = pivot

    await traced(conversation, "outputs/pivot.xlsx", "Pivot!C4")

    assert verify_notebook(conversation.notebook).verified


async def test_the_cell_that_wrote_a_file_holds_its_map_which_is_signed_with_it(pivot, tmp_path):
    """Anybody can follow it with a JSON reader; a change of it is found like one of the code."""
    conversation, _ = pivot
    cells = [cell for cell in conversation.cells() if cell["cell_type"] == "code"]
    reading, writing = cells[0], next(c for c in cells if "".join(c["source"]) == WRITE_PIVOT)

    found = writing["metadata"]["tallybook"]["lineage"]["outputs/pivot.xlsx"]
    changed = json.loads(conversation.notebook.read_text())
    (cell,) = (each for each in changed["cells"] if each["id"] == writing["id"])
    cell["metadata"]["tallybook"]["lineage"]["outputs/pivot.xlsx"]["read"][0][0] = "inputs/b.xlsx"
    (tmp_path / "changed.ipynb").write_text(json.dumps(changed))

    lines = "".join(reading["source"]).splitlines()
    assert set(found["code"]) == {reading["id"], writing["id"]}
    on_the_way = [lines[line - 1] for line in found["code"][reading["id"]]]
    assert any("large = " in line for line in on_the_way)
    assert not any("unused" in line for line in on_the_way)
    (table,) = found["read"]
    assert table[:2] == ["inputs/sales.xlsx", "Data"]
    assert set(table[2:]) == {"Region", "Quarter", "Sales"}
    assert "lineage" not in reading["metadata"]["tallybook"]
    report = verify_notebook(tmp_path / "changed.ipynb")
    assert [(p.cell_id, p.field) for p in report.problems][:1] == [
        (writing["id"], "tallybook.lineage")
    ]


async def test_a_cell_holds_no_map_of_files_that_another_one_wrote(pivot):
    conversation, _ = pivot
    for code in ("len(large)", "means.to_csv('outputs/means.csv')"):
        await conversation.execute(code)

    looked, wrote = (c["metadata"]["tallybook"] for c in conversation.cells()[-2:])

    assert "lineage" not in looked
    assert list(wrote["lineage"]) == ["outputs/means.csv"]


async def test_a_cell_is_stale_once_a_later_one_changes_what_it_used(running, tmp_path):
    """By a variable, by its result, and by a file; not by a comment, import or equal constant."""
    file = inputs.workbook(tmp_path / "sales.xlsx", [("Region", "Sales"), ("N", 5), ("S", 20)])
    conversation = await running.conversation(file)
    for code in (
        "limit = 10",
        "import pandas as pd\nlarge = pd.read_excel('inputs/sales.xlsx').query('Sales > @limit')",
        "count = len(large) + limit",
        "double = count * 2",
        "import pandas as pd\nlimit = 10\nother = 3",
    ):
        await conversation.execute(code)
    assert conversation.of_kind("cell.stale") == []

    await conversation.execute("limit = 4")

    stale = conversation.of_kind("cell.stale")
    cells = [cell for cell in conversation.cells() if cell["cell_type"] == "code"]
    count, double = cells[2], cells[3]
    assert [each["cell"] for each in stale][-2:] == [count["id"], double["id"]]
    assert stale[-1]["through"]
    assert "'limit'" in stale[-2]["reason"]
    assert {each["by"] for each in stale} == {cells[-1]["id"]}

    inputs.workbook(file, [("Region", "Sales"), ("N", 500)])
    await running.client.upload(conversation.url, [file], replace=True)
    view = (await running.client.get(f"{conversation.url}/notebook/staleness"))["stale"]

    reading = next(each for each in view if each["files"])
    assert reading["files"] == ["inputs/sales.xlsx"]
    assert reading["cell"] == cells[1]["id"]
    assert "is not the one it read" in reading["reason"]
    assert verify_notebook(conversation.notebook).verified


async def test_the_answer_and_the_model_are_given_what_a_request_made_stale(ask, tmp_path):
    first = await ask("keep a total")

    second = await ask("use a higher limit", after=first)

    (stale,) = second.conversation.of_kind("cell.stale")
    answers = ["".join(c["source"]) for c in second.conversation.cells()
               if c["metadata"]["tallybook"].get("kind") == "answer"]  # fmt: skip
    assert "stale" not in answers[0]
    assert stale["reason"] in answers[1]
    assert "is stale: " in second.seen
