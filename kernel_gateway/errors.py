"""Errors of the gateway layer, and the description of any error for clients.

Only `kernel_gateway.http.problems` has the status codes.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from typing import Any

from agent.errors import AgentError
from container.errors import ContainerError
from notebooks.errors import NotebookError


class GatewayError(Exception):
    """Base of every error this layer raises on purpose."""

    code = "gateway-error"
    hint = ""


class NotAuthenticated(GatewayError):
    """No token, a wrong one, or one that is not valid any more."""

    code = "not-authenticated"
    hint = (
        "Open the address the service printed at its start, or send its token as "
        "'Authorization: Bearer TOKEN'."
    )

    def __init__(self, reason: str = "is missing or wrong") -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"The access token {self.reason}."


class TokenWrong(NotAuthenticated):
    """The access token is not one that was given out; somebody may be guessing."""


class KeysUnavailable(GatewayError):
    """The endpoint that publishes the keys of access tokens gives none; no token was judged."""

    code = "keys-unavailable"
    hint = "Wait as long as the Retry-After header says; the operator finds more in the log."

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after

    def __str__(self) -> str:
        return "The keys of access tokens can't be fetched, so the token can't be checked now."


class TooManyFailedTokens(GatewayError):
    """One address sends more wrong access tokens than the settings allow."""

    code = "too-many-failed-tokens"
    hint = "Wait as long as the Retry-After header says, and check the token."

    def __init__(self, limit: int, retry_after: int) -> None:
        super().__init__(limit, retry_after)
        self.limit, self.retry_after = limit, retry_after

    def __str__(self) -> str:
        return (
            f"More than {self.limit} wrong access tokens came from this address in a minute; "
            f"the next counts in {self.retry_after} s."
        )


class ForeignOrigin(GatewayError):
    """What only the service's own page may send came from another one."""

    code = "foreign-origin"
    hint = "Open the service's own page and send the form there."

    def __init__(self, origin: str | None) -> None:
        super().__init__(origin)
        self.origin = origin

    def __str__(self) -> str:
        sender = "without an Origin header" if self.origin is None else f"by {self.origin[:200]}"
        return f"The form was sent {sender}, not by the service's own page."


class NotFound(GatewayError):
    """The thing does not exist, or belongs to somebody else: the two look the same."""

    code = "not-found"
    hint = "Check the id; list what exists with GET."

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(kind, name)
        self.kind, self.name = kind, name

    def __str__(self) -> str:
        return f"There is no {self.kind} {self.name[:120]!r}."


class ConversationDeleted(GatewayError):
    """Its conversation was deleted while the request was under way."""

    code = "conversation-deleted"
    hint = "Nothing to do: all of it is gone. Begin another one."

    def __str__(self) -> str:
        return "The conversation was deleted just now."


class DeletionIncomplete(GatewayError):
    """Files of a conversation could not be removed; the conversation is still listed."""

    code = "deletion-incomplete"
    hint = "Ask for the deletion again; what stays is in the data directory, to be seen with ls."

    def __init__(self, conversation: str) -> None:
        super().__init__(conversation)
        self.conversation = conversation

    def __str__(self) -> str:
        return f"Files of conversation {self.conversation} could not be removed."


class MethodNotAllowed(GatewayError):
    """The address exists, but not for this HTTP method."""

    code = "method-not-allowed"
    hint = "See docs/api.md for the methods of each address."

    def __init__(self, method: str, path: str) -> None:
        super().__init__(method, path)
        self.method, self.path = method, path

    def __str__(self) -> str:
        return f"{self.method} is not possible on {self.path[:200]}."


class BadRequest(GatewayError):
    """The message is not understood: malformed JSON, a wrong or missing field."""

    code = "bad-request"
    hint = "See docs/api.md for what is expected."

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class UnknownEventKind(BadRequest):
    """A websocket message of a kind that clients can't send."""

    code = "unknown-event-kind"
    hint = (
        "Send one of: turn.request, execute.request, permission.reply, office.pane, "
        "office.reply, cancel."
    )


class UnsupportedLanguage(BadRequest):
    """Code in a language no kernel speaks."""

    code = "unsupported-language"
    hint = 'Send one of: {"language": "python"}, "javascript", "typescript", "bash".'


