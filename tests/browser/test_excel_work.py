"""What is asked in the pane happens in the open workbook: real service, real browser.

Excel is `addin/tests/excel_standin.ts`, which keeps the documented rules of its API.
"""

import asyncio
import subprocess
from pathlib import Path

import pytest

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
    command = [ADDIN / "node_modules/.bin/tsc", ADDIN / "tests/excel_standin.ts", "--skipLibCheck"]
    options = ["--outDir", made, "--module", "esnext", "--target", "es2022"]
    subprocess.run([*command, *options], check=True, capture_output=True, timeout=60)
    script = (made / "excel_standin.js").read_text().replace("export class", "class")
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
