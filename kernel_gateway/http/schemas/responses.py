"""What the service sends, as pydantic models."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from agent.modes import ModeName


class _Exact(BaseModel):
    # Only the OpenAPI document needs them, so they are built when it is made.
    model_config = ConfigDict(extra="forbid", defer_build=True)


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow", defer_build=True)


class Error(_Exact):
    """Code, plain words, what to do next."""

    code: str
    message: str
    hint: str
    details: dict[str, Any]


class ErrorBody(_Open):
    """The body of every 4xx and 5xx; Jupyter's addresses add ``message`` and ``reason``."""

    error: Error


class Conversation(_Exact):
    """A chat."""

    id: str
    title: str
    created_at: str
    user: str
    paths: list[str]


class ConversationDetail(Conversation):
    """A chat, with the last number of its main path's events, and its mode."""

    last_seq: int
    mode: ModeName


class Conversations(_Exact):
    """The newest conversations first."""

    conversations: list[Conversation]


class DemoStarted(_Exact):
    """The recorded demo conversation, and the ids of its turns: each begins when the last ended."""

    conversation: Conversation
    turns: list[str]


class Deleted(_Exact):
    """What was deleted."""

    id: str
    deleted: Literal[True]


class Path(_Exact):
    """A path: ``main``, or a branch."""

    name: str
    title: str
    source_path: str | None
    source_turn_id: str | None
    created_at: str
    merged_into: str | None
    merged_at: str | None


class PathDetail(Path):
    """A path, with the last number of its events."""

    last_seq: int


class NewBranch(Path):
    """A branch, and the files its cells will make again before its first cell runs."""

    files_to_remake: list[str]


class Paths(_Exact):
    """A conversation's paths, oldest first."""

    paths: list[Path]


class Context(_Exact):
    """An execution context; times in seconds since the epoch."""

    id: str
    conversation: str
    path: str
    status: Literal["creating", "ready", "error", "terminated"]
    created_at: float
    last_used_at: float
    expires_at: float
    error: str | None
    resource_usage: dict[str, Any]


class File(_Exact):
    """A file of a workspace."""

    name: str
    size: int
    url: str


class FileVersion(_Exact):
    """A content a file has or had."""

    sha256: str | None
    size: int
    at: str | None
    user: str | None
    cell: str | None
    current: bool
    kept: bool
    url: str | None


class FileVersions(_Exact):
    """The versions of a file, the oldest first."""

    name: str
    versions: list[FileVersion]


class UnkeptFile(_Exact):
    """A file whose content a checkpoint does not keep, or that stays as it is."""

    name: str
    reason: str


class CheckpointSummary(_Exact):
    """A checkpoint, with what had changed since the one before it."""

    id: str
    at: str | None
    turn: str | None
    cell: str | None
    reason: Literal["cell", "undo"]
    files: int
    size: int
    added: list[str]
    changed: list[str]
    removed: list[str]
    not_kept: list[UnkeptFile]


class History(_Exact):
    """The checkpoints of a path, the newest first."""

    enabled: bool
    checkpoints: list[CheckpointSummary]


class RangeCheckpoint(_Exact):
    """A range of a workbook as it was before a change in Excel."""

    id: str
    at: str
    turn: str | None
    request: str | None
    workbook: str
    sheet: str
    address: str
    tool: str
    size: int


class RangeHistory(_Exact):
    """The checkpoints of ranges, the newest first."""

    enabled: bool
    checkpoints: list[RangeCheckpoint]


class RangeCheckpointContent(RangeCheckpoint):
    """A checkpoint of a range with what it held; nothing if it is not kept any more."""

    content: dict[str, Any] | None


class CheckpointFile(_Exact):
    """A file in a checkpoint; ``kept``: its content can be had."""

    name: str
    size: int
    sha256: str
    kept: bool


class FileChange(_Exact):
    """What restoring would do to a file; ``None`` for a file that is not there."""

    name: str
    size_now: int | None
    size_then: int | None


class CheckpointDetail(CheckpointSummary):
    """A checkpoint, its files, and what restoring it would do now."""

    contents: list[CheckpointFile]
    would_write: list[FileChange]
    would_remove: list[FileChange]
    would_not_restore: list[UnkeptFile]


class CheckpointsGone(_Exact):
    """Checkpoints that were deleted, and the bytes that became free."""

    deleted: list[str]
    freed: int


class FileProfile(_Exact):
    """What is known of a file's tables; nothing of a file that holds none."""

    name: str
    profile: dict[str, Any] | None
    problem: dict[str, Any] | None
    text: str


