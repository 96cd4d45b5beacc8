"""A model behind OpenAI's chat protocol: Ollama, vLLM, Azure and many more.

The only module that imports openai. Source: OpenAI API reference, *Create chat completion*,
*streaming* and *function calling*; Azure's and vLLM's pages on what they do otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import openai

from agent.errors import ModelDeclined, ModelRejected, ModelReplyBroken, ModelUnavailable
from agent.models.calls import (
    CUT,
    MOST_CALLS,
    RUN_CODE,
    WRITTEN_CALL,
    ReplySize,
    fenced_python,
    is_written_call,
    parsed_call,
)
from agent.models.faults import RETRYABLE, described, in_words, typed_errors
from agent.models.thoughts import Spoken
from agent.ports import Message, ModelReply, ToolCall, ToolDeclaration
from notebooks.record.files import encodable

KEY = "OPENAI_API_KEY"
NO_KEY = "none"
"""Sent where no key is set: the client needs one, a service in the house mostly does not."""
OPTIONAL = ("temperature", "stream_options")
"""Parameters that some services reject; they are left out then."""
FILTERED = frozenset({"content_filter", "content_policy_violation"})
SPENT = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
"""Codes of status 429 that waiting does not mend."""
BUSY = frozenset({"server_error", "rate_limit_exceeded", "overloaded_error", "overloaded"})


class OpenAICompatibleModel:
    """A model of any service that speaks OpenAI's chat protocol (see `agent.ports.Model`).

    Args:
        name: The model's name there; with Azure the deployment's.
        base_url: The service's address, such as ``http://127.0.0.1:11434/v1``.
        api_key: The key; never logged. ``None`` for a service that needs none.
        timeout: Seconds one call may take.
    """

    def __init__(
        self, name: str, *, base_url: str, api_key: str | None = None, timeout: float = 120.0
    ) -> None:
        self.name = name
        self._timeout = timeout
        self._left_out: set[str] = set()
        # Key and address are given: environment variables must not send data elsewhere.
        self._client = openai.AsyncOpenAI(
            api_key=api_key or NO_KEY, base_url=base_url, timeout=timeout, max_retries=0
        )

    async def generate(
        self,
        system: str,
        history: Sequence[Message],
        on_text: Callable[[str], Awaitable[None]],
        tools: Sequence[ToolDeclaration] = (),
    ) -> ModelReply:
        """Stream one reply; see `agent.ports.Model.generate`."""
        asked = {
            "model": self.name,
            "messages": _messages(system, history),
            "tools": [_declared(tool) for tool in (RUN_CODE, *tools)],
            "temperature": 0.0,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        reading = _Reading()
        with self._typed_errors():
            async with asyncio.timeout(self._timeout), await self._open(asked) as stream:
                async for chunk in stream:
                    if text := reading.add(_plain(chunk)):
                        await on_text(text)
        if text := reading.rest():
            await on_text(text)
        return reading.reply()

    async def _open(self, asked: Mapping[str, Any]) -> openai.AsyncStream[Any]:
        """Open the stream of a reply, without the parameters that the service rejects."""
        while True:
            sent = {key: value for key, value in asked.items() if key not in self._left_out}
            try:
                return await self._client.chat.completions.create(**sent)  # type: ignore[no-any-return]
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                said = f"{error.param or ''} {error.message}"
                rejected = {name for name in OPTIONAL if name in sent and name in said}
                if not rejected:
                    raise
                self._left_out |= rejected

    async def embed(
        self, texts: Sequence[str], name: str, *, question: bool
    ) -> Sequence[Sequence[float]]:
        """Return embeddings; see `agent.ports.Model.embed`.

        Source: OpenAI API reference, *Create embeddings*.
        """
        with self._typed_errors():
            async with asyncio.timeout(self._timeout):
                reply = await self._client.embeddings.create(
                    model=name, input=list(texts), encoding_format="float"
                )
        try:
            return [each.embedding for each in sorted(reply.data, key=lambda each: each.index)]
        except (TypeError, AttributeError) as error:  # what came has another shape
            raise ModelReplyBroken(described(error)) from None

    def _typed_errors(self) -> contextlib.AbstractContextManager[None]:
        return typed_errors(self._timeout, openai.APIError, _typed, ValueError)

    async def aclose(self) -> None:
        """Close the client's connections."""
        await self._client.close()


