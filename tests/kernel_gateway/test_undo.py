"""Undo: files and variables go back together; the record keeps what was undone."""

import asyncio
import json

import pytest

from kernel_gateway.contexts.putting_back import PLAN
from kernel_gateway.events.kinds import KINDS
from kernel_gateway.terminal.client import ServiceRefused, path_url
from kernel_gateway.terminal.rerun import rerun_file
from kernel_gateway.turns.undo import _text
from notebooks.export.formats import export_html, export_py
from notebooks.ledger.verify import verify_notebook
from tests.branching import branch
from tests.conftest import code_reply, exchange
from tests.jupyter_client import Client, new_kernel


async def cell(conversation, code):
    """Run *code*; return its turn."""
    finished = await conversation.execute(code)
    assert finished["status"] == "ok", finished
    return conversation.events[-1]["turn"]


async def undo(conversation, **body):
    return await post(conversation, "undo", **body)


async def post(conversation, address, **body):
    """Ask for an undo, and read its events."""
    try:
        return await conversation.running.client.post(f"{conversation.url}/history/{address}", body)
    finally:
        await conversation.until("turn.finished")


async def history(conversation, query=""):
    url = f"{conversation.url}/history{query}"
    return (await conversation.running.client.get(url))["checkpoints"]


async def refusal(awaited):
    with pytest.raises(ServiceRefused) as refused:
        await awaited
    return refused.value


def files(conversation):
    workspace = conversation.running.home(conversation.id) / "workspace"
    found = [file for file in workspace.rglob("*") if file.is_file()]
    return {file.relative_to(workspace).as_posix(): file.read_text() for file in found}


def write(name, text):
    return f"open({name!r}, 'w').write({text!r})"


@pytest.fixture
async def running(start_gateway):
    return await start_gateway([])


@pytest.fixture
async def three(running):
    """A conversation of three turns, each of which changes a file and a variable."""
    conversation = await running.conversation()
    turns = [
        await cell(conversation, f"x = {n}; y{n} = {n}\n" + write("outputs/a.txt", f"text {n}"))
        for n in (1, 2, 3)
    ]
    return conversation, turns


async def test_back_to_a_turn_files_and_variables_are_those_after_it(three):
    conversation, turns = three

    reply = await undo(conversation, to=turns[0])

    assert files(conversation) == {"outputs/a.txt": "text 1"}
    assert await conversation.printed("print(x, 'y2' in globals())") == "1 False\n"
    assert reply["undo"]["restored"] == ["outputs/a.txt"]
    assert set(reply["variables"]["recomputed"]) == {"x", "y1"}
    assert reply["variables"]["gone"] == ["y2", "y3"]
    assert reply["variables"]["lost"] == []
    assert "outputs/a.txt" in reply["answer"]


async def test_an_undo_is_undone_and_the_notebook_still_verifies(three):
    conversation, turns = three
    first = await undo(conversation, to=turns[0])

    again = await undo(conversation, turn=first["turn"])

    assert files(conversation) == {"outputs/a.txt": "text 3"}
    assert await conversation.printed("print(x, y1, y2, y3)") == "3 1 2 3\n"
    assert again["undo"]["redone"] == first["undo"]["undone"]
    notes = [c for c in conversation.cells() if c["metadata"]["tallybook"].get("kind") == "undo"]
    assert [note["metadata"]["tallybook"]["user"] for note in notes] == ["local", "local"]
    assert verify_notebook(conversation.notebook).verified
    for event in conversation.events:
        KINDS[event["kind"]].model_validate(event["data"])


async def test_without_a_turn_the_last_request_that_counts_is_undone(three):
    conversation, turns = three
    await undo(conversation)

    reply = await undo(conversation)

    assert reply["undo"]["to_turn"] == turns[0]
    assert files(conversation) == {"outputs/a.txt": "text 1"}
    assert await conversation.printed("print(x)") == "1\n"


