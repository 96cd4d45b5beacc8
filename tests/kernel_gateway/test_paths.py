"""Branches and merges: a path goes on from any turn, by itself, and can come back."""

import json

import pytest

from kernel_gateway.conversations.branches import MOST_PATHS
from kernel_gateway.store.conversations import new_branch
from kernel_gateway.terminal.client import path_url
from notebooks.ledger.verify import verify_notebook
from tests.branching import branch, post
from tests.conftest import code_reply, exchange
from tests.raw_http import Raw, error_of
from tests.refused_writes import refusing


@pytest.fixture
async def running(start_gateway):
    return await start_gateway([])


async def turns(running, conversation, path="main"):
    url = path_url(conversation.id, path) + "/turns"
    return json.loads((await Raw(running)("GET", url)).body)["turns"]


# branching


async def test_a_branch_has_the_variables_as_of_its_turn(running):
    conversation = await running.conversation()
    await conversation.execute("x = 1")
    await conversation.execute("x = 2")
    first, _ = await turns(running, conversation)

    _, made = await branch(running, conversation, source_turn_id=first["id"])

    assert await made.printed("print(x)") == "1\n"
    assert await conversation.printed("print(x)") == "2\n"


async def test_one_branch_more_than_a_conversation_may_have_is_refused(running):
    conversation = await running.conversation()
    repository = running.gateway.services.repository
    for number in range(MOST_PATHS - 1):  # beside main
        row = new_branch(conversation.key._replace(path=f"b{number}"), "b", "main", "")
        async with repository.database.begin(row.tenant) as session:
            session.add(row)

    refused = await post(
        running, f"/api/v1/conversations/{conversation.id}/paths", {"name": "one more"}
    )

    assert refused.code == 409
    assert "at most 100 paths" in error_of(refused)["message"]


async def test_what_is_set_in_a_branch_is_unknown_in_main_and_the_other_way_round(running):
    conversation = await running.conversation()
    await conversation.execute("x = 1")
    _, made = await branch(running, conversation)

    await made.execute("y = 2")
    await conversation.execute("z = 3")

    assert (await conversation.execute("y"))["outputs"][0]["ename"] == "NameError"
    assert (await made.execute("z"))["outputs"][0]["ename"] == "NameError"


async def test_files_of_a_branch_are_its_own(running):
    conversation = await running.conversation()
    await conversation.execute("open('outputs/a.txt', 'w').write('main')")
    _, made = await branch(running, conversation)

    await made.execute("open('outputs/a.txt', 'w').write('branch')")

    assert await conversation.printed("print(open('outputs/a.txt').read())") == "main\n"
    assert await made.printed("print(open('outputs/a.txt').read())") == "branch\n"


async def test_a_changed_file_that_was_not_kept_is_made_again_as_it_was(start_gateway):
    running = await start_gateway([], file_versions_mb=0)
    conversation = await running.conversation()
    await conversation.execute("open('outputs/a.txt', 'w').write('first')")
    await conversation.execute("open('outputs/a.txt', 'w').write('second')")
    first, _ = await turns(running, conversation)

    made, path = await branch(running, conversation, source_turn_id=first["id"])

    assert made["files_to_remake"] == ["outputs/a.txt"]
    assert await path.printed("print(open('outputs/a.txt').read())") == "first\n"


async def test_a_branchs_notebook_begins_with_the_inherited_cells_and_verifies(running):
    conversation = await running.conversation()
    await conversation.execute("x = 1")
    await conversation.execute("x = 2")
    first, _ = await turns(running, conversation)
    _, made = await branch(running, conversation, source_turn_id=first["id"])
    await made.execute("y = x")

    sources = ["".join(cell["source"]) for cell in made.cells()]

    assert sources == ["x = 1", "y = x"]
    assert verify_notebook(made.notebook).verified
    assert made.cells()[0] == conversation.cells()[0]


