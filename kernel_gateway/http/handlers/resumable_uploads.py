"""Uploads in pieces, which go on where they were cut off.

Source: tus resumable upload protocol 1.0.0 (https://tus.io/protocols/resumable-upload): the core
protocol, creation, expiration and termination. ``X-HTTP-Method-Override`` is not understood.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import email.utils
import hashlib
import logging
import re
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from typing import IO, Any, ClassVar

from tornado.web import stream_request_body

from container.workspace.workspace import INPUTS, safe_name
from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.contexts.resumable_uploads import ResumableUpload, Writer, as_time, part_of
from kernel_gateway.errors import (
    BadRequest,
    FileTooLarge,
    MediaTypeUnsupported,
    UploadMoved,
    UploadProtocolUnknown,
    UploadTooLong,
    WorkspaceFull,
)
from kernel_gateway.http.handlers.files import REPLACE_QUERY, wants_to_replace
from kernel_gateway.http.json_handler import CHUNK_BYTES, JsonHandler
from kernel_gateway.http.operations import Query, operation
from kernel_gateway.http.received_files import receive
from kernel_gateway.http.render import path_url
from kernel_gateway.http.schemas.responses import files as models
from kernel_gateway.http.upload_quota import UploadQuota, quota_of
from kernel_gateway.http.uploads import UploadedFile, same_content

log = logging.getLogger("tallybook.uploads")
TUS = "1.0.0"
EXTENSIONS = "creation,expiration,termination"
PIECE = "application/offset+octet-stream"
MOST_METADATA = 4000
_NUMBER = re.compile(r"[0-9]{1,18}")
_KEY = re.compile(r"[!-+\--~]+")  # ASCII without blanks and commas
LENGTH = {"type": "string", "pattern": "^[0-9]{1,18}$"}
RESUMABLE = Query(name="Tus-Resumable", schema={"type": "string", "enum": [TUS]}, help="Needed.")


class ResumableHandler(JsonHandler):
    """Base of the handlers for uploads in pieces."""

    scopes: ClassVar = {"GET": "run"}
    open_path: OpenPath
    _holds_path = False

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Tus-Resumable", TUS)
        if self.request.headers.get("Origin") in self.services.settings.origins:
            shown = "Location, Upload-Offset, Upload-Length, Upload-Metadata, Upload-Expires"
            self.set_header("Access-Control-Expose-Headers", f"Retry-After, Tus-Resumable, {shown}")

    def _answer_preflight(self) -> None:
        self.set_header("Tus-Version", TUS)
        self.set_header("Tus-Extension", EXTENSIONS)
        self.set_header("Tus-Max-Size", str(self.file_limit_bytes))
        super()._answer_preflight()
        allowed = "Authorization, Content-Type, X-XSRFToken"
        names = "Tus-Resumable, Upload-Length, Upload-Offset, Upload-Metadata"
        self.set_header("Access-Control-Allow-Headers", f"{allowed}, {names}")

    @property
    def file_limit_bytes(self) -> int:
        """Largest uploaded file."""
        return int(self.services.settings.upload_limit_mb * 1_000_000)

    async def prepare(self) -> None:
        """Check the protocol's version, and open the path."""
        await super().prepare()
        if self.request.method == "OPTIONS" or self._finished:
            return
        if self.request.method == "HEAD":
            self.identity.check("run")
        if self.request.method != "GET":
            self._check_version()
        key = await self.path_key(
            self.path_args[0], self.path_args[1], to_change=self.request.method in ("POST", "PATCH")
        )
        self.open_path = await self.services.contexts.open(key)
        self.open_path.in_use += 1
        self._holds_path = True

    def _check_version(self) -> None:
        if (version := self.request.headers.get("Tus-Resumable")) != TUS:
            self.set_header("Tus-Version", TUS)
            raise UploadProtocolUnknown(version)

    def header_number(self, name: str) -> int:
        """Return the header *name* as a number of bytes."""
        text = self.request.headers.get(name, "")
        if not _NUMBER.fullmatch(text):
            shown = f"is {text[:40]!r}, which is no number of bytes" if text else "is missing"
            raise BadRequest(f"The header {name} {shown}.")
        return int(text)

    def on_finish(self) -> None:
        self.release()

    def on_connection_close(self) -> None:
        self.release()

    def release(self) -> None:
        """Release the path; may be called twice."""
        if self._holds_path:
            self.open_path.in_use -= 1
            self._holds_path = False

    def say_expiry(self, upload: ResumableUpload) -> None:
        """Set the header that says when the upload ends by itself."""
        expires = self.services.resumable_uploads.expires(self.open_path.home, upload)
        words = email.utils.format_datetime(as_time(expires), usegmt=True)
        self.set_header("Upload-Expires", words)

    def rendered(self, upload: ResumableUpload, offset: int) -> dict[str, Any]:
        """Return an upload as JSON."""
        modified = read_metadata(upload.metadata).get("lastmodified", "")
        expires = self.services.resumable_uploads.expires(self.open_path.home, upload)
        return {
            "id": upload.id,
            "url": f"{path_url(self.open_path.key)}/uploads/{upload.id}",
            "name": upload.name,
            "size": upload.size,
            "offset": offset,
            "last_modified": int(modified) if _NUMBER.fullmatch(modified) else None,
            "expires_at": as_time(expires).isoformat(timespec="milliseconds"),
            "file": upload.result,
        }

    async def finish_file(self, upload: ResumableUpload) -> None:
        """Move the whole file into the workspace, unless that was done; store what came of it.

        Raises:
            WorkspaceFull: It has no room there any more.
            Conflict: It is to replace a file while a request runs; an empty PATCH tries it again.
            PinnedQuotaExceeded, UnsafePath, WorkspaceFileNotFound, OSError: See `keep_upload`.
        """
        services, path = self.services, self.open_path
        uploads = services.resumable_uploads
        async with uploads.finishing(upload.id):
            if uploads.find(path.home, upload.user, upload.id).result is not None:
                return
            quota = await quota_of(path, services.settings.limits())
            stored = await asyncio.to_thread(_move, path, upload, quota)
            user = self.identity.user
            received = await receive(services, path, user, [stored], replace=upload.replace)
            if received.rejected:
                raise received.rejected[0][1]
            uploads.keep_result(path.home, upload, received.described[0])


