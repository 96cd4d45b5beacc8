"""Interrupts reach user code only.

ipykernel turns SIGINT into KeyboardInterrupt for as long as it handles a request. One
that lands in the kernel's own code, before the cell begins or after it ended, loses
the reply or the whole kernel. Here it waits until the cell begins, and is
forgotten once the cell is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Any

WORKSPACE = "/workspace"


class InterruptGate:
    """Lets SIGINT through while a cell's code runs in *shell*, IPython's interactive shell."""

    def __init__(self, shell: Any) -> None:
        self._kernel, self._run_code = shell.kernel, shell.run_code
        self._running = False
        self._pending = False
        shell.run_code = self._guarded_run_code
        # The kernel's own hooks would put its handler back around every request.
        shell.kernel.pre_handler_hook = self._begin_request
        shell.kernel.post_handler_hook = _nothing
        shell.kernel._cancel_on_sigint = self._cancel_on_sigint
        self._entered = False

    def install(self) -> None:
        """Take over SIGINT in this process; whatever ran before was no cell."""
        self._entered = False
        signal.signal(signal.SIGINT, self._on_sigint)

    def _begin_request(self) -> None:
        self._pending = False  # it was meant for a cell that is over
        if not self._entered:
            # The workspace of a kernel that waited in the pool was put here after it began.
            with contextlib.suppress(OSError):
                os.chdir(WORKSPACE)

    def _on_sigint(self, signum: int, frame: Any) -> None:
        publisher = self._kernel.iopub_thread
        if not self._running:
            self._pending = True
        elif publisher is not None and publisher.sending:
            publisher.interrupted = True  # raised as soon as the message is out
        else:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def _cancel_on_sigint(self, cell: asyncio.Task[Any]) -> Iterator[None]:
        """Let SIGINT reach a *cell* that awaits: its code where that runs, else what it awaits.

        ipykernel's own leaves the loop asleep, and code that runs on alone.
        """
        loop = asyncio.get_running_loop()

        def on_sigint(signum: int, frame: Any) -> None:
            if asyncio.current_task(loop) is cell:
                self._on_sigint(signum, frame)
            else:
                loop.call_soon_threadsafe(cell.cancel)

        before = signal.signal(signal.SIGINT, on_sigint)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    async def _guarded_run_code(self, *args: Any, **kwargs: Any) -> Any:
        # IPython shows whatever is raised here as the cell's exception.
        self._entered = self._running = True
        try:
            if self._pending:
                self._pending = False
                raise KeyboardInterrupt
            return await self._run_code(*args, **kwargs)
        finally:
            self._running = False


def _nothing() -> None:
    """Leave the handler as it is."""