class BodyTooLarge(GatewayError):
    """A request's body is over its limit."""

    code = "body-too-large"
    hint = "Send less; upload data as a file."

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(limit_bytes)
        self.limit_bytes = limit_bytes

    def __str__(self) -> str:
        return f"The request's body is larger than {self.limit_bytes / 1_000_000:g} MB."


class FileTooLarge(GatewayError):
    """An uploaded file is over the limit; nothing of it was kept."""

    code = "file-too-large"
    hint = "Split the file, or raise TALLYBOOK_UPLOAD_LIMIT_MB."

    def __init__(self, name: str, limit_bytes: int) -> None:
        super().__init__(name, limit_bytes)
        self.name, self.limit_bytes = name, limit_bytes

    def __str__(self) -> str:
        return f"{self.name!r} is larger than the limit of {self.limit_bytes / 1_000_000:g} MB."


class WorkspaceFull(GatewayError):
    """An uploaded file has no room in the conversation's workspace; nothing of it was kept."""

    code = "workspace-full"
    hint = (
        "Have files deleted that are not needed, begin another conversation, or raise "
        "TALLYBOOK_WORKSPACE_LIMIT_MB or TALLYBOOK_WORKSPACE_FILES."
    )

    def __init__(self, name: str, limit_bytes: int, limit_files: int) -> None:
        super().__init__(name, limit_bytes, limit_files)
        self.name, self.limit_bytes, self.limit_files = name, limit_bytes, limit_files

    def __str__(self) -> str:
        size = f"{self.limit_bytes // 2**20} MiB"
        return (
            f"With {self.name!r} the workspace would be larger than {size} or hold more than "
            f"{self.limit_files:,} files."
        )


class UploadMoved(GatewayError):
    """Bytes were sent for another place of an upload than the one it has reached."""

    code = "upload-moved"
    hint = "Ask where it is (HEAD, header Upload-Offset), and go on there."

    def __init__(self, offset: int, given: int | None = None) -> None:
        super().__init__(offset, given)
        self.offset, self.given = offset, given
        self.details = {"offset": offset}

    def __str__(self) -> str:
        if self.given is None:
            return f"Another request has gone on with this upload, at byte {self.offset:,}."
        return f"The upload has {self.offset:,} bytes; the request begins at {self.given:,}."


class UploadTooLong(GatewayError):
    """More bytes were sent for an upload than it was begun with; the rest was not kept."""

    code = "upload-too-long"
    hint = "Begin another upload with the file's whole size in Upload-Length."

    def __init__(self, name: str, size: int) -> None:
        super().__init__(name, size)
        self.name, self.size = name, size

    def __str__(self) -> str:
        return f"The upload of {self.name!r} was begun with {self.size:,} bytes; more were sent."


class TooManyUnfinishedUploads(GatewayError):
    """A path has as many unfinished uploads as it may have."""

    code = "too-many-unfinished-uploads"
    hint = "Finish some, or remove them with DELETE; they also end by themselves after a while."

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"This path has {self.limit} unfinished uploads, which is the most."


class UploadProtocolUnknown(GatewayError):
    """A resumable upload was sent by another version of its protocol, or without one."""

    code = "upload-protocol-unknown"
    hint = "Send the header 'Tus-Resumable: 1.0.0'."

    def __init__(self, version: str | None) -> None:
        super().__init__(version)
        self.version = version

    def __str__(self) -> str:
        given = "is missing" if self.version is None else f"is {self.version[:40]!r}"
        return f"Resumable uploads follow tus 1.0.0; the header Tus-Resumable {given}."


class MediaTypeUnsupported(GatewayError):
    """A body of another media type than the address takes."""

    code = "media-type-unsupported"
    hint = "Send the body with the Content-Type that the message names."

    def __init__(self, given: str, wanted: str) -> None:
        super().__init__(given, wanted)
        self.given, self.wanted = given, wanted

    def __str__(self) -> str:
        return f"The body is {self.given[:80]!r}; this address takes {self.wanted}."


class PermissionAlreadyDecided(GatewayError):
    """A second reply to one permission request."""

    code = "permission-already-decided"
    hint = "Nothing to do: the first decision counts."

    def __init__(self, permission_id: str, decision: str) -> None:
        super().__init__(permission_id, decision)
        self.permission_id, self.decision = permission_id, decision

    def __str__(self) -> str:
        return f"Permission {self.permission_id} was decided before: {self.decision}."


