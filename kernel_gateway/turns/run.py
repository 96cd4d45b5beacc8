"""Runs one turn, from its first event to its stored result."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from agent.budget import TurnBudget
from agent.context.profiler import Profiler
from agent.egress.policy import Policies
from agent.permission.admission import TurnPorts
from agent.ports import Approver, Model
from agent.turn.cells import run_direct
from agent.turn.run import run_turn
from agent.turn_state import TurnState, turn_state_to_json
from container.kernel.execute_reply import ClientRequest
from kernel_gateway.contexts.manager import ExecutionContextManager
from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.errors import (
    ConversationReadOnly,
    EarlierRequestFailed,
    GatewayError,
    PermissionAlreadyDecided,
    error_body,
)
from kernel_gateway.events.log import EventLog
from kernel_gateway.network.broker import NetworkBroker
from kernel_gateway.store.repository import Repository
from kernel_gateway.store.retry import DatabaseRetry
from kernel_gateway.store.tables import TurnRow
from kernel_gateway.store.tombstones import Deletions
from kernel_gateway.store.turns import rows_of
from kernel_gateway.telemetry import Telemetry
from kernel_gateway.turns.approvals import Approvals, OwnCode, TurnApprover
from kernel_gateway.turns.embeddings import TurnEmbeddings
from kernel_gateway.turns.events import TurnEvents
from kernel_gateway.turns.grants import network_of
from kernel_gateway.turns.learned import StoredLearned
from kernel_gateway.turns.merge import close_merged, merge
from kernel_gateway.turns.modes import ConversationModes, TurnModes, give_back_left_files
from kernel_gateway.turns.office import OfficePanes, TurnOffice
from kernel_gateway.turns.outcome import Ending, execution_ending, key_of
from kernel_gateway.turns.past_turns import StoredTurns
from kernel_gateway.turns.undo import undo
from notebooks.errors import NotebookError
from notebooks.record.cells import utc_now


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnServices:
    """The services that all turns of this process use.

    Attributes:
        repository: Stores turns and permissions.
        events: The event log.
        contexts: Opens the path and has its kernel.
        approvals: Asks the user.
        profiler: Profiles the workbooks.
        model: Writes the code; ``None`` if none is configured.
        recorded: Has the recorded replies of the demo conversation.
        telemetry: Counts turns and cells.
        budget: The limits of a turn.
        deletions: The conversations being deleted.
        panes: The panes in Excel.
        retry: The database retry for a turn's state.
        network: Makes the network calls of cells.
        modes: The modes of conversations.
        egress: What must not leave kernels, by tenant.
        embeddings: Finds past turns by their meaning.
    """

    repository: Repository
    events: EventLog
    contexts: ExecutionContextManager
    approvals: Approvals
    profiler: Profiler
    model: Model | None
    recorded: Model
    telemetry: Telemetry
    budget: TurnBudget
    deletions: Deletions
    panes: OfficePanes
    retry: DatabaseRetry
    network: NetworkBroker
    modes: ConversationModes
    embeddings: TurnEmbeddings
    egress: Policies = field(default_factory=Policies)


class TurnRun:
    """One running turn; each step is stored and emitted as an event."""

    def __init__(
        self,
        services: TurnServices,
        row: TurnRow,
        state: TurnState,
        client: ClientRequest | None,
        notify: Callable[[], None],
        others_wait: Callable[[], bool] = lambda: False,
    ) -> None:
        """Create the run; nothing is done yet.

        Args:
            services: The services it uses.
            row: The turn's row.
            state: The state of its work.
            client: The Jupyter client's request, for kind ``jupyter``.
            notify: Called when the turn waits for a permission, and when it has ended.
            others_wait: Whether more of the path's Jupyter requests wait; then the last of them
                writes the notebook file.
        """
        self.row = row
        self._services, self._state, self._client = services, state, client
        self._notify, self._others_wait = notify, others_wait
        self._sink = TurnEvents(services.events, key_of(row), row.id, self._count)

    def _count(self, kind: str, data: Mapping[str, Any]) -> None:
        if kind != "cell.finished":
            return
        telemetry, seconds = self._services.telemetry, data["seconds"] or 0.0
        self._services.contexts.count_cell(key_of(self.row), seconds)
        telemetry.executions.labels(data["status"]).inc()
        telemetry.execution_seconds.observe(seconds)

    async def begin(self) -> None:
        """Emit ``turn.started`` and set the row's status.

        Both are stored in one transaction: a turn without that event is started again.
        """
        row = self.row
        facts: dict[str, Any] = {"kind": row.kind, "user": row.user}
        if row.kind in ("turn", "merge"):
            facts["request"] = row.request
        if self._state.recorded:
            facts["recorded"] = True
        if self._client is not None:  # its row is not stored yet
            row.status = "running"
            await self._sink.emit("turn.started", facts, add=rows_of(row))
        else:
            await self._sink.emit("turn.started", facts, update={"status": "running"})

    async def work(self) -> Ending:
        """Do the turn's work.

        Raises:
            AgentError: The agent failed.
            ContainerError: No kernel could start.
            NotebookError: A cell could not be recorded.
            GatewayError: The service failed, for example its database.
        """
        await self._check_earlier()
        contexts = self._services.contexts
        path = await contexts.open(key_of(self.row))
        path.in_use += 1
        modes = TurnModes(self._services.modes, self.row, path, contexts)
        try:
            await give_back_left_files(path, contexts)
            try:
                ending = await self._on(path, modes)
            finally:
                await modes.end()
        finally:
            path.in_use -= 1
        await contexts.touch(path)
        contexts.snapshots.consider(path)
        restored, path.restored = path.restored, None
        result = {**ending.result, "notebook_head": path.recorder.head}
        return replace(
            ending, result=result if restored is None else {"variables": restored, **result}
        )

    async def _check_earlier(self) -> None:
        """Raise `EarlierRequestFailed` if a turn that this one comes after has not ended well."""
        if not self._state.after:
            return
        rows = await self._services.repository.turns.of_ids(self.row.tenant, self._state.after)
        if (failed := next((row for row in rows if row.status != "ok"), None)) is not None:
            raise EarlierRequestFailed(failed.id, failed.request, failed.status)

    async def _on(self, path: OpenPath, modes: TurnModes) -> Ending:
        row, ports = self.row, self._ports(path, modes)
        if row.kind in ("merge", "undo") and (await modes.current()).name == "read-only":
            raise ConversationReadOnly(row.conversation)
        if row.kind == "merge":
            return await self._merge(ports)
        if row.kind == "undo":
            return await undo(row, path, self._services.contexts, ports, self._sink)
        if row.kind == "turn":
            return Ending("ok", {"answer": await run_turn(self._state, ports)})
        try:
            return execution_ending(await run_direct(self._state, ports, self._client))
        finally:
            if not self._others_wait():
                await path.recorder.write()

    async def _merge(self, ports: TurnPorts) -> Ending:
        row, services = self.row, self._services
        name, _, mode = row.request.partition(":")
        source = await services.contexts.open(key_of(row)._replace(path=name))
        ending = await merge(source, mode, self._state, ports)
        if ending.status == "ok":
            await close_merged(
                source.key,
                {"into": row.path, "mode": mode},
                row.user,
                services.repository,
                services.events,
                services.contexts,
            )
        return ending

    def _model(self) -> Model | None:
        if self.row.kind != "turn":
            return None
        return self._services.recorded if self._state.recorded else self._services.model

    def _ports(self, path: OpenPath, modes: TurnModes) -> TurnPorts:
        services, row = self._services, self.row

        async def save(state: TurnState) -> None:
            stored = turn_state_to_json(state)
            change = partial(services.repository.turns.change, row.tenant, row.id, state=stored)
            await services.retry.until_it_answers(change)

        own_code = row.kind == "jupyter"
        approver: Approver = (
            OwnCode(row.user)
            if own_code
            else TurnApprover(
                services.approvals, self._sink, row, waiting=self._notify, modes=modes
            )
        )
        return TurnPorts(
            model=self._model(),
            runtime=replace(
                services.contexts.runtime(path, self._sink.emit),
                network=network_of(
                    row, path, services.network, services.repository, self._sink, approver, modes
                ),
                egress=services.egress.of(row.tenant),
            ),
            approver=approver,
            sink=self._sink,
            profiler=services.profiler,
            hashes=path.hashes,
            past=StoredTurns(services.repository.turns, services.embeddings, row),
            save=save,
            own_code=own_code,
            office=TurnOffice(services.panes, self._sink, key_of(row), row.user, row.id),
            budget=services.budget,
            user=row.user,
            modes=modes,
            learned=StoredLearned(services.repository.learned, row),
        )

    async def finish(self, ending: Ending) -> None:
        """Emit ``turn.finished`` and update the row, in one transaction."""
        row, error = self.row, ending.error
        if error is not None and row.kind == "turn":
            await self._sink.emit("error", error)
        facts = {"status": ending.status, **ending.result}
        if error is not None:
            facts["error"] = error["error"]
        columns = {
            "status": ending.status,
            "result": ending.result or None,
            "error": error,
            "state": None,
            "finished_at": utc_now(),
        }
        path = await self._path()
        recorded = [] if path is None else path.recorder.unannounced(row.id)
        if recorded:
            facts["recorded"] = recorded
        await self._sink.emit("turn.finished", facts, update=columns)
        if path is not None:
            path.recorder.announced(recorded)
        for column, value in columns.items():
            setattr(row, column, value)
        if row.kind == "turn" and ending.status == "ok":
            self._services.embeddings.follow(row.tenant, row.user)
        telemetry = self._services.telemetry
        telemetry.turns.labels(row.kind, ending.status).inc()
        began = datetime.fromisoformat(row.created_at)
        telemetry.turn_seconds.labels(row.kind).observe((datetime.now(UTC) - began).total_seconds())
        self._notify()

    async def _path(self) -> OpenPath | None:
        """Return the turn's path, opened if a restart closed it; ``None`` if it can't be."""
        try:
            return await self._services.contexts.open(key_of(self.row))
        except (GatewayError, NotebookError, OSError):
            return None  # the turn ends all the same

    async def fail(self, failure: Exception) -> None:
        """End the turn with the error *failure*."""
        await self.finish(Ending("error", error=error_body(failure)))

    async def cancelled(self) -> None:
        """End a cancelled turn; deny the permission it waits for."""
        row, services = self.row, self._services
        if pending := await services.repository.permissions.pending(row.tenant, row.id):
            with contextlib.suppress(PermissionAlreadyDecided):
                await services.approvals.decide(row.tenant, pending.id, "deny", row.user)
        await self.finish(Ending("cancelled"))

    async def interrupted(self, cell: tuple[str, str] | None) -> None:
        """End a turn that can't resume; *cell*: id and outcome of its cell that a crash cut off."""
        if cell is not None and not (await self._sink.emitted(cell[0])).get("cell.finished"):
            facts = {"cell": cell[0], "status": cell[1], "seconds": None}
            await self._sink.emit("cell.finished", facts)
        error = {
            "code": "service-restarted",
            "message": "The service stopped during this request. Finished cells are recorded.",
            "hint": "Ask again; files and the notebook are kept, variables if the kernel lives.",
            "details": {},
        }
        await self.finish(Ending("interrupted", error={"error": error}))
