"""A permission for the network, from the question to its end, as a person sees it."""

import asyncio

from tests.conftest import code_reply, exchange
from tests.network_servers import http_server


async def test_a_call_of_the_network_is_asked_for_by_address_and_allowed_until_a_time(
    pane, start_gateway
):
    with http_server() as server:
        url = f"{server.url}/v1/sales.csv"
        code = code_reply(f'import requests\nprint(requests.get("{url}").text)')
        running = await start_gateway(
            exchange("fetch", code, {"text": "Fetched."}), network_private="127.0.0.0/8"
        )

        def drive():
            pane.open(running.gateway)
            pane.ask("fetch")
            asked = pane.find(".permission", "Allow this?").text
            pane.click(".permission .until-some-time")
            findings = pane.findings()
            pane.click(".until button", "For an hour")
            pane.find(".answer", "Fetched.")
            return asked, findings, pane.log()

        asked, findings, log = await asyncio.to_thread(drive)

    (grant,) = [
        each
        for each in (await running.client.get("/api/v1/grants"))["grants"]
        if each["kind"] == "network"
    ]
    assert f"GET {url} this address alone" in asked
    assert "nothing but the address itself" in asked
    assert f"every GET call to {server.url}/v1/ and all addresses below it" in asked
    assert findings == []
    assert "Allowed until" in log
    assert grant["expires_at"] is not None
