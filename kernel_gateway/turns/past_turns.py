"""How earlier turns ended, from their rows, for the model's memory of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agent.ports import PastTurn
from kernel_gateway.store.tables import TurnRow
from kernel_gateway.store.turns import TurnRows
from kernel_gateway.turns.embeddings import TurnEmbeddings

MOST = 100


class StoredTurns:
    """The stored turns of one user, seen from one conversation (see `agent.ports.PastTurns`)."""

    def __init__(self, turns: TurnRows, embeddings: TurnEmbeddings, turn: TurnRow) -> None:
        self._turns, self._embeddings = turns, embeddings
        self._tenant, self._user, self._conversation = turn.tenant, turn.user, turn.conversation

    async def search(self, words: Sequence[str]) -> Sequence[PastTurn]:
        """Return the user's turns in other conversations that have at least half of *words*."""
        rows = await self._turns.search(self._tenant, self._user, words, self._conversation)
        return _past_turns(rows)

    async def alike(self, request: str) -> Sequence[PastTurn]:
        """Return the user's turns in other conversations nearest to *request* in meaning."""
        found = self._embeddings.nearest(self._tenant, self._user, request, self._conversation)
        return _past_turns(await found)

    async def endings(self, turns: Sequence[str]) -> Mapping[str, str]:
        """Return how the last `MOST` of *turns* ended, in plain words."""
        rows = await self._turns.of_ids(self._tenant, turns[-MOST:])
        return {row.id: _ending(row) for row in rows}


def _past_turns(rows: Sequence[Any]) -> Sequence[PastTurn]:
    return [
        PastTurn(
            id=row.id,
            conversation=row.conversation,
            at=row.created_at,
            request=row.request,
            answer=row.answer or "",
        )
        for row in rows
    ]


def _ending(row: TurnRow) -> str:
    error = (row.error or {}).get("error") or {}
    return f"{row.status}: {error['message']}" if error.get("message") else row.status
