"""Every version of an upload can be had again: listed, downloaded, put back as the current one."""

import asyncio
import base64
import hashlib
import io
import json
import os
import zipfile

import pytest

from kernel_gateway.settings import Settings
from kernel_gateway.terminal.client import GatewayClient, path_url
from kernel_gateway.wiring import open_gateway
from tests.raw_http import Raw, error_of, multipart

NAME = "inputs/prices.csv"


def sha(content):
    return hashlib.sha256(content).hexdigest()


async def upload(raw, conversation, *contents, name="prices.csv", replace=True):
    """Upload *contents* one after the other under one name; return the last answer."""
    query = "?replace=true" if replace else ""
    for content in contents:
        body, headers = multipart(("files", name, content))
        response = await raw("POST", f"{path_url(conversation)}/files{query}", body, headers)
    return response


async def versions(raw, conversation, name=NAME, path="main"):
    response = await raw("GET", f"{path_url(conversation, path)}/versions/{name}")
    assert response.code == 200, response.body
    return json.loads(response.body)["versions"]


async def put_back(raw, conversation, content, name=NAME):
    body = json.dumps({"sha256": sha(content)})
    return await raw("POST", f"{path_url(conversation)}/versions/{name}", body)


async def current(raw, conversation, name=NAME):
    return (await raw("GET", f"{path_url(conversation)}/files/{name}")).body


@pytest.fixture
async def conversation(running):
    return (await running.client.post("/api/v1/conversations", {}))["id"]


async def test_an_upload_over_a_name_is_the_current_one_and_the_older_is_kept(raw, conversation):
    response = await upload(raw, conversation, b"one", b"two")

    assert json.loads(response.body)["files"][0]["name"] == NAME
    assert await current(raw, conversation) == b"two"
    listed = await versions(raw, conversation)
    assert [v["sha256"] for v in listed] == [sha(b"one"), sha(b"two")]
    assert [v["current"] for v in listed] == [False, True]
    assert [v["size"] for v in listed] == [3, 3]
    assert {v["user"] for v in listed} == {"local"}
    assert all(v["kept"] and v["at"] for v in listed)
    assert len(json.loads((await raw("GET", f"{path_url(conversation)}/files")).body)["files"]) == 1


async def test_without_being_asked_nothing_takes_the_place_of_anything(raw, conversation):
    response = await upload(raw, conversation, b"one", b"two", replace=False)

    assert json.loads(response.body)["files"][0]["name"] == "inputs/prices (2).csv"
    assert await current(raw, conversation) == b"one"
    assert len(await versions(raw, conversation)) == 1
    assert len(await versions(raw, conversation, "inputs/prices%20(2).csv")) == 1


async def test_each_version_can_be_downloaded_though_no_cell_has_met_it(raw, conversation):
    await upload(raw, conversation, b"one", b"two", b"three")

    contents = [(await raw("GET", v["url"])) for v in await versions(raw, conversation)]

    assert [c.body for c in contents] == [b"one", b"two", b"three"]
    assert all(c.headers["Content-Disposition"].startswith("attachment;") for c in contents)
    assert {c.headers["Content-Type"] for c in contents} == {"text/csv"}


async def test_a_version_can_be_put_back_and_the_one_it_replaces_is_kept_too(raw, conversation):
    await upload(raw, conversation, b"one", b"two")

    restored = await put_back(raw, conversation, b"one")

    assert restored.code == 200
    assert json.loads(restored.body)["name"] == NAME
    assert await current(raw, conversation) == b"one"
    listed = await versions(raw, conversation)
    assert [v["sha256"] for v in listed] == [sha(b"one"), sha(b"two"), sha(b"one")]
    assert [v["current"] for v in listed] == [False, False, True]


async def test_to_put_back_the_current_one_changes_nothing(raw, conversation):
    await upload(raw, conversation, b"one")

    assert (await put_back(raw, conversation, b"one")).code == 200
    assert len(await versions(raw, conversation)) == 1


async def test_a_cell_reads_the_version_that_was_put_back(running):
    made = await running.conversation()
    raw = Raw(running)
    await upload(raw, made.id, b"one", b"two")
    assert await made.printed("print(open('inputs/prices.csv').read())") == "two\n"

    await put_back(raw, made.id, b"one")

    assert await made.printed("print(open('inputs/prices.csv').read())") == "one\n"


async def test_what_a_cell_makes_of_a_file_is_a_version_of_it(running):
    made = await running.conversation()
    for text in ("first", "second"):
        await made.execute(f"open('outputs/a.txt', 'w').write({text!r})")

    listed = await versions(Raw(running), made.id, "outputs/a.txt")

    assert [v["sha256"] for v in listed] == [sha(b"first"), sha(b"second")]
    assert all(v["cell"] and v["user"] is None for v in listed)
    assert (await Raw(running)("GET", listed[0]["url"])).body == b"first"


