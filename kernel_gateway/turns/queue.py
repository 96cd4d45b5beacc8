"""The queue of turns: runs one at a time per path and stores each step."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import cast

from agent.errors import AgentError, InvalidRequest
from agent.turn.run import check_request
from agent.turn_state import PendingCode, TurnState, turn_state_to_json
from container.errors import ContainerError
from container.kernel.execute_reply import ClientRequest
from container.kernel.languages import PYTHON
from kernel_gateway.errors import (
    BadRequest,
    ConversationDeleted,
    Draining,
    GatewayError,
    NotFound,
    QueueFull,
)
from kernel_gateway.ids import PathKey, new_id
from kernel_gateway.store.retry import ENDLESS
from kernel_gateway.store.tables import TurnRow
from kernel_gateway.turns.outcome import key_of
from kernel_gateway.turns.run import TurnRun, TurnServices
from notebooks.errors import NotebookError
from notebooks.record.cells import utc_now

log = logging.getLogger("tallybook.turns")
ANSWERED = frozenset({"ok", "error", "cancelled", "interrupted", "waiting"})
ServiceError = (AgentError, ContainerError, NotebookError, GatewayError)


@dataclass(slots=True)
class _Queue:
    """The turns of one path, those of Jupyter clients included: one runs, the others wait.

    Attributes:
        lock: Held by the one that runs.
        tasks: By id, in order.
        of_clients: Ids of those of Jupyter clients; they have a limit of their own.
        ending: Ids of those that have their result and are only being stored: they can't be
            cancelled any more.
    """

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    of_clients: set[str] = field(default_factory=set)
    ending: set[str] = field(default_factory=set)


def _new_row(
    key: PathKey, user: str, kind: str, request: str, turn_id: str | None = None
) -> TurnRow:
    return TurnRow(
        id=turn_id or new_id("turn"),
        tenant=key.tenant,
        conversation=key.conversation,
        path=key.path,
        user=user,
        kind=kind,
        request=request,
        status="queued",
        created_at=utc_now(),
    )


class Turns:
    """Starts, resumes and cancels turns, and waits for their results."""

    def __init__(self, services: TurnServices, *, max_queue: int) -> None:
        """Run turns with *services*; a path has at most *max_queue* running and queued turns."""
        self._services, self._max_queue = services, max_queue
        self._queues: dict[PathKey, _Queue] = {}
        self._coming: Counter[PathKey] = Counter()  # turns being stored, before they are queued
        self._watching: dict[str, set[asyncio.Event]] = {}
        self._closing = self._draining = False

    async def start(
        self,
        key: PathKey,
        user: str,
        *,
        kind: str,
        request: str,
        language: str = PYTHON,
        advice: bool = False,
        after: Sequence[str] = (),
        recorded: bool = False,
    ) -> TurnRow:
        """Queue a turn and return its row.

        Args:
            key: The turn's path.
            user: The user who asks.
            kind: ``turn`` for a request in plain words, ``execute`` for code, ``merge`` for
                another path, ``undo`` to go back.
            request: The request, the code, ``PATH:MODE``, or an `UndoRequest` as JSON.
            language: That of the code.
            advice: Answer in words; nothing is run.
            after: Turns of this path that have to end well before it begins.
            recorded: The model's replies are recorded ones.

        Raises:
            InvalidRequest: The request is empty or too long, or holds a NUL character.
            QueueFull: Too many turns are queued on this path.
            Draining: The service is being stopped.
        """
        self._check(request)
        if kind == "turn":
            request = check_request(request, self._services.budget)
        self._check_room(key, 1)
        row = _new_row(key, user, kind, request)
        state = TurnState(
            id=row.id, request=request, advice=advice, after=list(after), recorded=recorded
        )
        if language != PYTHON:
            state.pending = PendingCode(code=request, language=language)
        said_by_the_row = TurnState(id=row.id, request=request)
        if state != said_by_the_row:
            row.state = turn_state_to_json(state)
        await self._add(key, row)
        self._launch(row, state)
        return row

    def check_all(self, key: PathKey, requests: Sequence[str]) -> None:
        """Raise what `start` would raise for one of *requests*, or for want of room for all."""
        for request in requests:
            self.check_words(request)
        self._check_room(key, len(requests))

    def check_words(self, request: str) -> None:
        """Raise what `start` would raise for *request* in plain words on a path without others."""
        self._check(request)
        check_request(request, self._services.budget)

    def _check_room(self, key: PathKey, count: int) -> None:
        queue = self._queues.get(key, _Queue())
        ahead = self._coming[key] + len(queue.tasks) - len(queue.of_clients)
        if count > self._max_queue:
            raise BadRequest(
                f"{count} requests can never wait on one path: {self._max_queue} are the most. "
                "Send fewer at once."
            )
        if ahead + count > self._max_queue:
            raise QueueFull(ahead, count)

    def _check(self, request: str) -> None:
        if self._draining:
            raise Draining
        if "\x00" in request:
            raise InvalidRequest("The request holds a NUL character; remove it.")

    @asynccontextmanager
    async def in_line(self, key: PathKey, turn_id: str) -> AsyncIterator[None]:
        """Run the block, for a Jupyter client, once all that was queued before it has ended.

        Args:
            key: The path.
            turn_id: The id by which the calling task can be cancelled.
        """
        queue = self._queues.setdefault(key, _Queue())
        queue.tasks[turn_id] = cast("asyncio.Task[None]", asyncio.current_task())
        queue.of_clients.add(turn_id)
        try:
            async with queue.lock:
                yield
        finally:
            self._leave(key, queue, turn_id)

    async def run_for_client(
        self,
        key: PathKey,
        user: str,
        turn_id: str,
        client: ClientRequest,
        others_wait: Callable[[], bool],
    ) -> TurnRow:
        """Run a Jupyter client's request as a turn, from within `in_line`.

        Args:
            key: The path.
            user: The client's user: they typed the code, so it needs no further permission.
            turn_id: The turn's id.
            client: The request.
            others_wait: Whether more such requests wait: the last one writes the notebook file.

        Returns:
            The turn's row; it is stored with the turn's first event, which saves a transaction.

        Raises:
            InvalidRequest: The code holds a NUL character.
            Draining: The service is being stopped.
        """
        code = client.message["content"]["code"]
        self._check(code)
        row = _new_row(key, user, "jupyter", code, turn_id)
        state = TurnState(id=row.id, request=code)
        run = TurnRun(self._services, row, state, client, lambda: self._notify(row.id), others_wait)
        await self._run(self._queues.get(key, _Queue()), run, begun=False, queued=False)
        return row

    async def _add(self, key: PathKey, row: TurnRow) -> None:
        self._coming[key] += 1
        try:
            await self._services.repository.turns.add(row)
        finally:
            self._coming[key] -= 1
            if not self._coming[key]:
                del self._coming[key]

    def _launch(self, row: TurnRow, state: TurnState, *, begun: bool = False) -> None:
        key = key_of(row)
        queue = self._queues.setdefault(key, _Queue())
        task = asyncio.create_task(self._run(queue, self._run_of(row, state), begun=begun))
        queue.tasks[row.id] = task
        task.add_done_callback(lambda _: self._leave(key, queue, row.id))

    def _leave(self, key: PathKey, queue: _Queue, turn_id: str) -> None:
        queue.tasks.pop(turn_id, None)
        queue.ending.discard(turn_id)
        queue.of_clients.discard(turn_id)
        if not queue.tasks and self._queues.get(key) is queue:
            del self._queues[key]
        self._notify(turn_id)  # wake waiters even if the turn could not be finished

    def _run_of(self, row: TurnRow, state: TurnState) -> TurnRun:
        return TurnRun(self._services, row, state, None, lambda: self._notify(row.id))

    async def _run(self, queue: _Queue, run: TurnRun, *, begun: bool, queued: bool = True) -> None:
        """Run a turn to its stored end; *queued*: wait until those before it have ended."""
        turn = run.row.id
        try:
            async with queue.lock if queued else contextlib.nullcontext():
                if not begun:
                    await run.begin()
                ending = await run.work()
                queue.ending.add(turn)
                await run.finish(ending)
        except asyncio.CancelledError:
            if self._closing:
                return  # the next service recovers it, as after a crash
            queue.ending.add(turn)
            await asyncio.shield(self._stored(run.cancelled))
        except ServiceError as failure:
            queue.ending.add(turn)
            await self._stored(partial(run.fail, failure))
        except Exception as unforeseen:
            if run.row.conversation not in self._services.deletions:
                log.exception("turn %s failed", turn)
            queue.ending.add(turn)
            await self._stored(partial(run.fail, unforeseen))

    @staticmethod
    async def _stored(end: Callable[[], Awaitable[None]]) -> None:
        """Run *end*, which finishes a turn; retry while the database is unavailable."""
        with contextlib.suppress(ConversationDeleted):
            await ENDLESS.until_it_answers(end)

    def _notify(self, turn_id: str) -> None:
        for changed in self._watching.get(turn_id, ()):
            changed.set()

    async def answered(self, row: TurnRow) -> TurnRow:
        """Wait until a turn that `start` returned has ended or waits for a permission.

        Raises:
            ConversationDeleted: Its conversation was deleted.
            Draining: The service stops; the next one recovers the turn.
        """
        changed, task = asyncio.Event(), self._task(row)
        watching = self._watching.setdefault(row.id, set())
        watching.add(changed)
        try:
            while True:
                over = task is None or task.done()  # check before the row is read
                stored = await self._stored_row(row)
                if stored is not None and stored.status in ANSWERED:
                    return stored
                if over:
                    raise self._unanswered(task)
                await changed.wait()
                changed.clear()
        finally:
            watching.discard(changed)
            if not watching:
                del self._watching[row.id]

    def _unanswered(self, task: asyncio.Task[None] | None) -> BaseException:
        """Return the reason why a turn whose task is done has no result."""
        if task is not None and not task.cancelled() and (failure := task.exception()):
            return failure  # an unexpected one
        return Draining() if self._closing else ConversationDeleted()

    def _task(self, row: TurnRow) -> asyncio.Task[None] | None:
        queue = self._queues.get(key_of(row))
        return queue.tasks.get(row.id) if queue is not None else None

    async def _stored_row(self, row: TurnRow) -> TurnRow | None:
        try:
            return await self._services.repository.turns.get(row.tenant, row.id)
        except NotFound:
            return None

    def depth(self) -> int:
        """Return the number of running and queued turns."""
        return sum(len(queue.tasks) for queue in self._queues.values())

    @property
    def closing(self) -> bool:
        """Whether the service stops: the next one recovers the turns."""
        return self._closing

    @property
    def draining(self) -> bool:
        """Whether new turns are refused."""
        return self._draining

    async def drain(self, seconds: float) -> int:
        """Refuse new turns and wait up to *seconds* for the others; return how many are left.

        Turns that wait for a permission don't count: they survive a restart.
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
        unfinished = await self._services.repository.turns.unfinished()
        waiting = {row.id for row in unfinished if row.status == "waiting"}
        return [
            task
            for queue in self._queues.values()
            for turn, task in queue.tasks.items()
            if turn not in waiting
        ]

    def busy(self, key: PathKey) -> bool:
        """Whether this path has a running or queued turn."""
        queue = self._queues.get(key)
        return queue is not None and bool(queue.tasks)

    async def stop(self, key: PathKey, grace_seconds: float = 0.0) -> None:
        """Wait up to *grace_seconds* for a path's turns, then cancel the others and await them."""
        queue = self._queues.pop(key, None)
        if queue is not None and queue.tasks and grace_seconds:
            await asyncio.wait(set(queue.tasks.values()), timeout=grace_seconds)
        await asyncio.sleep(0)  # see `cancel`
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
        await asyncio.sleep(0)  # let new tasks start: one cancelled before never updates its row
        chosen = [name for name in chosen if name in queue.tasks and name not in queue.ending]
        for name in chosen:
            queue.tasks[name].cancel()
        return chosen

    def go_on(self, row: TurnRow, state: TurnState, *, begun: bool) -> None:
        """Queue a turn of an earlier run of the service; *begun*: its first event is stored."""
        self._launch(row, state, begun=begun)

    async def end_interrupted(self, row: TurnRow, cell: tuple[str, str] | None) -> None:
        """End a turn that can't resume; *cell*: id and outcome of its cell that a crash cut off."""
        run = self._run_of(row, TurnState(id=row.id, request=row.request))
        await run.interrupted(cell)

    async def aclose(self) -> None:
        """Stop every turn; the next start of the service recovers them."""
        self._closing = True
        tasks = [task for queue in self._queues.values() for task in queue.tasks.values()]
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
