"""How a cell ended, and where its outputs go."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from container.errors import ContainerError
from container.messages import KernelMessage

OnOutput = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Receives one nbformat output, or another thing of `container.kernel.outputs.output_of`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecuteReply:
    """How one cell ended.

    Attributes:
        status: ``interrupted`` covers time-outs, cancels and output floods; ``died``
            means the kernel ended before it replied.
        execution_count: Jupyter's counter, when the kernel replied.
        seconds: Wall time from request to end.
        error: The typed reason when the container, not the code, ended the cell.
        ename: The exception's class name, for ``error``.
        evalue: The exception's message.
        traceback: Its plain-text lines.
    """

    status: Literal["ok", "error", "interrupted", "died"]
    execution_count: int | None = None
    seconds: float = 0.0
    error: ContainerError | None = None
    ename: str = ""
    evalue: str = ""
    traceback: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRequest:
    """An ``execute_request`` as a Jupyter client sent it, passed to the kernel as it is.

    Attributes:
        message: Its header, parent_header, metadata, content and buffers.
        on_reply: Gets the kernel's ``execute_reply``, if there is one.
        on_input: Gets each ``input_request``; answered with `KernelSession.answer_input`.
    """

    message: Mapping[str, Any]
    on_reply: Callable[[KernelMessage], None]
    on_input: Callable[[KernelMessage], None]


class RecordListener(Protocol):
    """Hears what a kernel said about a cell while nobody else listened."""

    async def message(self, message: KernelMessage) -> None:
        """Take one of its iopub messages (see `container.messages.read_message`), in order."""

    async def reply(self, content: Mapping[str, Any]) -> None:
        """Take the content of the ``execute_reply``, made out from the messages; comes last."""
