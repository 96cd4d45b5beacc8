"""What goes back to the model in a turn, and what must not leave with it."""

from __future__ import annotations

from typing import Any

from agent.egress.outgoing import guarded_value
from agent.permission.admission import TurnPorts
from agent.ports import Message
from agent.prompts.quoting import quoted_lines
from agent.turn_state import TurnState


async def may_leave(value: Any, ports: TurnPorts) -> Any:
    """Return *value*, which comes from files or the kernel, as the model may have it."""
    may, findings = guarded_value(value, ports.runtime.egress.model)
    if findings:
        await ports.sink.emit("output.redacted", {"towards": "model", "findings": findings})
    return may


def repair(state: TurnState, error: str) -> None:
    """Count a failed, blocked or unusable reply."""
    state.repairs += 1
    state.last_error = error


def reply_to(state: TurnState, response: dict[str, Any]) -> None:
    """Add the result of the code to the history, in the form of the model's call."""
    message: Message
    if state.answering is not None:
        message = {"role": "tool", **state.answering, "response": response}
    else:
        text = "\n".join(f"{k}:\n{quoted_lines(str(v))}" for k, v in response.items())
        message = {"role": "user", "texts": ["What came of your code:\n" + text]}
    state.history.append(message)