async def test_every_upload_is_kept_where_what_cells_change_is_not(start_gateway):
    running = await start_gateway([], file_versions_mb=0)
    made = (await running.client.post("/api/v1/conversations", {}))["id"]

    await upload(Raw(running), made, b"one", b"two")

    listed = await versions(Raw(running), made)
    assert [(await Raw(running)("GET", v["url"])).body for v in listed] == [b"one", b"two"]


async def test_no_number_of_other_contents_drives_an_upload_out(start_gateway):
    running = await start_gateway([], file_versions_mb=0.01)
    made = await running.conversation()
    await upload(Raw(running), made.id, b"one", b"two")
    await made.execute("for i in range(50): open(f'outputs/{i}', 'w').write(f'{i}' * 1000)")
    await made.execute("for i in range(50): open(f'outputs/{i}', 'w').write(f'{i}+' * 1000)")

    listed = await versions(Raw(running), made.id)

    assert (await Raw(running)("GET", listed[0]["url"])).body == b"one"


async def test_where_no_room_is_left_for_versions_an_upload_is_refused_and_nothing_is_lost(
    start_gateway,
):
    running = await start_gateway([], upload_versions_mb=0.01)
    made = (await running.client.post("/api/v1/conversations", {}))["id"]
    raw = Raw(running)
    await upload(raw, made, b"a" * 6000)

    refused = await upload(raw, made, b"b" * 6000)

    assert refused.code == 413
    assert error_of(refused)["code"] == "upload-versions-full"
    assert await current(raw, made) == b"a" * 6000
    assert len(await versions(raw, made)) == 1
    assert len(json.loads((await raw("GET", f"{path_url(made)}/files")).body)["files"]) == 1


async def test_the_same_content_again_takes_no_more_room(start_gateway):
    running = await start_gateway([], upload_versions_mb=0.01)
    made = (await running.client.post("/api/v1/conversations", {}))["id"]
    raw = Raw(running)

    answers = [await upload(raw, made, c * 4000) for c in (b"a", b"b", b"a", b"b", b"a")]

    assert [a.code for a in answers] == [201] * 5
    assert len(await versions(raw, made)) == 5


async def test_sealed_versions_come_back(start_gateway):
    key = base64.b64encode(os.urandom(32)).decode()
    running = await start_gateway([], blob_key=key)
    made = (await running.client.post("/api/v1/conversations", {}))["id"]
    raw = Raw(running)
    await upload(raw, made, b"margin 17.5 percent", b"two")

    home = running.home(made).parent
    on_disk = [f.read_bytes() for f in (home / ".blobs").rglob("*") if f.is_file()]
    listed = await versions(raw, made)

    assert len(on_disk) == 2
    assert not any(b"margin" in content for content in on_disk)
    assert (await raw("GET", listed[0]["url"])).body == b"margin 17.5 percent"


async def test_a_damaged_version_is_an_error_and_never_another_content(running, raw, conversation):
    await upload(raw, conversation, b"one", b"two")
    for file in (running.home(conversation).parent / ".blobs").rglob(sha(b"one") + "*"):
        file.write_bytes(b"eno")
    first, _ = await versions(raw, conversation)

    for answer in (await raw("GET", first["url"]), await put_back(raw, conversation, b"one")):
        assert answer.code == 500
        assert error_of(answer)["code"] == "blob-damaged"
    assert await current(raw, conversation) == b"two"


async def test_an_export_has_every_version(raw, conversation):
    await upload(raw, conversation, b"one", b"two")

    answer = await raw("GET", "/api/v1/users/local/export")

    names = zipfile.ZipFile(io.BytesIO(answer.body)).namelist()
    place = f"conversations/{conversation}/versions"
    assert {f"{place}/{sha(b'one')}", f"{place}/{sha(b'two')}"} <= set(names)


async def test_versions_outlive_a_restart(start_gateway, tmp_path):
    settings = Settings(port=0, data_dir=tmp_path / "data", warm_kernels=0)
    async with open_gateway(settings) as gateway:
        client = GatewayClient(gateway.url, gateway.services.token)
        made = (await client.post("/api/v1/conversations", {}))["id"]
        for content in (b"one", b"two"):
            (tmp_path / "prices.csv").write_bytes(content)
            await client.upload(path_url(made), [tmp_path / "prices.csv"], replace=True)
        client.close()

    raw = Raw(await start_gateway([]))

    listed = await versions(raw, made)
    assert [(await raw("GET", v["url"])).body for v in listed] == [b"one", b"two"]


