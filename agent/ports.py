"""The interfaces that the agent needs from the layers around it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from agent.egress.policy import Policy
from container.kernel.session import KernelSession
from container.workspace.workspace import Workspace
from notebooks.history.checkpoints import Checkpoints
from notebooks.lineage.record import RecordedCells
from notebooks.lineage.staleness import LiveCells
from notebooks.record.recorder import Recorder

Message = dict[str, Any]
"""One entry of a turn's history, plain JSON so that a paused turn can be stored.

``{"role": "user", "texts": [...]}``, ``{"role": "model", "text", "calls": [{"name", "id",
"arguments"}, …], "content"}`` (see `ModelReply`), or one
``{"role": "tool", "name", "id", "response": {...}}`` for each of those calls, in their order.
"""


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
    """A call of a function: ``run_code``, or one of those that were declared.

    Attributes:
        name: Its name; perhaps one that is not offered.
        arguments: As the model gave them; of ``run_code`` a ``code`` that is not empty and
            ``parameters`` that are an object, else unchecked.
        id: The model's id of the call; ``None`` where it gives none.
        problem: Why the call can't be used, in plain words; else empty.
    """

    name: str
    arguments: Mapping[str, Any]
    id: str | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReply:
    """One finished reply of the model.

    Attributes:
        text: Its text parts, joined.
        calls: The functions that it calls, in the order in which they are to run.
        fenced: Python in fenced blocks of its text, if it calls no function; else empty.
        problem: Why there is nothing to run or to answer with, in plain words, such as a reply
            cut at the longest output; else empty.
        content: What only this model understands of it (Gemini's thought signatures), as JSON,
            to be sent back unchanged.
        tokens: ``prompt``, ``output`` and ``total``; empty if the service does not count.
        version: The model version that answered.
    """

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    fenced: str = ""
    problem: str = ""
    content: Mapping[str, Any] = field(default_factory=dict)
    tokens: Mapping[str, int] = field(default_factory=dict)
    version: str | None = None


class Embedder(Protocol):
    """Makes vectors of texts: near ones of texts that mean the same."""

    async def embed(
        self, texts: Sequence[str], name: str, *, question: bool
    ) -> Sequence[Sequence[float]]:
        """Return the embedding of each of *texts*, by the embedding model *name*.

        Args:
            texts: At most 100.
            name: Of a model of the same service.
            question: They are questions; else they are what questions are about.

        Raises:
            ModelUnavailable, ModelRejected, ModelReplyBroken
        """


class Model(Embedder, Protocol):
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
        network: The calls of the network that the code holds (`agent.permission.network_calls`).
        always: What a standing permission for each capability covers, in plain words.
        mode: The mode of the conversation, if that is why the user is asked; else empty.
        plan: The steps that the model means to take: ``number``, ``title``, ``code``, ``status``.
    """

    id: str
    capabilities: tuple[str, ...]
    explanation: str
    imports: tuple[str, ...]
    targets: tuple[str, ...]
    preview: str
    findings: tuple[Mapping[str, Any], ...]
    network: tuple[Mapping[str, Any], ...] = ()
    always: tuple[str, ...] = ()
    mode: str = ""
    plan: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A user's answer, or the lack of one.

    Attributes:
        decision: ``once``, ``always`` and ``until`` (a time) allow; ``deny`` and ``timeout``
            don't.
        who: The user who decided; ``None`` for a time-out.
        at: When, ISO 8601.
        grant: The id of an earlier grant, if that decided without asking.
    """

    decision: Literal["once", "always", "until", "deny", "timeout"]
    who: str | None
    at: str
    grant: str | None = None

    @property
    def allowed(self) -> bool:
        """Whether the code may run."""
        return self.decision in ("once", "always", "until")


class Approver(Protocol):
    """Asks the user, waits, remembers grants."""

    async def granted(self, capabilities: Sequence[str]) -> Decision | None:
        """Return a standing grant that covers all *capabilities*; ``None`` without one."""

    async def ask(self, request: PermissionRequest) -> Decision:
        """Wait for a reply to *request*; a repeated id continues the same wait."""

    async def withdraw(self, request: PermissionRequest) -> None:
        """Close *request* once nobody waits for its reply; an earlier reply counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastTurn:
    """An answered request of the same user, in another conversation.

    Attributes:
        id: The turn's id.
        conversation: Its conversation.
        at: When it was asked, ISO 8601.
        request: The user's words.
        answer: The answer.
    """

    id: str
    conversation: str
    at: str
    request: str
    answer: str


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

    async def search(self, words: Sequence[str]) -> Sequence[PastTurn]:
        """Return the user's turns in other conversations that have at least half of *words*.

        Those that have more of them come first, then newer ones.
        """

    async def alike(self, request: str) -> Sequence[PastTurn]:
        """Return the user's turns in other conversations that mean about the same, nearest first.

        None if the model's service has no embeddings, or does not give them in time.
        """

    async def endings(self, turns: Sequence[str]) -> Mapping[str, str]:
        """Return how each of *turns* ended, in plain words; an unknown one is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What is at an address.

    Attributes:
        url: Where it came from, after redirects.
        status: The HTTP status.
        kind: The media type, as the server names it.
        body: The content, not compressed.
    """

    url: str
    status: int
    kind: str
    body: bytes


class CellNetwork(Protocol):
    """A cell's way to the network, through the service's broker."""

    async def fetch(self, url: str, granted: Sequence[str]) -> Fetched:
        """Return what is at *url*, for the model; follow redirects that are allowed as well.

        Raises:
            FetchRefused: It is not allowed, or failed.
        """

    def opened(
        self,
        directory: Path,
        cell: str,
        granted: Sequence[str],
        untimed: Callable[[], AbstractContextManager[None]],
    ) -> AbstractAsyncContextManager[Sequence[Mapping[str, Any]]]:
        """Let *cell* make calls during the block; yield the calls, which grow.

        The user is asked for an address that nothing covers.

        Args:
            directory: `KernelSession.network_directory` of its kernel.
            cell: Its id.
            granted: The capabilities that were granted to it alone; the user's standing ones
                count as well.
            untimed: The cell's time limit does not run while the user is asked.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class PathRuntime:
    """Where a path's cells run and are recorded.

    Attributes:
        workspace: The path's workspace.
        recorder: Its notebook.
        session: Returns the live Python kernel, starting one if there is none; the variables of a
            new one are rebuilt from the notebook.
        other_session: The same for a kernel of another language, by its name in
            `container.kernel.languages.KERNELS`.
        live_session: Returns the live Python kernel, or ``None``; starts none.
        has_clients: Whether Jupyter clients use the kernel and get its messages.
        take_state_note: Returns, once, which state could not be rebuilt in a new kernel, in
            plain words; empty if all was.
        compute: Stores the values of formulas in workbooks of the workspace, given their names;
            returns what was computed in each (see `agent.checks.formula_values`).
        checkpoints: Its checkpoints; ``None`` where none are made.
        network: The way of cells to the network; ``None`` where there is none.
        lineage: Whether cells are looked at for what they make stale.
        recorded: The notebook's cells as lineage reads them, kept from cell to cell.
        live: Those with variables, followed for what is stale, likewise.
        egress: What must not leave the kernel as it is.
    """

    workspace: Workspace
    recorder: Recorder
    session: Callable[[], Awaitable[KernelSession]]
    other_session: Callable[[str], Awaitable[KernelSession]]
    live_session: Callable[[], KernelSession | None]
    has_clients: Callable[[], bool]
    take_state_note: Callable[[], str]
    compute: Callable[[Workspace, Sequence[str]], Awaitable[Mapping[str, Mapping[str, Any]]]]
    checkpoints: Checkpoints | None = None
    network: CellNetwork | None = None
    lineage: bool = True
    recorded: RecordedCells = field(default_factory=RecordedCells)
    live: LiveCells = field(default_factory=LiveCells)
    egress: Policy = field(default_factory=Policy)
