"""Checkpoints of ranges of the workbook open in Excel: made and put back by the pane."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from typing import Any, ClassVar

from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.errors import Conflict, HistoryOff
from kernel_gateway.http.handlers.history import delete_checkpoints
from kernel_gateway.http.json_handler import JsonHandler
from kernel_gateway.http.operations import operation
from kernel_gateway.http.schemas.requests import NewRangeCheckpoint
from kernel_gateway.http.schemas.responses import history as models
from notebooks.errors import BlobError, CheckpointNotFound
from notebooks.history.checkpoints import Checkpoint, Present

CONTENT = "range.json"
MOST_LISTED = 200


class RangesHandler(JsonHandler):
    """``…/history/ranges``: list them, make one, delete all."""

    scopes: ClassVar = {"DELETE": "undo"}

    @operation("List the checkpoints of ranges in Excel", returns={200: models.RangeHistory})
    async def get(self, conversation_id: str, path: str) -> None:
        opened = await self.services.contexts.open(await self.path_key(conversation_id, path))
        made = await asyncio.to_thread(lambda: list(opened.ranges.all()))
        listed = [_summary(each) for each in made[::-1][:MOST_LISTED]]
        self.write_json(200, {"enabled": opened.ranges.enabled, "checkpoints": listed})

    @operation(
        "Keep what a range in Excel holds, before it is changed",
        body=NewRangeCheckpoint,
        returns={201: models.RangeCheckpoint},
    )
    async def post(self, conversation_id: str, path: str) -> None:
        body = self.json_body(NewRangeCheckpoint)
        key = await self.path_key(conversation_id, path, to_change=True)
        turn = None
        if body.request is not None:
            turn = self.services.panes.turn_waiting(key, self.identity.user, body.request)
            if turn is None:
                raise Conflict("The request has ended: nothing is to be changed for it any more.")
        opened = await self.services.contexts.open(key)
        if not opened.ranges.enabled:
            raise HistoryOff
        made = await asyncio.to_thread(_add, opened, body, turn)
        if made.not_kept:
            raise Conflict(f"It could not be kept: {made.not_kept[CONTENT]}.")
        self.write_json(201, _summary(made))

    @operation("Delete all checkpoints of ranges", returns={200: models.CheckpointsGone})
    async def delete(self, conversation_id: str, path: str) -> None:
        key = await self.path_key(conversation_id, path, to_change=True)
        opened = await self.services.contexts.open(key)
        await delete_checkpoints(self, key, opened.ranges, None)


class RangeHandler(JsonHandler):
    """``…/history/ranges/{checkpoint}``: what it held; delete it."""

    scopes: ClassVar = {"DELETE": "undo"}

    @operation("Get what a range held", returns={200: models.RangeCheckpointContent})
    async def get(self, conversation_id: str, path: str, checkpoint: str) -> None:
        opened = await self.services.contexts.open(await self.path_key(conversation_id, path))
        self.write_json(200, await asyncio.to_thread(_detail, opened, checkpoint))

    @operation("Delete a checkpoint of a range", returns={200: models.CheckpointsGone})
    async def delete(self, conversation_id: str, path: str, checkpoint: str) -> None:
        key = await self.path_key(conversation_id, path, to_change=True)
        opened = await self.services.contexts.open(key)
        await delete_checkpoints(self, key, opened.ranges, checkpoint)


def _add(path: OpenPath, body: NewRangeCheckpoint, turn: str | None) -> Checkpoint:
    content = json.dumps(body.content, ensure_ascii=False).encode("utf-8", "surrogatepass")
    sha256 = hashlib.sha256(content).hexdigest()
    present = Present(
        hashes={CONTENT: sha256}, sizes={CONTENT: len(content)}, open=lambda _: io.BytesIO(content)
    )
    about = body.about.model_dump()
    made, _ = path.ranges.add(present, turn=turn, cell=body.request, about=about)
    return made


def _summary(made: Checkpoint) -> dict[str, Any]:
    about = {name: made.about.get(name, "") for name in ("workbook", "sheet", "address", "tool")}
    return {
        "id": made.id,
        "at": made.at,
        "turn": made.turn,
        "request": made.cell,
        "size": made.size,
        **about,
    }


def _detail(path: OpenPath, checkpoint: str) -> dict[str, Any]:
    made = path.ranges.get(checkpoint)
    if CONTENT not in made.files:
        raise CheckpointNotFound(checkpoint)
    kept = io.BytesIO()
    try:
        path.blobs.copy(made.files[CONTENT].sha256, kept)
    except BlobError:
        return {**_summary(made), "content": None}
    return {**_summary(made), "content": json.loads(kept.getvalue())}
