"""What is learned of the user of one turn, stored; nobody else gets it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import cast

from agent.learned import Origin, Preference, PreferenceRefused, WorkedCode
from agent.memory.preferences import names_any, observed
from kernel_gateway.errors import ConversationDeleted, DatabaseUnavailable, TooManyPreferences
from kernel_gateway.store.learned import LearnedRows
from kernel_gateway.store.tables import TurnRow, WorkedCodeRow
from notebooks.record.cells import utc_now


class StoredLearned:
    """See `agent.learned.Learned`."""

    def __init__(self, rows: LearnedRows, turn: TurnRow) -> None:
        self._rows, self._turn = rows, turn

    async def preferences(self) -> Sequence[Preference]:
        """Return the user's preferences, those they stated first."""
        rows = await self._rows.preferences(self._turn.tenant, self._turn.user)
        return [
            Preference(id=row.id, text=row.text, origin=cast(Origin, row.origin)) for row in rows
        ]

    async def prefer(self, text: str) -> None:
        """Keep a preference that the user states."""
        try:
            await self._rows.add(self._turn.tenant, self._turn.user, text)
        except TooManyPreferences as error:
            raise PreferenceRefused(f"{error} {error.hint}") from None

    async def worked(self) -> Sequence[WorkedCode]:
        """Return code that worked for the user in other conversations, newest first."""
        turn = self._turn
        rows = await self._rows.worked(turn.tenant, turn.user, without=turn.conversation)
        return [
            WorkedCode(
                turn=row.turn,
                conversation=row.conversation,
                at=row.created_at,
                request=row.request,
                code=row.code,
                shapes=tuple(frozenset(shape) for shape in row.shapes),
            )
            for row in rows
        ]

    async def keep(self, code: str, shapes: Sequence[Sequence[str]]) -> None:
        """Keep the code of this turn, if there is any; notice what the user asks for again.

        The answer does not wait for a database that is away: then nothing is learned.
        """
        turn = self._turn
        with contextlib.suppress(DatabaseUnavailable, ConversationDeleted):
            if code:
                await self._rows.keep(
                    WorkedCodeRow(
                        turn=turn.id,
                        tenant=turn.tenant,
                        user=turn.user,
                        conversation=turn.conversation,
                        request=turn.request[:500],
                        code=code,
                        shapes=[list(shape) for shape in shapes],
                        created_at=utc_now(),
                    )
                )
            if not names_any(turn.request):
                return  # it can't be what makes something a preference
            requests = await self._rows.recent_requests(turn.tenant, turn.user)
            if found := observed(requests):
                await self._rows.observe(turn.tenant, turn.user, found)
