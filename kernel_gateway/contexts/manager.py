"""Execution contexts: created on first use, restored when lost, ended when unused for long."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from opentelemetry import trace

from agent.checks.formula_values import FormulaValues
from agent.ports import PathRuntime
from container.errors import ContainerError
from container.host.memory import read_memory
from container.kernel.session import KernelSession
from container.shim.client import keep_warm
from container.shim.connection import Connection
from kernel_gateway.contexts.adoption import LeftKernels
from kernel_gateway.contexts.kernel_limit import ALWAYS_WARM, KernelLimit, spare_kernels
from kernel_gateway.contexts.kernel_line import KernelLine
from kernel_gateway.contexts.open_path import OpenPath, open_path, spared
from kernel_gateway.contexts.open_paths import OpenPaths
from kernel_gateway.contexts.other_kernels import OtherKernels
from kernel_gateway.contexts.restore import Emit
from kernel_gateway.contexts.snapshots import SnapshotWriter
from kernel_gateway.contexts.starting import KernelStarter
from kernel_gateway.contexts.state import Cleared, ExecutionContext, new_context
from kernel_gateway.contexts.stores import ContextStore
from kernel_gateway.contexts.versions import FileVersions
from kernel_gateway.errors import GatewayError
from kernel_gateway.ids import PathKey
from kernel_gateway.store.tombstones import Deletions
from kernel_gateway.telemetry import Telemetry
from notebooks.errors import NotebookError
from notebooks.record.chain import Attester
from notebooks.record.shielded import shielded
from notebooks.record.undone import RESTART

CLEANED_AT_ONCE = 50
AGAIN_SECONDS = 60.0
"""Seconds until the clean-up retries a context it could not end."""
TOUCH_SECONDS = 5.0
log = logging.getLogger("tallybook.contexts")
tracer = trace.get_tracer("tallybook")


async def _emit_nowhere(kind: str, data: Mapping[str, Any]) -> None:
    log.debug("%s %s", kind, data)


class ExecutionContextManager:
    """The contexts of all paths, with no more live kernels than *limit* allows."""

    def __init__(
        self,
        starter: KernelStarter,
        store: ContextStore,
        telemetry: Telemetry,
        versions: FileVersions,
        deletions: Deletions,
        *,
        node: str = "",
        limit: KernelLimit,
        wait_seconds: float,
        ttl_seconds: float,
        attester: Attester | None = None,
        lineage: bool = True,
    ) -> None:
        """Create the manager; no path is opened yet.

        Args:
            starter: Starts the kernels; has the directory of the paths.
            store: Stores the contexts.
            telemetry: Counts created, restored and terminated contexts.
            versions: Keeps earlier versions of files.
            deletions: The conversations being deleted; their paths are not opened.
            node: This node's name among those that share the store.
            limit: The limit on live kernels.
            wait_seconds: Longest wait of a path in the kernel queue.
            ttl_seconds: Lifetime of an unused kernel.
            attester: Signs the notebooks.
            lineage: Whether cells are looked at for what they make stale.
        """
        self._lineage = lineage
        self._starter, self.versions, self._attester = starter, versions, attester
        self._values = FormulaValues(starter.limits)
        self._store, self._node, self._telemetry = store, node, telemetry
        self._warm: Connection | None = None
        self._left = LeftKernels(starter.directory, store, node)
        self._line = KernelLine(limit, wait_seconds, count=self._count, evict=self._evict_one)
        self._others = OtherKernels(starter, self._line, deletions, telemetry)
        self._ttl_seconds = ttl_seconds
        self.snapshots = SnapshotWriter()
        self._deletions = deletions
        self._paths = OpenPaths(self._read)
        self._starting: set[PathKey] = set()
        self.on_start: list[Callable[[OpenPath], Awaitable[None]]] = []
        """Awaited with a path whose kernel has just started, before a cell runs in it."""
        self.on_wait: list[Callable[[PathKey, Mapping[str, Any]], Awaitable[None]]] = []
        """Awaited with a path that waits in the kernel queue, and the data of that event."""
        self.on_forget: list[Callable[[PathKey], Awaitable[None]]] = []
        """Awaited with a path that is unused or about to be deleted."""

    async def keep_warm(self, count: int | None) -> None:
        """Keep *count* warm kernels, which shorten the time to a path's first cell.

        Args:
            count: ``None`` for `ALWAYS_WARM`, and more while the machine is at rest.
        """
        size, spare = (ALWAYS_WARM, spare_kernels(read_memory())) if count is None else (count, 0)
        if size and self._starter.backend == "zygote":
            try:
                self._warm = await keep_warm(size, self._starter.limits, spare=spare)
            except (ContainerError, OSError) as error:
                log.warning("no kernels can be kept ready: %s", error)

    async def find_living_kernels(self, conversations: Collection[str] | None = None) -> int:
        """Find the living kernels of an earlier run of the service; return how many.

        Each is adopted when its path is used again; its owner process ends it if that takes too
        long. Contexts whose kernel is gone are marked as terminated.

        Args:
            conversations: Only kernels of these; ``None`` for all.
        """
        return await self._left.find(conversations)

    def waits_for_adoption(self, key: PathKey) -> bool:
        """Whether an earlier run of the service left a living kernel for this path."""
        return key in self._left

    def home(self, key: PathKey) -> Path:
        """Return a path's directory."""
        return self._starter.directory / key.conversation / key.path

    async def open(self, key: PathKey) -> OpenPath:
        """Open a path's files and notebook, without a kernel; recover from a crash if needed.

        Raises:
            NotebookUnreadable: The path's notebook is damaged.
            ConversationDeleted: The conversation is being deleted.
        """
        return await self._paths.open(key)

    async def _read(self, key: PathKey) -> OpenPath:
        self._deletions.check(key.conversation)
        running, blobs = self._left.last_cell(key), self.versions.of(key.conversation)
        path = await asyncio.to_thread(
            open_path,
            self.home(key),
            key,
            running,
            blobs,
            self.versions.retention,
            self._attester,
            self.versions.snapshots,
            self.versions.keys,
        )
        if not path.new:
            path.context = await self._store.get(key)
        return path

    def runtime(self, path: OpenPath, emit: Emit = _emit_nowhere) -> PathRuntime:
        """Return the path runtime of *path* for a turn; *emit* gets a restoration's events."""
        return PathRuntime(
            workspace=path.workspace,
            recorder=path.recorder,
            session=lambda: self._session(path, emit),
            other_session=lambda kernel: self._others.session(
                path, kernel, emit, self._notify_waiting
            ),
            live_session=lambda: path.live,
            has_clients=lambda: path.has_clients,
            take_state_note=path.take_state_note,
            compute=self._values.compute,
            checkpoints=path.checkpoints,
            lineage=self._lineage,
            recorded=path.recorded,
            live=path.live_cells,
        )

    async def get_or_create(self, key: PathKey, emit: Emit = _emit_nowhere) -> ExecutionContext:
        """Return a path's context, with a ready kernel.

        Concurrent callers share one kernel. A lost kernel is replaced, and its variables are
        rebuilt from the notebook.

        Raises:
            NotebookUnreadable: The path's notebook is damaged.
            SandboxUnavailable, KernelStartFailed, KernelLimitReached: No kernel could start.
        """
        path = await self.open(key)
        await self._session(path, emit)
        if path.context is None:
            raise ContainerError("The kernel ended just now.")
        return path.context

    async def context(self, key: PathKey) -> ExecutionContext | None:
        """Return a path's context, live or ended; ``None`` before its first kernel."""
        path = self._paths.get(key)
        return path.context if path is not None else await self._store.get(key)

    async def touch(self, path: OpenPath) -> None:
        """Extend the expiry of a path's context to its full lifetime from now."""
        path.last_used = time.monotonic()
        context, now = path.context, time.time()
        if context is not None and path.live and now - context.last_used_at >= TOUCH_SECONDS:
            await self._keep(path, context.used(now, self._ttl_seconds))

    def count_cell(self, key: PathKey, seconds: float) -> None:
        """Add a cell to the resource usage of a path's context; stored with its next change."""
        path = self._paths.get(key)
        if path is not None:
            path.snapshot_state.run_seconds += seconds
        if path is not None and path.context is not None:
            usage = dict(path.context.resource_usage)
            usage["cells"] = usage.get("cells", 0) + 1
            usage["cell_seconds"] = round(usage.get("cell_seconds", 0.0) + seconds, 4)
            path.context = replace(path.context, resource_usage=usage)

    async def _keep(self, path: OpenPath, context: ExecutionContext) -> None:
        ended = context.status in ("error", "terminated")
        if ended and (path.context is None or path.context.status != context.status):
            self._telemetry.contexts_terminated.labels(context.status).inc()
        path.context = context
        await self._store.put(context)

    async def _session(self, path: OpenPath, emit: Emit) -> KernelSession:
        async with path.starting:  # concurrent callers share one kernel
            self._deletions.check(path.key.conversation)
            if path.live is not None:
                await self.touch(path)
                return path.live
            if path.session is not None:
                await self._end(path, "error", "the kernel ended by itself")
            if path.key not in self._left and path.key not in self._starting:  # else counted
                await self._line.enter(
                    partial(self._notify_waiting, path.key, emit),
                    partial(self._deletions.check, path.key.conversation),
                )
            self._starting.add(path.key)
            try:
                path.session = await self._new_session(path, emit)
            finally:
                self._starting.discard(path.key)
            path.suspended = False
            await shielded(self._notify_started(path))  # later callers don't notify again
            return path.session

    async def _new_session(self, path: OpenPath, emit: Emit) -> KernelSession:
        with tracer.start_as_current_span("context.get_or_create") as span:
            session = await self._adopted(path)
            span.set_attribute("adopted", session is not None)
            path.unseen_code = session is not None  # an adopted kernel may have run any code
            if session is None:
                session = await self._started(path, emit)
            span.set_attribute("context", path.context.id if path.context else "")
        return session

    async def _notify_waiting(self, key: PathKey, emit: Emit, facts: Mapping[str, Any]) -> None:
        await emit("context.waiting", facts)
        for notify in self.on_wait if emit is _emit_nowhere else ():
            await notify(key, facts)

    async def _notify_started(self, path: OpenPath) -> None:
        for notify in self.on_start:
            await notify(path)

    async def _started(self, path: OpenPath, emit: Emit) -> KernelSession:
        began = time.monotonic()
        context = new_context(path.key, self._node, time.time(), self._ttl_seconds)
        session: KernelSession | None = None
        path.context = context
        storing = asyncio.create_task(self._store.put(context))  # while the kernel starts
        self._telemetry.contexts_created.inc()
        try:
            session = await self._starter.start(path, emit, self._telemetry)
            await storing
            await self._keep(path, context.to("ready", kernel=session.kernel_id))
        except BaseException as error:
            await asyncio.gather(storing, return_exceptions=True)
            await shielded(self._given_up(path, session, context, error))
            raise
        self._telemetry.context_seconds.observe(time.monotonic() - began)
        return session

    async def _given_up(
        self,
        path: OpenPath,
        session: KernelSession | None,
        context: ExecutionContext,
        error: BaseException,
    ) -> None:
        """End the kernel of a context that didn't become ready, and store its status."""
        if session is not None:
            await session.aclose()
        if isinstance(error, asyncio.CancelledError):  # the caller no longer needs the kernel
            await self._keep(path, context.to("terminated"))
        elif isinstance(error, Exception):
            reason = str(error) if isinstance(error, ContainerError) else type(error).__name__
            await self._keep(path, context.to("error", error=reason))

    async def _adopted(self, path: OpenPath) -> KernelSession | None:
        kernel = self._left.take(path.key)
        if kernel is None:
            return None
        session = self._starter.session(path)
        try:
            await session.adopt(kernel)
        except ContainerError as gone:
            log.warning("kernel %s could not be taken over: %s", kernel.id, gone)
            if path.context is not None and path.context.status == "ready":
                await self._keep(path, path.context.to("error", error=str(gone)))
            return None
        return session

    def _count(self) -> tuple[int, int]:
        holding = {path.key for path in self._paths if path.session is not None}
        starting = self._others.starting
        others = starting + sum(len(path.others) for path in self._paths)
        alive = len({*self._starting, *self._left, *holding})
        return alive + others, len(self._starting - holding) + starting

    async def _evict_one(self, *, rebuilt_only: bool) -> bool:
        """End the kernel that is needed least, if any may be ended; return whether one was.

        Args:
            rebuilt_only: End none whose variables would be lost.
        """
        left = [key for key in self._left.spare() if key not in self._starting]
        if (path := spared(self._paths, rebuilt_only=rebuilt_only)) is not None:
            async with path.starting:  # the path's own callers wait, then start a new kernel
                had_python = path.session is not None
                await shielded(self._end_all(path))
                path.suspended = had_python and path.watchers > 0
        elif left and not rebuilt_only:
            await shielded(self._end_left(left[0]))
        else:
            return False
        return True

    async def _end_left(self, key: PathKey) -> None:
        await self._left.end(key)
        context = await self.context(key)
        if context is not None and context.status == "ready":
            ended = context.to("terminated")
            if (path := self._paths.get(key)) is not None:
                path.context = ended
            await self._store.put(ended)

    async def cleanup_expired(self, limit: int = CLEANED_AT_ONCE) -> Cleared:
        """End up to *limit* expired contexts; a failure does not stop the others.

        A context in use gets its full lifetime again. One that could not be ended is retried
        after `AGAIN_SECONDS`, so that the others come first.
        """
        ended = failed = 0
        for context in await self._store.expired(self._node, time.time(), limit):
            try:
                ended += await self._expire(context)
            except (ContainerError, GatewayError, NotebookError, OSError):
                log.exception("context %s could not be ended", context.id)
                failed += 1
                later = time.time() + AGAIN_SECONDS
                await self._store.put(replace(context, expires_at=later))
        unused = time.monotonic() - self._ttl_seconds
        await self._others.end_unused(self._paths, unused)
        for key in self._paths.drop_unused(unused):
            await self.part_from(key)
        return Cleared(done=ended, failed=failed)

    async def _expire(self, context: ExecutionContext) -> bool:
        """End *context* unless it is in use or another one has replaced it."""
        path = await self.open(context.key)
        async with path.starting:
            if path.in_use or path.watchers:
                await self.touch(path)
                return False
            ours = path.context is not None and path.context.id == context.id
            if ours:
                if path.session is None:
                    path.session = await self._adopted(path)
                await self._end_all(path)
            if path.context is not None:  # an earlier write may have failed: store it again
                await self._store.put(path.context)
        return ours

    async def terminate(self, key: PathKey) -> ExecutionContext | None:
        """End a path's kernel; files and notebook stay. Return its context, if it had one."""
        path = await self.open(key)
        async with path.starting:
            if path.session is None:
                path.session = await self._adopted(path)
            await self._end_all(path)
        return path.context

    async def restart(self, key: PathKey, user: str) -> ExecutionContext:
        """Give a path a new, empty kernel at its user's request; the notebook records it."""
        path = await self.open(key)
        async with path.starting:
            self._starting.add(key)  # the new kernel keeps the old one's place in the limit
            try:
                await self._left.end(key)  # else it would be adopted, with its variables
                await self._end_all(path)
                facts = {"turn": None, "kind": RESTART, "user": user}
                note = "*The kernel was restarted: its variables are gone.*"
                await path.recorder.note(note, facts)
            except BaseException:
                self._starting.discard(key)
                raise
        try:
            return await self.get_or_create(key)
        finally:
            self._starting.discard(key)

    async def live_keys(self, tenant: str) -> list[PathKey]:
        """Return the paths of *tenant* that have a kernel, on any node."""
        here = {path.key for path in self._paths if path.live is not None or path.suspended}
        there = await self._store.live_elsewhere(self._node, tenant) if self._node else ()
        keys = {*here, *self._left, *(context.key for context in there)}
        return [key for key in keys if key.tenant == tenant]

    async def _end_all(self, path: OpenPath) -> None:
        await self._others.end(path)
        await self._end(path, "terminated")

    async def _end(self, path: OpenPath, status: Any, error: str | None = None) -> None:
        session, path.session, path.suspended = path.session, None, False
        context = path.context
        if session is not None:
            await session.aclose()
        ours = context is not None and path.context is context
        if context is not None and ours and context.status in ("creating", "ready"):
            await self._keep(path, context.to(status, error=error))

    async def part_from(self, key: PathKey) -> None:
        """Call every `on_forget` callback, so that no new work starts on the path."""
        for forget in self.on_forget:
            await forget(key)

    async def forget(self, key: PathKey) -> None:
        """End a path's kernel and drop the path from memory."""
        await self._left.end(key)
        await self._paths.opened()
        if self._paths.get(key) is not None:
            await self.terminate(key)
            self._paths.drop(key)

    def live_kernels(self) -> int:
        """Return how many kernels are alive."""
        return sum(kernel.alive for path in self._paths for kernel in path.kernels)

    async def aclose(self) -> None:
        """End every kernel; workspaces and notebooks stay."""
        if self._warm is not None:
            self._warm.close()
            self._warm = None
        await self._paths.opened()
        await self.snapshots.aclose()
        await asyncio.gather(*(self._close(path) for path in self._paths))
        await self._values.aclose()

    async def _close(self, path: OpenPath) -> None:
        try:
            await self._end_all(path)
        except GatewayError as error:  # the next start marks the context as terminated
            log.warning("the end of a context could not be stored: %s", error)
