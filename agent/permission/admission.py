"""Admit or refuse a cell by size, risk and permission; record a refusal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from opentelemetry import trace

from agent.budget import TurnBudget
from agent.cells.file_hashes import FileHashes
from agent.context.profiler import Profiler
from agent.errors import CodeTooLong
from agent.learned import Learned, NothingLearned
from agent.modes import AUTO, AlwaysAuto, Mode, Modes
from agent.permission.approval import (
    WORDS,
    approve,
    new_permission_id,
    plan_facts,
    preview_of,
    waits_for_user,
)
from agent.permission.installed import LIBRARY_RULES, why_absent
from agent.permission.network import is_covered, what_always_covers
from agent.permission.network_calls import NetworkCall, call_to_json, call_words, network_calls
from agent.permission.risk.assess import assess
from agent.permission.risk.client_scripts import is_known_script
from agent.permission.risk.findings import (
    NETWORK_RULES,
    Assessment,
    Finding,
    assessment_to_json,
    finding_to_json,
)
from agent.permission.risk.languages import assess_in
from agent.ports import (
    Approver,
    Decision,
    EventSink,
    Model,
    Office,
    PastTurns,
    PathRuntime,
    PermissionRequest,
)
from agent.prompts.render import prompt_version
from agent.turn_state import PendingCode, TurnState
from notebooks.record.cells import PYTHON, CellIntent, Execution, Provenance, new_cell_id

tracer = trace.get_tracer("tallybook")
SHORT_CHARACTERS = 4000
RECORDED_CHARACTERS = 100_000
"""How much of refused code the notebook keeps."""
ANY_URL = "network:url"
"""The capability of a URL that only the running code knows."""
NETWORK, FILE = "network", "file:"
"""Permissions of the kernel's audit hook: connections; and, with a path, a file outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnPorts:
    """The interfaces and limits that a turn uses.

    Attributes:
        model: Generates the code; ``None`` for code that a client sent.
        runtime: Where cells run and are recorded.
        approver: Asks the user.
        sink: Receives the events.
        profiler: Profiles the workbooks.
        hashes: Caches the workspace's file hashes.
        past: Has the endings of earlier turns.
        save: Stores the turn's state, so that a restart can resume it.
        own_code: The user typed the code in a Jupyter client: ``risk.assessed`` is emitted only
            if there is a finding.
        office: Reaches the workbook open in Excel; ``None`` where no pane can be.
        budget: The turn's limits.
        user: Who asked, for the record.
        modes: The conversation's mode.
        learned: What is learned of the user.
    """

    model: Model | None
    runtime: PathRuntime
    approver: Approver
    sink: EventSink
    profiler: Profiler
    hashes: FileHashes
    past: PastTurns
    save: Callable[[TurnState], Awaitable[None]]
    own_code: bool = False
    office: Office | None = None
    budget: TurnBudget = field(default_factory=TurnBudget)
    user: str = ""
    modes: Modes = field(default_factory=AlwaysAuto)
    learned: Learned = field(default_factory=NothingLearned)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The decision of `admit`.

    Attributes:
        provenance: The cell's provenance, for the record.
        outcome: ``None`` when it may run; else the outcome recorded for it.
        reason: Why it may not run.
        granted: Permissions beyond those of every cell, for the kernel's audit hook.
        kept: The files that are kept whatever the cell writes, name → sha256, where it works on a
            copy; ``None`` where what it writes is kept.
    """

    provenance: Provenance
    outcome: Literal["blocked", "not-run"] | None = None
    reason: str = ""
    granted: tuple[str, ...] = ()
    kept: Mapping[str, str] | None = None

    @property
    def refusal(self) -> Execution | None:
        """The execution of code that may not run; ``None`` when it may."""
        if self.outcome is None:
            return None
        error = {"code": self.outcome, "message": self.reason}
        return Execution(outcome=self.outcome, error=error)


async def admit(state: TurnState, pending: PendingCode, ports: TurnPorts) -> Admission:
    """Decide whether *pending* may run; ask the user if its risk is medium, or the mode says so.

    Emits ``risk.assessed``. Refused code is recorded in the notebook as a raw cell with its
    outcome, and ``cell.finished`` is emitted. Of very long code only the beginning is kept.
    """
    size = len(pending.code.encode("utf-8", "surrogatepass"))
    if size > ports.budget.code_bytes:
        too_long = Admission(
            provenance=_provenance(state, pending, ports, Assessment(), None),
            outcome="not-run",
            reason=str(CodeTooLong(size, ports.budget.code_bytes)),
        )
        await _record_refusal(pending, too_long, ports)
        return too_long
    with tracer.start_span("risk.assess") as span:
        assessment = await _assess(pending.code, pending.language)
        findings = len(assessment.findings)
        span.set_attributes({"turn": state.id, "risk": assessment.tier, "findings": findings})
    if pending.permission_id is None and (
        assessment.findings or assessment.syntax_error or not ports.own_code
    ):
        await ports.sink.emit("risk.assessed", assessment_to_json(assessment))
    decision = None
    calls = network_calls(pending.code) if assessment.wants_network else ()
    outcome: Literal["blocked", "not-run"] | None = None
    reason = ""
    if assessment.syntax_error:
        outcome, reason = "not-run", assessment.syntax_error
    elif assessment.tier == "high":
        outcome, reason = "blocked", assessment.reasons
    elif absent := await _absent_libraries(pending, assessment, ports):
        outcome, reason = "not-run", absent
    else:
        decision = await _decision(state, pending, ports, assessment, calls)
        if decision is not None and not decision.allowed:
            why = "no reply came in time" if decision.decision == "timeout" else "the user said no"
            outcome = "blocked"
            reason = f"It was not allowed to run: {why}. {assessment.reasons}".strip()
    provenance = _provenance(state, pending, ports, assessment, decision)
    admission = Admission(
        provenance=provenance,
        outcome=outcome,
        reason=reason,
        granted=granted_to(assessment, calls, decision) if outcome is None else (),
        kept=await _kept(ports) if outcome is None else None,
    )
    await _record_refusal(pending, admission, ports)
    return admission


async def _absent_libraries(pending: PendingCode, assessment: Assessment, ports: TurnPorts) -> str:
    """Return why code can't run that needs permission for a library which is not there."""
    asks = any(finding.rule in LIBRARY_RULES for finding in assessment.findings)
    if not asks or pending.language != PYTHON or pending.permission_id is not None:
        return ""
    return await why_absent(pending.code, assessment, await ports.runtime.session())


