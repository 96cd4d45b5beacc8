import { startTransition, useEffect, useState } from "react";
import type { Turn } from "../state/model";
import { type TurnActions, TurnView } from "./turn";

const AT_ONCE = 30;
const PAUSE_MS = 20;

/** An undo that was refused until somebody says yes: the dialog has asked, and nothing was changed. */
const onlyAsked = (turn: Turn): boolean =>
  turn.kind === "undo" && turn.error?.code === "restore-needs-confirmation";

/** The turns of a log: the newest at once, the older ones piece by piece when there is time. */
export function Turns({ turns, actions }: { turns: readonly Turn[]; actions: TurnActions }) {
  const [drawn, setDrawn] = useState(AT_ONCE);
  const shown = turns.filter((turn) => !onlyAsked(turn));
  const more = drawn < shown.length;
  useEffect(() => {
    if (!more) return;
    const timer = setTimeout(() => startTransition(() => setDrawn(drawn + AT_ONCE)), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [more, drawn]);
  return shown.slice(-drawn).map((turn) => <TurnView key={turn.id} turn={turn} actions={actions} />);
}
