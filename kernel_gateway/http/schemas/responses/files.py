"""Files, their versions, profiles and comparisons, as the service sends them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from kernel_gateway.http.schemas.responses.base import Error, Exact


class File(Exact):
    """A file of a workspace."""

    name: str
    size: int
    url: str


class FileVersion(Exact):
    """A content a file has or had."""

    sha256: str | None
    size: int
    at: str | None
    user: str | None
    cell: str | None
    current: bool
    kept: bool
    url: str | None


class FileVersions(Exact):
    """The versions of a file, the oldest first."""

    name: str
    versions: list[FileVersion]


class FileProfile(Exact):
    """What is known of a file's tables; nothing of a file that holds none."""

    name: str
    profile: dict[str, Any] | None
    problem: dict[str, Any] | None
    text: str


class FilePreview(Exact):
    """Rows of a sheet; ``more`` says whether filled rows follow."""

    name: str
    sheets: list[str]
    sheet: str | None
    first_row: int | None
    rows: list[list[Any]]
    more: bool
    problem: dict[str, Any] | None


class FileComparison(Exact):
    """What differs between two workbooks; ``counts`` are exact, ``differences`` the first."""

    same: bool
    before: str
    after: str
    tolerance: float
    counts: dict[str, dict[str, int]]
    differences: list[dict[str, Any]]
    more: dict[str, int]
    sheets: list[dict[str, Any]]
    notes: list[str]
    problem: dict[str, Any] | None


class UploadedFile(File):
    """A file just uploaded."""

    sent_name: str
    sha256: str
    problem: dict[str, Any] | None


class RejectedFile(Exact):
    """A file that was not kept."""

    name: str
    error: Error


class Files(Exact):
    """The files of a workspace."""

    files: list[File]


class Uploaded(Exact):
    """What came of an upload."""

    files: list[UploadedFile]
    rejected: list[RejectedFile]


class ResumableUpload(Exact):
    """A resumable upload: how much of it came, and what became of the whole file."""

    id: str
    url: str
    name: str
    size: int
    offset: int
    last_modified: int | None = Field(
        description="The metadata's `lastmodified`: when the file was changed, in ms of the epoch."
    )
    expires_at: str
    file: UploadedFile | None


class ResumableUploads(Exact):
    """The caller's uploads to a path that are not whole yet."""

    uploads: list[ResumableUpload]
