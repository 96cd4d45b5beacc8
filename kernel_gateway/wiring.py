"""The composition root: creates the services in order and stops them in reverse."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from agent.context.profiler import Profiler
from agent.egress.policy import Policies, PolicyInvalid, read_policies
from agent.models import local_embeddings
from agent.models.recorded import RecordedModel
from agent.ports import Embedder, Model
from agent.standin.transcript import TRANSCRIPTS, Transcript, load_transcripts
from container.errors import SandboxUnavailable
from container.host.runtime import open_files_to_the_limit, sweep_runtime_directory
from container.limits import MIB
from container.probe import HostReport, probe_host
from kernel_gateway.app import make_app
from kernel_gateway.channels.registry import ChannelsRegistry
from kernel_gateway.cluster.membership import Membership
from kernel_gateway.cluster.routing import Router
from kernel_gateway.contexts.kernel_limit import KernelLimit
from kernel_gateway.contexts.manager import ExecutionContextManager
from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.contexts.restore import HeldCapabilities
from kernel_gateway.contexts.resumable_uploads import ResumableUploads
from kernel_gateway.contexts.signing_keys import open_key_ring
from kernel_gateway.contexts.starting import KernelStarter
from kernel_gateway.contexts.stores import ContextStore, DatabaseContextStore
from kernel_gateway.contexts.upload_profiles import UploadProfiles
from kernel_gateway.contexts.versions import FileVersions, file_versions
from kernel_gateway.conversations.branches import Branches
from kernel_gateway.conversations.cleanup import CleanUp
from kernel_gateway.conversations.data_rights import DataRights
from kernel_gateway.conversations.reruns import Reruns
from kernel_gateway.errors import AlreadyRunning
from kernel_gateway.events.log import EventLog
from kernel_gateway.http.problems import problem_from_error
from kernel_gateway.identity.auth import Authenticator, load_or_create_token
from kernel_gateway.identity.rate_limits import FailedTokens, RateLimits
from kernel_gateway.ids import PathKey, new_id
from kernel_gateway.network.broker import NetworkBroker
from kernel_gateway.network.client import MB, HttpClient
from kernel_gateway.network.client import Limits as NetworkLimits
from kernel_gateway.network.secrets import read_secrets
from kernel_gateway.proxies import TrustedProxies, networks
from kernel_gateway.recorded_demo import REPLIES
from kernel_gateway.services import Services
from kernel_gateway.settings import Settings, SettingsInvalid
from kernel_gateway.store.database import open_database, sqlite_url
from kernel_gateway.store.nodes import Nodes
from kernel_gateway.store.repository import Repository, open_repository
from kernel_gateway.store.retry import DatabaseRetry
from kernel_gateway.store.tombstones import Deletions
from kernel_gateway.telemetry import Telemetry, exporting
from kernel_gateway.tls import server_context
from kernel_gateway.turns.approvals import Approvals
from kernel_gateway.turns.deferred_model import DeferredModel
from kernel_gateway.turns.embeddings import TurnEmbeddings
from kernel_gateway.turns.late_outputs import LateSender
from kernel_gateway.turns.modes import ConversationModes
from kernel_gateway.turns.office import OfficePanes
from kernel_gateway.turns.queue import Turns
from kernel_gateway.turns.recovery import recover_turns
from kernel_gateway.turns.run import TurnServices
from notebooks.ledger.statement import attester_of
from notebooks.record.chain import Attester
from notebooks.record.files import advisory_lock

log = logging.getLogger("tallybook")
LOCK_SECONDS = 1.0
BODY_BYTES = 10**12  # the handlers have their own limits, with typed errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A running gateway.

    Attributes:
        url: Its address, without a token.
        services: Its services.
        model: The language model, created at its first call; ``None`` if none is set up.
    """

    url: str
    services: Services
    model: DeferredModel | None

    @property
    def login_url(self) -> str:
        """The address to open in a browser, with the token to sign in."""
        return f"{self.url}/?token={self.services.token}"


