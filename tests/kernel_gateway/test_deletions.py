"""A conversation is deleted while it is used: all is answered, and nothing is left of it."""

import asyncio
import json
import os
import random
import subprocess

import pytest
from tornado.httpclient import HTTPClientError
from tornado.websocket import WebSocketClosedError

from kernel_gateway.conversations import data_rights
from kernel_gateway.ids import PathKey
from tests.raw_http import Raw, error_of, metrics, multipart
from tests.stored_rows import rows_by_table
from tests.waiting import eventually
from tests.websockets import open_websocket

ROUNDS = 15
TOGETHER = 8
WITHIN_SECONDS = 0.08
DELETED = 4404


class Conversation:
    """A conversation, and all that can be asked in it."""

    def __init__(self, running, made, kernel):
        self.running, self.raw, self.id, self.kernel = running, Raw(running), made, kernel
        self.url = f"/api/v1/conversations/{made}"

    async def upload(self):
        body, headers = multipart(("files", "a.csv", b"a,b\n1,2\n" * 1000))
        return (await self.raw("POST", f"{self.url}/paths/main/files", body, headers)).code

    async def execute(self):
        body = {"code": "open('outputs/z', 'w').write('z')", "conversation": self.id}
        return (await self.raw("POST", "/api/v1/execute", json.dumps(body))).code

    async def ask(self):
        body = json.dumps({"request": "anything"})
        return (await self.raw("POST", f"{self.url}/paths/main/turns", body)).code

    async def branch(self):
        body = json.dumps({"name": "b", "source_path": "main"})
        return (await self.raw("POST", f"{self.url}/paths", body)).code

    async def list_files(self):
        return (await self.raw("GET", f"{self.url}/paths/main/files")).code

    async def download_notebook(self):
        return (await self.raw("GET", f"{self.url}/paths/main/notebook")).code

    async def restart_kernel(self):
        return (await self.raw("POST", f"/api/kernels/{self.kernel}/restart", "")).code

    async def end_kernel(self):
        return (await self.raw("DELETE", f"/api/kernels/{self.kernel}")).code

    async def follow_events(self):
        return await self._until_closed(f"{self.url}/paths/main/events")

    async def follow_kernel(self):
        header = {"msg_id": "m", "msg_type": "execute_request", "session": "s", "version": "5.3"}
        header |= {"username": "", "date": "2026-01-01T00:00:00Z"}
        rest = {"parent_header": {}, "metadata": {}, "channel": "shell", "buffers": []}
        content = {"code": "import time; time.sleep(0.02)", "silent": False}
        message = json.dumps({"header": header, "content": content, **rest})
        return await self._until_closed(f"/api/kernels/{self.kernel}/channels", message)

    async def _until_closed(self, address, message=None):
        try:
            socket = await open_websocket(self.running.url + address, self.raw.headers)
        except HTTPClientError as refused:
            return refused.code
        try:
            if message is not None:
                await socket.write_message(message)
            while await asyncio.wait_for(socket.read_message(), 30) is not None:
                pass
        except WebSocketClosedError:
            pass
        finally:
            socket.close()
        return socket.close_code

    async def delete(self):
        return (await self.raw("DELETE", self.url)).code


async def begin(running, *, used):
    made = (await running.client.post("/api/v1/conversations", {}))["id"]
    repository = running.gateway.services.repository
    path = await repository.conversations.path(PathKey("local", made, "main"))
    conversation = Conversation(running, made, path.kernel_id)
    if used:
        assert await conversation.execute() == 200
    return conversation


async def test_whatever_is_asked_amid_a_deletion_is_answered_and_nothing_is_left(
    start_gateway, database_url
):
    running = await start_gateway([], database_url=database_url)
    services, chance = running.gateway.services, random.Random(7)
    answers = set()

    async def later(ask):
        await asyncio.sleep(chance.random() * WITHIN_SECONDS)
        answers.add((ask.__name__, await ask()))

    for number in range(ROUNDS):
        it = await begin(running, used=number % 2)
        kinds = [
            it.upload, it.execute, it.ask, it.branch, it.list_files, it.download_notebook,
            it.restart_kernel, it.end_kernel, it.follow_events, it.follow_kernel,
        ]  # fmt: skip
        asked = [chance.choice(kinds) for _ in range(TOGETHER)]
        await asyncio.gather(*map(later, [*asked, it.delete]))
        await eventually("no turn waits", lambda: not services.turns.depth())
        assert not running.home(it.id).parent.exists()

    left = await rows_by_table(running)
    assert {code for _, code in answers} <= {200, 201, 202, 204, 404, 409, DELETED}
    assert {name for name, rows in left.items() if rows} == {"audit"}
    assert not any(line["detail"] for line in left["audit"])
    assert services.contexts.live_kernels() == 0
    assert (await metrics(running))["tallybook_lost_outputs_total"] == 0


async def test_a_conversation_whose_files_can_not_be_removed_stays_in_the_list(
    start_gateway, monkeypatch
):
    if os.geteuid() != 0:
        pytest.skip("what can't be removed is a file system, which needs root to mount")
    monkeypatch.setattr(data_rights, "REMOVAL_TRIES", 2)
    running = await start_gateway([])
    it = await begin(running, used=True)
    held = running.home(it.id) / "workspace" / "outputs"
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", held], check=True)
    try:
        refused = await it.raw("DELETE", it.url)
        listed = await it.raw("GET", it.url)
    finally:
        subprocess.run(["umount", held], check=True)
    again = await it.raw("DELETE", it.url)

    assert (refused.code, error_of(refused)["code"]) == (503, "deletion-incomplete")
    assert listed.code == 200
    assert again.code == 200
    assert not running.home(it.id).parent.exists()
