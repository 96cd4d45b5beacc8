"""What every handler can reach, put together once by `kernel_gateway.wiring`."""

from __future__ import annotations

from dataclasses import dataclass

from agent.profiler import Profiler
from container.probe import HostReport
from kernel_gateway.approvals import Approvals
from kernel_gateway.auth import Authenticator
from kernel_gateway.branches import Branches
from kernel_gateway.clean_up import CleanUp
from kernel_gateway.cluster.membership import Membership
from kernel_gateway.contexts.lifecycle import ExecutionContextManager
from kernel_gateway.data_rights import DataRights
from kernel_gateway.deletions import Deletions
from kernel_gateway.events import EventLog
from kernel_gateway.proxies import TrustedProxies
from kernel_gateway.rate_limits import FailedTokens, RateLimits
from kernel_gateway.relays.registry import Relays
from kernel_gateway.settings import Settings
from kernel_gateway.store.repository import Repository
from kernel_gateway.telemetry import Telemetry
from kernel_gateway.turns import Turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The parts of a running gateway; it has no *membership* when it is the only one."""

    settings: Settings
    token: str
    authenticator: Authenticator
    rate_limits: RateLimits
    failed_tokens: FailedTokens
    proxies: TrustedProxies
    repository: Repository
    events: EventLog
    contexts: ExecutionContextManager
    approvals: Approvals
    profiler: Profiler
    turns: Turns
    branches: Branches
    data_rights: DataRights
    deletions: Deletions
    clean_up: CleanUp
    relays: Relays
    membership: Membership | None
    telemetry: Telemetry
    host: HostReport
    model_name: str | None
    started: float
