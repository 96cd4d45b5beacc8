"""Turns as the service runs them: one at a time per path, stored at every step."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from agent.admission import TurnPorts
from agent.budget import TurnBudget
from agent.errors import AgentError, InvalidRequest
from agent.ports import Approver, Model
from agent.profiler import Profiler
from agent.turn import check_request, run_direct, run_turn
from agent.turn_state import TurnState, turn_state_to_json
from container.errors import ContainerError
from container.execute_reply import ClientRequest
from kernel_gateway.approvals import Approvals, OwnCode, TurnApprover
from kernel_gateway.contexts.lifecycle import ExecutionContextManager
from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.errors import (
    Draining,
    GatewayError,
    NotFound,
    PermissionAlreadyDecided,
    QueueFull,
)
from kernel_gateway.events import EventLog, TurnEvents
from kernel_gateway.ids import PathKey, new_id
from kernel_gateway.merging import merge
from kernel_gateway.problems import problem_from_error
from kernel_gateway.store.repository import Repository
from kernel_gateway.store.tables import TurnRow
from kernel_gateway.store.turns import UNFINISHED, rows_of
from kernel_gateway.telemetry import Telemetry
from kernel_gateway.turn_results import execution_error, execution_result, key_of
from notebooks.cells import utc_now
from notebooks.errors import NotebookError

log = logging.getLogger("tallybook.turns")
SETTLED = frozenset({"ok", "error", "cancelled", "interrupted", "waiting"})
ServiceError = (AgentError, ContainerError, NotebookError, GatewayError)


@dataclass(slots=True)
class _Queue:
    """The turns of one path: the one that runs and those behind it.

    A turn in `ending` has its result and is only being stored: too late to cancel.
    """

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    ending: set[str] = field(default_factory=set)


class Turns:
    """Starts, resumes, cancels turns and tells how they ended."""

    def __init__(
        self,
        repository: Repository,
        events: EventLog,
        contexts: ExecutionContextManager,
        approvals: Approvals,
        profiler: Profiler,
        model: Model | None,
        telemetry: Telemetry,
        *,
        budget: TurnBudget,
        max_queue: int,
    ) -> None:
        self._repository, self._events, self._contexts = repository, events, contexts
        self._approvals, self._profiler, self._model = approvals, profiler, model
        self._budget, self._max_queue = budget, max_queue
        self._queues: dict[PathKey, _Queue] = {}
        self._changed: dict[str, asyncio.Event] = {}
        self._closing = self._draining = False
        self._telemetry = telemetry

    async def start(
        self,
        key: PathKey,
        user: str,
        *,
        kind: str,
        request: str,
        client: ClientRequest | None = None,
    ) -> TurnRow:
        """Queue a turn and return its row.

        Args:
            key: The path it is for.
            user: Who asks.
            kind: ``turn`` for a request in plain words, ``execute`` for code, ``merge`` for
                another path.
            request: The request, the code, or ``PATH:MODE``.
            client: The Jupyter client's request, for kind ``jupyter``: code somebody typed,
                who needs no further permission for it.

        Raises:
            InvalidRequest: The request is empty or too long, or holds a NUL character.
            QueueFull: Too many wait on this path.
            Draining: The service is being stopped.
        """
        if self._draining:
            raise Draining
        if "\x00" in request:
            raise InvalidRequest("The request holds a NUL character; remove it.")
        if kind == "turn":
            request = check_request(request, self._budget)
        queue = self._queues.setdefault(key, _Queue())
        if len(queue.tasks) >= self._max_queue:
            raise QueueFull(len(queue.tasks))
        row = TurnRow(
            id=new_id("turn"),
            tenant=key.tenant,
            conversation=key.conversation,
            path=key.path,
            user=user,
            kind=kind,
            request=request,
            status="queued",
            created_at=utc_now(),
        )
        if client is None:  # else it is stored with its first event: nobody waits for a receipt
            await self._repository.turns.add(row)
        self._launch(queue, row, TurnState(id=row.id, request=request), client=client)
        return row

    def _launch(
        self,
        queue: _Queue,
        row: TurnRow,
        state: TurnState,
        *,
        begun: bool = False,
        client: ClientRequest | None = None,
    ) -> None:
        task = asyncio.create_task(self._run(queue, row, state, client, begun=begun))
        queue.tasks[row.id] = task

        def forget(_: asyncio.Task[None]) -> None:
            queue.tasks.pop(row.id, None)
            queue.ending.discard(row.id)

        task.add_done_callback(forget)

    async def _run(
        self,
        queue: _Queue,
        row: TurnRow,
        state: TurnState,
        client: ClientRequest | None,
        *,
        begun: bool,
    ) -> None:
        relayed = client is not None
        sink = TurnEvents(self._events, key_of(row), row.id, self._heard(row), relayed=relayed)
        try:
            async with queue.lock:
                if not begun:
                    await self._begin(row, sink, new=client is not None)
                status, result, error = await self._work(row, state, sink, client)
                queue.ending.add(row.id)
                await self._finish(row, sink, status, result, error)
        except asyncio.CancelledError:
            if self._closing:
                return  # the next service settles it, as after a crash
            await asyncio.shield(self._cancelled(row, sink))
        except ServiceError as failure:
            queue.ending.add(row.id)
            await self._finish(row, sink, "error", None, problem_from_error(failure).body())
        except Exception as unforeseen:
            log.exception("turn %s failed", row.id)
            await self._finish(row, sink, "error", None, problem_from_error(unforeseen).body())

    def _heard(self, row: TurnRow) -> Callable[[str, Mapping[str, Any]], None]:
        def heard(kind: str, data: Mapping[str, Any]) -> None:
            if kind == "cell.finished":
                seconds = data["seconds"] or 0.0
                self._contexts.count_cell(key_of(row), seconds)
                self._telemetry.executions.labels(data["status"]).inc()
                self._telemetry.execution_seconds.observe(seconds)

        return heard

    async def _cancelled(self, row: TurnRow, sink: TurnEvents) -> None:
        if pending := await self._repository.permissions.pending(row.tenant, row.id):
            with contextlib.suppress(PermissionAlreadyDecided):
                await self._approvals.decide(row.tenant, pending.id, "deny", row.user)
        await self._finish(row, sink, "cancelled", None, None)

    async def _begin(self, row: TurnRow, sink: TurnEvents, *, new: bool) -> None:
        facts = {"kind": row.kind, "user": row.user}
        if row.kind in ("turn", "merge"):
            facts["request"] = row.request
        # Changed with the event, not before: a turn that nobody has seen begin is begun again.
        if new:
            row.status = "running"
            await sink.emit("turn.started", facts, add=rows_of(row))
        else:
            await sink.emit("turn.started", facts, settle={"status": "running"})

    async def _work(
        self, row: TurnRow, state: TurnState, sink: TurnEvents, client: ClientRequest | None
    ) -> tuple[str, dict[str, Any], dict[str, Any] | None]:
        """Do the turn's work; return its status, result and error body."""
        path = await self._contexts.open(key_of(row))
        path.in_use += 1
        try:
            ports = self._ports(row, sink, path)
            if row.kind == "merge":
                name, _, mode = row.request.partition(":")
                source = await self._contexts.open(key_of(row)._replace(path=name))
                status, result, failure = await merge(source, mode, row.id, ports)
            elif row.kind == "turn":
                answer = await run_turn(state, ports)
                status, result, failure = "ok", {"answer": answer}, None
            else:
                execution = await run_direct(state, ports, client)
                result = execution_result(execution)
                status = "ok" if execution.outcome == "ok" else "error"
                failure = execution_error(execution)
        finally:
            path.in_use -= 1
        await self._contexts.touch(path)
        result["notebook_head"] = path.recorder.head
        return status, result, failure

    def _ports(self, row: TurnRow, sink: TurnEvents, path: OpenPath) -> TurnPorts:
        async def save(state: TurnState) -> None:
            await self._repository.turns.change(row.tenant, row.id, state=turn_state_to_json(state))

        approver: Approver = (
            OwnCode(row.user)
            if row.kind == "jupyter"
            else TurnApprover(self._approvals, sink, row, waiting=lambda: self._tell(row.id))
        )
        return TurnPorts(
            model=self._model if row.kind == "turn" else None,
            bench=self._contexts.bench(path, sink.emit),
            approver=approver,
            sink=sink,
            profiler=self._profiler,
            hashes=path.hashes,
            save=save,
            budget=self._budget,
        )

    async def _finish(
        self,
        row: TurnRow,
        sink: TurnEvents,
        status: str,
        result: dict[str, Any] | None,
        error: dict[str, Any] | None,
    ) -> None:
        if error is not None and row.kind == "turn":
            await sink.emit("error", error)
        facts = {"status": status, **(result or {})}
        if error is not None:
            facts["error"] = error["error"]
        columns = {
            "status": status,
            "result": result,
            "error": error,
            "state": None,
            "finished_at": utc_now(),
        }
        await sink.emit("turn.finished", facts, settle=columns)
        for column, value in columns.items():
            setattr(row, column, value)
        self._telemetry.turns.labels(row.kind, status).inc()
        began = datetime.fromisoformat(row.created_at)
        self._telemetry.turn_seconds.labels(row.kind).observe(
            (datetime.now(UTC) - began).total_seconds()
        )
        self._tell(row.id)

    def _tell(self, turn_id: str) -> None:
        if event := self._changed.pop(turn_id, None):
            event.set()

    async def settled(self, tenant: str, turn_id: str) -> TurnRow:
        """Wait until a turn has ended or waits for a permission; return its row."""
        while True:
            changed = self._changed.setdefault(turn_id, asyncio.Event())
            row = await self._repository.turns.get(tenant, turn_id)
            if row.status in SETTLED:
                return row
            await changed.wait()

    async def ended(self, row: TurnRow) -> TurnRow | None:
        """Wait until a turn that `start` returned has ended; ``None`` if it never began."""
        queue = self._queues.get(key_of(row))
        if queue is not None and (task := queue.tasks.get(row.id)) is not None:
            await asyncio.wait({task})
        if row.status not in UNFINISHED:  # told by the task itself
            return row
        try:
            return await self._repository.turns.get(row.tenant, row.id)
        except NotFound:
            return None

    def depth(self) -> int:
        """Return how many turns run or wait."""
        return sum(len(queue.tasks) for queue in self._queues.values())

    @property
    def draining(self) -> bool:
        """Whether no new turns are taken."""
        return self._draining

    async def drain(self, seconds: float) -> int:
        """Take no new turns, and wait for those there are; return how many are left.

        A turn that waits for a permission is not waited for: it outlives a restart.
        """
        self._draining = True
        deadline = asyncio.get_running_loop().time() + seconds
        while left := await self._running():
            wait = deadline - asyncio.get_running_loop().time()
            if wait <= 0:
                break
            await asyncio.wait(left, timeout=min(wait, 1.0))
        return len(left)

    async def _running(self) -> list[asyncio.Task[None]]:
        waiting = {
            row.id for row in await self._repository.turns.unfinished() if row.status == "waiting"
        }
        return [
            task
            for queue in self._queues.values()
            for turn, task in queue.tasks.items()
            if turn not in waiting
        ]

    def busy(self, key: PathKey) -> bool:
        """Whether a turn of this path runs or waits."""
        queue = self._queues.get(key)
        return queue is not None and bool(queue.tasks)

    async def stop(self, key: PathKey, grace_seconds: float = 0.0) -> None:
        """Cancel every turn of a path and wait until none is left.

        Turns that end within *grace_seconds* by themselves are not cancelled.
        """
        queue = self._queues.pop(key, None)
        if queue is not None and queue.tasks and grace_seconds:
            await asyncio.wait(set(queue.tasks.values()), timeout=grace_seconds)
        for task in list(queue.tasks.values()) if queue is not None else ():
            task.cancel()
            await asyncio.wait({task})

    async def cancel(self, key: PathKey, turn_id: str | None = None) -> list[str]:
        """Cancel one turn of a path, or all of them; return their ids.

        A running cell is interrupted and recorded; variables are kept.
        """
        queue = self._queues.get(key, _Queue())
        if turn_id is not None and turn_id not in queue.tasks:
            raise NotFound("running turn", turn_id)
        chosen = [turn_id] if turn_id is not None else list(queue.tasks)
        chosen = [name for name in chosen if name not in queue.ending]
        for name in chosen:
            queue.tasks[name].cancel()
        return chosen

    def go_on(self, row: TurnRow, state: TurnState, *, begun: bool) -> None:
        """Queue a turn that a stopped service left; *begun* says that it was seen to begin."""
        queue = self._queues.setdefault(key_of(row), _Queue())
        self._launch(queue, row, state, begun=begun)

    async def end_interrupted(self, row: TurnRow, cell: tuple[str, str] | None) -> None:
        """End a turn that can't go on; *cell* is the one of it a crash left, and its outcome."""
        sink = TurnEvents(self._events, key_of(row), row.id)
        if cell is not None and not (await sink.told(cell[0])).get("cell.finished"):
            facts = {"cell": cell[0], "status": cell[1], "seconds": None}
            await sink.emit("cell.finished", facts)
        error = {
            "code": "service-restarted",
            "message": "The service stopped during this request. Finished cells are recorded.",
            "hint": "Ask again; files and the notebook are kept, variables if the kernel lives.",
            "details": {},
        }
        await self._finish(row, sink, "interrupted", None, {"error": error})

    async def aclose(self) -> None:
        """Stop every turn; each is settled when a service starts again."""
        self._closing = True
        tasks = [task for queue in self._queues.values() for task in queue.tasks.values()]
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