async def test_a_file_that_holds_data_is_removed_only_when_confirmed(three):
    conversation, _ = three
    await cell(conversation, write("outputs/empty.txt", ""))

    refused = await refusal(undo(conversation, to="start"))
    before = files(conversation)
    confirmed = await undo(conversation, to="start", confirm=True)

    assert (refused.status, refused.error["code"]) == (409, "restore-needs-confirmation")
    assert "outputs/a.txt" in refused.error["message"]
    assert refused.error["details"]["would_remove"] == ["outputs/a.txt"]
    assert len(before) == 2
    assert confirmed["undo"]["removed"] == ["outputs/a.txt", "outputs/empty.txt"]
    assert files(conversation) == {}
    assert await conversation.printed("print('x' in globals())") == "False\n"


async def test_one_request_in_the_middle_is_undone_alone(running):
    conversation = await running.conversation()
    await cell(conversation, "x = 1\n" + write("outputs/a.txt", "first"))
    middle = await cell(conversation, "z = 2\n" + write("outputs/b.txt", "middle"))
    await cell(conversation, "y = 3\n" + write("outputs/a.txt", "last"))

    reply = await undo(conversation, turn=middle, confirm=True)

    assert files(conversation) == {"outputs/a.txt": "last"}
    assert await conversation.printed("print(x, y, 'z' in globals())") == "1 3 False\n"
    assert reply["variables"]["gone"] == ["z"]


async def test_a_request_whose_file_was_changed_later_is_not_undone_alone(three):
    conversation, turns = three

    refused = await refusal(undo(conversation, turn=turns[0]))

    assert (refused.status, refused.error["code"]) == (409, "conflict")
    assert "outputs/a.txt" in refused.error["message"]
    assert files(conversation) == {"outputs/a.txt": "text 3"}


async def test_what_can_not_be_computed_again_is_lost_by_name(running):
    conversation = await running.conversation()
    await cell(conversation, "kept = 1")
    await conversation.execute("broken = 5\nnever = 1 / 0")
    target = await cell(
        conversation, "import secrets\nnumber = secrets.token_hex(8)\nprint(number)"
    )
    await cell(conversation, "later = 1")

    reply = await undo(conversation, to=target)

    assert {"kept", "number"} <= set(reply["variables"]["recomputed"])
    assert reply["variables"]["uncertain"] == ["number"]
    assert reply["variables"]["lost"] == ["broken"]
    assert reply["variables"]["gone"] == ["later"]
    assert "Variables lost: 'broken'" in reply["answer"]


async def test_the_record_shows_who_undid_what_and_a_rerun_gives_the_restored_state(
    three, tmp_path
):
    conversation, turns = three
    await undo(conversation, to=turns[1])
    await cell(conversation, "print(x)")

    saved = tmp_path / "again.ipynb"

    report = await asyncio.to_thread(rerun_file, conversation.notebook, parameters={}, saved=saved)

    assert report.verdict == "reproduced", report.items
    assert len(report.cells) == 3
    lines = (await conversation.running.client.get("/api/v1/audit"))["audit"]
    [line] = [line for line in lines if line["action"] == "history.restored"]
    assert line["user"] == "local"
    assert len(line["detail"]["undone"]) == 1


async def test_checkpoints_are_listed_shown_and_filtered(three):
    conversation, turns = three
    await cell(conversation, write("outputs/b.txt", "b"))
    await cell(conversation, "1")

    listed = await history(conversation)
    [of_b] = await history(conversation, "?file=B.TXT")
    [of_turn] = await history(conversation, f"?turn={turns[1]}")
    later = await history(conversation, f"?after={listed[1]['at'].replace('+', '%2B')}")
    shown = await conversation.running.client.get(f"{conversation.url}/history/{of_turn['id']}")

    assert [entry["added"] for entry in listed] == [["outputs/b.txt"], [], [], ["outputs/a.txt"]]
    assert of_b["id"] == listed[0]["id"] == later[0]["id"]
    assert of_turn["files"] == 1
    assert shown["would_write"] == [{"name": "outputs/a.txt", "size_now": 6, "size_then": 6}]
    assert [file["name"] for file in shown["would_remove"]] == ["outputs/b.txt"]
    assert shown["contents"][0]["kept"]


