"""Where a number comes from, and the record, as a reviewer sees them on the page."""

import asyncio
from urllib.request import Request, urlopen

from selenium.webdriver.common.keys import Keys

from tests.conftest import PIVOT, STACK


async def test_a_reviewer_traces_a_number_verifies_signs_off_and_runs_it_again(
    pane, start_gateway, examples
):
    running = await start_gateway()

    def drive():
        pane.open(running.gateway)
        pane.upload(*examples)
        pane.find(".file", "sales_q3.xlsx")
        pane.ask(STACK)
        pane.ask(PIVOT)
        pane.find(".result", "sales_pivot.xlsx")
        pane.click("#tab-review")
        pane.find(".trace-file option[value='outputs/sales_pivot.xlsx']").click()
        pane.write("#trace-cell", "Pivot!C3" + Keys.ENTER)
        pane.find(".trace-list", "Computed again from these rows: the same.")
        traced = pane.find(".traced").text
        unfit = pane.findings()
        pane.click(".trace-step .to-cell")
        pane.find("#log .cell:focus", "Cell 2")
        pane.click("#tab-review")
        pane.find(".traced", "17,782.29")  # it is there again
        pane.click("#tab-notebook")
        badge = pane.find(".verification").text
        page = pane.find(".export-html").get_attribute("href")
        pane.click(".reviews summary")
        pane.write(".reviews textarea", "Ties to the ledger.")
        unfit += pane.findings()
        pane.click(".reviews .sign-off")
        pane.find(".reviews", "Signed off by local")
        pane.find(".verification", "Verified: 8 cells")
        pane.click(".reruns summary")
        pane.click(".reruns .rerun")
        pane.find(".reruns", "The same again")
        unfit += pane.findings()
        compared = pane.find(".rerun-report").text
        minimum = "[data-parameter=min_sales]"
        offered = pane.find(minimum).text
        pane.find(f"{minimum} input").send_keys(Keys.BACKSPACE * 4, "many")
        pane.click(".reruns .rerun", "Run again with 1 other value")
        refused = pane.find(".reruns .card, .reruns [role=alert]", "min_sales").text
        pane.find(f"{minimum} input").send_keys(Keys.BACKSPACE * 4, "2000")
        pane.click(".reruns .rerun", "Run again with 1 other value")
        pane.find(".reruns .link", "with min_sales = 2000")
        pane.find(".reruns .link", "Something differs")
        other = pane.find(".rerun-report", "stacked_sales.xlsx").text
        unfit += pane.findings()
        headers = {"Authorization": f"Bearer {running.token}"}
        exported = urlopen(Request(page, headers=headers)).read().decode()
        return traced, badge, unfit, compared, exported, offered, refused, other

    traced, badge, unfit, compared, exported, offered, refused, other = await asyncio.to_thread(
        drive
    )

    assert "Pivot!C3 = 17,782.29" in traced
    assert "sales_q2.xlsx, Q2: rows" in traced
    assert badge.startswith("Verified: 7 cells as recorded, signed with key")
    assert unfit == []
    assert "2 files of 2 are the same." in compared
    assert "stacked_sales.xlsx" in exported
    assert offered == "min_sales whole number"
    assert "whole number" in refused
    assert "Something differs" in other