@pytest.mark.parametrize(
    ("method", "address", "body", "code"),
    [
        ("GET", "/versions/inputs/none.csv", None, "file-not-found"),
        ("GET", "/versions/../main/notebook.ipynb", None, "unsafe-path"),
        ("GET", "/versions/inputs/none.csv?x=1", None, "file-not-found"),
        ("POST", f"/versions/{NAME}", {"sha256": "0" * 64}, "not-found"),
        ("POST", f"/versions/{NAME}", {"sha256": "../x"}, "bad-request"),
        ("POST", f"/versions/{NAME}", {}, "bad-request"),
        ("POST", "/versions/outputs/x.csv", {"sha256": "0" * 64}, "bad-request"),
        ("GET", f"/files/{NAME}?version={'0' * 64}", None, "not-found"),
        ("GET", f"/files/{NAME}?version=..", None, "bad-request"),
        ("POST", "/files?replace=perhaps", {}, "bad-request"),
    ],
)
async def test_what_is_not_there_or_malformed_is_said_so(
    raw, conversation, method, address, body, code
):
    await upload(raw, conversation, b"one")

    answer = await raw(
        method, path_url(conversation) + address, None if body is None else json.dumps(body)
    )

    assert 400 <= answer.code < 500
    assert error_of(answer)["code"] == code


async def test_a_version_of_another_file_is_not_found_under_this_name(raw, conversation):
    await upload(raw, conversation, b"one")
    await upload(raw, conversation, b"salaries", name="other.csv")

    other = f"{path_url(conversation)}/files/{NAME}?version={sha(b'salaries')}"

    assert (await raw("GET", other)).code == 404


async def test_nothing_is_replaced_while_a_request_runs(running):
    made = await running.conversation()
    raw = Raw(running)
    await upload(raw, made.id, b"one", b"two")
    await made.connection.send("execute.request", code="import time\nwhile True: time.sleep(0.1)")
    await made.until("cell.started")

    answers = [await upload(raw, made.id, b"three"), await put_back(raw, made.id, b"one")]
    other = await upload(raw, made.id, b"new", name="new.csv")
    await made.connection.send("cancel")
    await made.until("turn.finished")

    assert [a.code for a in answers] == [409, 409]
    assert [error_of(a)["code"] for a in answers] == ["conflict"] * 2
    assert other.code == 201
    assert await current(raw, made.id) == b"two"
    names = {f["name"] for f in await files(raw, made.id)}
    assert names == {NAME, "inputs/new.csv"}


async def files(raw, conversation):
    return json.loads((await raw("GET", f"{path_url(conversation)}/files")).body)["files"]


async def test_many_uploads_over_one_name_at_once_are_all_kept(raw, conversation):
    contents = [f"content {n}".encode() for n in range(12)]

    answers = await asyncio.gather(*(upload(raw, conversation, c) for c in contents))

    assert {a.code for a in answers} == {201}
    listed = await versions(raw, conversation)
    assert {v["sha256"] for v in listed} == {sha(c) for c in contents}
    assert [v["current"] for v in listed].count(True) == 1
    assert await current(raw, conversation) in contents
    assert [f["name"] for f in await files(raw, conversation)] == [NAME]


async def test_a_viewer_sees_versions_and_puts_none_back(start_gateway):
    from tests.access_tokens import SECRET, caller, hs256

    running = await start_gateway([], jwt_secret=SECRET)
    ann, viewer = caller(running, hs256()), caller(running, hs256(roles=["viewer"]))
    made = json.loads((await ann("POST", "/api/v1/conversations", "{}")).body)["id"]
    await upload(ann, made, b"one", b"two")

    assert len(await versions(viewer, made)) == 2
    assert (await put_back(viewer, made, b"one")).code == 403


async def test_a_deleted_user_is_named_by_no_version(start_gateway):
    from tests.access_tokens import SECRET, caller, hs256

    running = await start_gateway([], jwt_secret=SECRET)
    ann, bob = caller(running, hs256()), caller(running, hs256(user="bob"))
    admin = caller(running, hs256(user="root", roles=["admin"]))
    made = json.loads((await ann("POST", "/api/v1/conversations", "{}")).body)["id"]
    await upload(bob, made, b"one")

    await admin("DELETE", "/api/v1/users/bob")

    assert [v["user"] for v in await versions(ann, made)] == ["(deleted user)"]


async def test_an_inherited_upload_can_be_had_again_after_the_branch_has_replaced_it(
    running, raw, conversation
):
    await upload(raw, conversation, b"of main")
    made = await running.client.post(f"/api/v1/conversations/{conversation}/paths", {"name": "b"})
    body, headers = multipart(("files", "prices.csv", b"of the branch"))

    there = path_url(conversation, made["name"])
    await raw("POST", f"{there}/files?replace=true", body, headers)

    listed = await versions(raw, conversation, path=made["name"])
    assert [v["sha256"] for v in listed] == [sha(b"of main"), sha(b"of the branch")]
    old = await raw("GET", f"{there}/files/{NAME}?version={sha(b'of main')}")
    assert (old.code, old.body) == (200, b"of main")
