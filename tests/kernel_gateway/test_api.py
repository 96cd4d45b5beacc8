"""The native API: each call's promise, and a typed error with a hint for every bad input."""

import asyncio
import json
import re

import pytest

from tests.conftest import STACK, code_reply, exchange
from tests.raw_http import Raw, error_of, multipart

# identity


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer"}, {"Authorization": "x"},
     {"Cookie": "tallybook_token=wrong"}],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/api/v1/conversations", "/api/v1/audit", "/api/v1/turns/turn_x"])
async def test_without_the_token_nothing_is_told(running, path, headers):
    raw = Raw(running)
    raw.headers = headers

    response = await raw("GET", path)

    assert response.code == 401
    assert error_of(response)["code"] == "not-authenticated"


async def test_health_is_open_and_says_what_is_in_force(running):
    raw = Raw(running)
    raw.headers = {}

    health = json.loads((await raw("GET", "/api/v1/health")).body)

    assert health["status"] == "ok"
    assert health["limits"] in ("cgroup v1", "cgroup v2", "rlimits")


async def test_the_login_address_sets_a_cookie_and_leaves_the_url_clean(running):
    raw = Raw(running)
    raw.headers = {}

    response = await raw("GET", f"/?token={running.token}")

    cookie = response.headers["Set-Cookie"]
    assert response.code == 302
    assert response.headers["Location"] == "/"
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


async def test_a_foreign_page_cannot_use_the_cookie(running):
    raw = Raw(running)
    raw.headers = {"Cookie": f"tallybook_token={running.token}", "Origin": "http://evil.example"}

    assert (await raw("POST", "/api/v1/conversations", "{}")).code == 401


async def test_the_token_is_kept_for_its_owner_only(running):
    file = running.gateway.services.settings.data_dir / "token"

    assert file.read_text() == running.token
    assert file.stat().st_mode & 0o077 == 0


# the page


@pytest.mark.parametrize("address", ["/", "/addin/"])
async def test_the_page_allows_styles_of_its_own_answer_only(running, address):
    raw = Raw(running)
    raw.headers = {}

    answers = [await raw("GET", address) for _ in range(2)]

    nonces = [re.findall(r'nonce="([^"]+)"', answer.body.decode()) for answer in answers]
    assert not set(nonces[0]) & set(nonces[1])
    for answer, (nonce, *others) in zip(answers, nonces, strict=True):
        policy = answer.headers["Content-Security-Policy"]
        assert set(others) <= {nonce}
        assert f"style-src 'self' 'nonce-{nonce}'" in policy
        assert "unsafe" not in policy
        assert answer.headers["Cache-Control"] == "no-store"


async def test_files_of_the_page_are_packed_and_kept_by_browsers(running):
    raw = Raw(running)
    raw.headers = {}
    page = (await raw("GET", "/")).body.decode()
    (script,) = re.findall(r'src="(/addin/assets/[^"]+\.js)"', page)

    plain = await raw("GET", script, headers={"Accept-Encoding": "identity"})
    packed = await raw("GET", script, headers={"Accept-Encoding": "gzip"})

    assert packed.body == plain.body
    assert packed.headers["X-Consumed-Content-Encoding"] == "gzip"  # tornado's client unpacks
    assert "Content-Encoding" not in plain.headers
    assert "immutable" in plain.headers["Cache-Control"]
    assert plain.headers["Content-Type"].startswith("text/javascript")


@pytest.mark.parametrize(
    "name", ["nowhere.js", "assets/", "assets/../index.html", "../page.py", "index.html"]
)
async def test_only_files_of_the_page_are_served_beside_it(running, name):
    raw = Raw(running)
    raw.headers = {}

    response = await raw("GET", f"/addin/{name}")

    assert response.code == 404
    assert error_of(response)["code"] == "not-found"


# conversations


async def test_a_conversation_is_renamed_and_the_audit_list_has_it(running, raw):
    made = await running.client.post("/api/v1/conversations", {"title": "before"})
    address = f"/api/v1/conversations/{made['id']}"

    renamed = json.loads((await raw("PATCH", address, '{"title": "after"}')).body)

    assert renamed == {**made, "title": "after"}
    assert json.loads((await raw("GET", address)).body)["title"] == "after"
    lines = json.loads((await raw("GET", f"/api/v1/audit?conversation={made['id']}")).body)
    assert lines["audit"][0]["action"] == "conversation.renamed"


@pytest.mark.parametrize("body", ["{}", '{"title": ""}', '{"title": 5}'])
async def test_a_new_title_must_be_one(running, raw, body):
    made = await running.client.post("/api/v1/conversations", {"title": "before"})

    response = await raw("PATCH", f"/api/v1/conversations/{made['id']}", body)

    assert error_of(response)["code"] == "bad-request"


async def test_a_conversation_that_does_not_exist_is_not_renamed(raw):
    response = await raw("PATCH", "/api/v1/conversations/conv_0", '{"title": "x"}')

    assert response.code == 404


# JSON bodies and addresses


@pytest.mark.parametrize(
    "body", ["{", "[]", "null", "5", '"x"', '{"title": 5}', '{"x": 1}', "[" * 9999]
)
async def test_a_malformed_body_says_what_is_wrong(raw, body):
    response = await raw("POST", "/api/v1/conversations", body)

    assert response.code == 400
    assert error_of(response)["code"] == "bad-request"


