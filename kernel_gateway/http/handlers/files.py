"""Files of a path: upload many, list, download."""

from __future__ import annotations

import asyncio
import contextlib
import mimetypes
from typing import Any

from tornado.web import stream_request_body

from container.workspace.workspace import Workspace
from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.errors import BadRequest, FileTooLarge
from kernel_gateway.http.handlers.file_versions import open_version
from kernel_gateway.http.json_handler import JsonHandler
from kernel_gateway.http.operations import FILES, Query, operation
from kernel_gateway.http.problems import problem_from_error
from kernel_gateway.http.received_files import receive
from kernel_gateway.http.render import file_to_json
from kernel_gateway.http.schemas.responses import files as models
from kernel_gateway.http.upload_quota import quota_of
from kernel_gateway.http.uploads import Upload
from kernel_gateway.ids import PathKey

UNKNOWN = "application/octet-stream"
PASSIVE = frozenset(
    """application/json application/pdf application/zip application/gzip application/parquet
    application/vnd.apache.parquet application/vnd.ms-excel
    application/vnd.ms-excel.sheet.binary.macroEnabled.12
    application/vnd.ms-excel.sheet.macroEnabled.12
    application/vnd.oasis.opendocument.spreadsheet
    application/vnd.openxmlformats-officedocument.presentationml.presentation
    application/vnd.openxmlformats-officedocument.spreadsheetml.sheet
    application/vnd.openxmlformats-officedocument.wordprocessingml.document
    image/bmp image/gif image/jpeg image/png image/tiff image/webp
    text/csv text/plain text/tab-separated-values""".split()
)
"""Media types a browser displays without running code; the others are sent as `UNKNOWN`."""

REPLACE_QUERY = (
    Query(
        name="replace",
        schema={"type": "string", "enum": ["true", "false"]},
        help="true: a file takes the place of the one that has its name; that becomes a version.",
    ),
)
VERSION_QUERY = (
    Query(
        name="version",
        schema={"type": "string", "pattern": "^[0-9a-f]{64}$"},
        help="The sha256 of one of its versions.",
    ),
)


@stream_request_body
class UploadingHandler(JsonHandler):
    """Base of the handlers for multipart bodies."""

    upload: Upload | None = None
    replaces = False
    """Whether a file replaces the one of the same name."""
    open_path: OpenPath
    _holds_path = False

    @property
    def file_limit_bytes(self) -> int:
        """Largest uploaded file."""
        return int(self.services.settings.upload_limit_mb * 1_000_000)

    async def start_upload(self) -> None:
        """Start to parse the body."""
        # Keep the path in memory: a reopening sweeps unfinished files, this upload among them.
        self.open_path.in_use += 1
        self._holds_path = True
        quota = await quota_of(self.open_path, self.services.settings.limits())
        kind = self.request.headers.get("Content-Type", "")
        self.upload = Upload(kind, self._workspace, self.file_limit_bytes, quota)

    def _workspace(self) -> Workspace:
        return self.open_path.workspace

    def check_length(self, length: int) -> None:
        """Allow the length of many files; each file's own limit is checked as it arrives.

        Raises:
            FileTooLarge: *length*, in bytes, is over 20 times a file's limit and over 2 GB.
        """
        if length > max(20 * self.file_limit_bytes, 2_000_000_000):
            raise FileTooLarge("the upload", self.file_limit_bytes)

    def data_received(self, chunk: bytes) -> None:
        """Feed the next bytes to the parser; after an error, discard them."""
        if self.upload is None or self._refusal is not None:
            return
        try:
            self.upload.feed(chunk)
        except BadRequest as error:
            self._refusal = error
        except OSError as error:
            self._refusal = error
            with contextlib.suppress(OSError):
                self.upload.close()

    def finish_upload(self) -> Upload:
        """Return the complete upload; raise the error that was found in it."""
        if self._refusal is not None:
            raise self._refusal
        if self.upload is None:
            raise BadRequest("The body must be multipart/form-data.")
        self.upload.finish()
        return self.upload

    def on_finish(self) -> None:
        self._end_upload()

    def on_connection_close(self) -> None:
        self._end_upload()

    def _end_upload(self) -> None:
        """Drop an incomplete file and release the path; may be called twice."""
        if self.upload is not None:
            self.upload.close()
        if self._holds_path:
            self.open_path.in_use -= 1
            self._holds_path = False

    async def describe_upload(self, key: PathKey) -> dict[str, Any]:
        """Keep the uploaded files, begin to profile them, emit their events and render them."""
        upload = self.finish_upload()
        received = await receive(
            self.services,
            self.open_path,
            self.identity.user,
            upload.files,
            replace=self.replaces,
        )
        upload.files = received.kept
        upload.rejected += received.rejected
        rejected = [
            {"name": name, **problem_from_error(error).body()} for name, error in upload.rejected
        ]
        return {"files": received.described, "rejected": rejected}


