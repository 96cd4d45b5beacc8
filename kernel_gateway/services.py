"""What every handler can reach, put together once by `kernel_gateway.wiring`."""

from __future__ import annotations

from dataclasses import dataclass

from agent.profiler import Profiler
from container.probe import HostReport
from kernel_gateway.approvals import Approvals
from kernel_gateway.contexts.lifecycle import ExecutionContexts
from kernel_gateway.events import EventLog
from kernel_gateway.settings import Settings
from kernel_gateway.store.repository import Repository
from kernel_gateway.turns import Turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The parts of a running gateway."""

    settings: Settings
    token: str
    repository: Repository
    events: EventLog
    contexts: ExecutionContexts
    approvals: Approvals
    profiler: Profiler
    turns: Turns
    host: HostReport
    model_name: str | None
