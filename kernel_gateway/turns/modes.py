"""The mode of each conversation: stored with it, told to all its paths, as turns get it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from agent.modes import AUTO, Mode, mode_facts, mode_from
from container.workspace.kept_copy import keep_copy, put_copy_back
from container.workspace.workspace import MAX_LISTED
from kernel_gateway.contexts.manager import ExecutionContextManager
from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.errors import Conflict, ConversationDeleted, NotFound, StorageFull
from kernel_gateway.events.log import EventLog
from kernel_gateway.ids import PathKey, new_id
from kernel_gateway.store.audit import audit_line
from kernel_gateway.store.permissions import now
from kernel_gateway.store.repository import Repository
from kernel_gateway.store.tables import TurnRow
from notebooks.record.cells import utc_now
from notebooks.record.shielded import in_thread, shielded

CHANGED = "mode.changed"
MOST_KNOWN = 10_000
MODEL_KINDS = frozenset({"turn", "merge"})
"""Kinds of turns whose cells their user has not typed just now."""


class ConversationModes:
    """The modes of all conversations that this node works on."""

    def __init__(self, repository: Repository, events: EventLog) -> None:
        self._repository, self._events = repository, events
        self._known: dict[str, Mode] = {}  # the owner of a conversation alone changes its mode
        self._changing = asyncio.Lock()

    async def current(self, tenant: str, conversation: str) -> Mode:
        """Return the mode of a conversation now; one that has ended gives way to ``auto``.

        Raises:
            NotFound: The tenant has no such conversation.
        """
        mode = await self._stored(tenant, conversation)
        if mode.ends_at is not None and mode.ends_at <= now():
            await self._give_way(tenant, conversation, mode, "ended")
            mode = await self._stored(tenant, conversation)
        return mode

    async def count_cell(self, tenant: str, conversation: str) -> Mode:
        """Count a cell of an autonomous mode; return the mode that applies to the cell.

        A mode whose cells are spent gives way to ``auto``.
        """
        mode = await self.current(tenant, conversation)
        if mode.cells is None:
            return mode
        async with self._changing:
            mode = await self._stored(tenant, conversation)
            if mode.cells:
                return await self._store(tenant, conversation, replace(mode, cells=mode.cells - 1))
        await self._give_way(tenant, conversation, mode, "spent")
        return await self._stored(tenant, conversation)

    async def change(self, tenant: str, conversation: str, wanted: Mode, user: str) -> Mode:
        """Give a conversation the mode *wanted*, on behalf of *user*; return it.

        Raises:
            NotFound: The tenant has no such conversation.
        """
        mode = replace(wanted, id=new_id("mode"), by=user, at=utc_now())
        async with self._changing:
            before = await self._stored(tenant, conversation)
            await self._store(tenant, conversation, mode, user, "set", before)
        await self._tell(tenant, conversation, mode, user, "set")
        return mode

    async def _give_way(self, tenant: str, conversation: str, ended: Mode, why: str) -> None:
        """Change the mode *ended* to ``auto``, unless another one has taken its place."""
        async with self._changing:
            if (await self._stored(tenant, conversation)).id != ended.id:
                return
            mode = replace(AUTO, id=new_id("mode"), by=ended.by, at=utc_now())
            await self._store(tenant, conversation, mode, ended.by, why, ended)
        await self._tell(tenant, conversation, mode, None, why)

    async def _stored(self, tenant: str, conversation: str) -> Mode:
        if (known := self._known.get(conversation)) is None:
            row = await self._repository.conversations.get(tenant, conversation)
            known = self._keep(conversation, mode_from(row.mode))
        return known

    def _keep(self, conversation: str, mode: Mode) -> Mode:
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[conversation] = mode
        return mode

    async def _store(
        self,
        tenant: str,
        conversation: str,
        mode: Mode,
        user: str = "",
        why: str = "",
        before: Mode = AUTO,
    ) -> Mode:
        """Store *mode*; with *why* the audit list says so."""
        facts, line = mode_facts(mode), None
        if why:
            detail = {"mode": mode.name, "before": before.name, "why": why}
            detail |= {k: facts[k] for k in ("scope", "ends_at", "cells") if facts[k]}
            line = audit_line(tenant, user, CHANGED, conversation, conversation, **detail)
        await self._repository.conversations.set_mode(tenant, conversation, facts, line)
        return self._keep(conversation, mode)

    async def _tell(
        self, tenant: str, conversation: str, mode: Mode, who: str | None, why: str
    ) -> None:
        """Emit ``mode.changed`` on every path that goes on."""
        told = {k: v for k, v in mode_facts(mode).items() if k not in ("id", "by", "at")}
        facts = {"mode": told, "why": why, "who": who}
        with contextlib.suppress(ConversationDeleted, NotFound):
            for row in await self._repository.conversations.paths(tenant, conversation):
                if row.merged_into is None:
                    key = PathKey(tenant, conversation, row.name)
                    await self._events.append(key, CHANGED, facts, None)


class TurnModes:
    """The mode as it applies to one turn (see `agent.modes.Modes`)."""

    def __init__(
        self,
        modes: ConversationModes,
        row: TurnRow,
        path: OpenPath,
        contexts: ExecutionContextManager,
    ) -> None:
        self._modes, self._row, self._path, self._contexts = modes, row, path, contexts
        self._kept: Mapping[str, str] | None = None

    async def current(self) -> Mode:
        """Return the mode that applies to the turn now."""
        row = self._row
        return self._for_this_turn(await self._modes.current(row.tenant, row.conversation))

    async def begin_cell(self) -> Mode:
        """Count a cell that begins now; return the mode that applies to it."""
        row = self._row
        if self._for_this_turn(mode := await self.current()).cells is None:
            return mode
        return self._for_this_turn(await self._modes.count_cell(row.tenant, row.conversation))

    def _for_this_turn(self, mode: Mode) -> Mode:
        """Return ``auto`` for a mode that does not concern this turn.

        Code that the user has typed waits for nobody, but is kept from writing. An autonomous
        mode is the permission of the user who gave it.
        """
        if mode.name == "read-only":
            return mode
        if self._row.kind not in MODEL_KINDS or (
            mode.name == "autonomous" and mode.by != self._row.user
        ):
            return AUTO
        return mode

    async def on_a_copy(self) -> Mapping[str, str]:
        """Keep a copy of the files, once, until `end`; return the files that are kept."""
        if self._kept is None:
            path = self._path
            kept = await path.hashes.current(path.workspace)
            if len(kept) > MAX_LISTED:
                raise Conflict(f"A copy of more than {MAX_LISTED:,} files can't be made.")
            self._kept = kept  # before the copy: a cancellation in between must put it back
            try:
                await in_thread(keep_copy, path.workspace, path.kept_copy)
            except OSError:
                self._kept = None
                raise StorageFull from None
        return self._kept

    async def end(self) -> None:
        """Put the kept files back at the turn's end; what its cells left behind is gone.

        The kernel ends with the turn, whoever wrote its code: a thread, a task or a timer that it
        left behind would go on writing. The next cell's kernel gets its variables again.
        """
        if self._kept is not None:
            await shielded(self._end())

    async def _end(self) -> None:
        await self._contexts.terminate(self._path.key)
        await asyncio.to_thread(put_copy_back, self._path.workspace, self._path.kept_copy)


async def give_back_left_files(path: OpenPath, contexts: ExecutionContextManager) -> None:
    """Put back files that a read-only turn of an earlier run of the service kept."""
    if any(place.exists() for place in _places(path.kept_copy)):
        await contexts.terminate(path.key)
        await asyncio.to_thread(put_copy_back, path.workspace, path.kept_copy)


def _places(place: Path) -> tuple[Path, Path]:
    return place, place.with_name(f"{place.name}.returning")
