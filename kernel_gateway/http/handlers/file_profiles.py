"""What is known of a file: its profile with the code that loads its tables, and its rows."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

from agent.context.profile_text import render_profiles
from container.errors import WorkspaceFileNotFound
from kernel_gateway.errors import BadRequest
from kernel_gateway.http.handlers.files import FileHandler
from kernel_gateway.http.operations import Query, operation
from kernel_gateway.http.schemas.responses import files as models

MAX_SHEET_NAME = 255
PREVIEW_QUERY = (
    Query(name="sheet", schema={"type": "string"}, help="A sheet's name; else the first one."),
    Query(
        name="first",
        schema={"type": "integer", "minimum": 1, "maximum": 1_048_576},
        help="The first row, as Excel counts.",
    ),
    Query(
        name="count",
        schema={"type": "integer", "minimum": 1, "maximum": 500},
        help="How many rows; 50 unless said.",
    ),
)


class FileProfileHandler(FileHandler):
    """``…/files/{name}/profile``: what is known of a file."""

    @operation("What is known of a file's tables", returns={200: models.FileProfile})
    async def get(self, conversation_id: str, path: str, name: str) -> None:
        key = await self.path_key(conversation_id, path)
        opened = await self.services.contexts.open(key)
        listed = {file.name: file for file in await asyncio.to_thread(opened.workspace.files)}
        if f"{name}/profile" in listed:  # a file of that very name is downloaded
            await FileHandler.get(self, conversation_id, path, f"{name}/profile")
            return
        if name not in listed:
            raise WorkspaceFileNotFound(name)
        found = await self.services.profiler.profile(opened.workspace, listed[name])
        profile = copy.copy(found) if found is not None else None
        problem = profile.pop("problem", None) if profile is not None else None
        text = render_profiles({name: found}) if found is not None else ""
        self.write_json(
            200, {"name": name, "profile": profile or None, "problem": problem, "text": text}
        )


class FilePreviewHandler(FileHandler):
    """``…/files/{name}/preview``: rows of a sheet as they are."""

    @operation(
        "Rows of a table file, as they are",
        query=PREVIEW_QUERY,
        returns={200: models.FilePreview},
    )
    async def get(self, conversation_id: str, path: str, name: str) -> None:
        key = await self.path_key(conversation_id, path)
        opened = await self.services.contexts.open(key)
        names = {file.name for file in await asyncio.to_thread(opened.workspace.files)}
        if f"{name}/preview" in names:  # a file of that very name is downloaded
            await FileHandler.get(self, conversation_id, path, f"{name}/preview")
            return
        if name not in names:
            raise WorkspaceFileNotFound(name)
        found = await self.services.profiler.preview(
            opened.workspace,
            name,
            sheet=self._sheet(),
            first=self._number("first", 1, 1_048_576),
            count=self._number("count", 50, 500),
        )
        nothing: dict[str, Any] = {"sheets": [], "sheet": None, "first_row": None}
        nothing |= {"rows": [], "more": False, "problem": None}
        self.write_json(200, {"name": name, **nothing, **found})

    def _sheet(self) -> str:
        """Return the sheet's name that the query gives.

        Raises:
            BadRequest: No sheet can have it.
        """
        sheet = self.get_query_argument("sheet", "", strip=False)
        if "\0" in sheet or len(sheet) > MAX_SHEET_NAME:
            raise BadRequest(f"No sheet can be named {sheet[:20]!r}.")
        return sheet

    def _number(self, name: str, usual: int, most: int) -> int:
        """Return a query argument as a number from 1 to *most*.

        Raises:
            BadRequest: It is none.
        """
        text = self.get_query_argument(name, str(usual))
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= most):
            raise BadRequest(f"{name}={text[:20]!r} is no whole number from 1 to {most:,}.")
        return int(text)
