"""A service that dies in the middle of an upload: what was sent at once is gone, pieces go on."""

import asyncio
import base64
from urllib.parse import urlsplit

from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from kernel_gateway.terminal.client import path_url
from tests.raw_http import multipart
from tests.waiting import eventually


async def test_half_an_upload_is_gone_after_a_kill(service):
    client = await service.start()
    conversation = (await client.post("/api/v1/conversations", {}))["id"]
    home = service.data_dir / "conversations" / conversation / "main"
    inputs = home / "workspace" / "inputs"
    body, headers = multipart(("f", "a.bin", b"x" * 1_000_000))
    address = urlsplit(client.url)
    token = (service.data_dir / "token").read_text().strip()
    head = (
        f"POST {path_url(conversation)}/files HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: {headers['Content-Type']}\r\n\r\n"
    )
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(head.encode() + body[: len(body) // 2])
    await writer.drain()
    await eventually(
        "a part of it comes",
        lambda: inputs.is_dir() and any(file.stat().st_size for file in inputs.iterdir()),
    )
    service.kill()
    writer.close()
    left = [file.name for file in inputs.iterdir()]

    client = await service.start()
    listed = await client.get(f"{path_url(conversation)}/files")

    assert [name[-5:] for name in left] == [".part"]
    assert listed["files"] == []
    assert list(inputs.iterdir()) == []


async def test_an_upload_in_pieces_goes_on_after_a_kill(service):
    client = await service.start()
    conversation = (await client.post("/api/v1/conversations", {}))["id"]
    content = bytes(range(256)) * 8000
    token = (service.data_dir / "token").read_text().strip()
    common = {"Tus-Resumable": "1.0.0", "Authorization": f"Bearer {token}"}

    async def call(method, path, body=None, **headers):
        request = HTTPRequest(
            client.url + path,
            method=method,
            body=body,
            headers={**common, **headers},
            allow_nonstandard_methods=True,
        )
        return await AsyncHTTPClient().fetch(request, raise_error=False)

    name = base64.b64encode(b"a.bin").decode()
    begun = await call(
        "POST",
        f"{path_url(conversation)}/uploads",
        b"",
        **{"Upload-Length": str(len(content)), "Upload-Metadata": f"filename {name}"},
    )
    upload = begun.headers["Location"]
    address = urlsplit(client.url)
    head = (
        f"PATCH {upload} HTTP/1.1\r\nHost: {address.netloc}\r\nUpload-Offset: 0\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {len(content)}\r\n"
        "Tus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\n\r\n"
    )
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(head.encode() + content[: len(content) // 2])
    await writer.drain()
    home = service.data_dir / "conversations" / conversation / "main"
    await eventually(
        "a part of it comes",
        lambda: any(part.stat().st_size for part in home.glob("uploads/*.part")),
    )
    service.kill()
    writer.close()

    client = await service.start()
    offset = int((await call("HEAD", upload)).headers["Upload-Offset"])
    kind = "application/offset+octet-stream"
    ended = await call(
        "PATCH", upload, content[offset:], **{"Upload-Offset": str(offset), "Content-Type": kind}
    )
    listed = (await client.get(f"{path_url(conversation)}/files"))["files"]

    assert 0 < offset < len(content)
    assert ended.code == 204
    assert [file["name"] for file in listed] == ["inputs/a.bin"]
    assert await client.download(listed[0]["url"]) == content