def make_model(settings: Settings) -> DeferredModel | None:
    """Return the language model of *settings*, or ``None`` if none is set up."""
    if not settings.has_model:
        return None

    def make() -> Model:  # each library takes about half a second to import
        timeout, url = settings.model_timeout, settings.model_base_url
        if settings.model_protocol == "openai":
            from agent.models.openai_compatible import OpenAICompatibleModel

            key = settings.openai_api_key
            return OpenAICompatibleModel(
                settings.model, base_url=url or "", api_key=key, timeout=timeout
            )
        from agent.models.gemini import GeminiModel

        key = settings.gemini_api_key or ""
        return GeminiModel(settings.model, api_key=key, base_url=url, timeout=timeout)

    return DeferredModel(settings.model, make)


def _recorded_replies() -> Transcript:
    return load_transcripts([TRANSCRIPTS / REPLIES])


def _embedder(settings: Settings, model: Model | None) -> Embedder | None:
    """Return what makes embeddings.

    Raises:
        SettingsInvalid: They are to be made here, and what that takes is not installed.
    """
    if settings.embeds_with != local_embeddings.NAME:
        return model
    if not local_embeddings.is_installed():
        raise SettingsInvalid(f"Setting embedding_model: {local_embeddings.EXTRA}.")
    return local_embeddings.LocalEmbeddings()


def _policies(settings: Settings) -> Policies:
    try:
        return read_policies(settings.egress_policy)
    except PolicyInvalid as error:
        raise SettingsInvalid(str(error)) from None


@asynccontextmanager
async def open_gateway(settings: Settings) -> AsyncIterator[Gateway]:
    """Run a gateway during the block.

    At the end it stops listening, leaves every running turn to the next start (as after a
    crash), ends the kernels and closes the database.

    Raises:
        DatabaseUnavailable: The database can't be reached or used.
        AlreadyRunning: Another service holds the data directory.
        SandboxUnavailable: This host can't isolate kernels as the settings require.
        SettingsInvalid: The certificate or its key can't be used.
        OSError: The port is taken.
    """
    tls = server_context(settings.tls_cert, settings.tls_key)
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with AsyncExitStack() as stack:
        await _lock(stack, settings)
        open_files_to_the_limit()
        sweep_runtime_directory()
        host = _check_host(settings)
        directory = (settings.data_dir / "conversations").resolve()
        versions = await asyncio.to_thread(file_versions, settings, directory)
        signing_keys = await asyncio.to_thread(open_key_ring, settings)
        telemetry = Telemetry()
        stack.enter_context(exporting(settings.otlp_endpoint))
        repository = await _open_repository(settings)
        stack.push_async_callback(repository.aclose)
        membership = await _membership(settings, stack)
        deletions, retry = Deletions(), DatabaseRetry()
        store = DatabaseContextStore(repository.database, retry)
        held = repository.permissions.capabilities
        contexts = _contexts(
            settings, store, telemetry, versions, deletions, held, attester_of(signing_keys)
        )
        stack.push_async_callback(contexts.aclose)
        warming = asyncio.create_task(contexts.keep_warm(settings.warm_kernels))
        stack.push_async_callback(asyncio.wait, {warming})
        model = make_model(settings)
        if model is not None:
            stack.push_async_callback(model.aclose)
        events = EventLog(repository.events, telemetry.lost_outputs.inc, deletions, retry)
        contexts.on_wait.append(partial(_emit_waiting, events))
        policies = _policies(settings)
        contexts.on_start.append(partial(_follow_late_outputs, events, policies))
        profiler = Profiler(versions.profiles)
        upload_profiles = UploadProfiles(profiler, events)
        resumable_uploads = ResumableUploads(directory, settings.unfinished_upload_hours)
        approvals = Approvals(repository, retry, seconds=settings.permission_seconds)
        panes = OfficePanes(
            seconds=settings.office_seconds, away_seconds=settings.office_away_seconds
        )
        modes = ConversationModes(repository, events)
        embeddings = TurnEmbeddings(
            repository.embeddings, _embedder(settings, model), settings.embeds_with, policies
        )
        works_with = TurnServices(
            repository=repository,
            events=events,
            contexts=contexts,
            approvals=approvals,
            profiler=profiler,
            model=model,
            recorded=RecordedModel(_recorded_replies),
            telemetry=telemetry,
            budget=settings.budget(),
            deletions=deletions,
            panes=panes,
            retry=retry,
            network=_network(settings, stack),
            modes=modes,
            embeddings=embeddings,
            egress=policies,
        )
        turns = Turns(works_with, max_queue=settings.max_queue)
        channels = ChannelsRegistry(
            contexts,
            events,
            turns,
            repository.jupyter,
            repository.audit,
            policies,
        )
        # Closed in reverse: first no new cell starts, at last the remaining events are sent.
        for closing in (
            channels.store_cursors,
            events.aclose,
            channels.aclose,
            embeddings.aclose,
            turns.aclose,
        ):
            stack.push_async_callback(closing)
        stack.push_async_callback(upload_profiles.aclose)
        stack.callback(retry.end)
        telemetry.watch("active_sandboxes", "Kernels alive.", contexts.live_kernels)
        telemetry.watch("queue_depth", "Turns that run or wait.", turns.depth)
        reruns = Reruns(
            settings.limits(),
            events,
            backend=settings.backend,
            image=settings.image,
            runtime=settings.docker_runtime,
        )
        stack.push_async_callback(reruns.aclose)
        data_rights = DataRights(
            repository,
            contexts,
            events,
            turns,
            reruns,
            deletions,
            membership,
            retention_days=settings.retention_days,
        )
        seconds = min(settings.cleanup_seconds, settings.context_ttl_seconds)
        clean_up = CleanUp(contexts, data_rights, resumable_uploads, seconds)
        stack.push_async_callback(clean_up.aclose)
        token = settings.token or load_or_create_token(settings.data_dir)
        services = Services(
            settings=settings,
            token=token,
            authenticator=Authenticator(settings, token),
            rate_limits=RateLimits(settings.requests_per_minute),
            failed_tokens=FailedTokens(settings.failed_tokens_per_minute),
            proxies=TrustedProxies(networks(settings.trusted_proxies)),
            repository=repository,
            events=events,
            contexts=contexts,
            signing_keys=signing_keys,
            approvals=approvals,
            panes=panes,
            modes=modes,
            profiler=profiler,
            upload_profiles=upload_profiles,
            resumable_uploads=resumable_uploads,
            turns=turns,
            branches=Branches(repository, contexts, events, turns),
            reruns=reruns,
            data_rights=data_rights,
            deletions=deletions,
            clean_up=clean_up,
            host=host,
            channels=channels,
            membership=membership,
            telemetry=telemetry,
            started=time.time(),
            model_name=settings.model if model else None,
        )
        sockets, url = _bind(settings)
        await _recover_what_was_left(services, url)
        clean_up.start()
        _listen(services, sockets, tls, stack)
        yield Gateway(url=url, services=services, model=model)


