// What each kind of event changes.
import type { EgressFinding, EventData } from "../api/events";
import { addOutput, LATE } from "../outputs/fold";
import { type Draft, newCell } from "./draft";
import type { CellStatus, Step, Turn } from "./model";

const plural = (count: number, one: string, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

const PYTHON = "python";

export type Handler<K extends keyof EventData> = (
  draft: Draft,
  data: EventData[K],
  turn: Turn | null,
  at: number,
) => void;

/** Logs of earlier versions may lack a list that today's events have. */
const list = <T>(value: readonly T[] | null | undefined): readonly T[] => (Array.isArray(value) ? value : []);

/** *findings* with those of one rule and action counted together. */
function summed(findings: readonly EgressFinding[]): EgressFinding[] {
  const found = new Map<string, EgressFinding>();
  for (const each of findings) {
    const key = JSON.stringify([each.rule, each.action]);
    found.set(key, { ...each, count: (found.get(key)?.count ?? 0) + each.count });
  }
  return [...found.values()];
}

export const HANDLERS: { [K in Exclude<keyof EventData, "turn.started">]?: Handler<K> } = {
  "context.used": (_, data, turn) => {
    if (!turn) return;
    turn.sources = data;
    turn.doing = "Thinking";
  },
  "route.chosen": (_, data, turn) => {
    if (turn) turn.route = data;
  },
  "context.waiting": (draft, data, turn) => {
    const words = `Waiting for a free kernel, ${plural(data.ahead, "request")} ahead: ${data.reason}`;
    if (turn) turn.doing = words;
    else draft.state.waiting = words;
  },
  "context.restoring": (_, data, turn) => {
    if (turn) turn.doing = `Bringing variables back: step ${data.done + 1} of ${data.of}`;
  },
  "context.restored": (_, data, turn) => {
    if (!turn || data.replayed === 0) return;
    turn.doing = "Thinking";
    const lost = data.failed.length + data.differs.length + data.not_replayed.length;
    turn.steps.push({
      type: "note",
      tone: data.complete ? "info" : "warning",
      text: data.complete
        ? `Variables are back: ${plural(data.replayed, "earlier step")} ran again in ${data.seconds.toFixed(1)} s.`
        : `Some variables may differ from before: ${plural(lost, "earlier step")} could not be repeated. Run those steps again if you need them.`,
    });
  },
  "path.created": (draft, data) => {
    draft.state.source = { path: data.source_path, turn: data.source_turn_id };
  },
  "path.merged": (draft, data) => {
    draft.state.mergedInto = data.into;
  },
  "kernel.message": () => undefined,
  "model.text": (_, data, turn) => {
    if (!turn) return;
    turn.draft += data.text;
    turn.doing = "Writing";
  },
  "model.retrying": (_, data, turn) => {
    if (!turn) return;
    turn.draft = "";
    turn.doing = `The model is not available; asking again in ${Math.ceil(data.wait_seconds)} s`;
  },
  "code.generated": (_, data, turn) => {
    if (!turn) return;
    turn.draft = "";
    if (data.comment) turn.steps.push({ type: "text", text: data.comment });
    turn.steps.push(newCell(data.code, null, data.language ?? PYTHON));
    turn.doing = "Checking the code";
  },
  "risk.assessed": (draft, data, turn) => {
    const cell = turn && draft.cell(turn, (each) => each.id === null);
    if (!cell) return;
    cell.risk = data.risk;
    cell.findings = data.findings;
  },
  "permission.required": (_, data, turn) => {
    if (!turn) return;
    turn.steps.push({ type: "permission", asked: data, decision: null, who: null, until: null });
    turn.status = "waiting";
    turn.doing = "Waiting for your permission";
  },
  "permission.decided": (_, data, turn) => {
    if (!turn) return;
    turn.status = "running";
    turn.doing = data.decision === "deny" || data.decision === "timeout" ? "Thinking" : "Starting";
    turn.steps = turn.steps.map((step) =>
      step.type === "permission" && step.asked.id === data.id
        ? { ...step, decision: data.decision, who: data.who, until: data.until == null ? null : data.until * 1000 }
        : step,
    );
  },
  "mode.changed": (draft, data, turn) => {
    draft.state.modeRevision += 1;
    if (!turn || data.why === "set") return;
    const why = data.why === "spent" ? "all of its cells have run" : "its time is over";
    turn.steps.push({ type: "note", tone: "info", text: `The conversation asks again from here on: ${why}.` });
  },
  "plan.made": (_, data, turn) => {
    if (turn) turn.plan = list(data.steps);
  },
  "plan.step": (_, data, turn) => {
    if (!turn) return;
    turn.plan = turn.plan.map((step) => (step.number === data.number ? { ...step, status: data.status } : step));
    if (data.status === "running") turn.doing = `Step ${data.number} of ${data.of}: ${data.title}`;
  },
  "cell.started": (draft, data, turn, at) => {
    if (!turn) return;
    const parameters = data.tags.includes("parameters");
    let cell = parameters ? null : draft.cell(turn, (each) => each.id === null);
    if (!cell) {
      // The cell of parameters runs before the one that was written.
      const before = turn.steps.findLastIndex((step) => step.type === "cell" && step.id === null);
      turn.steps.splice(before < 0 ? turn.steps.length : before, 0, newCell(data.code, data.cell, data.language ?? PYTHON, parameters));
      cell = draft.cell(turn, (each) => each.id === data.cell);
    }
    if (!cell) return;
    Object.assign(cell, { id: data.cell, code: data.code, language: data.language ?? PYTHON, status: "running", startedAt: at });
    turn.status = "running";
    if (!turn.plan.some((step) => step.status === "running")) turn.doing = "Running the code";
  },
  "cell.output": (draft, data, turn) => {
    const raw = data.output as Record<string, unknown>;
    if (raw.output_type === "update_display_data") {
      draft.display(raw);
      return;
    }
    const cell = (turn && draft.cell(turn, (each) => each.id === data.cell)) ?? draft.anyCell(data.cell);
    if (cell) addOutput(cell.outputs, data.late && raw.output_type === "stream" ? { ...raw, name: LATE } : raw);
  },
  "cell.checking": (_, data, turn) => {
    if (!turn) return;
    const names = list(data.names).map((name) => name.split("/").at(-1)).join(", ");
    turn.doing = data.step === "formulas" ? `Computing the formulas of ${names}` : `Checking ${names}`;
  },
  "cell.finished": (draft, data, turn) => {
    if (!turn) return;
    const cell =
      draft.cell(turn, (each) => each.id === data.cell) ?? draft.cell(turn, (each) => each.id === null);
    if (!cell) return;
    cell.id = data.cell;
    cell.status = data.status as CellStatus;
    cell.seconds = data.seconds;
    cell.error = data.error ?? null;
    turn.doing = "Thinking";
    if (data.status === "ok") draft.ranAgain(cell);
  },
  "file.created": (draft, data, turn) => {
    draft.state.filesRevision += 1;
    if (!turn) return;
    const made = { name: data.name, size: data.size, sha256: data.sha256 };
    turn.files = [...turn.files.filter((file) => file.name !== data.name), made];
  },
  "file.profiling": (draft, data) => {
    const facts = { tables: 0, problem: null, share: data.share };
    draft.state.fileFacts = { ...draft.state.fileFacts, [data.name]: facts };
  },
  "file.profiled": (draft, data) => {
    const facts = { tables: data.tables, problem: data.problem, share: null };
    draft.state.fileFacts = { ...draft.state.fileFacts, [data.name]: facts };
  },
  "rerun.progress": (draft, { rerun, ...standing }) => {
    draft.state.reruns = { ...draft.state.reruns, [rerun]: standing };
  },
  "rerun.finished": (draft, { rerun, status }) => {
    const { cell, cells } = draft.state.reruns[rerun] ?? { cell: 0, cells: 0 };
    draft.state.reruns = { ...draft.state.reruns, [rerun]: { status, cell, cells } };
  },
  "tool.called": (_, data, turn) => {
    if (!turn) return;
    const about = Object.values(data.arguments).join(", ");
    const failed = data.status === "ok" ? "" : ` (${data.status})`;
    turn.steps.push({ type: "note", tone: "info", text: `Looked up ${data.name.replaceAll("_", " ")}: ${about}${failed}` });
  },
  "office.requested": (draft, data, turn) => {
    draft.state.office = { seq: draft.state.seq, turn: turn?.id ?? null, request: data };
    if (!turn) return;
    turn.doing = `Working in ${data.workbook.name}`;
    // After a restart of the service the same is asked again.
    if (turn.steps.some((step) => step.type === "office" && step.id === data.id)) return;
    const { id, tool, arguments: asked, workbook } = data;
    turn.steps.push({ type: "office", id, tool, arguments: asked, workbook: workbook.name, status: "running", summary: "", error: null });
  },
  "office.replied": (draft, data, turn) => {
    if (draft.state.office?.request.id === data.id) draft.state.office = null;
    if (!turn) return;
    turn.doing = "Thinking";
    turn.steps = turn.steps.map((step) =>
      step.type === "office" && step.id === data.id
        ? { ...step, status: data.status, summary: data.summary, error: data.error ?? null }
        : step);
  },
  "workbook.checked": (_, data, turn) => {
    if (!turn) return;
    const { computed } = data as { computed?: { message?: string } | null };
    const check = { name: data.name, findings: list(data.findings), computed: computed?.message ?? null };
    turn.checks = [...turn.checks.filter((each) => each.name !== data.name), check];
  },
  "result.checked": (_, data, turn) => {
    if (!turn) return;
    const written = [...new Set(list(data.written).map((table) => table.file))];
    // What is measured of a file once more takes the place of what was.
    const others = turn.tieOuts.filter((each) => !each.written.some((name) => written.includes(name)));
    turn.tieOuts = [...others, {
      status: data.status,
      line: String(data.line ?? ""),
      why: String(data.why ?? ""),
      left_out: list(data.left_out),
      sums: list(data.sums),
      findings: list(data.findings),
      written,
    }];
  },
  "cell.stale": (draft, data) => {
    const cell = draft.anyCell(data.cell);
    if (!cell) return;
    cell.number ??= data.number;
    cell.stale = { reason: data.reason, by: data.by, again: null };
  },
  "answer.checked": (_, data, turn) => {
    if (!turn) return;
    const check = { contradicted: list(data.contradicted), unfound: list(data.not_from_a_result) };
    if (data.stopped) turn.steps.push({ type: "held-back", check });
    else turn.answerCheck = check;
  },
  "output.redacted": (_, data, turn) => {
    if (!turn) return;
    const last = turn.steps.at(-1);
    const findings = list(data.findings);
    if (last?.type !== "redacted" || last.towards !== data.towards) {
      turn.steps.push({ type: "redacted", towards: data.towards, findings });
    } else {
      turn.steps[turn.steps.length - 1] = { ...last, findings: summed([...last.findings, ...findings]) };
    }
  },
  "network.called": (_, data, turn) => {
    if (!turn) return;
    const last = turn.steps.at(-1);
    if (last?.type === "network") turn.steps[turn.steps.length - 1] = { ...last, calls: [...last.calls, data] };
    else turn.steps.push({ type: "network", calls: [data] });
  },
  error: (_, data, turn) => {
    if (turn) turn.error = data.error;
  },
  "turn.finished": (draft, data, turn, at) => {
    if (!turn) return;
    if (draft.state.office?.turn === turn.id) draft.state.office = null;
    turn.status = data.status;
    turn.finishedAt = at;
    turn.draft = "";
    turn.doing = "";
    turn.answer = data.answer ?? null;
    turn.error = data.error ?? turn.error;
    for (const { cell, number } of data.recorded ?? []) {
      const recorded = draft.cell(turn, (each) => each.id === cell);
      if (recorded) recorded.number = number;
    }
    turn.steps = turn.steps.map((step) => ended(step, data.status));
  },
};

export type Facts = Readonly<Record<string, unknown>>;

/** Kinds that not every service sends: what they hold is looked at with care. */
export const OPTIONAL: Record<string, (draft: Draft, data: Facts, turn: Turn | null) => void> = {
  "checkpoint.created": () => undefined,
  "checkpoint.skipped": (_, data, turn) => {
    turn?.steps.push({ type: "note", tone: "warning", text: String(data.message ?? "No checkpoint was made.") });
  },
  "history.restored": (draft, data) => {
    draft.state.filesRevision += 1;
    for (const [cells, undone] of [[data.undone, true], [data.redone, false]] as const) {
      if (Array.isArray(cells)) draft.undo(cells.map(String), undone);
    }
  },
};

/** A step of a turn that has ended: nothing of it goes on. */
function ended(step: Step, status: string): Step {
  if (step.type === "cell" && (step.status === "written" || step.status === "running")) {
    return { ...step, status: step.status === "written" ? "not-run" : "interrupted" };
  }
  if (step.type === "office" && step.status === "running") return { ...step, status: "stopped" };
  if (step.type === "permission" && step.decision === null) return { ...step, decision: status };
  return step;
}
