"""The hashes of recorded cells, stored in the event log: they cross-check the notebook."""

from __future__ import annotations

from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.events.log import EventLog
from kernel_gateway.store.tables import NewRow

RECORDED = "notebook.recorded"
KINDS = ("turn.finished", RECORDED)
"""Kinds of event whose data has ``recorded``."""


async def announce(events: EventLog, path: OpenPath, *, add: tuple[NewRow, ...] = ()) -> None:
    """Store the hashes of cells that were recorded outside of turns.

    Args:
        events: The event log.
        path: The path whose notebook has new cells.
        add: Rows to insert in the same transaction.

    Raises:
        DatabaseUnavailable: They could not be stored; the path's next turn stores them.
        ConversationDeleted: The conversation was deleted.
    """
    recorded = path.recorder.unannounced()
    await events.append(path.key, RECORDED, {"recorded": recorded}, None, add=add)
    path.recorder.announced(recorded)
