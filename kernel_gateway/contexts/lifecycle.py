"""Execution contexts: made when first needed, ended when unused for long."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass, field
from pathlib import Path

from agent.ports import Bench
from agent.run_cell import FileHashes
from container.errors import ContainerError
from container.kernel_environment import DEFAULT_IMAGE
from container.limits import Limits
from container.session import KernelSession
from container.shim.client import Connection, LivingKernel, keep_warm, living_kernels
from container.workspace import Workspace
from kernel_gateway.errors import KernelLimitReached
from notebooks.recorder import Recorder

SWEEP_SECONDS = 30.0
log = logging.getLogger("tallybook.contexts")


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendChoice:
    """What starts the kernels: `container.session.KernelSession`'s backend, image and runtime."""

    name: str = "zygote"
    image: str = DEFAULT_IMAGE
    runtime: str = ""


@dataclass(slots=True)
class ExecutionContext:
    """What one path works with; its kernel comes and goes.

    Attributes:
        key: Conversation and path.
        workspace: The path's files; they stay.
        recorder: The path's notebook; it stays.
        hashes: File hashes known so far.
        session: The live kernel, if there is one.
        last_used: Monotonic time of the last use.
        in_use: Turns that hold the context right now.
    """

    key: tuple[str, str]
    workspace: Workspace
    recorder: Recorder
    hashes: FileHashes = field(default_factory=FileHashes)
    session: KernelSession | None = None
    last_used: float = field(default_factory=time.monotonic)
    in_use: int = 0
    starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def live(self) -> KernelSession | None:
        """The kernel, if it is there and alive."""
        return self.session if self.session is not None and self.session.alive else None


