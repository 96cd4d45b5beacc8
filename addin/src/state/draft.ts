// The state while one batch of events is applied, and how its parts begin.
import type { EventData } from "../api/events";
import { displayIds, updateDisplay } from "../outputs/fold";
import type { CellStep, PathState, Step, Turn, TurnKind } from "./model";

/** The parts of a state that one batch of events changes; each is copied once. */
export class Draft {
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
    const copy = { ...turn, steps: [...turn.steps], files: [...turn.files], checks: [...turn.checks], tieOuts: [...turn.tieOuts] };
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

  /** Say of the stale cells with the code of *cell* that it ran again as *cell*. */
  ranAgain(cell: CellStep): void {
    const same = (step: Step): step is CellStep =>
      step.type === "cell" && step.stale !== null && step.id !== cell.id && step.code.trim() === cell.code.trim();
    for (const step of this.turns.flatMap((turn) => turn.steps.filter(same))) {
      const stale = step.id === null ? null : this.anyCell(step.id);
      if (stale?.stale) stale.stale = { ...stale.stale, again: cell.id };
    }
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

export function newTurn(id: string, at: number, data: EventData["turn.started"]): Turn {
  return {
    id,
    kind: data.kind as TurnKind,
    user: data.user,
    request: data.request ?? null,
    recorded: data.recorded ?? false,
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
    plan: [],
    files: [],
    checks: [],
    tieOuts: [],
    answerCheck: null,
    rating: null,
    undone: false,
  };
}

export function newCell(code: string, id: string | null, language: string, parameters = false): CellStep {
  return {
    type: "cell",
    id,
    number: null,
    code,
    language,
    stale: null,
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
