"""Earlier versions of a conversation's files: kept in its directory, and deleted with it."""

from __future__ import annotations

import subprocess
import weakref
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from container.workspace.workspace import Workspace
from kernel_gateway.settings import Settings, SettingsInvalid
from notebooks.errors import SealingKeyInvalid
from notebooks.history.blobs import Blobs
from notebooks.history.checkpoints import Retention, make_room
from notebooks.history.sealing import SealingKeys, sealing_keys
from notebooks.history.snapshots import SnapshotLimits

BLOBS = ".blobs"
PROFILES = ".profiles"
COMMAND_SECONDS = 60.0
MB = 1_000_000


@dataclass(frozen=True, slots=True)
class FileVersions:
    """Where and how versions of files are kept.

    Attributes:
        directory: Holds a directory for each conversation.
        keys: The keys that encrypt them; ``None`` if they are stored in the clear.
        quota_bytes: Quota of one conversation's versions, uploads aside; 0 keeps none.
        uploads_bytes: Quota of the versions of one conversation's uploads.
        retention: How many checkpoints of a path are kept.
        snapshots: What snapshots of a path's variables may take; sealed with the same keys.
    """

    directory: Path
    keys: SealingKeys | None
    quota_bytes: int
    uploads_bytes: int
    retention: Retention = field(default_factory=Retention)
    snapshots: SnapshotLimits = field(default_factory=SnapshotLimits)
    _open: weakref.WeakValueDictionary[str, Blobs] = field(
        default_factory=weakref.WeakValueDictionary, init=False, repr=False, compare=False
    )

    def of(self, conversation: str) -> Blobs:
        """Return the versions of a conversation's files; its paths share one object's lock."""
        if (blobs := self._open.get(conversation)) is None:
            place = self.directory / conversation / BLOBS
            blobs = Blobs(place, self.keys, self.quota_bytes, self.uploads_bytes)
            blobs.make_room = partial(_make_room, weakref.ref(blobs))
            self._open[conversation] = blobs
        return blobs

    def profiles(self, workspace: Workspace) -> Path:
        """Return the directory of the file profiles of a workspace's conversation."""
        return workspace.directory.parents[1] / PROFILES


def file_versions(settings: Settings, directory: Path) -> FileVersions:
    """Return the `FileVersions` of *settings*; run the key command if one is set.

    Raises:
        SettingsInvalid: The key command failed, or the key is invalid.
    """
    text = settings.blob_key
    if settings.blob_key_command is not None:
        text = said_by("blob_key_command", settings.blob_key_command)
    try:
        keys = None if text is None else sealing_keys(text)
    except SealingKeyInvalid as error:
        raise SettingsInvalid(f"Setting blob_key: {error}") from None
    room, uploads = settings.file_versions_mb, settings.upload_versions_mb
    retention = Retention(most=settings.checkpoints, days=settings.checkpoint_days)
    snapshots = SnapshotLimits(
        most_bytes=int(settings.snapshot_mb * MB),
        path_bytes=int(settings.snapshots_mb * MB),
        most=settings.snapshots,
        days=settings.snapshot_days,
        least_seconds=settings.snapshot_after_seconds,
    )
    return FileVersions(directory, keys, int(room * MB), int(uploads * MB), retention, snapshots)


def _make_room(blobs: weakref.ref[Blobs], wanted: int) -> None:
    if (there := blobs()) is not None:
        make_room(there, wanted)


def said_by(setting: str, command: str) -> str:
    """Run the *command* of *setting* and return its standard output, a secret: don't log it.

    Raises:
        SettingsInvalid: It failed, or took too long.
    """
    try:
        done = subprocess.run(  # noqa: S602 (the operator's own command)
            command, shell=True, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=True
        )
    except subprocess.TimeoutExpired:
        raise SettingsInvalid(
            f"Setting {setting}: it gave no key in {COMMAND_SECONDS:g} s."
        ) from None
    except subprocess.CalledProcessError as error:
        said = (error.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise SettingsInvalid(
            f"Setting {setting}: it ended with {error.returncode}: {said[:300]}"
        ) from None
    return done.stdout
