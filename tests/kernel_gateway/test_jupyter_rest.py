"""Kernels, sessions and contents over HTTP, as Jupyter's clients ask for them."""

import json
from pathlib import Path

import jupyter_server
import pytest
import yaml
from jsonschema import Draft4Validator

from tests.callers import SECRET, caller
from tests.jupyter_client import Client
from tests.raw_http import Raw, error_of


async def test_the_token_may_stand_in_the_address_as_jupyters_clients_send_it(running, kernel):
    raw = Raw(running)
    raw.headers = {}

    assert (await raw("GET", f"/api/kernels?token={running.token}")).code == 200
    assert (await raw("GET", f"/api/v1/conversations?token={running.token}")).code == 401


async def test_a_deleted_kernel_is_gone_and_its_notebook_stays(running, kernel):
    raw = Raw(running)
    key = await running.gateway.services.repository.jupyter.path_of("local", kernel)

    assert (await raw("DELETE", f"/api/kernels/{kernel}")).code == 204
    assert (await raw("GET", f"/api/kernels/{kernel}")).code == 404
    assert json.loads((await raw("GET", "/api/kernels")).body) == []
    assert (running.home(key.conversation) / "notebook.ipynb").exists()


async def test_users_of_one_tenant_have_kernels_and_sessions_of_their_own(start_gateway):
    running = await start_gateway([], jwt_secret=SECRET)
    ann, bob = caller(running, "ann"), caller(running, "bob")
    body = json.dumps({"path": "Untitled.ipynb", "type": "notebook"})

    hers, his = [json.loads((await who("POST", "/api/sessions", body)).body) for who in (ann, bob)]
    again = json.loads((await ann("POST", "/api/sessions", body)).body)

    assert again == hers
    assert hers["kernel"]["id"] != his["kernel"]["id"]
    for who, session in ((ann, hers), (bob, his)):
        assert json.loads((await who("GET", "/api/sessions")).body) == [session]
        assert json.loads((await who("GET", "/api/kernels")).body) == [session["kernel"]]
        assert json.loads((await who("GET", "/api/status")).body)["kernels"] == 1


async def test_a_kernel_that_cannot_be_had_leaves_no_conversation(start_gateway):
    running = await start_gateway([], max_kernels=1, kernel_wait_seconds=0)
    conversation = await running.conversation()
    await conversation.connection.send(
        "execute.request", code="print('on', flush=True)\nwhile True: pass"
    )
    await conversation.until("cell.output")

    response = await Raw(running)("POST", "/api/kernels", "{}")

    assert (response.code, error_of(response)["code"]) == (503, "kernel-limit-reached")
    assert int(response.headers["Retry-After"]) >= 1
    left = (await running.client.get("/api/v1/conversations"))["conversations"]
    assert [row["id"] for row in left] == [conversation.id]


async def test_requests_that_wait_do_not_start_a_deleted_kernel_anew(running, kernel):
    client = await Client(running, kernel).connect()
    await client.execute("print('on', flush=True)\nwhile True: pass", stop_on_error=False)
    waiting = [await client.execute(f"print({n})") for n in range(3)]
    while client.printed() != "on\n":
        await client.next()

    response = await Raw(running)("DELETE", f"/api/kernels/{kernel}")
    replies = [await client.until_done(message_id) for message_id in waiting]

    assert response.code == 204
    assert [reply["status"] for reply in replies] == ["aborted"] * 3
    assert running.gateway.services.contexts.live_kernels() == 0
    assert running.gateway.services.turns.depth() == 0


async def test_a_kernel_deleted_right_after_a_reply_leaves_its_cell_recorded_and_its_turn_ok(
    running, kernel
):
    client = await Client(running, kernel).connect()
    await client.until_done(await client.execute("print('last words')"))

    await Raw(running)("DELETE", f"/api/kernels/{kernel}")

    [made] = (await running.client.get("/api/v1/conversations"))["conversations"]
    url = f"/api/v1/conversations/{made['id']}/paths/main"
    assert [t["status"] for t in (await running.client.get(f"{url}/turns"))["turns"]] == ["ok"]
    assert "last words" in (running.home(made["id"]) / "notebook.ipynb").read_text()


async def test_contents_can_be_read_and_not_written(running, kernel):
    raw, client = Raw(running), await Client(running, kernel).connect()
    await client.until_done(await client.execute("print('recorded')"))
    root = json.loads((await raw("GET", "/api/contents")).body)
    directory = json.loads((await raw("GET", f"/api/contents/{root['content'][0]['path']}")).body)
    path = directory["content"][0]["path"]

    notebook = {"content": {"cells": []}}
    while not notebook["content"]["cells"]:  # recorded a moment after the reply
        notebook = json.loads((await raw("GET", f"/api/contents/{path}")).body)
    refused = [await raw(method, f"/api/contents/{path}", "{}") for method in ("PUT", "PATCH")]

    assert notebook["type"] == "notebook"
    assert notebook["content"]["cells"][0]["outputs"][0]["text"] == "recorded\n"
    assert [r.code for r in refused] == [405, 405]
    assert json.loads(refused[0].body)["message"]


@pytest.mark.parametrize("name", ["no-such-kernel", "../x", "x" * 100])
async def test_an_unknown_kernelspec_is_named_in_the_error(running, name):
    response = await Raw(running)("POST", "/api/kernels", json.dumps({"name": name}))

    assert response.code == 400
    assert "tallybook-python" in error_of(response)["message"]


async def test_models_are_what_jupyter_servers_own_schema_asks_for(running, kernel):
    """The OpenAPI document jupyter_server ships describes what its clients expect."""
    spec = yaml.safe_load(
        (Path(jupyter_server.__file__).parent / "services/api/api.yaml").read_text()
    )
    raw = Raw(running)
    made = await raw("POST", "/api/sessions", json.dumps({"path": "a.ipynb", "type": "notebook",
                     "name": "a", "kernel": {"name": "tallybook-python"}}))  # fmt: skip
    session = json.loads(made.body)
    models = {
        "Kernel": json.loads((await raw("GET", f"/api/kernels/{kernel}")).body),
        "Session": session,
        "Contents": json.loads((await raw("GET", "/api/contents?content=0")).body),
        "APIStatus": json.loads((await raw("GET", "/api/status")).body),
    }

    for name, model in models.items():
        schema = {**spec["definitions"][name], "definitions": spec["definitions"]}
        errors = [e.message for e in Draft4Validator(schema).iter_errors(model)]
        # The document calls these strings although jupyter_server itself sends null.
        assert [e for e in errors if not e.startswith("None is not of type")] == [], name
    assert (await raw("DELETE", f"/api/sessions/{session['id']}")).code == 204
