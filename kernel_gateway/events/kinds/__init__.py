"""Every kind of event and what it holds; the tables of docs/api.md and OpenAPI are made of it.

An event is stored and sent as ``{"seq", "kind", "turn", "at", "data"}``; the classes here
describe ``data``.
"""

from __future__ import annotations

from kernel_gateway.events.kinds.base import EventData
from kernel_gateway.events.kinds.cells import (
    CellChecking,
    CellFinished,
    CellOutput,
    CellStale,
    CellStarted,
    KernelMessageSeen,
    NetworkCalled,
)
from kernel_gateway.events.kinds.checks import (
    AnswerChecked,
    OutputRedacted,
    ResultChecked,
    WorkbookChecked,
)
from kernel_gateway.events.kinds.context import (
    ContextRestored,
    ContextRestoring,
    ContextUsed,
    ContextWaiting,
    RouteChosen,
)
from kernel_gateway.events.kinds.files import (
    CheckpointCreated,
    CheckpointsDeleted,
    CheckpointSkipped,
    FileCreated,
    FileProfiled,
    FileProfiling,
    HistoryRestored,
)
from kernel_gateway.events.kinds.model import (
    CodeGenerated,
    ModelRetrying,
    ModelText,
    OfficeReplied,
    OfficeRequested,
    ToolCalled,
)
from kernel_gateway.events.kinds.permission import (
    ModeChanged,
    PermissionDecided,
    PermissionRequired,
    PlanMade,
    PlanStepped,
    RiskAssessed,
)
from kernel_gateway.events.kinds.turns import (
    ErrorSeen,
    NotebookRecorded,
    PathCreated,
    PathMerged,
    RerunFinished,
    RerunProgress,
    TurnFinished,
    TurnStarted,
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
    "cell.checking": CellChecking,
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
