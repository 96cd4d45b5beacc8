"""The kernel channels of one path: messages between its kernel and all its Jupyter clients."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Iterable, Mapping
from typing import Protocol

from agent.cells.leaving import guarded_output, is_open
from agent.egress.policy import Action
from container.kernel.outputs import FIELDS, UPDATE
from container.kernel.session import KernelSession
from kernel_gateway.channels import synthetic_messages as answers
from kernel_gateway.channels.cursors import MOST_REMEMBERED, Cursors
from kernel_gateway.channels.message_policy import EXECUTE, not_taken, plain_request
from kernel_gateway.channels.replay import CatchUp
from kernel_gateway.channels.replies import MissedReplies
from kernel_gateway.channels.requests import QUEUE_FULL, Requests, ignore_output
from kernel_gateway.channels.views import HOLDING_MESSAGES, KIND
from kernel_gateway.channels.waiting import Asked
from kernel_gateway.channels.wire_format import Message, to_event
from kernel_gateway.contexts.manager import ExecutionContextManager
from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.errors import ConversationDeleted, DatabaseUnavailable
from kernel_gateway.events.log import EventLog
from kernel_gateway.ids import PathKey
from kernel_gateway.store.audit import Audit
from kernel_gateway.turns.queue import ServiceError, Turns

OUTPUTS = frozenset({*FIELDS, UPDATE})
ID_TAKEN = ("message-id-taken", "A request with this msg_id runs or waits; choose another.")
log = logging.getLogger("tallybook.channels")


class Listener(Protocol):
    """A connected Jupyter client."""

    session_id: str

    def deliver(self, message: Message) -> None:
        """Send a reply."""


class KernelChannels:
    """The kernel channels of one path; its kernel may end and be replaced.

    The kernel's iopub messages are appended to the path's event log, which clients follow.
    A reply goes to the client that sent the request, at once or when it reconnects.
    `kernel_gateway.channels.requests` runs the code.
    """

    def __init__(
        self,
        key: PathKey,
        contexts: ExecutionContextManager,
        events: EventLog,
        turns: Turns,
        cursors: Cursors,
        audit: Audit,
        actions: Mapping[str, Action],
    ) -> None:
        self.key = key
        self.execution_state = "starting"
        self.cursors = cursors
        self._contexts, self._events = contexts, events
        self._guards = None if is_open(actions) else actions
        self._listeners: dict[str, Listener] = {}
        self._missed = MissedReplies()
        self._asked_by: OrderedDict[str, str] = OrderedDict()
        self._requests = Requests(
            key, contexts, events, turns, audit, publish=self._publish, deliver=self.deliver
        )
        self._session: KernelSession | None = None
        self._watching: asyncio.Task[None] | None = None
        self._following = asyncio.Lock()
        self._closed = False
        self._catch_up: CatchUp | None = None

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._listeners)

    def join(self, listener: Listener) -> None:
        """Add a client and send it the replies it missed."""
        self._listeners[listener.session_id] = listener
        for message in self._missed.take(listener.session_id):
            listener.deliver(message)

    def leave(self, listener: Listener, unsent: Iterable[Message] = ()) -> None:
        """Remove a client; keep its replies, *unsent* ones first, until it reconnects."""
        if self._listeners.get(listener.session_id) is listener:
            del self._listeners[listener.session_id]
        for message in unsent:
            self._hand_over(listener.session_id, message)

    async def follow(self, path: OpenPath, *, late: bool = False) -> None:
        """Follow the path's current kernel; no later message is missed.

        Args:
            path: The path.
            late: An earlier run of the service may have followed this kernel: also publish
                the missing messages of its last cell.
        """
        async with self._following:  # a second caller returns only once the first is connected
            session = path.session
            if session is None or session is self._session:
                return
            if late:
                await self._prepare_to_catch_up(session)
            self._connect(session)
            if late:
                await self._begin_to_catch_up(session, path)

    async def _prepare_to_catch_up(self, session: KernelSession) -> None:
        cell = session.last_cell
        if cell is None:  # a new kernel: requests to the old one get no reply
            await self._publish(answers.status("restarting"))
            return
        stored = await self._events.containing(self.key, HOLDING_MESSAGES, json.dumps(cell))
        self._catch_up = await asyncio.to_thread(CatchUp, cell, stored, self._publish, self._late)
        session.record_listener = self._catch_up

    async def _begin_to_catch_up(self, session: KernelSession, path: OpenPath) -> None:
        interrupted = path.recorder.interrupted
        if interrupted is not None and interrupted.id == session.last_cell:
            return  # the turn that resumes this cell reads its record
        catch_up, self._catch_up = self._catch_up, None
        if (
            catch_up is not None
            and catch_up.begun
            and not catch_up.complete
            and not session.last_cell_busy
        ):
            await session.resume(ignore_output)
        session.record_listener = None

    def _late(self, message: Message) -> None:
        """Deliver the reply to a request that an earlier run of the service accepted."""
        parent = message["parent_header"]
        self._asked_by.setdefault(str(parent.get("msg_id")), str(parent.get("session")))
        self.deliver(message)

    def _connect(self, session: KernelSession) -> None:
        self._stop_following()
        if not self._closed:
            self._session = session
            session.on_message, session.on_reply = self._receive, self.deliver
            self._watching = asyncio.create_task(self._watch(session))

    def _stop_following(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
        if self._session is not None:
            self._session.on_message = self._session.on_reply = None
        self._session = None

    async def _receive(self, message: Message, emitted: bool) -> None:  # noqa: FBT001
        """Publish an iopub message of the kernel unless an event of its cell holds it."""
        if emitted:
            self._observe(message)
        elif self._catch_up is None or not self._catch_up.is_about(message):
            await self._publish({**message, "channel": "iopub"})  # else `CatchUp` publishes it

    async def _watch(self, session: KernelSession) -> None:
        """Publish the kernel's end, unless the service ended it."""
        await session.wait()
        path = await self._contexts.open(self.key)
        if path.session is session:
            await self._publish(answers.status("restarting"))

    def _observe(self, message: Message) -> None:
        if message["header"]["msg_type"] == "status":
            self.execution_state = str(message["content"].get("execution_state"))
            if self.execution_state == "idle":
                self._requests.end_emitted(str(message["parent_header"].get("msg_id")))

    async def _publish(self, message: Message) -> None:
        self._observe(message)
        if self._guards is not None and message["header"]["msg_type"] in OUTPUTS:
            content = await asyncio.to_thread(guarded_output, message["content"], self._guards)
            message = {**message, "content": content[0]}
        # The event log counts lost events and reports the failure to the turn.
        with contextlib.suppress(DatabaseUnavailable, ConversationDeleted):
            await self._events.append(
                self.key,
                KIND,
                to_event(message),
                None,
                wait=False,
                # Nothing depends on it alone: store it together with what follows.
                gather=message["content"].get("execution_state") == "busy",
                raise_earlier=False,
            )

    def deliver(self, message: Message) -> None:
        """Send a reply to the client that asked; keep it while that client is disconnected.

        Only the first reply to a request is delivered.
        """
        asked = str(message["parent_header"].get("msg_id", ""))
        ends = message["channel"] != "stdin"
        session_id = self._asked_by.pop(asked, None) if ends else self._asked_by.get(asked)
        if session_id is not None:  # else no client asked: the service itself did
            self._hand_over(session_id, message)

    def _hand_over(self, session_id: str, message: Message) -> None:
        if listener := self._listeners.get(session_id):
            listener.deliver(message)
        else:
            self._missed.keep(session_id, message)

    def take(
        self, message: Message, session_id: str, user: str, size: int
    ) -> Awaitable[None] | None:
        """Forward a client's message to the kernel, or refuse it.

        Args:
            message: As `kernel_gateway.channels.wire_format.decode` returns it.
            session_id: The client that sent it.
            user: The client's user.
            size: Size of its frame, in bytes (binary) or characters (text).

        Returns:
            An awaitable to finish before the client's next message; ``None`` if there is none.
        """
        header = message["header"]
        if self._is_taken(header["msg_id"]):
            return self._requests.refuse(message, *ID_TAKEN)
        self._asked_by[header["msg_id"]] = session_id
        while len(self._asked_by) > 10 * MOST_REMEMBERED:
            self._asked_by.popitem(last=False)
        if (refusal := not_taken(message)) is not None:
            return self._requests.refuse(message, *refusal)
        if header["msg_type"] == EXECUTE:
            return self._requests.ask(Asked(plain_request(message), user, size))
        if message["channel"] != "stdin":
            return self._forward(message)
        if self._session is not None:
            self._session.forward(message)
        return None

    def _is_taken(self, message_id: str) -> bool:
        """Whether a request with this id runs or waits: two replies would have the same parent."""
        session = self._session
        running = session.running_cell if session is not None else None
        return message_id == running or self._requests.has(message_id)

    async def _forward(self, message: Message) -> None:
        try:
            await self._contexts.get_or_create(self.key)
        except ServiceError as error:
            await self._requests.refuse(message, "kernel-unavailable", str(error))
            return
        if self._session is not None and not self._session.forward(message):
            await self._requests.refuse(message, *QUEUE_FULL)

    def abort_waiting(self) -> None:
        """Abort the queued requests."""
        self._requests.abort_waiting()

    async def interrupt(self) -> None:
        """Interrupt the running cell and abort the queued requests, as Jupyter does."""
        self._requests.abort_waiting()
        if self._session is not None:
            await self._session.interrupt()

    async def aclose(self) -> None:
        """Disconnect from the kernel; the kernel keeps running."""
        self._closed = True
        await self._requests.aclose()
        async with self._following:  # a catch-up finishes first
            watching = self._watching
            self._stop_following()
        if watching is not None:
            await asyncio.gather(watching, return_exceptions=True)