class FilePreview(_Exact):
    """Rows of a sheet; ``more`` says whether filled rows follow."""

    name: str
    sheets: list[str]
    sheet: str | None
    first_row: int | None
    rows: list[list[Any]]
    more: bool
    problem: dict[str, Any] | None


class FileComparison(_Exact):
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


class RejectedFile(_Exact):
    """A file that was not kept."""

    name: str
    error: Error


class Files(_Exact):
    """The files of a workspace."""

    files: list[File]


class Uploaded(_Exact):
    """What came of an upload."""

    files: list[UploadedFile]
    rejected: list[RejectedFile]


class ResumableUpload(_Exact):
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


class ResumableUploads(_Exact):
    """The caller's uploads to a path that are not whole yet."""

    uploads: list[ResumableUpload]


class TurnReply(_Open):
    """Where a turn stands: what else there is depends on ``kind`` and on what was asked."""

    kind: Literal["result", "permission_required", "error", "running"]
    conversation: str
    path: str
    turn: str
    status: str


class ChatReply(_Exact):
    """An answer in words."""

    response: str
    conversation_id: str
    context_used: dict[str, Any] = Field(description="As in the event `context.used`.")


class TurnSummary(_Exact):
    """A turn in a list."""

    id: str
    kind: str
    request: str
    status: str
    user: str
    created_at: str
    finished_at: str | None
    rating: str | None


class Turns(_Exact):
    """A path's turns, oldest first."""

    turns: list[TurnSummary]


class Cancelled(_Exact):
    """The turns that were cancelled."""

    cancelled: list[str]


class Rated(_Exact):
    """A rating, taken."""

    turn: str
    rating: Literal["up", "down"]


class Decided(_Exact):
    """A decision, taken."""

    id: str
    decision: Literal["once", "always", "until", "deny", "timeout"]
    poll: str


class Grant(_Exact):
    """A standing permission."""

    id: str
    capability: str
    covers: str = Field(description="What it covers, in plain words.")
    kind: str = Field(description="`network`, `library`, `path`, …")
    created_at: str
    expires_at: str | None = Field(description="When it ends; none: once it is revoked.")


class Grants(_Exact):
    """The caller's standing permissions."""

    grants: list[Grant]


class Revoked(_Exact):
    """A standing permission, revoked."""

    id: str
    revoked: Literal[True]


class AuditLine(_Exact):
    """Who did what, when."""

    id: int
    at: str
    user: str
    action: str
    conversation: str | None
    target: str
    detail: dict[str, Any]


class AuditList(_Exact):
    """Lines of the audit list, newest first."""

    audit: list[AuditLine]


class PublicKey(_Exact):
    """A public key that verifies notebooks."""

    id: str
    algorithm: Literal["ed25519"]
    public_key: str
    created_at: str
    retired_at: str | None


class PublicKeys(_Exact):
    """The public keys of the service, the one in force last."""

    keys: list[PublicKey]


class RecordProblem(_Exact):
    """One difference from the record: which cell and field, and who could have made it."""

    cell: int | None
    cell_id: str | None
    what: str
    field: str
    by: str


class RecordSignature(_Exact):
    """The signature over a notebook's head."""

    key_id: str | None
    valid: bool
    trusted: bool | None


class RecordReview(_Exact):
    """A reviewer's entry in a notebook; *key_id* is null where the service signed it."""

    cell: int
    kind: Literal["sign-off", "review-note"]
    name: str
    at: str
    note: str
    key_id: str | None
    trusted: bool | None


class Verification(_Exact):
    """What a verification of a notebook found."""

    verified: bool
    as_written: bool
    cells: int
    head: str
    problems: list[RecordProblem]
    notes: list[str]
    signature: RecordSignature
    reviews: list[RecordReview]
    files: dict[str, Literal["as recorded", "changed", "not here"]]


class TraceWriter(_Exact):
    """The recorded cell that wrote a file."""

    number: int
    id: str
    turn: str
    request: str
    model: str | None
    started: str


class TraceStep(_Exact):
    """A statement on the way to a traced cell."""

    cell: int
    id: str
    line: int
    code: str


class TraceInput(_Exact):
    """A table that the code on the way has read."""

    file: str
    sheet: str
    columns: list[str]
    sha256: str
    changed: bool | None
    written_by: int | None


class CellTrace(_Exact):
    """Where a cell of a written file comes from.

    ``origin`` is a tree along formulas: ``value``, ``formula`` with ``precedents``, or
    ``computation`` and ``sources`` (file, sheet, columns, rows); with ``reason`` where it ends.
    """

    file: str
    sheet: str
    cell: str
    sha256: str
    writer: TraceWriter
    earlier: list[int]
    steps: list[TraceStep]
    variables: list[str]
    inputs: list[TraceInput]
    origin: dict[str, Any]
    notes: list[str]
    words: list[str]


