"""A request that is cancelled, at whatever moment, leaves record, files and queue in agreement."""

import json

import pytest

from notebooks.ledger.verify import verify_notebook
from tests.conftest import exchange
from tests.raw_http import Raw

SLOW = (
    "from pathlib import Path\nPath('outputs/a.txt').write_text('half')\nprint('begun')\n"
    "import time\ntime.sleep(60)"
)
MOMENTS = (
    "turn.started", "context.used", "plan.made", "code.generated", "risk.assessed",
    "permission.required", "cell.started", "cell.output",
)  # fmt: skip


def calls(name, args):
    return {"parts": [{"functionCall": {"id": "c1", "name": name, "args": args}}]}


@pytest.fixture
async def slow(start_gateway):
    return await start_gateway(
        [
            *exchange(
                "work",
                calls("plan", {"steps": [{"title": "Wait", "code": SLOW}]}),
                calls("run_code", {"code": SLOW}),
                {"text": "Done."},
            ),
            *exchange("after", {"text": "Here."}),
        ]
    )


async def put_mode(conversation, name):
    url = f"/api/v1/conversations/{conversation.id}/mode"
    assert (await Raw(conversation.running)("PUT", url, json.dumps({"name": name}))).code == 200


async def cancel_at(conversation, moment, mode):
    """Cancel the request once *moment* is seen; return how it ended."""
    await conversation.connection.send("turn.request", request="work")
    seen = await conversation.until(moment, "permission.required")
    if seen["kind"] != moment:
        reply = {"id": seen["data"]["id"], "decision": "once"}
        await conversation.connection.send("permission.reply", **reply)
        while (await conversation.until(moment))["data"].get("tags"):
            pass  # of the parameters
    await conversation.connection.send("cancel")
    return (await conversation.until("turn.finished"))["data"]


@pytest.mark.parametrize("mode", ["preview", "read-only"])
async def test_a_cancelled_request_leaves_record_files_and_queue_in_agreement(slow, mode):
    for moment in MOMENTS:
        if moment == "permission.required" and mode == "read-only":
            continue
        conversation = await slow.conversation()
        await conversation.execute(
            "from pathlib import Path\nPath('outputs/a.txt').write_text('old')\nx = 1"
        )
        await put_mode(conversation, mode)

        ending = await cancel_at(conversation, moment, mode)

        assert (moment, ending["status"]) == (moment, "cancelled")
        found = verify_notebook(conversation.notebook)
        assert not found.problems, (moment, found)
        last = [c for c in conversation.cells() if "files_after" in c["metadata"]["tallybook"]][-1]
        hashes = (await slow.gateway.services.contexts.open(conversation.key)).hashes
        path = await slow.gateway.services.contexts.open(conversation.key)
        kept = await hashes.current(path.workspace)
        assert (moment, last["metadata"]["tallybook"]["files_after"]) == (moment, kept)
        if mode == "read-only":
            assert (path.workspace.directory / "outputs/a.txt").read_text() == "old"
            assert not path.kept_copy.exists()
        assert (await conversation.ask("after"))["answer"] == "Here."
        assert await conversation.printed("print(x)") == "1\n"
        asked = {p["id"] for p in conversation.of_kind("permission.required")}
        for permission in asked - {d["id"] for d in conversation.of_kind("permission.decided")}:
            url, body = f"/api/v1/permissions/{permission}", '{"decision": "once"}'
            assert (await Raw(slow)("POST", url, body)).code == 409
