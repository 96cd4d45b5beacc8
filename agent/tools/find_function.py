"""``find_function``: which of Excel's functions does what is wanted."""

from __future__ import annotations

from pydantic import BaseModel, Field

from agent.retrieval.function_text import function_lines
from agent.retrieval.functions import find_functions
from agent.tools.tool import Reach, Tool


class Arguments(BaseModel):
    """What the function should do."""

    what: str = Field(
        description="What it should do, in plain words, or its name.", min_length=1, max_length=500
    )


async def run(arguments: Arguments, reach: Reach) -> str:
    """Return the functions that fit best."""
    found = find_functions(arguments.what)
    if not found:
        return "No function fits. Say it in other words."
    return "\n".join(line for function in found for line in function_lines(function))


TOOL = Tool(
    "find_function",
    "Find Excel's functions by what they should do: syntax, example, the pandas way, and the "
    "version of Excel that brought each. Use it before you write a formula you are not sure of.",
    Arguments,
    run,
)
