"""The events that one turn appends to its path's log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kernel_gateway.events.log import EventLog
from kernel_gateway.ids import PathKey
from kernel_gateway.store.tables import NewRow

GATHERED = frozenset({"turn.started", "cell.started", "risk.assessed", "cell.finished"})
AWAITED = frozenset(
    {
        "permission.required",
        "permission.decided",
        "office.requested",
        "office.replied",
        "history.restored",
        "error",
        "turn.finished",
    }
)


class TurnEvents:
    """The event sink of one turn (see `agent.ports.EventSink`)."""

    def __init__(
        self,
        log: EventLog,
        key: PathKey,
        turn: str,
        observe: Callable[[str, Mapping[str, Any]], None] = lambda kind, data: None,
    ) -> None:
        """Emit events to *log* for *turn* of the path *key*.

        Args:
            log: The event log.
            key: The path.
            turn: The turn's id.
            observe: Called with each event's kind and data.
        """
        self._log, self._key, self._turn, self._observe = log, key, turn, observe

    async def flush(self) -> None:
        """Wait until all events emitted so far are stored.

        Raises:
            DatabaseUnavailable: One could not be stored.
        """
        await self._log.flush(self._key)

    async def emitted(self, cell: str | None) -> Mapping[str, int]:
        """Return how many stored events of each kind this turn has about *cell*, or about none."""
        return await self._log.emitted(self._key, self._turn, cell)

    async def emit(
        self,
        kind: str,
        data: Mapping[str, Any],
        update: Mapping[str, Any] | None = None,
        add: Sequence[NewRow] = (),
    ) -> None:
        """Append an event of this turn; wait until it is stored if its kind is in `AWAITED`.

        The same transaction changes the columns *update* of the turn's row and inserts *add*.
        """
        await self._log.append(
            self._key,
            kind,
            data,
            self._turn,
            wait=kind in AWAITED,
            gather=kind in GATHERED,
            update=update,
            add=add,
        )
        self._observe(kind, data)