def read_metadata(text: str) -> Mapping[str, str]:
    """Read an ``Upload-Metadata`` header.

    Raises:
        BadRequest: It is malformed.
    """
    found: dict[str, str] = {}
    for pair in text.split(",") if text else ():
        key, _, value = pair.strip().partition(" ")
        try:
            if not _KEY.fullmatch(key) or key in found:
                raise ValueError(key)
            found[key] = base64.b64decode(value, validate=True).decode()
        except (ValueError, binascii.Error):
            raise BadRequest(
                f"Upload-Metadata has {pair[:80]!r}: a key, a blank and a value in base64 "
                "are needed, each key once."
            ) from None
    return found


@stream_request_body
class UploadsHandler(ResumableHandler):
    """``…/uploads``: begin an upload, list the unfinished ones."""

    @operation(
        "Begin an upload in pieces (tus 1.0.0)",
        query=REPLACE_QUERY,
        headers=(
            RESUMABLE,
            Query(name="Upload-Length", schema=LENGTH, help="Needed: the file's size in bytes."),
            Query(
                name="Upload-Metadata",
                schema={"type": "string"},
                help="Needed: `filename` with its name in base64; `lastmodified` if known, in ms.",
            ),
        ),
        returns={201: None},
    )
    async def post(self, conversation_id: str, path: str) -> None:
        name, metadata, size = self._asked()
        services, opened = self.services, self.open_path
        uploads, limits = services.resumable_uploads, services.settings.limits()
        quota = await quota_of(opened, limits)
        promised = quota.used.bytes + uploads.promised_bytes(opened.home)
        if promised + size > limits.disk_bytes or quota.used.files >= limits.disk_files:
            raise WorkspaceFull(name, limits.disk_bytes, limits.disk_files)
        made = uploads.begin(
            opened.home, self.identity.user, name, size, metadata, replace=wants_to_replace(self)
        )
        if size == 0:
            await self.finish_file(made)
        self.set_header("Location", f"{path_url(opened.key)}/uploads/{made.id}")
        self.say_expiry(made)
        self.set_status(201)
        self.finish()

    def _asked(self) -> tuple[str, str, int]:
        """Return the file's name, the metadata as they were sent, and the size."""
        headers = self.request.headers
        if "Upload-Defer-Length" in headers:
            raise BadRequest("Uploads of unknown length are not taken; send Upload-Length.")
        size = self.header_number("Upload-Length")
        metadata = headers.get("Upload-Metadata", "")
        if len(metadata) > MOST_METADATA:
            raise BadRequest(f"Upload-Metadata is longer than {MOST_METADATA} characters.")
        sent_name = read_metadata(metadata).get("filename", "")
        name = safe_name(sent_name)
        if size > self.file_limit_bytes:
            raise FileTooLarge(name, self.file_limit_bytes)
        return name, metadata, size

    @operation("List your unfinished uploads", returns={200: models.ResumableUploads})
    async def get(self, conversation_id: str, path: str) -> None:
        uploads, home = self.services.resumable_uploads, self.open_path.home
        found = [
            self.rendered(each, part_of(home, each.id).stat().st_size)
            for each in uploads.listed(home, self.identity.user)
        ]
        self.write_json(200, {"uploads": found})