class NotYourPermission(GatewayError):
    """A standing permission, given in reply to the request of another user."""

    code = "not-your-permission"
    hint = "Reply with once or deny. Only the user whose request it is can allow it for longer."

    def __init__(self, permission_id: str, user: str) -> None:
        super().__init__(permission_id, user)
        self.permission_id, self.user = permission_id, user

    def __str__(self) -> str:
        return (
            f"Permission {self.permission_id} was asked for by {self.user!r}, whose later code "
            "would run without asking."
        )


class QueueFull(GatewayError):
    """Too many requests wait on one path already."""

    code = "queue-full"
    hint = "Wait until they are done, or cancel them."

    def __init__(self, waiting: int, more: int = 1) -> None:
        super().__init__(waiting, more)
        self.waiting, self.more = waiting, more

    def __str__(self) -> str:
        wait = f"{self.waiting} requests already wait in this conversation"
        return f"{wait}." if self.more == 1 else f"{wait}: there is no room for {self.more} more."


class EarlierRequestFailed(GatewayError):
    """A request of the same batch, which this one comes after, has not ended well."""

    code = "earlier-request-failed"
    hint = "Look at what became of the earlier one, then ask for both again."

    def __init__(self, turn: str, request: str, status: str) -> None:
        super().__init__(turn, request, status)
        self.turn, self.request, self.status = turn, request, status

    def __str__(self) -> str:
        words = " ".join(self.request.split())[:80]
        return f"It was not begun: the request before it, {words!r}, ended as {self.status!r}."


class KernelLimitReached(GatewayError):
    """As many kernels are in use as settings and memory allow, and waiting did not help."""

    code = "kernel-limit-reached"
    hint = (
        "Wait as long as the Retry-After header says; end kernels that nobody needs. The operator "
        "can add memory or raise TALLYBOOK_MAX_KERNELS."
    )
    retry_after = 10

    def __init__(self, reason: str, waited: float) -> None:
        super().__init__(reason, waited)
        self.reason, self.waited = reason, waited

    def __str__(self) -> str:
        return f"No kernel could be had in {self.waited:g} s: {self.reason}."


class AlreadyRunning(GatewayError):
    """Another service works on the same data directory, under the same name or as the only one."""

    code = "already-running"

    def __init__(self, directory: str, node: str = "") -> None:
        super().__init__(directory, node)
        self.directory, self.node = directory, node

    def __str__(self) -> str:
        if self.node:
            return (
                f"Another Tallybook service uses {self.directory}, as node {self.node!r} too or "
                "without a name. Give each its own: --node NAME or TALLYBOOK_NODE."
            )
        return (
            f"Another Tallybook service uses {self.directory}. Stop it, talk to it with "
            "`tallybook chat --url URL --token TOKEN`, or choose another directory: --data-dir DIR."
        )


class Forbidden(GatewayError):
    """The caller's roles don't allow this."""

    code = "forbidden"
    hint = "Ask for a role that has it; docs/api.md lists what each may do."

    def __init__(self, scope: str) -> None:
        super().__init__(scope)
        self.scope = scope

    def __str__(self) -> str:
        return f"This needs the scope {self.scope!r}, which none of your roles has."


class RateLimited(GatewayError):
    """A user sends more requests than the settings allow."""

    code = "rate-limited"
    hint = "Wait as long as the Retry-After header says."

    def __init__(self, limit: int, retry_after: int) -> None:
        super().__init__(limit, retry_after)
        self.limit, self.retry_after = limit, retry_after

    def __str__(self) -> str:
        return f"More than {self.limit} requests in a minute; go on in {self.retry_after} s."


class Conflict(GatewayError):
    """What is asked for contradicts what is there; the message says how."""

    code = "conflict"
    hint = "Look at what is there with GET, then decide."

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class ConversationReadOnly(Conflict):
    """The conversation is read-only, so that nothing is put back or merged into it."""

    code = "conversation-read-only"

    def __init__(self, conversation: str) -> None:
        super().__init__(f"Conversation {conversation} is read-only: nothing changes its files.")
        self.conversation = conversation
        self.hint = f"Give it another mode: PUT /api/v1/conversations/{conversation}/mode."


class TooManyPreferences(Conflict):
    """A user has as many preferences as there may be."""

    code = "too-many-preferences"
    hint = "Delete one that no longer counts: DELETE /api/v1/preferences/{id}."

    def __init__(self, most: int) -> None:
        super().__init__(f"There are {most} preferences already, the most that are kept.")
        self.most = most


