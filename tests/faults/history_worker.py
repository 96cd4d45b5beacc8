"""Appends, makes checkpoints, restores and undoes without end, until it is killed.

``python -m tests.faults.history_worker`` forks a worker for each line on standard input (the
conversations' directory and a seed). It prints the worker's process id, ``done`` after each thing
that the worker did, and ``ended`` once it has ended.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import secrets
import sys
from pathlib import Path

from agent.cells.checkpoints import present_files
from kernel_gateway.contexts.open_path import OpenPath, open_path
from kernel_gateway.contexts.putting_back import PLAN, StoredPlan, put_files_back, read_plan
from kernel_gateway.contexts.versions import FileVersions
from kernel_gateway.ids import PathKey
from notebooks.history.checkpoints import Retention
from notebooks.history.plan import plan_restore
from notebooks.ledger.signing import KeyRing
from notebooks.ledger.statement import attester_of
from notebooks.record.cells import CellIntent, Execution, Provenance, new_cell_id
from notebooks.record.chain import facts_of
from notebooks.record.undone import UNDO, files_at

CONVERSATION = "conv_0123456789abcdef"
FILES = ("outputs/a.txt", "outputs/b.txt", "notes/c.txt")
QUOTA = 200_000
"""Bytes of earlier contents: so few that old ones have to go."""


def opened(directory: Path) -> OpenPath:
    """Open the path as a service does at its start."""
    ring = KeyRing(directory / "keys")
    versions = FileVersions(directory, None, QUOTA, QUOTA, Retention(most=30))
    home = directory / CONVERSATION / "main"
    home.parent.mkdir(parents=True, exist_ok=True)
    key = PathKey("local", CONVERSATION, "main")
    blobs = versions.of(CONVERSATION)
    return open_path(home, key, None, blobs, versions.retention, attester_of(ring))


async def finish_undo(path: OpenPath) -> None:
    """Carry out the undo that a killed worker had decided, as the service does with its turn."""
    try:
        turn = json.loads((path.home / PLAN).read_bytes())["turn"]
    except FileNotFoundError:
        return
    plan = read_plan(path, turn)
    if plan is not None:
        await _put_back(path, plan)


async def _put_back(path: OpenPath, plan: StoredPlan) -> None:
    notes = {(facts_of(c).get("kind"), facts_of(c).get("turn")) for c in path.recorder.cells}
    if (UNDO, plan.turn) not in notes:
        put_files_back(path, plan)
        await path.recorder.note(plan.text, plan.facts)


async def work(directory: Path, seed: int) -> None:
    """Do one thing after another, at random."""
    chance = random.Random(seed)
    path = opened(directory)
    await finish_undo(path)
    while True:
        if len(path.recorder.cells) > 3 and chance.random() < 0.35:
            await undo(path, chance)
        else:
            await cell(path, chance)
        os.write(1, b"done\n")


async def cell(path: OpenPath, chance: random.Random) -> None:
    """Record a cell that writes and removes files."""
    before = path.hashes.snapshot(path.workspace)[0]
    present = present_files(path.workspace, before, path.hashes)
    made, _new = path.checkpoints.add(present, turn="t", cell=None)
    intent = CellIntent(
        id=new_cell_id(),
        source="pass",
        provenance=Provenance(turn_id=f"turn_{secrets.token_hex(8)}"),
        files_before=before,
        checkpoint=made.id,
    )
    async with path.recorder.cell(intent, write_later=chance.random() < 0.3) as running:
        for name in FILES:
            if chance.random() < 0.5:
                _write(path, name, chance)
            elif chance.random() < 0.2:
                (path.workspace.directory / name).unlink(missing_ok=True)
        after = path.hashes.snapshot(path.workspace)[0]
        await running.finish(Execution(outcome="ok", files_after=after))


def _write(path: OpenPath, name: str, chance: random.Random) -> None:
    file = path.workspace.directory / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(chance.randbytes(chance.choice((10, 5_000, 40_000))))


async def undo(path: OpenPath, chance: random.Random) -> None:
    """Put the files back as they were before one of the last cells, and note it."""
    current = path.hashes.snapshot(path.workspace)[0]
    cells = list(path.recorder.cells)
    target = chance.choice(cells[-8:-1])
    wanted = files_at(cells, target.id)
    plan = plan_restore(wanted, current, path.blobs.__contains__)
    present = present_files(path.workspace, current, path.hashes)
    inverse, _new = path.checkpoints.add(present, turn="t", reason="undo")
    turn = f"turn_{secrets.token_hex(8)}"
    facts = {
        "turn": turn, "kind": UNDO, "user": "local", "back_to": target.id, "undone": [],
        "redone": [], "inverse": inverse.id, "files_after": plan.result(current),
    }  # fmt: skip
    stored = StoredPlan(
        turn=turn, write=plan.write, remove=plan.remove, before=current, text="Undone.",
        facts=facts, names=(), rebuild=True,
    )  # fmt: skip
    await _put_back(path, stored)


def main() -> None:
    """Fork workers, as the lines on standard input say."""
    for line in sys.stdin:
        directory, seed = json.loads(line)
        if (worker := os.fork()) == 0:
            os.close(0)
            asyncio.run(work(Path(directory), seed))
        print(worker, flush=True)
        os.waitpid(worker, 0)
        print("ended", flush=True)


if __name__ == "__main__":
    main()
