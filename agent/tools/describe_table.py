"""``describe_table``: all that is known of one file or one of its sheets."""

from __future__ import annotations

from pydantic import BaseModel, Field

from agent.context.profile_text import FOREWORD, render_profile
from agent.tools.tool import Reach, Tool, ToolFailed, cut


class Arguments(BaseModel):
    """What to describe."""

    file: str = Field(description="A file's name in inputs/ or outputs/.", max_length=500)
    sheet: str = Field("", description="A sheet's name; else all sheets.", max_length=255)


async def run(arguments: Arguments, reach: Reach) -> str:
    """Return the file's profile in full."""
    file = reach.file(arguments.file)
    profile = await reach.profiler.profile(reach.workspace, file)
    if profile is None:
        raise ToolFailed(f"{file.name!r} holds no table.")
    if arguments.sheet and "sheets" in profile:
        chosen = [each for each in profile["sheets"] if each["name"] == arguments.sheet]
        if not chosen:
            names = ", ".join(repr(each["name"]) for each in profile["sheets"][:40])
            raise ToolFailed(f"There is no sheet {arguments.sheet!r}. There are: {names}.")
        profile = {**profile, "sheets": chosen}
    return cut(f"{FOREWORD}\n\n{render_profile(file.name, profile)}")


TOOL = Tool(
    "describe_table",
    "Describe a file's sheets and tables in full: header rows, every column with its kind, "
    "samples, totals, formulas, objects, and the recipe that loads it. Use it where the facts "
    "given at the start are short.",
    Arguments,
    run,
)
