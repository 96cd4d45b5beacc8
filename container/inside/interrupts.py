"""Deliver interrupts to user code only.

ipykernel turns SIGINT into KeyboardInterrupt for as long as it handles a request. Raised
in the kernel's own code, before or after the cell's code runs, it loses the reply or ends
the kernel. Here an early SIGINT is held until the cell's code starts; a late one is dropped.
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
    """Raises KeyboardInterrupt only while a cell's code runs in *shell*, IPython's shell."""

    def __init__(self, shell: Any) -> None:
        self._kernel, self._run_code = shell.kernel, shell.run_code
        self._running = False
        self._pending = False
        shell.run_code = self._guarded_run_code
        # The kernel's own hooks would restore its handler around every request.
        shell.kernel.pre_handler_hook = self._begin_request
        shell.kernel.post_handler_hook = _nothing
        shell.kernel._cancel_on_sigint = self._cancel_on_sigint
        self._entered = False

    def install(self) -> None:
        """Handle SIGINT in this process; call it before the first cell."""
        self._entered = False
        signal.signal(signal.SIGINT, self._on_sigint)

    def _begin_request(self) -> None:
        self._pending = False  # meant for a cell that has ended
        if not self._entered:
            # A kernel from the pool gets its workspace only after it started.
            with contextlib.suppress(OSError):
                os.chdir(WORKSPACE)

    def _on_sigint(self, signum: int, frame: Any) -> None:
        publisher = self._kernel.iopub_thread
        if not self._running:
            self._pending = True
        elif publisher is not None and publisher.sending:
            publisher.interrupted = True  # raised as soon as the message is sent
        else:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def _cancel_on_sigint(self, cell: asyncio.Task[Any]) -> Iterator[None]:
        """Interrupt a *cell* that awaits: raise in its code if that runs, else cancel its task.

        ipykernel's own handler neither wakes the event loop nor interrupts running code.
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
        # IPython shows an exception raised here as the cell's own.
        self._entered = self._running = True
        try:
            if self._pending:
                self._pending = False
                raise KeyboardInterrupt
            return await self._run_code(*args, **kwargs)
        finally:
            self._running = False


def _nothing() -> None:
    """Stand in for ipykernel's hook, which would change the SIGINT handler."""
