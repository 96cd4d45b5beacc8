"""``…/batches``: several requests that belong together, in one call."""

from __future__ import annotations

from kernel_gateway.http.json_handler import JsonHandler
from kernel_gateway.http.operations import operation
from kernel_gateway.http.render import turn_to_json
from kernel_gateway.http.schemas.batches import Batch, BatchReply
from kernel_gateway.turns.batch import BatchRequest, start_batch


class BatchesHandler(JsonHandler):
    """Queue requests that depend on each other."""

    @operation(
        "Start several requests, each after those it depends on",
        body=Batch,
        returns={202: BatchReply},
    )
    async def post(self, conversation_id: str, path: str) -> None:
        body = self.json_body(Batch)
        key = await self.path_key(conversation_id, path, to_change=True)
        requests = [BatchRequest(each.id, each.text, tuple(each.after)) for each in body.requests]
        started = await start_batch(self.services.turns, key, self.identity.user, requests)
        turns = [{**await turn_to_json(row, self.services), "id": name} for name, row in started]
        self.write_json(202, {"turns": turns})
