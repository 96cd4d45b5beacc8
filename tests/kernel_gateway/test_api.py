"""The native API: every endpoint's promise, and a typed error with a hint for every bad input."""

import asyncio
import json
import secrets

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from kernel_gateway.terminal.client import path_url
from tests.conftest import STACK, Conversation, code_reply, exchange


class Raw:
    """Plain HTTP against a gateway, errors returned and not raised."""

    def __init__(self, running, token=None):
        self.running = running
        self.headers = {"Authorization": f"Bearer {token or running.token}"}

    async def __call__(self, method, path, body=None, headers=None):
        request = HTTPRequest(
            self.running.url + path,
            method=method,
            body=body,
            headers={**self.headers, **(headers or {})},
            allow_nonstandard_methods=True,
            request_timeout=60,
            follow_redirects=False,
        )
        return await AsyncHTTPClient().fetch(request, raise_error=False)


def error_of(response):
    error = json.loads(response.body)["error"]
    assert set(error) == {"code", "message", "hint", "details"}
    assert error["message"]
    assert error["hint"]
    assert "Traceback" not in error["message"]
    return error


def multipart(*parts):
    """Build a body from (field, file name or None, content) parts."""
    boundary = secrets.token_hex(8)
    body = b""
    for field, filename, content in parts:
        name = f'; filename="{filename}"' if filename is not None else ""
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"{name}\r\n\r\n'
        body += head.encode("utf-8", "surrogatepass") + content + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


@pytest.fixture
async def running(start_gateway):
    return await start_gateway([], upload_limit_mb=1)


@pytest.fixture
async def raw(running):
    return Raw(running)


@pytest.fixture
async def files_url(running):
    return path_url((await running.client.post("/api/v1/conversations", {}))["id"]) + "/files"


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


# files


async def test_many_files_of_any_type_come_in_one_upload(running, raw, files_url):
    body, headers = multipart(
        ("f", "a.xlsx", b"PK"), ("f", "b.pdf", b"%PDF"), ("f", "ü 📈.csv", b"a\n1")
    )

    response = await raw("POST", files_url, body, headers)
    listed = json.loads((await raw("GET", files_url)).body)["files"]

    assert response.code == 201
    assert [f["name"] for f in listed] == ["inputs/a.xlsx", "inputs/b.pdf", "inputs/ü 📈.csv"]
    assert (await raw("GET", listed[2]["url"])).body == b"a\n1"


async def test_a_broken_workbook_is_kept_and_its_problem_told(raw, files_url):
    body, headers = multipart(("f", "a.xlsx", b"not a workbook"))

    (file,) = json.loads((await raw("POST", files_url, body, headers)).body)["files"]

    assert file["problem"]["code"] == "not-a-workbook"
    assert file["problem"]["hint"]


async def test_a_second_file_of_the_same_name_never_overwrites_the_first(raw, files_url):
    for content in (b"one", b"two", b"two"):
        body, headers = multipart(("f", "a.bin", content))
        await raw("POST", files_url, body, headers)

    listed = json.loads((await raw("GET", files_url)).body)["files"]

    contents = {f["name"]: (await raw("GET", f["url"])).body for f in listed}
    assert contents == {
        "inputs/a.bin": b"one",
        "inputs/a (2).bin": b"two",
        "inputs/a (3).bin": b"two",
    }


async def test_the_same_file_sent_again_is_kept_once(raw, files_url):
    for _ in range(2):
        body, headers = multipart(("f", "a.bin", b"one"))
        await raw("POST", files_url, body, headers)

    assert len(json.loads((await raw("GET", files_url)).body)["files"]) == 1


@pytest.mark.parametrize(
    "name", ["../up.xlsx", "/etc/passwd", "a\x00.xlsx", "x" * 300 + ".xlsx", ".."]
)
async def test_a_dangerous_name_is_refused_and_nothing_is_written(raw, files_url, name):
    body, headers = multipart(("f", name, b"x"))

    response = await raw("POST", files_url, body, headers)

    assert response.code == 400
    assert error_of(response)["code"] in ("unsafe-path", "bad-request")
    assert json.loads((await raw("GET", files_url)).body)["files"] == []


async def test_a_file_over_the_limit_is_refused_and_the_others_are_kept(raw, files_url):
    body, headers = multipart(("f", "big.bin", b"0" * 1_500_000), ("f", "small.bin", b"1"))

    response = await raw("POST", files_url, body, headers)
    reply = json.loads(response.body)

    assert response.code == 201
    assert [f["name"] for f in reply["files"]] == ["inputs/small.bin"]
    assert reply["rejected"][0]["error"]["code"] == "file-too-large"


