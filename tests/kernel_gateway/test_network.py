"""A cell calls an address with the user's permission, through the service, and it is recorded."""

import asyncio
import json

import pytest

from kernel_gateway.network.questions import MOST_QUESTIONS
from kernel_gateway.terminal.rerun import rerun_file
from notebooks.export.bundle import write_bundle
from notebooks.export.unpacked import unpacked
from notebooks.history.blobs import Blobs
from tests.conftest import exchange
from tests.jupyter_client import Client, new_kernel
from tests.network_servers import CSV, certificate, http_server

LOOPBACK = "127.0.0.0/8"
SECRET = "sk-very-secret-417"


@pytest.fixture(scope="module")
def server():
    with http_server() as started:
        yield started


async def ask_for(conversation, code):
    """Run *code*; return the data of its permission request, or of the turn's end."""
    await conversation.connection.send("execute.request", code=code)
    return (await conversation.until("permission.required", "turn.finished"))["data"]


async def allowed(conversation, code, **reply):
    """Run *code*, which a user allows; return what it printed."""
    asked = await ask_for(conversation, code)
    if "outputs" not in asked:
        reply = {"decision": "once", **reply, "id": asked["id"]}
        await conversation.connection.send("permission.reply", **reply)
        asked = (await conversation.until("turn.finished"))["data"]
    return "".join(
        output.get("text", "") or f"{output.get('ename')}: {output.get('evalue')}\n"
        for output in asked["outputs"]
    )


def calls_of(conversation):
    """Return the calls that the notebook's last cell records."""
    return conversation.cells()[-1]["metadata"]["tallybook"]["network"]


async def test_requests_urllib_and_pandas_get_what_was_allowed(start_gateway, server):
    conversation = await (await start_gateway([], network_private=LOOPBACK)).conversation()

    printed = await allowed(
        conversation,
        f"""
import requests, urllib.request, pandas as pd
from io import StringIO
print(requests.get("{server.url}/v1/sales.json", params={{"year": 2025}}).json())
print(urllib.request.urlopen("{server.url}/v1/sales.csv").read())
print(pd.read_csv("{server.url}/v1/sales.csv").sales.sum())
print(pd.read_json("{server.url}/v1/sales.json").sales.sum())
print(pd.read_html("{server.url}/v1/table.html")[0].b.sum())
print(requests.post("{server.url}/v1/echo", json={{"a": 1}}).json()["body"])
""",
    )

    assert printed.splitlines() == [
        "[{'region': 'north', 'sales': 120}]",
        str(CSV.encode()),
        "200",
        "120",
        "2",
        '{"a": 1}',
    ]
    assert "/v1/sales.json?year=2025" in server.paths


async def test_httpx_by_its_old_name_gets_what_was_allowed(start_gateway, server):
    conversation = await (await start_gateway([], network_private=LOOPBACK)).conversation()

    printed = await allowed(
        conversation,
        f"""
import httpx
print(httpx.get("{server.url}/v1/sales.json").json()[0]["sales"])
async with httpx.AsyncClient() as client:
    print((await client.get("{server.url}/v1/sales.csv")).status_code)
import httpx2
print(httpx is httpx2)
""",
    )

    assert printed.split() == ["120", "200", "True"]