class ExecutionContexts:
    """The contexts of all paths, with at most *max_kernels* live kernels."""

    def __init__(
        self,
        directory: Path,
        limits: Limits,
        *,
        max_kernels: int,
        ttl_seconds: float,
        keep_seconds: float = 0.0,
        backend: BackendChoice = BackendChoice(),
    ) -> None:
        """Describe the contexts; nothing is opened yet.

        Args:
            directory: Where the paths' homes are; it also names these contexts' kernels.
            limits: What each kernel may use.
            max_kernels: Kernels alive at once.
            ttl_seconds: How long an unused kernel lives.
            keep_seconds: How long a kernel lives on when the service died.
            backend: What starts the kernels.
        """
        self._directory = directory.resolve()
        self._keep_seconds, self._backend = keep_seconds, backend
        self._warm: Connection | None = None
        self._waiting: dict[tuple[str, str], LivingKernel] = {}
        self._limits = limits
        self._max_kernels = max_kernels
        self._ttl_seconds = ttl_seconds
        self._contexts: dict[tuple[str, str], ExecutionContext] = {}
        self._opening: dict[tuple[str, str], asyncio.Lock] = {}
        self._sweeper: asyncio.Task[None] | None = None

    def start_sweeping(self) -> None:
        """End unused kernels from now on, in the background."""
        self._sweeper = asyncio.create_task(self._sweep())

    async def keep_warm(self, count: int) -> None:
        """Have *count* kernels wait, ready; without them a first cell takes a moment longer."""
        if count and self._backend.name == "zygote":
            try:
                self._warm = await keep_warm(count, self._limits)
            except ContainerError as error:
                log.warning("no kernels can be kept ready: %s", error)

    async def find_living_kernels(self) -> int:
        """Find the kernels that a service which died has left; return how many.

        They are adopted when their path is used again, and ended by their owner when
        that takes too long.
        """
        prefix = f"{self._directory}:"
        for kernel in await living_kernels():
            if kernel.label.startswith(prefix) and not kernel.held:
                conversation, _, path = kernel.label.removeprefix(prefix).partition("/")
                self._waiting[conversation, path] = kernel
        return len(self._waiting)

    def waits_for_adoption(self, conversation: str, path: str) -> bool:
        """Whether a kernel of before lives on for this path."""
        return (conversation, path) in self._waiting

    async def get_or_create(self, conversation: str, path: str) -> ExecutionContext:
        """Return the context of a path; opening it settles what a crash left behind.

        Raises:
            NotebookUnreadable: The path's notebook is damaged.
        """
        key = (conversation, path)
        async with self._opening.setdefault(key, asyncio.Lock()):
            if key not in self._contexts:
                home = self._directory / conversation / path
                last_cell = self._waiting[key].last_cell if key in self._waiting else None
                running = last_cell["cell"] if last_cell is not None else None
                self._contexts[key] = await asyncio.to_thread(_open, home, *key, running)
            context = self._contexts[key]
            context.last_used = time.monotonic()
        return context

    def bench(self, context: ExecutionContext) -> Bench:
        """Return what a turn needs of *context*."""
        return Bench(
            workspace=context.workspace,
            recorder=context.recorder,
            session=lambda: self._session(context),
            live_session=lambda: context.live,
        )

    async def _session(self, context: ExecutionContext) -> KernelSession:
        async with context.starting:  # many callers, one kernel
            context.last_used = time.monotonic()
            if context.live is not None:
                return context.live
            if context.session is not None:
                await context.session.aclose()
                context.session = None
            await self._make_room()
            context.session = await self._adopted(context) or await self._started(context)
            return context.session

    def _new_session(self, context: ExecutionContext) -> KernelSession:
        conversation, path = context.key
        return KernelSession(
            context.workspace,
            self._limits,
            label=f"{self._directory}:{conversation}/{path}",
            keep_seconds=self._keep_seconds,
            backend=self._backend.name,
            image=self._backend.image,
            runtime=self._backend.runtime,
        )

    async def _started(self, context: ExecutionContext) -> KernelSession:
        session = self._new_session(context)
        await session.start()
        return session

    async def _adopted(self, context: ExecutionContext) -> KernelSession | None:
        kernel = self._waiting.pop(context.key, None)
        if kernel is None:
            return None
        session = self._new_session(context)
        try:
            await session.adopt(kernel)
        except ContainerError as gone:
            log.warning("kernel %s could not be taken over: %s", kernel.id, gone)
            return None
        return session

    async def _make_room(self) -> None:
        holding = [c for c in self._contexts.values() if c.session is not None]
        while len(holding) >= self._max_kernels:
            idle = [c for c in holding if not c.in_use]
            if not idle:
                raise KernelLimitReached(self._max_kernels)
            oldest = min(idle, key=lambda c: c.last_used)
            await _end_kernel(oldest)
            holding.remove(oldest)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(min(SWEEP_SECONDS, self._ttl_seconds))
            await self.cleanup_expired()

    async def cleanup_expired(self) -> int:
        """End and forget the contexts unused for longer than their time; return how many."""
        oldest = time.monotonic() - self._ttl_seconds
        ended = 0
        for key, context in list(self._contexts.items()):
            async with self._opening.setdefault(key, asyncio.Lock()):
                if context.in_use or context.last_used >= oldest:
                    continue
                try:
                    await _end_kernel(context)
                    del self._contexts[key]
                    ended += 1
                except (ContainerError, OSError):
                    log.exception("an expired kernel could not be ended")
        return ended

    def live_kernels(self) -> int:
        """Return how many kernels are alive."""
        return sum(context.live is not None for context in self._contexts.values())

    async def aclose(self) -> None:
        """End every kernel; workspaces and notebooks stay."""
        if self._warm is not None:
            self._warm.close()
            self._warm = None
        if self._sweeper is not None:
            self._sweeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeper
            self._sweeper = None
        await asyncio.gather(*(_end_kernel(c) for c in self._contexts.values() if c.session))


async def _end_kernel(context: ExecutionContext) -> None:
    session, context.session = context.session, None
    if session is not None:
        await session.aclose()


def _open(home: Path, conversation: str, path: str, running: str | None) -> ExecutionContext:
    recorder = Recorder.open(home, conversation=conversation, path=path, running=running)
    workspace = Workspace.create(home / "workspace")
    return ExecutionContext(key=(conversation, path), workspace=workspace, recorder=recorder)
