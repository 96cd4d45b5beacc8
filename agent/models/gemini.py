"""The Gemini model; the only module that imports google-genai.

Source: Gemini API reference, ``models.streamGenerateContent`` and function calling.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from google import genai
from google.genai import errors, types

from agent.errors import ModelDeclined, ModelRejected, ModelReplyBroken, ModelUnavailable
from agent.models.calls import (
    CUT,
    MOST_CALLS,
    RUN_CODE,
    WRITTEN_CALL,
    ReplySize,
    fenced_python,
    is_written_call,
    read_call,
)
from agent.models.faults import RETRYABLE, described, in_words, typed_errors
from agent.ports import Message, ModelReply, ToolCall, ToolDeclaration
from notebooks.record.files import encodable

DECLINED = frozenset({"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"})
EMBEDDING_NUMBERS = 256
MALFORMED = frozenset({"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL"})


class GeminiModel:
    """A Gemini model (see `agent.ports.Model`).

    Args:
        name: Model name, such as ``gemini-3.8-flash``.
        api_key: The key; never logged.
        base_url: Another service with Gemini's REST API; ``None`` for Google's.
        timeout: Seconds one call may take.
    """

    def __init__(
        self, name: str, *, api_key: str, base_url: str | None = None, timeout: float = 120.0
    ) -> None:
        self.name = name
        self._timeout = timeout
        options = types.HttpOptions(base_url=base_url, timeout=int(timeout * 1000))
        # vertexai=False: an environment variable must not send data to another service.
        self._client = genai.Client(vertexai=False, api_key=api_key, http_options=options)

    async def generate(
        self,
        system: str,
        history: Sequence[Message],
        on_text: Callable[[str], Awaitable[None]],
        tools: Sequence[ToolDeclaration] = (),
    ) -> ModelReply:
        """Stream one reply; see `agent.ports.Model.generate`."""
        config = types.GenerateContentConfig(
            system_instruction=system,
            temperature=0.0,
            tools=[types.Tool(function_declarations=[_declared(t) for t in (RUN_CODE, *tools)])],
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        )
        contents = _contents(history)
        reading = _Reading()
        with self._typed_errors():
            async with asyncio.timeout(self._timeout):
                stream = await self._client.aio.models.generate_content_stream(
                    model=self.name, contents=contents, config=config
                )
                async with contextlib.aclosing(_readable(stream)) as chunks:
                    async for chunk in chunks:
                        if text := reading.add(chunk):
                            await on_text(text)
        return reading.reply()

    async def embed(
        self, texts: Sequence[str], name: str, *, question: bool
    ) -> Sequence[Sequence[float]]:
        """Return embeddings; see `agent.ports.Model.embed`.

        Source: Gemini API reference, ``models.batchEmbedContents``.
        """
        config = types.EmbedContentConfig(
            task_type="RETRIEVAL_QUERY" if question else "RETRIEVAL_DOCUMENT",
            output_dimensionality=EMBEDDING_NUMBERS,
        )
        contents: list[Any] = list(texts)
        with self._typed_errors():
            async with asyncio.timeout(self._timeout):
                reply = await self._client.aio.models.embed_content(
                    model=name, contents=contents, config=config
                )
        return [each.values or () for each in reply.embeddings or ()]

    def _typed_errors(self) -> contextlib.AbstractContextManager[None]:
        return typed_errors(self._timeout, errors.APIError, _typed, errors.UnknownApiResponseError)

    async def aclose(self) -> None:
        """Close the client's connections."""
        await self._client.aio.aclose()


async def _readable(
    stream: AsyncIterator[types.GenerateContentResponse],
) -> AsyncGenerator[types.GenerateContentResponse, None]:
    """Yield the chunks; what the client fails on is no reply."""
    try:
        async for chunk in stream:
            yield chunk
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        raise ModelReplyBroken(described(error)) from None