async def test_branches_of_one_name_are_told_apart(running):
    conversation = await running.conversation()
    await conversation.execute("1")

    names = [(await branch(running, conversation, "Was wäre, wenn?"))[0]["name"] for _ in range(3)]

    assert names == ["was-w-re-wenn", "was-w-re-wenn-2", "was-w-re-wenn-3"]
    listed = (await running.client.get(f"/api/v1/conversations/{conversation.id}"))["paths"]
    assert listed == ["main", *names]


async def test_a_branch_is_stored_with_what_is_told_of_it_or_not_at_all(running):
    conversation = await running.conversation()
    await conversation.execute("open('outputs/a.txt', 'w').write('main')")
    url = f"/api/v1/conversations/{conversation.id}/paths"

    async with refusing(running, "events", "NEW.kind = 'path.created'"):
        refused = await post(running, url, {"name": "What if"})
    paths = [path["name"] for path in (await running.client.get(url))["paths"]]
    _, made = await branch(running, conversation)

    assert error_of(refused)["code"] == "conflict"
    assert paths == ["main"]
    assert await made.printed("print(open('outputs/a.txt').read())") == "main\n"
    lines = (await running.client.get("/api/v1/audit"))["audit"]
    assert [line["target"] for line in lines if line["action"] == "path.created"] == ["what-if"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "!!!"}, 400, "bad-request"),
        ({"name": ""}, 400, "bad-request"),
        ({"name": "x" * 300}, 400, "bad-request"),
        ({}, 400, "bad-request"),
        ({"name": "x", "source_turn_id": "turn_0000000000000000"}, 404, "not-found"),
        ({"name": "x", "source_turn_id": "../../etc"}, 404, "not-found"),
        ({"name": "x", "source_path": "nowhere"}, 404, "not-found"),
        ({"name": "x", "source_path": "../main"}, 404, "not-found"),
    ],
)
async def test_a_branch_that_cannot_be_made_says_why(running, body, status, code):
    conversation = await running.conversation()
    await conversation.execute("1")

    response = await post(running, f"/api/v1/conversations/{conversation.id}/paths", body)

    assert (response.code, error_of(response)["code"]) == (status, code)
    assert len((await running.client.get(f"/api/v1/conversations/{conversation.id}"))["paths"]) == 1


async def test_a_turn_of_another_path_is_no_place_to_branch_from(running):
    conversation, other = await running.conversation(), await running.conversation()
    await other.execute("1")
    [turn] = await turns(running, other)

    response = await post(
        running,
        f"/api/v1/conversations/{conversation.id}/paths",
        {"name": "x", "source_turn_id": turn["id"]},
    )

    assert response.code == 404


# merging


async def merge(running, conversation, name, **body):
    return await post(running, path_url(conversation.id, name) + "/merge", body)


async def test_a_full_merge_brings_variables_files_and_cells(running):
    conversation = await running.conversation()
    await conversation.execute("x = 1")
    made, path = await branch(running, conversation)
    await path.execute("y = x + 41\nopen('outputs/y.txt', 'w').write(str(y))")

    response = await merge(running, conversation, made["name"], mode="full")

    assert json.loads(response.body)["kind"] == "result"
    await conversation.until("turn.finished")
    assert await conversation.printed("print(y, open('outputs/y.txt').read())") == "42 42\n"
    assert any("merged-from-what-if" in c["metadata"].get("tags", []) for c in conversation.cells())
    assert verify_notebook(conversation.notebook).verified


async def test_a_summary_is_noted_and_the_model_is_told(start_gateway):
    exchanges = exchange("double it", code_reply("print(2 * 21)"), {"text": "It is 42."})
    running = await start_gateway(exchanges + exchange("and now?", {"text": "Well."}))
    conversation = await running.conversation()
    await conversation.execute("x = 1")
    made, path = await branch(running, conversation)
    await path.ask("double it")

    response = await merge(running, conversation, made["name"])
    await conversation.until("turn.finished")
    await conversation.ask("and now?")

    assert response.code == 200
    assert await conversation.printed("print('print(2 * 21)' in In)") == "False\n"
    told = running.standin.requests[-1]["contents"][0]["parts"][0]["text"]
    assert "double it" in told
    assert "It is 42." in told


