"""Conversations."""

from __future__ import annotations

from kernel_gateway.http.json_handler import JsonHandler
from kernel_gateway.http.operations import operation
from kernel_gateway.http.render import conversation_to_json
from kernel_gateway.http.schemas.requests import NewConversation, Rename
from kernel_gateway.http.schemas.responses import conversations as models
from kernel_gateway.ids import MAIN_PATH, PathKey

LISTED = 200


class ConversationsHandler(JsonHandler):
    """``/conversations``: create one, list them."""

    @operation("Create a conversation", body=NewConversation, returns={201: models.Conversation})
    async def post(self) -> None:
        body = self.json_body(NewConversation)
        who, repository = self.identity, self.services.repository
        row = await repository.conversations.add(who.tenant, who.user, body.title)
        self.write_json(201, conversation_to_json(row, [MAIN_PATH]))

    @operation("List the newest conversations", returns={200: models.Conversations})
    async def get(self) -> None:
        conversations = self.services.repository.conversations
        rows = await conversations.of(self.identity.tenant, None, LISTED)
        paths = await conversations.path_names(self.identity.tenant, [row.id for row in rows])
        self.write_json(
            200, {"conversations": [conversation_to_json(row, paths[row.id]) for row in rows]}
        )


class ConversationHandler(JsonHandler):
    """``/conversations/{c}``: one conversation."""

    @operation("Look at a conversation", returns={200: models.ConversationDetail})
    async def get(self, conversation_id: str) -> None:
        row = await self.conversation(conversation_id)
        conversations, tenant = self.services.repository.conversations, self.identity.tenant
        paths = await conversations.path_names(tenant, [row.id])
        last = await self.services.events.last_seq(PathKey(tenant, row.id, MAIN_PATH))
        mode = await self.services.modes.current(row.tenant, row.id)
        facts = {**conversation_to_json(row, paths[row.id]), "last_seq": last, "mode": mode.name}
        self.write_json(200, facts)

    @operation("Rename a conversation", body=Rename, returns={200: models.Conversation})
    async def patch(self, conversation_id: str) -> None:
        row = await self.conversation(conversation_id)
        title = self.json_body(Rename).title
        conversations = self.services.repository.conversations
        row = await conversations.rename(row.tenant, row.id, title, self.identity.user)
        paths = await conversations.path_names(row.tenant, [row.id])
        self.write_json(200, conversation_to_json(row, paths[row.id]))

    @operation("Delete a conversation with all that belongs to it", returns={200: models.Deleted})
    async def delete(self, conversation_id: str) -> None:
        row = await self.conversation(conversation_id)
        await self.services.data_rights.remove_conversation(row.tenant, row.id, self.identity.user)
        self.write_json(200, {"id": row.id, "deleted": True})
