"""How long a search in a user's past turns takes."""

from __future__ import annotations

import random
import time
from pathlib import Path

from sqlalchemy import Connection, text

from kernel_gateway.store.repository import Repository, open_repository

TURNS, SEARCHES = 100_000, 200
VECTORS, NUMBERS = 5_000, 256
USUAL = "sales data region total column sheet workbook customer month amount report invoice".split()
INSERT = text(
    'INSERT INTO turns (id, tenant, conversation, path, "user", kind, request, status, result, '
    "created_at) VALUES (:id, 'local', :conversation, 'main', 'user', 'turn', :request, "
    "'running', :result, '2026-01-01')"
)

INSERT_VECTOR = text(
    'INSERT INTO embeddings (turn, tenant, "user", conversation, model, vector, created_at) '
    "VALUES (:turn, :tenant, :user, :conversation, :model, :vector, :at)"
)


async def measure_past_turns(directory: Path) -> list[tuple[str, float, float, str, str]]:
    """Time searches among 100,000 turns of one user: two frequent words and two rare ones."""
    repository = await open_repository(f"sqlite:///{directory / 'turns.db'}")
    chance = random.Random(1)
    rare = [f"w{int(chance.paretovariate(0.7))}" for _ in range(20_000)]
    conversation = (await repository.conversations.add("local", "user", "")).id

    def fill(connection: Connection) -> None:
        rows = []
        for number in range(TURNS):
            request = " ".join(chance.choices(USUAL, k=4) + chance.choices(rare, k=8))
            answer = " ".join(chance.choices(USUAL, k=8) + chance.choices(rare, k=30))
            row = {"id": f"turn_{number:016x}", "conversation": conversation}
            rows.append({**row, "request": request, "result": f'{{"answer": "{answer}"}}'})
        connection.execute(INSERT, rows)
        connection.execute(text("UPDATE turns SET status = 'ok'"))

    await repository.database.write("local", fill)
    times = []
    for _ in range(SEARCHES):
        words = chance.choices(USUAL, k=2) + chance.choices(rare, k=2)
        started = time.perf_counter()
        await repository.turns.search("local", "user", words, "")
        times.append((time.perf_counter() - started) * 1000)
    near = await _near(repository, [f"turn_{n:016x}" for n in range(VECTORS)], conversation)
    await repository.aclose()
    times.sort()
    p50, p95 = times[SEARCHES // 2], times[SEARCHES * 95 // 100]
    name = f"Search in {TURNS:,} past turns of a user, p95"
    return [
        (name, p95, 50.0, "ms", f"p50 {p50:.1f} ms"),
        (f"… by their meaning, among {VECTORS:,} vectors, p95", near[1], 50.0, "ms",
         f"p50 {near[0]:.1f} ms"),
    ]  # fmt: skip


async def _near(repository: Repository, turns: list[str], conversation: str) -> tuple[float, float]:
    """Return the median and the 95th percentile of searches by meaning, in milliseconds."""
    chance = random.Random(2)
    row = {"tenant": "local", "user": "user", "conversation": conversation, "model": "m"}
    rows = [
        {**row, "turn": turn, "vector": chance.randbytes(NUMBERS), "at": "2026-01-01"}
        for turn in turns
    ]
    await repository.database.write(
        "local", lambda connection: connection.execute(INSERT_VECTOR, rows)
    )
    times = []
    for _ in range(SEARCHES):
        started = time.perf_counter()
        await repository.embeddings.nearest(
            "local", "user", "m", chance.randbytes(NUMBERS), without="", most=8
        )
        times.append((time.perf_counter() - started) * 1000)
    times.sort()
    return times[SEARCHES // 2], times[SEARCHES * 95 // 100]