async def _decision(
    state: TurnState,
    pending: PendingCode,
    ports: TurnPorts,
    assessment: Assessment,
    calls: Sequence[NetworkCall],
) -> Decision | None:
    """Return the decision on *pending*; ``None`` where neither its risk nor the mode needs one."""
    asked = pending.permission_id is not None  # before a restart
    mode = await (ports.modes.current() if asked else ports.modes.begin_cell())
    waits = waits_for_user(mode, state, pending)
    if not (waits or asked or assessment.tier == "medium"):
        return None
    decision = await _decide(state, pending, ports, assessment, calls, mode if waits else AUTO)
    if decision.allowed and (waits or asked):
        approve(state, pending)
    return decision


async def _kept(ports: TurnPorts) -> Mapping[str, str] | None:
    """Have an admitted cell work on a copy where the conversation is read-only by now."""
    if (await ports.modes.current()).name != "read-only":
        return None
    return await ports.modes.on_a_copy()


async def _assess(code: str, language: str) -> Assessment:
    """Assess *code*; long code in a thread, so that the event loop goes on."""
    if len(code) < SHORT_CHARACTERS:
        return assess_in(language, code)
    return await asyncio.to_thread(assess_in, language, code)


def granted_to(
    assessment: Assessment, calls: Sequence[NetworkCall] = (), decision: Decision | None = None
) -> tuple[str, ...]:
    """Return the permissions of code that was allowed to run.

    For the kernel's audit hook that it may connect, and its files; for the network broker what
    was granted to this run alone. The broker looks up standing permissions itself, so that a
    revoked one ends at once.
    """
    files = tuple(f"{FILE}{f.target}" for f in assessment.findings if f.rule == "path")
    if not assessment.wants_network:
        return files
    once = decision is not None and decision.decision == "once"
    targets = [call.target.capability for call in calls if call.target] if once else []
    return (NETWORK, *files, *dict.fromkeys(targets))


def asked_for(assessment: Assessment, calls: Sequence[NetworkCall]) -> tuple[str, ...]:
    """Return the capabilities to ask for: those of the findings, and the network's targets."""
    targets = dict.fromkeys(call.target.capability for call in calls if call.target)
    whole = bool(targets) and all(call.target for call in calls)
    # Where each address is known, there is no need of the one for any.
    names = [name for name in assessment.capabilities if not (whole and name == ANY_URL)]
    return (*names, *targets)


def unseen_refusal(text: str) -> str:
    """Return why *text*, which is not recorded in the notebook, may not run; else ``""``.

    The user can't be asked about it. Medium-risk text runs without any permission, within
    the sandbox that every cell has.

    Args:
        text: Code or an expression that a Jupyter client runs for itself.
    """
    if is_known_script(text):
        return ""
    assessment = assess(text)
    if assessment.syntax_error:
        return assessment.syntax_error
    return assessment.reasons if assessment.tier == "high" else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayVerdict:
    """Whether a recorded cell may run again without asking.

    Attributes:
        refusal: Why not, in plain words; empty when it may.
        granted: As `Admission.granted`.
    """

    refusal: str = ""
    granted: tuple[str, ...] = ()


