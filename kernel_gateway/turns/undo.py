"""Undoes requests: files go back, cells are marked undone, variables are rebuilt.

Variables come from the nearest snapshot and from running the cells after it, or from running all
(`kernel_gateway.contexts.restore`).

The undo is a turn of its path, so nothing else runs meanwhile, and a stopped service takes it up
again: what is decided is stored before a file is touched (`kernel_gateway.contexts.putting_back`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.cells.checkpoints import checkpoint_before
from agent.permission.admission import TurnPorts
from agent.prompts.quoting import escaped
from container.errors import ContainerError
from container.kernel.variables import MOST_VARIABLES
from kernel_gateway.contexts.manager import ExecutionContextManager
from kernel_gateway.contexts.open_path import RAN, OpenPath
from kernel_gateway.contexts.putting_back import (
    StoredPlan,
    put_files_back,
    read_plan,
    take_back,
)
from kernel_gateway.errors import (
    HistoryOff,
    KernelLimitReached,
    RestoreNeedsConfirmation,
    StorageFull,
    named_files,
)
from kernel_gateway.store.audit import audit_line
from kernel_gateway.store.tables import TurnRow
from kernel_gateway.turns.events import TurnEvents
from kernel_gateway.turns.outcome import Ending
from kernel_gateway.turns.undo_target import UndoRequest, UndoTarget, find_target, undo_request
from notebooks.history.names import assigned_names
from notebooks.history.plan import UPLOADS, RestorePlan, plan_restore
from notebooks.record.chain import facts_of
from notebooks.record.shielded import in_thread, shielded
from notebooks.record.undone import UNDO, Standing, standing

RESTORED = "history.restored"
MOST_NAMED = 50
REPLAYED = ("failed", "differs", "not_replayed")
"""What ``context.restored`` lists cells under."""


@dataclass(frozen=True, slots=True)
class _Undo:
    """What one undo works with."""

    row: TurnRow
    path: OpenPath
    contexts: ExecutionContextManager
    ports: TurnPorts
    sink: TurnEvents


async def undo(
    row: TurnRow,
    path: OpenPath,
    contexts: ExecutionContextManager,
    ports: TurnPorts,
    sink: TurnEvents,
) -> Ending:
    """Carry out the undo of turn *row*, or go on with it after a restart.

    Returns:
        Its ending; the result has ``undo`` (what was put back), ``variables`` (what became of
        them) and ``answer``, both in plain words.

    Raises:
        HistoryOff: No earlier contents are kept.
        RestoreNeedsConfirmation: It would remove or overwrite data; nothing was changed.
        NotFound, Conflict, CheckpointNotFound: See `find_target`.
        OSError, BlobError: The files could not be put back; they are as they were.
    """
    works = _Undo(row, path, contexts, ports, sink)
    async with path.replacing:  # no upload is replaced between the decision and what it does
        plan = await asyncio.to_thread(read_plan, path, row.id)
        if plan is None:
            plan = await _decide(works, undo_request(row.request))
        facts = {key: plan.facts[key] for key in _TOLD}
        await shielded(_put_back(works, plan, facts))  # a cancellation leaves all or nothing
    variables = await _rebuild(works, plan) if plan.rebuild else None
    # The plan stays until the next undo: without it, a service that stopped before this ending was
    # stored would decide again, and undo the request before as well.
    answer = _answer(facts, variables)
    return Ending("ok", {"undo": facts, "variables": variables, "answer": answer})


_TOLD = (
    "turn", "what", "checkpoint", "to_turn", "inverse", "restored", "removed",
    "not_restored", "undone", "redone",
)  # fmt: skip
"""The metadata of the note that the event and the result have too."""


async def _decide(works: _Undo, asked: UndoRequest) -> StoredPlan:
    """Decide what to change; end the kernel if variables are rebuilt."""
    path = works.path
    if not path.checkpoints.enabled:
        raise HistoryOff
    current = await _files(path)
    target = await _target(works, asked, current)
    _check(path, asked, current, plan_of(path, target, current))
    names: tuple[str, ...] = ()
    if target.rebuild:
        live = path.live
        names = tuple(str(v["name"]) for v in await live.variables()) if live else ()
        await works.contexts.terminate(path.key)
        current = await _files(path)  # its threads can't change files any more
    plan = plan_of(path, target, current)
    _check(path, asked, current, plan)
    inverse = await checkpoint_before(
        current, works.ports.runtime, works.sink, path.hashes, turn=works.row.id, reason="undo"
    )
    if inverse is None:
        raise StorageFull
    facts = _facts(works, target, plan, current, inverse)
    return StoredPlan(
        turn=works.row.id,
        write=plan.write,
        remove=plan.remove,
        before=current,
        text=_text(facts),
        facts=facts,
        names=names,
        rebuild=target.rebuild,
    )


async def _files(path: OpenPath) -> dict[str, str]:
    return (await asyncio.to_thread(path.hashes.snapshot, path.workspace))[0]


async def _target(works: _Undo, asked: UndoRequest, current: Mapping[str, str]) -> UndoTarget:
    path = works.path
    return await asyncio.to_thread(
        find_target, asked, path.recorder.cells, path.checkpoints, current
    )


def plan_of(path: OpenPath, target: UndoTarget, current: Mapping[str, str]) -> RestorePlan:
    """Return what *target* would do to the files *current* of *path*."""
    names = {*target.files, *current} if target.only is None else {*target.only}
    if target.uploads is not None:
        names = {n for n in names if not n.startswith(UPLOADS) or n in target.uploads}
    return plan_restore(target.files, current, path.blobs.__contains__, names)


def _check(
    path: OpenPath, asked: UndoRequest, current: Mapping[str, str], plan: RestorePlan
) -> None:
    """Raise `RestoreNeedsConfirmation` if data would go and the user has not agreed."""
    sizes = path.hashes.sizes()
    removed = [name for name in plan.remove if sizes.get(name, 1)]
    touched = (*plan.write, *plan.remove)
    lost = [n for n in touched if n in current and current[n] not in path.blobs]
    if (removed or lost or plan.unavailable) and not asked.confirm:
        raise RestoreNeedsConfirmation(removed, lost, list(plan.unavailable))


def _facts(
    works: _Undo,
    target: UndoTarget,
    plan: RestorePlan,
    current: Mapping[str, str],
    inverse: str,
) -> dict[str, Any]:
    before, after = _standings(works.path, target)
    return {
        "turn": works.row.id,
        "kind": UNDO,
        "user": works.row.user,
        "what": target.what,
        "checkpoint": target.checkpoint,
        "to_turn": target.to_turn,
        "inverse": inverse,
        "restored": list(plan.write),
        "removed": list(plan.remove),
        "not_restored": [{"name": n, "reason": why} for n, why in plan.unavailable.items()],
        "undone": [cell for cell in before.counted if cell not in set(after.counted)],
        "redone": [cell for cell in after.counted if cell not in set(before.counted)],
        "files_after": plan.result(current),
        **target.standing,
    }


def _standings(path: OpenPath, target: UndoTarget) -> tuple[Standing, Standing]:
    """Return the cells in force before and after the undo."""
    cells = path.recorder.cells
    before = standing(cells)
    if "back_to" in target.standing:
        return before, standing(cells, target.standing["back_to"])
    out = set(target.standing.get("without", ()))
    return before, Standing(tuple(c for c in before.counted if c not in out))


async def _put_back(works: _Undo, plan: StoredPlan, facts: Mapping[str, Any]) -> None:
    """Put the files back, record and announce it; a repetition does nothing twice."""
    recorder = works.path.recorder
    if all(
        (facts_of(c).get("kind"), facts_of(c).get("turn")) != (UNDO, plan.turn)
        for c in recorder.cells
    ):
        await in_thread(put_files_back, works.path, plan)
        try:
            await recorder.note(plan.text, plan.facts)
        except OSError:
            await in_thread(take_back, works.path, plan)
            raise
    await _announce(works, plan, facts)


async def _rebuild(works: _Undo, plan: StoredPlan) -> dict[str, Any]:
    """Give the path a kernel in which the cells in force ran; say what became of each variable."""
    path, replay = works.path, dict[str, Any]()

    async def emit(kind: str, data: Mapping[str, Any]) -> None:
        if kind == "context.restored":
            replay.update(data)
        await works.sink.emit(kind, data)

    after, pending = set[str](), ""
    cells = path.recorder.live_cells()
    if any(cell["status"] in RAN for cell in cells):
        try:
            session = await works.contexts.runtime(path, emit).session()
            after = {str(variable["name"]) for variable in await session.variables()}
        except (ContainerError, KernelLimitReached) as error:
            pending = str(error)
    return {**_became(path, cells, set(plan.names), after, replay, pending), "pending": pending}


def _became(
    path: OpenPath,
    cells: Sequence[Mapping[str, Any]],
    before: set[str],
    after: set[str],
    replay: Mapping[str, Any],
    pending: str,
) -> dict[str, list[str]]:
    """Return what became of the variables.

    Args:
        path: The path.
        cells: The cells that count.
        before: Names there were before the undo.
        after: Names there are now; only the first `MOST_VARIABLES`.
        replay: The data of ``context.restored``.
        pending: Not empty if there is no kernel yet.
    """
    sources = {cell.id: str(cell.source) for cell in path.recorder.cells}

    def names_of(ids: Iterable[str]) -> set[str]:
        return {name for cell in ids for name in assigned_names(sources.get(cell, ""))}

    bad = {kind: [e["cell"] for e in replay.get(kind, ())] for kind in REPLAYED}
    # A cell that did not end well when it was recorded may never have come to set a name.
    failed = names_of(bad["failed"]) | (names_of(bad["not_replayed"]) & before)
    missing = set[str]() if pending else before - after - failed
    if len(after) >= MOST_VARIABLES:
        missing -= names_of(c["id"] for c in cells if c["status"] == "ok")
    gone = missing & names_of(path.recorder.undone())
    restored = set(replay.get("restored", ())) & after
    return {
        "restored": sorted(restored),
        "recomputed": sorted(after - restored),
        "uncertain": sorted(names_of(bad["differs"]) & after),
        "lost": sorted((failed - after) | (missing - gone)),
        "gone": sorted(gone),
    }


async def _announce(works: _Undo, plan: StoredPlan, facts: Mapping[str, Any]) -> None:
    """Emit the events and write the audit line, each once, also across a restart."""
    key, sink = works.path.key, works.sink
    emitted = await sink.emitted(None)
    if emitted.get(RESTORED):
        return
    sizes = {file.name: file.size for file in await asyncio.to_thread(works.path.workspace.files)}
    for name, sha256 in list(plan.write.items())[emitted.get("file.created", 0) :]:
        file = {"name": name, "size": sizes.get(name, 0), "sha256": sha256, "user": works.row.user}
        await sink.emit("file.created", file)
    detail = {k: facts[k] for k in ("what", "checkpoint", "to_turn", "inverse", "undone", "redone")}
    line = audit_line(
        key.tenant, works.row.user, RESTORED, key.path, key.conversation, turn=plan.turn, **detail
    )
    await sink.emit(RESTORED, {**facts, "user": works.row.user}, add=[line])


def _text(facts: Mapping[str, Any]) -> str:
    """Return the note for the notebook: who did what, in markdown."""
    lines = [f"**Undone by {facts['user']}**: {facts['what']}."]
    for words, names in (("Put back", facts["restored"]), ("Removed", facts["removed"])):
        if names:
            shown = ", ".join(f"`{escaped(name).replace('`', ' ')}`" for name in names[:MOST_NAMED])
            more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
            lines.append(f"{words}: {shown}{more}.")
    moved = {"do not count any more": facts["undone"], "count again": facts["redone"]}
    for words, cells in moved.items():
        if cells:
            lines.append(f"These cells {words}: {', '.join(cells)}.")
    lines.append(f"The files before this are in checkpoint {facts['inverse']}.")
    return "\n\n".join(lines)


def _answer(facts: Mapping[str, Any], variables: Mapping[str, Any] | None) -> str:
    """Return in plain words what was restored, recomputed and lost."""
    what = str(facts["what"])
    lines = [what[0].upper() + what[1:] + "."]
    files = {"Files put back": facts["restored"], "Files removed": facts["removed"]}
    for words, names in files.items():
        if names:
            lines.append(f"{words}: {named_files(names)}.")
    if facts["not_restored"]:
        left = [file["name"] for file in facts["not_restored"]]
        lines.append(f"Files left as they are: {named_files(left)}.")
    if variables is None:
        lines.append("Variables are as they were.")
    elif variables["pending"]:
        lines.append(f"Variables are rebuilt before the next cell: {variables['pending']}")
    else:
        lines += [
            f"{words}: {named_files(variables[kind], 20)}."
            for kind, words in (
                ("restored", "Variables restored from a snapshot"),
                ("recomputed", "Variables recomputed"),
                ("uncertain", "Of these, set by a cell that showed something else this time"),
                ("lost", "Variables lost"),
                ("gone", "Variables that only the undone cells had set"),
            )
            if variables[kind]
        ]
    lines.append(f"This can be undone too: it is request {facts['turn']}.")
    return "\n\n".join(lines)
