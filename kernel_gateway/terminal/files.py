"""A path's files and their versions, over the public API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kernel_gateway.terminal.client import GatewayClient, path_url


class FileProblem(Exception):
    """A file or version was not found or not accepted; the message says why."""


@dataclass(frozen=True, slots=True)
class PathFiles:
    """The files of the path at *url*."""

    client: GatewayClient
    url: str

    async def listed(self) -> list[dict[str, Any]]:
        """Return the files as the API lists them."""
        files: list[dict[str, Any]] = (await self.client.get(f"{self.url}/files"))["files"]
        return files

    async def put(self, sources: Sequence[Path]) -> list[str]:
        """Upload *sources*, each as the newest version of its name; return their names.

        Raises:
            FileProblem: Some were rejected; the others are uploaded.
        """
        reply = await self.client.upload(self.url, sources, replace=True)
        if reply["rejected"]:
            refused = [f"{file['name']}: {file['error']['message']}" for file in reply["rejected"]]
            raise FileProblem("\n".join(refused))
        return [file["name"] for file in reply["files"]]

    async def versions(self, name: str) -> list[dict[str, Any]]:
        """Return the versions of file *name* as the API lists them."""
        reply = await self.client.get(f"{self.url}/versions/{quote(name)}")
        versions: list[dict[str, Any]] = reply["versions"]
        return versions

    async def content(self, name: str, version: str | None) -> bytes:
        """Return the content of file *name*, or of its version whose digest begins with *version*.

        Raises:
            FileProblem: There is no such version, or more than one.
        """
        address = f"{self.url}/files/{quote(name)}"
        if version is not None:
            address += f"?version={await self._full(name, version)}"
        return await self.client.download(address)

    async def put_back(self, name: str, version: str) -> str:
        """Make a version of upload *name* the current one; return its digest.

        Raises:
            FileProblem: There is no such version, or more than one.
        """
        sha256 = await self._full(name, version)
        await self.client.post(f"{self.url}/versions/{quote(name)}", {"sha256": sha256})
        return sha256

    async def _full(self, name: str, digits: str) -> str:
        listed = await self.versions(name)
        found = {v["sha256"] for v in listed if (v["sha256"] or "").startswith(digits.lower())}
        if len(found) == 1:
            return str(found.pop())
        problem = "no version begins" if not found else f"{len(found)} versions begin"
        raise FileProblem(f"{name}: {problem} with {digits!r}. See `tallybook files versions`.")


async def open_files(client: GatewayClient, conversation: str | None, path: str) -> PathFiles:
    """Return the files of a path.

    Args:
        client: Client of the service.
        conversation: The conversation's id; ``None`` for the newest.
        path: The path's name.

    Raises:
        FileProblem: There is no conversation.
    """
    if conversation is None:
        listed = (await client.get("/api/v1/conversations"))["conversations"]
        if not listed:
            raise FileProblem("There is no conversation yet.")
        conversation = str(listed[0]["id"])
    return PathFiles(client, path_url(conversation, path))