async def test_only_a_file_over_the_limit_is_an_error(raw, files_url):
    body, headers = multipart(("f", "big.bin", b"0" * 1_500_000))

    response = await raw("POST", files_url, body, headers)

    assert response.code == 413
    assert "1 MB" in error_of(response)["message"]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"x", {"Content-Type": "text/plain"}),
        (b"x", {"Content-Type": "multipart/form-data"}),
        (b"garbage", {"Content-Type": "multipart/form-data; boundary=b"}),
        (b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\nhalf",
         {"Content-Type": "multipart/form-data; boundary=b"}),
        (b"", {"Content-Type": "multipart/form-data; boundary=b"}),
    ],
)  # fmt: skip
async def test_a_body_that_is_no_whole_upload_is_refused_and_leaves_nothing(
    raw, files_url, body, headers
):
    response = await raw("POST", files_url, body, headers)

    assert response.code == 400
    assert error_of(response)["code"] == "bad-request"
    assert json.loads((await raw("GET", files_url)).body)["files"] == []


async def test_a_link_made_by_hostile_code_is_not_downloaded(running, raw):
    conversation = await running.conversation()
    await raw("GET", conversation.url + "/files")
    home = running.home(conversation.id) / "workspace" / "outputs"
    (home / "x.txt").symlink_to("/etc/passwd")

    response = await raw("GET", conversation.url + "/files/outputs/x.txt")

    assert response.code == 400
    assert error_of(response)["code"] == "unsafe-path"


@pytest.mark.parametrize(
    "name",
    ["outputs/..%2f..%2fnotebook.ipynb", "..%2fnotebook.ipynb", "%2fetc%2fpasswd", "outputs"],
)
async def test_a_download_never_leaves_the_workspace(raw, files_url, name):
    assert (await raw("GET", f"{files_url}/{name}")).code in (400, 404)


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
    code = code_reply("import urllib.parse\nprint('ran')")
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


# the websocket


async def test_a_late_client_gets_every_event_from_where_it_left_off(running):
    conversation = await running.conversation()
    await conversation.execute("print('a')")
    await conversation.execute("print('b')")
    seen = conversation.events

    for after in (0, 3, len(seen) - 1):
        late = Conversation(
            running, conversation.id, await running.client.connect(conversation.url, after)
        )
        while len(late.events) < len(seen) - after:
            await late.until(*{e["kind"] for e in seen})

        assert late.events == seen[after:]


async def test_two_clients_see_the_same_sequence(running):
    conversation = await running.conversation()
    other = Conversation(running, conversation.id, await running.client.connect(conversation.url))

    await conversation.execute("for i in range(50): print(i, flush=True)")
    await other.until("turn.finished")

    assert other.events == conversation.events


async def test_a_flood_of_lines_arrives_whole(running):
    conversation = await running.conversation()

    await conversation.execute("for i in range(20_000): print(i)")

    text = "".join(e["output"]["text"] for e in conversation.of_kind("cell.output"))
    assert text == "".join(f"{i}\n" for i in range(20_000))


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", "bad-request"),
        ("[]", "bad-request"),
        ('{"kind": 5}', "bad-request"),
        ("{}", "bad-request"),
        ('{"kind": "drop.tables"}', "unknown-event-kind"),
        ('{"kind": "turn.request"}', "bad-request"),
        ('{"kind": "turn.request", "request": ""}', "invalid-request"),
        ('{"kind": "turn.request", "request": "' + "a" * 1_000_000 + '"}', "invalid-request"),
        ('{"kind": "turn.request", "request": "x", "extra": 1}', "bad-request"),
        ('{"kind": "permission.reply", "id": "perm_x", "decision": "once"}', "not-found"),
        ('{"kind": "cancel", "turn": "turn_x"}', "not-found"),
        ('{"kind": "execute.request", "code": "1", "language": "r"}', "unsupported-language"),
        (b"\x00\x01", "unknown-event-kind"),
    ],
)
async def test_a_message_that_is_not_understood_is_answered_and_the_socket_lives(
    running, message, code
):
    conversation = await running.conversation()
    socket = conversation.connection._socket

    await socket.write_message(message, binary=isinstance(message, bytes))
    refused = await conversation.until("error")

    assert refused["seq"] is None
    assert refused["data"]["error"]["code"] == code
    assert refused["data"]["error"]["hint"]
    assert await conversation.printed("print('alive')") == "alive\n"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/paths/main/events", {}, 401),
        ("/paths/main/events?after=x", None, 400),
        ("/paths/other/events", None, 404),
    ],
)
async def test_a_socket_that_may_not_open_is_refused_before_the_upgrade(
    running, path, headers, status
):
    conversation = await running.conversation()
    url = running.url.replace("http", "ws") + f"/api/v1/conversations/{conversation.id}{path}"
    given = {"Authorization": f"Bearer {running.token}"} if headers is None else headers

    with pytest.raises(HTTPClientError) as caught:
        await websocket_connect(HTTPRequest(url, headers=given))

    assert caught.value.code == status


async def test_a_foreign_page_cannot_open_the_socket(running):
    conversation = await running.conversation()
    url = running.url.replace("http", "ws") + conversation.url + "/events"
    headers = {"Cookie": f"tallybook_token={running.token}", "Origin": "http://evil.example"}

    with pytest.raises(HTTPClientError) as caught:
        await websocket_connect(HTTPRequest(url, headers=headers))

    assert caught.value.code == 403
