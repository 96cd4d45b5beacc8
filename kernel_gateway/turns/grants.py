"""The network as the cells of one turn get it: what its user granted, and what becomes of calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agent.modes import Modes
from agent.permission.network import Target, target_from, targets_among
from agent.ports import Approver
from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.network.broker import NetworkBroker
from kernel_gateway.network.cell_network import CellNetwork
from kernel_gateway.store.audit import audit_line
from kernel_gateway.store.repository import Repository
from kernel_gateway.store.tables import TurnRow
from kernel_gateway.turns.events import TurnEvents

CALLED = "network.called"
IN_AUDIT = ("cell", "method", "status", "request_bytes", "response_bytes", "sha256", "grant")


def network_of(
    row: TurnRow,
    path: OpenPath,
    broker: NetworkBroker,
    repository: Repository,
    sink: TurnEvents,
    approver: Approver,
    modes: Modes,
) -> CellNetwork:
    """Return the network for the cells of the turn *row*.

    Args:
        row: The turn.
        path: Its path, whose conversation keeps the responses.
        broker: Makes the calls.
        repository: Has the user's standing permissions.
        sink: Receives ``network.called``; the line of the audit list is stored with it.
        approver: Asks the user for addresses that only the running code knows.
        modes: The conversation's mode, whose scope counts while it lasts.
    """

    async def standing() -> Sequence[tuple[str, Target]]:
        grants = await repository.permissions.grants(row.tenant, row.user)
        named = [(grant.id, grant.capability) for grant in grants]
        mode = await modes.current()
        named += [(mode.id, capability) for capability in mode.scope]
        return [(name, target_from(held)) for name, held in named if targets_among([held])]

    async def note(facts: Mapping[str, Any]) -> None:
        detail = {name: facts[name] for name in (*IN_AUDIT, "problem") if facts.get(name)}
        url = str(facts["url"]).partition("?")[0]  # a query may hold data, which stays out of it
        line = audit_line(row.tenant, row.user, CALLED, url, row.conversation, **detail)
        await sink.emit(CALLED, facts, add=[line])

    return CellNetwork(broker, path.blobs, standing, note, approver)
