"""What a cell wrote is tied out against what was read; the user, the model and the record know."""

import json

from kernel_gateway.terminal.client import path_url
from notebooks.export.formats import EXPORTS
from notebooks.ledger.verify import verify_notebook
from tests.conftest import PIVOT, STACK, Conversation, code_reply, exchange
from tests.jupyter_client import Client, new_kernel

READ = "import pandas as pd\nframe = pd.read_excel('inputs/sales_q1.xlsx', header=3)\n"
TWICE = (
    "keys = pd.DataFrame({'Region': ['North', 'North', 'South', 'East', 'West']})",
    "frame = frame[frame['Region'].notna()].merge(keys, on='Region', how='left')",
    "frame.to_excel('outputs/joined.xlsx', index=False)",
)


async def test_a_filter_and_a_later_pivot_tie_out_with_the_uploads(start_gateway, examples):
    """The pivot is of a frame that an earlier request read, stacked and filtered."""
    running = await start_gateway()
    conversation = await running.conversation(*examples)

    await conversation.ask(STACK)
    await conversation.ask(PIVOT)

    stacked, pivot = conversation.of_kind("result.checked")
    assert (stacked["status"], pivot["status"]) == ("tied-out", "tied-out")
    assert stacked["line"].startswith(
        "3 files, 183 rows read (3 total rows among them) -> 111 rows written to "
        "outputs/stacked_sales.xlsx; 3 left out by "
    )
    assert (
        "69 left out by filter Sales > 1000 (line 29); Sales 284,683.51 -> 251,395.66"
        in (stacked["line"])
    )
    assert "Sales 284,683.51 -> 251,395.66 ties out with the rows that were kept" in pivot["line"]
    assert [each["cell"] for each in pivot["left_out"]] == [stacked["cell"]] * 2
    assert stacked["line"] in json.dumps(running.standin.requests)


async def test_the_model_the_user_and_the_record_get_what_is_suspicious(start_gateway, examples):
    script = exchange("join", code_reply(*READ.splitlines(), *TWICE), {"text": "Done."})
    running = await start_gateway(script)
    conversation = await running.conversation(*examples)

    await conversation.ask("join")

    [result] = conversation.of_kind("result.checked")
    [finding] = result["findings"]
    assert (result["status"], finding["code"]) == ("suspicious", "rows-multiplied")
    told = json.dumps(running.standin.requests[-1])
    assert f"SUSPICIOUS: {finding['message']} {finding['hint']}" in told
    facts = conversation.cells()[-2]["metadata"]["tallybook"]["tie_out"]
    assert facts["results"] == [{key: result[key] for key in result if key != "cell"}]
    assert facts["reads"][0]["sheet"] == "Sales Q1"
    verify_notebook(conversation.notebook)
    page = EXPORTS["html"](conversation.notebook).decode()
    assert 'class="suspicious">Tie-out: 1 file, ' in page
    assert "a key is there several times" in page


async def test_code_of_a_jupyter_client_is_tied_out_and_its_reply_is_its_own(start_gateway):
    running = await start_gateway([])
    client = await Client(running, await new_kernel(running)).connect()

    await client.execute(
        "import pandas as pd\n"
        "made = pd.DataFrame({'Region': list('NSEWN'), 'Sales': [1.5, 2, 3, 4, 5]})\n"
        "made.to_csv('outputs/a.csv', index=False)\n"
        "pd.read_csv('outputs/a.csv').to_excel('outputs/b.xlsx', index=False)"
    )
    while (message := await client.next())["header"]["msg_type"] != "execute_reply":
        pass

    assert message["content"]["payload"] == []
    [listed] = (await running.client.get("/api/v1/conversations"))["conversations"]
    made = listed["id"]
    watched = Conversation(running, made, await running.client.connect(path_url(made)))
    await watched.until("turn.finished")
    [result] = watched.of_kind("result.checked")
    assert result["line"] == (
        "1 file, 5 rows read -> 5 rows written to outputs/b.xlsx; Sales 15.50 ties out"
    )


async def allowed(conversation, code):
    """Run *code*, which asks for a permission that is given."""
    await conversation.connection.send("execute.request", code=code)
    asked = (await conversation.until("permission.required"))["data"]
    await conversation.connection.send("permission.reply", id=asked["id"], decision="once")
    await conversation.until("turn.finished")


async def test_a_cell_can_lie_about_its_frames_but_not_about_its_files(start_gateway, examples):
    conversation = await (await start_gateway([])).conversation(*examples)

    await allowed(
        conversation,
        f"{READ}import workbooks.tie_out.journal as journal\n"
        "frame = frame[frame['Region'].notna()]\n"
        "frame.iloc[5:].to_excel('outputs/cut.xlsx', index=False)\n"
        "noted = journal.take()\n"
        "noted['writes'][-1]['rows'] = 60\n"
        "noted['writes'][-1]['columns'][4]['sum'] = 97940.19\n"
        "journal.take = lambda: noted",
    )
    await conversation.execute(
        "journal.take = lambda: {'reads': [5, {'file': []}], 'writes': 'x', 'steps': [{}]}\n"
        "frame.to_csv('outputs/forged.csv')"
    )

    cut, forged = conversation.of_kind("result.checked")
    assert "61 rows read (1 total row among them) -> 55 rows written" in cut["line"]
    assert forged["status"] == "not-tied-out"
    assert [f["status"] for f in conversation.of_kind("cell.finished")] == ["ok", "ok"]


async def test_a_cell_that_uses_no_table_has_no_tie_out(start_gateway):
    conversation = await (await start_gateway([])).conversation()

    await conversation.execute("x = 1")
    await conversation.execute("import pandas as pd\nframe = pd.DataFrame({'a': [1, 2]})")

    assert [c["metadata"]["tallybook"]["tie_out"] for c in conversation.cells()] == [{}, {}]
    assert conversation.of_kind("result.checked") == []
