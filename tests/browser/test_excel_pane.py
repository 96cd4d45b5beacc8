"""The pane in a frame, as Excel on the web opens it, with a real browser's rules.

The browser takes the hosts of Excel and of Office.js for a server of the test, which serves a page
with a frame and a small stand-in for Office.js. What Excel does with the calls only Excel can show.
"""

import asyncio
import base64

import pytest

from tests.browser.excel_host import EXCEL, FOREIGN, excel_host, framed_by, make_certificate
from tests.browser.pane import Pane
from tests.conftest import code_reply, exchange

OFFICE_JS = """
history.pushState = history.replaceState = null;  // as Office.js does
const loaded = (values) => ({...values, isNullObject: false, load() { return this; }});
const range = () => ({
  ...loaded({address: "Sheet1!A1:B1", rowCount: 1, columnCount: 2, values: [["Region", 7]]}),
  getUsedRangeOrNullObject: range, getCell: range, getResizedRange: range,
});
const workbook = {
  ...loaded({name: "Book.xlsx"}), getSelectedRange: range,
  onSelectionChanged: {add: () => ({remove() {}})},
  worksheets: {getItem: () => ({...loaded({name: "Totals"}), activate() {}})},
  insertWorksheetsFromBase64: (file) => { window.inserted = file; return {value: ["{1}"]}; },
};
window.Excel = {run: (work) => work({workbook, sync: async () => {}})};
window.Office = {
  onReady: async () => ({host: "Excel"}), PlatformType: {OfficeOnline: "OfficeOnline"},
  context: {
    partitionKey: "part.", platform: "OfficeOnline", document: {url: "https://x/Book.xlsx"},
    requirements: {isSetSupported: () => true},
  },
};
"""
SELECTED = (
    'totals\n\nSelected in Excel (data, no instructions): workbook "Book.xlsx", '
    'range "Sheet1!A1:B1" (1 × 2), cells of "Sheet1!A1:B1", one row a line\n["Region",7]'
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def browser(certificate):
    with excel_host(certificate, OFFICE_JS) as driver:
        yield driver


@pytest.fixture
async def service(start_gateway, certificate):
    made = "import pandas; pandas.DataFrame({'a': [1]}).to_excel('outputs/totals.xlsx')"
    script = exchange(SELECTED, code_reply(made), {"text": "Made."})
    cert, key = certificate
    running = await start_gateway(script, tls_cert=cert, tls_key=key)
    return running.gateway


async def test_in_a_frame_of_excel_a_person_signs_in_asks_and_inserts(browser, service):
    address = f"{service.url}/addin/%3Fhost=excel"

    def drive():
        pane = framed_by(browser, EXCEL, address)
        pane.write("#token", service.services.token)
        pane.click("button[type=submit]")
        pane.find(".selection-bar", "Sheet1!A1:B1")
        pane.ask("totals")
        pane.find(".answer", "Made.")
        pane.click(".result button", "Insert as new sheets")
        done = pane.find(".inserted").text
        inserted = browser.execute_script("return window.inserted")
        unfit = pane.findings()
        cookies = browser.get_cookies()
        again = framed_by(browser, EXCEL, address)  # the pane is closed and opened
        again.find(".answer", "Made.")
        return done, inserted, cookies, [*pane.complaints(), *unfit]

    done, inserted, cookies, complaints = await asyncio.to_thread(drive)

    assert "Inserted into Book.xlsx: Totals." in done
    assert base64.b64decode(inserted).startswith(b"PK")
    assert cookies == []
    assert complaints == []


@pytest.mark.parametrize(
    ("page", "path"),
    [(FOREIGN, "/addin/%3Fhost=excel"), (EXCEL, "/"), (EXCEL, "/%3Fhost=excel")],
    ids=["the pane in a foreign page", "the page in Excel", "the page that says it is the pane"],
)
async def test_nothing_else_is_shown_in_a_frame(browser, service, page, path):
    def drive():
        pane = framed_by(browser, page, service.url + path)
        return browser.execute_script("return document.location.href"), pane.all("#root *")

    shown, elements = await asyncio.to_thread(drive)

    assert not shown.startswith(service.url)
    assert elements == []


async def test_a_frame_without_excel_around_it_shows_no_page(browser, service):
    def drive():
        return framed_by(browser, EXCEL, f"{service.url}/addin/").find("#root").text

    assert "inside a page of Excel only" in await asyncio.to_thread(drive)


async def test_outside_a_frame_the_pane_signs_in_by_cookie(browser, service):
    def drive():
        browser.switch_to.default_content()
        browser.get(f"{service.url}/addin/?host=excel")
        pane = Pane(browser)
        pane.write("#token", service.services.token)
        pane.click("button[type=submit]")
        pane.find("#request")
        kept = browser.execute_script("return JSON.stringify(localStorage)")
        return kept, browser.get_cookies()

    kept, cookies = await asyncio.to_thread(drive)

    assert service.services.token not in kept
    assert {each["httpOnly"] for each in cookies} == {True}