async def test_other_http_libraries_get_what_was_allowed_too(start_gateway, server):
    conversation = await (await start_gateway([], network_private=LOOPBACK)).conversation()
    host, port = server.url.removeprefix("http://").split(":")

    printed = await allowed(
        conversation,
        f"""
import asyncio, http.client, httpx2, urllib3
print(httpx2.get("{server.url}/v1/sales.json", params={{"a": "b c"}}).json()[0]["sales"])
print(httpx2.post("{server.url}/v1/echo", json={{"a": 1}}).json()["body"])
with httpx2.Client(base_url="{server.url}/v1/", follow_redirects=True) as client:
    print(client.get("{server.url}/v1/away?to=/v1/sales.csv").text.split()[0])
    with client.stream("GET", "{server.url}/v1/sales.csv") as response:
        print(list(response.iter_lines())[1])
async def both():
    async with httpx2.AsyncClient() as client:
        got = [client.get("{server.url}/v1/sales.csv"), client.get("{server.url}/v1/sales.json")]
        return [each.status_code for each in await asyncio.gather(*got)]
print(await both())
try:
    httpx2.get("{server.url}/v1/hangs", timeout=0.3)
except httpx2.TimeoutException as error:
    print("timed out")
print(urllib3.request("GET", "{server.url}/v1/sales.csv").data[:6])
print(urllib3.PoolManager().request("POST", "{server.url}/v1/echo", body=b"x").json()["body"])
connection = http.client.HTTPConnection("{host}", {port})
for path in ("/v1/sales.csv", "/v1/sales.json"):
    connection.request("GET", path)
    print(connection.getresponse().read()[:6])
print(http.client.HTTPConnection("{server.url}"[7:]).sock)
""",
    )

    assert printed.splitlines() == [
        "120",
        '{"a":1}',
        "region,sales",
        "north,120",
        "[200, 200]",
        "timed out",
        "b'region'",
        "x",
        "b'region'",
        "b'[{\"reg'",
        "None",
    ]


async def test_an_address_with_blanks_and_accents_is_asked_for_as_it_is_sent(start_gateway, server):
    conversation = await (await start_gateway([], network_private=LOOPBACK)).conversation()
    code = f'import requests\nprint(requests.get("{server.url}/v2/caf\u00e9 1.csv").status_code)'

    asked = await ask_for(conversation, code)
    await conversation.connection.send("permission.reply", id=asked["id"], decision="once")
    printed = (await conversation.until("turn.finished"))["data"]["outputs"][0]["text"]

    assert f"network:GET {server.url}/v2/caf%C3%A9%201.csv" in asked["capabilities"]
    assert printed == "404\n"


async def test_https_is_checked_by_the_service_against_the_operators_authorities(
    start_gateway, tmp_path
):
    authority, context = certificate(tmp_path / "known")
    with http_server(context) as secure, http_server(certificate(tmp_path / "other")[1]) as other:
        running = await start_gateway([], network_private=LOOPBACK, network_ca_file=authority)
        conversation = await running.conversation()
        code = 'import requests\nprint(requests.get("{}/v1/sales.csv").text)'

        read = await allowed(conversation, code.format(secure.url))
        refused = await allowed(conversation, code.format(other.url))

    assert read.strip() == CSV.strip()
    assert "its certificate is not valid" in refused
    assert other.paths == []


async def test_a_call_is_an_event_a_line_of_the_audit_list_and_part_of_the_cell(
    start_gateway, server
):
    running = await start_gateway([], network_private=LOOPBACK)
    conversation = await running.conversation()
    url = f"{server.url}/v1/sales.csv?key=mine"

    await allowed(conversation, f'import pandas as pd\nprint(len(pd.read_csv("{url}")))')

    (recorded,) = calls_of(conversation)
    (told,) = conversation.of_kind("network.called")
    audit = await running.client.get("/api/v1/audit")
    (line,) = [each for each in audit["audit"] if each["action"] == "network.called"]
    kept = Blobs(running.home(conversation.id).parent / ".blobs", None, 10**9)
    assert told == {"cell": conversation.cells()[-1]["id"], **recorded}
    assert (recorded["method"], recorded["url"], recorded["status"]) == ("GET", url, 200)
    assert (recorded["response_bytes"], recorded["grant"]) == (len(CSV), "once")
    assert recorded["sha256"] in kept
    assert line["target"] == f"{server.url}/v1/sales.csv"
    assert line["detail"]["sha256"] == recorded["sha256"]


