"""Turns over plain HTTP: execute, execute-task, state, permission replies, grants, audit."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, ClassVar

from tornado.web import stream_request_body

from agent.permission.network import what_always_covers
from container.kernel.languages import KERNEL_OF
from kernel_gateway.cluster.asking import ask_node
from kernel_gateway.cluster.routing import FROM_NODE
from kernel_gateway.errors import BadRequest, NodeUnreachable, NotFound, UnsupportedLanguage
from kernel_gateway.http.handlers.files import UploadingHandler
from kernel_gateway.http.json_handler import JsonHandler
from kernel_gateway.http.operations import FILES, Query, operation
from kernel_gateway.http.problems import problem_from_error
from kernel_gateway.http.render import turn_summary, turn_to_json
from kernel_gateway.http.schemas.requests import (
    Cancel,
    ExecuteRequest,
    PermissionReply,
    Rating,
    TurnRequest,
)
from kernel_gateway.http.schemas.responses import turns as models
from kernel_gateway.http.schemas.responses.service import AuditList
from kernel_gateway.ids import MAIN_PATH, PathKey, is_id
from kernel_gateway.store.tables import GrantRow, TurnRow

TEXT = {"type": "string"}
TASK_QUERY = (
    Query(name="conversation", schema=TEXT, help="Whose; a new one without it."),
    Query(name="path", schema=TEXT, help="Which path of it; main without it."),
)
AUDIT_QUERY = (
    Query(
        name="limit",
        schema={"type": "integer", "minimum": 1, "maximum": 500},
        help="How many lines; 100 without it.",
    ),
    Query(
        name="before",
        schema={"type": "integer", "minimum": 1, "maximum": 2**53},
        help="Only lines with a lower id.",
    ),
    Query(name="conversation", schema=TEXT, help="Only lines about this conversation."),
)
AUDIT_LISTED = 500


def check_language(language: str) -> None:
    """Raise `UnsupportedLanguage` unless kernels can run *language*."""
    if language not in KERNEL_OF:
        known = ", ".join(KERNEL_OF)
        raise UnsupportedLanguage(f"Language {language[:40]!r} is not available; use {known}.")


class ExecuteHandler(JsonHandler):
    """``/execute``: run code in an existing or a new conversation, and wait for its end."""

    @operation(
        "Run code and wait for its end", body=ExecuteRequest, returns={200: models.TurnReply}
    )
    async def post(self) -> None:
        body = self.json_body(ExecuteRequest)
        check_language(body.language)
        who, services = self.identity, self.services
        if body.conversation is None:
            row = await services.repository.conversations.add(who.tenant, who.user, "Code")
            key = PathKey(who.tenant, row.id, MAIN_PATH)
        else:
            if url := await self._elsewhere(body.conversation):
                await self._ask(url)
                return
            key = await self.path_key(body.conversation, body.path, to_change=True)
        turn = await services.turns.start(
            key, who.user, kind="execute", request=body.code, language=body.language
        )
        answered = await services.turns.answered(turn)
        self.write_json(200, await turn_to_json(answered, services))

    async def _elsewhere(self, conversation: str) -> str | None:
        membership = self.services.membership
        return await membership.elsewhere(conversation) if membership is not None else None

    async def _ask(self, url: str) -> None:
        """Forward the request to the conversation's owner: the `Router` reads only the address."""
        if FROM_NODE in self.request.headers:
            raise NodeUnreachable(url)
        response = await ask_node(url, self.request, "POST", self.request.path, self.body)
        self.write_json(response.code, json.loads(response.body))


@stream_request_body
class ExecuteTaskHandler(UploadingHandler):
    """``/execute-task``: send a request and its files in one call, and wait for the answer."""

    async def prepare(self) -> None:
        await super().prepare()
        if self.request.method != "POST":
            return
        who, services = self.identity, self.services
        kind = self.request.headers.get("Content-Type", "")
        if not kind.startswith("multipart/form-data"):
            raise BadRequest("The body must be multipart/form-data with a boundary.")
        wanted = self.get_query_argument("conversation", None)
        self.is_new = wanted is None
        if wanted is None:
            row = await services.repository.conversations.add(who.tenant, who.user, "Task")
            self.key = PathKey(who.tenant, row.id, MAIN_PATH)
        else:
            self.key = await self.path_key(
                wanted, self.get_query_argument("path", MAIN_PATH), to_change=True
            )
        self.open_path = await services.contexts.open(self.key)
        await self.start_upload()

    @operation(
        "Send a request and its files, and wait",
        form={
            "request": {"type": "string"},
            "files": FILES,
        },
        query=TASK_QUERY,
        returns={200: models.TurnReply},
    )
    async def post(self) -> None:
        services = self.services
        try:
            turn, described = await self._begin()
        except Exception:
            await self._take_back()
            raise
        if turn is None:
            await self._take_back()
            problem = problem_from_error(self.finish_upload().rejected[0][1])
            problem.details["rejected"] = described["rejected"]
            self.write_problem(problem)
            return
        answered = await services.turns.answered(turn)
        reply = await turn_to_json(answered, services)
        self.write_json(200, {**reply, "uploaded": described["files"]})

    async def _take_back(self) -> None:
        """Remove the conversation that was made for this call: nothing was asked in it."""
        if self.is_new:
            self._end_upload()
            await self.services.data_rights.remove_conversation(
                self.key.tenant, self.key.conversation, self.identity.user
            )

    async def _begin(self) -> tuple[TurnRow | None, dict[str, Any]]:
        """Keep the files and start the turn; return it, and what was uploaded.

        No turn is started if a file was rejected.
        """
        described = await self.describe_upload(self.key)
        upload = self.finish_upload()
        if upload.rejected:
            return None, described
        if "request" not in upload.fields:
            raise BadRequest("The form has no field 'request' with what should be done.")
        turn = await self.services.turns.start(
            self.key, self.identity.user, kind="turn", request=upload.fields["request"]
        )
        return turn, described


