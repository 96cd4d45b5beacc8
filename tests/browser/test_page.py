"""The service's own page in a real browser."""

import asyncio
import base64
import json
from urllib.request import Request, urlopen

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.conftest import PIVOT, STACK, code_reply, exchange

HOSTILE = (
    "<img src=x onerror=\\\"document.title='owned'\\\"><script>document.title='owned'</script>"
)


async def test_a_person_uploads_asks_and_sees_answer_chart_and_files(pane, start_gateway, examples):
    gateway = (await start_gateway()).gateway

    def drive():
        pane.open(gateway)
        pane.upload(*examples)
        pane.find(".file", "sales_q3.xlsx")
        pane.ask(STACK)
        pane.ask(PIVOT)
        pane.find(".answer", "pivot of Sales by Region")
        pane.find(".file", "sales_pivot.xlsx")
        card = pane.find(".result", "sales_pivot.xlsx")
        download = card.find_element(By.CSS_SELECTOR, "a[download]").get_attribute("href")
        picture = pane.find("#log img.picture").get_attribute("src")
        return picture, download, card.text, pane.driver.current_url

    picture, download, card, url = await asyncio.to_thread(drive)

    assert base64.b64decode(picture.partition(",")[2]).startswith(b"\x89PNG")
    assert "token" not in url
    assert "nothing wrong" in card
    headers = {"Authorization": f"Bearer {gateway.services.token}"}
    content = await asyncio.to_thread(lambda: urlopen(Request(download, headers=headers)).read())
    assert content.startswith(b"PK")


async def test_nothing_is_made_before_something_is_asked(pane, start_gateway):
    running = await start_gateway(exchange("count", {"text": "Two."}))

    def drive():
        pane.open(running.gateway)
        pane.driver.refresh()
        pane.find(".welcome")

    await asyncio.to_thread(drive)
    before = (await running.client.get("/api/v1/conversations"))["conversations"]
    await asyncio.to_thread(lambda: (pane.ask("count"), pane.find(".answer", "Two.")))
    after = (await running.client.get("/api/v1/conversations"))["conversations"]

    assert before == []
    assert [each["title"] for each in after] == ["count"]


async def test_a_reload_shows_everything_again(pane, start_gateway):
    running = await start_gateway(
        exchange("count", code_reply("print('one two')"), {"text": "Two."})
    )

    def drive():
        pane.open(running.gateway)
        pane.ask("count")
        pane.find(".answer", "Two.")
        pane.find(".foot")
        before = pane.log()
        pane.driver.refresh()
        pane.find(".answer", "Two.")
        reloaded = pane.log()
        pane.driver.get(running.url)  # without the conversation in the address: the last one
        pane.find(".answer", "Two.")
        return before, reloaded, pane.log()

    before, reloaded, reopened = await asyncio.to_thread(drive)

    assert "one two" in before
    assert before == reloaded == reopened


async def test_permission_is_asked_with_what_it_covers(pane, start_gateway):
    code = code_reply("import urllib.request\nprint(urllib.parse.quote('a b'))")
    running = await start_gateway(exchange("encode", code, {"text": "Done."}))

    def drive():
        pane.open(running.gateway)
        pane.ask("encode")
        asked = pane.find(".permission", "Allow once").text
        findings = pane.findings()
        pane.click(".permission .once")
        pane.find(".answer", "Done.")
        return asked, findings, pane.log()

    asked, findings, log = await asyncio.to_thread(drive)

    assert "every use of the library urllib" in asked
    assert findings == []
    assert "a%20b" in log
    assert "Allowed once" in log


async def test_a_display_that_is_updated_shows_its_last_content_only(pane, start_gateway):
    code = code_reply("shown = display('10 %', display_id=True)", "shown.update('all of it')")
    running = await start_gateway(exchange("progress", code, {"text": "Finished."}))

    def drive():
        pane.open(running.gateway)
        pane.ask("progress")
        pane.find(".answer", "Finished.")
        return [each.text for each in pane.all("#log pre.printed")]

    assert await asyncio.to_thread(drive) == ["'all of it'"]


async def test_a_frame_is_a_table_that_can_be_sorted(pane, start_gateway):
    code = code_reply(
        "import pandas as pd",
        "pd.DataFrame({'name': ['a', 'b', 'c'], 'sales': [20.0, 100.0, 3.0]})",
    )
    running = await start_gateway(exchange("table", code, {"text": "There."}))

    def column():
        return [each.text for each in pane.all(".grid tbody td.number")]

    def drive():
        pane.open(running.gateway)
        pane.ask("table")
        pane.find(".answer", "There.")
        before = column()
        pane.click(".grid .sort", "sales")
        pane.find(".grid th[aria-sort=ascending]")
        up = column()
        pane.click(".grid .sort", "sales")
        pane.find(".grid th[aria-sort=descending]")
        return before, up, column()

    before, up, down = await asyncio.to_thread(drive)

    assert before == ["20.0", "100.0", "3.0"]
    assert up == ["3.0", "20.0", "100.0"]
    assert down == ["100.0", "20.0", "3.0"]