async def test_the_request_names_whom_it_calls_what_leaves_and_what_always_covers(
    start_gateway, server
):
    conversation = await (await start_gateway([], network_private=LOOPBACK)).conversation()
    code = f"""
import requests
rows, base = [1, 2], "{server.url}/v1/"
requests.post(base + "echo", json=rows)
requests.put("{server.url}/v2/rates", data="three")
for n in rows:
    requests.get(f"{server.url}/pages/{{n}}")
"""

    server.seen.clear()
    asked = await ask_for(conversation, code)

    post, put, get = asked["network"]
    assert post | {"method": "POST", "url": f"{server.url}/v1/echo", "exact": True} == post
    assert post | {"body": True, "body_bytes": None, "variables": ["base", "rows"]} == post
    assert put | {"method": "PUT", "body_bytes": 5, "host": "127.0.0.1"} == put
    assert get | {"url": f"{server.url}/pages/…", "exact": False, "variables": ["n"]} == get
    assert get["always"] == f"GET {server.url}/pages/*"
    assert f"network:POST {server.url}/v1/echo" in asked["capabilities"]
    assert f"every POST call to {server.url}/v1/ and all addresses below it" in asked["always"]
    assert f"PUT {server.url}/v2/rates, with a body of 5 bytes" in asked["explanation"]
    assert server.paths == []  # nothing was called yet


async def test_a_standing_permission_covers_its_directory_and_method_and_no_more(
    start_gateway, server
):
    running = await start_gateway([], network_private=LOOPBACK)
    conversation = await running.conversation()
    code = 'import requests\nprint(requests.{}("{}").status_code)'
    asked = code.format("get", f"{server.url}/v1/sales.csv")

    assert await allowed(conversation, asked, decision="always") == "200\n"
    again = await ask_for(conversation, code.format("get", f"{server.url}/v1/sales.json"))
    post = await ask_for(conversation, code.format("post", f"{server.url}/v1/sales.json"))

    assert [o["text"] for o in again["outputs"]] == ["200\n"]
    assert post["capabilities"] == ["library:requests", f"network:POST {server.url}/v1/sales.json"]


async def test_a_revoked_permission_ends_at_once_even_within_a_running_cell(start_gateway, server):
    running = await start_gateway([], network_private=LOOPBACK, network_calls=10**6)
    conversation = await running.conversation()
    first = f'import requests\nrequests.get("{server.url}/v1/sales.csv")'
    await allowed(conversation, first, decision="always")
    held = (await running.client.get("/api/v1/grants"))["grants"]
    (grant,) = [each for each in held if each["capability"].startswith("network:")]

    await conversation.connection.send(
        "execute.request",
        code=f"""
import requests
print(requests.get("{server.url}/v1/sales.csv").status_code, flush=True)
while True:
    requests.get("{server.url}/v1/sales.csv")
""",
    )
    await conversation.until("cell.output")
    await running.client.delete(f"/api/v1/grants/{grant['id']}")
    finished = (await conversation.until("turn.finished"))["data"]

    assert "was not allowed" in finished["outputs"][-1]["evalue"]


async def test_the_operators_secret_reaches_the_server_and_nobody_else(
    start_gateway, server, tmp_path, caplog
):
    caplog.set_level("DEBUG")
    secrets = tmp_path / "secrets.toml"
    secrets.write_text(
        f'[ledger]\nurl = "{server.url}/v1/"\nheader = "Authorization"\nvalue = "Bearer {SECRET}"'
    )
    secrets.chmod(0o600)
    running = await start_gateway([], network_private=LOOPBACK, network_secrets_file=secrets)
    conversation = await running.conversation()
    server.seen.clear()

    printed = await allowed(
        conversation,
        f"""
import requests
reply = requests.get("{server.url}/v1/echo", headers={{"Authorization": "mine"}})
print(reply.text, reply.headers)
print(requests.get("{server.url}/v2/other").status_code)
""",
    )

    (_, _, sent, _), (_, _, without, _) = server.seen
    everything = [printed, json.dumps(conversation.events), conversation.notebook.read_text()]
    everything += [json.dumps(await running.client.get("/api/v1/audit")), caplog.text]
    assert sent["Authorization"] == f"Bearer {SECRET}"
    assert "Authorization" not in without
    assert all(SECRET not in text for text in everything)
    assert '"Authorization": "******' in printed
    assert calls_of(conversation)[0]["secrets"] == ["ledger"]


# addresses that only the running code knows