async def test_a_file_of_a_checkpoint_is_put_back_and_variables_stay(three):
    conversation, turns = three
    await cell(conversation, write("outputs/b.txt", "b"))
    [kept] = await history(conversation, f"?turn={turns[1]}")

    reply = await post(conversation, f"{kept['id']}/restore", files=["outputs/a.txt"])

    assert files(conversation) == {"outputs/a.txt": "text 1", "outputs/b.txt": "b"}
    assert reply["variables"] is None
    assert await conversation.printed("print(x)") == "3\n"


async def test_each_cell_names_the_checkpoint_before_it_and_an_unchanged_one_takes_no_room(three):
    conversation, _ = three
    for code in ("1", "2"):
        await cell(conversation, code)

    named = [c["metadata"]["tallybook"]["checkpoint"] for c in conversation.cells()]
    created = conversation.of_kind("checkpoint.created")

    assert named[0] == "empty"
    assert named[3] == named[4]
    assert [event["checkpoint"] for event in created] == named[1:4]
    for event in conversation.events:
        KINDS[event["kind"]].model_validate(event["data"])


async def test_a_deleted_checkpoint_leaves_what_a_branch_needs(three):
    conversation, turns = three
    await branch(conversation.running, conversation, "then")
    client = conversation.running.client

    response = await client._fetch("DELETE", f"{conversation.url}/history")
    gone = json.loads(response.body)
    refused = await refusal(client.get(f"{conversation.url}/history/{gone['deleted'][0]}"))
    await client.post(f"{path_url(conversation.id, 'then')}/history/undo", {"to": turns[0]})

    assert refused.status == 404
    assert await history(conversation) == []
    copy = conversation.running.home(conversation.id).parent / "then" / "workspace/outputs/a.txt"
    assert copy.read_text() == "text 1"


async def test_the_oldest_checkpoints_go_first(start_gateway):
    conversation = await (await start_gateway([], checkpoints=3)).conversation()
    for number in range(6):
        await cell(conversation, write("outputs/a.txt", str(number)))

    listed = await history(conversation)

    assert [entry["changed"] for entry in listed][:2] == [["outputs/a.txt"]] * 2
    assert len(listed) == 3
    assert len(list((conversation.running.home(conversation.id).parent / ".blobs").iterdir())) == 4


async def test_a_content_without_room_is_named_and_not_overwritten_unasked(start_gateway):
    conversation = await (await start_gateway([], file_versions_mb=0.01)).conversation()
    await cell(conversation, write("outputs/small.txt", "small"))
    first = await cell(conversation, "open('outputs/large.txt', 'w').write('x' * 20_000)")
    await cell(conversation, write("outputs/large.txt", "changed"))

    [created] = [e for e in conversation.of_kind("checkpoint.created") if e["not_kept"]]
    refused = await refusal(undo(conversation, to=first))

    assert created["not_kept"][0]["name"] == "outputs/large.txt"
    assert "TALLYBOOK_FILE_VERSIONS_MB" in created["not_kept"][0]["reason"]
    assert refused.error["details"]["would_not_be_restored"] == ["outputs/large.txt"]


async def test_an_undo_waits_for_the_running_request(three):
    conversation, turns = three
    await conversation.connection.send(
        "execute.request", code="import time\ntime.sleep(1)\nx = 9\n" + write("outputs/a.txt", "9")
    )
    await conversation.until("cell.started")

    await undo(conversation, to=turns[0])

    await conversation.until("turn.finished")
    assert files(conversation) == {"outputs/a.txt": "text 1"}
    assert conversation.cells()[-1]["metadata"]["tallybook"]["kind"] == "undo"


