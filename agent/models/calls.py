"""What every model's reply is read by: its calls of functions, and Python in its text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from agent.errors import ModelReplyBroken
from agent.ports import ToolCall, ToolDeclaration
from container.kernel.languages import KERNEL_OF, PYTHON
from notebooks.record.files import encodable

RUN_CODE = ToolDeclaration(
    "run_code",
    "Run code in this conversation's kernel and return what it printed.",
    {
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
            "step": {
                "type": "integer",
                "description": "The number of the step of the plan that it does, if there is one.",
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
MOST_CALLS = 12
"""Calls that are done of one reply; the model sees that the rest got no result."""
MOST_REPLY_CHARACTERS = 2_000_000
"""Of one reply's text and arguments: several times what any model's longest output is."""
MOST_ARGUMENT_BYTES = 256 * 1024
DEEPEST_ARGUMENTS = 40
"""Levels of objects and lists in each other; no tool takes more than six."""
LONGEST_NAME = 80
CUT = (
    "the reply was cut off at the model's longest output; answer more briefly, or do the work "
    "in smaller cells"
)
WRITTEN_CALL = (
    "your reply wrote the call of a function as text, so nothing ran. Call the function itself; "
    "code may also stand alone in a fence marked `python`"
)
_FENCE = re.compile(r"```[ \t]*([\w+-]*)[^\n]*\n(.*?)(?:```|\Z)", re.S)
_WRITTEN = re.compile(
    r"<(?:tool_call|function_call|invoke|function=)|<\|(?:tool_call|python_tag)|\[TOOL_CALLS\]|"
    r"```[ \t]*tool_(?:code|call)"
)
"""How models write calls that their service did not recognise as such."""
_PYTHON = frozenset({"", "python", "py", "python3", "ipython"})


class ReplySize:
    """Counts what a reply brings, so that a stream without end is not kept."""

    def __init__(self) -> None:
        self._characters = 0

    def add(self, *pieces: str) -> None:
        """Count *pieces*.

        Raises:
            ModelReplyBroken: The reply is longer than any can be.
        """
        self._characters += sum(map(len, pieces))
        if self._characters > MOST_REPLY_CHARACTERS:
            raise ModelReplyBroken(f"it is longer than {MOST_REPLY_CHARACTERS:,} characters")


def read_call(name: object, arguments: object, call_id: str | None) -> ToolCall:
    """Return a call as the model made it, its parts valid and bounded.

    Args:
        name: The function's name.
        arguments: Its arguments, parsed.
        call_id: The model's id of it.
    """
    known = encodable(str(name or ""))[:LONGEST_NAME]
    if not isinstance(arguments, Mapping):
        return ToolCall(known, {}, call_id, f"the arguments of {known} must be a JSON object")
    if _is_deeper(arguments, DEEPEST_ARGUMENTS):
        why = f"the arguments of {known} are nested deeper than {DEEPEST_ARGUMENTS} levels"
        return ToolCall(known, {}, call_id, why)
    try:
        given: dict[str, Any] = encodable(dict(arguments))
        size = len(json.dumps(given, ensure_ascii=False, allow_nan=False).encode())
    except (ValueError, RecursionError, TypeError):
        return ToolCall(known, {}, call_id, f"the arguments of {known} are no valid JSON")
    if size > MOST_ARGUMENT_BYTES:
        problem = (
            f"the arguments of {known} are {size:,} bytes long; the limit is "
            f"{MOST_ARGUMENT_BYTES:,}. Read data from files, and split long code"
        )
        return ToolCall(known, {}, call_id, problem)
    if known != RUN_CODE.name:
        return ToolCall(known, given, call_id)
    given = _without_fence(given)
    return ToolCall(known, given, call_id, _code_problem(given))


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether *value* has more than *levels* of objects and lists in each other."""
    inner = [value]
    for _ in range(levels + 1):
        inner = [
            each
            for outer in inner
            for each in (outer.values() if isinstance(outer, Mapping) else outer)
            if isinstance(each, Mapping | list)
        ]
        if not inner:
            return False
    return True


def parsed_call(name: object, text: str, call_id: str | None, *, cut: bool = False) -> ToolCall:
    """Return a call whose arguments came as JSON *text*; *cut*: the reply ended too early."""
    known = str(name or "")[:LONGEST_NAME]
    try:
        arguments = _loads(text or "{}")
        if isinstance(arguments, str):  # some services write the object as a text in a text
            arguments = _loads(arguments)
    except (ValueError, RecursionError):
        why = CUT if cut else f"the arguments of {known} are no valid JSON"
        return ToolCall(encodable(known), {}, call_id, why)
    return read_call(name, arguments, call_id)


def _loads(text: str) -> Any:
    """Return the value of JSON *text*; line breaks in its texts need no escape."""
    return json.loads(text, parse_constant=_no_constant, strict=False)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_WHOLE_FENCE = re.compile(r"\s*```[ \t]*(?:python|py)?[ \t]*\n(.*?)\n?```\s*", re.S | re.I)


def _without_fence(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of run_code without a fence or a byte order mark around the code."""
    code = arguments.get("code")
    if not isinstance(code, str):
        return arguments
    code = code.removeprefix("\ufeff")
    if match := _WHOLE_FENCE.fullmatch(code):
        code = match[1]
    return {**arguments, "code": code}


def _code_problem(arguments: Mapping[str, Any]) -> str:
    code, parameters = arguments.get("code"), arguments.get("parameters")
    if not isinstance(code, str) or not code.strip():
        return "run_code needs a non-empty string `code`"
    if parameters is not None and not isinstance(parameters, dict):
        return "`parameters` must be an object"
    language = arguments.get("language") or PYTHON
    if not isinstance(language, str) or language not in KERNEL_OF:
        return f"`language` must be one of {', '.join(KERNEL_OF)}"
    if parameters and language != PYTHON:
        return "`parameters` are for Python only: write the constants into the code"
    return ""


def is_written_call(text: str) -> bool:
    """Whether an answer's *text* is a call of a function that the model wrote out."""
    if _WRITTEN.search(text):
        return True
    bare = text.strip()
    if match := re.fullmatch(r"```(?:json)?[ \t]*\n(.*?)\n?```", bare, re.S):
        bare = match[1].strip()
    if not bare.startswith("{"):
        return False
    try:
        value = _loads(bare)
    except (ValueError, RecursionError):
        return False
    inner = value.get("function") if isinstance(value.get("function"), Mapping) else value
    named = isinstance(inner.get("name"), str)
    return named and any(key in inner for key in ("arguments", "parameters", "args"))


def fenced_python(text: str) -> str:
    """Return the code of the fenced blocks of Python; a formula or VBA is quoted, not run."""
    blocks = [
        block.strip("\n")
        for language, block in _FENCE.findall(text)
        if language.lower() in _PYTHON and block.strip() and not block.lstrip().startswith("=")
    ]
    return "\n\n".join(blocks)
