"""Nothing left of a deleted conversation or user but a line in the audit list; or all of it."""

import hashlib
import io
import json
import re
import zipfile

import pytest

from tests.callers import SECRET, caller
from tests.raw_http import Raw
from tests.refused_writes import refusing
from tests.stored_rows import make_old, rows_by_table
from tests.waiting import eventually


@pytest.fixture
async def running(start_gateway):
    return await start_gateway([], jwt_secret=SECRET)


async def execute(raw, code, conversation=None):
    body = {"code": code} | ({"conversation": conversation} if conversation else {})
    return json.loads((await raw("POST", "/api/v1/execute", json.dumps(body))).body)


async def test_of_a_deleted_conversation_only_a_line_in_the_audit_list_is_left(running):
    ann = caller(running, "ann", "user", "admin")
    ran = await execute(ann, "secret = 'plans'; open('outputs/plans.txt', 'w').write(secret)")
    conversation = ran["conversation"]
    home = running.home(conversation).parent

    response = await ann("DELETE", f"/api/v1/conversations/{conversation}")

    left = await rows_by_table(running)
    assert response.code == 200
    assert not home.exists()
    assert running.gateway.services.contexts.live_kernels() == 0
    assert {name for name, found in left.items() if found} == {"audit"}
    assert [line["action"] for line in left["audit"]][-1] == "conversation.deleted"
    assert all(line["detail"] == {} for line in left["audit"])
    assert (await ann("GET", f"/api/v1/conversations/{conversation}")).code == 404


async def test_no_file_of_the_service_holds_a_word_of_a_deleted_conversation(running):
    ann = caller(running, "ann")
    ran = await execute(ann, "print('zanzibar merger')")
    await ann("DELETE", f"/api/v1/conversations/{ran['conversation']}")

    directory = running.gateway.services.settings.data_dir
    holding = [
        str(file)
        for file in directory.rglob("*")
        if file.is_file() and b"zanzibar" in file.read_bytes()
    ]

    assert holding == []


async def test_a_deletion_that_fails_at_its_end_can_be_asked_for_again(running):
    ann = caller(running, "ann")
    made = json.loads((await ann("POST", "/api/v1/conversations", "{}")).body)["id"]
    address = f"/api/v1/conversations/{made}"

    async with refusing(running, "audit", "NEW.action = 'conversation.deleted'"):
        await ann("DELETE", address)
    again = await ann("DELETE", address)

    assert again.code == 200
    audit = (await rows_by_table(running))["audit"]
    assert [line["action"] for line in audit] == ["conversation.created", "conversation.deleted"]


async def test_a_running_cell_does_not_keep_a_conversation(running):
    ann = caller(running, "ann")
    made = json.loads((await ann("POST", "/api/v1/conversations", "{}")).body)["id"]
    key = ("acme", made, "main")
    services = running.gateway.services
    from kernel_gateway.ids import PathKey

    await services.turns.start(PathKey(*key), "ann", kind="execute", request="while True: pass")

    response = await ann("DELETE", f"/api/v1/conversations/{made}")

    assert response.code == 200
    assert not (await rows_by_table(running))["turns"]


async def test_a_damaged_notebook_does_not_keep_a_conversation(running):
    ann = caller(running, "ann")
    made = json.loads((await ann("POST", "/api/v1/conversations", "{}")).body)["id"]
    home = running.home(made)
    home.mkdir(parents=True)
    (home / "notebook.ipynb").write_text("damaged")

    response = await ann("DELETE", f"/api/v1/conversations/{made}")

    assert response.code == 200
    assert not home.parent.exists()


async def test_of_a_deleted_user_no_name_is_left(running):
    ann, admin = caller(running, "ann"), caller(running, "root", "admin")
    await execute(ann, "1")
    of_admin = await execute(admin, "2")
    await execute(ann, "3", of_admin["conversation"])
    asked = await execute(admin, "import urllib.request", of_admin["conversation"])
    await ann("POST", asked["permission"]["reply_to"], '{"decision": "deny"}')
    await admin("GET", "/api/v1/users/ann/export")

    answer = await admin("DELETE", "/api/v1/users/ann")

    assert json.loads(answer.body)["removed_conversations"] == 1
    left = await rows_by_table(running)
    assert "ann" not in {line["user"] for line in left["audit"]}
    assert {turn["user"] for turn in left["turns"]} == {"root", "(deleted user)"}
    assert "ann" not in re.findall(r"\w+", json.dumps(left))
    assert [line["action"] for line in left["audit"]][-1] == "user.deleted"


async def test_only_admins_delete_users(running):
    assert (await caller(running, "ann")("DELETE", "/api/v1/users/ann")).code == 403


async def test_a_users_export_holds_all_of_theirs_and_nothing_of_others(running):
    ann, bob = caller(running, "ann"), caller(running, "bob")
    ran = await execute(ann, "open('outputs/a.txt', 'w').write('hers'); print('seen')")
    await execute(ann, "open('outputs/a.txt', 'w').write('changed')", ran["conversation"])
    await execute(bob, "open('outputs/b.txt', 'w').write('his')")

    answer = await ann("GET", "/api/v1/users/ann/export")

    archive = zipfile.ZipFile(io.BytesIO(answer.body))
    top = f"conversations/{ran['conversation']}/main"
    assert archive.testzip() is None
    assert archive.read(f"{top}/workspace/outputs/a.txt") == b"changed"
    version = hashlib.sha256(b"hers").hexdigest()
    assert archive.read(f"conversations/{ran['conversation']}/versions/{version}") == b"hers"
    assert "seen" in archive.read(f"{top}/notebook.ipynb").decode()
    events = [json.loads(line) for line in archive.read(f"{top}/events.jsonl").splitlines()]
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
    asked = json.loads(archive.read("turns.json"))
    assert all(turn["request"].startswith("open(") for turn in asked)
    assert not any("b.txt" in name for name in archive.namelist())


async def test_an_export_of_somebody_else_needs_an_admin(running):
    assert (await caller(running, "ann")("GET", "/api/v1/users/bob/export")).code == 403
    assert (await caller(running, "root", "admin")("GET", "/api/v1/users/bob/export")).code == 200


async def test_what_is_past_its_retention_goes_by_itself(start_gateway):
    running = await start_gateway([], retention_days=1, cleanup_seconds=0.1)
    made = await running.client.post("/api/v1/conversations", {})
    await make_old(running, made["id"])

    async def deletions():
        told = (await running.client.get("/api/v1/audit"))["audit"]
        return [line for line in told if line["action"] == "conversation.deleted"]

    [line] = await eventually("the clean-up deletes the conversation", deletions)

    assert line["user"] == "retention"
    assert (await Raw(running)("GET", f"/api/v1/conversations/{made['id']}")).code == 404


async def test_what_is_past_its_retention_goes_with_the_clean_up(start_gateway):
    running = await start_gateway([], retention_days=1, jwt_secret=SECRET)
    ann, admin = caller(running, "ann"), caller(running, "root", "admin")
    old = await execute(ann, "1")
    await make_old(running, old["conversation"])
    fresh = await execute(ann, "2")

    done = json.loads((await admin("POST", "/api/v1/admin/cleanup", "{}")).body)

    assert done["removed_conversations"] == 1
    left = json.loads((await ann("GET", "/api/v1/conversations")).body)["conversations"]
    assert [c["id"] for c in left] == [fresh["conversation"]]