class HistoryOff(Conflict):
    """The settings keep no earlier contents, so that none can be put back."""

    code = "history-off"
    hint = "The operator can set TALLYBOOK_FILE_VERSIONS_MB and TALLYBOOK_CHECKPOINTS above 0."

    def __init__(self) -> None:
        super().__init__("No earlier contents of files are kept here.")


class RestoreNeedsConfirmation(GatewayError):
    """It would remove files that hold data, or contents that can't be had again."""

    code = "restore-needs-confirmation"
    hint = 'Look at the files; then send it again with "confirm": true, or --yes.'

    def __init__(
        self, removed: Sequence[str], unrecoverable: Sequence[str], unavailable: Sequence[str]
    ) -> None:
        super().__init__(tuple(removed), tuple(unrecoverable), tuple(unavailable))
        self.removed, self.unrecoverable = tuple(removed), tuple(unrecoverable)
        self.unavailable = tuple(unavailable)

    @property
    def details(self) -> dict[str, Any]:
        """The files by what would become of them."""
        return {
            "would_remove": list(self.removed),
            "could_not_be_had_back": list(self.unrecoverable),
            "would_not_be_restored": list(self.unavailable),
        }

    def __str__(self) -> str:
        parts = [
            f"{words} {named_files(names)}"
            for words, names in (
                ("remove, although they hold data:", self.removed),
                ("overwrite without a way back:", self.unrecoverable),
                ("leave as they are, as their content of then is not kept:", self.unavailable),
            )
            if names
        ]
        return f"Nothing was changed. It would {'; and '.join(parts)}."


def named_files(names: Sequence[str], most: int = 8) -> str:
    """Return *names* in words, at most *most* of them and the number of the others."""
    shown = ", ".join(repr(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


class DatabaseUnavailable(GatewayError):
    """The database doesn't answer or can't be used; nothing was changed."""

    code = "database-unavailable"
    hint = "Wait and send it again; the operator finds more in the log."

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"The database can't be used: {self.reason}."


class OwnershipLost(GatewayError):
    """The gateways that share the database hold this one for dead; it has to end."""

    code = "ownership-lost"
    hint = "Send it again in a moment; another service takes it."

    def __str__(self) -> str:
        return "This gateway was away for too long; another one serves its conversations now."


class NodeUnreachable(GatewayError):
    """The gateway whose conversation it is doesn't answer; another one takes over soon."""

    code = "node-unreachable"
    hint = "Send it again in a moment; another service takes over."

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url

    def __str__(self) -> str:
        return "The gateway that serves this conversation doesn't answer just now."


class ExportFailed(GatewayError):
    """A notebook could not be exported."""

    code = "export-failed"
    hint = "Try another kind, such as ?to=html, or export the downloaded notebook by yourself."

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"The notebook was not exported: {self.reason}"


class StorageFull(GatewayError):
    """The service's disk is full; nothing of what was sent was kept."""

    code = "storage-full"
    hint = "Tell the operator; send it again when there is room."

    def __str__(self) -> str:
        return "The disk of the service is full."


class Draining(GatewayError):
    """The service is being stopped and takes no new turns."""

    code = "draining"
    hint = "Send it again in a moment; another service takes it."

    def __str__(self) -> str:
        return "The service is being stopped and takes no new requests."


DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def named(error: Exception) -> Exception:
    """Return `StorageFull` for an `OSError` about a full disk, else *error*."""
    return StorageFull() if isinstance(error, OSError) and error.errno in DISK_FULL else error


def error_facts(error: Exception) -> dict[str, Any]:
    """Return code, message, hint and details of *error*, for clients and stored rows.

    An unexpected error shows no internals.
    """
    error = named(error)
    if not isinstance(error, GatewayError | AgentError | ContainerError | NotebookError):
        return {
            "code": "internal-error",
            "message": "Something went wrong inside the service.",
            "hint": "Try again; if it stays, give the operator the time of this message.",
            "details": {},
        }
    retry_after = getattr(error, "retry_after", None)
    details: Mapping[str, Any] = getattr(error, "details", {})
    return {
        "code": error.code,
        "message": str(error),
        "hint": error.hint,
        "details": dict(details) if retry_after is None else {"retry_after": retry_after},
    }


def error_body(error: Exception) -> dict[str, Any]:
    """Return *error* as a response, an event or a row has it: ``{"error": {…}}``."""
    return {"error": error_facts(error)}
