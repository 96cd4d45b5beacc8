"""Panes in Excel: which are connected, what they can do, and their replies to what is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.ports import OfficeCall, OfficePane, OfficeReply
from agent.tools.office.catalog import OFFICE_TOOLS
from kernel_gateway.errors import NotFound
from kernel_gateway.ids import PathKey
from kernel_gateway.store.audit import audit_line
from kernel_gateway.turns.events import TurnEvents

REPEAT = "It may have been done all the same: read the cells before you do it again."
MOST_CHARACTERS = 500
"""Of an error that a pane reports."""


@dataclass(slots=True)
class _Connected:
    """A pane, and the sockets that announced it: while it reconnects there may be two."""

    id: str
    user: str
    workbook: Mapping[str, str]
    tools: frozenset[str]
    sockets: set[object] = field(default_factory=set)


@dataclass(slots=True)
class _Waiting:
    """A call that has no reply yet."""

    key: PathKey
    user: str
    pane: str
    turn: str
    reply: asyncio.Future[OfficeReply]
    left: asyncio.TimerHandle | None = None


class OfficePanes:
    """The panes that are connected to this service, by path."""

    def __init__(self, *, seconds: float, away_seconds: float) -> None:
        """Wait *seconds* for a reply, and *away_seconds* for a pane that left to come back."""
        self.seconds, self.away_seconds = seconds, away_seconds
        self._panes: dict[PathKey, list[_Connected]] = {}
        self._waiting: dict[str, _Waiting] = {}

    def join(
        self,
        key: PathKey,
        user: str,
        socket: object,
        *,
        pane: str,
        workbook: Mapping[str, str],
        tools: frozenset[str],
    ) -> None:
        """Take note of a pane; one that is known has another workbook or tools from now on.

        Args:
            key: The path whose conversation the pane shows.
            user: Who has it open.
            socket: The connection that announces it.
            pane: Its id, which it keeps when it reconnects.
            workbook: ``name`` and ``url`` of the open workbook.
            tools: Names of the tools it can do; unknown ones are left out.
        """
        panes = self._panes.setdefault(key, [])
        known = next((each for each in panes if each.id == pane and each.user == user), None)
        if known is None:
            known = _Connected(pane, user, workbook, frozenset())
        else:
            panes.remove(known)
        panes.append(known)  # the last one to speak is asked
        known.workbook, known.tools = workbook, tools & OFFICE_TOOLS.keys()
        known.sockets.add(socket)
        for waiting in self._waiting.values():
            if (waiting.key, waiting.user, waiting.pane) == (key, user, pane) and waiting.left:
                waiting.left.cancel()
                waiting.left = None

    def leave(self, key: PathKey, socket: object) -> None:
        """Take note that *socket* closed; a call that waits is given some time for a return."""
        panes = self._panes.get(key, [])
        for each in [each for each in panes if socket in each.sockets]:
            each.sockets.discard(socket)
            if each.sockets:
                continue
            panes.remove(each)
            for waiting in self._waiting.values():
                if (waiting.key, waiting.user, waiting.pane) == (key, each.user, each.id):
                    self._expect_return(waiting)
        if not panes:
            self._panes.pop(key, None)

    def of(self, key: PathKey, user: str, pane: str | None = None) -> _Connected | None:
        """Return *user*'s pane that spoke last, or the one with the id *pane*."""
        for each in reversed(self._panes.get(key, [])):
            if each.user == user and (pane is None or each.id == pane):
                return each
        return None

    def reply(self, key: PathKey, user: str, call: str, reply: OfficeReply) -> None:
        """Hand a pane's reply to the turn that waits for it.

        Raises:
            NotFound: Nothing on this path waits for a reply of this user to *call*.
        """
        waiting = self._waiting.get(call)
        if waiting is None or (waiting.key, waiting.user) != (key, user):
            raise NotFound("waiting Excel request", call)
        if not waiting.reply.done():
            waiting.reply.set_result(reply)

    def turn_waiting(self, key: PathKey, user: str, call: str) -> str | None:
        """Return the turn that waits for *user*'s reply to *call*; ``None`` if none does."""
        waiting = self._waiting.get(call)
        fits = waiting is not None and (waiting.key, waiting.user) == (key, user)
        return waiting.turn if waiting is not None and fits else None

    def expect(self, call: OfficeCall, key: PathKey, user: str, turn: str) -> _Waiting:
        """Begin to wait for the reply to *call*; to be ended with `forget`."""
        reply = asyncio.get_running_loop().create_future()
        self._waiting[call.id] = waiting = _Waiting(key, user, call.pane, turn, reply)
        if self.of(key, user, call.pane) is None:
            self._expect_return(waiting)
        return waiting

    def forget(self, call: str) -> None:
        """End the wait for the reply to *call*."""
        waiting = self._waiting.pop(call, None)
        if waiting is not None and waiting.left is not None:
            waiting.left.cancel()

    def _expect_return(self, waiting: _Waiting) -> None:
        def gone() -> None:
            if not waiting.reply.done():
                waiting.reply.set_result(
                    failed("pane-gone", f"The pane in Excel was closed before it replied. {REPEAT}")
                )

        loop = asyncio.get_running_loop()
        waiting.left = waiting.left or loop.call_later(self.away_seconds, gone)


