"""A service that dies in the middle of an undo finishes it at its next start, once."""

import asyncio
import contextlib
import json

import pytest

from kernel_gateway.contexts.putting_back import PLAN, STAGED
from tests.waiting import eventually

FILES = 60
WRITE = f"for n in range({FILES}): open(f'outputs/{{n}}.txt', 'w').write(x)"


def undo_notes(service, conversation):
    cells = json.loads((service.home(conversation.id) / "notebook.ipynb").read_text())["cells"]
    facts = [cell["metadata"]["tallybook"] for cell in cells]
    return [fact for fact in facts if fact.get("kind") == "undo"]


async def ending(service, conversation):
    """Wait for the end of the undo; return its status."""

    async def ended():
        turns = (await service.client.get(f"{conversation.url}/turns"))["turns"]
        [status] = [turn["status"] for turn in turns if turn["kind"] == "undo"]
        return status if status not in ("running", "queued") else None

    return await eventually("the undo ends", ended)


async def printed(service, conversation, code):
    request = {"code": code, "conversation": conversation.id}
    [output] = (await service.client.post("/api/v1/execute", request))["outputs"]
    return output["text"]


@pytest.mark.parametrize(("moment", "kernel_lives"), [(STAGED, False), (PLAN, True)])
async def test_an_undo_that_was_cut_off_is_finished_and_recorded_once(
    service, lasting, moment, kernel_lives
):
    service = lasting if kernel_lives else service
    await service.start()
    conversation = await service.converse()
    for x in ("first", "second"):
        assert (await conversation.execute(f"x = {x!r}\n{WRITE}"))["status"] == "ok"
    target = conversation.events[0]["turn"]
    undoing = asyncio.create_task(
        service.client.post(f"{conversation.url}/history/undo", {"to": target})
    )
    home = service.home(conversation.id)
    while not (home / moment).exists() and not undoing.done():
        await asyncio.sleep(0)

    service.kill()
    with contextlib.suppress(Exception):  # nobody answers it any more
        await undoing
    await service.start()

    assert await ending(service, conversation) == "ok"
    texts = {(home / "workspace/outputs" / f"{n}.txt").read_text() for n in range(FILES)}
    assert texts == {"first"}
    [note] = undo_notes(service, conversation)
    assert len(note["restored"]) == FILES
    assert await printed(service, conversation, "print(x)") == "first\n"
    again = await service.converse(conversation.id)
    while len(again.of_kind("turn.finished")) < 4:
        await again.until("turn.finished")
    assert len(again.of_kind("history.restored")) == 1
    restored = [e for e in again.of_kind("file.created") if e.get("user")]
    assert len(restored) == FILES
