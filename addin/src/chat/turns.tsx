import { startTransition, useEffect, useState } from "react";
import type { Turn } from "../state/model";
import { type TurnActions, TurnView } from "./turn";

const AT_ONCE = 30;
const PAUSE_MS = 20;

/** The turns of a log: the newest at once, the older ones piece by piece when there is time. */
export function Turns({ turns, actions }: { turns: readonly Turn[]; actions: TurnActions }) {
  const [drawn, setDrawn] = useState(AT_ONCE);
  const more = drawn < turns.length;
  useEffect(() => {
    if (!more) return;
    const timer = setTimeout(() => startTransition(() => setDrawn(drawn + AT_ONCE)), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [more, drawn]);
  return turns.slice(-drawn).map((turn) => <TurnView key={turn.id} turn={turn} actions={actions} />);
}