def failed(code: str, message: str, hint: str = "") -> OfficeReply:
    """Return the reply of a call that failed."""
    return OfficeReply(error={"code": code, "message": message, "hint": hint})


class TurnOffice:
    """The pane of a turn's user (see `agent.ports.Office`)."""

    def __init__(
        self, panes: OfficePanes, sink: TurnEvents, key: PathKey, user: str, turn: str
    ) -> None:
        self._panes, self._sink, self._key = panes, sink, key
        self._user, self._turn = user, turn

    def pane(self) -> OfficePane | None:
        """Return the user's pane; ``None`` while there is none."""
        found = self._panes.of(self._key, self._user)
        if found is None:
            return None
        return OfficePane(id=found.id, workbook=found.workbook, tools=found.tools)

    async def call(self, call: OfficeCall) -> OfficeReply:
        """Have the pane do *call*; each call and its end is an event and a line of the audit."""
        asked = {
            "id": call.id,
            "pane": call.pane,
            "workbook": dict(call.workbook),
            "tool": call.tool,
            "arguments": dict(call.arguments),
            "mutates": call.mutates,
            "seconds": self._panes.seconds,
        }
        # A call of before a restart is asked again of the same pane: it knows what it did.
        waiting = self._panes.expect(call, self._key, self._user, self._turn)
        try:
            line = self._line("office.requested", call, workbook=call.workbook["name"])
            await self._sink.emit("office.requested", asked, add=[line])
            reply = await self._reply(waiting)
        finally:
            self._panes.forget(call.id)
        error = dict(reply.error) if reply.error is not None else None
        status = "ok" if error is None else "error"
        facts = {"id": call.id, "tool": call.tool, "status": status, "error": error}
        facts["summary"] = str((reply.result or {}).get("summary", ""))[:MOST_CHARACTERS]
        line = self._line("office.replied", call, status=status, error=(error or {}).get("code"))
        await self._sink.emit("office.replied", facts, add=[line])
        return reply

    async def _reply(self, waiting: Any) -> OfficeReply:
        try:
            async with asyncio.timeout(self._panes.seconds):
                reply: OfficeReply = await waiting.reply
                return reply
        except TimeoutError:
            seconds = self._panes.seconds
            return failed("pane-silent", f"Excel gave no answer in {seconds:g} s. {REPEAT}")

    def _line(self, action: str, call: OfficeCall, **detail: Any) -> Any:
        return audit_line(
            self._key.tenant, self._user, action, call.id, self._key.conversation,
            tool=call.tool, **detail,
        )  # fmt: skip
