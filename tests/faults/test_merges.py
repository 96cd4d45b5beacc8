"""A service that dies in the middle of a merge: nothing of it runs twice, and it comes to its end."""

import asyncio
import contextlib

import nbformat
import pytest

from kernel_gateway.terminal.client import path_url
from notebooks.ledger.verify import verify_notebook

NOTED = "with open('outputs/log.txt', 'a') as log: log.write('first ')"
SLOW = (
    "import time\nprint('on', flush=True)\ntime.sleep(2)\n"
    "with open('outputs/log.txt', 'a') as log: log.write('second ')"
)


async def branch_with_cells(service, *cells):
    """Return a conversation and the name of a branch of it in which *cells* ran."""
    conversation = await service.converse()
    url = f"/api/v1/conversations/{conversation.id}/paths"
    name = (await service.client.post(url, {"name": "What if"}))["name"]
    for code in cells:
        request = {"code": code, "conversation": conversation.id, "path": name}
        assert (await service.client.post("/api/v1/execute", request))["status"] == "ok"
    return conversation, name


async def merge(service, conversation, name):
    body = {"mode": "full"}
    return await service.client.post(path_url(conversation.id, name) + "/merge", body)


async def killed_in_mid_merge(service, conversation, name):
    """Kill *service* while the second cell runs in the target, and start it again."""
    merging = asyncio.create_task(merge(service, conversation, name))
    await conversation.until("cell.output")
    service.kill()
    with contextlib.suppress(Exception):  # nobody answers it any more
        await merging
    await service.start()
    return await service.converse(conversation.id)


async def paths_of(service, conversation):
    url = f"/api/v1/conversations/{conversation.id}/paths"
    rows = (await service.client.get(url))["paths"]
    return {row["name"]: row["merged_into"] for row in rows}


def merged_cells(conversation):
    cells = nbformat.read(conversation.notebook, as_version=4).cells
    return [
        cell.metadata.tallybook.status
        for cell in cells
        if "merged-from-what-if" in cell.metadata.get("tags", [])
    ]


async def test_a_merge_whose_kernel_lived_on_is_finished_by_the_next_service(lasting):
    await lasting.start()
    conversation, name = await branch_with_cells(lasting, NOTED, SLOW)

    again = await killed_in_mid_merge(lasting, conversation, name)
    ended = (await again.until("turn.finished"))["data"]

    assert ended["status"] == "ok"
    assert await again.printed("print(open('outputs/log.txt').read())") == "first second \n"
    assert merged_cells(again) == ["ok", "ok"]
    assert (await paths_of(lasting, again))[name] == "main"
    notes = [c for c in again.notebook.read_text().split("Merged from path") if c]
    assert len(notes) == 2  # what is before the one note, and after it
    branch = await lasting.client.connect(path_url(again.id, name))
    async for event in branch.events():
        if event["kind"] == "path.merged":
            break
    assert verify_notebook(again.notebook).verified


async def test_a_merge_whose_kernel_died_is_ended_and_a_second_one_does_the_rest(service):
    await service.start()
    conversation, name = await branch_with_cells(service, NOTED, SLOW)

    again = await killed_in_mid_merge(service, conversation, name)
    ended = (await again.until("turn.finished"))["data"]
    open_still = await paths_of(service, again)
    finished = await merge(service, again, name)

    assert ended["status"] == "error"
    assert "service stopped" in ended["error"]["message"]
    assert open_still[name] is None
    assert finished["status"] == "ok"
    assert (await paths_of(service, again))[name] == "main"
    assert merged_cells(again) == ["ok", "died", "ok"]
    read = {"code": "print(open('outputs/log.txt').read())", "conversation": again.id}
    outputs = (await service.client.post("/api/v1/execute", read))["outputs"]
    assert outputs[0]["text"] == "first second \n"


@pytest.mark.parametrize("mode", ["summary", "full"])
async def test_a_merge_that_was_done_but_not_told_is_told_and_nothing_is_done_again(service, mode):
    """The turn's end is the last thing stored: here it is taken back, as if it never was."""
    await service.start()
    conversation, name = await branch_with_cells(service, NOTED)
    url = path_url(conversation.id, name) + "/merge"
    await service.client.post(url, {"mode": mode})
    service.kill()
    take_back_the_end(service, conversation)

    await service.start()
    again = await service.converse(conversation.id)
    ended = (await again.until("turn.finished"))["data"]

    assert ended["status"] == "ok"
    assert merged_cells(again) == (["ok"] if mode == "full" else [])
    assert again.notebook.read_text().count("Merged from path") == 1
    branch = await service.client.connect(path_url(again.id, name))
    told = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            async for event in branch.events():
                told.append(event["kind"])
    assert told.count("path.merged") == 1


def take_back_the_end(service, conversation):
    import sqlite3

    with contextlib.closing(sqlite3.connect(next(service.data_dir.glob("*.db")))) as database:
        database.execute("UPDATE turns SET status = 'running' WHERE kind = 'merge'")
        database.execute(
            "DELETE FROM events WHERE kind = 'turn.finished' AND conversation = ? AND path = 'main'"
            " AND seq = (SELECT max(seq) FROM events WHERE conversation = ? AND path = 'main')",
            (conversation.id, conversation.id),
        )
        database.commit()
