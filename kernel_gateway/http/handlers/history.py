"""The checkpoints of a path: list, look at, restore, delete; undo requests."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from agent.cells.file_hashes import FileHashes
from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.errors import BadRequest
from kernel_gateway.http.json_handler import JsonHandler
from kernel_gateway.http.operations import Query, operation
from kernel_gateway.http.problems import problem_of_turn
from kernel_gateway.http.render import turn_to_json
from kernel_gateway.http.schemas.requests import RestoreRequest, UndoBody
from kernel_gateway.http.schemas.responses import history as models
from kernel_gateway.http.schemas.responses.turns import TurnReply
from kernel_gateway.ids import PathKey
from kernel_gateway.store.audit import audit_line
from kernel_gateway.turns.undo_target import UndoRequest
from notebooks.errors import CheckpointNotFound
from notebooks.history.checkpoints import Checkpoint, Checkpoints
from notebooks.history.plan import Changes, changes, plan_restore, with_changes

DELETED = "history.deleted"
MOST_LISTED, MOST_NAMES = 500, 200
TEXT = {"type": "string"}
LIST_QUERY = (
    Query(name="file", schema=TEXT, help="Only where a file with this in its name changed."),
    Query(name="turn", schema=TEXT, help="Only those made during this turn."),
    Query(name="after", schema=TEXT, help="Only later ones; ISO 8601."),
    Query(name="before", schema=TEXT, help="Only earlier ones; ISO 8601."),
    Query(
        name="limit",
        schema={"type": "integer", "minimum": 1, "maximum": MOST_LISTED},
        help="How many; 100 without it.",
    ),
)  # fmt: skip


class HistoryHandler(JsonHandler):
    """``…/history``: list the checkpoints, delete all of them."""

    @operation(
        "List the checkpoints, the newest first", query=LIST_QUERY, returns={200: models.History}
    )
    async def get(self, conversation_id: str, path: str) -> None:
        key = await self.path_key(conversation_id, path)
        limit = self.int_argument("limit", 100, low=1, high=MOST_LISTED) or 100
        file = self.get_query_argument("file", "").casefold()
        turn = self.get_query_argument("turn", "")
        after, before = self._time("after"), self._time("before")
        opened = await self.services.contexts.open(key)

        def chosen() -> list[dict[str, Any]]:
            found = []
            for made, changed in with_changes(opened.checkpoints.all()):
                at = datetime.fromisoformat(made.at)
                if (
                    (not turn or made.turn == turn)
                    and (after is None or at > after)
                    and (before is None or at < before)
                    and (not file or any(file in name.casefold() for name in changed.names))
                ):
                    found.append(summary(made, changed))
            return found[::-1][:limit]

        listed = await asyncio.to_thread(chosen)
        self.write_json(200, {"enabled": opened.checkpoints.enabled, "checkpoints": listed})

    def _time(self, name: str) -> datetime | None:
        text = self.get_query_argument(name, "")
        if not text:
            return None
        try:
            at = datetime.fromisoformat(text.replace(" ", "+"))  # "+" in an address is a blank
        except ValueError:
            raise BadRequest(f"{name}={text[:40]!r} is not a time in ISO 8601.") from None
        return at if at.tzinfo is not None else at.replace(tzinfo=UTC)

    @operation("Delete all checkpoints of a path", returns={200: models.CheckpointsGone})
    async def delete(self, conversation_id: str, path: str) -> None:
        key = await self.path_key(conversation_id, path, to_change=True)
        opened = await self.services.contexts.open(key)
        await asyncio.to_thread(opened.snapshots.clear)  # they hold what the files held
        await delete_checkpoints(self, key, opened.checkpoints, None)


class CheckpointHandler(JsonHandler):
    """``…/history/{checkpoint}``: one checkpoint, and what restoring it would do."""

    @operation("Look at a checkpoint", returns={200: models.CheckpointDetail})
    async def get(self, conversation_id: str, path: str, checkpoint: str) -> None:
        key = await self.path_key(conversation_id, path)
        opened = await self.services.contexts.open(key)
        self.write_json(200, await asyncio.to_thread(detail, opened, checkpoint))

    @operation("Delete a checkpoint", returns={200: models.CheckpointsGone})
    async def delete(self, conversation_id: str, path: str, checkpoint: str) -> None:
        key = await self.path_key(conversation_id, path, to_change=True)
        opened = await self.services.contexts.open(key)
        await delete_checkpoints(self, key, opened.checkpoints, checkpoint)


class RestoreHandler(JsonHandler):
    """``…/history/{checkpoint}/restore``: put files back; variables stay."""

    scopes: ClassVar = {"POST": "undo"}

    @operation(
        "Put files back as a checkpoint has them",
        body=RestoreRequest,
        returns={200: TurnReply},
    )
    async def post(self, conversation_id: str, path: str, checkpoint: str) -> None:
        body = self.json_body(RestoreRequest)
        key = await self.path_key(conversation_id, path, to_change=True)
        files = None if body.files is None else tuple(body.files)
        await run_undo(
            self, key, UndoRequest(checkpoint=checkpoint, files=files, confirm=body.confirm)
        )


class UndoHandler(JsonHandler):
    """``…/history/undo``: undo requests, files and variables together."""

    scopes: ClassVar = {"POST": "undo"}

    @operation("Undo requests: files and variables", body=UndoBody, returns={200: TurnReply})
    async def post(self, conversation_id: str, path: str) -> None:
        body = self.json_body(UndoBody)
        if body.to is not None and body.turn is not None:
            raise BadRequest("Name either 'to' or 'turn', not both.")
        key = await self.path_key(conversation_id, path, to_change=True)
        files = None if body.files is None else tuple(body.files)
        asked = UndoRequest(to=body.to, turn=body.turn, files=files, confirm=body.confirm)
        await run_undo(self, key, asked)


async def run_undo(handler: JsonHandler, key: PathKey, asked: UndoRequest) -> None:
    """Run *asked* as a turn of its path and send its result, or the error it ended with."""
    services = handler.services
    turn = await services.turns.start(
        key, handler.identity.user, kind="undo", request=asked.to_json()
    )
    answered = await services.turns.answered(turn)
    if answered.error is not None:
        handler.write_problem(problem_of_turn(answered.error))
        return
    handler.write_json(200, await turn_to_json(answered, services))


async def delete_checkpoints(
    handler: JsonHandler, key: PathKey, checkpoints: Checkpoints, checkpoint: str | None
) -> None:
    """Delete one of *checkpoints*, or all; emit the event and write the audit line.

    Raises:
        CheckpointNotFound: There is no such checkpoint.
    """
    services, user = handler.services, handler.identity.user
    ids = None if checkpoint is None else {checkpoint}
    deleted, freed = await asyncio.to_thread(checkpoints.delete, ids)
    if checkpoint is not None and not deleted:
        raise CheckpointNotFound(checkpoint)
    if deleted:
        facts = {"user": user, "checkpoints": deleted, "freed": freed}
        line = audit_line(
            key.tenant, user, DELETED, key.path, key.conversation, checkpoints=deleted, freed=freed
        )
        await services.events.append(key, DELETED, facts, None, add=[line])
    handler.write_json(200, {"deleted": deleted, "freed": freed})


def summary(made: Checkpoint, changed: Changes) -> dict[str, Any]:
    """Render a checkpoint as a list shows it; names are cut off after `MOST_NAMES`."""
    return {
        "id": made.id,
        "at": made.at or None,
        "turn": made.turn,
        "cell": made.cell,
        "reason": made.reason,
        "files": len(made.files),
        "size": made.size,
        "added": _some(changed.added),
        "changed": _some(changed.changed),
        "removed": _some(changed.removed),
        "not_kept": [{"name": n, "reason": why} for n, why in _some(made.not_kept.items())],
    }


def _some(values: Any) -> list[Any]:
    listed: Sequence[Any] = list(values)
    return list(listed[:MOST_NAMES])


def detail(path: OpenPath, checkpoint: str) -> dict[str, Any]:
    """Render one checkpoint, its files, and what restoring it would do now. Blocks."""
    made = path.checkpoints.get(checkpoint)
    every = with_changes(path.checkpoints.all())
    changed = next((c for other, c in every if other.id == made.id), changes({}, made.hashes))
    hashes = FileHashes()  # not the path's own: a cell may be writing the files just now
    current = hashes.snapshot(path.workspace)[0]
    sizes = hashes.sizes()
    plan = plan_restore(made.hashes, current, path.blobs.__contains__)

    def change(name: str) -> dict[str, Any]:
        then = made.files.get(name)
        return {
            "name": name,
            "size_now": sizes.get(name),
            "size_then": None if then is None else then.size,
        }

    return {
        **summary(made, changed),
        "contents": [
            {
                "name": name,
                "size": state.size,
                "sha256": state.sha256,
                "kept": state.sha256 in path.blobs,
            }
            for name, state in sorted(made.files.items())
        ],
        "would_write": [change(name) for name in plan.write],
        "would_remove": [change(name) for name in plan.remove],
        "would_not_restore": [{"name": n, "reason": w} for n, w in plan.unavailable.items()],
    }
