"""Paths of a conversation: branch, list, merge; and their execution contexts."""

from __future__ import annotations

from kernel_gateway.errors import BadRequest, NotFound
from kernel_gateway.http.json_handler import JsonHandler
from kernel_gateway.http.operations import operation
from kernel_gateway.http.render import context_to_json, path_to_json, turn_to_json
from kernel_gateway.http.schemas.requests import MergeRequest, NewPath
from kernel_gateway.http.schemas.responses import conversations as models
from kernel_gateway.http.schemas.responses.turns import TurnReply
from kernel_gateway.ids import is_id


class PathsHandler(JsonHandler):
    """``…/paths``: list a conversation's paths, branch off a new one."""

    @operation("List a conversation's paths", returns={200: models.Paths})
    async def get(self, conversation_id: str) -> None:
        row = await self.conversation(conversation_id)
        paths = await self.services.repository.conversations.paths(row.tenant, row.id)
        self.write_json(200, {"paths": [path_to_json(path) for path in paths]})

    @operation("Branch off a path", body=NewPath, returns={201: models.NewBranch})
    async def post(self, conversation_id: str) -> None:
        body = self.json_body(NewPath)
        if body.source_turn_id is not None and not is_id(body.source_turn_id):
            raise NotFound("turn", body.source_turn_id)
        source = await self.path_key(conversation_id, body.source_path)
        branch = await self.services.branches.branch(
            source, body.name, body.source_turn_id, self.identity.user
        )
        self.write_json(201, {**path_to_json(branch.row), "files_to_remake": branch.to_remake})


class PathHandler(JsonHandler):
    """``…/paths/{p}``: one path, with its last sequence number."""

    @operation("Look at a path", returns={200: models.PathDetail})
    async def get(self, conversation_id: str, path: str) -> None:
        key = await self.path_key(conversation_id, path)
        row = await self.services.repository.conversations.path(key)
        last = await self.services.events.last_seq(key)
        self.write_json(200, {**path_to_json(row), "last_seq": last})


class MergeHandler(JsonHandler):
    """``…/paths/{p}/merge``: merge a branch into another path."""

    @operation("Merge a branch into another path", body=MergeRequest, returns={200: TurnReply})
    async def post(self, conversation_id: str, path: str) -> None:
        body = self.json_body(MergeRequest)
        source = await self.path_key(conversation_id, path, to_change=True)
        target = await self.path_key(conversation_id, body.into, to_change=True)
        if source.path == "main":
            raise BadRequest("Path 'main' can't be merged away; merge the branch into it.")
        turn = await self.services.branches.merge(
            source, target.path, body.mode, self.identity.user
        )
        self.write_json(200, await turn_to_json(turn, self.services))


class ContextHandler(JsonHandler):
    """``…/paths/{p}/context``: look at, start or end a path's execution context."""

    @operation("Look at a path's execution context", returns={200: models.Context})
    async def get(self, conversation_id: str, path: str) -> None:
        key = await self.path_key(conversation_id, path)
        context = await self.services.contexts.context(key)
        if context is None:
            raise NotFound("execution context of path", path)
        self.write_json(200, context_to_json(context))

    @operation("Start a path's kernel if there is none", returns={200: models.Context})
    async def post(self, conversation_id: str, path: str) -> None:
        key = await self.path_key(conversation_id, path, to_change=True)
        context = await self.services.contexts.get_or_create(key)
        self.write_json(200, context_to_json(context))

    @operation("End a path's kernel; files and notebook stay", returns={200: models.Context})
    async def delete(self, conversation_id: str, path: str) -> None:
        key = await self.path_key(conversation_id, path)
        await self.services.turns.cancel(key)
        context = await self.services.contexts.terminate(key)
        if context is None:
            raise NotFound("execution context of path", path)
        self.write_json(200, context_to_json(context))