async def test_a_merged_path_has_ended_but_can_still_be_read(running):
    conversation = await running.conversation()
    made, path = await branch(running, conversation)
    await path.execute("y = 1")
    contexts = running.gateway.services.contexts

    await merge(running, conversation, made["name"])

    context = await contexts.context(conversation.key._replace(path=made["name"]))
    assert context.status == "terminated"
    url = path_url(conversation.id, made["name"])
    refused = await post(running, url + "/turns", {"request": "go on"})
    assert (refused.code, error_of(refused)["code"]) == (409, "conflict")
    assert (await Raw(running)("GET", url + "/notebook")).code == 200
    again = await merge(running, conversation, made["name"])
    assert again.code == 409


async def test_a_clean_up_that_fails_does_not_fail_the_merge(running):
    conversation = await running.conversation()
    made, path = await branch(running, conversation)
    await path.execute("y = 1")
    contexts = running.gateway.services.contexts
    key = conversation.key._replace(path=made["name"])
    session = (await contexts.open(key)).session

    async def refuse():
        raise OSError("the kernel's owner does not answer")

    closing, session.aclose = session.aclose, refuse
    response = await merge(running, conversation, made["name"])
    await closing()

    assert response.code == 200
    assert json.loads(response.body)["kind"] == "result"


async def test_a_cell_that_fails_in_the_target_stops_the_merge_and_the_branch_lives_on(running):
    conversation = await running.conversation()
    await conversation.execute("x = 1")
    made, path = await branch(running, conversation)
    await path.execute("y = x")
    await conversation.execute("del x")

    response = await merge(running, conversation, made["name"], mode="full")

    reply = json.loads(response.body)
    assert reply["kind"] == "error"
    assert "NameError" in reply["error"]["message"]
    assert await path.printed("print(y)") == "1\n"


async def test_a_second_attempt_at_a_merge_runs_only_what_did_not_run_well(running):
    conversation = await running.conversation()
    await conversation.execute("x = 1")
    made, path = await branch(running, conversation)
    await path.execute("with open('outputs/log.txt', 'a') as log: log.write('once ')")
    await path.execute("with open('outputs/log.txt', 'a') as log: log.write(str(x))")
    await conversation.execute("del x")
    await merge(running, conversation, made["name"], mode="full")
    await conversation.until("turn.finished")
    await conversation.execute("x = 2")

    response = await merge(running, conversation, made["name"], mode="full")
    await conversation.until("turn.finished")

    assert json.loads(response.body)["kind"] == "result"
    assert await conversation.printed("print(open('outputs/log.txt').read())") == "once 2\n"
    facts = [cell["metadata"] for cell in conversation.cells()]
    merged = [f for f in facts if "merged-from-what-if" in f.get("tags", [])]
    assert [f["tallybook"]["status"] for f in merged] == ["ok", "error", "ok"]
    assert verify_notebook(conversation.notebook).verified


@pytest.mark.parametrize(
    ("body", "status"),
    [({"mode": "both"}, 400), ({"into": "nowhere"}, 404), ({"into": "what-if"}, 409), ([], 400)],
)
async def test_a_merge_that_makes_no_sense_is_refused(running, body, status):
    conversation = await running.conversation()
    made, _ = await branch(running, conversation)

    response = await post(running, path_url(conversation.id, made["name"]) + "/merge", body)

    assert response.code == status


async def test_main_cannot_be_merged_away(running):
    conversation = await running.conversation()
    made, _ = await branch(running, conversation)

    assert (await merge(running, conversation, "main", into=made["name"])).code == 400