class _Reading:
    """Collects the chunks of one streamed reply."""

    def __init__(self) -> None:
        self._parts: list[types.Part] = []
        self._size = ReplySize()
        self._tokens: dict[str, int] = {}
        self._version: str | None = None
        self._finish: str | None = None
        self._blocked: str | None = None

    def add(self, chunk: types.GenerateContentResponse) -> str:
        """Add *chunk*; return its visible text."""
        self._version = chunk.model_version or self._version
        if chunk.prompt_feedback and chunk.prompt_feedback.block_reason:
            self._blocked = chunk.prompt_feedback.block_reason.name
        if usage := chunk.usage_metadata:
            self._tokens = {
                "prompt": usage.prompt_token_count or 0,
                "output": (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0),
                "total": usage.total_token_count or 0,
            }
        if not chunk.candidates:
            return ""
        candidate = chunk.candidates[0]
        if candidate.finish_reason:
            self._finish = candidate.finish_reason.name
        parts = (candidate.content.parts if candidate.content else None) or []
        calls = (part.function_call for part in parts)
        self._size.add(*(part.text or "" for part in parts), *(str(call) for call in calls if call))
        self._parts += parts
        return "".join(part.text for part in parts if part.text and not part.thought)

    def reply(self) -> ModelReply:
        """Return the whole reply.

        Raises:
            ModelDeclined: The model or a filter refused to answer.
            ModelReplyBroken: The stream held no reply, or ended in the middle of one.
        """
        if self._blocked:
            raise ModelDeclined(self._blocked)
        if self._finish in DECLINED:
            raise ModelDeclined(str(self._finish))
        if self._finish is None:
            raise ModelReplyBroken("the stream ended before the reply did")
        text = encodable("".join(p.text for p in self._parts if p.text and not p.thought))
        parts, calls = _kept_parts(self._parts)
        problem = ""
        if not calls and self._finish == "MAX_TOKENS":
            problem = CUT
        elif not calls and self._finish in MALFORMED:
            problem = "the function call was malformed"
        elif not calls and is_written_call(text):
            problem = WRITTEN_CALL
        return ModelReply(
            text=text,
            calls=calls,
            fenced="" if calls or problem else fenced_python(text),
            problem=problem,
            content=_as_json(parts),
            tokens=self._tokens,
            version=self._version,
        )


def _declared(tool: ToolDeclaration) -> types.FunctionDeclaration:
    return types.FunctionDeclaration(
        name=tool.name, description=tool.description, parameters_json_schema=dict(tool.schema)
    )


def _kept_parts(
    parts: Sequence[types.Part],
) -> tuple[list[types.Part], tuple[ToolCall, ...]]:
    """Return the parts to send back, and their calls; each call gets a response."""
    kept: list[types.Part] = []
    calls: list[ToolCall] = []
    for part in parts:
        if (made := part.function_call) is not None:
            if len(calls) == MOST_CALLS:
                break
            calls.append(call := read_call(made.name, made.args or {}, made.id))
            made = types.FunctionCall(id=made.id, name=call.name, args=dict(call.arguments))
            kept.append(part.model_copy(update={"function_call": made}))
        elif part.text or part.thought_signature:
            kept.append(part)
    return kept, tuple(calls)


def _as_json(parts: list[types.Part]) -> dict[str, Any]:
    if not parts:
        return {}  # the API rejects an empty content
    content = types.Content(role="model", parts=parts)
    return dict(encodable(content.model_dump(mode="json", exclude_none=True)))


def _contents(history: Sequence[Message]) -> list[types.Content]:
    """Return *history* as Gemini takes it: the responses to one reply's calls are one content."""
    contents: list[types.Content] = []
    before = ""
    for message in history:
        role = message["role"]
        if role == "tool":
            response = types.FunctionResponse(
                id=message.get("id"), name=message["name"], response=message["response"]
            )
            part = types.Part(function_response=response)
            if before == "tool":
                contents[-1] = types.Content(role="user", parts=[*(contents[-1].parts or ()), part])
            else:
                contents.append(types.Content(role="user", parts=[part]))
        elif role == "model":
            contents.append(_said(message))
        else:
            parts = [types.Part(text=text) for text in message["texts"]]
            contents.append(types.Content(role="user", parts=parts))
        before = role
    return contents


def _said(message: Message) -> types.Content:
    """Return the model's own message; one that another model wrote is said in Gemini's form."""
    if message["content"].get("parts"):
        return types.Content.model_validate(message["content"])
    parts = [types.Part(text=message["text"])] if message["text"] else []
    for call in message["calls"]:
        made = types.FunctionCall(id=call["id"], name=call["name"], args=call["arguments"])
        parts.append(types.Part(function_call=made))
    return types.Content(role="model", parts=parts)


def _typed(error: errors.APIError) -> Exception:
    reason = in_words(f"{error.status or error.code}: {error.message or 'no message'}")
    if error.code in RETRYABLE:
        return ModelUnavailable(reason, _retry_after(error.details))
    if not isinstance(error.code, int) or error.code < 400:
        return ModelReplyBroken(reason)
    return ModelRejected(error.code, in_words(error.message or error.status))


def _retry_after(details: Any) -> float | None:
    """Read google.rpc.RetryInfo's ``retryDelay`` ("2s")."""
    inner = details.get("error", details) if isinstance(details, dict) else {}
    for item in inner.get("details", ()) if isinstance(inner, dict) else ():
        delay = item.get("retryDelay", "") if isinstance(item, dict) else ""
        if match := re.fullmatch(r"(\d+(?:\.\d+)?)s", str(delay)):
            return float(match.group(1))
    return None