def wants_to_replace(handler: JsonHandler) -> bool:
    """Return the query argument of `REPLACE_QUERY`; raise `BadRequest` for another value."""
    wanted = handler.get_query_argument("replace", "false")
    if wanted not in ("true", "false"):
        raise BadRequest(f"replace={wanted[:20]!r} is neither true nor false.")
    return wanted == "true"


@stream_request_body
class FilesHandler(UploadingHandler):
    """``…/files``: upload and list."""

    async def prepare(self) -> None:
        await super().prepare()
        if self.request.method not in ("GET", "POST"):
            return
        self.key = await self.path_key(
            self.path_args[0], self.path_args[1], to_change=self.request.method == "POST"
        )
        self.open_path = await self.services.contexts.open(self.key)
        if self.request.method == "POST":
            self.replaces = wants_to_replace(self)
            await self.start_upload()

    @operation(
        "Upload files",
        form={"files": FILES},
        query=REPLACE_QUERY,
        returns={201: models.Uploaded},
    )
    async def post(self, conversation_id: str, path: str) -> None:
        described = await self.describe_upload(self.key)
        if not described["files"] and self.upload is not None and self.upload.rejected:
            problem = problem_from_error(self.upload.rejected[0][1])
            problem.details["rejected"] = described["rejected"]
            self.write_problem(problem)
            return
        if not described["files"]:
            raise BadRequest("The upload holds no file.")
        self.write_json(201, described)

    @operation("List the files", returns={200: models.Files})
    async def get(self, conversation_id: str, path: str) -> None:
        listed = await asyncio.to_thread(self.open_path.workspace.files)
        self.write_json(200, {"files": [file_to_json(file, self.key) for file in listed]})


def passive_kind(name: str) -> str:
    """Return the media type of file *name* if it is `PASSIVE`, else `UNKNOWN`."""
    kind = mimetypes.guess_type(name)[0]
    return kind if kind in PASSIVE else UNKNOWN


class FileHandler(JsonHandler):
    """``…/files/{name}``: download."""

    @operation(
        "Download a file, as it is or as it was",
        query=VERSION_QUERY,
        returns={200: "application/octet-stream"},
    )
    async def get(self, conversation_id: str, path: str, name: str) -> None:
        key = await self.path_key(conversation_id, path)
        opened = await self.services.contexts.open(key)
        version = self.get_query_argument("version", None)
        with (
            opened.workspace.open_read(name)
            if version is None
            else await open_version(self.services, opened, name, version)
        ) as file:
            await self.send_file(file, passive_kind(name), name.rpartition("/")[2])


class NotebookHandler(JsonHandler):
    """``…/notebook``: download the path's notebook, byte for byte as recorded."""

    @operation("Download the notebook, as recorded", returns={200: "application/x-ipynb+json"})
    async def get(self, conversation_id: str, path: str) -> None:
        key = await self.path_key(conversation_id, path)
        opened = await self.services.contexts.open(key)
        await opened.recorder.write()
        with opened.recorder.file.open("rb") as file:
            await self.send_file(
                file, "application/x-ipynb+json", f"{conversation_id}-{path}.ipynb"
            )
