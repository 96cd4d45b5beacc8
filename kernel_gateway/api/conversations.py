"""Conversations."""

from __future__ import annotations

from kernel_gateway.api.json_handler import JsonHandler
from kernel_gateway.api.render import conversation_to_json
from kernel_gateway.api.schemas import NewConversation
from kernel_gateway.ids import MAIN_PATH

LISTED = 200


class ConversationsHandler(JsonHandler):
    """``/conversations``: create one, list them."""

    async def post(self) -> None:
        body = self.json_body(NewConversation)
        who, repository = self.identity, self.services.repository
        row = await repository.add_conversation(who.tenant, who.user, body.title)
        await repository.add_audit(who.tenant, who.user, "conversation.created", row.id, row.id)
        self.write_json(201, conversation_to_json(row))

    async def get(self) -> None:
        rows = await self.services.repository.conversations(self.identity.tenant, LISTED)
        self.write_json(200, {"conversations": [conversation_to_json(row) for row in rows]})


class ConversationHandler(JsonHandler):
    """``/conversations/{c}``: one conversation."""

    async def get(self, conversation_id: str) -> None:
        row = await self.conversation(conversation_id)
        last = await self.services.repository.last_seq(conversation_id, MAIN_PATH)
        self.write_json(200, {**conversation_to_json(row), "last_seq": last})
