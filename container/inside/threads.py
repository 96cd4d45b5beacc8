"""Output of a thread belongs to the cell that started it, also once that cell has ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


def apply(shell: Any) -> None:
    """Make threads, and what a pool's threads are given, print for the cell that did so.

    ipykernel counts what a thread prints to the cell that runs at that moment.

    Args:
        shell: IPython's interactive shell.
    """
    start, submit = threading.Thread.start, ThreadPoolExecutor.submit

    def start_for_cell(thread: threading.Thread) -> None:
        parent, run = shell.get_parent(), thread.run

        def run_for_cell() -> None:
            vars(thread).pop("run", None)
            shell.set_thread_parent(parent)
            run()

        if parent:
            vars(thread)["run"] = run_for_cell
        try:
            start(thread)
        except BaseException:
            vars(thread).pop("run", None)
            raise

    def submit_for_cell(
        pool: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **options: Any
    ) -> Future[Any]:
        parent = shell.get_parent()

        def call_for_cell(*args: Any, **options: Any) -> Any:
            before = shell.set_thread_parent(parent)
            try:
                return fn(*args, **options)
            finally:
                shell.reset_thread_parent(before)

        return submit(pool, call_for_cell if parent else fn, *args, **options)

    threading.Thread.start = start_for_cell  # type: ignore[method-assign,assignment]
    ThreadPoolExecutor.submit = submit_for_cell  # type: ignore[method-assign,assignment]
