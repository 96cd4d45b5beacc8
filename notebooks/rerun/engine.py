"""papermill's engine for notebooks whose cells are in several languages.

papermill runs a notebook in one kernel. Here each cell runs in a kernel of its language; those of
other languages are started at their first cell, in the same directory, and end with the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines

from notebooks.record.cells import PYTHON
from notebooks.record.chain import facts_of
from notebooks.record.document import language_of

ENGINE = "tallybook"
KERNELSPECS = {
    "bash": "tallybook-bash",
    "javascript": "tallybook-deno",
    "typescript": "tallybook-deno",
}
"""The kernelspec of each language that is not Python."""


class _Client(PapermillNotebookClient):  # type: ignore[misc]
    """Runs each cell in the kernel of its language: nbclient uses the one in ``km`` and ``kc``."""

    def __init__(self, *args: Any, launch: Mapping[str, Any], **options: Any) -> None:
        super().__init__(*args, **options)
        self._launch = launch
        self._others: dict[str, tuple[Any, Any]] = {}
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
            return super().execute_cell(cell, cell_index, **options)
        finally:
            self.km, self.kc = python

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
