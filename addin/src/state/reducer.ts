// The one place where events become state. Pure: the same events give the same state, whether they
// come one by one or all at once after a reconnection.
import type { EventData, KnownEvent, PathEvent } from "../api/events";
import type { FoundError } from "../api/events";
import { addOutput, displayIds, LATE, updateDisplay } from "../outputs/fold";
import type { CellStatus, CellStep, PathState, Pending, Step, TieOut, Turn, TurnKind } from "./model";

export type Action =
  | { type: "events"; events: readonly PathEvent[] }
  | { type: "sent"; pending: Pending }
  | { type: "accepted"; key: string; turn: string }
  | { type: "refused"; key: string; error: FoundError }
  | { type: "dropped"; key: string }
  | { type: "queued"; turns: readonly { id: string; kind: string; request: string }[] };

/** The parts of a state that one batch of events changes; each is copied once. */
class Draft {
  readonly state: { -readonly [K in keyof PathState]: PathState[K] };
  private readonly turns: Turn[];
  private readonly places = new Map<string, number>();
  private readonly fresh = new WeakSet<object>();

  constructor(before: PathState) {
    this.turns = [...before.turns];
    this.state = { ...before, turns: this.turns };
    this.turns.forEach((turn, place) => this.places.set(turn.id, place));
  }

  add(turn: Turn): void {
    this.fresh.add(turn);
    this.places.set(turn.id, this.turns.push(turn) - 1);
  }

  has(id: string): boolean {
    return this.places.has(id);
  }

  turn(id: string | null): Turn | null {
    const place = id === null ? undefined : this.places.get(id);
    const turn = place === undefined ? undefined : this.turns[place];
    if (place === undefined || turn === undefined) return null;
    if (this.fresh.has(turn)) return turn;
    const copy = { ...turn, steps: [...turn.steps], files: [...turn.files], checks: [...turn.checks] };
    this.fresh.add(copy);
    return (this.turns[place] = copy);
  }

  /** The last cell step of *turn* that *fits*, ready to be changed. */
  cell(turn: Turn, fits: (cell: CellStep) => boolean): CellStep | null {
    const place = turn.steps.findLastIndex((step) => step.type === "cell" && fits(step));
    const step = turn.steps[place];
    if (step?.type !== "cell") return null;
    if (this.fresh.has(step)) return step;
    const copy = { ...step, outputs: { ...step.outputs, shown: [...step.outputs.shown] } };
    this.fresh.add(copy);
    turn.steps[place] = copy;
    return copy;
  }

  /** The cell *id* of any turn, ready to be changed: a thread may print when its turn has ended. */
  anyCell(id: string): CellStep | null {
    const is = (step: Step) => step.type === "cell" && step.id === id;
    const owner = this.turns.findLast((turn) => turn.steps.some(is));
    const turn = owner ? this.turn(owner.id) : null;
    return turn && this.cell(turn, (cell) => cell.id === id);
  }

  /** Mark the turns of *cells* as undone, or as in force again. */
  undo(cells: readonly string[], undone: boolean): void {
    for (const { id, steps } of [...this.turns]) {
      const meant = steps.some((step) => step.type === "cell" && step.id !== null && cells.includes(step.id));
      const turn = meant ? this.turn(id) : null;
      if (turn) turn.undone = undone;
    }
  }

  /** Update the display with the id of *raw*, wherever it is. */
  display(raw: Record<string, unknown>): void {
    const id = (raw.transient as { display_id?: unknown } | undefined)?.display_id;
    if (typeof id !== "string") return;
    const shows = (cell: CellStep) => displayIds(cell.outputs).includes(id);
    for (const { id: turnId, steps } of [...this.turns].reverse()) {
      if (!steps.some((step) => step.type === "cell" && shows(step))) continue;
      const turn = this.turn(turnId);
      const cell = turn && this.cell(turn, shows);
      if (cell && updateDisplay(cell.outputs, raw)) return;
    }
  }
}

function newTurn(id: string, at: number, data: EventData["turn.started"]): Turn {
  return {
    id,
    kind: data.kind as TurnKind,
    user: data.user,
    request: data.request ?? null,
    status: "running",
    doing: data.kind === "turn" ? "Reading the files" : "Starting",
    startedAt: at,
    finishedAt: null,
    draft: "",
    steps: [],
    answer: null,
    error: null,
    sources: null,
    route: null,
    files: [],
    checks: [],
    tieOut: null,
    undone: false,
  };
}

function newCell(code: string, id: string | null, parameters = false): CellStep {
  return {
    type: "cell",
    id,
    code,
    parameters,
    status: "written",
    risk: null,
    findings: [],
    outputs: { shown: [], clearing: false },
    startedAt: null,
    seconds: null,
    error: null,
  };
}

