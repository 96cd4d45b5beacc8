"""What a conversation's files once held: kept beside its paths, so that it goes with them."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from container.workspace.workspace import Workspace
from kernel_gateway.settings import Settings, SettingsInvalid
from notebooks.errors import SealingKeyInvalid
from notebooks.history.blobs import Blobs
from notebooks.history.sealing import SealingKeys, sealing_keys

BLOBS = ".blobs"
PROFILES = ".profiles"
COMMAND_SECONDS = 60.0
MB = 1_000_000


@dataclass(frozen=True, slots=True)
class FileVersions:
    """Where versions of files are kept, and how.

    Attributes:
        directory: Holds a directory for each conversation.
        keys: What seals them; ``None`` where they are kept as they are.
        quota_bytes: What those of one conversation may take, uploads aside; 0 keeps none.
        uploads_bytes: What the versions of a conversation's uploads may take.
    """

    directory: Path
    keys: SealingKeys | None
    quota_bytes: int
    uploads_bytes: int

    def of(self, conversation: str) -> Blobs:
        """Return a conversation's."""
        place = self.directory / conversation / BLOBS
        return Blobs(place, self.keys, self.quota_bytes, self.uploads_bytes)

    def profiles(self, workspace: Workspace) -> Path:
        """Return where the profiles of a workspace's files are kept, with its conversation."""
        return workspace.directory.parents[1] / PROFILES


def file_versions(settings: Settings, directory: Path) -> FileVersions:
    """Return what *settings* ask for; asks the key command for the key.

    Raises:
        SettingsInvalid: The key can't be had or used.
    """
    text = settings.blob_key
    if settings.blob_key_command is not None:
        text = _said_by(settings.blob_key_command)
    try:
        keys = None if text is None else sealing_keys(text)
    except SealingKeyInvalid as error:
        raise SettingsInvalid(f"Setting blob_key: {error}") from None
    room, uploads = settings.file_versions_mb, settings.upload_versions_mb
    return FileVersions(directory, keys, int(room * MB), int(uploads * MB))


def _said_by(command: str) -> str:
    """Run *command* and return its standard output, which nobody else gets to see."""
    try:
        done = subprocess.run(  # noqa: S602 (the operator's own words)
            command, shell=True, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=True
        )
    except subprocess.TimeoutExpired:
        raise SettingsInvalid(
            f"Setting blob_key_command: it gave no key in {COMMAND_SECONDS:g} s."
        ) from None
    except subprocess.CalledProcessError as error:
        said = (error.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise SettingsInvalid(
            f"Setting blob_key_command: it ended with {error.returncode}: {said[:300]}"
        ) from None
    return done.stdout