@stream_request_body
class UploadHandler(ResumableHandler):
    """``…/uploads/{upload}``: go on with an upload, see where it is, end it."""

    upload: ResumableUpload
    writer: Writer | None = None

    def initialize(self, **given: Any) -> None:
        super().initialize(**given)
        self._stack = ExitStack()  # here, as a request may end before it is prepared

    async def prepare(self) -> None:
        """Find the upload; of a PATCH, take over from one that still brings bytes."""
        await super().prepare()
        if self.request.method == "OPTIONS" or self._finished:
            return
        uploads, home = self.services.resumable_uploads, self.open_path.home
        self.upload = uploads.find(home, self.identity.user, self.path_args[2])
        if self.request.method != "PATCH":
            return
        if (kind := self.request.headers.get("Content-Type", "")) != PIECE:
            raise MediaTypeUnsupported(kind, PIECE)
        offset = self.header_number("Upload-Offset")
        if offset + self.declared_length() > self.upload.size:
            raise UploadTooLong(self.upload.name, self.upload.size)
        self.writer = self._stack.enter_context(uploads.writing(home, self.upload, offset))

    def check_length(self, length: int) -> None:
        """Leave it to `data_received`, which stops at the size that the upload was begun with."""

    def data_received(self, chunk: bytes) -> None:
        """Append the next bytes; after an error, discard them."""
        if self.writer is None or self._refusal is not None:
            return
        try:
            if self.writer.offset + len(chunk) > self.upload.size:
                raise UploadTooLong(self.upload.name, self.upload.size)
            self.writer.write(chunk)
        except (UploadTooLong, UploadMoved, OSError) as error:
            self._refusal = error

    def release(self) -> None:
        """Keep on disk what came, and release the path; may be called twice."""
        try:
            self._stack.close()
        except OSError:  # the disk is full: the next HEAD says what is there
            log.warning("what came of upload %s could not be stored", self.path_args[2])
        super().release()

    @operation(
        "Go on with an upload (tus 1.0.0)",
        content=PIECE,
        headers=(
            RESUMABLE,
            Query(name="Upload-Offset", schema=LENGTH, help="Needed: where the bytes belong."),
        ),
        returns={204: None},
    )
    async def patch(self, conversation_id: str, path: str, upload: str) -> None:
        if self._refusal is not None:
            raise self._refusal
        offset = await asyncio.to_thread(self.writer.store) if self.writer is not None else 0
        self._stack.close()
        if offset == self.upload.size:
            await self.finish_file(self.upload)
        self.set_header("Upload-Offset", str(offset))
        self.say_expiry(self.upload)
        self.set_status(204)
        self.finish()

    async def head(self, conversation_id: str, path: str, upload: str) -> None:
        """Say where the upload is; end a request that still brings bytes of it."""
        offset = self.services.resumable_uploads.settle(self.open_path.home, self.upload)
        self.set_header("Upload-Offset", str(offset))
        self.set_header("Upload-Length", str(self.upload.size))
        self.set_header("Upload-Metadata", self.upload.metadata)
        self.say_expiry(self.upload)
        self.finish()

    @operation("What came of an upload", returns={200: models.ResumableUpload})
    async def get(self, conversation_id: str, path: str, upload: str) -> None:
        found = self.upload
        part = part_of(self.open_path.home, found.id)
        offset = found.size if found.result is not None else part.stat().st_size
        self.write_json(200, self.rendered(found, offset))

    @operation("End an upload (tus 1.0.0)", headers=(RESUMABLE,), returns={204: None})
    async def delete(self, conversation_id: str, path: str, upload: str) -> None:
        self.services.resumable_uploads.remove(self.open_path.home, self.upload)
        self.set_status(204)
        self.finish()


def _move(path: OpenPath, upload: ResumableUpload, quota: UploadQuota) -> UploadedFile:
    """Copy a whole upload into ``inputs/``; blocks."""
    digest, part = hashlib.sha256(), part_of(path.home, upload.id)
    wanted = f"{INPUTS}/{upload.name}"
    with part.open("rb") as source:
        sha256 = hashlib.file_digest(source, lambda: digest).hexdigest()
        twin = same_content(path.workspace, upload.name, upload.size, sha256)
        name = twin or f"{INPUTS}/{_copied(path, upload, source, quota)}"
    return UploadedFile(
        name=name,
        wanted=wanted,
        sent_name=upload.name,
        size=upload.size,
        sha256=sha256,
        new=twin is None,
    )


def _copied(path: OpenPath, upload: ResumableUpload, source: IO[bytes], quota: UploadQuota) -> str:
    quota.take(upload.name, upload.size, files=1)
    try:
        source.seek(0)
        with path.workspace.add_input(upload.name) as new:
            shutil.copyfileobj(source, new.file, CHUNK_BYTES)
    except BaseException:
        quota.give_back(upload.size, 1)
        raise
    return new.name
