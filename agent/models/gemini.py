"""The Gemini model; the only module that imports google-genai.

Source: Gemini API reference, ``models.streamGenerateContent`` and function calling.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from google import genai
from google.genai import errors, types

from agent.errors import ModelDeclined, ModelRejected, ModelReplyBroken, ModelUnavailable
from agent.ports import CodeCall, Message, ModelReply, ToolCall, ToolDeclaration
from container.kernel.languages import KERNEL_OF, PYTHON
from notebooks.record.files import encodable

RETRYABLE = frozenset({408, 429, 500, 502, 503, 504})
DECLINED = frozenset({"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"})
_FENCE = re.compile(r"```[ \t]*([\w+-]*)[^\n]*\n(.*?)```", re.S)
_PYTHON = frozenset({"", "python", "py", "python3", "ipython"})

RUN_CODE = types.FunctionDeclaration(
    name="run_code",
    description="Run code in this conversation's kernel and return what it printed.",
    parameters_json_schema={
        "type": "object",
        "properties": {
            "code": {"type": "string", "description": "Source of one notebook cell."},
            "language": {
                "type": "string",
                "enum": list(KERNEL_OF),
                "description": (
                    "Its language; Python if left out. Another one only if the user asks for it: "
                    "it has its own variables, and the same files."
                ),
            },
            "parameters": {
                "type": "object",
                "description": (
                    "Constants the request names, as variable name to value; set before the "
                    "code runs, e.g. {'min_sales': 1000}."
                ),
                "additionalProperties": True,
            },
        },
        "required": ["code"],
    },
)


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
            tools=[types.Tool(function_declarations=[RUN_CODE, *map(_declared, tools)])],
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        )
        contents = [_content_from_message(message) for message in history]
        reading = _Reading()
        try:
            async with asyncio.timeout(self._timeout):
                stream = await self._client.aio.models.generate_content_stream(
                    model=self.name, contents=contents, config=config
                )
                async for chunk in stream:
                    if text := reading.add(chunk):
                        await on_text(text)
        except errors.APIError as error:
            raise _typed(error) from None
        except TimeoutError:
            raise ModelUnavailable(f"no answer within {self._timeout:g} s") from None
        except (errors.UnknownApiResponseError, ValueError) as error:
            raise ModelReplyBroken(str(error)[:200] or type(error).__name__) from None
        except Exception as error:
            if type(error).__module__.partition(".")[0] in (
                "httpx",
                "httpx2",
                "httpcore",
                "aiohttp",
            ):
                raise ModelUnavailable(f"{type(error).__name__}: {error}"[:200]) from None
            raise
        return reading.reply()

    async def aclose(self) -> None:
        """Close the client's connections."""
        await self._client.aio.aclose()


class _Reading:
    """Collects the chunks of one streamed reply."""

    def __init__(self) -> None:
        self._parts: list[types.Part] = []
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
        self._parts += parts
        return "".join(part.text for part in parts if part.text and not part.thought)

    def reply(self) -> ModelReply:
        """Return the whole reply.

        Raises:
            ModelDeclined: The model or a filter refused to answer.
            ModelReplyBroken: The stream held no reply.
        """
        if self._blocked:
            raise ModelDeclined(self._blocked)
        if self._finish in DECLINED:
            raise ModelDeclined(str(self._finish))
        text = encodable("".join(p.text for p in self._parts if p.text and not p.thought))
        calls = [part.function_call for part in self._parts if part.function_call]
        if not self._parts and self._finish is None:
            raise ModelReplyBroken("the stream held no reply")
        tool: ToolCall | None = None
        call, bad_call = _fenced_call(text), ""
        if calls and calls[0].name == RUN_CODE.name:
            call, bad_call = _code_call(calls[0])
        elif calls:
            call = None
            tool = ToolCall(encodable(calls[0].name or ""), encodable(calls[0].args or {}))
        malformed = self._finish in ("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL")
        if malformed and call is None and tool is None:
            bad_call = "the function call was malformed"
        content = types.Content(role="model", parts=_kept_parts(self._parts))
        return ModelReply(
            content=encodable(content.model_dump(mode="json", exclude_none=True)),
            text=text,
            call=call,
            tool=tool,
            bad_call=bad_call,
            tokens=self._tokens,
            version=self._version,
        )


def _declared(tool: ToolDeclaration) -> types.FunctionDeclaration:
    return types.FunctionDeclaration(
        name=tool.name, description=tool.description, parameters_json_schema=dict(tool.schema)
    )


def _kept_parts(parts: Sequence[types.Part]) -> list[types.Part]:
    """Return the parts up to the first function call, the only one that gets a response."""
    kept: list[types.Part] = []
    for part in parts:
        if part.text or part.function_call or part.thought_signature:
            kept.append(part)
        if part.function_call:
            break
    return kept


def _code_call(call: types.FunctionCall) -> tuple[CodeCall | None, str]:
    args = encodable(call.args or {})
    code, parameters = args.get("code"), args.get("parameters") or {}
    if not isinstance(code, str) or not code.strip():
        return None, "run_code needs a non-empty string `code`"
    if not isinstance(parameters, dict):
        return None, "`parameters` must be an object"
    language = args.get("language") or PYTHON
    if language not in KERNEL_OF:
        return None, f"`language` must be one of {', '.join(KERNEL_OF)}"
    if parameters and language != PYTHON:
        return None, "`parameters` are for Python only: write the constants into the code"
    return CodeCall(code=code, parameters=parameters, language=language), ""


def _fenced_call(text: str) -> CodeCall | None:
    """Return the code of the fenced blocks of Python; a formula or VBA is quoted, not run."""
    blocks = [
        block.strip("\n")
        for language, block in _FENCE.findall(text)
        if language.lower() in _PYTHON and block.strip() and not block.lstrip().startswith("=")
    ]
    return CodeCall(code="\n\n".join(blocks), fenced=True) if blocks else None


def _content_from_message(message: Message) -> types.Content:
    if message["role"] == "model":
        return types.Content.model_validate(message["content"])
    if message["role"] == "tool":
        response = types.FunctionResponse(
            id=message.get("id"), name=message["name"], response=message["response"]
        )
        return types.Content(role="user", parts=[types.Part(function_response=response)])
    return types.Content(role="user", parts=[types.Part(text=text) for text in message["texts"]])


def _typed(error: errors.APIError) -> Exception:
    reason = f"{error.status or error.code}: {error.message or 'no message'}"[:300]
    if error.code in RETRYABLE:
        return ModelUnavailable(reason, _retry_after(error.details))
    if not isinstance(error.code, int) or error.code < 400:
        return ModelReplyBroken(reason)
    return ModelRejected(error.code, str(error.message or error.status)[:300])


def _retry_after(details: Any) -> float | None:
    """Read google.rpc.RetryInfo's ``retryDelay`` ("2s")."""
    inner = details.get("error", details) if isinstance(details, dict) else {}
    for item in inner.get("details", ()) if isinstance(inner, dict) else ():
        delay = item.get("retryDelay", "") if isinstance(item, dict) else ""
        if match := re.fullmatch(r"(\d+(?:\.\d+)?)s", str(delay)):
            return float(match.group(1))
    return None
