"""Users' rights over their data: export all of it in one file, or delete all of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import shutil
import tempfile
import time
import zipfile
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from container.errors import ContainerError
from container.tree import remove
from container.workspace.workspace import Workspace
from kernel_gateway.cluster.membership import Membership
from kernel_gateway.contexts.manager import ExecutionContextManager
from kernel_gateway.contexts.state import Cleared
from kernel_gateway.conversations.rerun_records import PLACE as RERUNS
from kernel_gateway.conversations.reruns import Reruns
from kernel_gateway.errors import DeletionIncomplete, GatewayError
from kernel_gateway.events.log import EventLog
from kernel_gateway.ids import MAIN_PATH, PathKey
from kernel_gateway.store.audit import FORGOTTEN, audit_line
from kernel_gateway.store.repository import Repository
from kernel_gateway.store.tables import ConversationRow, columns_of
from kernel_gateway.store.tombstones import Deletions
from kernel_gateway.turns.queue import Turns
from notebooks.errors import BlobError, NotebookError
from notebooks.history.blobs import Blobs
from notebooks.history.checkpoints import PLACE as CHECKPOINTS
from notebooks.history.checkpoints import RANGES
from notebooks.record.shielded import shielded

MOST = 1_000_000
BATCH, BATCH_BYTES = 500, 4_000_000
CHUNK_BYTES = 1024 * 1024
REMOVAL_TRIES, REMOVAL_SECONDS = 50, 0.1
log = logging.getLogger("tallybook.data_rights")
RemoveElsewhere = Callable[[str, str], Awaitable[None]]


class DataRights:
    """Deletes and exports the data of conversations and users, and applies the retention."""

    def __init__(
        self,
        repository: Repository,
        contexts: ExecutionContextManager,
        events: EventLog,
        turns: Turns,
        reruns: Reruns,
        deletions: Deletions,
        membership: Membership | None = None,
        *,
        retention_days: float,
    ) -> None:
        self._repository, self._contexts = repository, contexts
        self._events, self._turns, self._reruns = events, turns, reruns
        self._deletions, self._membership = deletions, membership
        self._retention_days = retention_days

    async def remove_conversation(self, tenant: str, conversation: str, who: str) -> None:
        """Delete a conversation: turns, kernels, files, notebooks, events, rows.

        The audit list keeps its id and who removed it, not its content. If the service dies
        before the end, a second call completes the deletion.

        Raises:
            DeletionIncomplete: Files could not be removed; the conversation is still listed.
            DatabaseUnavailable: The files are gone; the conversation is still listed.
        """
        await shielded(self._delete(tenant, conversation, who))

    async def _delete(self, tenant: str, conversation: str, who: str) -> None:
        self._deletions.begin(conversation)
        try:
            await self._remove(tenant, conversation, who)
        except BaseException:
            self._deletions.give_up(conversation)
            raise

    async def _remove(self, tenant: str, conversation: str, who: str) -> None:
        for row in await self._repository.conversations.paths(tenant, conversation):
            key = PathKey(tenant, conversation, row.name)
            await self._contexts.part_from(key)
            await self._turns.stop(key)
            await self._reruns.stop(key)
            await self._contexts.forget(key)
            await self._contexts.part_from(key)  # again: a caller may have opened it just before
            self._events.forget(key)
        home = self._contexts.home(PathKey(tenant, conversation, MAIN_PATH)).parent
        await asyncio.to_thread(_remove_files, conversation, home)
        line = audit_line(tenant, who, "conversation.deleted", conversation, conversation)
        await self._repository.conversations.remove(tenant, conversation, line)
        await self._repository.database.drop_log()
        if self._membership is not None:
            self._membership.forget(conversation)

    async def remove_user(
        self, tenant: str, user: str, who: str, remove_elsewhere: RemoveElsewhere
    ) -> int:
        """Delete a user's conversations, grants and name; return how many conversations.

        Their requests in other users' conversations stay, without their name. The notebooks of
        those conversations keep the name of who allowed a cell: a change would break the chain.

        Args:
            tenant: The user's tenant.
            user: The user to delete.
            who: The user who asks for it.
            remove_elsewhere: Awaited with a node's address and one of its conversations;
                deletes that conversation there.
        """
        rows = await self._repository.conversations.of(tenant, user, MOST)
        for row in rows:
            if url := await self._elsewhere(row.id):
                await remove_elsewhere(url, row.id)
            else:
                await self.remove_conversation(tenant, row.id, who)
        await self._repository.audit.forget_user(tenant, user)
        self._events.read_anew(tenant)
        await self._repository.audit.add(
            tenant, who if who != user else FORGOTTEN, "user.deleted", "user"
        )
        return len(rows)

    async def remove_past_retention(self, limit: int) -> Cleared:
        """Delete up to *limit* conversations past their retention.

        A failure does not stop the others.
        """
        if not self._retention_days:
            return Cleared(done=0, failed=0)
        oldest = datetime.now(UTC) - timedelta(days=self._retention_days)
        when = oldest.isoformat(timespec="milliseconds")
        removed = failed = 0
        for row in await self._repository.conversations.created_before(when, limit):
            try:
                if await self._elsewhere(row.id) is None:  # else its own node deletes it
                    await self.remove_conversation(row.tenant, row.id, "retention")
                    removed += 1
            except (ContainerError, GatewayError, NotebookError, OSError):
                log.exception("conversation %s could not be deleted", row.id)
                failed += 1
        return Cleared(done=removed, failed=failed)

    async def _elsewhere(self, conversation: str) -> str | None:
        return await self._membership.elsewhere(conversation) if self._membership else None

    async def export_user(self, tenant: str, user: str) -> IO[bytes]:
        """Return a zip of everything about *user*: rows as JSON, notebooks, files.

        The file is temporary: closing it deletes it.
        """
        file = tempfile.TemporaryFile(prefix="tallybook-export-")  # noqa: SIM115 (handed on)
        try:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
                await self._fill(archive, tenant, user)
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return file

    async def _fill(self, archive: zipfile.ZipFile, tenant: str, user: str) -> None:
        repository = self._repository
        audit = await repository.audit.lines(
            tenant, before=None, limit=MOST, conversation=None, user=user
        )
        _add_json(archive, "audit.json", [columns_of(row) for row in audit])
        grants = await repository.permissions.grants(tenant, user)
        _add_json(archive, "grants.json", [columns_of(row) for row in grants])
        preferences = await repository.learned.preferences(tenant, user)
        _add_json(archive, "preferences.json", [columns_of(row) for row in preferences])
        worked = await repository.learned.worked(tenant, user)
        _add_json(archive, "worked_code.json", [columns_of(row) for row in worked])
        turns = await repository.turns.of_user(tenant, user)
        _add_json(archive, "turns.json", [columns_of(row) for row in turns])
        for conversation in await repository.conversations.of(tenant, user, MOST):
            await self._add_conversation(archive, conversation)

    async def _add_conversation(self, archive: zipfile.ZipFile, row: ConversationRow) -> None:
        top = f"conversations/{row.id}"
        _add_json(archive, f"{top}/conversation.json", columns_of(row))
        for path in await self._repository.conversations.paths(row.tenant, row.id):
            key = PathKey(row.tenant, row.id, path.name)
            place = f"{top}/{path.name}"
            _add_json(archive, f"{place}/path.json", columns_of(path))
            await self._add_events(archive, f"{place}/events.jsonl", key)
            home = self._contexts.home(key)
            await asyncio.to_thread(_add_files, archive, place, home)
        blobs = self._contexts.versions.of(row.id)
        await asyncio.to_thread(_add_versions, archive, f"{top}/versions", blobs)

    async def _add_events(self, archive: zipfile.ZipFile, name: str, key: PathKey) -> None:
        after = 0
        with archive.open(name, "w", force_zip64=True) as out:
            while rows := await self._repository.events.after(key, after, BATCH, BATCH_BYTES):
                for row in rows:
                    values = {**columns_of(row), "data": json.loads(row.data)}
                    out.write(json.dumps(values).encode() + b"\n")
                after = rows[-1].seq


def _remove_files(conversation: str, home: Path) -> None:
    for _ in range(REMOVAL_TRIES):  # a request that is ending may still write files
        remove(home)
        if not home.exists():
            return
        time.sleep(REMOVAL_SECONDS)
    raise DeletionIncomplete(conversation)


def _add_json(archive: zipfile.ZipFile, name: str, value: Sequence[Any] | dict[str, Any]) -> None:
    archive.writestr(name, json.dumps(value, indent=1))


def _add_versions(archive: zipfile.ZipFile, place: str, blobs: Blobs) -> None:
    unreadable: dict[str, str] = {}
    for sha256 in blobs.names():
        with tempfile.TemporaryFile(prefix="tallybook-export-") as whole:
            try:
                blobs.copy(sha256, whole)
            except BlobError as error:  # export the readable versions all the same
                unreadable[sha256] = str(error)
                continue
            whole.seek(0)
            with archive.open(f"{place}/{sha256}", "w", force_zip64=True) as out:
                shutil.copyfileobj(whole, out, CHUNK_BYTES)
    if unreadable:
        _add_json(archive, f"{place}/unreadable.json", unreadable)


def _add_files(archive: zipfile.ZipFile, place: str, home: Path) -> None:
    notebook = home / "notebook.ipynb"
    if notebook.is_file():
        archive.write(notebook, f"{place}/notebook.ipynb")
    for kind in (CHECKPOINTS, RANGES):
        for checkpoint in sorted((home / kind).glob("*.json")):
            with contextlib.suppress(FileNotFoundError):  # just deleted
                archive.write(checkpoint, f"{place}/{kind}/{checkpoint.name}")
    for report in sorted((home / RERUNS).glob("*.*")):
        with contextlib.suppress(FileNotFoundError):  # just deleted
            archive.write(report, f"{place}/{RERUNS}/{report.name}")
    workspace = Workspace.at(home / "workspace")
    if workspace is None:
        return
    for file in workspace.files():
        try:
            with (
                workspace.open_read(file.name) as source,
                archive.open(f"{place}/workspace/{file.name}", "w", force_zip64=True) as out,
            ):
                shutil.copyfileobj(source, out, CHUNK_BYTES)
        except ContainerError:
            continue  # just removed, or replaced by something that is no plain file
