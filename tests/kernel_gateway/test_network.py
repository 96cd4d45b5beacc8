"""A cell calls an address with the user's permission, through the service, and it is recorded."""

import pytest

from tests.conftest import gateways
from tests.network_servers import http_server

LOOPBACK = "127.0.0.0/8"


@pytest.fixture(scope="module")
def server():
    with http_server() as started:
        yield started


async def allowed(conversation, code, decision="once"):
    """Run *code*, which a user allows; return what it printed."""
    await conversation.connection.send("execute.request", code=code)
    event = await conversation.until("permission.required", "turn.finished")
    if event["kind"] == "permission.required":
        reply = {"id": event["data"]["id"], "decision": decision}
        await conversation.connection.send("permission.reply", **reply)
        event = await conversation.until("turn.finished")
    finished = event["data"]
    return "".join(
        output.get("text", "") or f"{output.get('ename')}: {output.get('evalue')}"
        for output in finished["outputs"]
    )


async def test_requests_urllib_and_pandas_go_through_the_service(start_gateway, server):
    conversation = await (await start_gateway([], network_private=LOOPBACK)).conversation()
    code = f'''
import requests, urllib.request
print(requests.get("{server.url}/v1/sales.json").json())
print(urllib.request.urlopen("{server.url}/v1/sales.csv").read())
print(pd.read_csv("{server.url}/v1/sales.csv").sales.sum())
'''
    said = await allowed(conversation, "import pandas as pd\n" + code)

    assert said == "x"