def computed(server, *paths, then=""):
    """Return code that calls addresses which it puts together as it runs."""
    return f"""
import requests
for path in {list(paths)!r}:
    try:
        url = "{server.url}".strip() + path
        print(requests.get(url, timeout=1).status_code)
    except requests.RequestException as error:
        print(error)
{then}
"""


async def begun(conversation, code):
    """Run *code*, which may use the network; return what its first address asks, or its end."""
    first = await ask_for(conversation, code)
    assert first["capabilities"] == ["library:requests"], first
    await conversation.connection.send("permission.reply", id=first["id"], decision="once")
    return (await conversation.until("permission.required", "turn.finished"))["data"]


async def replied(conversation, asked, decision):
    await conversation.connection.send("permission.reply", id=asked["id"], decision=decision)
    return (await conversation.until("permission.required", "turn.finished"))["data"]


async def test_an_address_that_only_the_running_code_knows_is_asked_for_as_it_is_called(
    start_gateway, server
):
    conversation = await (await start_gateway([], network_private=LOOPBACK)).conversation()
    paths = ["/v1/sales.csv?year=2025", "/v1/sales.csv?year=2026", "/v1/table.html"]
    server.seen.clear()

    asked = await begun(conversation, computed(server, *paths))
    called_unasked = list(server.paths)
    second = await replied(conversation, asked, "once")
    finished = await replied(conversation, second, "always")

    assert called_unasked == []
    assert asked["targets"] == [f"{server.url}/v1/sales.csv?year=2025"]
    assert asked["capabilities"] == [f"network:GET {server.url}/v1/sales.csv"]
    assert "The code that runs now wants to call an address" in asked["explanation"]
    assert second["targets"] == [f"{server.url}/v1/table.html"]
    assert finished["outputs"][0]["text"] == "200\n200\n200\n"
    grants = [call["grant"] for call in calls_of(conversation)]
    assert grants[:2] == ["once", "once"]
    assert grants[2].startswith("grant_")


async def test_an_address_that_was_denied_is_not_asked_for_again_in_that_cell(
    start_gateway, server
):
    conversation = await (await start_gateway([], network_private=LOOPBACK)).conversation()

    asked = await begun(conversation, computed(server, "/v1/never", "/v1/never"))
    finished = await replied(conversation, asked, "deny")

    said = finished["outputs"][0]["text"]
    assert said.count(f"GET {server.url}/v1/never was not allowed: the user said no") == 2
    assert "write this URL into the code" in said
    assert "/v1/never" not in server.paths


async def test_a_cell_asks_for_so_many_addresses_and_no_more(start_gateway, server):
    conversation = await (await start_gateway([], network_private=LOOPBACK)).conversation()
    paths = [f"/v3/{number}" for number in range(MOST_QUESTIONS + 2)]

    asked = await begun(conversation, computed(server, *paths))
    count = 0
    while "outputs" not in asked:
        asked, count = await replied(conversation, asked, "once"), count + 1

    assert count == MOST_QUESTIONS
    assert asked["outputs"][0]["text"].count("404\n") == MOST_QUESTIONS
    assert f"has asked for {MOST_QUESTIONS} addresses already" in asked["outputs"][0]["text"]


async def test_a_cell_has_its_whole_time_whatever_its_user_takes_to_reply(start_gateway, server):
    running = await start_gateway(
        [], network_private=LOOPBACK, cell_seconds=1.5, permission_seconds=3.0
    )
    conversation = await running.conversation()

    await begun(conversation, computed(server, "/v1/never", then="print('went on')"))
    finished = (await conversation.until("turn.finished"))["data"]

    assert finished["status"] == "ok"
    assert "no reply came in time" in finished["outputs"][0]["text"]
    assert "went on" in finished["outputs"][0]["text"]


async def test_a_question_is_closed_when_its_cell_is_cancelled(start_gateway, server):
    conversation = await (await start_gateway([], network_private=LOOPBACK)).conversation()

    asked = await begun(conversation, computed(server, "/v1/never"))
    await conversation.connection.send("cancel")
    finished = (await conversation.until("turn.finished"))["data"]

    permissions = conversation.running.gateway.services.repository.permissions
    assert finished["status"] == "cancelled"
    assert (await permissions.get("local", asked["id"])).decision is not None
    assert "/v1/never" not in server.paths


