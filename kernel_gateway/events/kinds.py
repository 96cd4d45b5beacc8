"""Every kind of event and what it holds; the tables of docs/api.md and OpenAPI are made of it.

An event is stored and sent as ``{"seq", "kind", "turn", "at", "data"}``; the classes here
describe ``data``.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Outcome = Literal["ok", "error", "interrupted", "died", "blocked", "not-run"]


class EventData(BaseModel):
    """What an event of one kind holds."""

    # Built when a document or a test asks for them: the service only writes events.
    model_config = ConfigDict(extra="forbid", defer_build=True)


class FoundError(EventData):
    """An error: code, plain words, what to do next."""

    code: str
    message: str
    hint: str = ""
    details: dict[str, Any] = {}


class CellError(EventData):
    """Why a cell did not end well."""

    code: str
    message: str
    ename: str = Field("", description="The exception's class, of an error in the code.")


class NamedCell(EventData):
    """A cell that a restoration names."""

    cell: str
    reason: str


class NamedFile(EventData):
    """A file that a restoration names."""

    name: str
    reason: str


class SeenSheet(EventData):
    """A sheet as the model was sent it."""

    name: str
    header_row: int | None
    rows: int | None


class SeenWorkbook(EventData):
    """A workbook as the model was sent it."""

    file: str
    sheets: list[SeenSheet]
    problem: FoundError | None
    unchanged: bool = Field(description="An earlier request had its profile: now it was in short.")


class SeenHistory(EventData):
    """How many of the path's earlier requests and cells the model was sent, and how."""

    whole: int
    shortened: int = Field(description="With long texts cut.")
    digests: int = Field(description="In one line each.")
    left_out: int = Field(description="The oldest, of which only the number was given.")


class RiskFinding(EventData):
    """One thing in the code that is more than low risk."""

    line: int
    column: int
    tier: Literal["low", "medium", "high"]
    rule: str
    reason: str
    target: str
    capability: str


class TurnStarted(EventData):
    """A request begins to be worked on."""

    kind: Literal["turn", "execute", "jupyter", "merge", "undo"]
    user: str
    request: str | None = Field(None, description="The user's words, or what is merged.")


class SeenPastTurn(BaseModel):
    """A request of the same user in another conversation."""

    turn: str
    conversation: str


class SeenHits(BaseModel):
    """What was found for a request."""

    symbols: list[str] = Field([], description="Kind and name, as in `column Net Amount`.")
    functions: list[str] = Field([], description="Names of Excel's functions.")
    past_turns: list[SeenPastTurn] = []
    worked: list[SeenPastTurn] = Field([], description="Whose code worked on tables like these.")
    preferences: list[str] = Field([], description="Ids of the user's preferences.")


class ContextUsed(EventData):
    """What the model is sent before it answers."""

    workbooks: list[SeenWorkbook]
    files: list[str]
    variables: list[str] = Field(description="Names of live variables.")
    found: SeenHits = Field(description="What was found for the request.")
    history: SeenHistory
    tokens: dict[str, int] = Field(
        description="An upper estimate for each part (`system`, `workbooks`, `files`, "
        "`variables`, `state`, `symbols`, `functions`, `past_turns`, `preferences`, `worked`, "
        "`history`, `request`) and "
        "the `total`."
    )
    prompt: str = Field(description="The version of the system prompt.")
    kernel_is_new: bool
    state_note: str = Field(description="What a new kernel could not be given back.")


class RouteChosen(EventData):
    """Where the request is worked on: in the workbook open in Excel, or in Python on files."""

    way: Literal["office", "python"]
    reason: str
    operation: str = Field(
        description="The kind of operation that the request names, such as `merge`, `pivot`, "
        "`chart`, `clean`, `reconcile`; `other` without one."
    )


class ContextWaiting(EventData):
    """No kernel can be had just now: the path waits in line."""

    ahead: int = Field(description="How many wait before it.")
    reason: str


class ContextRestoring(EventData):
    """A new kernel's variables are being rebuilt."""

    cell: str = Field(description="The cell that runs again now.")
    done: int
    of: int


class ContextRestored(EventData):
    """A new kernel has as many variables as could be rebuilt."""

    replayed: int
    complete: bool
    failed: list[NamedCell]
    differs: list[NamedCell]
    not_replayed: list[NamedCell]
    seconds: float


