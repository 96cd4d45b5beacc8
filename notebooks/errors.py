"""Errors of the notebooks layer.

::

    NotebookError
    ├── NotebookUnreadable   not a notebook file at all
    ├── BundleUnreadable     not a review bundle, or not one that may be unpacked
    ├── UnknownParameter     `rerun -p` names none of the notebook's parameters
    ├── ParameterMisfit      its value is not of the type that is recorded
    ├── InputMissing         a file the notebook reads was not given to the re-run
    ├── RerunFailed          the re-run could not start
    ├── SealingKeyInvalid    a key for contents at rest can't be used
    ├── SigningKeyUnusable   a key that signs or verifies notebooks can't be used
    ├── NotSigned            a notebook that does not verify is not signed off
    ├── CheckpointNotFound   no checkpoint has this id, or not any more
    ├── CheckpointUnreadable its file is damaged
    ├── FileNotTraceable     nothing in the record says where a file comes from
    └── BlobError            a content that a file once had can't be had
        ├── BlobNotFound         it is not kept, or not any more
        ├── BlobDamaged          it is not what was kept
        └── SealingKeyMissing    it was sealed with a key that is not in force
"""

from __future__ import annotations

from collections.abc import Sequence


class NotebookError(Exception):
    """Base of every error this layer raises on purpose."""

    code = "notebook-error"
    hint = ""
    """What to do next, in plain words."""


class NotebookUnreadable(NotebookError):
    """The file is missing or is not a notebook."""

    code = "notebook-unreadable"
    hint = "The notebook on disk was changed by hand; move it away and keep it for inspection."

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{self.path} is not a readable notebook: {self.reason}. Name an .ipynb file."


class BundleUnreadable(NotebookError):
    """The file is not a review bundle, or not one that may be unpacked."""

    code = "bundle-unreadable"
    hint = "Make it again: tallybook export NOTEBOOK --to bundle."

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{self.path} is not a readable review bundle: {self.reason}."


class UnknownParameter(NotebookError):
    """A parameter was given that the notebook's parameters cell does not set."""

    code = "unknown-parameter"
    hint = "Give one of the parameters that the message names."

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(name, tuple(known))
        self.name, self.known = name, tuple(known)

    def __str__(self) -> str:
        known = ", ".join(self.known) or "none"
        return f"The notebook has no parameter {self.name!r}. It has: {known}."


class ParameterMisfit(NotebookError):
    """A value for a parameter is not of the type that the notebook has recorded."""

    code = "parameter-misfit"
    hint = "Give a value of the recorded type."

    def __init__(self, name: str, value: object, wanted: str) -> None:
        super().__init__(name, value, wanted)
        self.name, self.value, self.wanted = name, value, wanted

    def __str__(self) -> str:
        value = repr(self.value)
        shown = value if len(value) <= 80 else f"{value[:79]}…"
        return f"{shown} can't be the parameter {self.name}, which {self.wanted}."


class InputMissing(NotebookError):
    """An input file the notebook names is not there."""

    code = "input-missing"

    def __init__(self, names: Sequence[str], directory: str) -> None:
        super().__init__(tuple(names), directory)
        self.names, self.directory = tuple(names), directory

    def __str__(self) -> str:
        return (
            f"The notebook reads {', '.join(self.names)}, not found in {self.directory}. "
            "Name the directory that holds the input files: --inputs DIR."
        )


class RerunFailed(NotebookError):
    """The re-run never got as far as running cells."""

    code = "rerun-failed"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"The notebook could not be re-run: {self.reason}"


class SigningKeyUnusable(NotebookError):
    """A key that signs or verifies notebooks can't be read, or is of another kind."""

    code = "signing-key-unusable"

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(source, reason)
        self.source, self.reason = source, reason

    def __str__(self) -> str:
        return f"{self.source} can't be used: {self.reason}."


class NotSigned(NotebookError):
    """A notebook does not verify, so nothing was signed."""

    code = "not-signed"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"Nothing was signed: {self.path} does not verify ({self.reason})."


class SealingKeyInvalid(NotebookError):
    """A key for contents at rest can't be used; the message never shows it."""

    code = "sealing-key-invalid"

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(number, reason)
        self.number, self.reason = number, reason

    def __str__(self) -> str:
        return (
            f"Key {self.number} {self.reason}. A key is 32 random bytes in base64; "
            "make one: openssl rand -base64 32."
        )


class CheckpointNotFound(NotebookError):
    """No checkpoint has this id: it was deleted, or is past its retention."""

    code = "checkpoint-not-found"
    hint = "List the checkpoints: GET …/history, or `tallybook history list`."

    def __init__(self, checkpoint: str) -> None:
        super().__init__(checkpoint)
        self.checkpoint = checkpoint

    def __str__(self) -> str:
        return f"There is no checkpoint {self.checkpoint[:60]!r} (any more)."


class CheckpointUnreadable(NotebookError):
    """The file of a checkpoint is damaged."""

    code = "checkpoint-unreadable"
    hint = "Take another checkpoint; the operator has to look after the disk."

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.file = file

    def __str__(self) -> str:
        return f"The checkpoint file {self.file[:80]} is damaged."


class BlobError(NotebookError):
    """A content that a file once had can't be had."""

    code = "blob-error"


class BlobNotFound(BlobError):
    """It is not kept, or had to make room."""

    code = "blob-not-found"
    hint = "List the versions: those that can be had say so."

    def __init__(self, sha256: str) -> None:
        super().__init__(sha256)
        self.sha256 = sha256

    def __str__(self) -> str:
        return f"The content {self.sha256} is not kept (any more)."


class BlobDamaged(BlobError):
    """It is not what was kept."""

    code = "blob-damaged"
    hint = "Take another version; the operator has to look after the disk."

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"A kept content is damaged: {self.reason}. Look after the disk it lies on."


class PinnedQuotaExceeded(BlobError):
    """The versions of a conversation's uploads take all the room they may; nothing was kept."""

    code = "upload-versions-full"
    hint = "Go on in another conversation, or raise TALLYBOOK_UPLOAD_VERSIONS_MB."

    def __init__(self, quota_bytes: int) -> None:
        super().__init__(quota_bytes)
        self.quota_bytes = quota_bytes

    def __str__(self) -> str:
        most = f"{self.quota_bytes / 1_000_000:g} MB"
        return f"With it, all versions of this conversation's uploads would take more than {most}."


class SealingKeyMissing(BlobError):
    """It was sealed with a key that is not in force."""

    code = "sealing-key-missing"
    hint = "Tell the operator: a key in TALLYBOOK_BLOB_KEY is missing."

    def __init__(self, key_id: str, known: Sequence[str]) -> None:
        super().__init__(key_id, tuple(known))
        self.key_id, self.known = key_id, tuple(known)

    def __str__(self) -> str:
        known = ", ".join(self.known) or "none"
        return (
            f"A kept content was sealed with key {self.key_id}; in force: {known}. Add that key "
            "after the one in force."
        )


class FileNotTraceable(NotebookError):
    """Nothing in the record says where a file comes from."""

    code = "not-traceable"
    hint = "Name a file that a recorded cell has written, by its name in the workspace."

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(file, reason)
        self.file, self.reason = file, reason

    def __str__(self) -> str:
        return f"{self.file!r} can't be traced: {self.reason}."
