"""Cells that await at their top level: what ipykernel 7 leaves undone for them."""

from __future__ import annotations

import functools
import threading
from typing import Any


class NoShellThread:
    """In place of the thread that ipykernel reads its shell channel in: here there is none.

    It asks who started that thread, to know whether a cell that awaits can get a signal.
    """

    def __bool__(self) -> bool:
        return False

    @property
    def parent_thread(self) -> threading.Thread:
        """Where cells run."""
        return threading.main_thread()


def apply(shell: Any) -> None:
    """Let cells of *shell*, IPython's interactive shell, await, and end as they do."""
    shell.kernel.shell_channel_thread = NoShellThread()
    type(shell.kernel)._supports_kernel_subshells = False  # else the mere object says so
    run_cell_async = shell.run_cell_async

    @functools.wraps(run_cell_async)  # ipykernel looks at what it takes
    def run_cell(*args: Any, **options: Any) -> Any:
        # Only cells that don't await forget that an earlier one could not show its value.
        shell._last_traceback_during_displayhook = False
        return run_cell_async(*args, **options)

    shell.run_cell_async = run_cell
