"""Fix what ipykernel 7 gets wrong for cells with a top-level await."""

from __future__ import annotations

import functools
import threading
from typing import Any


class NoShellThread:
    """Stands in for ipykernel's shell-channel thread, which these kernels don't have.

    ipykernel checks its parent thread to decide whether a cell that awaits can get signals.
    """

    def __bool__(self) -> bool:
        return False

    @property
    def parent_thread(self) -> threading.Thread:
        """The thread that cells run in."""
        return threading.main_thread()


def apply(shell: Any) -> None:
    """Let cells of *shell*, IPython's interactive shell, await and be interrupted."""
    shell.kernel.shell_channel_thread = NoShellThread()
    type(shell.kernel)._supports_kernel_subshells = False  # the object alone would enable them
    run_cell_async = shell.run_cell_async

    @functools.wraps(run_cell_async)  # ipykernel inspects its signature
    def run_cell(*args: Any, **options: Any) -> Any:
        # IPython resets this flag of an earlier cell's failed display in `run_cell` only.
        shell._last_traceback_during_displayhook = False
        return run_cell_async(*args, **options)

    shell.run_cell_async = run_cell
