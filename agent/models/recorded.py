"""A model that replays recorded replies, without any service: for the demo conversation."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from agent.errors import ModelDeclined, ModelRejected
from agent.models.calls import RUN_CODE, read_call
from agent.ports import Message, ModelReply, ToolDeclaration
from agent.standin.transcript import Transcript

RECORDED = "recorded-replies"
"""Its name, and its version in the notebooks: no model was asked."""
_PIECES = re.compile(r"(?:\S+\s*){1,12}")


class RecordedModel:
    """Replies as a transcript has them (see `agent.ports.Model`).

    Args:
        load: Returns the transcript; called at the first request.
    """

    name = RECORDED

    def __init__(self, load: Callable[[], Transcript]) -> None:
        self._load = load
        self._transcript: Transcript | None = None

    async def generate(
        self,
        system: str,
        history: Sequence[Message],
        on_text: Callable[[str], Awaitable[None]],
        tools: Sequence[ToolDeclaration] = (),
    ) -> ModelReply:
        """Return the recorded reply to the first of *history*'s texts; nothing leaves the service.

        Raises:
            ModelDeclined: No reply to this request is recorded.
        """
        if self._transcript is None:
            self._transcript = self._load()
        words = str(history[0]["texts"][-1]) if history else ""
        after = sum(message["role"] == "model" for message in history)
        last = json.dumps(history[-1], ensure_ascii=False) if history else ""
        sent = {"systemInstruction": system, "messages": list(history)}
        reply = self._transcript.reply_to(words, after, last, sent)
        if reply is None:
            raise ModelDeclined("only the recorded requests have a reply")
        text = str(reply.get("text", ""))
        for piece in _PIECES.findall(text):
            await on_text(piece)
        call = reply.get("run_code")
        calls = () if call is None else (read_call(RUN_CODE.name, _arguments(call), None),)
        return ModelReply(text=text, calls=calls, version=RECORDED)

    async def embed(
        self, texts: Sequence[str], name: str, *, question: bool
    ) -> Sequence[Sequence[float]]:
        """Raise `ModelRejected`: it has no embeddings."""
        raise ModelRejected(404, "recorded replies have no embeddings")

    async def aclose(self) -> None:
        """Do nothing: it has no connections."""


def _arguments(call: Mapping[str, Any]) -> dict[str, Any]:
    code = call["code"]
    return {**call, "code": code if isinstance(code, str) else "\n".join(code)}
