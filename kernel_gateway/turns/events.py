"""What is told of one turn: the events it appends to its path's log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kernel_gateway.events.log import EventLog
from kernel_gateway.ids import PathKey
from kernel_gateway.store.tables import NewRow

GATHERED = frozenset({"turn.started", "cell.started", "risk.assessed"})
AWAITED = frozenset(
    {"permission.required", "permission.decided", "cell.finished", "error", "turn.finished"}
)


class TurnEvents:
    """The event sink of one turn (see `agent.ports.EventSink`)."""

    def __init__(
        self,
        log: EventLog,
        key: PathKey,
        turn: str,
        heard: Callable[[str, Mapping[str, Any]], None] = lambda kind, data: None,
        *,
        through_channels: bool = False,
    ) -> None:
        """Write to *log* as *turn* of the path *key*.

        Args:
            log: The log.
            key: The path.
            turn: The turn.
            heard: Called with each event's kind and data.
            through_channels: Whoever asked follows the kernel's own messages: an output can be
                stored with the one that says the same.
        """
        self._log, self._key, self._turn, self._received = log, key, turn, heard
        self._gathered = GATHERED | {"cell.output"} if through_channels else GATHERED

    async def flush(self) -> None:
        """Return once everything emitted so far is stored.

        Raises:
            DatabaseUnavailable: It could not be.
        """
        await self._log.flush(self._key)

    async def emitted(self, cell: str) -> Mapping[str, int]:
        """Return how many events of each kind were stored about *cell* in this turn."""
        return await self._log.emitted(self._key, self._turn, cell)

    async def emit(
        self,
        kind: str,
        data: Mapping[str, Any],
        update: Mapping[str, Any] | None = None,
        add: Sequence[NewRow] = (),
    ) -> None:
        """Append an event of this turn; one that others rely on is stored on return.

        *settle* changes columns of the turn's row with it, *add* stores rows with it; a
        crash leaves all of it or nothing.
        """
        await self._log.append(
            self._key,
            kind,
            data,
            self._turn,
            wait=kind in AWAITED,
            gather=kind in self._gathered,
            update=update,
            add=add,
        )
        self._received(kind, data)