class PathCreated(EventData):
    """The path was branched off."""

    source_path: str
    source_turn_id: str | None
    title: str


class PathMerged(EventData):
    """The path was merged into another one, and has ended."""

    into: str
    mode: Literal["summary", "full"]


class KernelMessageSeen(EventData):
    """A kernel's message for Jupyter clients that no `cell.started` or `cell.output` holds."""

    model_config = ConfigDict(extra="allow", defer_build=True)

    channel: str
    header: dict[str, Any]
    parent_header: dict[str, Any]
    metadata: dict[str, Any]
    content: dict[str, Any]
    buffers: list[str] = Field(description="In base64.")


class ModelText(EventData):
    """The model's words as they stream in; whole in `code.generated` or `turn.finished`."""

    text: str


class ModelRetrying(EventData):
    """The model's service failed; it is asked again."""

    attempt: int
    wait_seconds: float
    reason: str


class FileProfiling(EventData):
    """A large upload is being read."""

    name: str
    sha256: str
    share: float = Field(description="How much of it is done, from 0 to 1.")


class FileProfiled(EventData):
    """An upload was read: how many tables it has, or why it can't be read."""

    name: str
    sha256: str
    tables: int
    problem: FoundError | None


class ToolCalled(EventData):
    """The model looked something up without running code."""

    name: str
    arguments: dict[str, str]
    status: str


class OfficeWorkbook(EventData):
    """A workbook that is open in Excel."""

    name: str
    url: str = Field("", description="Where it is saved; empty for a new one.")


class OfficeRequested(EventData):
    """The pane is asked to do something in the workbook that is open in Excel."""

    id: str
    pane: str = Field(description="The pane that is to do it; others leave it alone.")
    workbook: OfficeWorkbook = Field(description="The one it is meant for, and no other.")
    tool: str
    arguments: dict[str, Any] = Field(description="By the tool; see `OfficeTools` in OpenAPI.")
    mutates: bool
    seconds: float = Field(description="Without an `office.reply` in this time it has failed.")


class OfficeError(EventData):
    """Why Excel or its pane did not do it."""

    code: str
    message: str
    hint: str = ""


class OfficeReplied(EventData):
    """The pane has replied, or will not any more."""

    id: str
    tool: str
    status: Literal["ok", "error"]
    summary: str = Field(description="What was done, in the pane's words.")
    error: OfficeError | None = None


class CodeGenerated(EventData):
    """The model wrote code."""

    code: str
    language: str | None = Field(None, description="Its language, if it is not Python.")
    parameters: dict[str, Any] = Field(description="Constants the request named.")
    comment: str
    model: str | None
    tokens: dict[str, int]


class RiskAssessed(EventData):
    """The code was read by the risk check."""

    risk: Literal["low", "medium", "high"]
    findings: list[RiskFinding]
    imports: list[str]
    syntax_error: str


class AskedCall(EventData):
    """A call of the network that the code holds."""

    method: str
    url: str = Field(description="As far as it is known; empty if only the running code knows.")
    host: str
    exact: bool = Field(description="The whole path is known; else all below it is asked for.")
    body: bool = Field(description="Data would leave as the call's body.")
    body_bytes: int | None = Field(description="Its size, if it is a text in the code.")
    variables: list[str] = Field(description="Whose values go into body, query or headers.")
    always: str = Field(description="What `always` would cover: method, address, `*` for below.")


class PlannedStep(EventData):
    """A step of the model's plan."""

    number: int
    title: str
    code: str = Field(description="Its code, if the plan has it; else empty.")
    status: Literal["waiting", "running", "done", "failed", "skipped"]


class PermissionRequired(EventData):
    """The code waits for a decision."""

    id: str
    explanation: str
    capabilities: list[str]
    imports: list[str]
    targets: list[str]
    preview: str = Field(description="The code.")
    findings: list[RiskFinding]
    network: list[AskedCall] | None = Field(
        None, description="Whom it would call, and what would leave."
    )
    always: list[str] | None = Field(
        None, description="What a standing permission covers, for each capability."
    )
    mode: str | None = Field(None, description="The mode that asks: `preview`, `step`; else empty.")
    plan: list[PlannedStep] | None = Field(
        None, description="The steps that the model means to take, if a mode asks."
    )
    expires_at: float = Field(description="Seconds since 1970; then no reply counts as denied.")


