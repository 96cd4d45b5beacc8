import { startTransition, useEffect, useRef, useState } from "react";
import type { Turn } from "../state/model";
import { type TurnActions, TurnView } from "./turn";

const FIRST = 10;
const AT_ONCE = 40;
const PAUSE_MS = 20;

/** An undo that was refused until somebody says yes: the dialog has asked, and nothing was changed. */
const onlyAsked = (turn: Turn): boolean =>
  turn.kind === "undo" && turn.error?.code === "restore-needs-confirmation";

/** The turns of a log: the newest at once, the older ones piece by piece when there is time. */
export function Turns({ turns, actions, wanted = null }: {
  turns: readonly Turn[];
  actions: TurnActions;
  /** The cell to go to. */
  wanted?: { cell: string } | null;
}) {
  const [drawn, setDrawn] = useState(FIRST);
  const shown = turns.filter((turn) => !onlyAsked(turn));
  const more = drawn < shown.length;
  useEffect(() => {
    if (!more) return;
    const timer = setTimeout(() => startTransition(() => setDrawn(drawn + AT_ONCE)), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [more, drawn]);
  const gone = useRef<object | null>(null);
  useEffect(() => {
    if (wanted === null || gone.current === wanted) return;
    const cell = document.querySelector<HTMLElement>(`[data-cell="${CSS.escape(wanted.cell)}"]`);
    if (!cell) return setDrawn(Infinity); // it may be among those that are not drawn yet
    gone.current = wanted;
    cell.scrollIntoView({ block: "center" });
    cell.focus({ preventScroll: true });
  }, [wanted, drawn, turns]);
  return shown.slice(-drawn).map((turn) => <TurnView key={turn.id} turn={turn} actions={actions} />);
}
