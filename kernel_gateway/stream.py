"""The websocket of a path: events out, requests in."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from tornado.web import HTTPError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from kernel_gateway.api.json_handler import parse_json, validate
from kernel_gateway.api.schemas import (
    Cancel,
    ClientMessage,
    ExecuteRequest,
    PermissionReplyMessage,
    TurnRequest,
)
from kernel_gateway.api.turns import check_language
from kernel_gateway.auth import COOKIE, LOCAL, bearer_token, same_origin, token_matches
from kernel_gateway.errors import NotAuthenticated, NotFound, UnknownEventKind
from kernel_gateway.ids import MAIN_PATH, is_id
from kernel_gateway.problems import Problem, problem_from_error
from kernel_gateway.services import Services
from kernel_gateway.turns import ServiceError


class EventsSocket(WebSocketHandler):
    """``…/events?after=SEQ``: replays every event after SEQ, then follows.

    A message that can't be understood is answered with an ``error`` that has no
    sequence number, to this client alone; the connection stays open.
    """

    @property
    def services(self) -> Services:
        """The gateway's parts."""
        services: Services = self.application.settings["services"]
        return services

    def check_origin(self, origin: str) -> bool:
        return same_origin(self.request.headers)

    async def prepare(self) -> None:
        """Check the token and the path before the upgrade."""
        given = bearer_token(self.request.headers) or self.get_cookie(COOKIE)
        if given is None or not token_matches(given, self.services.token):
            raise HTTPError(401, reason="The access token is missing or wrong")
        conversation_id, path = self.path_args
        after = self.get_query_argument("after", "0")
        if not (after.isascii() and after.isdigit() and len(after) < 16):
            raise HTTPError(400, reason="after must be a sequence number")
        try:
            if not is_id(conversation_id) or path != MAIN_PATH:
                raise NotFound("path", path)
            await self.services.repository.conversation(LOCAL.tenant, conversation_id)
        except NotFound:
            raise HTTPError(404, reason="There is no such conversation") from None
        self._after = int(after)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = NotAuthenticated() if status_code == 401 else None
        known = problem_from_error(error) if error else Problem(
            status=status_code, code="bad-request" if status_code == 400 else "not-found",
            message=self._reason, hint="See docs/api.md.",
        )  # fmt: skip
        self.finish(json.dumps(known.body()))

    async def open(self, *args: str, **kwargs: str) -> None:
        self.set_nodelay(True)  # Nagle would hold each small event back for 40 ms
        self._conversation, self._path = args[0], args[1]
        self._sender = self.services.events.start_following(self._send())

    async def _send(self) -> None:
        events = self.services.events.follow(self._conversation, self._path, self._after)
        with contextlib.suppress(WebSocketClosedError):
            async for event in events:
                await self.write_message(json.dumps(event))

    async def on_message(self, message: str | bytes) -> None:
        try:
            if isinstance(message, bytes):
                raise UnknownEventKind("Messages are JSON text, not binary.")
            await self._take(parse_json(message.encode("utf-8", "surrogatepass"), ClientMessage))
        except ServiceError as error:
            await self._refuse(problem_from_error(error))

    async def _take(self, message: ClientMessage) -> None:
        fields = message.fields()
        services, where = self.services, (self._conversation, self._path)
        if message.kind == "turn.request":
            request = validate(fields, TurnRequest).request
            await services.turns.start(
                LOCAL.tenant, LOCAL.user, *where, kind="turn", request=request
            )
        elif message.kind == "execute.request":
            execute = validate(fields, ExecuteRequest)
            check_language(execute.language)
            await services.turns.start(
                LOCAL.tenant, LOCAL.user, *where, kind="execute", request=execute.code
            )
        elif message.kind == "permission.reply":
            reply = validate(fields, PermissionReplyMessage)
            row = await services.repository.permission(reply.id)
            await services.repository.conversation(LOCAL.tenant, row.conversation)
            await services.approvals.decide(reply.id, reply.decision, LOCAL.user)
        elif message.kind == "cancel":
            await services.turns.cancel(*where, validate(fields, Cancel).turn)
        else:
            raise UnknownEventKind(f"Messages of kind {message.kind[:60]!r} are not understood.")

    async def _refuse(self, problem: Problem) -> None:
        event = {"seq": None, "kind": "error", "turn": None, "data": problem.body()}
        with contextlib.suppress(WebSocketClosedError):
            await self.write_message(json.dumps(event))

    def on_close(self) -> None:
        if sender := getattr(self, "_sender", None):
            sender.cancel()
