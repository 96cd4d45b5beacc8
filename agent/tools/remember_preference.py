"""``remember_preference``: what the user says they always want, in their own words."""

from __future__ import annotations

from pydantic import BaseModel, Field

from agent.learned import PreferenceRefused
from agent.tools.tool import Reach, Tool, ToolFailed


class Arguments(BaseModel):
    """What to remember."""

    words: str = Field(
        description="The exact part of the user's request that says it.",
        min_length=3,
        max_length=1000,
    )


async def run(arguments: Arguments, reach: Reach) -> str:
    """Keep the preference; return what the model may say of it."""
    if reach.prefer is None:
        raise ToolFailed("No preferences are kept here.")
    try:
        kept = await reach.prefer(arguments.words)
    except PreferenceRefused as refused:
        raise ToolFailed(str(refused)) from None
    return f"Remembered for this user: {kept!r}. They can change or delete it."


TOOL = Tool(
    "remember_preference",
    "Keep what the user says they always want (formats, sheet names, kind of output), for this and "
    "later conversations. Only lasting wishes: 'always …', 'from now on …', 'I prefer …'.",
    Arguments,
    run,
)
