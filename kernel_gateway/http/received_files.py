"""What becomes of received files: versions under their final names, events, profiles."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from container.errors import ContainerError, UnsafePath, WorkspaceFileNotFound
from container.workspace.workspace import INPUTS, WorkspaceFile
from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.contexts.uploads import discard_upload, keep_upload
from kernel_gateway.errors import Conflict, GatewayError
from kernel_gateway.http.handlers.file_versions import record_inherited
from kernel_gateway.http.render import file_to_json
from kernel_gateway.http.uploads import UploadedFile
from kernel_gateway.services import Services
from notebooks.errors import NotebookError


@dataclass(slots=True)
class Received:
    """What became of received files.

    Attributes:
        kept: The files that are in the workspace now.
        described: They, as JSON.
        rejected: The names of the others as they were sent, each with its error.
    """

    kept: list[UploadedFile] = field(default_factory=list)
    described: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[tuple[str, Exception]] = field(default_factory=list)


async def receive(
    services: Services, path: OpenPath, user: str, files: Sequence[UploadedFile], *, replace: bool
) -> Received:
    """Keep received files as versions, begin to profile them, and emit their events.

    Args:
        services: The gateway's services.
        path: The path that they are sent to.
        user: The user who sent them.
        files: The files; they are in ``inputs/`` already.
        replace: A file takes the place of the one that has its name.
    """
    received = Received()
    async with path.replacing:
        for stored in files:
            await _keep(services, path, stored, received, replace=replace)
    inputs = await asyncio.to_thread(path.workspace.files, INPUTS)
    listed = {file.name: file for file in inputs}
    for stored in list(received.kept):
        try:
            received.described.append(await _describe(services, path, user, stored, listed))
        except (WorkspaceFileNotFound, UnsafePath) as error:
            # A running cell has removed it.
            received.kept.remove(stored)
            received.rejected.append((stored.sent_name, error))
    key = path.key
    await services.repository.audit.add(
        key.tenant,
        user,
        "files.uploaded",
        key.path,
        key.conversation,
        files=[{"name": f.name, "sha256": f.sha256} for f in received.kept],
    )
    return received


async def _keep(
    services: Services, path: OpenPath, stored: UploadedFile, received: Received, *, replace: bool
) -> None:
    """Keep one received file as a version, under its final name."""
    replaces = stored.wanted if replace else None
    try:
        if replaces not in (None, stored.name) and services.turns.busy(path.key):
            discard_upload(path, stored.name)
            raise Conflict(
                f"A request is running on this path; replace {replaces} when it has ended."
            )
        if replaces not in (None, stored.name):
            await record_inherited(services, path, replaces)
        stored.name = await asyncio.to_thread(
            keep_upload, path, stored.name, stored.sha256, replaces=replaces, new=stored.new
        )
        received.kept.append(stored)
    except (ContainerError, GatewayError, NotebookError, OSError) as error:
        received.rejected.append((stored.sent_name, error))


async def _describe(
    services: Services,
    path: OpenPath,
    user: str,
    stored: UploadedFile,
    listed: Mapping[str, WorkspaceFile],
) -> dict[str, Any]:
    """Emit the event of one received file, begin to profile it, and render it.

    Raises:
        WorkspaceFileNotFound: It is gone already.
    """
    key, file = path.key, listed.get(stored.name)
    if file is None:
        raise WorkspaceFileNotFound(stored.name)
    facts = {"name": stored.name, "size": stored.size, "sha256": stored.sha256, "user": user}
    await services.events.append(key, "file.created", facts, None)
    problem = await services.upload_profiles.begin(key, path.workspace, file, stored.sha256)
    return {
        **file_to_json(file, key),
        "sent_name": stored.sent_name,
        "sha256": stored.sha256,
        "problem": problem,
    }
