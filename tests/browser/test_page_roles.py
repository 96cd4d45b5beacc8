"""The page offers what the user's roles let them do, and nothing else."""

import asyncio
import json

from tests.access_tokens import SECRET, caller, hs256
from tests.conftest import code_reply, exchange

ASKS = code_reply("import requests", "requests.get('https://rates.example.com/v1')")


async def test_a_viewer_reads_a_reviewer_signs_and_only_who_asked_allows_for_longer(
    pane, start_gateway, tmp_path
):
    running = await start_gateway(
        [*exchange("count", code_reply("print(1)"), {"text": "One."}), *exchange("rates", ASKS)],
        jwt_secret=SECRET,
    )
    ann = caller(running, hs256())
    made = json.loads((await ann("POST", "/api/v1/conversations", "{}")).body)["id"]
    turns = f"/api/v1/conversations/{made}/paths/main/turns"
    for request in ("count", "rates"):
        await ann("POST", turns, json.dumps({"request": request}))
    file = tmp_path / "a.csv"
    file.write_text("a\n1\n")

    def opened(user, role):
        token = hs256(user=user, roles=(role,))
        pane.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
        pane.driver.get(f"{running.url}/?token={token}")
        pane.driver.get(f"{running.url}/#{made}")
        pane.driver.refresh()
        pane.find(".permission")
        return [button.text for button in pane.all(".permission .buttons button")]

    def drive():
        viewer = opened("vic", "viewer")
        shut = pane.find("#request").get_attribute("placeholder")
        offered = [pane.all(s) for s in ("#new", ".cancel", ".foot [aria-label='A good answer']")]
        pane.click("#tab-review")
        pane.click("#tab-notebook")
        pane.click(".reviews summary")
        pane.find(".reviews", "needs the role of a reviewer")
        signs = pane.all(".sign-off, .rerun")
        other = opened("ben", "user")
        why = pane.find(".permission").text
        own = opened("ann", "user")
        opened("rita", "reviewer")
        pane.click("#tab-review")
        pane.click("#tab-notebook")
        pane.click(".reviews summary")
        pane.click(".reviews .sign-off")
        signed = pane.find(".reviews", "Signed off by rita").text
        return viewer, shut, offered, signs, other, why, own, signed, pane.findings()

    viewer, shut, offered, signs, other, why, own, signed, findings = await asyncio.to_thread(drive)

    assert viewer == []
    assert shut.startswith("Your role can read")
    assert offered == [[], [], []]
    assert signs == []
    assert other == ["Allow once", "Deny"]
    assert "only they can allow it for longer" in why
    assert own == ["Allow once", "Allow until …", "Always allow", "Deny"]
    assert "Signed off" in signed
    assert findings == []