async def test_an_oversize_body_is_refused_with_its_limit(raw):
    response = await raw("POST", "/api/v1/conversations", b'{"title": "' + b"a" * 3_000_000 + b'"}')

    assert response.code == 413
    assert "2 MB" in error_of(response)["message"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/conversations/conv_0000000000000000",
        "/api/v1/conversations/nonsense",
        "/api/v1/conversations/conv_0000000000000000/paths/main/files",
        "/api/v1/conversations/conv_0000000000000000/paths/main/notebook",
        "/api/v1/turns/turn_0000000000000000",
        "/api/v1/turns/..%2f..",
        "/api/v1/nothing",
        "/nothing",
    ],
)
async def test_what_does_not_exist_is_not_found(raw, path):
    response = await raw("GET", path)

    assert response.code == 404
    assert error_of(response)["code"] == "not-found"


async def test_a_path_that_does_not_exist_is_not_found(running, raw):
    conversation = await running.conversation()

    response = await raw("GET", f"/api/v1/conversations/{conversation.id}/paths/other/files")

    assert response.code == 404


async def test_a_wrong_method_is_named(raw):
    response = await raw("PUT", "/api/v1/conversations", "{}")

    assert response.code == 405
    assert error_of(response)["code"] == "method-not-allowed"


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=99999999999999999999", "before=-1"])
async def test_a_wrong_query_is_named(raw, query):
    response = await raw("GET", f"/api/v1/audit?{query}")

    assert response.code == 400
    assert query.partition("=")[0] in error_of(response)["message"]


async def test_the_audit_list_tells_who_did_what(running, raw):
    conversation = await running.conversation()
    await conversation.execute("1 + 1")

    audit = json.loads((await raw("GET", f"/api/v1/audit?conversation={conversation.id}")).body)

    assert [(e["user"], e["action"]) for e in audit["audit"]] == [
        ("local", "execute.requested"),
        ("local", "conversation.created"),
    ]


# execute


async def test_execute_runs_code_and_returns_its_outputs(raw):
    reply = json.loads(
        (
            await raw(
                "POST", "/api/v1/execute", json.dumps({"code": "6 * 7", "language": "python"})
            )
        ).body
    )

    assert reply["kind"] == "result"
    assert reply["outputs"][0]["data"]["text/plain"] == "42"


async def test_execute_in_a_conversation_keeps_its_state(running, raw):
    conversation = await running.conversation()
    for code in ("x = 5", "x"):
        body = json.dumps({"code": code, "conversation": conversation.id})
        reply = json.loads((await raw("POST", "/api/v1/execute", body)).body)

    assert reply["outputs"][0]["data"]["text/plain"] == "5"


async def test_execute_tells_an_exception_as_an_error_of_the_code(raw):
    reply = json.loads((await raw("POST", "/api/v1/execute", '{"code": "1/0"}')).body)

    assert reply["kind"] == "error"
    assert reply["error"]["code"] == "code-error"
    assert "ZeroDivisionError" in reply["error"]["message"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"code": "1", "language": "cobol"}, "unsupported-language"),
        ({"language": "python"}, "bad-request"),
        ({"code": 5}, "bad-request"),
    ],
)
async def test_execute_refuses_what_it_cannot_run(raw, body, code):
    response = await raw("POST", "/api/v1/execute", json.dumps(body))

    assert response.code == 400
    assert error_of(response)["code"] == code


async def test_code_over_100_kb_is_refused_and_not_run(raw):
    body = json.dumps({"code": "x = '" + "a" * 110_000 + "'"})

    reply = json.loads((await raw("POST", "/api/v1/execute", body)).body)

    assert reply["kind"] == "error"
    assert "100 KB" in reply["error"]["message"]


# execute-task


async def test_execute_task_answers_with_the_result_and_its_files(start_gateway, examples):
    raw = Raw(await start_gateway())
    parts = [("files", file.name, file.read_bytes()) for file in examples]
    body, headers = multipart(("request", None, STACK.encode()), *parts)

    reply = json.loads((await raw("POST", "/api/v1/execute-task", body, headers)).body)

    assert reply["kind"] == "result"
    assert [f["name"] for f in reply["files"]] == ["outputs/stacked_sales.xlsx"]
    assert (await raw("GET", reply["files"][0]["url"])).body.startswith(b"PK")
    assert (await raw("GET", reply["notebook"])).code == 200


async def test_execute_task_answers_with_a_permission_request(start_gateway):
    code = code_reply("import urllib.request\nprint('ran')")
    raw = Raw(await start_gateway(exchange("encode", code, {"text": "Done."})))
    body, headers = multipart(("request", None, b"encode"))

    reply = json.loads((await raw("POST", "/api/v1/execute-task", body, headers)).body)
    await raw("POST", reply["permission"]["reply_to"], '{"decision": "once"}')
    async with asyncio.timeout(30):
        while (done := json.loads((await raw("GET", reply["poll"])).body))["kind"] == "running":
            await asyncio.sleep(0.05)

    assert reply["kind"] == "permission_required"
    assert done["kind"] == "result"
    assert done["answer"] == "Done."


async def test_execute_task_answers_with_an_error(start_gateway):
    raw = Raw(await start_gateway([{"when": {}, "reply": {"finish_reason": "SAFETY"}}]))
    body, headers = multipart(("request", None, b"anything"))

    reply = json.loads((await raw("POST", "/api/v1/execute-task", body, headers)).body)

    assert reply["kind"] == "error"
    assert reply["error"]["code"] == "model-declined"


@pytest.mark.parametrize("request_text", [None, b"", b"   "])
async def test_execute_task_without_a_request_says_so(raw, request_text):
    parts = (
        [("request", None, request_text)] if request_text is not None else [("f", "a.txt", b"x")]
    )
    body, headers = multipart(*parts)

    response = await raw("POST", "/api/v1/execute-task", body, headers)

    assert response.code == 400
    assert error_of(response)["hint"]
