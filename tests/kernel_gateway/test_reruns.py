"""Re-runs over the API: the report that the command gives, progress, cancelling, bounds."""

import json

import pytest

from kernel_gateway.conversations.reruns import AT_ONCE, MOST_WAITING
from kernel_gateway.events.kinds import KINDS
from tests.access_tokens import SECRET, caller, hs256
from tests.conftest import code_reply, exchange, gateways
from tests.raw_http import Raw
from tests.waiting import eventually

ENDED = {"finished", "failed", "cancelled", "interrupted"}


async def started(running, conversation, **body):
    raw = Raw(running)
    response = await raw("POST", f"{conversation.url}/notebook/reruns", json.dumps(body))
    return response.code, json.loads(response.body)


async def ended(running, conversation, rerun):
    async def look():
        found = await running.client.get(f"{conversation.url}/notebook/reruns/{rerun}")
        return found if found["status"] in ENDED else None

    return await eventually("the re-run ends", look)


async def test_a_rerun_gives_the_report_of_the_command_as_json_page_and_notebook(running, examples):
    conversation = await running.conversation(examples[0])
    for code in ("print(0.1 + 0.2)", "open('outputs/made.csv', 'w').write('a,1')", "1 / 0"):
        await conversation.execute(code)

    status, made = await started(running, conversation)
    report = (await ended(running, conversation, made["id"]))["report"]

    assert (status, made["status"], made["report"]) == (202, "waiting", None)
    assert (report["verdict"], report["exit_code"], report["changed"]) == ("reproduced", 0, False)
    assert [cell["verdict"] for cell in report["cells"]] == ["reproduced"] * 3
    assert report["files"] == [{"name": "outputs/made.csv", "verdict": "reproduced", "detail": ""}]
    [listed] = (await running.client.get(f"{conversation.url}/notebook/reruns"))["reruns"]
    assert (listed["id"], listed["verdict"], listed["cell"]) == (made["id"], "reproduced", 3)
    raw = Raw(running)
    place = f"{conversation.url}/notebook/reruns/{made['id']}"
    page = await raw("GET", f"{place}?as=html")
    assert "outputs/made.csv" in page.body.decode()
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; sandbox")
    again = json.loads((await raw("GET", f"{place}?as=ipynb")).body)
    [first, *_] = [cell for cell in again["cells"] if cell["cell_type"] == "code"]
    assert first["outputs"][0]["text"] == ["0.30000000000000004\n"]
    exported = await raw("GET", f"{conversation.url}/notebook/export?to=html")
    assert "4 of 4 cells and files the same" in exported.body.decode()
    audit = (await running.client.get("/api/v1/audit"))["audit"]
    assert [line["detail"] for line in audit if line["action"] == "notebook.rerun"] == [
        {"rerun": made["id"]}
    ]


async def test_the_events_of_the_path_follow_a_rerun_to_its_report(running):
    conversation = await running.conversation()
    for code in ("print(1)", "import uuid\nprint(uuid.uuid4())"):
        await conversation.execute(code)

    _, made = await started(running, conversation)
    last = (await conversation.until("rerun.finished"))["data"]
    found = await running.client.get(f"{conversation.url}/notebook/reruns/{made['id']}")

    seen = [e["data"] for e in conversation.events if e["kind"] == "rerun.progress"]
    assert {each["rerun"] for each in [*seen, last]} == {made["id"]}
    assert [each["status"] for each in seen[:2]] == ["waiting", "running"]
    assert (seen[-1]["status"], seen[-1]["cell"], seen[-1]["cells"]) == ("running", 2, 2)
    assert (last["status"], last["verdict"]) == ("finished", "differs")
    assert found["report"]["verdict"] == "differs"
    for event in conversation.events:
        KINDS[event["kind"]].model_validate(event["data"])


async def test_the_recorded_contents_count_also_after_a_later_cell_has_changed_them(
    running, examples
):
    conversation = await running.conversation(examples[0])
    await conversation.execute("open('outputs/made.csv', 'w').write('a,1')")
    place = running.home(conversation.id) / "workspace" / "outputs" / "made.csv"
    place.write_text("changed outside of the record")

    _, made = await started(running, conversation)
    report = (await ended(running, conversation, made["id"]))["report"]

    assert [(f["verdict"], f["detail"]) for f in report["files"]] == [("reproduced", "")]


async def test_parameters_are_read_as_recorded_and_inputs_may_be_other_files(running, examples):
    conversation = await running.conversation(*examples[:2])
    await conversation.execute(
        f"import hashlib\nprint(hashlib.md5(open('inputs/{examples[0].name}','rb').read())"
        ".hexdigest())"
    )

    _, made = await started(
        running, conversation, inputs={examples[0].name: f"inputs/{examples[1].name}"}
    )
    report = (await ended(running, conversation, made["id"]))["report"]

    assert (report["verdict"], report["exit_code"]) == ("differs", 0)
    assert report["replaced_inputs"] == [examples[0].name]


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ({"parameters": {"limt": 1}}, "unknown-parameter", "It has: none"),
        ({"inputs": {"nobody.xlsx": "inputs/x"}}, "bad-request", "no input 'nobody.xlsx'"),
        ({"inputs": {"sales_q1.xlsx": "../../x"}}, "bad-request", "has no file '../../x'"),
        ({"parameter": {}}, "bad-request", "parameter"),
        ({"inputs": {"sales_q1.xlsx": "a\ud800"}}, "bad-request", "half of a character"),
    ],
)
async def test_what_does_not_fit_is_refused_before_anything_runs(
    running, examples, body, code, said
):
    conversation = await running.conversation(examples[0])
    await conversation.execute("1")

    response = await Raw(running)("POST", f"{conversation.url}/notebook/reruns", json.dumps(body))

    error = json.loads(response.body)["error"]
    assert (response.code, error["code"]) == (400, code)
    assert said in error["message"]


