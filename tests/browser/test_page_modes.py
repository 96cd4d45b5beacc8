"""The modes of a conversation, chosen and lived with on the page."""

import asyncio

from tests.conftest import code_reply, exchange


async def test_with_preview_a_person_sees_the_code_before_it_runs_and_goes_back_to_auto(
    pane, start_gateway
):
    running = await start_gateway(
        [
            *exchange("first", code_reply("print('seen', 6 * 7)"), {"text": "Shown."}),
            *exchange("second", code_reply("print('at once')"), {"text": "Ran."}),
        ]
    )

    def choose(words):
        pane.click("#mode")
        pane.find("[role=menuitemradio]", words)
        unfit = pane.findings()
        pane.click("[role=menuitemradio]", words)
        return unfit

    def drive():
        pane.open(running.gateway)
        unfit = choose("Preview")
        pane.find("#mode", "Preview")
        pane.ask("first")
        asked = pane.find(".permission", "Run this code?").text
        unfit += pane.findings()
        pane.click(".permission .once")
        pane.find(".answer", "Shown.")
        pane.find("#mode", "Preview")
        choose("Auto\n")
        pane.find("#mode", "Auto")
        pane.ask("second")
        pane.find(".answer", "Ran.")
        return asked, unfit, len(pane.all(".permission"))

    asked, unfit, waiting = await asyncio.to_thread(drive)

    assert "print('seen', 6 * 7)" in asked
    assert "Always" not in asked
    assert unfit == []
    assert waiting == 0
