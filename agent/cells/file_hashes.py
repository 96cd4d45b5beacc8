"""The hashes of a workspace's files, and their contents for a later restore."""

from __future__ import annotations

import asyncio
import logging

from container.errors import ContainerError
from container.workspace.workspace import Listing, Workspace, WorkspaceFile
from notebooks.history.blobs import Blobs

log = logging.getLogger("tallybook.cells")
FEW_FILES = 100
"""Up to this many are checked on the event loop; a thread switch would take longer."""
HASHED_BYTES = 200 * 1024 * 1024


class FileHashes:
    """sha256 of a workspace's files, computed again only when a file's version changes.

    With *blobs*, each content is stored there, to restore it after the file has changed.
    If the disk is full, it is not stored.
    """

    def __init__(self, blobs: Blobs | None = None) -> None:
        self._blobs = blobs
        self._known: dict[str, tuple[str, str]] = {}
        self._listing: Listing | None = None

    def snapshot(self, workspace: Workspace) -> tuple[dict[str, str], list[WorkspaceFile]]:
        """Return file name → sha256 (or ``size:N`` above `HASHED_BYTES`), and the files."""
        listing = workspace.listing()
        files, found = listing.files, dict[str, str]()
        for file in files:
            known = self._known.get(file.name)
            if known is None or known[0] != file.version:
                known = (file.version, self._hash(workspace, file))
                self._known[file.name] = known
            found[file.name] = known[1]
        self._known = {name: self._known[name] for name in found}
        self._listing = listing
        return found, files

    def glance(self, workspace: Workspace) -> dict[str, str] | None:
        """Return the hashes if there are few files and none has changed, else ``None``."""
        listing = self._listing
        if listing is None or len(listing.files) + len(listing.directories) > FEW_FILES:
            return None
        if not workspace.unchanged(listing):
            return None
        return {name: sha256 for name, (_, sha256) in self._known.items()}

    async def current(self, workspace: Workspace) -> dict[str, str]:
        """Return file name → sha256 as of now; a thread reads them if anything has changed."""
        if (known := self.glance(workspace)) is not None:
            return known
        return (await asyncio.to_thread(self.snapshot, workspace))[0]

    def sizes(self) -> dict[str, int]:
        """Return the size in bytes of each file, as of the last snapshot."""
        return {file.name: file.size for file in self._listing.files} if self._listing else {}

    def _hash(self, workspace: Workspace, file: WorkspaceFile) -> str:
        if file.size > HASHED_BYTES:
            return f"size:{file.size}"
        try:
            sha256 = workspace.sha256(file.name)
            self._keep(workspace, file.name, sha256)
        except ContainerError:
            return "unreadable"  # it was removed or replaced by a link meanwhile
        return sha256

    def _keep(self, workspace: Workspace, name: str, sha256: str) -> None:
        if self._blobs is None or sha256 in self._blobs:
            return
        try:
            with workspace.open_read(name) as file:
                self._blobs.keep(sha256, file)
        except OSError as error:
            log.warning("the content %s of a file is not kept: %s", sha256, error)
