"""Re-runs of a path's notebook: start one, look at it, cancel it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from kernel_gateway.conversations.rerun_records import Rerun, notebook_of
from kernel_gateway.errors import BadRequest, Conflict
from kernel_gateway.http.json_handler import FILE_POLICY, JsonHandler
from kernel_gateway.http.operations import Query, operation
from kernel_gateway.http.schemas.requests import NewRerun
from kernel_gateway.http.schemas.responses import notebooks as models
from notebooks.record.reading import parse_notebook
from notebooks.record.undone import withdraw_undone
from notebooks.rerun.listed_parameters import ListedParameter, listed_parameters
from notebooks.rerun.report import report_html

STARTED = "notebook.rerun"
FORMS = ("json", "html", "ipynb")
FORM_QUERY = (
    Query(
        name="as",
        schema={"type": "string", "enum": list(FORMS)},
        help="`html` for the report as a page, `ipynb` for the notebook that the re-run gave.",
    ),
)


class ParametersHandler(JsonHandler):
    """``…/notebook/parameters``: what a re-run can replace."""

    @operation("List the parameters of a notebook", returns={200: models.NotebookParameters})
    async def get(self, conversation_id: str, path: str) -> None:
        opened = await self.services.contexts.open(await self.path_key(conversation_id, path))
        content = await opened.recorder.content()
        found = await asyncio.to_thread(_parameters, content)
        self.write_json(200, {"parameters": [asdict(each) for each in found]})


def _parameters(content: bytes) -> list[ListedParameter]:
    return listed_parameters(withdraw_undone(parse_notebook(content)))


class RerunsHandler(JsonHandler):
    """``…/notebook/reruns``: start a re-run, list them."""

    scopes: ClassVar = {"POST": "rerun"}

    @operation("List the re-runs of a notebook, the newest first", returns={200: models.Reruns})
    async def get(self, conversation_id: str, path: str) -> None:
        opened = await self.services.contexts.open(await self.path_key(conversation_id, path))
        found = await self.services.reruns.all(opened)
        self.write_json(200, {"reruns": [_summary(each) for each in found]})

    @operation("Run a notebook again and compare", body=NewRerun, returns={202: models.Rerun})
    async def post(self, conversation_id: str, path: str) -> None:
        body = self.json_body(NewRerun)
        key = await self.path_key(conversation_id, path)
        opened = await self.services.contexts.open(key)
        made = await self.services.reruns.start(
            opened, body.parameters, body.inputs, twice=body.twice
        )
        await self.services.repository.audit.add(
            key.tenant, self.identity.user, STARTED, key.path, key.conversation, rerun=made.id
        )
        self.set_header("Location", f"{self.request.path}/{made.id}")
        self.write_json(202, _detail(made))


class RerunHandler(JsonHandler):
    """``…/notebook/reruns/{rerun}``: how far it is, what it found; cancel it."""

    scopes: ClassVar = {"DELETE": "rerun"}

    @operation("How far a re-run is, or its report", query=FORM_QUERY, returns={200: models.Rerun})
    async def get(self, conversation_id: str, path: str, rerun: str) -> None:
        opened = await self.services.contexts.open(await self.path_key(conversation_id, path))
        form = self.get_query_argument("as", "json")
        if form not in FORMS:
            raise BadRequest(f"as={form[:20]!r} is none of {', '.join(FORMS)}.")
        found = await self.services.reruns.get(opened, rerun)
        if form == "json":
            self.write_json(200, _detail(found))
        elif found.report is None:
            raise Conflict(f"The re-run is {found.status}: it has no report.")
        elif form == "html":
            self._write_page(f"{conversation_id}-{path}", found.report)
        else:
            await self._send_notebook(notebook_of(opened.home, found.id), found.id)

    def _write_page(self, title: str, report: Mapping[str, Any]) -> None:
        self.set_header("Content-Type", "text/html; charset=utf-8")
        # Its style is in the page; nothing else of it may be loaded or run.
        self.set_header("Content-Security-Policy", f"{FILE_POLICY}; style-src 'unsafe-inline'")
        self.finish(report_html(title, report).encode(errors="backslashreplace"))

    async def _send_notebook(self, file: Path, rerun: str) -> None:
        opened = await asyncio.to_thread(file.open, "rb")
        with opened:
            await self.send_file(opened, "application/x-ipynb+json", f"{rerun}.ipynb")

    @operation("Cancel a re-run; delete one that has ended", returns={200: models.Rerun})
    async def delete(self, conversation_id: str, path: str, rerun: str) -> None:
        opened = await self.services.contexts.open(await self.path_key(conversation_id, path))
        self.write_json(200, _detail(await self.services.reruns.cancel(opened, rerun)))


def _summary(rerun: Rerun) -> dict[str, Any]:
    facts = asdict(rerun)
    report = facts.pop("report")
    return {**facts, "verdict": report and report["verdict"]}


def _detail(rerun: Rerun) -> dict[str, Any]:
    return {**_summary(rerun), "report": rerun.report and dict(rerun.report)}