const plural = (count: number, one: string, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

type Handler<K extends keyof EventData> = (
  draft: Draft,
  data: EventData[K],
  turn: Turn | null,
  at: number,
) => void;

/** The requests that still wait after *turn* has begun. */
function waitingAfter(pending: readonly Pending[], turn: Turn): readonly Pending[] {
  const named = pending.findIndex((each) => each.turn === turn.id);
  // It may begin before the answer to its request is here. Code is no part of its first event.
  const unnamed = pending.findIndex(
    (each) =>
      each.turn === null &&
      each.state === "sending" &&
      each.kind === turn.kind &&
      (turn.request === null || each.request === turn.request),
  );
  const place = named >= 0 ? named : unnamed;
  return place < 0 ? pending : pending.filter((_, index) => index !== place);
}

const HANDLERS: { [K in Exclude<keyof EventData, "turn.started">]?: Handler<K> } = {
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
    turn.steps.push(newCell(data.code, null));
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
    turn.steps.push({ type: "permission", asked: data, decision: null, who: null });
    turn.status = "waiting";
    turn.doing = "Waiting for your permission";
  },
  "permission.decided": (_, data, turn) => {
    if (!turn) return;
    turn.status = "running";
    turn.doing = data.decision === "deny" || data.decision === "timeout" ? "Thinking" : "Starting";
    turn.steps = turn.steps.map((step) =>
      step.type === "permission" && step.asked.id === data.id
        ? { ...step, decision: data.decision, who: data.who }
        : step,
    );
  },
  "cell.started": (draft, data, turn, at) => {
    if (!turn) return;
    const parameters = data.tags.includes("parameters");
    let cell = parameters ? null : draft.cell(turn, (each) => each.id === null);
    if (!cell) {
      // The cell of parameters runs before the one that was written.
      const before = turn.steps.findLastIndex((step) => step.type === "cell" && step.id === null);
      turn.steps.splice(before < 0 ? turn.steps.length : before, 0, newCell(data.code, data.cell, parameters));
      cell = draft.cell(turn, (each) => each.id === data.cell);
    }
    if (!cell) return;
    Object.assign(cell, { id: data.cell, code: data.code, status: "running", startedAt: at });
    turn.status = "running";
    turn.doing = "Running the code";
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
  },
  "file.created": (draft, data, turn) => {
    draft.state.filesRevision += 1;
    if (!turn) return;
    const made = { name: data.name, size: data.size, sha256: data.sha256 };
    turn.files = [...turn.files.filter((file) => file.name !== data.name), made];
  },
  "file.profiled": (draft, data) => {
    const facts = { tables: data.tables, problem: data.problem };
    draft.state.fileFacts = { ...draft.state.fileFacts, [data.name]: facts };
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
    const check = { name: data.name, findings: data.findings, computed: computed?.message ?? null };
    turn.checks = [...turn.checks.filter((each) => each.name !== data.name), check];
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
    turn.steps = turn.steps.map((step) => ended(step, data.status));
  },
};

type Facts = Readonly<Record<string, unknown>>;

/** Kinds that not every service sends: what they hold is looked at with care. */
const OPTIONAL: Record<string, (draft: Draft, data: Facts, turn: Turn | null) => void> = {
  "result.checked": (_, data, turn) => {
    if (!turn) return;
    const list = (value: unknown) => (Array.isArray(value) ? value : []);
    turn.tieOut = {
      status: data.status as TieOut["status"],
      line: String(data.line ?? ""),
      why: String(data.why ?? ""),
      left_out: list(data.left_out),
      sums: list(data.sums),
      findings: list(data.findings),
    };
  },
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

function applyEvent(draft: Draft, event: PathEvent): void {
  if (event.seq !== null) {
    if (event.seq <= draft.state.seq) return; // seen already
    draft.state.seq = event.seq;
  }
  const at = Date.parse(event.at) || Date.now();
  const known = event as KnownEvent;
  if (known.kind === "turn.started") {
    if (event.turn === null || draft.has(event.turn)) return;
    const turn = newTurn(event.turn, at, known.data);
    draft.add(turn);
    draft.state.pending = waitingAfter(draft.state.pending, turn);
    draft.state.waiting = null;
    return;
  }
  const turn = draft.turn(event.turn);
  const handler = HANDLERS[known.kind] as Handler<never> | undefined;
  const optional = OPTIONAL[event.kind];
  if (handler) handler(draft, known.data as never, turn, at);
  else if (optional) optional(draft, (event.data ?? {}) as Facts, turn);
  else turn?.steps.push({ type: "other", kind: event.kind, data: event.data });
}

/** Return the state of a path after *action*. */
export function reduce(state: PathState, action: Action): PathState {
  switch (action.type) {
    case "events": {
      const draft = new Draft(state);
      for (const event of action.events) applyEvent(draft, event);
      return draft.state;
    }
    case "sent":
      return {
        ...state,
        pending: [...state.pending.filter((each) => each.key !== action.pending.key), action.pending],
      };
    case "accepted": {
      if (state.turns.some((turn) => turn.id === action.turn)) {
        return { ...state, pending: state.pending.filter((each) => each.key !== action.key) };
      }
      return changed(state, action.key, { state: "queued", turn: action.turn, error: null });
    }
    case "refused":
      return changed(state, action.key, { state: "refused", error: action.error });
    case "dropped":
      return { ...state, pending: state.pending.filter((each) => each.key !== action.key) };
    case "queued": {
      const known = new Set(state.turns.map((turn) => turn.id));
      for (const each of state.pending) if (each.turn) known.add(each.turn);
      const found = action.turns
        .filter((turn) => !known.has(turn.id) && (turn.kind === "turn" || turn.kind === "execute"))
        .map(
          (turn): Pending => ({
            key: turn.id,
            kind: turn.kind === "execute" ? "execute" : "turn",
            request: turn.request,
            state: "queued",
            turn: turn.id,
            error: null,
            known: [],
          }),
        );
      return found.length ? { ...state, pending: [...state.pending, ...found] } : state;
    }
  }
}

function changed(state: PathState, key: string, change: Partial<Pending>): PathState {
  return {
    ...state,
    pending: state.pending.map((each) => (each.key === key ? { ...each, ...change } : each)),
  };
}

/** Whether a request runs or waits on the path. */
export const isBusy = (state: PathState): boolean => state.turns.some((turn) => turn.finishedAt === null);
