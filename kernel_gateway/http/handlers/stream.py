"""The websocket of a path: sends events, receives requests."""

from __future__ import annotations

import contextlib
import json

from tornado.websocket import WebSocketClosedError

from agent.ports import OfficeReply
from kernel_gateway.errors import GatewayError, NotFound, UnknownEventKind
from kernel_gateway.http.handlers.turns import check_language
from kernel_gateway.http.json_handler import find_path, parse_json, validate
from kernel_gateway.http.problems import Problem, problem_from_error
from kernel_gateway.http.schemas.requests import (
    Cancel,
    ClientMessage,
    ExecuteRequest,
    OfficePaneMessage,
    OfficeReplyMessage,
    PermissionReplyMessage,
    TurnRequest,
)
from kernel_gateway.http.websocket import GatewaySocket, sequence_number
from kernel_gateway.identity.auth import EVENTS_PROTOCOL
from kernel_gateway.ids import PathKey
from kernel_gateway.turns.queue import ServiceError


class EventsSocket(GatewaySocket):
    """``…/events?after=SEQ``: replays every event after SEQ, then follows.

    An invalid message gets an ``error`` event without a sequence number, sent to this client
    alone; the connection stays open.
    """

    _key: PathKey

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        # Never the one that holds a token: the answer would repeat it.
        return EVENTS_PROTOCOL if EVENTS_PROTOCOL in subprotocols else None

    async def prepare(self) -> None:
        """Check the token and the path before the upgrade."""
        try:
            await self.check_caller("read")
            self._after = sequence_number(self.get_query_argument("after", "0"))
            self._key = await find_path(
                self.services, self.identity, *self.path_args, to_change=False
            )
        except GatewayError as error:
            self.refuse(problem_from_error(error))

    async def open(self, *args: str, **kwargs: str) -> None:
        self.services.telemetry.websockets.inc()
        self.set_nodelay(True)  # Nagle's algorithm can delay each small event by 40 ms
        self._sender = self.services.events.start_following(self._send())
        self.close_when_expired()

    async def _send(self) -> None:
        events = self.services.events.follow(self._key, self._after)
        with contextlib.suppress(WebSocketClosedError):
            async for batch in events:
                with self.sent_together():
                    for event in batch:
                        await self.send_frame(event.json())
            await self.part("the path was deleted")

    async def on_message(self, message: str | bytes) -> None:
        try:
            if isinstance(message, bytes):
                raise UnknownEventKind("Messages are JSON text, not binary.")
            await self._take(parse_json(message.encode("utf-8", "surrogatepass"), ClientMessage))
        except ServiceError as error:
            await self._refuse(problem_from_error(error))

    async def _take(self, message: ClientMessage) -> None:
        fields, services, who = message.fields(), self.services, self.identity
        who.check("run")
        services.rate_limits.take(who)
        if message.kind == "turn.request":
            request = validate(fields, TurnRequest).request
            await services.turns.start(
                await self._to_change(), who.user, kind="turn", request=request
            )
        elif message.kind == "execute.request":
            execute = validate(fields, ExecuteRequest)
            check_language(execute.language)
            await services.turns.start(
                await self._to_change(),
                who.user,
                kind="execute",
                request=execute.code,
                language=execute.language,
            )
        elif message.kind == "permission.reply":
            reply = validate(fields, PermissionReplyMessage)
            await self._check_permission(reply.id)
            await services.approvals.decide(
                who.tenant, reply.id, reply.decision, who.user, reply.ends_at
            )
        elif message.kind == "office.pane":
            pane = validate(fields, OfficePaneMessage)
            services.panes.join(
                self._key,
                who.user,
                self,
                pane=pane.pane,
                workbook=pane.workbook.model_dump(),
                tools=frozenset(pane.tools),
            )
        elif message.kind == "office.reply":
            self._take_reply(validate(fields, OfficeReplyMessage))
        elif message.kind == "cancel":
            await services.turns.cancel(self._key, validate(fields, Cancel).turn)
        else:
            raise UnknownEventKind(f"Messages of kind {message.kind[:60]!r} are not understood.")

    def _take_reply(self, reply: OfficeReplyMessage) -> None:
        error = reply.error.model_dump() if reply.error is not None else None
        found = OfficeReply(result=reply.result, error=error)
        self.services.panes.reply(self._key, self.identity.user, reply.id, found)

    async def _check_permission(self, permission: str) -> None:
        permissions = self.services.repository.permissions
        row = await permissions.get(self.identity.tenant, permission)
        if row.conversation != self._key.conversation:
            raise NotFound("permission request", permission)

    async def _to_change(self) -> PathKey:
        _, conversation, path = self._key
        return await find_path(self.services, self.identity, conversation, path, to_change=True)

    async def _refuse(self, problem: Problem) -> None:
        event = {"seq": None, "kind": "error", "turn": None, "data": problem.body()}
        with contextlib.suppress(WebSocketClosedError):
            await self.write_message(json.dumps(event))

    def on_close(self) -> None:
        super().on_close()
        if key := getattr(self, "_key", None):
            self.services.panes.leave(key, self)
        if sender := getattr(self, "_sender", None):
            sender.cancel()
            self.services.telemetry.websockets.dec()
