"""Uploads in pieces (tus 1.0.0): they go on where they were cut off, and nothing else gets in."""

import asyncio
import base64
import json
import os
import socket
import time
from urllib.parse import urlsplit

import pytest

from kernel_gateway.contexts.resumable_uploads import MOST_UNFINISHED, ResumableUploads
from kernel_gateway.errors import TooManyUnfinishedUploads
from kernel_gateway.terminal.client import path_url
from tests.access_tokens import SECRET, hs256
from tests.raw_http import Raw, error_of
from tests.waiting import eventually

TUS = {"Tus-Resumable": "1.0.0"}
CONTENT = b"a,b\n" + b"1,2\n" * 50_000


def metadata(name, **more):
    pairs = {"filename": name, **more}
    return ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in pairs.items())


class Uploader:
    """A client of the protocol that can be made to misbehave."""

    def __init__(self, running, conversation, token=None):
        self.raw = Raw(running, token)
        self.base = f"{path_url(conversation)}/uploads"

    async def begin(self, name, size, query="", **headers):
        made = {**TUS, "Upload-Length": str(size), "Upload-Metadata": metadata(name)}
        return await self.raw("POST", self.base + query, b"", {**made, **headers})

    async def url(self, name, size, query=""):
        begun = await self.begin(name, size, query)
        assert begun.code == 201, begun.body
        return begun.headers["Location"]

    async def patch(self, url, offset, piece, **headers):
        kind = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)}
        return await self.raw("PATCH", url, piece, {**TUS, **kind, **headers})

    async def offset(self, url):
        return int((await self.raw("HEAD", url, headers=TUS)).headers["Upload-Offset"])

    async def state(self, url):
        return json.loads((await self.raw("GET", url)).body)


@pytest.fixture
async def begun(start_gateway):
    async def start(**settings):
        running = await start_gateway([], **settings)
        conversation = (await running.client.post("/api/v1/conversations", {}))["id"]
        return running, conversation, Uploader(running, conversation)

    return start


async def inputs_of(running, conversation):
    listed = (await running.client.get(f"{path_url(conversation)}/files"))["files"]
    return {file["name"]: file["size"] for file in listed}


async def test_a_file_sent_in_pieces_is_whole_listed_and_profiled(begun):
    running, conversation, uploader = await begun()

    url = await uploader.url("prices.csv", len(CONTENT))
    first = await uploader.patch(url, 0, CONTENT[:70_000])
    unfinished = json.loads((await uploader.raw("GET", uploader.base)).body)["uploads"]
    before = await inputs_of(running, conversation)
    last = await uploader.patch(url, 70_000, CONTENT[70_000:])
    state = await uploader.state(url)

    assert (first.code, first.headers["Upload-Offset"]) == (204, "70000")
    assert [(each["name"], each["offset"]) for each in unfinished] == [("prices.csv", 70_000)]
    assert before == {}
    assert (last.code, last.headers["Upload-Offset"]) == (204, str(len(CONTENT)))
    assert (state["file"]["name"], state["file"]["problem"]) == ("inputs/prices.csv", None)
    assert json.loads((await uploader.raw("GET", uploader.base)).body)["uploads"] == []
    assert await running.client.download(state["file"]["url"]) == CONTENT


