"""Advice in words over plain HTTP: nothing is run and no kernel is started."""

from __future__ import annotations

import json
from typing import Any

from kernel_gateway.cluster.asking import ask_node
from kernel_gateway.cluster.routing import FROM_NODE
from kernel_gateway.errors import NodeUnreachable
from kernel_gateway.http.json_handler import JsonHandler
from kernel_gateway.http.operations import operation
from kernel_gateway.http.problems import problem_of_turn
from kernel_gateway.http.schemas.requests import ChatRequest
from kernel_gateway.http.schemas.responses import turns as models
from kernel_gateway.ids import MAIN_PATH, PathKey
from kernel_gateway.turns.outcome import key_of

TITLE_CHARACTERS = 60
CANCELLED = {
    "error": {
        "code": "cancelled",
        "message": "The request was cancelled before it was answered.",
        "hint": "Ask again.",
        "details": {},
    }
}


class ChatCompletionHandler(JsonHandler):
    """``/chat/completion``: a question and its answer, in a new or an existing conversation."""

    @operation(
        "Ask for advice: an answer in words, without running code",
        body=ChatRequest,
        returns={200: models.ChatReply},
    )
    async def post(self) -> None:
        body = self.json_body(ChatRequest)
        who, services = self.identity, self.services
        if body.conversation_id is None:
            services.turns.check_words(body.message)  # before there is a conversation without any
            title = body.message.strip()[:TITLE_CHARACTERS]
            row = await services.repository.conversations.add(who.tenant, who.user, title)
            key = PathKey(who.tenant, row.id, MAIN_PATH)
        else:
            if await self._passed_on(body.conversation_id):
                return
            key = await self.path_key(body.conversation_id, MAIN_PATH, to_change=True)
        turn = await services.turns.start(
            key, who.user, kind="turn", request=body.message, advice=True
        )
        answered = await services.turns.answered(turn)
        if answered.status != "ok":
            self.write_problem(problem_of_turn(answered.error or CANCELLED))
            return
        used = await services.events.data_of(key_of(answered), answered.id, "context.used")
        reply: dict[str, Any] = {
            "response": (answered.result or {}).get("answer", ""),
            "conversation_id": key.conversation,
            "context_used": used,
        }
        self.write_json(200, reply)

    async def _passed_on(self, conversation: str) -> bool:
        """Forward the request to the conversation's owner, if that is another node.

        The `Router` can't: the address does not name the conversation.
        """
        membership = self.services.membership
        url = await membership.elsewhere(conversation) if membership is not None else None
        if url is None:
            return False
        if FROM_NODE in self.request.headers:
            raise NodeUnreachable(url)
        response = await ask_node(url, self.request, "POST", self.request.path, self.body)
        self.write_json(response.code, json.loads(response.body))
        return True