async def _follow_late_outputs(events: EventLog, policies: Policies, path: OpenPath) -> None:
    if path.session is not None:
        actions = policies.of(path.key.tenant).client
        path.session.late.on_output = LateSender(events, path.key, actions)


async def _emit_waiting(events: EventLog, key: PathKey, facts: Mapping[str, Any]) -> None:
    await events.append(key, "context.waiting", facts, None)


def _check_host(settings: Settings) -> HostReport:
    host = probe_host(
        settings.backend,
        image=settings.image,
        runtime=settings.docker_runtime,
        data_directory=settings.data_dir,
    )
    if not host.sandbox:
        raise SandboxUnavailable(host.reason, host.way_out)
    for warning in host.warnings:
        log.warning("%s", warning)
    return host


def _contexts(
    settings: Settings,
    store: ContextStore,
    telemetry: Telemetry,
    versions: FileVersions,
    deletions: Deletions,
    held: HeldCapabilities,
    attester: Attester,
) -> ExecutionContextManager:
    starter = KernelStarter(
        directory=versions.directory,
        limits=settings.limits(),
        held=held,
        keep_seconds=settings.keep_kernels_seconds,
        backend=settings.backend,
        image=settings.image,
        runtime=settings.docker_runtime,
    )
    return ExecutionContextManager(
        starter,
        store,
        telemetry,
        versions,
        deletions,
        node=settings.node,
        limit=KernelLimit(
            most=settings.max_kernels,
            keep_free_bytes=None if settings.keep_free_mb is None else settings.keep_free_mb * MIB,
            kernel_bytes=settings.limits().memory_bytes,
        ),
        wait_seconds=settings.kernel_wait_seconds,
        ttl_seconds=settings.context_ttl_seconds,
        attester=attester,
        lineage=settings.lineage,
    )