async def test_after_a_dropped_socket_it_goes_on_where_it_was(begun):
    """Asking where it is ends the request that still brings bytes: the answer stays true."""
    running, conversation, uploader = await begun()
    url = await uploader.url("prices.csv", len(CONTENT))
    address = urlsplit(running.url)
    head = (
        f"PATCH {url} HTTP/1.1\r\nHost: {address.netloc}\r\nTus-Resumable: 1.0.0\r\n"
        f"Authorization: Bearer {running.token}\r\nUpload-Offset: 0\r\n"
        f"Content-Type: application/offset+octet-stream\r\nContent-Length: {len(CONTENT)}\r\n\r\n"
    )
    part = running.home(conversation) / "uploads" / f"{url.rpartition('/')[2]}.part"
    with socket.create_connection((address.hostname, address.port)) as sent:
        await asyncio.to_thread(sent.sendall, head.encode() + CONTENT[:150_000])
        await eventually("bytes come", lambda: part.stat().st_size > 0)
        asked = await uploader.offset(url)
        await asyncio.to_thread(sent.sendall, CONTENT[150_000:160_000])
        held = await uploader.offset(url)
    ended = await uploader.patch(url, asked, CONTENT[asked:])

    assert 0 < asked <= 150_000
    assert held == asked
    assert ended.code == 204
    state = await uploader.state(url)
    assert await running.client.download(state["file"]["url"]) == CONTENT


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Tus-Resumable": "0.2.2"}, 412, "upload-protocol-unknown"),
        ({"Upload-Length": "-1"}, 400, "bad-request"),
        ({"Upload-Length": "1e9"}, 400, "bad-request"),
        ({"Upload-Length": "9" * 18}, 413, "file-too-large"),
        ({"Upload-Defer-Length": "1"}, 400, "bad-request"),
        ({"Upload-Metadata": ""}, 400, "unsafe-path"),
        ({"Upload-Metadata": "filename !!!"}, 400, "bad-request"),
        ({"Upload-Metadata": "filename YQ==,filename Yg=="}, 400, "bad-request"),
        ({"Upload-Metadata": "filename /w=="}, 400, "bad-request"),
        ({"Upload-Metadata": "x " + "A" * 4000}, 400, "bad-request"),
        *(
            ({"Upload-Metadata": metadata(name)}, 400, "unsafe-path")
            for name in ("../up.csv", "/etc/passwd", "a\\b.csv", "a\x00.csv", ".hidden", "n" * 300)
        ),
    ],
)
async def test_what_can_never_become_a_file_is_refused_before_a_byte_is_sent(
    begun, headers, status, code
):
    running, conversation, uploader = await begun(upload_limit_mb=1)

    answer = await uploader.begin("prices.csv", 10, **headers)

    assert (answer.code, error_of(answer)["code"]) == (status, code)
    assert not list((running.home(conversation)).glob("uploads/*"))


async def test_lies_about_the_offset_and_the_length_change_nothing(begun):
    running, _, uploader = await begun()
    url = await uploader.url("prices.csv", 10)
    await uploader.patch(url, 0, b"12345")

    answers = [
        await uploader.patch(url, 0, b"AAAAA"),
        await uploader.patch(url, 7, b"AAA"),
        await uploader.patch(url, 5, b"A" * 6),
        await uploader.patch(url, 5, b"AAA", **{"Content-Type": "text/csv"}),
        await uploader.patch(url, -5, b"AAA"),
    ]

    codes = [(answer.code, error_of(answer)["code"]) for answer in answers]
    assert codes == [
        (409, "upload-moved"),
        (409, "upload-moved"),
        (413, "upload-too-long"),
        (415, "media-type-unsupported"),
        (400, "bad-request"),
    ]
    assert error_of(answers[0])["details"] == {"offset": 5}
    assert await uploader.offset(url) == 5
    assert (await uploader.patch(url, 5, b"67890")).code == 204
    state = await uploader.state(url)
    assert await running.client.download(state["file"]["url"]) == b"1234567890"


