"""A service that dies in the middle of an upload keeps nothing of it."""

import asyncio
from urllib.parse import urlsplit

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
