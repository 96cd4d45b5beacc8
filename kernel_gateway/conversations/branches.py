"""Branch a path from any of its turns, and merge a branch into another path."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import IntegrityError

from container.errors import ContainerError
from container.tree import remove
from container.workspace.copy import copy_files, new_file
from container.workspace.workspace import INPUTS, Workspace
from kernel_gateway.contexts.manager import ExecutionContextManager
from kernel_gateway.contexts.open_path import OpenPath, put_in_place, unfinished
from kernel_gateway.errors import BadRequest, Conflict, NotFound
from kernel_gateway.events.log import EventLog
from kernel_gateway.ids import PathKey, path_name
from kernel_gateway.store.audit import audit_line
from kernel_gateway.store.conversations import new_branch
from kernel_gateway.store.repository import Repository
from kernel_gateway.store.tables import NewRow, PathRow, TurnRow, columns_of
from kernel_gateway.store.turns import UNFINISHED
from kernel_gateway.turns.queue import Turns
from notebooks.errors import BlobError, BlobNotFound
from notebooks.history.snapshots import owner_of
from notebooks.record.shielded import in_thread, shielded
from notebooks.record.undone import checkpoints_of

CREATED = "path.created"
MOST_PATHS = 100
log = logging.getLogger("tallybook.paths")


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A branch just made.

    Attributes:
        row: Its row.
        to_remake: Files that have changed since the branched turn and whose earlier content is
            not kept; replaying the cells writes them again before the branch's first cell.
    """

    row: PathRow
    to_remake: list[str]


class Branches:
    """Creates and merges branches."""

    def __init__(
        self,
        repository: Repository,
        contexts: ExecutionContextManager,
        events: EventLog,
        turns: Turns,
    ) -> None:
        self._repository, self._contexts = repository, contexts
        self._events, self._turns = events, turns
        self._being_made: set[PathKey] = set()
        self._naming = asyncio.Lock()

    async def branch(self, source: PathKey, title: str, turn_id: str | None, user: str) -> Branch:
        """Create a path that continues from the state of *source* after a turn.

        The branch gets copies of the inputs and of the files of that time, and a notebook that
        begins with the inherited cells. The variables are restored at its first cell.

        Args:
            source: The path to branch from.
            title: The user's name for the branch.
            turn_id: The turn to branch after; ``None`` for the last one.
            user: The user who asks.

        Raises:
            NotFound: *source* has no such turn.
            Conflict: The turn has not ended, or there are too many paths.
            BadRequest: *title* has no letter or digit.
        """
        if turn_id is not None:
            await self._check_turn(source, turn_id)
        elif self._turns.busy(source):
            raise Conflict("A request is running on this path; name the turn to branch from.")
        async with self._naming:
            key = await self._free_name(source, title)
            self._being_made.add(key)
        try:
            row = new_branch(key, title.strip(), source.path, turn_id or "")
            return await self._make(source, key, row, user)
        finally:
            self._being_made.discard(key)

    async def _make(self, source: PathKey, key: PathKey, row: PathRow, user: str) -> Branch:
        """Fill a temporary directory, store the branch's row, then rename the directory.

        A crash leaves no branch or a complete one: opening a path finishes the renaming.
        """
        home, turn_id = self._contexts.home(key), row.source_turn or None
        opened = await self._contexts.open(source)
        try:
            to_remake = await in_thread(_make_home, opened, home, key, turn_id)
        except BaseException as error:
            await shielded(asyncio.to_thread(remove, unfinished(home)))
            if isinstance(error, KeyError):
                raise NotFound("cell of turn", turn_id or "") from None
            raise
        await shielded(self._enter(key, row, user))
        await in_thread(put_in_place, home)
        return Branch(row=row, to_remake=to_remake)

    async def _enter(self, key: PathKey, row: PathRow, user: str) -> None:
        """Store a branch's row, its first event and its audit entry in one transaction.

        The directory stays even on an error: the transaction may have been committed.
        """
        facts = {
            "source_path": row.source_path,
            "source_turn_id": row.source_turn or None,
            "title": row.title,
        }
        line = audit_line(key.tenant, user, CREATED, key.path, key.conversation, **facts)
        rows: list[NewRow] = [(PathRow, columns_of(row)), line]
        try:
            await self._events.append(key, CREATED, facts, None, add=rows)
        except IntegrityError:
            raise Conflict(f"Path {key.path!r} was made by somebody else just now.") from None

    async def _check_turn(self, source: PathKey, turn_id: str) -> TurnRow:
        turn = await self._repository.turns.get(source.tenant, turn_id)
        if (turn.conversation, turn.path) != (source.conversation, source.path):
            raise NotFound("turn", turn_id)
        if turn.status in UNFINISHED:
            raise Conflict(f"Turn {turn_id} has not ended yet.")
        return turn

    async def _free_name(self, source: PathKey, title: str) -> PathKey:
        base = path_name(title)
        if not base:
            raise BadRequest(f"The name {title[:40]!r} has no letter or digit.")
        # Read the branches being made first: one finished after this is in the rows below.
        taken = {k.path for k in self._being_made if k.conversation == source.conversation}
        rows = await self._repository.conversations.paths(source.tenant, source.conversation)
        taken |= {row.name for row in rows}
        if len(taken) >= MOST_PATHS:
            raise Conflict(f"A conversation has at most {MOST_PATHS} paths.")
        numbered = (f"{base}-{number}" for number in range(2, MOST_PATHS + 2))
        name = next(name for name in (base, *numbered) if name not in taken)
        return source._replace(path=name)

    async def merge(self, source: PathKey, target: str, mode: str, user: str) -> TurnRow:
        """Merge *source* into another path of its conversation, and end its context.

        Args:
            source: The path that ends.
            target: The path that goes on.
            mode: ``summary`` notes the requests and answers; ``full`` also runs the path's own
                cells again in the target.
            user: The user who asks.

        Returns:
            The merge's turn. If a cell fails in the target, the turn ends with an error and
            *source* stays as it was.

        Raises:
            Conflict: A request runs on one of the paths, or both are the same path.
        """
        into = source._replace(path=target)
        if source == into:
            raise Conflict("A path can't be merged into itself.")
        for key in (source, into):
            if self._turns.busy(key):
                raise Conflict(f"A request is running on path {key.path!r}; wait for its end.")
        started = await self._turns.start(into, user, kind="merge", request=f"{source.path}:{mode}")
        return await self._turns.answered(started)