class _Reading:
    """Collects the chunks of one streamed reply.

    Chunks are read as plain JSON: services differ in what they leave out.
    """

    def __init__(self) -> None:
        self._spoken = Spoken()
        self._size = ReplySize()
        self._text: list[str] = []
        self._refusal = ""
        self._calls: list[dict[str, str]] = []
        self._places: dict[int, int] = {}
        self._finish: str | None = None
        self._tokens: dict[str, int] = {}
        self._version: str | None = None

    def add(self, chunk: Mapping[str, Any]) -> str:
        """Add *chunk*; return its visible text."""
        self._version = str(chunk.get("model") or "") or self._version
        if isinstance(usage := chunk.get("usage"), Mapping):
            prompt, output = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
            total = _count(usage, "total_tokens") or prompt + output
            self._tokens = {"prompt": prompt, "output": output, "total": total}
        choices = chunk.get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
            return ""
        choice = choices[0]
        if isinstance(finish := choice.get("finish_reason"), str):
            self._finish = finish or self._finish
        delta = choice.get("delta")
        if not isinstance(delta, Mapping):
            return ""
        refusal = str(delta.get("refusal") or "")
        self._size.add(refusal)
        self._refusal += refusal
        calls = delta.get("tool_calls")
        for piece in calls if isinstance(calls, list) else ():
            if isinstance(piece, Mapping):
                self._add_call(piece)
        if isinstance(old := delta.get("function_call"), Mapping):  # as services had it before
            self._add_call({"index": 0, "function": old})
        content = _text_of(delta.get("content"))
        self._size.add(content)
        text = self._spoken.add(content)
        self._text.append(text)
        return text

    def rest(self) -> str:
        """Return the visible text that waited for more; call it once the stream has ended."""
        text = self._spoken.rest()
        self._text.append(text)
        return text

    def _add_call(self, piece: Mapping[str, Any]) -> None:
        """Add a piece of a call to the one with its index, or begin a new one."""
        given = piece.get("index")
        index = given if isinstance(given, int) else len(self._calls)
        made = str(piece.get("id") or "")
        self._size.add(made or "-")  # calls without end are none
        function = piece.get("function")
        function = function if isinstance(function, Mapping) else {}
        known = self._places.get(index)
        # Some services give every call the same index: a new id is a new call.
        if known is None or (made and self._calls[known]["id"] not in ("", made)):
            self._places[index] = known = len(self._calls)
            self._calls.append({"id": "", "name": "", "arguments": ""})
        call = self._calls[known]
        call["id"] = call["id"] or made
        call["name"] = call["name"] or str(function.get("name") or "")
        arguments = function.get("arguments")
        text = arguments if isinstance(arguments, str) else json.dumps(arguments or {})
        if arguments is not None:
            self._size.add(text)
            call["arguments"] += text

    def reply(self) -> ModelReply:
        """Return the whole reply.

        Raises:
            ModelDeclined: The model or a filter refused to answer.
            ModelReplyBroken: The stream held no reply, or ended in the middle of one.
        """
        if self._refusal:
            raise ModelDeclined(self._refusal[:200])
        if self._finish in FILTERED:
            raise ModelDeclined("content filter")
        if self._finish is None:
            raise ModelReplyBroken("the stream ended before the reply did")
        text = encodable("".join(self._text))
        cut = self._finish == "length"
        calls = self._made_calls(cut=cut)
        problem = CUT if cut and not calls else ""
        if not calls and not cut and is_written_call(text):
            problem = WRITTEN_CALL
        return ModelReply(
            text=text,
            calls=calls,
            fenced="" if calls or problem else fenced_python(text),
            problem=problem,
            tokens=self._tokens,
            version=self._version,
        )

    def _made_calls(self, *, cut: bool) -> tuple[ToolCall, ...]:
        made = []
        for number, call in enumerate(self._calls[:MOST_CALLS]):
            last = cut and number == len(self._calls) - 1
            call_id = encodable(call["id"] or f"call_{number}")[:200]
            made.append(parsed_call(call["name"], call["arguments"], call_id, cut=last))
        return tuple(made)


def _text_of(content: Any) -> str:
    """Return a message's content as text: some services send it in parts."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, Mapping)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _plain(chunk: Any) -> Mapping[str, Any]:
    value = chunk.model_dump(mode="python", warnings=False) if hasattr(chunk, "model_dump") else {}
    return value if isinstance(value, Mapping) else {}


def _count(usage: Mapping[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) else 0


def _declared(tool: ToolDeclaration) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description}
    return {"type": "function", "function": {**function, "parameters": dict(tool.schema)}}


def _messages(system: str, history: Sequence[Message]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = [{"role": "system", "content": system}]
    for message in history:
        if message["role"] == "model":
            said: dict[str, Any] = {"role": "assistant", "content": message["text"] or None}
            if message["calls"]:
                said["tool_calls"] = [_call(call) for call in message["calls"]]
            messages.append(said)
        elif message["role"] == "tool":
            content = json.dumps(message["response"], ensure_ascii=False)
            messages.append({"role": "tool", "tool_call_id": _id(message), "content": content})
        else:
            # One text and one message: chat templates of many models know nothing else.
            content = "\n\n".join(text for text in message["texts"] if text)
            messages.append({"role": "user", "content": content})
    return messages


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    arguments = json.dumps(call["arguments"], ensure_ascii=False)
    function = {"name": call["name"], "arguments": arguments}
    return {"id": _id(call), "type": "function", "function": function}


def _id(call: Mapping[str, Any]) -> str:
    return str(call.get("id") or f"call_{call['name']}")


def _typed(error: openai.APIError) -> Exception:
    said = in_words(error.message or type(error).__name__)
    code = in_words(error.code or error.type or "", 40)
    if isinstance(error, openai.APITimeoutError | openai.APIConnectionError):
        return ModelUnavailable(described(error.__cause__ or error))
    if not isinstance(error, openai.APIStatusError):  # an error in the middle of a stream
        if code in BUSY or code in map(str, RETRYABLE):
            return ModelUnavailable(said)
        return ModelDeclined(said) if code in FILTERED else ModelReplyBroken(said)
    if code in FILTERED:
        return ModelDeclined("content filter")
    if error.status_code in RETRYABLE and code not in SPENT:
        return ModelUnavailable(f"{error.status_code}: {said}", _retry_after(error))
    return ModelRejected(error.status_code, said, KEY)


def _retry_after(error: openai.APIStatusError) -> float | None:
    """Read ``retry-after-ms`` or ``retry-after`` in seconds; a date says nothing here."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            return max(float(error.response.headers[name]) / unit, 0.0)
        except (KeyError, ValueError):
            continue
    return None