async def judge_replay(
    source: str, held: Collection[str], language: str = PYTHON, *, offline: bool = False
) -> ReplayVerdict:
    """Check a recorded cell again before a replay; a "once" permission covered one run only.

    Args:
        source: The cell's code.
        held: Capabilities that the user's standing grants cover.
        language: The code's language.
        offline: Its network calls get their recorded responses and nothing is sent, so that they
            need no permission.
    """
    assessment = await _assess(source, language)
    if assessment.syntax_error or assessment.tier == "high":
        return ReplayVerdict(refusal=f"the risk check refuses it. {assessment.reasons}".strip())
    if offline:
        kept = tuple(f for f in assessment.findings if f.rule not in NETWORK_RULES)
        assessment = replace(assessment, findings=kept)
    calls = network_calls(source) if assessment.wants_network else ()
    missing = [name for name in asked_for(assessment, calls) if not is_covered(name, held)]
    if missing:
        wanted = ", ".join(missing)
        return ReplayVerdict(refusal=f"it was allowed for one run ({wanted}); ask for it again")
    return ReplayVerdict(granted=granted_to(assessment))


def _provenance(
    state: TurnState,
    pending: PendingCode,
    ports: TurnPorts,
    assessment: Assessment,
    decision: Decision | None,
) -> Provenance:
    return Provenance(
        turn_id=state.id,
        request=state.request,
        model=ports.model.name if ports.model else None,
        model_version=pending.version,
        prompt=prompt_version() if ports.model else None,
        tokens=pending.tokens,
        risk=assessment.tier,
        findings=tuple(finding_to_json(finding) for finding in assessment.findings),
        decision=_decision_facts(decision),
    )


def _decision_facts(decision: Decision | None) -> Mapping[str, Any] | None:
    if decision is None:
        return None
    return {
        "decision": decision.decision,
        "who": decision.who,
        "at": decision.at,
        "grant": decision.grant,
    }


async def _record_refusal(pending: PendingCode, admission: Admission, ports: TurnPorts) -> None:
    """Record *pending* and emit its end, if *admission* refuses it."""
    refused = admission.refusal
    if refused is None:
        return
    source = pending.code
    if len(source) > RECORDED_CHARACTERS:
        source = f"{source[:RECORDED_CHARACTERS]}\n# … {len(source):,} characters in all"
    intent = CellIntent(
        id=new_cell_id(), source=source, provenance=admission.provenance, language=pending.language
    )
    await ports.runtime.recorder.refuse(intent, refused)
    facts = {"status": refused.outcome, "seconds": 0.0, "error": refused.error}
    finished = {"cell": intent.id, **facts}
    await ports.sink.emit("cell.finished", finished)


async def _decide(
    state: TurnState,
    pending: PendingCode,
    ports: TurnPorts,
    assessment: Assessment,
    calls: Sequence[NetworkCall],
    mode: Mode,
) -> Decision:
    """Return the user's decision; *mode* is the one that asks, ``auto`` if the risk does."""
    if pending.permission_id is None:
        if mode.name == "auto" and (
            granted := await ports.approver.granted(asked_for(assessment, calls))
        ):
            return granted
        pending.permission_id = new_permission_id()
        await ports.save(state)
    return await ports.approver.ask(permission_request(pending, assessment, calls, mode, state))


def permission_request(
    pending: PendingCode,
    assessment: Assessment,
    calls: Sequence[NetworkCall] = (),
    mode: Mode = AUTO,
    state: TurnState | None = None,
) -> PermissionRequest:
    """Build the request to run code: for its risk, for the conversation's *mode*, or for both."""
    asked = [finding for finding in assessment.findings if finding.tier == "medium"]
    reasons = "; ".join(dict.fromkeys(finding.reason for finding in asked))
    note = f" {call_words(calls)}" if assessment.wants_network else ""
    capabilities = asked_for(assessment, calls)
    why = [WORDS[mode.name]] if mode.name in WORDS else []
    why += [f"The code needs your permission: {reasons}.{note}"] if reasons else []
    return PermissionRequest(
        id=pending.permission_id or "",
        capabilities=capabilities,
        explanation=" ".join(why),
        imports=assessment.imports,
        targets=_targets(asked, calls),
        preview=preview_of(pending) if mode.name in WORDS else pending.code,
        findings=tuple(finding_to_json(finding) for finding in asked),
        network=tuple(call_to_json(call) for call in calls),
        always=tuple(what_always_covers(name) for name in capabilities),
        mode=mode.name if mode.name in WORDS else "",
        plan=tuple(plan_facts(state.plan)) if mode.name in WORDS and state is not None else (),
    )


def _targets(asked: Sequence[Finding], calls: Sequence[NetworkCall]) -> tuple[str, ...]:
    known = [call.url for call in calls if call.url]
    named = [finding.target for finding in asked if finding.rule != "url" or not known]
    return tuple(dict.fromkeys([*named, *known]))
