"""Versions of a path's file: list them, read one, put one back."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import IO, Any
from urllib.parse import quote

from container.errors import WorkspaceFileNotFound
from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.contexts.uploads import check_is_upload, put_back
from kernel_gateway.errors import BadRequest, Conflict, NotFound
from kernel_gateway.http.json_handler import JsonHandler
from kernel_gateway.http.operations import operation
from kernel_gateway.http.render import file_to_json, path_url
from kernel_gateway.http.schemas import requests as schemas
from kernel_gateway.http.schemas.responses import files as models
from kernel_gateway.ids import PathKey
from kernel_gateway.services import Services
from kernel_gateway.store.tables import EventRow

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileVersion:
    """A current or earlier content of a file.

    Attributes:
        sha256: Its digest; ``None`` if it was too large to be hashed.
        size: Bytes.
        at: When the file got it; ``None`` if unknown, as in a branch.
        user: The user who uploaded it or put it back.
        cell: The cell that wrote it.
        current: The file has this content now.
        kept: It can be read.
    """

    sha256: str | None
    size: int
    at: str | None = None
    user: str | None = None
    cell: str | None = None
    current: bool = False
    kept: bool = False


async def versions_of(
    services: Services, path: OpenPath, name: str, *, needed: bool = True
) -> list[FileVersion]:
    """Return the versions of a file, the oldest first.

    Args:
        services: The gateway's services.
        path: The file's path.
        name: Its name in the workspace.
        needed: Raise an error if there is none.

    Raises:
        WorkspaceFileNotFound: There is no version, and *needed* is set.
        UnsafePath: *name* can't be a file's name.
    """
    current = await _current(path, name)
    rows = await services.repository.events.about_file(path.key, name)
    found = _from_events(rows, name)
    if current is not None and current.sha256 not in {version.sha256 for version in found}:
        found.append(current)
    if needed and not found:
        raise WorkspaceFileNotFound(name)
    held = current.sha256 if current is not None else None
    last = max((i for i, version in enumerate(found) if version.sha256 == held), default=None)
    return [
        replace(
            version,
            current=held is not None and number == last,
            kept=version.sha256 is not None
            and (version.sha256 == held or version.sha256 in path.blobs),
        )
        for number, version in enumerate(found)
    ]


async def record_inherited(services: Services, path: OpenPath, name: str) -> None:
    """Add the file's current content to its versions, if no event of the path names it.

    A branch inherits its files without events; a content must be listed before it is replaced.

    Args:
        services: The gateway's services.
        path: The file's path.
        name: Its name in the workspace; there may be no such file.
    """
    for version in await versions_of(services, path, name, needed=False):
        if version.current and version.at is None and version.sha256 is not None:
            facts = {"name": name, "size": version.size, "sha256": version.sha256}
            await services.events.append(path.key, "file.created", facts, None)


async def _current(path: OpenPath, name: str) -> FileVersion | None:
    def look() -> FileVersion:
        with path.workspace.open_read(name) as file:
            size = file.seek(0, 2)
        return FileVersion(sha256=path.workspace.sha256(name), size=size)

    try:
        return await asyncio.to_thread(look)
    except WorkspaceFileNotFound:
        return None


def _from_events(rows: Sequence[EventRow], name: str) -> list[FileVersion]:
    found: list[FileVersion] = []
    for row in rows:
        data = json.loads(row.data)
        sha256 = data["sha256"] if _SHA256.fullmatch(data["sha256"]) else None
        if data["name"] != name or (found and sha256 is not None and found[-1].sha256 == sha256):
            continue
        found.append(
            FileVersion(
                sha256=sha256,
                size=data["size"],
                at=row.at,
                user=data.get("user"),
                cell=data.get("cell"),
            )
        )
    return found


async def open_version(services: Services, path: OpenPath, name: str, sha256: str) -> IO[bytes]:
    """Open the version of file *name* with digest *sha256*.

    Raises:
        BadRequest: *sha256* is no digest.
        NotFound: The file has no such version.
        BlobError: The version was not kept or can't be read.
    """
    if not _SHA256.fullmatch(sha256):
        raise BadRequest(f"version={sha256[:80]!r} is not a sha256 in 64 hex digits.")
    known = await versions_of(services, path, name, needed=False)
    version = next((v for v in known if v.sha256 == sha256), None)
    if version is None:
        raise NotFound("version", sha256)
    if sha256 not in path.blobs and version.current:
        return path.workspace.open_read(name)
    return await asyncio.to_thread(_copied, path, sha256)


def _copied(path: OpenPath, sha256: str) -> IO[bytes]:
    whole = tempfile.TemporaryFile(prefix="tallybook-version-")  # noqa: SIM115 (the caller's)
    try:
        path.blobs.copy(sha256, whole)
        whole.seek(0)
    except BaseException:
        whole.close()
        raise
    return whole


def version_to_json(version: FileVersion, key: PathKey, name: str) -> dict[str, Any]:
    """Render a version, with its download address if it is kept."""
    url = f"{path_url(key)}/files/{quote(name)}?version={version.sha256}"
    return {
        "sha256": version.sha256,
        "size": version.size,
        "at": version.at,
        "user": version.user,
        "cell": version.cell,
        "current": version.current,
        "kept": version.kept,
        "url": url if version.kept else None,
    }


class FileVersionsHandler(JsonHandler):
    """``…/versions/{name}``: list a file's versions, put one back."""

    @operation("List the versions of a file", returns={200: models.FileVersions})
    async def get(self, conversation_id: str, path: str, name: str) -> None:
        key = await self.path_key(conversation_id, path)
        opened = await self.services.contexts.open(key)
        found = await versions_of(self.services, opened, name)
        rendered = [version_to_json(version, key, name) for version in found]
        self.write_json(200, {"name": name, "versions": rendered})

    @operation(
        "Put an earlier version of an upload back",
        body=schemas.PutBack,
        returns={200: models.File},
    )
    async def post(self, conversation_id: str, path: str, name: str) -> None:
        sha256 = self.json_body(schemas.PutBack).sha256
        key = await self.path_key(conversation_id, path, to_change=True)
        services, opened = self.services, await self.services.contexts.open(key)
        opened.in_use += 1  # keep the path in memory: a reopening sweeps unfinished files
        try:
            async with opened.replacing:
                await self._put_back(opened, name, sha256)
        finally:
            opened.in_use -= 1
        await services.repository.audit.add(
            key.tenant, self.identity.user, "files.put-back", key.path, key.conversation,
            file={"name": name, "sha256": sha256},
        )  # fmt: skip
        listed = await asyncio.to_thread(opened.workspace.files)
        file = next((file for file in listed if file.name == name), None)
        if file is None:
            raise WorkspaceFileNotFound(name)
        self.write_json(200, file_to_json(file, key))

    async def _put_back(self, opened: OpenPath, name: str, sha256: str) -> None:
        services, key = self.services, opened.key
        if services.turns.busy(key):
            raise Conflict("A request is running on this path; put the version back when it ended.")
        check_is_upload(name)
        same = [v for v in await versions_of(services, opened, name) if v.sha256 == sha256]
        if not same:
            raise NotFound("version", sha256)
        if same[-1].current:
            return
        await record_inherited(services, opened, name)
        await asyncio.to_thread(put_back, opened, name, sha256)
        facts = {"name": name, "size": same[-1].size, "sha256": sha256}
        facts["user"] = self.identity.user
        await services.events.append(key, "file.created", facts, None)