def _make_home(source: OpenPath, home: Path, key: PathKey, turn: str | None) -> list[str]:
    """Fill a branch's directory; return the files that must be written again."""
    made = unfinished(home)
    for left in (home, made):  # left by a crash: no such path is stored
        if left.exists():
            remove(left)
    made.mkdir(mode=0o700)  # fails if the conversation was deleted: its directory is gone
    source.recorder.branch(made, conversation=key.conversation, path=key.path, turn=turn)
    source.checkpoints.inherit(made, checkpoints_of(source.recorder.cells, turn))
    source.snapshots.inherit(made, owner_of(*key))
    workspace = Workspace.create(made / "workspace")
    present = {file.name for file in source.workspace.files()}
    then = source.recorder.files_after(turn) if turn is not None else {}
    changed = {n: sha for n, sha in then.items() if n not in present or _sha(source, n) != sha}
    back = {n for n, sha in changed.items() if _bring_back(source, workspace, n, sha)}
    lost, unchanged = set(changed) - back, set(then) - set(changed)
    # An input whose earlier content is gone, or that was added later, is copied as it is now.
    as_now = {n for n in present - back if turn is None or n.startswith(f"{INPUTS}/")}
    names = unchanged | {n for n in as_now if not _stands_in_the_way(n, back)}
    copy_files(source.workspace, workspace.directory, sorted(names), workspace.uid)
    return sorted(lost - names)


def _stands_in_the_way(name: str, others: set[str]) -> bool:
    """Whether *name* and one of *others* conflict: one is a file, the other needs a directory."""
    return any(o.startswith(f"{name}/") or name.startswith(f"{o}/") for o in others)


def _bring_back(source: OpenPath, workspace: Workspace, name: str, sha256: str) -> bool:
    """Write a file's earlier content into a branch's *workspace*; return whether it was kept."""
    try:
        with new_file(workspace.directory, name, workspace.uid) as file:
            source.blobs.copy(sha256, file)
    except BlobNotFound:
        return False
    except BlobError:
        log.exception("file %s of %s can't be had as it was", name, source.key.conversation)
        return False
    return True


def _sha(path: OpenPath, name: str) -> str:
    try:
        return path.workspace.sha256(name)
    except ContainerError:
        return ""