class PermissionDecided(EventData):
    """Somebody, or the clock, decided."""

    id: str
    decision: Literal["once", "always", "until", "deny", "timeout"]
    who: str | None
    until: float | None = Field(
        None, description="When a permission that was given until a time ends; seconds since 1970."
    )


class ModeFacts(EventData):
    """A mode of a conversation."""

    name: Literal["auto", "preview", "step", "read-only", "autonomous"]
    scope: list[str] = Field(description="Capabilities that need no further permission.")
    ends_at: float | None = Field(description="Seconds since 1970.")
    cells: int | None = Field(description="How many more cells may run in it.")


class ModeChanged(EventData):
    """The conversation works in another mode from its next cell on."""

    mode: ModeFacts
    why: Literal["set", "ended", "spent"] = Field(
        description="`set` by a user; or an autonomous mode has `ended`, or its cells are `spent`."
    )
    who: str | None = Field(description="The user who set it.")


class PlanMade(EventData):
    """The model says which steps it means to take; a later plan of a turn replaces the earlier."""

    steps: list[PlannedStep]


class PlanStepped(EventData):
    """A step of the plan has got on."""

    number: int
    title: str
    status: Literal["waiting", "running", "done", "failed", "skipped"]
    done: int = Field(description="How many steps are done.")
    of: int
    cell: str | None = Field(None, description="The cell that does it.")


class NetworkCalled(EventData):
    """A cell, or the model, called an address, or was not allowed to."""

    cell: str | None = Field(description="None if the model's `fetch_url` called.")
    method: str
    url: str
    at: str
    request_bytes: int = Field(description="Of the body that left.")
    request_sha256: str
    grant: str | None = Field(description="`once`, or the id of the standing permission.")
    secrets: list[str] = Field(description="Names of the operator's secrets that were added.")
    status: int | None = Field(description="Of the response; none if there was no response.")
    reason: str = ""
    headers: list[list[str]] = Field([], description="Of the response.")
    response_bytes: int | None = Field(None, description="Of the response's body.")
    sha256: str | None = Field(
        None, description="Of the response's body, which is kept for re-runs; none if it is not."
    )
    problem: str = Field("", description="Why it was refused, or failed.")


class CellStarted(EventData):
    """A cell begins to run."""

    cell: str
    code: str
    language: str | None = Field(None, description="Its language, if it is not Python.")
    tags: list[str]
    messages: list[dict[str, Any]] | None = Field(
        None, description="The kernel's messages about it, while Jupyter clients use the kernel."
    )


class CellOutput(EventData):
    """A cell showed something."""

    cell: str
    output: dict[str, Any] = Field(
        description="An nbformat output, an `update_display_data` like it, or a `clear_output`."
    )
    late: bool = Field(
        default=False,
        description="The cell had ended, but a thread of it prints on; not in the record.",
    )
    message: dict[str, Any] | None = Field(
        None,
        description="The rest of the kernel's message, while Jupyter clients use the kernel: "
        "`header`, `parent_header`, `metadata`; what the output lacks of `content` and `buffers`.",
    )


class CellFinished(EventData):
    """A cell has ended and is recorded."""

    cell: str
    status: Outcome
    seconds: float | None
    execution_count: int | None = None
    error: CellError | None = None


class FileCreated(EventData):
    """A file is new, or has new content."""

    name: str
    size: int
    sha256: str
    cell: str | None = Field(None, description="The cell that made it.")
    user: str | None = Field(None, description="Who uploaded it or put it back.")


class NotKept(EventData):
    """A file whose content a checkpoint does not keep."""

    name: str
    size: int
    reason: str


class CheckpointCreated(EventData):
    """What the files held was kept, before something changes them."""

    checkpoint: str
    cell: str | None = Field(description="The cell that runs next; none before an undo.")
    reason: Literal["cell", "undo"]
    files: int
    size: int = Field(description="Bytes of all files.")
    not_kept: list[NotKept] = Field(description="Files that can't be had back, with the reason.")


class CheckpointSkipped(EventData):
    """No checkpoint could be made."""

    cell: str | None
    message: str
    files: int
    size: int


