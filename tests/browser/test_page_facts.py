"""What the service finds out about a request, as a person sees it on the page."""

import asyncio

from selenium.webdriver.common.keys import Keys

from tests.conftest import code_reply, exchange


async def test_what_was_kept_from_the_model_and_what_is_out_of_date_is_said_and_mended(
    pane, start_gateway
):
    running = await start_gateway(
        [
            *exchange("load", code_reply("rate = 2"), {"text": "Loaded."}),
            *exchange(
                "pay",
                code_reply("print('card 4111111111111111')", "print('total', rate * 100)"),
                {"text": "The total is 73,211."},
            ),
        ]
    )

    def drive():
        pane.open(running.gateway)
        pane.ask("load")
        pane.find(".answer", "Loaded.")
        pane.ask("pay")
        pane.find(".answer", "73,211")
        doubt = pane.find(".answer-check summary").text
        kept = pane.find(".fact summary", "Kept from the model").text
        pane.click("#tab-terminal")
        pane.write("#code", "rate = 3" + Keys.SHIFT + Keys.ENTER)
        pane.find(".log[aria-label=Terminal] .cell-ok")
        pane.click("#tab-chat")
        stale = pane.find(".stale", "Out of date").text
        findings = pane.findings()
        pane.click(".stale .run-again")
        pane.click(".stale button", "It ran again: show")
        pane.find(".turn:last-of-type .printed", "total 300")
        focused = pane.driver.switch_to.active_element.text
        return doubt, kept, stale, findings, focused

    doubt, kept, stale, findings, focused = await asyncio.to_thread(drive)

    assert doubt == "Not from a result: 73,211"
    assert kept == "Kept from the model: 1 payment card number"
    assert "rate" in stale
    assert findings == []
    assert "total 300" in focused
