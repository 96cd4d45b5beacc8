"""What a cell has written is checked, and everybody who relies on it is told."""

import json
from hashlib import sha256

import xlsxwriter

from notebooks.ledger.verify import verify_notebook
from tests.conftest import code_reply, exchange

FORMULAS = (
    "from openpyxl import Workbook",
    "book = Workbook()",
    "book.active.append([1, '=A1*2'])",
    "book.save('outputs/doubled.xlsx')",
)


UNKNOWN = tuple(line.replace("=A1*2", "=_xlfn.STOCKHISTORY(A1)") for line in FORMULAS)


async def test_formulas_are_computed_and_everybody_gets_their_values(start_gateway):
    running = await start_gateway(
        exchange("sums", code_reply(*SUMS), {"text": "Done."})
        + exchange("read", code_reply(READ), {"text": "42."})
    )
    conversation = await running.conversation()

    await conversation.ask("sums")

    [checked] = conversation.of_kind("workbook.checked")
    steps = conversation.of_kind("cell.checking")
    assert [step["step"] for step in steps] == ["check", "formulas"]
    assert all(step["names"] == ["outputs/sums.xlsx"] for step in steps)
    of_cell = (e for e in conversation.events if e["data"].get("cell") == checked["cell"])
    kinds = [event["kind"] for event in of_cell]
    assert kinds.index("cell.started") < kinds.index("cell.checking") < kinds.index("cell.finished")
    computed = checked["computed"]
    assert computed["message"] == "computed 3 formulas; 1 gives #DIV/0!: Sheet!A4"
    assert computed["cells"] == {"Sheet!A4": "#DIV/0!", "Sheet!B3": "10 in all", "Sheet!A3": 42}
    assert [finding["code"] for finding in checked["findings"]] == ["formula-errors"]
    told = json.dumps(running.standin.requests[-1])
    assert "computed 3 formulas; 1 gives #DIV/0!: Sheet!A4" in told
    assert '"Sheet!A3": 42' in told or '\\"Sheet!A3\\": 42' in told
    facts = conversation.cells()[-2]["metadata"]["tallybook"]
    assert facts["computed"]["outputs/sums.xlsx"]["computed"] == 3
    file = conversation.notebook.parent / "workspace/outputs/sums.xlsx"
    assert facts["files_after"]["outputs/sums.xlsx"] == sha256(file.read_bytes()).hexdigest()
    verify_notebook(conversation.notebook)

    await conversation.ask("read")

    assert "read 42.0" in json.dumps(conversation.of_kind("cell.output")[-1])


SUMS = (
    "from openpyxl import Workbook",
    "book = Workbook()",
    "sheet = book.active",
    "sheet.append(['Amount', 'Note'])",
    "sheet.append([42, 10])",
    "sheet.append(['=SUM(A2:A2)', '=B2&\" in all\"'])",
    "sheet.append(['=A2/0'])",
    "book.save('outputs/sums.xlsx')",
)
READ = "import pandas as pd\nprint('read', float(pd.read_excel('outputs/sums.xlsx')['Amount'][1]))"


async def test_a_file_that_the_kernel_holds_open_is_left_to_it(start_gateway):
    conversation = await (await start_gateway([])).conversation()

    await conversation.execute("\n".join((*FORMULAS, "held = open('outputs/doubled.xlsx', 'r+b')")))

    [checked] = conversation.of_kind("workbook.checked")
    assert checked["computed"]["problem"] == "the kernel still has it open"
    assert [finding["code"] for finding in checked["findings"]] == ["formulas-without-values"]


async def test_the_user_the_model_and_the_record_are_told_of_formulas_without_values(start_gateway):
    running = await start_gateway(exchange("double it", code_reply(*UNKNOWN), {"text": "Done."}))
    conversation = await running.conversation()

    await conversation.ask("double it")

    [checked] = conversation.of_kind("workbook.checked")
    assert checked["name"] == "outputs/doubled.xlsx"
    assert [finding["code"] for finding in checked["findings"]] == ["formulas-without-values"]
    told = json.dumps(running.standin.requests[-1])
    assert "1 of 1 formulas have no computed value" in told
    cell = conversation.cells()[-2]
    assert cell["metadata"]["tallybook"]["checks"] == {"outputs/doubled.xlsx": checked["findings"]}
    verify_notebook(conversation.notebook)


