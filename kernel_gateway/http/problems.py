"""The HTTP status of each error type, and the JSON body of every error."""

from __future__ import annotations

from collections.abc import Mapping
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


STATUSES: dict[type[Exception], int] = {
    errors.NotAuthenticated: 401,
    errors.KeysUnavailable: 503,
    errors.TooManyFailedTokens: 429,
    errors.ForeignOrigin: 403,
    errors.NotFound: 404,
    errors.ConversationDeleted: 404,
    errors.DeletionIncomplete: 503,
    errors.MethodNotAllowed: 405,
    errors.BadRequest: 400,
    errors.UnknownEventKind: 400,
    errors.UnsupportedLanguage: 400,
    errors.BodyTooLarge: 413,
    errors.FileTooLarge: 413,
    errors.WorkspaceFull: 413,
    errors.UploadMoved: 409,
    errors.UploadTooLong: 413,
    errors.TooManyUnfinishedUploads: 409,
    errors.UploadProtocolUnknown: 412,
    errors.MediaTypeUnsupported: 415,
    errors.Forbidden: 403,
    errors.NotYourPermission: 403,
    errors.Conflict: 409,
    errors.ConversationReadOnly: 409,
    errors.TooManyPreferences: 409,
    errors.HistoryOff: 409,
    errors.RestoreNeedsConfirmation: 409,
    errors.RateLimited: 429,
    errors.DatabaseUnavailable: 503,
    errors.OwnershipLost: 503,
    errors.NodeUnreachable: 503,
    errors.ExportFailed: 503,
    errors.StorageFull: 507,
    errors.Draining: 503,
    errors.PermissionAlreadyDecided: 409,
    errors.QueueFull: 429,
    errors.EarlierRequestFailed: 409,
    errors.KernelLimitReached: 503,
    agent_errors.InvalidRequest: 400,
    agent_errors.CodeTooLong: 400,
    agent_errors.ModelUnavailable: 503,
    agent_errors.ModelRejected: 502,
    agent_errors.ModelDeclined: 422,
    agent_errors.ModelReplyBroken: 502,
    agent_errors.TurnBudgetSpent: 422,
    container_errors.SandboxUnavailable: 503,
    container_errors.KernelStartFailed: 503,
    container_errors.LanguageNotInstalled: 503,
    container_errors.KernelDied: 503,
    container_errors.UnsafePath: 400,
    container_errors.WorkspaceFileNotFound: 404,
    notebook_errors.PinnedQuotaExceeded: 413,
    notebook_errors.CheckpointNotFound: 404,
    notebook_errors.CheckpointUnreadable: 500,
    notebook_errors.BlobNotFound: 404,
    notebook_errors.BlobDamaged: 500,
    notebook_errors.SealingKeyMissing: 503,
    notebook_errors.NotebookUnreadable: 500,
    notebook_errors.FileNotTraceable: 404,
    notebook_errors.UnknownParameter: 400,
    notebook_errors.ParameterMisfit: 400,
}


_BY_CODE = {getattr(kind, "code", ""): status for kind, status in STATUSES.items()}


def problem_of_turn(error: Mapping[str, Any]) -> Problem:
    """Return the problem of a turn that ended with the stored *error*, for its caller."""
    facts = error["error"]
    return Problem(status=_BY_CODE.get(facts["code"], 500), **facts)


def problem_from_error(error: Exception) -> Problem:
    """Return the problem for *error*; an unexpected error shows no internals."""
    known = errors.named(error)
    facts = errors.error_facts(known)
    status = next((STATUSES[kind] for kind in type(known).__mro__ if kind in STATUSES), 500)
    return Problem(status=status, **facts)
