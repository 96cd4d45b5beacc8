"""The interfaces that the agent needs from the layers around it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from container.kernel.session import KernelSession
from container.workspace.workspace import Workspace
from notebooks.history.checkpoints import Checkpoints
from notebooks.record.recorder import Recorder

Message = dict[str, Any]
"""One entry of a turn's history, plain JSON so that a paused turn can be stored.

``{"role": "user", "texts": [...]}``, ``{"role": "model", "content": {...}}`` with the
model's content unchanged (including thought signatures), or
``{"role": "tool", "name", "id", "response": {...}}``.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeCall:
    """Code the model wants to run.

    Attributes:
        code: Python source.
        parameters: Constants from the request: variable name → value.
        fenced: It came as a fenced block in the text, not as a function call.
    """

    code: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    fenced: bool = False


@dataclass(frozen=True, slots=True)
class ToolDeclaration:
    """A function that the model may call beside ``run_code``.

    Attributes:
        name: Its name.
        description: What it does, for the model.
        schema: JSON Schema of its arguments.
    """

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of such a function.

    Attributes:
        name: Its name; perhaps one that is not offered.
        arguments: As the model gave them, unchecked.
    """

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReply:
    """One finished reply of the model.

    Attributes:
        content: The model's content as JSON, to be sent back unchanged.
        text: Its text parts, joined.
        call: The code to run, if it asks for any.
        tool: The other function it calls, if any.
        bad_call: Why its function call is invalid, in plain words; else empty.
        tokens: ``prompt``, ``output`` and ``total``.
        version: The model version that answered.
    """

    content: Mapping[str, Any]
    text: str = ""
    call: CodeCall | None = None
    tool: ToolCall | None = None
    bad_call: str = ""
    tokens: Mapping[str, int] = field(default_factory=dict)
    version: str | None = None


class Model(Protocol):
    """A language model that writes code."""

    name: str

    async def generate(
        self,
        system: str,
        history: Sequence[Message],
        on_text: Callable[[str], Awaitable[None]],
        tools: Sequence[ToolDeclaration] = (),
    ) -> ModelReply:
        """Generate the next reply.

        Args:
            system: The system instruction.
            history: The turn's messages so far.
            on_text: Awaited with each piece of text as it streams in.
            tools: What it may call beside ``run_code``.

        Raises:
            ModelUnavailable, ModelRejected, ModelDeclined, ModelReplyBroken
        """

    async def aclose(self) -> None:
        """Close its connections."""


class EventSink(Protocol):
    """Stores and publishes a turn's events, durably and in order."""

    async def emitted(self, cell: str) -> Mapping[str, int]:
        """Return the number of stored events about *cell*, by kind."""

    async def flush(self) -> None:
        """Return once everything emitted so far is stored."""

    async def emit(self, kind: str, data: Mapping[str, Any]) -> None:
        """Number, store and publish one event.

        Returns after ``cell.finished``, ``permission.*``, ``error`` and ``turn.finished``
        are stored. Other kinds may be stored a moment later, but before they are published.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionRequest:
    """A request for permission to run a medium-risk cell.

    Attributes:
        id: Permanent id; the user's reply refers to it.
        capabilities: The capabilities to grant.
        explanation: The reason for the request, in plain words.
        imports: Modules the code imports.
        targets: Libraries, URLs or paths concerned.
        preview: The code.
        findings: The findings that require permission.
    """

    id: str
    capabilities: tuple[str, ...]
    explanation: str
    imports: tuple[str, ...]
    targets: tuple[str, ...]
    preview: str
    findings: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A user's answer, or the lack of one.

    Attributes:
        decision: ``once`` and ``always`` allow; ``deny`` and ``timeout`` don't.
        who: The user who decided; ``None`` for a time-out.
        at: When, ISO 8601.
        grant: The id of an earlier grant, if that decided without asking.
    """

    decision: Literal["once", "always", "deny", "timeout"]
    who: str | None
    at: str
    grant: str | None = None

    @property
    def allowed(self) -> bool:
        """Whether the code may run."""
        return self.decision in ("once", "always")


class Approver(Protocol):
    """Asks the user, waits, remembers grants."""

    async def granted(self, capabilities: Sequence[str]) -> Decision | None:
        """Return a standing grant that covers all *capabilities*; ``None`` without one."""

    async def ask(self, request: PermissionRequest) -> Decision:
        """Wait for a reply to *request*; a repeated id continues the same wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficePane:
    """A task pane in Excel that is connected now.

    Attributes:
        id: Its id, which it keeps when it reconnects.
        workbook: The open workbook: ``name`` and ``url`` (empty if it was never saved).
        tools: Names of the Office tools that it can do.
    """

    id: str
    workbook: Mapping[str, str]
    tools: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeCall:
    """What a pane is asked to do.

    Attributes:
        id: Permanent id; a call that is asked again after a restart keeps it, so that the pane
            does it once.
        pane: The pane that is asked.
        tool: The tool's name.
        arguments: Its arguments, checked.
        workbook: The workbook it is meant for.
        mutates: It changes the workbook.
    """

    id: str
    pane: str
    tool: str
    arguments: Mapping[str, Any]
    workbook: Mapping[str, str]
    mutates: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeReply:
    """What came of it: exactly one of *result* and *error* is set.

    Attributes:
        result: What the pane found or did, plain JSON.
        error: ``code``, ``message`` and ``hint``.
    """

    result: Mapping[str, Any] | None = None
    error: Mapping[str, str] | None = None


class Office(Protocol):
    """Reaches the workbook that the user has open in Excel."""

    def pane(self) -> OfficePane | None:
        """Return the user's pane on this path; ``None`` while there is none."""

    async def call(self, call: OfficeCall) -> OfficeReply:
        """Have the pane do *call*; no answer in time and a pane that left are errors as well."""


class PastTurns(Protocol):
    """What is stored of earlier turns and not in the notebook."""

    async def endings(self, turns: Sequence[str]) -> Mapping[str, str]:
        """Return how each of *turns* ended, in plain words; an unknown one is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathRuntime:
    """Where a path's cells run and are recorded.

    Attributes:
        workspace: The path's workspace.
        recorder: Its notebook.
        session: Returns the live kernel, starting one if there is none; the variables of a
            new one are rebuilt from the notebook.
        live_session: Returns the live kernel, or ``None``; starts none.
        has_clients: Whether Jupyter clients use the kernel and get its messages.
        take_state_note: Returns, once, which state could not be rebuilt in a new kernel, in
            plain words; empty if all was.
        compute: Stores the values of formulas in workbooks of the workspace, given their names;
            returns what was computed in each (see `agent.checks.formula_values`).
        checkpoints: Its checkpoints; ``None`` where none are made.
    """

    workspace: Workspace
    recorder: Recorder
    session: Callable[[], Awaitable[KernelSession]]
    live_session: Callable[[], KernelSession | None]
    has_clients: Callable[[], bool]
    take_state_note: Callable[[], str]
    compute: Callable[[Workspace, Sequence[str]], Awaitable[Mapping[str, Mapping[str, Any]]]]
    checkpoints: Checkpoints | None = None
