"""A cell's outputs as the notebook records them; long printed text goes to a file."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, BinaryIO

from container.errors import ContainerError
from container.workspace.workspace import Workspace
from notebooks.record.cells import OutputCollector, rest_of_output
from notebooks.record.terminal_lines import last_states

RECORDED_CHARACTERS = 1_000_000
REDRAWN_CHARACTERS = 10_000
"""Longest text that counts as the redrawing of lines, such as a progress bar."""


class RecordedOutputs:
    """Collects a cell's outputs; printed text past a limit goes to a file in ``outputs/``.

    Events carry all of the text. The limit keeps the notebook and the turn's result small
    enough to open.
    """

    def __init__(self, workspace: Workspace, cell: str) -> None:
        self._workspace, self._name = workspace, f"cell-{cell}-output.txt"
        self._collector = OutputCollector()
        self._printed = 0
        self._rest = 0
        self._file: BinaryIO | None = None
        self._problem = ""

    def add(self, output: Mapping[str, Any]) -> None:
        """Add one output, in order."""
        if output["output_type"] != "stream":
            self._collector.add(output)
            return
        text = str(output["text"])
        room = max(RECORDED_CHARACTERS - self._printed, 0)
        drawn = last_states(text) if "\r" in text else ""
        if drawn and len(drawn) < min(room, REDRAWN_CHARACTERS):
            self._collector.add(output)
            self._printed += drawn.rfind("\n") + 1  # a line that is redrawn costs once, at its end
            return
        self._printed += len(text)
        if room:
            self._collector.add({**output, "text": text[:room]})
        if rest := text[room:]:
            self._spill(rest.encode("utf-8", "replace"))

    def _spill(self, rest: bytes) -> None:
        self._rest += len(rest)
        try:
            if self._file is None and not self._problem:
                self._file = self._workspace.new_output(self._name)
            if self._file is not None:
                self._file.write(rest)
        except (ContainerError, OSError) as error:
            self._problem = str(error)
            self._close()

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()

    def end(self) -> tuple[Mapping[str, Any], ...]:
        """Return the outputs to record, with a note where any further text is."""
        self._close()
        if self._rest:
            place = "the event log" if self._problem else f"outputs/{self._name}"
            text = rest_of_output(self._rest, place)
            self._collector.add({"output_type": "stream", "name": "stdout", "text": text})
        return self._collector.outputs()