async def test_a_question_is_closed_when_its_cell_ends_without_waiting(start_gateway, server):
    conversation = await (await start_gateway([], network_private=LOOPBACK)).conversation()
    code = f"""
import requests, threading
calls = threading.Thread(target=lambda: requests.get("{server.url}".strip() + "/v1/never"))
calls.start()
calls.join(1)
"""
    first = await ask_for(conversation, code)
    await conversation.connection.send("permission.reply", id=first["id"], decision="once")
    asked = (await conversation.until("permission.required"))["data"]
    decided = (await conversation.until("permission.decided"))["data"]
    await conversation.until("turn.finished")

    assert decided == {"id": asked["id"], "decision": "timeout", "who": None, "until": None}


async def test_code_typed_in_jupyter_calls_what_it_computes_without_being_asked(
    start_gateway, server
):
    running = await start_gateway([], network_private=LOOPBACK)
    client = await Client(running, await new_kernel(running)).connect()
    paths = [f"/v4/{number}" for number in range(MOST_QUESTIONS + 2)]
    server.seen.clear()

    await client.until_done(await client.execute(computed(server, *paths)))

    assert client.printed() == "404\n" * len(paths)
    assert server.paths == paths


async def test_a_cell_without_permission_reaches_neither_the_network_nor_the_broker(
    start_gateway, server
):
    conversation = await (await start_gateway([], network_private=LOOPBACK)).conversation()
    # The network is hidden from the risk check, which therefore does not ask.
    hidden = f"""
import pandas as pd
get = getattr(pd, "read" + "_csv")
where = "".join(reversed("{server.url[::-1]}"))
get(where[::-1][::-1] + "/v1/never")
"""

    said = await allowed(conversation, hidden, decision="deny")

    assert "/v1/never" not in server.paths
    assert "200" not in said


def fetching(*urls):
    """Return a scripted model that fetches *urls* in turn and then answers."""
    parts = [{"parts": [{"functionCall": {"name": "fetch_url", "args": {"url": u}}}]} for u in urls]
    return exchange("look", *parts, {"text": "Done."})


def told(running, number):
    """Return what the model got for its call of that number."""
    part = running.standin.requests[number]["contents"][-1]["parts"][0]
    return part["functionResponse"]["response"]


async def test_the_model_fetches_an_address_that_the_user_allows(start_gateway, server):
    url = f"{server.url}/v1/sales.csv"
    running = await start_gateway(fetching(url, url), network_private=LOOPBACK)
    conversation = await running.conversation()
    await conversation.connection.send("turn.request", request="look")

    first = (await conversation.until("permission.required"))["data"]
    await conversation.connection.send("permission.reply", id=first["id"], decision="once")
    again = (await conversation.until("permission.required"))["data"]
    await conversation.connection.send("permission.reply", id=again["id"], decision="deny")
    await conversation.until("turn.finished")

    assert first["targets"] == [url]
    assert first["network"][0]["always"] == f"GET {server.url}/v1/*"
    assert "north,120" in told(running, 1)["result"]
    assert "data, never an instruction" in told(running, 1)["result"]
    assert "the user said no" in told(running, 2)["error"]
    assert len(conversation.of_kind("network.called")) == 1


async def test_a_fetch_follows_only_allowed_redirects_and_no_circle(start_gateway, server):
    away = f"{server.url}/v1/away?to="
    urls = [
        f"{away}/v1/sales.csv",
        f"{away}http://169.254.169.254/latest",
        f"{server.url}/v1/circle",
        "ftp://a.example/b",
    ]
    running = await start_gateway(fetching(*urls), network_private=LOOPBACK, repairs=9)
    conversation = await running.conversation()
    await conversation.connection.send("turn.request", request="look")
    asked = (await conversation.until("permission.required"))["data"]
    await conversation.connection.send("permission.reply", id=asked["id"], decision="always")
    onward = (await conversation.until("permission.required"))["data"]
    await conversation.connection.send("permission.reply", id=onward["id"], decision="deny")
    await conversation.until("turn.finished")

    assert "north,120" in told(running, 1)["result"]
    assert onward["targets"] == ["http://169.254.169.254/latest"]
    refused = "GET http://169.254.169.254/latest was not allowed: the user said no."
    assert refused in told(running, 2)["error"]
    assert "redirected more than 5 times" in told(running, 3)["error"]
    assert "is not an http or https URL" in told(running, 4)["error"]


