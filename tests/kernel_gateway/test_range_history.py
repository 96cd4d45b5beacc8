"""What a range in Excel held before a change is kept by the service, and given back."""

import json

import pytest

from tests.branching import post
from tests.kernel_gateway.test_office_tools import WRITE, begin, calls, finish, with_pane

ABOUT = {"workbook": "Book.xlsx", "sheet": "Q1", "address": "A1", "tool": "write_cells"}
HELD = {"kind": "cells", "formulas": [["=1+1", "é <b>"]]}


async def keep(running, url, **fields):
    answer = await post(running, f"{url}/history/ranges", {"about": ABOUT, **fields})
    return answer.code, json.loads(answer.body)


async def test_a_range_is_kept_before_its_change_and_given_back_as_it_was(start_gateway):
    running, conversation = await with_pane(start_gateway, calls("write_cells", **WRITE))
    asked = await begin(running, conversation)

    status, made = await keep(running, conversation.url, request=asked["id"], content=HELD)
    await finish(conversation, asked, result={})

    assert status == 201
    url = f"{conversation.url}/history/ranges"
    [listed] = (await running.client.get(url))["checkpoints"]
    assert listed == made
    assert (made["request"], made["address"], made["turn"][:5]) == (asked["id"], "A1", "turn_")
    assert (await running.client.get(f"{url}/{made['id']}"))["content"] == HELD
    assert (await running.client.get(f"{conversation.url}/history"))["checkpoints"] == []


async def test_nothing_may_be_changed_for_a_request_that_has_ended(start_gateway):
    running, conversation = await with_pane(start_gateway, calls("write_cells", **WRITE))
    asked = await begin(running, conversation)
    await finish(conversation, asked, result={})

    status, refused = await keep(running, conversation.url, request=asked["id"], content=HELD)

    assert (status, refused["error"]["code"]) == (409, "conflict")
    assert "nothing is to be changed" in refused["error"]["message"]


async def test_checkpoints_of_ranges_are_deleted_one_by_one_and_all_at_once(start_gateway):
    running = await start_gateway([])
    conversation = await running.conversation()
    url = f"{conversation.url}/history/ranges"
    made = [(await keep(running, conversation.url, content={"n": n}))[1]["id"] for n in range(3)]

    await running.client.delete(f"{url}/{made[0]}")
    left = [each["id"] for each in (await running.client.get(url))["checkpoints"]]
    await running.client.delete(url)

    assert left == made[:0:-1]
    assert (await running.client.get(url))["checkpoints"] == []


@pytest.mark.parametrize(("settings", "code"), [({"checkpoints": 0}, "history-off")])
async def test_where_none_are_kept_the_pane_is_told_so(start_gateway, settings, code):
    running = await start_gateway([], **settings)
    conversation = await running.conversation()

    status, refused = await keep(running, conversation.url, content=HELD)

    assert (status, refused["error"]["code"]) == (409, code)
