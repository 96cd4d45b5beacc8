"""Runs the ``execute_request`` messages of one path's Jupyter clients, one at a time, in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from container.errors import ContainerError
from container.kernel.execute_reply import ClientRequest
from kernel_gateway.channels import synthetic_messages as answers
from kernel_gateway.channels.message_policy import Refusal, forbidden, unseen
from kernel_gateway.channels.waiting import Asked, Waiting
from kernel_gateway.channels.wire_format import Message
from kernel_gateway.contexts.manager import ExecutionContextManager
from kernel_gateway.events.log import EventLog
from kernel_gateway.ids import PathKey
from kernel_gateway.store.audit import Audit
from kernel_gateway.turns.queue import ServiceError, Turns

log = logging.getLogger("tallybook.channels")
NO_REPLY = ("interrupted", "The cell was cancelled, or its kernel gave no reply.")
QUEUE_FULL = ("queue-full", "Too many requests wait in line.")
LOST = ("outputs-lost", "What the cell showed last was lost.")


class Requests:
    """Runs requests in the path's queue of turns (`kernel_gateway.turns.queue`)."""

    def __init__(
        self,
        key: PathKey,
        contexts: ExecutionContextManager,
        events: EventLog,
        turns: Turns,
        audit: Audit,
        *,
        publish: Callable[[Message], Awaitable[None]],
        deliver: Callable[[Message], None],
    ) -> None:
        """Run requests of the path *key*.

        Args:
            key: The path.
            contexts: Has its kernel.
            events: The event log.
            turns: The queue; runs the code that the notebook records.
            audit: Records the code that the notebook does not.
            publish: Awaited with each message for all clients.
            deliver: Called with each reply for the client that asked.
        """
        self._key, self._contexts, self._events = key, contexts, events
        self._turns, self._audit = turns, audit
        self._publish, self._deliver = publish, deliver
        self._waiting = Waiting()
        self._tasks: set[asyncio.Task[None]] = set()
        self._running = ""  # msg_id of the running request
        self._end_emitted = False  # whether its idle status was published

    def end_emitted(self, request: str) -> None:
        """Note that the idle status of *request*, a ``msg_id``, was published."""
        self._end_emitted |= request == self._running

    def ask(self, asked: Asked) -> Awaitable[None] | None:
        """Queue a request, or refuse it if too many of the path's clients wait.

        Returns:
            An awaitable to finish before the client's next message; ``None`` if there is none.
        """
        if not self._waiting.put(asked):
            return self.refuse(asked.message, *QUEUE_FULL)
        asked.task = asyncio.create_task(self._serve(asked))
        self._tasks.add(asked.task)
        asked.task.add_done_callback(self._tasks.discard)
        return None

    async def _serve(self, asked: Asked) -> None:
        """Run a request, or answer it as aborted; the last one leaves the notebook file written."""
        await self._serve_in_line(asked)
        if not self._waiting.any_to_run():  # the one before counted on this one, which may not run
            try:
                await (await self._contexts.open(self._key)).recorder.write()
            except (OSError, *ServiceError) as error:
                log.warning("the notebook of %s is not written yet: %s", self._key, error)

    async def _serve_in_line(self, asked: Asked) -> None:
        """Run a request when its time comes; answer it as aborted if it must not run."""
        asked.started = True
        try:
            if not asked.aborted:
                async with self._turns.in_line(self._key, asked.turn_id):
                    if not asked.aborted:
                        self._waiting.take(asked)
                        await self._run(asked)
                        return
        except asyncio.CancelledError:
            if self._turns.closing or not self._waiting.has(asked):
                raise  # the service stops, or the request has begun
        self._waiting.take(asked)
        for answer in answers.aborted(asked.message):
            await self._answer(answer)

    def has(self, message_id: str) -> bool:
        """Whether a request with this ``msg_id`` runs or waits."""
        return message_id == self._running or message_id in self._waiting.message_ids()

    async def refuse(self, message: Message, code: str, reason: str) -> None:
        """Answer a message that is not forwarded to a kernel."""
        for answer in answers.refusal(message, code, reason):
            await self._answer(answer)

    async def _answer(self, message: Message) -> None:
        if message["channel"] == "iopub":
            await self._publish(message)
        else:
            self._deliver(message)

    async def _run(self, asked: Asked) -> None:
        """Run one request; if it fails, abort the requests queued behind it by then."""
        replies: list[Message] = []
        delivering: list[asyncio.Task[None]] = []
        stop_on_error = asked.message["content"]["stop_on_error"]
        self._running, self._end_emitted = asked.message["header"]["msg_id"], False

        def on_reply(message: Message) -> None:
            replies.append(message)
            if stop_on_error and message["content"].get("status") != "ok":
                self._waiting.abort()
            delivering.append(asyncio.create_task(self._deliver_behind_outputs(message)))

        def on_input(message: Message) -> None:
            self._deliver({**message, "channel": "stdin"})

        request = ClientRequest(message=asked.message, on_reply=on_reply, on_input=on_input)
        try:
            problem = await self._execute(asked, request)
        except ServiceError as error:
            problem = (getattr(error, "code", "error"), str(error))
        except asyncio.CancelledError:
            if not replies and not self._turns.closing:
                await self.refuse(asked.message, *NO_REPLY)
            raise
        self._running = ""
        if replies and not self._end_emitted:
            for end in answers.lost_end(asked.message, *(problem or LOST)):
                await self._publish(end)
        await asyncio.gather(*delivering)
        if not replies:
            await self.refuse(asked.message, *(problem or NO_REPLY))
            if stop_on_error:
                self._waiting.abort()
        self._waiting.wake_aborted()  # behind this one's reply

    async def _deliver_behind_outputs(self, reply: Message) -> None:
        """Deliver *reply* once the cell's outputs are stored: the client sees the outputs first."""
        await self._events.written(self._key)
        self._deliver(reply)

    async def _execute(self, asked: Asked, request: ClientRequest) -> Refusal | None:
        """Run the request; return the error code and message if it did not complete."""
        content = asked.message["content"]
        if (refusal := forbidden(content)) is not None:
            return refusal
        texts = unseen(content)
        if texts:
            name, conversation = self._key.path, self._key.conversation
            await self._audit.add(
                self._key.tenant, asked.user, "code.unseen", name, conversation, code=texts
            )
        code = content["code"]
        if content["silent"]:
            return await self._execute_silently(code, request)
        turn = await self._turns.run_for_client(
            self._key, asked.user, asked.turn_id, request, self._waiting.any_to_run
        )
        if texts:
            (await self._contexts.open(self._key)).unseen_code = True
        error = (turn.error or {}).get("error")
        return (str(error["code"]), str(error["message"])) if error else None

    async def _execute_silently(self, code: str, request: ClientRequest) -> Refusal | None:
        """Run a silent request: its outputs are not shown, and the notebook does not record it."""
        path = await self._contexts.open(self._key)
        path.in_use += 1  # so that its kernel is not evicted for another path's
        try:
            await self._contexts.get_or_create(self._key)
            if path.live is None:
                raise ContainerError("The kernel ended just now.")
            path.unseen_code = True
            reply = await path.live.execute(code, ignore_output, client=request)
        finally:
            path.in_use -= 1
        return (reply.error.code, str(reply.error)) if reply.error else None

    def abort_waiting(self) -> None:
        """Abort the queued requests; each is answered as such."""
        self._waiting.abort()
        self._waiting.wake_aborted()

    async def aclose(self) -> None:
        """Stop running requests."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def ignore_output(output: Mapping[str, Any]) -> None:
    """Drop *output*: a silent request shows none."""