async def test_more_than_was_announced_is_refused_also_without_a_length(begun):
    running, _, uploader = await begun()
    url = await uploader.url("prices.csv", 10)
    address = urlsplit(running.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(
        (
            f"PATCH {url} HTTP/1.1\r\nHost: {address.netloc}\r\nTus-Resumable: 1.0.0\r\n"
            f"Authorization: Bearer {running.token}\r\nUpload-Offset: 0\r\nConnection: close\r\n"
            "Content-Type: application/offset+octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
            "8\r\nabcdefgh\r\n8\r\nabcdefgh\r\n0\r\n\r\n"
        ).encode()
    )
    answer = await reader.read()
    writer.close()

    assert b" 413 " in answer.splitlines()[0]
    assert await uploader.offset(url) <= 8


async def test_another_users_upload_does_not_exist(start_gateway):
    running = await start_gateway([], jwt_secret=SECRET)
    ann, ben = hs256(), hs256(user="ben")
    raw = Raw(running, ann)
    made = await raw("POST", "/api/v1/conversations", "{}")
    conversation = json.loads(made.body)["id"]
    hers, his = Uploader(running, conversation, ann), Uploader(running, conversation, ben)
    url = await hers.url("prices.csv", 10)

    answers = [
        await his.patch(url, 0, b"x"),
        await his.raw("HEAD", url, headers=TUS),
        await his.raw("GET", url),
        await his.raw("DELETE", url, headers=TUS),
        await hers.raw("GET", f"{hers.base}/..%2f..%2fnotebook"),
    ]

    assert [answer.code for answer in answers] == [404] * 5
    assert json.loads((await his.raw("GET", his.base)).body) == {"uploads": []}
    assert await hers.offset(url) == 0


async def test_unfinished_uploads_count_as_if_they_were_whole(begun):
    _, _, uploader = await begun(workspace_limit_mb=1)

    first = await uploader.begin("a.csv", 600_000)
    second = await uploader.begin("b.csv", 600_000)
    ended = await uploader.raw("DELETE", first.headers["Location"], headers=TUS)
    third = await uploader.begin("b.csv", 600_000)

    assert [first.code, second.code, ended.code, third.code] == [201, 413, 204, 201]
    assert error_of(second)["code"] == "workspace-full"
    assert (await uploader.raw("HEAD", first.headers["Location"], headers=TUS)).code == 404


async def test_uploads_that_never_come_to_an_end_are_removed(begun):
    running, conversation, uploader = await begun(unfinished_upload_hours=1)
    old, new = [await uploader.url(name, 10) for name in ("old.csv", "new.csv")]
    place = running.home(conversation) / "uploads"
    hour_ago = time.time() - 3700
    os.utime(place / f"{old.rpartition('/')[2]}.part", (hour_ago, hour_ago))

    expired = await uploader.patch(old, 0, b"x")
    done = await running.client.post("/api/v1/admin/cleanup", {})

    assert expired.code == 404
    assert done["removed_uploads"] == 1
    left = {file.stem for file in place.iterdir()}
    assert left == {new.rpartition("/")[2]}


async def test_a_file_that_replaces_another_waits_until_no_request_runs(begun):
    """The bytes are kept: an empty PATCH tries it again."""
    running, conversation, uploader = await begun()
    await uploader.patch(await uploader.url("a.csv", 3), 0, b"old")
    url = await uploader.url("a.csv", 3, "?replace=true")
    connection = await running.client.connect(path_url(conversation))
    await connection.send(
        "execute.request",
        code="open('/workspace/go', 'w')\nimport time\nwhile True: time.sleep(0.05)",
    )
    await eventually("it runs", lambda: (running.home(conversation) / "workspace" / "go").exists())

    refused = await uploader.patch(url, 0, b"new")
    await running.client.post(f"{path_url(conversation)}/cancel", {})
    async for event in connection.events():
        if event["kind"] == "turn.finished":
            break
    kept = await uploader.patch(url, 3, b"")

    assert (refused.code, error_of(refused)["code"]) == (409, "conflict")
    assert kept.code == 204
    assert set(await inputs_of(running, conversation)) == {"inputs/a.csv", "go"}
    state = await uploader.state(url)
    assert await running.client.download(state["file"]["url"]) == b"new"


async def test_the_address_says_what_it_can(begun):
    _, _, uploader = await begun(upload_limit_mb=2)

    answer = await uploader.raw("OPTIONS", uploader.base)

    assert answer.code == 204
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert answer.headers["Tus-Extension"] == "creation,expiration,termination"
    assert answer.headers["Tus-Max-Size"] == "2000000"


def test_files_that_are_whole_do_not_count_as_unfinished(tmp_path):
    uploads = ResumableUploads(tmp_path, hours=24)

    for number in range(MOST_UNFINISHED + 5):
        made = uploads.begin(tmp_path, "ann", f"{number}.csv", 4, "", replace=False)
        uploads.keep_result(tmp_path, made, {"name": f"inputs/{number}.csv"})
    for number in range(MOST_UNFINISHED):
        uploads.begin(tmp_path, "ann", f"more{number}.csv", 4, "", replace=False)

    with pytest.raises(TooManyUnfinishedUploads):
        uploads.begin(tmp_path, "ann", "last.csv", 4, "", replace=False)


def test_an_upload_that_was_removed_while_it_was_finished_leaves_nothing(tmp_path):
    uploads = ResumableUploads(tmp_path, hours=24)
    made = uploads.begin(tmp_path, "ann", "a.csv", 4, "", replace=False)
    uploads.remove(tmp_path, made)

    uploads.keep_result(tmp_path, made, {"name": "inputs/a.csv"})

    assert list((tmp_path / "uploads").iterdir()) == []
