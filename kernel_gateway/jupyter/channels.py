"""``/api/kernels/{id}/channels``: a kernel's four channels on one websocket."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Awaitable

from tornado.websocket import WebSocketClosedError

from kernel_gateway.channels import synthetic_messages as answers
from kernel_gateway.channels.kernel_channels import KernelChannels
from kernel_gateway.channels.message_policy import MALFORMED
from kernel_gateway.channels.replies import UnsentReplies
from kernel_gateway.channels.views import frames_of
from kernel_gateway.channels.wire_format import (
    V1,
    Message,
    MessageMalformed,
    decode,
    encode,
)
from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.errors import GatewayError
from kernel_gateway.http.problems import problem_from_error
from kernel_gateway.http.websocket import GatewaySocket, sequence_number
from kernel_gateway.ids import PathKey
from kernel_gateway.jupyter.handler import find_kernel
from kernel_gateway.turns.queue import ServiceError

NOT_READ = 1008
"""Close code: policy violation. Source: RFC 6455, section 7.4.1."""


class ChannelsSocket(GatewaySocket):
    """Sends iopub messages from the path's event log, and replies as they arrive.

    A client that reconnects with its ``session_id`` continues where it was. Any client can
    choose the start with ``after``, a sequence number of the event log.
    """

    _key: PathKey
    _kernel_channels: KernelChannels
    _path: OpenPath

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        return V1 if V1 in subprotocols else None

    async def prepare(self) -> None:
        """Check token, kernel and arguments before the upgrade."""
        try:
            await self.check_caller("run", query_token=True)
            self._key = await find_kernel(self, self.path_args[0])
            self.session_id = self.get_query_argument("session_id", "")[:200] or uuid.uuid4().hex
            named = self.get_query_argument("after", None)
            after = None if named is None else sequence_number(named)
            await self.services.contexts.get_or_create(self._key)
            self._path = await self.services.contexts.open(self._key)
            self._kernel_channels = await self.services.channels.get(self._key)
            self._after = await self._where_to_go_on(after)
        except ServiceError as error:
            problem = problem_from_error(error)
            self.refuse(problem, message=problem.message)

    async def _where_to_go_on(self, named: int | None) -> int:
        if named is not None:
            return named
        left = self._kernel_channels.cursors.get(self.session_id)
        return left if left is not None else await self.services.events.last_seq(self._key)

    def open(self, *args: str, **kwargs: str) -> None:
        self.services.telemetry.websockets.inc()
        self.set_nodelay(True)
        self._path.watchers += 1  # a kernel with a connected client does not expire
        self._replies = UnsentReplies(self.selected_subprotocol)
        self._senders = [
            self.services.events.start_following(self._send_published(self._after)),
            self.services.events.start_following(self._send_replies()),
        ]
        self._kernel_channels.join(self)
        self.close_when_expired()

    def deliver(self, message: Message) -> None:
        """Send a reply (see `kernel_gateway.channels.kernel_channels.Listener`).

        Disconnect a client that does not read its replies; it can reconnect and continue.
        """
        if not self._replies.put(message):
            self._kernel_channels.leave(self, self._replies.take())
            self.close(NOT_READ, "replies were not read")

    async def _send_replies(self) -> None:
        with contextlib.suppress(WebSocketClosedError):
            await self._replies.send_all(self.send_frame)

    async def _send_published(self, after: int) -> None:
        cursors = self._kernel_channels.cursors
        cursors.set(self.session_id, after)
        with contextlib.suppress(WebSocketClosedError):
            async for batch in self.services.events.follow(self._key, after):
                with self.sent_together():
                    for event in batch:
                        for frame in frames_of(event, self.selected_subprotocol):
                            await self.send_frame(frame)
                        cursors.set(self.session_id, event.seq)
            await self.part("the kernel was deleted")

    def on_message(self, message: str | bytes) -> Awaitable[None] | None:
        """Handle a frame; tornado awaits the result before it reads the next one.

        Not a coroutine: that would delay the start of a cell by a cycle of the event loop.
        """
        try:
            self.services.rate_limits.take(self.identity)
            decoded = decode(message, self.selected_subprotocol)
        except (MessageMalformed, GatewayError) as error:
            return self._complain(error)
        return self._kernel_channels.take(
            decoded, self.session_id, self.identity.user, len(message)
        )

    async def _complain(self, error: Exception) -> None:
        code = getattr(error, "code", MALFORMED)
        complaint = answers.complaint(code, f"The message was not understood: {error}.")
        with contextlib.suppress(WebSocketClosedError):
            await self.send_frame(encode(complaint, self.selected_subprotocol))

    def on_close(self) -> None:
        super().on_close()
        if not hasattr(self, "_senders"):
            return
        self.services.telemetry.websockets.dec()
        self._path.watchers -= 1
        for sender in self._senders:
            sender.cancel()
        self._kernel_channels.leave(self, self._replies.take())
