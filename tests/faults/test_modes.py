"""A service that is killed during a read-only request, or while a step waits for its user."""

from agent.standin.transcript import Transcript, exchanges_from_json
from notebooks.ledger.verify import verify_notebook
from tests.conftest import code_reply, exchange

OLD = "from pathlib import Path\nPath('outputs/a.txt').write_text('old')\nx = 1"
SLOW = (
    "from pathlib import Path\nPath('outputs/a.txt').write_text('half')\n"
    "Path('outputs/b.txt').write_text('new')\nprint('on', flush=True)\n"
    "import time\ntime.sleep(60)"
)


async def begin(service, mode, *replies):
    exchanges = exchange("work", *replies, {"text": "Done."})
    service.standin.transcript = Transcript(exchanges_from_json(exchanges))
    await service.start()
    conversation = await service.converse()
    await conversation.execute(OLD)
    url = f"/api/v1/conversations/{conversation.id}/mode"
    client = service.client
    assert (await client.put(url, {"name": mode}))["name"] == mode
    await conversation.connection.send("turn.request", request="work")
    return conversation


async def test_a_kill_in_a_read_only_request_leaves_the_files_as_they_were(lasting):
    conversation = await begin(lasting, "read-only", code_reply(SLOW))
    while "on\n" not in [o["output"].get("text") for o in conversation.of_kind("cell.output")]:
        await conversation.until("cell.output")

    lasting.kill()
    await lasting.start()
    again = await lasting.converse(conversation.id, after=conversation.events[-1]["seq"])
    await again.until("turn.finished")

    outputs = lasting.home(conversation.id) / "workspace/outputs"
    assert {f.name: f.read_text() for f in outputs.iterdir()} == {"a.txt": "old"}
    assert verify_notebook(conversation.notebook).verified
    assert await again.printed("print(x)") == "1\n"


async def test_a_step_that_waits_for_its_user_still_waits_after_a_kill(service):
    conversation = await begin(service, "step", code_reply("print(6 * 7)"))
    asked = (await conversation.until("permission.required"))["data"]

    service.kill()
    await service.start()
    again = await service.converse(conversation.id, after=conversation.events[-1]["seq"])
    await again.connection.send("permission.reply", id=asked["id"], decision="once")

    assert (await again.until("turn.finished"))["data"]["answer"] == "Done."
    assert again.of_kind("cell.output")[-1]["output"]["text"] == "42\n"
    assert again.of_kind("permission.required") == []
