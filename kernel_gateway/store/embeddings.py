"""Rows of embeddings: what users' answered requests mean, as vectors of one byte a number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, and_, func, select

from agent.models import local_embeddings
from kernel_gateway.store.database import Database, whole
from kernel_gateway.store.tables import EmbeddingRow, TurnRow

MOST = 5_000
"""The newest vectors of a user; older ones are not compared."""
USUAL_LIKENESS = 0.55
"""Cosine of the angle between two texts' vectors; below it they have little in common."""
LEAST_LIKENESS = {local_embeddings.NAME: local_embeddings.LEAST_LIKENESS}
"""The same of models whose vectors are less alike."""
ONE = 127
"""The byte that stands for 1."""

_ANSWER = func.coalesce(TurnRow.result["answer"].as_string(), "").label("answer")
_TURN = (TurnRow.id, TurnRow.conversation, TurnRow.created_at, TurnRow.request, _ANSWER)


def vector_bytes(vector: Sequence[float]) -> bytes:
    """Return *vector* as a unit vector, a signed byte each number; empty for a vector of zeros."""
    import numpy as np  # takes a tenth of a second, and most services have no embeddings yet

    values = np.asarray(vector, dtype=np.float32)
    length = float(np.linalg.norm(values))
    if not length or not np.isfinite(length):
        return b""
    return bytes(np.rint(values / length * ONE).astype(np.int8).tobytes())


class EmbeddingRows:
    """Embeddings of users' answered requests; a user's are compared with nobody else's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @whole
    async def missing(self, tenant: str, user: str, model: str, most: int) -> Sequence[Any]:
        """Return the newest answered requests of *user* without a vector of *model*.

        Returns:
            Rows with ``id``, ``conversation``, ``created_at``, ``request`` and ``answer``.
        """
        has = and_(EmbeddingRow.turn == TurnRow.id, EmbeddingRow.model == model)
        query = (
            select(*_TURN)
            .outerjoin(EmbeddingRow, has)
            .where(TurnRow.tenant == tenant, TurnRow.user == user)
            .where(TurnRow.kind == "turn", TurnRow.status == "ok", EmbeddingRow.turn.is_(None))
            .order_by(TurnRow.created_at.desc())
            .limit(most)
        )
        async with self._database.begin(tenant) as session:
            return (await session.execute(query)).all()

    @whole
    async def keep(self, tenant: str, rows: Sequence[EmbeddingRow]) -> None:
        """Store *rows* in place of those of another model."""
        async with self._database.begin(tenant) as session:
            for row in rows:
                await session.merge(row)

    async def has_any(self, tenant: str, user: str, model: str, *, without: str) -> bool:
        """Whether *user* has a vector of *model*, but of the conversation *without*."""
        query = (
            select(EmbeddingRow.turn)
            .where(EmbeddingRow.tenant == tenant, EmbeddingRow.user == user)
            .where(EmbeddingRow.model == model, EmbeddingRow.conversation != without)
            .limit(1)
        )
        return await self._database.read(tenant, lambda c: c.scalar(query)) is not None

    async def nearest(
        self, tenant: str, user: str, model: str, vector: bytes, *, without: str, most: int
    ) -> Sequence[Any]:
        """Return the turns of *user* nearest to *vector*, nearest first.

        Args:
            tenant: The user's tenant.
            user: The user.
            model: Vectors of other models are left out.
            vector: As `vector_bytes` gives it.
            without: A conversation whose turns are left out.
            most: How many at most; none that is less alike.

        Returns:
            Rows as of `missing`.
        """

        def find(connection: Connection) -> Sequence[Any]:
            query = (
                select(EmbeddingRow.turn, EmbeddingRow.vector)
                .where(EmbeddingRow.tenant == tenant, EmbeddingRow.user == user)
                .where(EmbeddingRow.model == model, EmbeddingRow.conversation != without)
                .where(func.length(EmbeddingRow.vector) == len(vector))
                .order_by(EmbeddingRow.created_at.desc())
                .limit(MOST)
            )
            rows = connection.execute(query).all() if vector else []
            near = _nearest(rows, vector, most, LEAST_LIKENESS.get(model, USUAL_LIKENESS))
            turns = select(*_TURN).where(TurnRow.id.in_(near))
            by_id = {row.id: row for row in connection.execute(turns)} if near else {}
            return [by_id[turn] for turn in near if turn in by_id]

        return await self._database.read(tenant, find)


def _nearest(rows: Sequence[Any], vector: bytes, most: int, least: float) -> list[str]:
    if not rows:
        return []
    import numpy as np

    stored = np.frombuffer(b"".join(row.vector for row in rows), dtype=np.int8)
    asked = np.frombuffer(vector, dtype=np.int8).astype(np.float32)
    likeness = stored.reshape(len(rows), -1).astype(np.float32) @ asked / ONE**2
    best = np.argsort(-likeness, kind="stable")[:most]
    return [rows[place].turn for place in best if likeness[place] >= least]
