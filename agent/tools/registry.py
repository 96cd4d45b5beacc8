"""The tools that are offered to the model, and one call of them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from agent.ports import ToolCall
from agent.tools import (
    describe_table,
    fetch_url,
    find_function,
    plan,
    read_preview,
    remember_preference,
    search_workbook,
    workbook_history,
)
from agent.tools.tool import Reach, Tool, ToolFailed
from container.errors import ContainerError

TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        describe_table.TOOL,
        find_function.TOOL,
        read_preview.TOOL,
        search_workbook.TOOL,
        workbook_history.TOOL,
        fetch_url.TOOL,
        plan.PLAN,
        plan.PLAN_STEP,
        remember_preference.TOOL,
    )
}
log = logging.getLogger("tallybook.tools")
DECLARATIONS = tuple(tool.declaration for tool in TOOLS.values())


async def call_tool(call: ToolCall, reach: Reach) -> dict[str, Any]:
    """Run the tool that *call* names.

    Args:
        call: The model's call.
        reach: What it may look at.

    Returns:
        The reply to the model: ``status`` and ``result``, or ``error`` with what is wrong.
    """
    tool = TOOLS.get(call.name)
    if tool is None:
        names = ", ".join(["run_code", "run_analysis", *TOOLS])
        return _failed(f"There is no function {call.name!r}. There are: {names}.")
    try:
        arguments = tool.arguments.model_validate(dict(call.arguments))
        return {"status": "ok", "result": await tool.run(arguments, reach)}
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:5]
        )
        return _failed(f"The arguments of {call.name} don't fit: {faults}.")
    except (ToolFailed, ContainerError) as error:
        return _failed(str(error))
    except Exception:  # a fault of a tool, or of a file, must not end the request
        log.exception("the tool %s failed", call.name)
        return _failed(f"{call.name} failed on this. Look it up with code instead.")


def called(call: ToolCall, status: str) -> dict[str, Any]:
    """Return what the event ``tool.called`` says of *call*."""
    shown = {str(name)[:60]: str(value)[:200] for name, value in list(call.arguments.items())[:8]}
    return {"name": call.name[:60], "arguments": shown, "status": status}


def _failed(why: str) -> dict[str, Any]:
    return {"status": "error", "error": why}