def _network(settings: Settings, stack: AsyncExitStack) -> NetworkBroker:
    authorities = ssl.create_default_context()
    if settings.network_ca_file is not None:
        try:
            authorities.load_verify_locations(settings.network_ca_file)
        except OSError as error:
            raise SettingsInvalid(f"Setting network_ca_file: it can't be used ({error}).") from None
    limits = NetworkLimits(
        response_bytes=int(settings.network_response_mb * MB),
        request_bytes=int(settings.network_request_mb * MB),
        seconds=settings.network_seconds,
        calls=settings.network_calls,
    )
    private = networks(settings.network_private)
    client = HttpClient(limits, private=private, authorities=authorities)
    stack.callback(client.close)
    return NetworkBroker(client, read_secrets(settings.network_secrets_file))


async def _membership(settings: Settings, stack: AsyncExitStack) -> Membership | None:
    """Return the cluster membership; ``None`` for a single gateway."""
    if not settings.node or settings.database_url is None:
        return None
    # Separate connections: a busy pool must not delay the heartbeat.
    database = await open_database(settings.database_url)
    stack.push_async_callback(database.aclose)
    seconds = settings.node_timeout_seconds
    membership = Membership(Nodes(database, settings.node, new_id("run"), seconds), seconds)
    stack.push_async_callback(membership.leave)
    return membership


async def _recover_what_was_left(services: Services, url: str) -> None:
    """Find the kernels and recover the turns of this service's last run."""
    contexts, membership = services.contexts, services.membership

    async def recover(conversations: Collection[str] | None) -> None:
        if living := await contexts.find_living_kernels(conversations):
            log.info("%d kernels of before live on", living)
        await recover_turns(services.turns, services.repository, contexts, conversations)

    if membership is None:
        await recover(None)
        return
    owned = await membership.join(
        services.settings.node_url or url, lambda conversation: recover({conversation})
    )
    await recover(owned)
    membership.owned.update(owned)


async def _lock(stack: AsyncExitStack, settings: Settings) -> None:
    """Lock the data directory; retry, as a child of a killed service may hold the lock briefly.

    The gateways of a cluster share the directory's lock; each has an exclusive one for its name.
    """
    directory, deadline = settings.data_dir, time.monotonic() + LOCK_SECONDS
    while True:
        attempt = stack.enter_context(ExitStack())
        held = attempt.enter_context(advisory_lock(directory / "lock", shared=bool(settings.node)))
        if held and settings.node:
            held = attempt.enter_context(advisory_lock(directory / f"lock-{settings.node}"))
        if held:
            return
        attempt.close()
        if time.monotonic() > deadline:
            raise AlreadyRunning(str(directory), settings.node)
        await asyncio.sleep(0.05)


async def _open_repository(settings: Settings) -> Repository:
    if settings.database_url:
        return await open_repository(settings.database_url, settings.node)
    file = settings.data_dir / "tallybook.db"
    file.touch(mode=0o600)
    return await open_repository(sqlite_url(file))


def _bind(settings: Settings) -> tuple[list[socket.socket], str]:
    """Bind the port; return the sockets and the address."""
    sockets = bind_sockets(settings.port, settings.host)
    port = sockets[0].getsockname()[1]
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    return sockets, f"{'http' if settings.tls_cert is None else 'https'}://{shown}:{port}"


def _rendered(error: Exception) -> tuple[int, dict[str, Any]]:
    problem = problem_from_error(error)
    return problem.status, problem.body()


def _listen(
    services: Services,
    sockets: list[socket.socket],
    tls: ssl.SSLContext | None,
    stack: AsyncExitStack,
) -> None:
    settings, membership = services.settings, services.membership
    application = make_app(services)
    router = None
    if membership is not None:
        router = Router(application, membership, services.proxies, _rendered)
    server = HTTPServer(
        application if router is None else router,
        ssl_options=tls,
        max_body_size=BODY_BYTES,
        idle_connection_timeout=settings.idle_seconds,
        body_timeout=settings.upload_seconds,
    )
    server.add_sockets(sockets)

    async def stop() -> None:
        server.stop()
        if router is not None:
            await router.aclose()
        if membership is not None:
            await membership.rest()
        await server.close_all_connections()

    stack.push_async_callback(stop)
