"""A Jupyter client of the tests' own: the messages as they are on the wire."""

from __future__ import annotations

import asyncio
import json
import uuid

from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1

from kernel_gateway.channels.wire_format import encode
from tests.raw_http import Raw
from tests.websockets import open_websocket


async def new_kernel(running):
    """Return the id of a kernel that is made as Jupyter's clients make one."""
    response = await Raw(running)("POST", "/api/kernels", "{}")
    assert response.code == 201, response.body
    return json.loads(response.body)["id"]


class Client:
    """A Jupyter client: a session id, a websocket, and what came over it."""

    def __init__(self, running, kernel, session=None):
        self.running, self.kernel = running, kernel
        self.session = session or uuid.uuid4().hex
        self.messages = []

    async def connect(self, query="", protocols=None, token=None):
        self.socket = await open_websocket(
            f"{self.running.url}/api/kernels/{self.kernel}/channels?session_id={self.session}{query}",
            {"Authorization": f"token {token or self.running.token}"},
            subprotocols=protocols,
        )
        self.protocol = self.socket.selected_subprotocol
        return self

    async def send(self, kind, content, channel="shell", **header):
        message_id = uuid.uuid4().hex
        header = {"msg_id": message_id, "msg_type": kind, "session": self.session,
                  "username": "u", "version": "5.4", "date": "2020-01-01T00:00:00Z", **header}  # fmt: skip
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content,
                   "channel": channel, "buffers": []}  # fmt: skip
        frame = encode(message, self.protocol)
        await self.socket.write_message(frame, binary=isinstance(frame, bytes))
        return message_id

    async def execute(self, code, **content):
        asked = {"code": code, "silent": False, "store_history": True, "user_expressions": {},
                 "allow_stdin": False, "stop_on_error": True, **content}  # fmt: skip
        return await self.send("execute_request", asked)

    async def next(self, seconds=30):
        async with asyncio.timeout(seconds):
            frame = await self.socket.read_message()
        if frame is None:
            self.socket.close()
        assert frame is not None, "the socket was closed"
        return self._keep(frame)

    def _keep(self, frame):
        message = json.loads(frame) if isinstance(frame, str) else read_v1(frame)
        self.messages.append(message)
        return message

    async def until(self, kind):
        """Read until a message of this type has come, and return it."""
        while (message := await self.next())["header"]["msg_type"] != kind:
            pass
        return message

    async def leave(self):
        """Close the socket; what still comes meanwhile is kept."""
        self.socket.close()
        while (frame := await self.socket.read_message()) is not None:
            self._keep(frame)

    async def until_done(self, message_id):
        """Read until both the reply and the idle status of a request have come."""
        while True:
            about = [m for m in self.messages if m["parent_header"].get("msg_id") == message_id]
            replies = [m for m in about if m["header"]["msg_type"].endswith("_reply")]
            if replies and any(m["content"].get("execution_state") == "idle" for m in about):
                return replies[0]["content"]
            await self.next()

    def printed(self, message_id=None):
        return "".join(
            m["content"]["text"] for m in self.messages
            if m["header"]["msg_type"] == "stream"
            and message_id in (None, m["parent_header"].get("msg_id"))
        )  # fmt: skip

    def published(self):
        return [m["header"]["msg_id"] for m in self.messages if m["channel"] == "iopub"]


def read_v1(frame):
    channel, parts = deserialize_msg_from_ws_v1(frame)
    names = ("header", "parent_header", "metadata", "content")
    return {**{n: json.loads(p) for n, p in zip(names, parts[:4], strict=True)}, "channel": channel}
