// The one place where events become state. Pure: the same events give the same state, whether they
// come one by one or all at once after a reconnection.
import type { FoundError, KnownEvent, PathEvent } from "../api/events";
import { Draft, newTurn } from "./draft";
import { type Facts, type Handler, HANDLERS, OPTIONAL } from "./handlers";
import type { PathState, Pending, Rating, Turn } from "./model";

export type Action =
  | { type: "events"; events: readonly PathEvent[] }
  | { type: "sent"; pending: Pending }
  | { type: "accepted"; key: string; turn: string }
  | { type: "refused"; key: string; error: FoundError }
  | { type: "dropped"; key: string }
  | { type: "rated"; ratings: readonly { id: string; rating: string | null }[] }
  | { type: "queued"; turns: readonly { id: string; kind: string; request: string }[] };

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
    turn.rating = draft.state.ratings[event.turn] ?? null;
    draft.add(turn);
    draft.state.pending = waitingAfter(draft.state.pending, turn);
    draft.state.waiting = null;
    return;
  }
  const turn = draft.turn(event.turn);
  const handler = HANDLERS[known.kind] as Handler<never> | undefined;
  const optional = OPTIONAL[event.kind];
  try {
    if (handler) handler(draft, known.data as never, turn, at);
    else if (optional) optional(draft, (event.data ?? {}) as Facts, turn);
    else turn?.steps.push({ type: "other", kind: event.kind, data: event.data });
  } catch {
    // An event that is not as this page knows it must not hide those behind it.
    turn?.steps.push({ type: "other", kind: event.kind, data: event.data });
  }
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
    case "rated": {
      const given = action.ratings.map(({ id, rating }): [string, Rating] => [id, rating === "up" || rating === "down" ? rating : null]);
      if (given.every(([id, rating]) => (state.ratings[id] ?? null) === rating)) return state;
      const ratings = { ...state.ratings, ...Object.fromEntries(given) };
      const turns = state.turns.map((turn) => {
        const rating = ratings[turn.id] ?? null;
        return rating === turn.rating ? turn : { ...turn, rating };
      });
      return { ...state, ratings, turns };
    }
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
            language: "python",
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