async def test_a_sound_workbook_is_said_to_be_sound(start_gateway):
    conversation = await (await start_gateway([])).conversation()

    await conversation.execute(
        "import pandas as pd\npd.DataFrame({'a': [1]}).to_excel('outputs/a.xlsx', index=False)"
    )

    assert conversation.of_kind("workbook.checked") == [
        {"cell": conversation.of_kind("cell.started")[-1]["cell"], "name": "outputs/a.xlsx",
         "findings": []}
    ]  # fmt: skip


async def test_a_writer_never_closed_and_a_file_in_the_wrong_place_are_named(start_gateway):
    conversation = await (await start_gateway([])).conversation()

    await conversation.execute(
        "import pandas as pd\n"
        "open('outputs/cut.xlsx', 'w').close()\n"
        "pd.DataFrame({'a': [1]}).to_excel('report.xlsx')"
    )

    found = {
        checked["name"]: [finding["code"] for finding in checked["findings"]]
        for checked in conversation.of_kind("workbook.checked")
    }
    assert found == {"outputs/cut.xlsx": ["file-unreadable"], "report.xlsx": ["outside-outputs"]}


MADE_UP = "pd.DataFrame({'Sales': [1, 2]}).to_excel('outputs/made.xlsx', index=False)"


async def test_data_that_come_from_the_code_alone_are_named(start_gateway, examples):
    conversation = await (await start_gateway([])).conversation(*examples)

    await conversation.execute(f"import pandas as pd\n{MADE_UP}")
    await conversation.execute("frame = pd.read_excel('inputs/sales_q1.xlsx')")
    await conversation.execute(MADE_UP.replace("made", "read"))

    found = {
        checked["name"]: [finding["code"] for finding in checked["findings"]]
        for checked in conversation.of_kind("workbook.checked")
    }
    assert found == {"outputs/made.xlsx": ["nothing-read"], "outputs/read.xlsx": []}
    read = [cell["metadata"]["tallybook"]["inputs_read"] for cell in conversation.cells()]
    assert read == [[], ["inputs/sales_q1.xlsx"], []]


async def test_what_a_cell_read_before_it_failed_counts_for_its_repair(start_gateway, examples):
    conversation = await (await start_gateway([])).conversation(*examples)

    await conversation.execute(
        "import pandas as pd\nframe = pd.read_excel('inputs/sales_q1.xlsx')\nframe.absent"
    )
    await conversation.execute("frame.to_excel('outputs/read.xlsx', index=False)")

    [checked] = conversation.of_kind("workbook.checked")
    assert checked["findings"] == []


async def test_without_uploads_there_is_nothing_to_read(start_gateway):
    conversation = await (await start_gateway([])).conversation()

    await conversation.execute(f"import pandas as pd\n{MADE_UP}")

    assert conversation.of_kind("workbook.checked")[0]["findings"] == []


async def test_formulas_that_were_lost_beside_the_wanted_change_are_named(start_gateway, tmp_path):
    """``data_only`` reads values: what is saved then has no formula any more."""
    with xlsxwriter.Workbook(tmp_path / "plan.xlsx") as book:
        sheet = book.add_worksheet()
        for n in range(1, 21):
            sheet.write_row(n - 1, 0, [f"A{n}", n])
            sheet.write_formula(n - 1, 2, f"=B{n}*2", None, n * 2)
    conversation = await (await start_gateway([])).conversation(tmp_path / "plan.xlsx")
    saved = "book.active['B3'] = 99\nbook.save('outputs/plan.xlsx')"

    for options in ("", ", data_only=True"):
        await conversation.execute(
            "from openpyxl import load_workbook\n"
            f"book = load_workbook('inputs/plan.xlsx'{options})\n{saved}"
        )

    kept, lost = (
        {finding["code"]: finding["count"] for finding in checked["findings"]}
        for checked in conversation.of_kind("workbook.checked")
    )
    assert "changed-besides" not in kept
    assert lost["changed-besides"] == 20