class StaleCell(_Exact):
    """A cell whose inputs changed after it ran."""

    cell: str
    number: int
    names: dict[str, int]
    files: list[str]
    through: list[int]
    reason: str


class Staleness(_Exact):
    """The cells whose inputs changed after they ran."""

    stale: list[StaleCell]


class NotebookParameter(_Exact):
    """A constant that a request named; *value* is a text that a re-run reads as it was recorded."""

    name: str
    kind: Literal[
        "text",
        "yes-or-no",
        "whole-number",
        "number",
        "list",
        "mapping",
        "none",
        "computed",
        "other",
    ] = Field(description="`computed` and `other` can't be replaced.")
    value: str


class NotebookParameters(_Exact):
    """The parameters of all requests of a notebook, in the order they were first named."""

    parameters: list[NotebookParameter]


class RerunCell(_Exact):
    """The verdict on one code cell."""

    cell: int
    cell_id: str
    verdict: Literal["reproduced", "differs", "failed", "not-run", "incomplete"]
    detail: str


class RerunFile(_Exact):
    """The verdict on one file, or on an input that was not given."""

    name: str
    verdict: Literal["reproduced", "differs", "failed", "not-run", "incomplete"]
    detail: str


class RerunReport(_Exact):
    """What a re-run found; *exit_code* is that of ``tallybook rerun``."""

    verdict: Literal["reproduced", "differs", "failed", "not-run", "incomplete"]
    exit_code: Literal[0, 1, 3]
    changed: bool
    cells: list[RerunCell]
    files: list[RerunFile]
    replaced_inputs: list[str]
    repaired_cells: list[int]
    replayed_calls: int
    missing_responses: int


class RerunSummary(_Exact):
    """A re-run of the notebook with *of_sha256*: *cell* of *cells* have begun."""

    id: str
    status: Literal["waiting", "running", "finished", "failed", "cancelled", "interrupted"]
    at: str
    finished_at: str | None
    parameters: dict[str, Any]
    inputs: dict[str, str]
    twice: bool
    of_sha256: str
    cell: int
    cells: int
    verdict: str | None
    error: Error | None


class Rerun(RerunSummary):
    """A re-run, with its report once it has finished."""

    report: RerunReport | None


class Reruns(_Exact):
    """The re-runs of a notebook, the newest first."""

    reruns: list[RerunSummary]


class SignedOff(_Exact):
    """A reviewer's entry, as it was recorded."""

    kind: Literal["sign-off", "review-note"]
    user: str
    cell: int
    head: str


class Cleanup(_Exact):
    """What a clean-up did."""

    ended: int
    failed: int
    removed_conversations: int
    removed_uploads: int


class Me(_Exact):
    """The caller: name, roles, and what these let them do."""

    tenant: str
    user: str
    roles: list[str]
    scopes: list[Literal["read", "run", "rerun", "undo", "audit", "review", "admin"]]
    expires_at: str | None = Field(description="When their access token ends, if it does.")


class RemovedUser(_Exact):
    """A user, deleted."""

    user: str
    removed_conversations: int


class Retention(_Exact):
    """How long the service keeps what; 0 days: until a user deletes it."""

    conversation_days: float = Field(description="Without anything happening in it.")
    checkpoint_days: float
    checkpoints: int = Field(description="Of a path's files; 0 makes none.")
    kernel_idle_seconds: float = Field(description="Then an unused kernel is ended.")


class Health(_Exact):
    """Whether the service works, and with what."""

    status: Literal["ok", "degraded"]
    version: str
    sandbox: bool
    limits: str
    model: str | None
    kernels: int
    upload_limit_bytes: int
    retention: Retention


class Ready(_Exact):
    """Whether new turns are taken; each check with ``ok`` or the reason."""

    ready: bool
    checks: dict[str, str]


class Kernel(_Exact):
    """Jupyter's model of a kernel."""

    id: str
    name: str
    last_activity: str
    execution_state: str
    connections: int


class Kernels(RootModel[list[Kernel]]):
    """Jupyter's list of kernels."""


class JupyterSession(_Open):
    """Jupyter's model of a session."""

    id: str
    path: str
    name: str
    type: str
    kernel: Kernel


class JupyterSessions(RootModel[list[JupyterSession]]):
    """Jupyter's list of sessions."""


class JupyterObject(_Open):
    """An object as Jupyter's REST API describes it."""


class JupyterList(RootModel[list[dict[str, Any]]]):
    """A list as Jupyter's REST API describes it."""
