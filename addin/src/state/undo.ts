import type { Turn } from "./model";

/** Whether there is something of it to undo. */
export const canUndo = (turn: Turn): boolean =>
  !turn.undone &&
  (turn.kind === "undo"
    ? turn.status === "ok"
    : turn.steps.some((step) => step.type === "cell" && step.startedAt !== null));