class RebuiltVariables(EventData):
    """What became of the variables."""

    recomputed: list[str] = Field(description="Names that the cells in force gave again.")
    uncertain: list[str] = Field(description="Set by a cell that showed something else this time.")
    lost: list[str] = Field(description="Names that could not be had again.")
    gone: list[str] = Field(description="Names that only undone cells had set.")
    pending: str = Field(description="Why they are rebuilt only before the next cell.")


class UndoResult(EventData):
    """What an undo put back."""

    turn: str
    what: str = Field(description="In plain words.")
    checkpoint: str | None = Field(description="The checkpoint that was restored, if one was.")
    to_turn: str | None = Field(description="The request after which the path stands again.")
    inverse: str | None = Field(description="The checkpoint of the files before this.")
    restored: list[str] = Field(description="Files put back.")
    removed: list[str]
    not_restored: list[NamedFile] = Field(description="Files left as they are, with the reason.")
    undone: list[str] = Field(description="Cells that do not count any more.")
    redone: list[str] = Field(description="Cells that count again.")


class HistoryRestored(UndoResult):
    """Somebody put files, or files and variables, back to what they were."""

    user: str


class CheckpointsDeleted(EventData):
    """Checkpoints were deleted by a user."""

    user: str
    checkpoints: list[str]
    freed: int = Field(description="Bytes.")


class CheckFinding(EventData):
    """One thing that is wrong with a written workbook."""

    code: str
    message: str
    hint: str
    count: int


class CountedCells(EventData):
    """Formula cells of one kind."""

    count: int
    cells: list[str] = Field(description="The first of them, as `Sheet!A1`.")


class ComputedFormulas(EventData):
    """The formulas of a workbook were computed, and their values stored in it."""

    message: str = Field(description="All of it in one line.")
    problem: str | None = Field(None, description="Why nothing was computed.")
    formulas: int | None = None
    computed: int | None = Field(None, description="Those with a value now.")
    errors: dict[str, CountedCells] | None = Field(None, description="By error, as `#REF!`.")
    without_value: dict[str, CountedCells] | None = Field(None, description="By reason.")
    cells: dict[str, bool | int | float | str] | None = Field(
        None, description="Up to 40 cells with their values: errors first, then the last rows."
    )


class WorkbookChecked(EventData):
    """A workbook that a cell has written was checked."""

    cell: str
    name: str
    findings: list[CheckFinding] = Field(description="Empty if nothing is wrong.")
    computed: ComputedFormulas | None = Field(
        None, description="If the cell wrote formulas without values."
    )


class TiedTable(EventData):
    """A table that was read or written."""

    file: str
    sheet: str
    rows: int | None
    total_rows: int


class RowsLeftOut(EventData):
    """Rows that a step of the code left out."""

    rows: int | None = Field(description="Empty if they were not counted alone.")
    why: str
    line: int
    cell: str


class TiedSum(EventData):
    """The sum of one column, before and after."""

    name: str
    before: float
    after: float
    ties: bool | None
    why: str


class ResultChecked(EventData):
    """What a cell has written was tied out against what was read."""

    cell: str
    status: Literal["tied-out", "suspicious", "not-tied-out"]
    line: str = Field(description="All of it in one line.")
    read: list[TiedTable] = Field(description="Rows, total rows included.")
    written: list[TiedTable]
    left_out: list[RowsLeftOut]
    sums: list[TiedSum] = Field(description="The most relevant columns first.")
    findings: list[CheckFinding] = Field(description="What is suspicious.")
    why: str = Field(description="Why it is not tied out.")


class CellStale(EventData):
    """A cell has changed what an earlier one used, whose results are of an earlier state."""

    cell: str = Field(description="The stale cell.")
    number: int = Field(description="Its place in the notebook, from 1.")
    names: dict[str, int] = Field(description="Variable → number of the cell that changed it.")
    files: list[str] = Field(description="Files that are not those it read.")
    through: list[int] = Field(description="Numbers of stale cells whose variables it used.")
    certain: bool = Field(description="`false` if code that can't be followed may have changed it.")
    reason: str = Field(description="All of it in a sentence.")
    by: str = Field(description="The cell that changed it.")


class EgressFinding(EventData):
    """Something that was found on its way out; its value is nowhere."""

    kind: Literal["secret", "card", "iban", "national-id", "email", "phone"]
    rule: str
    action: Literal["warn", "redact", "block"]
    count: int