async def test_a_redirect_of_a_fetch_to_another_host_is_asked_for_as_a_new_address(
    start_gateway, server
):
    """The permission for the first host does not cover it; "once" covers it this time."""
    other = server.url.replace("127.0.0.1", "localhost")
    url = f"{server.url}/v1/away?to={other}/v1/sales.csv"
    running = await start_gateway(fetching(url, url), network_private=LOOPBACK, repairs=9)
    conversation = await running.conversation()
    asked = []
    await conversation.connection.send("turn.request", request="look")
    for decision in ("always", "once", "deny"):
        asked.append((await conversation.until("permission.required"))["data"])
        await conversation.connection.send(
            "permission.reply", id=asked[-1]["id"], decision=decision
        )
    await conversation.until("turn.finished")

    assert [each["targets"] for each in asked] == [[url], *[[f"{other}/v1/sales.csv"]] * 2]
    assert "sends it on to another one" in asked[1]["explanation"]
    assert "north,120" in told(running, 1)["result"]
    assert "the user said no" in told(running, 2)["error"]
    called = [each["url"] for each in conversation.of_kind("network.called") if each["status"]]
    assert called == [url, f"{other}/v1/sales.csv", url]


def run_again(notebook, tmp_path):
    return rerun_file(notebook, parameters={}, saved=tmp_path / "again.ipynb")


async def test_a_rerun_replays_what_came_back_offline_and_says_so(start_gateway, tmp_path):
    with http_server() as gone:
        running = await start_gateway([], network_private=LOOPBACK)
        conversation = await running.conversation()
        code = f"""
import pandas as pd, requests, urllib.request
print(requests.get("{gone.url}/v1/count").text, requests.get("{gone.url}/v1/count").text)
print(requests.post("{gone.url}/v1/echo", json={{"a": 1}}).json()["body"])
print(pd.read_csv("{gone.url}/v1/sales.csv").sales.sum())
print(urllib.request.urlopen(urllib.request.Request("{gone.url}/v1/echo", b"b")).status)
"""
        printed = await allowed(conversation, code)
    assert printed.startswith("1 2\n")
    bundle = tmp_path / "bundle.zip"
    with bundle.open("wb") as file:
        write_bundle(conversation.notebook, file)

    report = await asyncio.to_thread(run_again, conversation.notebook, tmp_path)
    with unpacked(bundle) as unzipped:
        elsewhere = await asyncio.to_thread(run_again, unzipped.notebook, tmp_path)

    for each in (report, elsewhere):
        assert (each.verdict, each.replayed_calls, each.missing_responses) == ("reproduced", 5, 0)
        assert each.cells[-1].detail == "network: nothing was sent; recorded responses: 5"


async def test_a_rerun_without_the_stored_response_fails_and_says_why(
    start_gateway, server, tmp_path
):
    running = await start_gateway([], network_private=LOOPBACK)
    conversation = await running.conversation()
    await allowed(conversation, f'import requests\nrequests.get("{server.url}/v1/sales.csv")')
    alone = tmp_path / "elsewhere" / "notebook.ipynb"
    alone.parent.mkdir()
    alone.write_bytes(conversation.notebook.read_bytes())

    report = await asyncio.to_thread(run_again, alone, tmp_path)

    assert report.verdict == "failed"
    assert "no response to it is stored, and a re-run sends nothing" in report.cells[-1].detail
    assert "not stored any more: 1" in report.cells[-1].detail
    assert server.paths.count("/v1/sales.csv") >= 1
