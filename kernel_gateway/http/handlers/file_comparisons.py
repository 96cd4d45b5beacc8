"""What differs between a file and another one, or an earlier version of it."""

from __future__ import annotations

import asyncio
import math

from agent.checks.comparison import TOLERANCE, compare_contents, compare_in_sandbox
from container.errors import WorkspaceFileNotFound
from kernel_gateway.errors import BadRequest
from kernel_gateway.http.handlers.file_versions import open_version
from kernel_gateway.http.handlers.files import FileHandler
from kernel_gateway.http.operations import Query, operation
from kernel_gateway.http.schemas.responses import files as models
from notebooks.workbooks.compare.difference import LAYERS, comparison_to_json

MOST_NAME = 1024
COMPARE_QUERY = (
    Query(name="with", schema={"type": "string"}, help="The earlier file; else this one's."),
    Query(
        name="version",
        schema={"type": "string"},
        help="The sha256 of a version of the earlier file; else its present content.",
    ),
    Query(
        name="tolerance",
        schema={"type": "number", "minimum": 0, "exclusiveMaximum": 1},
        help="Relative tolerance of numbers; 1e-9 unless said.",
    ),
    Query(
        name="layers",
        schema={"type": "string"},
        help="Which layers, with commas between: " + ", ".join(LAYERS) + ".",
    ),
)


class FileComparisonHandler(FileHandler):
    """``…/files/{name}/compare``: what differs from an earlier file."""

    @operation(
        "What differs between a workbook and an earlier one",
        query=COMPARE_QUERY,
        returns={200: models.FileComparison},
    )
    async def get(self, conversation_id: str, path: str, name: str) -> None:
        key = await self.path_key(conversation_id, path)
        opened = await self.services.contexts.open(key)
        names = {file.name for file in await asyncio.to_thread(opened.workspace.files)}
        if f"{name}/compare" in names:  # a file of that very name is downloaded
            await FileHandler.get(self, conversation_id, path, f"{name}/compare")
            return
        if name not in names:
            raise WorkspaceFileNotFound(name)
        version = self.get_query_argument("version", "")
        before = self._text("with") or name
        if before == name and not version:
            raise BadRequest("Say what to compare it with: ?with=FILE, ?version=SHA256, or both.")
        tolerance, layers = self._tolerance(), self._layers()
        if not version and before not in names:
            raise WorkspaceFileNotFound(before)
        async with self.services.comparisons:  # each may take 2 GB
            if not version:
                found = await compare_in_sandbox(
                    opened.workspace, before, name, tolerance=tolerance, layers=layers
                )
            else:
                earlier = await open_version(self.services, opened, before, version)
                with earlier, await asyncio.to_thread(opened.workspace.open_read, name) as now:
                    found = await compare_contents(
                        (before, earlier), (name, now), tolerance=tolerance, layers=layers
                    )
        self.write_json(200, comparison_to_json(found))

    def _text(self, name: str) -> str:
        text = self.get_query_argument(name, "", strip=False)
        if "\0" in text or len(text) > MOST_NAME:
            raise BadRequest(f"{name}={text[:20]!r} is no file's name.")
        return text

    def _tolerance(self) -> float:
        """Return the tolerance that the query gives.

        Raises:
            BadRequest: It is none.
        """
        text = self.get_query_argument("tolerance", str(TOLERANCE))
        try:
            tolerance = float(text)
        except ValueError:
            tolerance = math.nan
        if not 0 <= tolerance < 1:
            raise BadRequest(f"tolerance={text[:20]!r} is no number from 0 up to below 1.")
        return tolerance

    def _layers(self) -> frozenset[str]:
        """Return the layers that the query names.

        Raises:
            BadRequest: There is no such layer.
        """
        text = self.get_query_argument("layers", "")
        named = frozenset(filter(None, text.split(","))) or frozenset(LAYERS)
        if unknown := named - set(LAYERS):
            raise BadRequest(
                f"There is no layer {min(unknown)[:20]!r}; there are {', '.join(LAYERS)}."
            )
        return named
