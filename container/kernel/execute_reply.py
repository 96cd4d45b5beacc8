"""Types for how a cell ended and for who receives its outputs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from container.errors import ContainerError
from container.messages import KernelMessage

OnOutput = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Receives one value of `container.kernel.outputs.output_of`."""

EmitMessage = Callable[[KernelMessage, Mapping[str, Any] | None], Awaitable[bool]]
"""Receives one of a cell's iopub messages and the output in it, if there is one.

Returns whether it emitted the message; if not, `KernelSession.on_message` does.
"""


async def emit_nothing(message: KernelMessage, output: Mapping[str, Any] | None) -> bool:
    """Leave *message* to `KernelSession.on_message`."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecuteReply:
    """How one cell ended.

    Attributes:
        status: ``interrupted`` covers time-outs, cancellations and output limits; ``died``
            means the kernel ended before it replied.
        execution_count: Jupyter's counter, when the kernel replied.
        seconds: Wall time from request to end.
        error: The typed error when the container, not the code, ended the cell.
        ename: The exception's class name, for ``error``.
        evalue: The exception's message.
        traceback: Its plain-text lines.
        inputs_read: Names of the uploads that it opened; ``None`` if that is not known. The
            kernel tells, so its code can lie about them.
        tables: What the kernel noted of tables read and written, by list (``reads``,
            ``writes``, ``steps``); as trustworthy, and of any shape below the lists.
    """

    status: Literal["ok", "error", "interrupted", "died"]
    execution_count: int | None = None
    seconds: float = 0.0
    error: ContainerError | None = None
    ename: str = ""
    evalue: str = ""
    traceback: tuple[str, ...] = ()
    inputs_read: tuple[str, ...] | None = None
    tables: Mapping[str, list[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRequest:
    """An ``execute_request`` as a Jupyter client sent it, passed to the kernel as it is.

    Attributes:
        message: Its header, parent_header, metadata, content and buffers.
        on_reply: Receives the kernel's ``execute_reply``, if there is one.
        on_input: Receives each ``input_request``; answer with `KernelSession.answer_input`.
    """

    message: Mapping[str, Any]
    on_reply: Callable[[KernelMessage], None]
    on_input: Callable[[KernelMessage], None]


class RecordListener(Protocol):
    """Receives the recorded messages of a cell that `KernelSession.resume` follows."""

    async def message(self, message: KernelMessage) -> None:
        """Receive one iopub message (see `container.messages.read_message`), in order."""

    async def reply(self, content: Mapping[str, Any]) -> None:
        """Receive an ``execute_reply`` content rebuilt from the messages; called last."""
