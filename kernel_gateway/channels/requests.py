"""Runs the ``execute_request`` messages of one path's Jupyter clients, one at a time, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
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

NO_REPLY = ("interrupted", "The cell was cancelled, or its kernel gave no reply.")
QUEUE_FULL = ("queue-full", "Too many requests wait in line.")
LOST = ("outputs-lost", "What the cell showed last was lost.")


class Requests:
    """Runs requests as turns in `kernel_gateway.turns.queue`, like the path's other turns."""

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
        """Create the request queue of the path *key*.

        Args:
            key: The path.
            contexts: Has its kernel.
            events: The event log.
            turns: Runs the code that the notebook records.
            audit: Records the code that the notebook does not.
            publish: Awaited with each message for all clients.
            deliver: Called with each reply for the client that asked.
        """
        self._key, self._contexts, self._events = key, contexts, events
        self._turns, self._audit = turns, audit
        self._publish, self._deliver = publish, deliver
        self._waiting = Waiting()
        self._worker: asyncio.Task[None] | None = None
        self._running = ""  # msg_id of the running request
        self._end_emitted = False  # whether its idle status was published

    def end_emitted(self, request: str) -> None:
        """Note that the idle status of *request*, a ``msg_id``, was published."""
        self._end_emitted |= request == self._running

    def ask(self, asked: Asked) -> Awaitable[None] | None:
        """Queue a request, or refuse it if the queue is full.

        Returns:
            An awaitable to finish before the client's next message; ``None`` if there is none.
        """
        if not self._waiting.put(asked):
            return self.refuse(asked.message, *QUEUE_FULL)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return None

    async def _work(self) -> None:
        while (asked := self._waiting.next()) is not None:
            await self._run(asked)

    async def _abort(self, waiting: Sequence[Asked]) -> None:
        for asked in waiting:
            for answer in answers.aborted(asked.message):
                await self._answer(answer)

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
        aborted: list[Asked] = []
        delivering: list[asyncio.Task[None]] = []
        stop_on_error = asked.message["content"]["stop_on_error"]
        self._running, self._end_emitted = asked.message["header"]["msg_id"], False

        def on_reply(message: Message) -> None:
            reply: Message = {**message, "channel": "shell"}
            replies.append(reply)
            if stop_on_error and reply["content"].get("status") != "ok":
                aborted.extend(self._waiting.take_all())
            delivering.append(asyncio.create_task(self._deliver_behind_outputs(reply)))

        def on_input(message: Message) -> None:
            self._deliver({**message, "channel": "stdin"})

        request = ClientRequest(message=asked.message, on_reply=on_reply, on_input=on_input)
        try:
            problem = await self._execute(asked, request)
        except ServiceError as error:
            problem = (getattr(error, "code", "error"), str(error))
        if replies and not self._end_emitted:
            for end in answers.lost_end(asked.message, *(problem or LOST)):
                await self._publish(end)
        await asyncio.gather(*delivering)
        if not replies:
            aborted += self._waiting.take_all() if stop_on_error else []
            await self.refuse(asked.message, *(problem or NO_REPLY))
        await self._abort(aborted)

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
        turn = await self._turns.start(
            self._key, asked.user, kind="jupyter", request=code, client=request
        )
        ended = await self._turns.ended(turn)
        if texts:
            (await self._contexts.open(self._key)).unseen_code = True
        error = ((ended.error if ended is not None else None) or {}).get("error")
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

    async def abort_waiting(self) -> None:
        """Answer the queued requests as aborted."""
        await self._abort(self._waiting.take_all())

    async def aclose(self) -> None:
        """Stop running requests."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)


async def ignore_output(output: Mapping[str, Any]) -> None:
    """Drop *output*: a silent request shows none."""