async def test_hostile_output_is_shown_as_text_and_never_run(pane, start_gateway, tmp_path):
    code = code_reply(
        "class H:",
        f'    def _repr_html_(self): return "<table class=dataframe><tr><td>{HOSTILE}</table>"',
        f'    def __repr__(self): return "{HOSTILE}"',
        "from IPython.display import HTML, display",
        f'display({{"image/svg+xml": "<svg onload=\'parent.document.title=1\'>{HOSTILE}</svg>"}}, raw=True)',
        f'display(HTML("{HOSTILE}"))',
        "display(H())",
        f'open("outputs/a<img src=x onerror=alert(1)>.csv", "w").write("{HOSTILE}")',
        f'raise ValueError("{HOSTILE}")',
    )
    answer = HOSTILE.replace("\\", "") + " [link](javascript:alert(1)) ![p](javascript:alert(1))"
    running = await start_gateway(exchange("attack", code, {"text": answer}))
    refused = tmp_path / "x<img src=x onerror=alert(1)>.csv"
    kept = tmp_path / "cells.csv"
    for file in (refused, kept):
        file.write_text(f"a,b\n{HOSTILE},=1+1\n")

    def drive():
        pane.open(running.gateway)
        pane.upload(refused, kept)
        pane.find(".upload-problem", "onerror")
        pane.find(".file", "cells.csv")
        pane.ask("attack")
        pane.find(".answer", "onerror")
        pane.find(".result", "a<img")
        pane.find(".foot")
        links = [each.get_attribute("href") or "" for each in pane.all("#log a")]
        scripts = pane.driver.execute_script(
            "return document.querySelectorAll('#log script, #log [onerror], #log svg script, .files [onerror]').length"
        )
        pane.click("[aria-label='Preview cells.csv']")
        pane.find(".preview td", "<script>")
        pane.click("[aria-label=Close]")
        return pane.driver.title, pane.log(), links, scripts

    title, log, links, scripts = await asyncio.to_thread(drive)

    assert title == "Tallybook"
    assert "<script>" in log
    assert scripts == 0
    assert not [link for link in links if link.startswith("javascript")]


async def test_requests_wait_in_line_and_one_is_cancelled(pane, start_gateway):
    forever = code_reply("print('begun', flush=True)", "while True: pass")
    running = await start_gateway(
        [*exchange("endless", forever, {"text": "Never."}), *exchange("after", {"text": "Later."})]
    )

    def drive():
        pane.open(running.gateway)
        pane.ask("endless")
        pane.find("#log pre", "begun")
        pane.ask("after")
        pane.find(".pending .progress", "Waiting in line, 1 ahead")
        pane.click(".turn:not(.pending) .cancel")
        pane.find(".answer", "Later.")
        return pane.log()

    log = await asyncio.to_thread(drive)

    assert "Cancelled. Variables, files and the notebook are kept." in log


async def test_a_branch_begins_at_a_turn_is_switched_to_and_merged(pane, start_gateway):
    running = await start_gateway(
        [
            *exchange("one", {"text": "First answer."}),
            *exchange("two", {"text": "Second answer."}),
            *exchange("other", {"text": "Another answer."}),
        ]
    )

    def drive():
        pane.open(running.gateway)
        pane.ask("one")
        pane.find(".answer", "First")
        pane.ask("two")
        pane.find(".answer", "Second")
        pane.click(".turn:first-of-type [aria-label='More for this request']")
        pane.click("[role=menuitem]", "Branch from here")
        pane.write(".small-dialog input", "what if" + Keys.ENTER)
        pane.find(".branch-button", "what if")
        pane.ask("other")
        pane.find(".answer", "Another")
        branch = pane.log()
        pane.click(".branch-button")
        pane.click("[role=menuitem]", "Merge")
        pane.click(".confirm-merge")
        pane.find(".branch-button", "Main")
        pane.find(".request", "Merge of")
        return branch, pane.log()

    branch, main = await asyncio.to_thread(drive)

    assert "Second answer." not in branch
    assert "This is a branch of" in branch
    assert "Second answer." in main


async def test_the_notebook_is_a_download(pane, start_gateway):
    running = await start_gateway(exchange("count", code_reply("print(2)"), {"text": "Two."}))

    def drive():
        pane.open(running.gateway)
        pane.ask("count")
        pane.find(".answer", "Two.")
        address = pane.find("#notebook").get_attribute("href")
        headers = {"Authorization": f"Bearer {running.token}"}
        return json.loads(urlopen(Request(address, headers=headers)).read())

    notebook = await asyncio.to_thread(drive)

    assert any("print(2)" in "".join(cell["source"]) for cell in notebook["cells"])


