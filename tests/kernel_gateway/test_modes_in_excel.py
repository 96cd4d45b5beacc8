"""Modes and the workbook that is open in Excel: what is written there waits, or is refused."""

import json

import pytest

from tests.conftest import exchange
from tests.raw_http import Raw
from tests.waiting import eventually

BOOK = {"name": "Book.xlsx", "url": "https://x/Book.xlsx"}
TOOLS = ["read_range", "write_cells"]
WRITE = {"sheet": "Q1", "range": "A1", "values": [["=1+1"]]}
READ = {"sheet": "Q1", "range": "A1:B2"}


def calls(name, **arguments):
    return {"parts": [{"functionCall": {"id": "c1", "name": name, "args": arguments}}]}


async def begin(start_gateway, mode, *replies):
    running = await start_gateway(exchange("do it", *replies, {"text": "Done."}))
    conversation = await running.conversation()
    url = f"/api/v1/conversations/{conversation.id}/mode"
    assert (await Raw(running)("PUT", url, json.dumps({"name": mode}))).code == 200
    await conversation.connection.send("office.pane", pane="pane-0001", workbook=BOOK, tools=TOOLS)
    panes = running.gateway.services.panes
    await eventually("the pane is known", lambda: panes.of(conversation.key, "local") is not None)
    await conversation.connection.send("turn.request", request="do it")
    return conversation


def told(conversation):
    contents = conversation.running.standin.requests[-1]["contents"]
    return contents[-1]["parts"][0]["functionResponse"]["response"]


async def test_read_only_refuses_a_change_in_excel_and_the_pane_is_not_asked(start_gateway):
    conversation = await begin(start_gateway, "read-only", calls("write_cells", **WRITE))

    await conversation.until("turn.finished")

    assert conversation.of_kind("office.requested") == []
    assert "read-only" in told(conversation)["error"]


async def test_read_only_reads_in_excel(start_gateway):
    conversation = await begin(start_gateway, "read-only", calls("read_range", **READ))

    asked = (await conversation.until("office.requested"))["data"]

    assert asked["tool"] == "read_range"


@pytest.mark.parametrize("mode", ["step", "preview"])
async def test_a_change_in_excel_waits_for_the_user(start_gateway, mode):
    conversation = await begin(start_gateway, mode, calls("write_cells", **WRITE))

    asked = (await conversation.until("permission.required"))["data"]
    assert "=1+1" in asked["preview"]
    assert asked["targets"] == ["Book.xlsx"]
    assert conversation.of_kind("office.requested") == []
    await conversation.connection.send("permission.reply", id=asked["id"], decision="once")

    assert (await conversation.until("office.requested"))["data"]["tool"] == "write_cells"


async def test_a_change_in_excel_that_the_user_refuses_is_not_made(start_gateway):
    conversation = await begin(start_gateway, "step", calls("write_cells", **WRITE))
    asked = (await conversation.until("permission.required"))["data"]

    await conversation.connection.send("permission.reply", id=asked["id"], decision="deny")
    await conversation.until("turn.finished")

    assert conversation.of_kind("office.requested") == []
    assert "did not allow" in told(conversation)["error"]
