"""papermill's engine for notebooks whose cells are in several languages.

papermill runs a notebook in one kernel. Here each cell runs in a kernel of its language; those of
other languages are started at their first cell, in the same directory, and end with the run.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from jupyter_core.utils import ensure_async
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines

from notebooks.record.cells import PYTHON
from notebooks.record.chain import facts_of
from notebooks.record.document import language_of

ENGINE, DENO = "tallybook", "tallybook-deno"
KERNELSPECS = {
    "bash": "tallybook-bash",
    "javascript": DENO,
    "typescript": DENO,
}
"""The kernelspec of each language that is not Python."""
PRINT = "__tallybook_rerun_print"
DEFINE_PRINT = f"Object.defineProperty(globalThis, '{PRINT}', {{value: console.log.bind(console)}})"
LATE_SECONDS = 3.0
"""Longest wait for text that a Deno kernel still has; nbclient waits for 4 s."""


class _Client(PapermillNotebookClient):  # type: ignore[misc]
    """Runs each cell in the kernel of its language: nbclient uses the one in ``km`` and ``kc``."""

    def __init__(self, *args: Any, launch: Mapping[str, Any], **options: Any) -> None:
        super().__init__(*args, **options)
        self._launch = launch
        self._others: dict[str, tuple[Any, Any]] = {}
        self._prints_late = False
        self.kernel_name: str

    def execute(self, **options: Any) -> Any:
        try:
            return super().execute(**self._launch, **options)
        finally:
            for kept in self._others.values():
                self.km, self.kc = kept
                self._cleanup_kernel()

    def execute_cell(self, cell: Any, cell_index: int, **options: Any) -> Any:
        language = language_of(facts_of(cell))
        if cell.cell_type != "code" or language == PYTHON:
            return super().execute_cell(cell, cell_index, **options)
        if language not in KERNELSPECS:
            return cell  # it gets no reply, so it is judged as not run
        python = self.km, self.kc
        try:
            self._enter(KERNELSPECS[language])
            self._prints_late = KERNELSPECS[language] == DENO
            return super().execute_cell(cell, cell_index, **options)
        finally:
            self._prints_late = False
            self.km, self.kc = python

    async def _async_poll_output_msg(self, parent_msg_id: str, cell: Any, cell_index: int) -> None:
        await super()._async_poll_output_msg(parent_msg_id, cell, cell_index)
        if self._prints_late:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LATE_SECONDS):
                    await self._take_late_text(parent_msg_id, cell, cell_index)

    async def _take_late_text(self, parent_msg_id: str, cell: Any, cell_index: int) -> None:
        """Take what a cell printed and its kernel had not sent when it said ``idle``.

        Deno publishes text from a queue of its own, in order: all of it is before a marker.
        """
        marker = secrets.token_hex(16)
        asked = await ensure_async(
            self.kc.execute(f"{PRINT}('{marker}')", silent=True, store_history=False)
        )
        found = ""
        while not found:
            message = await ensure_async(self.kc.iopub_channel.get_msg(timeout=None))
            ours = message["parent_header"].get("msg_id") in (parent_msg_id, asked)
            if not ours or message["header"]["msg_type"] != "stream":
                continue
            text, found, _ = message["content"]["text"].partition(marker)
            if text:
                message["content"]["text"] = text
                message["parent_header"]["msg_id"] = parent_msg_id
                self.process_message(message, cell, cell_index)

    def _enter(self, name: str) -> None:
        """Use the kernel of kernelspec *name*; start it at its first use."""
        if name in self._others:
            self.km, self.kc = self._others[name]
            return
        usual, self.kernel_name = self.kernel_name, name
        self.km = self.kc = None
        try:
            self.create_kernel_manager()
            self.start_new_kernel(**self._launch)
            self.start_new_kernel_client()
        finally:
            self.kernel_name = usual
        self._others[name] = self.km, self.kc
        if name == DENO:
            self.kc.execute(DEFINE_PRINT, silent=True, store_history=False)


class _Engine(NBClientEngine):  # type: ignore[misc]
    @classmethod
    def execute_managed_notebook(  # papermill's own, with our client
        cls,
        nb_man: Any,
        kernel_name: str,
        log_output: bool = False,  # noqa: FBT001, FBT002 (papermill's signature)
        stdout_file: Any = None,
        stderr_file: Any = None,
        start_timeout: int = 60,
        execution_timeout: int | None = None,
        launch: Mapping[str, Any] = MappingProxyType({}),
        **options: Any,
    ) -> Any:
        options.pop("input_path", None)
        client = _Client(
            nb_man,
            timeout=execution_timeout,
            startup_timeout=start_timeout,
            kernel_name=kernel_name,
            log_output=log_output,
            stdout_file=stdout_file,
            stderr_file=stderr_file,
            launch=launch,
            **options,
        )
        return client.execute()


def register() -> None:
    """Make the engine known to papermill under the name `ENGINE`."""
    papermill_engines.register(ENGINE, _Engine)
