"""The profile of a file: what is known of its tables, and the code that loads them."""

from __future__ import annotations

import asyncio
import copy

from agent.context.profile_text import render_profiles
from container.errors import WorkspaceFileNotFound
from kernel_gateway.http.handlers.files import FileHandler
from kernel_gateway.http.operations import operation
from kernel_gateway.http.schemas import responses as models


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
