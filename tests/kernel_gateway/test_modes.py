"""Modes of a conversation: preview, step, read-only, autonomous; enforced where risk is."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from container.workspace.kept_copy import keep_copy, put_copy_back
from container.workspace.workspace import Workspace
from kernel_gateway.terminal.modes import ModeWordsWrong, asked_mode
from tests.access_tokens import SECRET, caller, hs256
from tests.conftest import code_reply, exchange, gateways
from tests.jupyter_client import Client, new_kernel
from tests.kernel_gateway.test_cli import read_until, start_chat
from tests.raw_http import Raw, error_of
from tests.waiting import eventually

WRITE = "from pathlib import Path\nPath('outputs/made.txt').write_text('new')\nvalue = 7"
LIBRARY = "import urllib.request\nprint(urllib.parse.quote('a b'))"
DONE = {"text": "Done."}


async def set_mode(running, conversation, name, **more):
    url = f"/api/v1/conversations/{conversation.id}/mode"
    return await Raw(running)("PUT", url, json.dumps({"name": name, **more}))


async def in_mode(start_gateway, name, *replies, request="work", **more):
    running = await start_gateway(exchange(request, *replies))
    conversation = await running.conversation()
    reply = await set_mode(running, conversation, name, **more)
    assert reply.code == 200, reply.body
    return conversation


async def ask_until(conversation, kind, request="work"):
    await conversation.connection.send("turn.request", request=request)
    return (await conversation.until(kind))["data"]


async def answer(conversation, asked, decision, until="turn.finished"):
    await conversation.connection.send("permission.reply", id=asked["id"], decision=decision)
    return (await conversation.until(until))["data"]


def printed(conversation):
    return "".join(each["output"]["text"] for each in conversation.of_kind("cell.output"))


def soon(**more):
    return (datetime.now(UTC) + timedelta(**more)).isoformat()


def alone(*scope, cells=5, **lasting):
    return {"scope": list(scope), "cells": cells, "until": soon(**(lasting or {"hours": 1}))}


async def test_a_new_conversation_is_in_auto_and_a_change_is_stored_and_told_to_its_paths(
    start_gateway,
):
    running = await start_gateway([])
    conversation = await running.conversation()
    url = f"/api/v1/conversations/{conversation.id}"

    assert (await running.client.get(f"{url}/mode"))["name"] == "auto"
    await set_mode(running, conversation, "step")
    changed = (await conversation.until("mode.changed"))["data"]

    assert (changed["mode"]["name"], changed["why"]) == ("step", "set")
    assert (await running.client.get(url))["mode"] == "step"
    lines = (await running.client.get("/api/v1/audit"))["audit"]
    assert any(line["action"] == "mode.changed" for line in lines)


async def test_a_mode_survives_a_restart(tmp_path):
    async with gateways(tmp_path) as start:
        conversation = await in_mode(start, "read-only")

    async with gateways(tmp_path) as start:
        running = await start([])
        url = f"/api/v1/conversations/{conversation.id}/mode"
        assert (await running.client.get(url))["name"] == "read-only"


async def test_in_step_each_cell_waits_also_without_any_risk(start_gateway):
    conversation = await in_mode(
        start_gateway, "step", code_reply("x = 1"), code_reply("print(x)"), DONE
    )

    first = await ask_until(conversation, "permission.required")
    assert (first["mode"], first["capabilities"], first["preview"]) == ("step", [], "x = 1")
    assert conversation.of_kind("cell.started") == []
    second = await answer(conversation, first, "once", until="permission.required")
    assert second["preview"] == "print(x)"
    assert (await answer(conversation, second, "once"))["status"] == "ok"
    assert printed(conversation) == "1\n"


async def test_in_step_always_for_one_cell_does_not_let_the_next_one_run(start_gateway):
    conversation = await in_mode(
        start_gateway, "step", code_reply(LIBRARY), code_reply(LIBRARY + "\n2"), DONE
    )

    first = await ask_until(conversation, "permission.required")
    second = await answer(conversation, first, "always", until="permission.required")

    assert second["id"] != first["id"]


async def test_a_cell_that_the_user_refuses_in_step_does_not_run_and_the_model_is_told(
    start_gateway,
):
    conversation = await in_mode(start_gateway, "step", code_reply("x = 1"), DONE)

    asked = await ask_until(conversation, "permission.required")
    await answer(conversation, asked, "deny")

    reply = conversation.running.standin.requests[1]["contents"][-1]["parts"][0][
        "functionResponse"
    ]["response"]
    assert "the user said no" in reply["error"]
    assert conversation.of_kind("cell.started") == []


async def test_the_users_own_code_waits_for_nobody_in_step(start_gateway):
    conversation = await in_mode(start_gateway, "step")

    assert await conversation.printed("print(6 * 7)") == "42\n"


async def test_high_risk_is_refused_in_every_mode(start_gateway):
    running = await start_gateway(exchange("work", code_reply("import os"), DONE))
    for name, more in {
        "preview": {}, "step": {}, "read-only": {}, "autonomous": alone("library:os"),
    }.items():  # fmt: skip
        conversation = await running.conversation()
        await set_mode(running, conversation, name, **more)
        await conversation.ask("work")
        assert conversation.of_kind("cell.started") == []
        assert conversation.of_kind("permission.required") == []


async def test_in_preview_code_runs_only_once_the_user_has_seen_it(start_gateway):
    conversation = await in_mode(
        start_gateway, "preview", code_reply("print(1)"), code_reply("print(2)"), DONE
    )

    first = await ask_until(conversation, "permission.required")
    second = await answer(conversation, first, "once", until="permission.required")

    assert (first["preview"], second["preview"]) == ("print(1)", "print(2)")
    assert [c["code"] for c in conversation.of_kind("cell.started") if not c["tags"]] == [
        "print(1)"
    ]


async def test_preview_shows_the_constants_that_code_runs_with(start_gateway):
    conversation = await in_mode(
        start_gateway, "preview", code_reply("print(limit)", limit=5), DONE
    )

    asked = await ask_until(conversation, "permission.required")

    assert "limit = 5" in asked["preview"]


async def test_nothing_that_a_read_only_request_writes_stays(start_gateway):
    conversation = await in_mode(start_gateway, "auto")
    await conversation.execute(WRITE.replace("made", "old").replace("new", "old"))
    await set_mode(conversation.running, conversation, "read-only")

    await conversation.execute(
        "from pathlib import Path\nPath('outputs/old.txt').write_text('bad')\n"
        "Path('outputs/made.txt').write_text('new')\nPath('loose.txt').write_text('x')\nkept = 1"
    )

    workspace = conversation.running.home(conversation.id) / "workspace"
    assert (workspace / "outputs/old.txt").read_text() == "old"
    assert not (workspace / "outputs/made.txt").exists()
    assert not (workspace / "loose.txt").exists()
    assert await conversation.printed("print(kept)") == "1\n"


async def test_a_read_only_cell_is_recorded_as_one_that_wrote_nothing(start_gateway):
    conversation = await in_mode(start_gateway, "read-only", code_reply(WRITE), DONE)

    finished = await conversation.ask("work")

    cells = [c for c in conversation.cells() if "read-only" in c["metadata"].get("tags", ())]
    facts = [cell["metadata"]["tallybook"] for cell in cells]
    assert finished["status"] == "ok"
    assert "made.txt" in "".join(cells[-1]["source"])
    assert all(each["files_after"] == each["files_before"] for each in facts)
    assert conversation.of_kind("file.created") == []


async def test_a_file_left_open_before_is_not_written_in_read_only(start_gateway):
    conversation = await in_mode(start_gateway, "auto")
    await conversation.execute(
        "from pathlib import Path\nPath('outputs/a.txt').write_text('old')\n"
        "left = open('outputs/a.txt', 'r+')"
    )
    await set_mode(conversation.running, conversation, "read-only")

    await conversation.execute("left.write('NEW'); left.flush()")
    await conversation.execute("left.write('MORE'); left.flush()")

    file = conversation.running.home(conversation.id) / "workspace/outputs/a.txt"
    assert file.read_text() == "old"


LATE = {
    "a thread": (
        "import threading\n"
        "def go_on():\n    while True:\n        Path('outputs/late.txt').write_text('late')\n"
        "threading.Thread(target=go_on, daemon=True).start()"
    ),
    "a task": (
        "import asyncio\n"
        "async def go_on():\n    while True:\n        Path('outputs/late.txt').write_text('late')\n"
        "        await asyncio.sleep(0)\n"
        "running = asyncio.get_running_loop().create_task(go_on())"
    ),
}
"""What goes on after its cell has ended."""


async def nothing_goes_on(conversation):
    services = conversation.running.gateway.services
    path = await services.contexts.open(conversation.key)
    assert path.live is None
    assert not (path.workspace.directory / "outputs/late.txt").exists()


async def test_a_thread_of_a_read_only_request_can_write_nothing_after_it(start_gateway):
    code = code_reply("from pathlib import Path\n" + LATE["a thread"])
    conversation = await in_mode(start_gateway, "read-only", code, DONE)

    await conversation.ask("work")

    await nothing_goes_on(conversation)


@pytest.mark.parametrize("left", LATE)
async def test_what_the_users_own_code_leaves_running_can_write_nothing_after_it(
    start_gateway, left
):
    conversation = await in_mode(start_gateway, "read-only")

    await conversation.execute("from pathlib import Path\nvalue = 7\n" + LATE[left])

    await nothing_goes_on(conversation)


async def test_a_jupyter_client_in_read_only_goes_on_with_its_variables(start_gateway):
    """Its kernel ends with each cell that ran on a copy, and the next one has its variables."""
    running = await start_gateway([])
    kernel = await new_kernel(running)
    client = await Client(running, kernel).connect()
    key = await running.gateway.services.repository.jupyter.path_of("local", kernel)
    url = f"/api/v1/conversations/{key.conversation}/mode"
    await running.client.put(url, {"name": "read-only"})

    late = "from pathlib import Path\nvalue = 7\n" + LATE["a thread"]
    first = await client.until_done(await client.execute(late))
    path = await running.gateway.services.contexts.open(key)
    await eventually("its kernel has ended", lambda: path.live is None)
    second = await client.until_done(await client.execute("print(value)"))

    assert [first["status"], second["status"]] == ["ok", "ok"]
    assert client.printed() == "7\n"
    await eventually("its kernel has ended again", lambda: path.live is None)
    late_file = path.workspace.directory / "outputs/late.txt"
    await eventually("nothing is left of it", lambda: not late_file.exists())
    assert path.live is None


async def test_variables_of_a_read_only_request_are_there_for_the_next_one(start_gateway):
    conversation = await in_mode(start_gateway, "read-only", code_reply(WRITE), DONE)
    await conversation.ask("work")

    assert await conversation.printed("print(value)") == "7\n"
    assert not (conversation.running.home(conversation.id) / "workspace/outputs/made.txt").exists()


async def test_undo_is_refused_in_read_only_with_the_way_out(start_gateway):
    conversation = await in_mode(start_gateway, "auto")
    await conversation.execute(WRITE)
    await set_mode(conversation.running, conversation, "read-only")

    refused = await Raw(conversation.running)(
        "POST", f"{conversation.url}/history/undo", '{"confirm": true}'
    )

    assert refused.code == 409
    assert error_of(refused)["code"] == "conversation-read-only"
    assert (conversation.running.home(conversation.id) / "workspace/outputs/made.txt").exists()


async def test_autonomous_decides_what_its_scope_names_and_asks_for_the_rest(start_gateway):
    conversation = await in_mode(
        start_gateway,
        "autonomous",
        code_reply(LIBRARY),
        code_reply("import http.client"),
        DONE,
        **alone("library:urllib"),
    )

    asked = await ask_until(conversation, "permission.required")

    assert asked["capabilities"] == ["library:http"]
    assert printed(conversation) == "a%20b\n"
    await answer(conversation, asked, "deny")
    [cell] = [c for c in conversation.cells() if "urllib" in "".join(c["source"])]
    assert cell["metadata"]["tallybook"]["decision"]["decision"] == "until"


async def test_autonomous_whose_cells_are_spent_gives_way_to_auto_and_asks(start_gateway):
    conversation = await in_mode(
        start_gateway,
        "autonomous",
        code_reply(LIBRARY),
        code_reply(LIBRARY),
        DONE,
        **alone("library:urllib", cells=1),
    )

    asked = await ask_until(conversation, "permission.required")
    changed = conversation.of_kind("mode.changed")[-1]

    assert (changed["mode"]["name"], changed["why"]) == ("auto", "spent")
    await answer(conversation, asked, "deny")


async def test_autonomous_that_has_ended_asks(start_gateway):
    conversation = await in_mode(
        start_gateway,
        "autonomous",
        code_reply(LIBRARY),
        DONE,
        **alone("library:urllib", seconds=3),
    )
    url = f"/api/v1/conversations/{conversation.id}/mode"

    async def ended():
        return (await conversation.running.client.get(url))["name"] == "auto"

    await eventually("the mode ends", ended)

    asked = await ask_until(conversation, "permission.required")

    assert conversation.of_kind("mode.changed")[-1]["why"] == "ended"
    await answer(conversation, asked, "deny")


async def test_autonomous_is_revoked_at_once(start_gateway):
    conversation = await in_mode(
        start_gateway,
        "autonomous",
        code_reply(LIBRARY),
        code_reply("print('second')\nimport urllib.request"),
        DONE,
        **alone("library:urllib"),
    )
    await conversation.connection.send("turn.request", request="work")
    await conversation.until("cell.started")

    url = f"/api/v1/conversations/{conversation.id}/mode"
    assert (await conversation.running.client.delete(url))["name"] == "auto"

    asked = (await conversation.until("permission.required", "turn.finished"))["data"]
    assert "second" in asked.get("preview", "")
    await answer(conversation, asked, "deny")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"name": "wild"}, "name"),
        ({"name": "autonomous"}, "scope"),
        ({"name": "autonomous", **alone("library:urllib", hours=48)}, "24 hours"),
        ({"name": "autonomous", **alone("library:urllib", hours=-1)}, "24 hours"),
        ({"name": "autonomous", **alone("everything")}, "capability"),
        ({"name": "autonomous", **alone("network:GET ftp://x/")}, "http"),
        ({"name": "step", "cells": 3}, "autonomous"),
        ({"name": "autonomous", **alone("library:urllib", cells=0)}, "cells"),
    ],
)
async def test_a_mode_that_makes_no_sense_is_refused_in_plain_words(running, body, says):
    conversation = await running.conversation()

    url = f"/api/v1/conversations/{conversation.id}/mode"
    refused = await Raw(running)("PUT", url, json.dumps(body))

    assert refused.code == 400
    assert says in str(error_of(refused))


@pytest.mark.parametrize(
    ("line", "name", "cells"),
    [("", None, None), ("read-only", "read-only", None),
     ('autonomous 2h 20 library:urllib "network:GET https://x/*"', "autonomous", 20)],
)  # fmt: skip
def test_what_is_typed_behind_mode_is_understood(line, name, cells):
    wanted = asked_mode(line)

    assert (wanted or {}).get("name") == name
    assert (wanted or {}).get("cells") == cells


@pytest.mark.parametrize(
    "line", ["wild", "autonomous", "autonomous 2h", "autonomous 2h 20", "autonomous x 2 a:b", "'"]
)
def test_what_is_no_mode_is_answered_with_what_there_is(line):
    with pytest.raises(ModeWordsWrong, match="/mode autonomous 2h 20"):
        asked_mode(line)


async def test_the_terminal_sets_the_mode_asks_for_the_cell_and_shows_the_mode(start_gateway):
    running = await start_gateway(exchange("work", code_reply("print(6 * 7)"), DONE))
    process = await start_chat(running, "--mode", "step")

    process.stdin.write(b"work\n")
    asked = await read_until(process, "[d]eny?")
    process.stdin.write(b"o\n/mode auto\nexit\n")
    printed = (await process.communicate())[0].decode()

    assert "mode: step" in asked
    assert "[o]nce to go on" in asked
    assert "42" in printed
    assert "mode: auto" in printed


async def test_autonomous_is_the_permission_of_the_user_who_gave_it(start_gateway):
    running = await start_gateway(exchange("work", code_reply(LIBRARY), DONE), jwt_secret=SECRET)
    ann, bob = (caller(running, hs256(user=user)) for user in ("ann", "bob"))
    conversation = json.loads((await ann("POST", "/api/v1/conversations", "{}")).body)["id"]
    url = f"/api/v1/conversations/{conversation}"
    body = json.dumps({"name": "autonomous", **alone("library:urllib")})
    assert (await ann("PUT", f"{url}/mode", body)).code == 200

    kinds = []
    for who in (bob, ann):
        turn = json.loads(
            (await who("POST", f"{url}/paths/main/turns", '{"request": "work"}')).body
        )

        async def answered(who=who, turn=turn):
            reply = json.loads((await who("GET", f"/api/v1/turns/{turn['turn']}")).body)
            return reply if reply["kind"] != "running" else None

        reply = await eventually("the turn waits or ends", answered)
        kinds.append(reply["kind"])
        if reply["kind"] == "permission_required":
            await who("POST", reply["permission"]["reply_to"], '{"decision": "deny"}')

    assert kinds == ["permission_required", "result"]


def test_without_room_for_a_copy_there_is_none_and_the_files_stay(small_disk):
    disk = small_disk(2)
    workspace = Workspace.create(disk / "workspace")
    file = workspace.directory / "outputs" / "big.bin"
    file.write_bytes(bytes(1_500_000))

    with pytest.raises(OSError, match="No space"):
        keep_copy(workspace, disk / "kept")

    assert file.stat().st_size == 1_500_000
    assert [each.name for each in disk.iterdir() if each.name.startswith("kept")] == []
    put_copy_back(workspace, disk / "kept")
    assert file.exists()


def test_a_copy_is_put_back_whole_also_if_that_is_cut_off_and_done_again(workspace, tmp_path):
    outputs = workspace.directory / "outputs"
    (outputs / "a.txt").write_text("old")
    keep_copy(workspace, tmp_path / "kept")
    (outputs / "a.txt").write_text("new")
    (workspace.directory / "other").mkdir()
    (tmp_path / "kept").rename(tmp_path / "kept.returning")  # as a killed service leaves it

    put_copy_back(workspace, tmp_path / "kept")
    put_copy_back(workspace, tmp_path / "kept")

    assert (outputs / "a.txt").read_text() == "old"
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith("kept")] == []
