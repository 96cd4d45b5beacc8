"""Commands behind a slash, the tour, help, and what a user thinks of an answer."""

import asyncio

from selenium.webdriver.common.keys import Keys

from tests.conftest import exchange


async def test_a_newcomer_is_shown_around_once_and_finds_everything_by_a_slash(pane, start_gateway):
    running = await start_gateway(exchange("count", {"text": "Two."}))

    def drive():
        pane.open(running.gateway)
        first = pane.find(".tour", "Add your workbooks").text
        findings = pane.findings()
        pane.click(".tour-next")
        pane.find("#request.tour-target")
        pane.click(".tour-end")
        pane.gone(".tour")
        pane.write("#request", "/stt" + Keys.ENTER)
        pane.find(".settings", "Language model")
        findings += pane.findings()
        pane.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
        pane.gone(".settings")
        pane.write("#request", "/help" + Keys.ENTER)
        pane.find(".help", "/revert")
        findings += pane.findings()
        pane.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
        pane.gone(".help")
        pane.ask("count")
        pane.find(".answer", "Two.")
        pane.click("[aria-label='A good answer']")
        pane.find("[aria-label='A good answer'][aria-pressed=true]")
        pane.driver.refresh()
        pane.find("[aria-label='A good answer'][aria-pressed=true]")
        pane.write("#request", "/trace" + Keys.ENTER)
        pane.find("#tab-review[aria-selected=true]")
        pane.click("#new")
        pane.click("#tab-chat")
        pane.find(".welcome")
        return first, findings, pane.all(".tour")

    first, findings, tour = await asyncio.to_thread(drive)

    assert "1 of 4" in first
    assert findings == []
    assert tour == []
