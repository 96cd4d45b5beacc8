"""Standing permissions: until a time, listed in plain words, revoked from the API or a terminal."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from kernel_gateway.store.tables import GrantRow
from kernel_gateway.terminal.chat import decided
from kernel_gateway.terminal.client import ServiceRefused
from tests.access_tokens import SECRET, caller, hs256
from tests.kernel_gateway.test_cli import read_until, start_chat, tallybook
from tests.kernel_gateway.test_network import LOOPBACK, allowed, ask_for
from tests.network_servers import http_server
from tests.raw_http import error_of


@pytest.fixture(scope="module")
def server():
    with http_server() as started:
        yield started


ENDLESSLY = """
import requests
requests.get("{0}/v1/sales.csv")
print("begun", flush=True)
while True:
    requests.get("{0}/v1/sales.csv")
"""


def read(server):
    return f'import requests\nprint(requests.get("{server.url}/v1/sales.csv").status_code)'


def later(**time):
    return (datetime.now(UTC) + timedelta(**time)).isoformat()


async def test_a_permission_until_a_time_ends_then_even_within_a_running_cell(
    start_gateway, server
):
    running = await start_gateway([], network_private=LOOPBACK, network_calls=10**6)
    conversation = await running.conversation()
    until = later(hours=1)

    first = await allowed(conversation, read(server), decision="until", until=until)
    held = (await running.client.get("/api/v1/grants"))["grants"]
    await conversation.connection.send("execute.request", code=ENDLESSLY.format(server.url))
    await conversation.until("network.called")
    async with running.gateway.services.repository.database.begin("local") as session:
        await session.execute(update(GrantRow).values(expires_at=1.0))  # the time has come
    ended = (await conversation.until("turn.finished"))["data"]
    asked = await ask_for(conversation, read(server))

    assert first == "200\n"
    assert [each["expires_at"][:19] for each in held] == [until[:19]] * 2
    assert "was not allowed" in ended["outputs"][-1]["evalue"]
    assert asked["capabilities"] == ["library:requests", f"network:GET {server.url}/v1/sales.csv"]
    assert (await running.client.get("/api/v1/grants"))["grants"] == []


async def test_permissions_are_listed_by_what_they_cover(start_gateway, server):
    running = await start_gateway([], network_private=LOOPBACK)
    conversation = await running.conversation()
    await allowed(conversation, read(server), decision="always")

    library, network = (await running.client.get("/api/v1/grants"))["grants"]

    assert (library["kind"], network["kind"]) == ("library", "network")
    assert library["covers"].startswith("every use of the library requests")
    assert network["covers"] == f"every GET call to {server.url}/v1/ and all addresses below it"
    assert network["expires_at"] is None


@pytest.mark.parametrize(
    "reply",
    [
        {"decision": "until"},
        {"decision": "until", "until": "tomorrow"},
        {"decision": "until", "until": "2020-01-01T00:00:00+00:00"},
        {"decision": "until", "until": "2099-01-01T00:00:00"},
        {"decision": "once", "until": "2099-01-01T00:00:00+00:00"},
        {"decision": "until", "until": 10**30},
    ],
)
async def test_a_time_that_is_none_is_refused_and_nothing_is_decided(running, reply):
    conversation = await running.conversation()
    asked = await ask_for(conversation, "import requests\nrequests.get('https://a.example/b')")

    with pytest.raises(ServiceRefused) as refused:
        await running.client.post(f"/api/v1/permissions/{asked['id']}", reply)

    assert refused.value.status == 400
    turn = await running.client.get(f"/api/v1/turns/{conversation.events[-1]['turn']}")
    assert turn["kind"] == "permission_required"


async def test_the_terminal_asks_lists_and_revokes(start_gateway, server):
    code = {"run_code": {"code": read(server).splitlines()}, "text": "I read it."}
    exchanges = [
        {"when": {"request": "read", "after": 0}, "reply": code},
        {"when": {"request": "read", "after": 1}, "reply": {"text": "Read."}},
    ]
    running = await start_gateway(exchanges, network_private=LOOPBACK)
    conversation = await running.conversation()
    process = await start_chat(running, "-c", conversation.id)

    process.stdin.write(b"read\n")
    asked = await read_until(process, "[d]eny?")
    process.stdin.write(b"u 2h\n")
    told = await read_until(process, "Read.")
    held = (await running.client.get("/api/v1/grants"))["grants"]
    options = ("--url", running.url, "--token", running.token)
    listed = await asyncio.to_thread(tallybook, "grants", "list", *options)
    one = await asyncio.to_thread(tallybook, "grants", "revoke", held[0]["id"], *options)
    unknown = await asyncio.to_thread(tallybook, "grants", "revoke", "grant_no", *options)
    process.stdin.write(b"/grants\n/revoke\n/revoke all\nexit\n")
    printed = (await process.communicate())[0].decode()

    assert f"always would cover every GET call to {server.url}/v1/" in asked
    assert f"network: GET {server.url}/v1/sales.csv: 200" in told
    assert held[1]["covers"] in listed.stdout
    assert one.stdout == f"revoked {held[0]['id']}\n"
    assert unknown.returncode == 1
    assert "grant_no" in unknown.stderr
    assert f"revoked {held[1]['id']}" in printed
    assert (await running.client.get("/api/v1/grants"))["grants"] == []


@pytest.mark.parametrize(
    ("typed", "decision", "minutes"),
    [
        ("o", "once", None),
        ("Always", "always", None),
        ("u", "until", 60),
        ("u 2h", "until", 120),
        ("until 30 m", "until", 30),
        ("u soon", "deny", None),
        ("u 0h", "deny", None),
        ("", "deny", None),
        ("yes", "deny", None),
    ],
)
def test_what_is_typed_is_a_decision_and_all_else_denies(typed, decision, minutes):
    made, more = decided(typed)

    assert made == decision
    if minutes is not None:
        lasting = datetime.fromisoformat(more["until"]) - datetime.now(UTC)
        assert timedelta(minutes=minutes - 1) < lasting <= timedelta(minutes=minutes)


async def test_only_the_user_who_asked_can_allow_for_longer(start_gateway):
    """Else a colleague could let a user's later code run unasked, and send that user's data."""
    running = await start_gateway([], jwt_secret=SECRET)
    ann, ben = caller(running, hs256()), caller(running, hs256(user="ben"))
    body = json.dumps({"code": "import requests\nrequests.get('https://a.example/b')"})
    asked = json.loads((await ann("POST", "/api/v1/execute", body)).body)
    url = f"/api/v1/permissions/{asked['permission']['id']}"
    until = {"decision": "until", "until": later(hours=1)}

    refused = [
        await ben("POST", url, json.dumps(reply)) for reply in ({"decision": "always"}, until)
    ]
    own = await ann("POST", url, json.dumps({"decision": "always"}))

    assert [error_of(response)["code"] for response in refused] == ["not-your-permission"] * 2
    assert {response.code for response in refused} == {403}
    assert own.code == 200
