"""The services that every handler can use, created once by `kernel_gateway.wiring`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from agent.context.profiler import Profiler
from container.probe import HostReport
from kernel_gateway.channels.registry import ChannelsRegistry
from kernel_gateway.cluster.membership import Membership
from kernel_gateway.contexts.manager import ExecutionContextManager
from kernel_gateway.contexts.resumable_uploads import ResumableUploads
from kernel_gateway.contexts.upload_profiles import UploadProfiles
from kernel_gateway.conversations.branches import Branches
from kernel_gateway.conversations.cleanup import CleanUp
from kernel_gateway.conversations.data_rights import DataRights
from kernel_gateway.conversations.reruns import Reruns
from kernel_gateway.events.log import EventLog
from kernel_gateway.identity.auth import Authenticator
from kernel_gateway.identity.rate_limits import FailedTokens, RateLimits
from kernel_gateway.proxies import TrustedProxies
from kernel_gateway.settings import Settings
from kernel_gateway.store.repository import Repository
from kernel_gateway.store.tombstones import Deletions
from kernel_gateway.telemetry import Telemetry
from kernel_gateway.turns.approvals import Approvals
from kernel_gateway.turns.modes import ConversationModes
from kernel_gateway.turns.office import OfficePanes
from kernel_gateway.turns.queue import Turns
from notebooks.ledger.signing import KeyRing

COMPARISONS_AT_ONCE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The services of a running gateway; a single gateway has no *membership*."""

    settings: Settings
    token: str
    authenticator: Authenticator
    rate_limits: RateLimits
    failed_tokens: FailedTokens
    proxies: TrustedProxies
    repository: Repository
    events: EventLog
    contexts: ExecutionContextManager
    signing_keys: KeyRing
    approvals: Approvals
    panes: OfficePanes
    modes: ConversationModes
    profiler: Profiler
    upload_profiles: UploadProfiles
    resumable_uploads: ResumableUploads
    turns: Turns
    branches: Branches
    reruns: Reruns
    data_rights: DataRights
    deletions: Deletions
    clean_up: CleanUp
    channels: ChannelsRegistry
    membership: Membership | None
    telemetry: Telemetry
    host: HostReport
    model_name: str | None
    started: float
    comparisons: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(COMPARISONS_AT_ONCE)
    )