class PathTurnsHandler(JsonHandler):
    """``…/turns``: start a turn without waiting for it; list the path's turns."""

    @operation(
        "Start a turn without waiting for it", body=TurnRequest, returns={202: models.TurnReply}
    )
    async def post(self, conversation_id: str, path: str) -> None:
        body = self.json_body(TurnRequest)
        key = await self.path_key(conversation_id, path, to_change=True)
        turn = await self.services.turns.start(
            key, self.identity.user, kind="turn", request=body.request
        )
        self.write_json(202, await turn_to_json(turn, self.services))

    @operation("List a path's turns", returns={200: models.Turns})
    async def get(self, conversation_id: str, path: str) -> None:
        rows = await self.services.repository.turns.of_path(
            await self.path_key(conversation_id, path)
        )
        self.write_json(200, {"turns": [turn_summary(row) for row in rows]})


class PathCancelHandler(JsonHandler):
    """``…/cancel``: cancel one turn of a path, or all."""

    @operation("Cancel one turn of a path, or all", body=Cancel, returns={202: models.Cancelled})
    async def post(self, conversation_id: str, path: str) -> None:
        body = self.json_body(Cancel)
        key = await self.path_key(conversation_id, path)
        cancelled = await self.services.turns.cancel(key, body.turn)
        self.write_json(202, {"cancelled": cancelled})


class TurnHandler(JsonHandler):
    """``/turns/{t}``: the state of a turn."""

    @operation("Look where a turn stands", returns={200: models.TurnReply})
    async def get(self, turn_id: str) -> None:
        if not is_id(turn_id):
            raise NotFound("turn", turn_id)
        row = await self.services.repository.turns.get(self.identity.tenant, turn_id)
        self.write_json(200, await turn_to_json(row, self.services))


class RatingHandler(JsonHandler):
    """``/turns/{t}/rating``: thumbs up or down; the last one counts."""

    @operation("Rate a turn", body=Rating, returns={200: models.Rated})
    async def post(self, turn_id: str) -> None:
        body = self.json_body(Rating)
        if not is_id(turn_id):
            raise NotFound("turn", turn_id)
        who, turns = self.identity, self.services.repository.turns
        row = await turns.get(who.tenant, turn_id)
        await turns.change(
            who.tenant, row.id, rating=body.rating, rating_comment=body.comment or None
        )
        await self.services.repository.audit.add(
            who.tenant, who.user, "turn.rated", row.id, row.conversation, rating=body.rating
        )
        self.services.telemetry.ratings.labels(body.rating).inc()
        self.write_json(200, {"turn": row.id, "rating": body.rating})


class PermissionHandler(JsonHandler):
    """``/permissions/{p}``: reply to a permission request."""

    @operation("Reply to a permission request", body=PermissionReply, returns={200: models.Decided})
    async def post(self, permission_id: str) -> None:
        body = self.json_body(PermissionReply)
        who = self.identity
        decided = await self.services.approvals.decide(
            who.tenant, permission_id, body.decision, who.user, body.ends_at
        )
        poll = f"/api/v1/turns/{decided.turn}"
        self.write_json(200, {"id": decided.id, "decision": decided.decision, "poll": poll})


class GrantsHandler(JsonHandler):
    """``/grants``: the caller's standing permissions."""

    @operation("List one's standing permissions", returns={200: models.Grants})
    async def get(self) -> None:
        rows = await self.services.repository.permissions.grants(
            self.identity.tenant, self.identity.user
        )
        self.write_json(200, {"grants": [_grant(row) for row in rows]})


def _grant(row: GrantRow) -> dict[str, Any]:
    ends = None if row.expires_at is None else datetime.fromtimestamp(row.expires_at, UTC)
    return {
        "id": row.id,
        "capability": row.capability,
        "covers": what_always_covers(row.capability),
        "kind": row.capability.partition(":")[0],
        "created_at": row.created_at,
        "expires_at": None if ends is None else ends.isoformat(timespec="seconds"),
    }


class GrantHandler(JsonHandler):
    """``/grants/{g}``: revoke one."""

    @operation("Revoke a standing permission", returns={200: models.Revoked})
    async def delete(self, grant_id: str) -> None:
        who = self.identity
        await self.services.repository.permissions.revoke_grant(who.tenant, who.user, grant_id)
        await self.services.repository.audit.add(who.tenant, who.user, "grant.revoked", grant_id)
        self.write_json(200, {"id": grant_id, "revoked": True})


class AuditHandler(JsonHandler):
    """``/audit``: who did what, newest first."""

    scopes: ClassVar = {"GET": "audit"}

    @operation("List who did what", query=AUDIT_QUERY, returns={200: AuditList})
    async def get(self) -> None:
        limit = self.int_argument("limit", 100, low=1, high=AUDIT_LISTED)
        before = self.int_argument("before", None, low=1, high=2**53)
        conversation = self.get_query_argument("conversation", None)
        rows = await self.services.repository.audit.lines(
            self.identity.tenant, before=before, limit=limit or 100, conversation=conversation
        )
        entries = [
            {
                "id": row.id,
                "at": row.at,
                "user": row.user,
                "action": row.action,
                "conversation": row.conversation,
                "target": row.target,
                "detail": row.detail,
            }
            for row in rows
        ]
        self.write_json(200, {"audit": entries})