async def waiting_for_a_mark(running):
    """A conversation whose last cell ended here, and never ends in a re-run."""
    conversation = await running.conversation()
    await conversation.execute("import time\nfrom pathlib import Path")
    (running.home(conversation.id) / "workspace" / "mark").touch()
    await conversation.execute("while not Path('mark').exists(): time.sleep(0.02)")
    return conversation


async def test_progress_is_seen_a_rerun_is_cancelled_and_its_kernel_ends(running):
    conversation = await waiting_for_a_mark(running)
    _, made = await started(running, conversation)
    place = f"{conversation.url}/notebook/reruns/{made['id']}"

    async def second_cell():
        found = await running.client.get(place)
        return found if found["cell"] == 2 else None

    seen = await eventually("the second cell begins", second_cell)
    no_report = await Raw(running)("GET", f"{place}?as=html")
    cancelled = await running.client.delete(place)
    deleted = await running.client.delete(place)
    gone = await Raw(running)("GET", place)

    assert (seen["status"], seen["cells"], seen["verdict"]) == ("running", 2, None)
    assert no_report.code == 409
    assert (cancelled["status"], cancelled["report"]) == ("cancelled", None)
    assert deleted["id"] == made["id"]
    assert gone.code == 404


async def test_few_run_at_a_time_and_more_than_may_wait_are_refused(running):
    conversation = await waiting_for_a_mark(running)

    made = [await started(running, conversation) for _ in range(MOST_WAITING + 2)]

    assert [status for status, _ in made] == [202] * (MOST_WAITING + 1) + [429]
    assert made[-1][1]["error"]["code"] == "queue-full"
    listed = (await running.client.get(f"{conversation.url}/notebook/reruns"))["reruns"]
    assert [each["status"] for each in listed].count("running") <= AT_ONCE
    assert (await running.client.delete(f"/api/v1/conversations/{conversation.id}"))["deleted"]


async def test_a_service_that_stops_ends_a_rerun_and_the_next_one_says_so(tmp_path):
    async with gateways(tmp_path / "data") as start:
        running = await start([])
        conversation = await waiting_for_a_mark(running)
        _, made = await started(running, conversation)

    async with gateways(tmp_path / "data") as start:
        running = await start([])
        found = await running.client.get(f"{conversation.url}/notebook/reruns/{made['id']}")

    assert found["status"] == "interrupted"


async def test_reviewers_may_rerun_viewers_may_look_and_other_tenants_see_nothing(start_gateway):
    running = await start_gateway([], jwt_secret=SECRET)
    who = {
        role: caller(running, hs256(user=role, roles=(role,)))
        for role in ("user", "reviewer", "viewer")
    }
    who["stranger"] = caller(running, hs256(tenant="other"))
    conversation = json.loads((await who["user"]("POST", "/api/v1/conversations", "{}")).body)["id"]
    code = {"conversation": conversation, "code": "1"}
    await who["user"]("POST", "/api/v1/execute", json.dumps(code))
    place = f"/api/v1/conversations/{conversation}/paths/main/notebook/reruns"

    codes = {name: (await ask("POST", place, "{}")).code for name, ask in who.items()}
    seen = {name: (await ask("GET", place)).code for name, ask in who.items()}

    assert codes == {"user": 202, "reviewer": 202, "viewer": 403, "stranger": 404}
    assert seen == {"user": 200, "reviewer": 200, "viewer": 200, "stranger": 404}


async def test_a_notebooks_parameters_are_listed_as_texts_that_a_rerun_reads_back(start_gateway):
    values = {
        "least": 1000,
        "rate": 0.2,
        "region": "Nörd 'x'",
        "signed": True,
        "years": [2024, 2025],
        "names": {"a": 1},
        "nothing": None,
    }
    running = await start_gateway(
        exchange(
            "count",
            code_reply(f"assert [{', '.join(values)}] == {list(values.values())!r}", **values),
            {"text": "Done."},
        )
    )
    conversation = await running.conversation()
    await conversation.ask("count")

    listed = (await running.client.get(f"{conversation.url}/notebook/parameters"))["parameters"]
    texts = {each["name"]: each["value"] for each in listed}
    _, made = await started(running, conversation, parameters=texts)
    again = await ended(running, conversation, made["id"])

    kinds = {each["name"]: each["kind"] for each in listed}
    assert {name: kinds[name] for name in values} == {
        "least": "whole-number",
        "rate": "number",
        "region": "text",
        "signed": "yes-or-no",
        "years": "list",
        "names": "mapping",
        "nothing": "none",
    }
    assert [cell["verdict"] for cell in again["report"]["cells"]][-1] == "reproduced"