class OutputRedacted(EventData):
    """What leaves the kernel held something that a policy names."""

    towards: Literal["model", "client"]
    findings: list[EgressFinding]
    cell: str | None = Field(None, description="The cell that showed it, towards clients.")


class Contradicted(EventData):
    """Something that an answer says, and the fact that says otherwise."""

    claim: str
    fact: str


class AnswerChecked(EventData):
    """An answer says what nothing bears out."""

    contradicted: list[Contradicted] = Field(description="By checks and tie-outs.")
    not_from_a_result: list[str] = Field(
        description="Numbers that no output, file, request or code has, as the answer writes them."
    )
    stopped: bool = Field(
        description="The model answers again; else this is said below the answer."
    )


class ErrorSeen(EventData):
    """A request could not be answered."""

    error: FoundError


class RecordedCell(EventData):
    """A cell of the notebook, as it was recorded."""

    number: int = Field(description="Its position, from 1.")
    cell: str
    hash: str = Field(description="Its hash in the notebook's chain.")


class NotebookRecorded(EventData):
    """Entries were recorded outside of a request: a restart of the kernel, a review."""

    recorded: list[RecordedCell]


class RerunProgress(EventData):
    """A re-run of the notebook waits, or has come further."""

    rerun: str
    status: Literal["waiting", "running"]
    cell: int = Field(description="How many of its cells have begun.")
    cells: int = Field(description="How many there are; 0 until that is known.")


class RerunFinished(EventData):
    """A re-run of the notebook has ended; its record has the report."""

    rerun: str
    status: Literal["finished", "failed", "cancelled", "interrupted"]
    verdict: str | None = Field(None, description="Of the whole report, if there is one.")
    error: FoundError | None = Field(None, description="Why there is no report.")


class TurnFinished(EventData):
    """A request has ended."""

    status: Literal["ok", "error", "cancelled", "interrupted"]
    answer: str | None = Field(None, description="In plain words, of a model's turn.")
    outcome: Outcome | None = Field(None, description="Of code that was sent.")
    outputs: list[dict[str, Any]] | None = None
    execution_count: int | None = None
    seconds: float | None = None
    merged: str | None = Field(None, description="The path that was merged.")
    mode: str | None = None
    cells: int | None = None
    undo: UndoResult | None = Field(None, description="What an undo put back.")
    variables: RebuiltVariables | None = Field(None, description="Of an undo.")
    error: FoundError | None = None
    notebook_head: str | None = Field(None, description="Hash of the last recorded cell.")
    recorded: list[RecordedCell] | None = Field(
        None, description="The cells that the request recorded; they cross-check the notebook."
    )


KINDS: dict[str, type[EventData]] = {
    "turn.started": TurnStarted,
    "context.used": ContextUsed,
    "route.chosen": RouteChosen,
    "context.waiting": ContextWaiting,
    "context.restoring": ContextRestoring,
    "context.restored": ContextRestored,
    "path.created": PathCreated,
    "path.merged": PathMerged,
    "kernel.message": KernelMessageSeen,
    "model.text": ModelText,
    "model.retrying": ModelRetrying,
    "tool.called": ToolCalled,
    "office.requested": OfficeRequested,
    "office.replied": OfficeReplied,
    "code.generated": CodeGenerated,
    "risk.assessed": RiskAssessed,
    "permission.required": PermissionRequired,
    "permission.decided": PermissionDecided,
    "mode.changed": ModeChanged,
    "plan.made": PlanMade,
    "plan.step": PlanStepped,
    "network.called": NetworkCalled,
    "cell.started": CellStarted,
    "cell.output": CellOutput,
    "cell.finished": CellFinished,
    "file.created": FileCreated,
    "file.profiling": FileProfiling,
    "file.profiled": FileProfiled,
    "workbook.checked": WorkbookChecked,
    "result.checked": ResultChecked,
    "cell.stale": CellStale,
    "answer.checked": AnswerChecked,
    "output.redacted": OutputRedacted,
    "checkpoint.created": CheckpointCreated,
    "checkpoint.skipped": CheckpointSkipped,
    "history.restored": HistoryRestored,
    "history.deleted": CheckpointsDeleted,
    "error": ErrorSeen,
    "notebook.recorded": NotebookRecorded,
    "rerun.progress": RerunProgress,
    "rerun.finished": RerunFinished,
    "turn.finished": TurnFinished,
}
