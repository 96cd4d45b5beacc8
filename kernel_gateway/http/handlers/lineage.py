"""Where a cell of a written file comes from, and which recorded cells are stale."""

from __future__ import annotations

import asyncio

from agent.lineage import trace_cell
from kernel_gateway.errors import BadRequest
from kernel_gateway.http.json_handler import JsonHandler
from kernel_gateway.http.operations import Query, operation
from kernel_gateway.http.schemas.responses import notebooks as models
from notebooks.lineage.prov import trace_to_prov
from notebooks.lineage.staleness import Stale, stale_to_json
from notebooks.lineage.trace import trace_to_json
from notebooks.lineage.words import words
from notebooks.workbooks.origin.address import is_cell, parse_address

FORMS = ("json", "prov")
MOST_TEXT = 1024
TRACE_QUERY = (
    Query(name="file", schema={"type": "string"}, help="The file's name in the workspace."),
    Query(name="cell", schema={"type": "string"}, help="The cell, such as `Pivot!C7`."),
    Query(
        name="rows",
        schema={"type": "boolean"},
        help="Also read the files, and run the code on the way again in a sandbox, for the rows "
        "and values; true unless said.",
    ),
    Query(
        name="as",
        schema={"type": "string", "enum": list(FORMS)},
        help="`prov` for W3C PROV-JSON.",
    ),
)


class TraceHandler(JsonHandler):
    """``…/notebook/trace``: from a cell of a written file back to code and rows."""

    @operation(
        "Where a cell of a written file comes from",
        query=TRACE_QUERY,
        returns={200: models.CellTrace},
    )
    async def get(self, conversation_id: str, path: str) -> None:
        key = await self.path_key(conversation_id, path)
        file, (sheet, cell) = self._text("file"), parse_address(self._text("cell"))
        if not is_cell(cell):
            raise BadRequest(f"cell={cell[:40]!r} is no cell; write it as Pivot!C7.")
        form = self.get_query_argument("as", "json")
        if form not in FORMS:
            raise BadRequest(f"as={form[:20]!r} is none of {', '.join(FORMS)}.")
        rows = self.get_query_argument("rows", "true")
        if rows not in ("true", "false"):
            raise BadRequest(f"rows={rows[:20]!r} is neither true nor false.")
        opened = await self.services.contexts.open(key)
        cells = await asyncio.to_thread(opened.recorded.of, opened.recorder.cells)
        files = await opened.hashes.current(opened.workspace)
        async with self.services.comparisons:  # each may take 2 GB
            found = await trace_cell(
                cells,
                opened.workspace,
                files,
                (file, sheet, cell),
                replay=rows == "true",
                forked=self.services.settings.backend == "zygote",
            )
        if form == "prov":
            self.write_json(200, trace_to_prov(found))
        else:
            self.write_json(200, {**trace_to_json(found), "words": words(found)})

    def _text(self, name: str) -> str:
        text = self.get_query_argument(name, "", strip=False)
        if not text:
            raise BadRequest(f"Say which {name}: ?file=outputs/out.xlsx&cell=Pivot!C7.")
        if "\0" in text or len(text) > MOST_TEXT:
            raise BadRequest(f"{name}={text[:20]!r} is not the name of one.")
        return text


class StalenessHandler(JsonHandler):
    """``…/notebook/staleness``: the cells whose inputs changed after they ran."""

    @operation("Cells whose inputs changed after they ran", returns={200: models.Staleness})
    async def get(self, conversation_id: str, path: str) -> None:
        key = await self.path_key(conversation_id, path)
        opened = await self.services.contexts.open(key)
        files = await opened.hashes.current(opened.workspace)

        def look() -> list[Stale]:
            return opened.live_cells.stale(opened.recorded.of(opened.recorder.cells), files)

        stale = await asyncio.to_thread(look)
        self.write_json(200, {"stale": [stale_to_json(each) for each in stale]})
