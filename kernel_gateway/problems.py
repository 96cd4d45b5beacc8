"""One table from error type to HTTP status and hint; one body for every error."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field
from typing import Any

from agent import errors as agent_errors
from container import errors as container_errors
from kernel_gateway import errors
from notebooks import errors as notebook_errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An error as clients see it."""

    status: int
    code: str
    message: str
    hint: str
    details: dict[str, Any] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """Return the JSON body of every error response."""
        return {
            "error": {
                "code": self.code,
                "message": self.message,
                "hint": self.hint,
                "details": self.details,
            }
        }


_KERNEL = "Send the request again: a new kernel is started. Files and the notebook are kept."
DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
TABLE: dict[type[Exception], tuple[int, str]] = {
    errors.NotAuthenticated: (
        401,
        "Open the address the service printed at its start, or send its token as "
        "'Authorization: Bearer TOKEN'.",
    ),
    errors.KeysUnavailable: (
        503,
        "Wait as long as the Retry-After header says; the operator finds more in the log.",
    ),
    errors.TooManyFailedTokens: (
        429,
        "Wait as long as the Retry-After header says, and check the token.",
    ),
    errors.ForeignOrigin: (403, "Open the service's own page and send the form there."),
    errors.NotFound: (404, "Check the id; list what exists with GET."),
    errors.ConversationDeleted: (404, "Nothing to do: all of it is gone. Begin another one."),
    errors.DeletionIncomplete: (
        503,
        "Ask for the deletion again; what stays is in the data directory, to be seen with ls.",
    ),
    errors.MethodNotAllowed: (405, "See docs/api.md for the methods of each address."),
    errors.BadRequest: (400, "See docs/api.md for what is expected."),
    errors.UnknownEventKind: (
        400,
        "Send one of: turn.request, execute.request, permission.reply, cancel.",
    ),
    errors.UnsupportedLanguage: (400, 'Send Python: {"language": "python"}.'),
    errors.BodyTooLarge: (413, "Send less; upload data as a file."),
    errors.FileTooLarge: (413, "Split the file, or raise TALLYBOOK_UPLOAD_LIMIT_MB."),
    errors.WorkspaceFull: (
        413,
        "Have files deleted that are not needed, begin another conversation, or raise "
        "TALLYBOOK_WORKSPACE_LIMIT_MB or TALLYBOOK_WORKSPACE_FILES.",
    ),
    errors.Forbidden: (
        403,
        "Ask for a role that has it; docs/api.md lists what each may do.",
    ),
    errors.Conflict: (409, "Look at what is there with GET, then decide."),
    errors.RateLimited: (429, "Wait as long as the Retry-After header says."),
    errors.DatabaseUnavailable: (
        503,
        "Wait and send it again; the operator finds more in the log.",
    ),
    errors.OwnershipLost: (503, "Send it again in a moment; another service takes it."),
    errors.NodeUnreachable: (503, "Send it again in a moment; another service takes over."),
    errors.StorageFull: (507, "Tell the operator; send it again when there is room."),
    errors.Draining: (503, "Send it again in a moment; another service takes it."),
    errors.PermissionAlreadyDecided: (409, "Nothing to do: the first decision counts."),
    errors.QueueFull: (429, "Wait until they are done, or cancel them."),
    errors.KernelLimitReached: (
        503,
        "Wait as long as the Retry-After header says; end kernels that nobody needs. The operator "
        "can add memory or raise TALLYBOOK_MAX_KERNELS.",
    ),
    agent_errors.InvalidRequest: (400, "Change the request and send it again."),
    agent_errors.CodeTooLong: (400, "Split the code into several cells."),
    agent_errors.ModelUnavailable: (503, "Wait and send the request again; nothing was lost."),
    agent_errors.ModelRejected: (502, "Check GEMINI_API_KEY and TALLYBOOK_MODEL."),
    agent_errors.ModelDeclined: (422, "Put the request in other words."),
    agent_errors.ModelReplyBroken: (502, "Send the request again; nothing was lost."),
    agent_errors.TurnBudgetSpent: (422, "Put the request in other words or split it."),
    container_errors.SandboxUnavailable: (503, "See `tallybook doctor` and docs/operator.md."),
    container_errors.KernelStartFailed: (503, "Send the request again."),
    container_errors.KernelDied: (503, _KERNEL),
    container_errors.UnsafePath: (400, "Rename the file and upload it again."),
    container_errors.WorkspaceFileNotFound: (404, "List the files with GET …/files."),
    notebook_errors.PinnedRoomUsed: (
        413,
        "Go on in another conversation, or raise TALLYBOOK_UPLOAD_VERSIONS_MB.",
    ),
    notebook_errors.BlobNotFound: (404, "List the versions: those that can be had say so."),
    notebook_errors.BlobDamaged: (
        500,
        "Take another version; the operator has to look after the disk.",
    ),
    notebook_errors.SealingKeyMissing: (
        503,
        "Tell the operator: a key in TALLYBOOK_BLOB_KEY is missing.",
    ),
    notebook_errors.NotebookUnreadable: (
        500,
        "The notebook on disk was changed by hand; move it away and keep it for inspection.",
    ),
}


def problem_from_error(error: Exception) -> Problem:
    """Return how *error* is shown; one that nobody foresaw shows no internals."""
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        error = errors.StorageFull()
    for kind in type(error).__mro__:
        if kind in TABLE:
            status, hint = TABLE[kind]
            code = str(getattr(error, "code", "error"))
            retry_after = getattr(error, "retry_after", None)
            details = {} if retry_after is None else {"retry_after": retry_after}
            return Problem(status=status, code=code, message=str(error), hint=hint, details=details)
    return Problem(
        status=500,
        code="internal-error",
        message="Something went wrong inside the service.",
        hint="Try again; if it stays, give the operator the time of this message.",
    )
