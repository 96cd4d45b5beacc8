"""The page when the service goes away and comes back."""

import asyncio
import socket

import pytest

from kernel_gateway.ids import PathKey
from kernel_gateway.settings import Settings
from kernel_gateway.wiring import open_gateway
from tests.conftest import code_reply, exchange


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


@pytest.mark.parametrize("closed", [False, True], ids=["page open", "page closed meanwhile"])
async def test_what_is_asked_while_the_service_is_away_goes_out_once_when_it_is_back(
    pane, standin, tmp_path, closed
):
    model = standin(
        [
            *exchange("first", code_reply("print('kept')"), {"text": "Before."}),
            *exchange("second", {"text": "After."}),
        ]
    )
    settings = Settings(
        port=free_port(),
        data_dir=tmp_path / "data",
        gemini_api_key="test-key-7f3a",
        model_base_url=model.base_url,
    )

    def before(gateway):
        pane.open(gateway)
        pane.ask("first")
        pane.find(".answer", "Before.")

    def away():
        pane.find(".banner", "does not answer")
        pane.ask("second")
        pane.find(".pending", "second")
        if closed:
            pane.driver.get("about:blank")

    def after(gateway):
        if closed:
            pane.driver.get(gateway.url)
            pane.find("#request")
        pane.driver.execute_script("dispatchEvent(new Event('online'))")
        pane.find(".answer", "After.")
        return pane.log(), len(pane.all(".turn"))

    async with open_gateway(settings) as gateway:
        await asyncio.to_thread(before, gateway)
    await asyncio.to_thread(away)
    async with open_gateway(settings) as gateway:
        log, turns = await asyncio.to_thread(after, gateway)
        repository = gateway.services.repository
        (conversation,) = await repository.conversations.of("local", None, 10)
        asked = await repository.turns.of_path(PathKey("local", conversation.id, "main"))

    assert "kept" in log
    assert turns == 2
    assert [row.request for row in asked] == ["first", "second"]


LOSE_ONE_REPLY = """
const real = window.fetch;
window.fetch = async (address, options) => {
  const reply = await real(address, options);
  if (options?.method === 'POST' && address.endsWith('/turns') && !window.lost) {
    window.lost = true;
    throw new TypeError('the reply was lost');
  }
  return reply;
};
"""


async def test_a_request_whose_reply_is_lost_is_not_asked_twice(pane, start_gateway):
    forever = code_reply("print('begun', flush=True)", "while True: pass")
    running = await start_gateway(
        [*exchange("first", forever, {"text": "Never."}), *exchange("second", {"text": "Once."})]
    )

    def drive():
        pane.open(running.gateway)
        pane.ask("first")
        pane.find("#log pre", "begun")
        pane.driver.execute_script(LOSE_ONE_REPLY)
        pane.ask("second")
        pane.find(".pending .progress", "Waiting in line, 1 ahead")
        pane.click(".turn:not(.pending) .cancel")
        pane.find(".answer", "Once.")
        pane.gone(".pending")
        return pane.driver.execute_script("return window.lost"), len(pane.all(".turn"))

    lost, turns = await asyncio.to_thread(drive)

    (conversation,) = (await running.client.get("/api/v1/conversations"))["conversations"]
    listed = await running.client.get(
        f"/api/v1/conversations/{conversation['id']}/paths/main/turns"
    )
    assert lost
    assert turns == 2
    assert [turn["request"] for turn in listed["turns"]] == ["first", "second"]
