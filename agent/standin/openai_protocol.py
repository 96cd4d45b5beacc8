"""The stand-in's form of OpenAI's chat protocol: a transcript's reply as chunks.

Source: OpenAI API reference, *chat completion chunk*; Azure's 400 with ``content_filter``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

VERSION = "standin-1"
PIECE = 48
"""Characters of a call's arguments in one chunk."""
REASONS = {"MAX_TOKENS": "length", "SAFETY": "content_filter"}


def words_of(body: Mapping[str, Any]) -> tuple[str, int, str]:
    """Return the user's words, the number of the model's replies, and the last message."""
    messages = [m for m in body.get("messages") or () if isinstance(m, Mapping)]
    after = sum(message.get("role") == "assistant" for message in messages)
    asked = next((m for m in messages if m.get("role") == "user"), {})
    last = messages[-1].get("content") if messages else ""
    # A result is JSON within a text: its words as they are in Gemini's function response.
    return str(asked.get("content", "")).rpartition("\n\n")[2], after, _text(last)


def _text(content: Any) -> str:
    try:
        return json.dumps(json.loads(content), ensure_ascii=False)
    except (TypeError, ValueError):
        return json.dumps(content, ensure_ascii=False)


def chunks(
    parts: Sequence[Mapping[str, Any]],
    reply: Mapping[str, Any],
    usage: Mapping[str, int],
    model: str,
) -> Iterator[dict[str, Any]]:
    """Yield the chunks of a streamed reply.

    Args:
        parts: Gemini's parts of the reply.
        reply: The transcript's reply.
        usage: Gemini's usage metadata.
        model: The model's name.
    """
    common = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": f"{model}-{VERSION}"}

    def chunk(delta: Mapping[str, Any], reason: str | None = None) -> dict[str, Any]:
        return {**common, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

    yield chunk({"role": "assistant", "content": ""})
    count = 0
    for part in parts:
        if "text" in part:
            yield chunk({"content": part["text"]})
        elif "functionCall" in part:
            for delta in _call_pieces(part["functionCall"], count):
                yield chunk({"tool_calls": [delta]})
            count += 1
    if refusal := reply.get("refusal"):
        yield chunk({"refusal": refusal})
    reason = str(reply.get("finish_reason", "STOP"))
    yield chunk({}, REASONS.get(reason, "tool_calls" if count else "stop"))
    counted = {
        "prompt_tokens": usage["promptTokenCount"],
        "completion_tokens": usage["candidatesTokenCount"],
        "total_tokens": usage["totalTokenCount"],
    }
    yield {**common, "choices": [], "usage": counted}


def _call_pieces(call: Mapping[str, Any], index: int) -> Iterator[dict[str, Any]]:
    arguments = call.get("raw_arguments", json.dumps(call.get("args", {})))
    seed = hashlib.sha256(f"{index}{arguments}".encode("utf-8", "surrogatepass")).hexdigest()
    made = call.get("id") or f"call_{seed[:12]}"
    function = {"name": call.get("name"), "arguments": ""}
    yield {"index": index, "id": made, "type": "function", "function": function}
    size = max(PIECE, len(arguments) // 200)
    for start in range(0, len(arguments), size):
        yield {"index": index, "function": {"arguments": arguments[start : start + size]}}


def merged(made: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the reply that is not streamed, of its chunks."""
    text, reason = "", None
    calls: dict[int, dict[str, Any]] = {}
    for each in made:
        for choice in each["choices"]:
            text += choice["delta"].get("content") or ""
            reason = choice["finish_reason"] or reason
            for piece in choice["delta"].get("tool_calls", ()):
                call = calls.setdefault(piece["index"], {"id": piece.get("id"), "type": "function"})
                function = call.setdefault("function", {"name": "", "arguments": ""})
                function["name"] += piece["function"].get("name") or ""
                function["arguments"] += piece["function"].get("arguments") or ""
    message = {"role": "assistant", "content": text or None, "tool_calls": list(calls.values())}
    choice = {"index": 0, "message": message, "finish_reason": reason}
    last = made[-1]
    return {
        "object": "chat.completion",
        "model": last["model"],
        "choices": [choice],
        "usage": last["usage"],
    }


def failure_body(kind: str, message: str) -> dict[str, Any]:
    """Return the body of an error."""
    return {"error": {"message": message, "type": kind, "code": kind, "param": None}}
