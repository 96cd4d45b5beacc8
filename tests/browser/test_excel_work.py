"""What is asked in the pane happens in the open workbook: real service, real browser.

Excel is `addin/tests/excel_standin.ts`, which keeps the documented rules of its API.
"""

import asyncio
import os
import re
import subprocess
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.excel_host import EXCEL, excel_host, framed_by, make_certificate
from tests.conftest import exchange

ADDIN = Path(__file__).parents[2] / "addin"
START = """
window.excel = new ExcelStandin().install();
excel.put("A1", [["Region", "Sales"], ["North", 3], ["<img src=x onerror=alert(1)>", 4]]);
excel.compute = (formula) => (formula === "=SUM(B2:B3)" ? 7 : "#NAME?");
"""


def calls(name, **arguments):
    return {"parts": [{"functionCall": {"id": "c1", "name": name, "args": arguments}}]}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def browser(certificate, tmp_path_factory):
    made = tmp_path_factory.mktemp("office")
    bundle = made / "excel_standin.js"
    command = [ADDIN / "node_modules/.bin/rolldown", ADDIN / "tests/excel_standin.ts", "-o", bundle]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    script = re.sub(r"^export \{.*$", "", bundle.read_text(), flags=re.MULTILINE)
    with excel_host(certificate, script + START) as driver:
        yield driver


@pytest.fixture
async def pane(browser, start_gateway, certificate):
    """Return how to open the pane on a service with a scripted model."""
    cert, key = certificate

    async def start(script):
        running = await start_gateway(script, tls_cert=cert, tls_key=key)
        address = f"{running.gateway.url}/addin/%3Fhost=excel"

        def sign_in():
            opened = framed_by(browser, EXCEL, address)
            opened.write("#token", running.token)
            opened.click("button[type=submit]")
            opened.click(".selection-bar label")  # the requests are as they are written
            return opened

        return await asyncio.to_thread(sign_in), running

    return start


async def test_a_request_reads_and_writes_the_open_workbook_and_says_so(browser, pane):
    script = exchange(
        "add the total",
        calls("read_range", sheet="Sheet1", range="A1:B9"),
        calls("write_cells", sheet="Sheet1", range="A4", values=[["Total", "=SUM(B2:B3)"]]),
        {"text": "The total is in B4."},
    )
    opened, running = await pane(script)

    def drive():
        opened.ask("add the total")
        opened.find(".answer", "B4")
        lines = [each.text for each in opened.all(".office-line summary")]
        opened.click(".office-line summary")
        cells = browser.execute_script("return [excel.at('A4'), excel.at('B4')]")
        return lines, cells, [*opened.complaints(), *opened.findings()]

    lines, cells, complaints = await asyncio.to_thread(drive)

    assert cells == ["Total", 7]
    assert lines == ["A1:B3 read", "2 cells written at Sheet1!A4:B4"]
    read = running.standin.requests[1]["contents"][-1]["parts"][0]["functionResponse"]["response"]
    assert '3: ["<img src=x onerror=alert(1)>", 4]' in read["result"]
    assert complaints == []


async def test_what_excel_refuses_is_shown_as_text_and_the_model_goes_on(browser, pane):
    write = calls("write_cells", sheet="<b>x</b>", range="A1", values=[[1]])
    opened, _ = await pane(exchange("write", write, {"text": "There is no such sheet."}))

    def drive():
        opened.ask("write")
        opened.find(".answer", "no such sheet")
        return opened.find(".office-line summary").text, opened.all(".office-line b")

    line, marked = await asyncio.to_thread(drive)

    assert 'There is no sheet "<b>x</b>"' in line
    assert marked == []


async def test_a_change_is_put_back_from_the_history_and_that_as_well(browser, pane):
    values = [["New", "=1+1"], ["North", 30]]
    write = calls("write_cells", sheet="Sheet1", range="A1", values=values, overwrite=True)
    opened, _ = await pane(exchange("change", write, {"text": "Changed."}))
    read = "return ['A1', 'B1', 'B2'].map((name) => excel.at(name))"

    def put_back():
        opened.write("#request", "/hst" + Keys.ENTER)
        opened.find(".history-line", "A1:B2")
        opened.click(".history-line button", "Put back")
        opened.find(".history-dialog [role=status]", "is as it was")
        found = browser.execute_script(read), opened.findings()
        opened.click(".history-dialog button", "Close")
        opened.gone(".history-dialog")
        return found

    def drive():
        opened.ask("change")
        opened.find(".answer", "Changed.")
        changed = browser.execute_script(read)
        back, again = put_back(), put_back()
        return changed, back, again, opened.complaints()

    changed, back, again, complaints = await asyncio.to_thread(drive)

    assert changed == ["New", "#NAME?", 30]
    assert back == (["Region", "Sales", 3], [])
    assert again == (["New", "#NAME?", 30], [])
    assert complaints == []


SETTLED = """
const [width, done] = arguments;  // a frame of another site is laid out a little later
const look = () => innerWidth === width ? requestAnimationFrame(() => done()) : setTimeout(look, 10);
look();
"""
PICTURES = os.environ.get("TALLYBOOK_PICTURES")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nothing_reaches_beyond_the_pane_at_any_width(browser, pane, scheme):
    long = "A sheet with a long name 2026"
    script = exchange(
        "tidy up",
        calls("get_workbook_overview"),
        calls("write_cells", sheet="Sheet1", range="A1", values=[["x" * 90]], overwrite=True),
        calls("read_range", sheet=long, range="A1:XFD1048576"),
        {"text": "Done, but one sheet is missing."},
    )
    opened, _ = await pane(script)
    feature = {"name": "prefers-color-scheme", "value": scheme}

    def drive():
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        opened.ask("tidy up")
        opened.find(".answer", "Done")
        opened.click(".office-line:last-of-type summary")
        outside = {}
        for view in ("chat", "commands", "history"):
            if view == "commands":
                opened.write("#request", "/")
            if view == "history":
                opened.write("#request", "h" + Keys.ENTER)
                opened.click(".history-name", "Before write cells")
                opened.find(".history-preview td")
            for width in (320, 800, 1400):
                opened.size(width)
                opened.find(".page.narrow" if width < 760 else ".page:not(.narrow)")
                browser.execute_async_script(SETTLED, width)
                outside[view, width] = opened.outside()
                if PICTURES:
                    name = f"{PICTURES}/excel-{view}-{width}-{scheme}.png"
                    browser.switch_to.default_content()
                    browser.save_screenshot(name)
                    browser.switch_to.frame(browser.find_element(By.TAG_NAME, "iframe"))
        unfit = opened.findings()
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        return outside, unfit

    outside, unfit = await asyncio.to_thread(drive)

    assert {view: found for view, found in outside.items() if found} == {}
    assert unfit == []
