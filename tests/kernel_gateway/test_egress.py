"""What leaves a kernel towards the model or a client is guarded by the tenant's policy."""

import json

import pytest

from kernel_gateway.settings import Settings, SettingsInvalid
from kernel_gateway.wiring import open_gateway
from tests.conftest import code_reply, exchange
from tests.jupyter_client import Client, new_kernel

CARD, KEY = "4111 1111 1111 1111", "AKIAIOSFODNN7EXAMPLQ"
PRINT = f"print('paid with card {CARD}'); print('key {KEY}'); print('write to a.b@example.com')"


async def test_secrets_and_cards_of_an_output_do_not_reach_the_model(start_gateway):
    running = await start_gateway(exchange("show", code_reply(PRINT), {"text": "Printed."}))
    conversation = await running.conversation()

    finished = await conversation.ask("show it")

    [response] = [
        part["functionResponse"]["response"]
        for part in running.standin.requests[-1]["contents"][-1]["parts"]
    ]
    assert finished["answer"] == "Printed."
    assert response["output"].splitlines() == [
        "paid with card [payment card 1 removed]", "key [secret 1 removed]",
        "write to a.b@example.com",
    ]  # fmt: skip
    [seen] = conversation.of_kind("output.redacted")
    assert seen["towards"] == "model"
    assert [(each["kind"], each["action"]) for each in seen["findings"]] == [
        ("card", "redact"), ("secret", "redact"),
    ]  # fmt: skip
    assert CARD not in json.dumps(seen)


async def test_cards_in_an_upload_are_not_in_what_the_model_is_told_of_it(start_gateway, tmp_path):
    table = "Name,Card,Paid\nA,4111111111111111,5\nB,5500005555555559,6\nC,4012888888881881,7\n"
    (tmp_path / "paid.csv").write_text(table)
    running = await start_gateway(exchange("look", {"text": "Seen."}))
    conversation = await running.conversation(tmp_path / "paid.csv")

    await conversation.ask("look")

    sent = json.dumps(running.standin.requests)
    assert "'Card'" in sent or "Card" in sent
    assert "4111111111111111" not in sent
    assert conversation.of_kind("output.redacted")


async def test_what_was_printed_before_is_guarded_when_it_is_remembered(start_gateway):
    script = [
        *exchange("show", code_reply(PRINT), {"text": "Printed."}),
        *exchange("again", {"text": "Yes."}),
    ]
    running = await start_gateway(script)
    conversation = await running.conversation()
    await conversation.ask("show it")

    await conversation.ask("again")

    opening = running.standin.requests[-1]["contents"][0]["parts"][0]["text"]
    assert "payment card 1 removed" in opening
    # The code is the model's own words of then; what was printed is not.
    assert opening.count(CARD) <= 1


async def test_a_tenants_policy_decides_for_model_and_client(start_gateway, tmp_path):
    policy = tmp_path / "egress.toml"
    policy.write_text(
        '[tenant.local.model]\nsecret = "block"\n[tenant.local.client]\ncard = "redact"\n'
    )
    script = exchange("show", code_reply(PRINT), {"text": "Printed."})
    running = await start_gateway(script, egress_policy=policy)
    conversation = await running.conversation()

    await conversation.ask("show it")

    assert "[withheld: it holds a secret]" in json.dumps(running.standin.requests[-1])
    shown = "".join(each["output"]["text"] for each in conversation.of_kind("cell.output"))
    assert "paid with card [payment card 1 removed]" in shown
    assert KEY in shown
    recorded = json.dumps([cell.get("outputs") for cell in conversation.cells()])
    assert "payment card 1 removed" in recorded
    assert CARD not in recorded
    towards = {each["towards"] for each in conversation.of_kind("output.redacted")}
    assert towards == {"model", "client"}


async def test_a_card_that_is_printed_in_pieces_is_taken_out_for_the_client(
    start_gateway, tmp_path
):
    policy = tmp_path / "egress.toml"
    policy.write_text('[client]\ncard = "redact"\n')
    running = await start_gateway([], egress_policy=policy)
    conversation = await running.conversation()

    await conversation.execute(
        "for piece in ('4111 11', '11 1111 ', '1111', ' end'):\n"
        "    print(piece, end='', flush=True)\n{'card': '5500005555555559'}"
    )

    outputs = [each["output"] for each in conversation.of_kind("cell.output")]
    text = "".join(each.get("text", "") for each in outputs)
    assert text == "[payment card 1 removed] end"
    assert "5500" not in json.dumps(outputs)
    assert "5500" not in json.dumps([cell.get("outputs") for cell in conversation.cells()])


async def test_a_policy_that_cannot_be_followed_stops_the_start(tmp_path):
    policy = tmp_path / "egress.toml"
    policy.write_text('[model]\ncard = "hide"\n')

    with pytest.raises(SettingsInvalid, match="hide"):
        async with open_gateway(Settings(port=0, data_dir=tmp_path, egress_policy=policy)):
            pass


LATE = (
    "import threading\ngo_on = threading.Event()\n"
    "def work():\n    go_on.wait()\n"
    "    for piece in ('4111 11', '11 1111 ', '1111', ' late'):\n"
    "        print(piece, end='', flush=True)\n"
    "thread = threading.Thread(target=work)\nthread.start()"
)


async def test_what_a_thread_prints_after_its_cell_is_guarded_too(start_gateway, tmp_path):
    policy = tmp_path / "egress.toml"
    policy.write_text('[client]\ncard = "redact"\n')
    running = await start_gateway([], egress_policy=policy)
    conversation = await running.conversation()
    await conversation.execute(LATE)

    await conversation.execute("go_on.set(); thread.join()")
    if not conversation.of_kind("output.redacted"):
        await conversation.until("output.redacted")

    late = [e for e in conversation.of_kind("cell.output") if e.get("late")]
    assert "".join(e["output"]["text"] for e in late) == "[payment card 1 removed] late"
    [found] = conversation.of_kind("output.redacted")
    assert (found["towards"], found["cell"]) == ("client", late[0]["cell"])


async def test_late_output_is_guarded_for_jupyters_clients(start_gateway, tmp_path):
    policy = tmp_path / "egress.toml"
    policy.write_text('[client]\ncard = "redact"\n')
    running = await start_gateway([], egress_policy=policy)
    client = await Client(running, await new_kernel(running)).connect()
    whole = LATE.replace(
        "('4111 11', '11 1111 ', '1111', ' late')", "('4111 1111 1111 1111 late',)"
    )
    await client.until_done(await client.execute(whole))

    await client.until_done(await client.execute("go_on.set(); thread.join()"))
    [conversation] = (await running.client.get("/api/v1/conversations"))["conversations"]
    path = f"/api/v1/conversations/{conversation['id']}/paths/main"
    connection = await running.client.connect(path)
    events = []
    async for event in connection.events():
        events.append(event)
        if event["kind"] == "output.redacted":
            break

    assert "removed] late" in json.dumps(events)
    assert CARD not in json.dumps([e for e in events if e["kind"] != "cell.started"])