async def test_an_upload_replaced_since_stays_unless_the_path_goes_back_before_it(
    running, tmp_path
):
    conversation = await running.conversation()
    upload = tmp_path / "prices.csv"

    async def put(text):
        upload.write_text(text)
        await running.client.upload(conversation.url, [upload], replace=True)

    await put("old")
    first = await cell(conversation, "price = open('inputs/prices.csv').read()")
    await cell(conversation, write("outputs/a.txt", "a"))
    await put("new")

    await undo(conversation, confirm=True)
    after_undo = files(conversation)
    back = await undo(conversation, to=first)
    await undo(conversation, turn=back["turn"])

    assert after_undo == {"inputs/prices.csv": "new"}
    assert back["undo"]["restored"] == ["inputs/prices.csv"]
    assert await conversation.printed("print(price)") == "new\n"
    assert files(conversation) == {"inputs/prices.csv": "new"}


@pytest.mark.parametrize(
    ("address", "body", "status", "said"),
    [
        ("undo", {"to": "turn_0123456789abcdef"}, 404, "no recorded turn"),
        ("undo", {"to": "yesterday"}, 400, "Field to"),
        ("undo", {"to": "start", "turn": "turn_0123456789abcdef"}, 400, "not both"),
        ("undo", {"to": "start", "files": ["outputs/none.txt"]}, 404, "outputs/none.txt"),
        ("undo", {}, 409, "nothing to undo"),
        ("ck_0123456789abcdef/restore", {}, 404, "ck_0123456789abcdef"),
        ("..%2f..%2fx/restore", {}, 404, "no checkpoint"),
        ("empty/restore", {"files": []}, 400, "Field files"),
    ],
)
async def test_what_can_not_be_undone_is_refused_in_plain_words(
    running, address, body, status, said
):
    made = await running.client.post("/api/v1/conversations", {})
    url = f"{path_url(made['id'])}/history/{address}"

    refused = await refusal(running.client.post(url, body))

    assert refused.status == status
    assert said in refused.error["message"]


async def test_the_model_is_sent_that_a_request_was_undone(start_gateway):
    exchanges = [
        *exchange("set a rate", code_reply("rate = 0.25"), {"text": "It is 0.25."}),
        *exchange("what is it?", {"text": "There is none."}),
    ]
    running = await start_gateway(exchanges)
    conversation = await running.conversation()
    await conversation.ask("set a rate")

    reply = await undo(conversation)
    await conversation.ask("what is it?")

    memory = running.standin.requests[-1]["contents"][0]["parts"][0]["text"]
    assert reply["undo"]["to_turn"] is None
    assert "rate" in reply["variables"]["gone"]
    assert "You ran (undone):" in memory
    assert "Undone by local" in memory


async def test_a_jupyter_client_goes_on_with_the_variables_of_then(running):
    kernel = await new_kernel(running)
    client = await Client(running, kernel).connect()
    for code in ("x = 1", "x = 2"):
        await client.until_done(await client.execute(code))
    [listed] = (await running.client.get("/api/v1/conversations"))["conversations"]

    await running.client.post(f"{path_url(listed['id'])}/history/undo", {})
    await client.until_done(await client.execute("print(x)"))

    printed = [m["content"]["text"] for m in client.messages if m["msg_type"] == "stream"]
    assert printed == ["1\n"]


async def test_exports_mark_what_was_undone_and_scripts_leave_it_out(three):
    conversation, turns = three
    await undo(conversation, to=turns[1])

    page = export_html(conversation.notebook).decode()
    script = export_py(conversation.notebook).decode()

    assert "This cell was undone and does not count: by local at" in page
    live = [line for line in script.splitlines() if not line.startswith("#")]
    assert any(line.startswith("x = 2") for line in live)
    assert not any(line.startswith("x = 3") for line in live)
    assert "# x = 3; y3 = 3" in script


async def test_what_an_undo_decided_is_kept_for_a_service_that_stops_before_its_end(three):
    conversation, _ = three

    undone = await undo(conversation, confirm=True)

    kept = json.loads((conversation.running.home(conversation.id) / PLAN).read_bytes())
    assert kept["turn"] == undone["undo"]["turn"]


def test_a_files_name_adds_no_line_to_the_note():
    facts = {"user": "u", "what": "w", "restored": ["a`\n\n# Approved"], "removed": []}
    facts |= {"undone": [], "redone": [], "inverse": "ck_1"}

    assert "Put back: `a \\n\\n# Approved`." in _text(facts).split("\n\n")