async def test_conversations_are_found_renamed_and_deleted(pane, start_gateway):
    running = await start_gateway(
        [*exchange("apples", {"text": "A."}), *exchange("pears", {"text": "P."})]
    )

    def drive():
        pane.open(running.gateway)
        pane.ask("apples")
        pane.find(".answer", "A.")
        pane.click("#new")
        pane.ask("pears")
        pane.find(".answer", "P.")
        pane.write("[aria-label='Search conversations']", "app")
        pane.gone(".conversation:nth-child(2)")
        pane.click("[aria-label='More for apples']")
        pane.click("[role=menuitem]", "Rename")
        pane.write(".small-dialog input", " and plums" + Keys.ENTER)
        pane.find(".conversation-title", "apples and plums")
        pane.click("[aria-label='More for apples and plums']")
        pane.click("[role=menuitem]", "Delete")
        pane.click(".confirm-delete")
        pane.gone(".conversation")

    await asyncio.to_thread(drive)

    left = (await running.client.get("/api/v1/conversations"))["conversations"]
    assert [each["title"] for each in left] == ["pears"]


async def test_without_a_model_the_page_says_how_to_set_one_up_and_runs_code(pane, start_gateway):
    running = await start_gateway([], gemini_api_key=None)

    def drive():
        pane.open(running.gateway)
        words = pane.find("#no-model").text
        pane.click("#no-model button", "Run code")
        pane.write("#code", "print(6 * 7)" + Keys.SHIFT + Keys.ENTER)
        pane.find(".outputs pre", "42")
        pane.write("#code", "echo $((6 * 8))")
        pane.find(".language option:checked", "Bash (detected)")
        pane.write("#code", Keys.SHIFT + Keys.ENTER)
        pane.find(".outputs pre", "48")
        return words, pane.find(".turn:last-of-type .cell-bar").text

    words, bar = await asyncio.to_thread(drive)

    assert "GEMINI_API_KEY" in words
    assert bar.startswith("Bash, 1 line")


async def test_without_a_model_the_recorded_demo_plays_in_the_page_and_says_what_it_is(
    pane, start_gateway
):
    running = await start_gateway([], gemini_api_key=None, model_base_url=None)

    def drive():
        pane.open(running.gateway)
        pane.click("#no-model button", "Play the recorded demo")
        pane.find(".answer", "69 of the 180 rows")
        pane.find(".result", "sales_pivot.xlsx")
        pane.find(".conversation", "Recorded demo")
        marks = [each.text for each in pane.all(".recorded-replies")]
        return pane.find(".recorded-demo").text, marks, pane.log(), pane.findings()

    words, marks, log, findings = await asyncio.to_thread(drive)

    assert "recorded" in words
    assert "real" in words
    assert marks == ["Recorded reply"] * 3
    assert "kept:    111 rows" in log
    assert findings == []


async def test_what_is_always_allowed_is_listed_and_revoked(pane, start_gateway):
    code = code_reply("import urllib.request\nprint('allowed')")
    running = await start_gateway(exchange("encode", code, {"text": "Done."}))

    def drive():
        pane.open(running.gateway)
        pane.ask("encode")
        pane.click(".permission .always")
        pane.find(".answer", "Done.")
        pane.click("[aria-label=Settings]")
        held = pane.find(".settings .grants").text
        findings = pane.findings()
        pane.click(".grants .revoke")
        pane.find(".settings", "code asks each time")
        return held, findings

    held, findings = await asyncio.to_thread(drive)

    assert "every use of the library urllib" in held
    assert "until you revoke it" in held
    assert findings == []
    assert (await running.client.get("/api/v1/grants"))["grants"] == []


async def test_a_request_is_undone_after_a_yes_if_files_would_go(pane, start_gateway):
    code = code_reply("open('outputs/a.csv', 'w').write('a,b\\n1,2\\n')", "total = 3")
    running = await start_gateway(exchange("write", code, {"text": "Written."}))

    def drive():
        pane.open(running.gateway)
        pane.ask("write")
        pane.find(".file", "a.csv")
        pane.click("[aria-label='More for this request']")
        pane.click("[role=menuitem]", "Undo this request")
        pane.find(".small-dialog", "outputs/a.csv")
        pane.click(".confirm-undo")
        pane.find(".turn", "Undone")
        pane.gone(".file[data-name='outputs/a.csv']")
        pane.find(".answer", "Files removed")
        return pane.log()

    log = await asyncio.to_thread(drive)

    assert "Undone: its files and variables do not count any more." in log
    assert log.count("\nUndo\n") == 1
    assert "Nothing was changed" not in log
