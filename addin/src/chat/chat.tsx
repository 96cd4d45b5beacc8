import { type ReactNode, Suspense } from "react";
import { soon } from "../parts/lazily";
import type { PathState, Pending } from "../state/model";
import { Announcer } from "./cards";
import { Log } from "./log";
import { PendingView } from "./pending";
import type { TurnActions } from "./turn";

const Turns = soon(() => import("./turns").then((m) => m.Turns));

/** What a screen reader says of the newest request. */
function announced(state: PathState): string {
  const turn = state.turns.at(-1);
  if (!turn) return "";
  if (turn.status === "waiting") return "A permission is needed.";
  if (turn.finishedAt === null) return "Working on the request.";
  if (turn.status === "ok") return turn.answer ? `Answer: ${turn.answer.slice(0, 300)}` : "The code has run.";
  return turn.error ? `${turn.error.message} ${turn.error.hint ?? ""}` : "The request was stopped.";
}

/** The log of a conversation's path, and under it whatever `children` are: the composer. */
export function Chat({ place, state, actions, wanted = null, welcome, again, drop, children }: {
  /** Which path it is: another one has its log begin anew; what is being written below it stays. */
  place: string;
  state: PathState;
  actions: TurnActions;
  /** The cell to go to. */
  wanted?: { cell: string } | null;
  welcome: ReactNode;
  again: (pending: Pending) => void;
  drop: (key: string) => void;
  children: ReactNode;
}) {
  const running = state.turns.filter((turn) => turn.finishedAt === null).length;
  const pending = state.pending.filter((each) => each.kind === "turn");
  const empty = state.turns.length === 0 && pending.length === 0;
  return (
    <div className="chat">
      <Log key={place} id="log" label="Conversation" changes={state} empty={empty}>
        {state.source && (
          <p className="line quiet">This is a branch of “{state.source.path}”. What is done here changes nothing there.</p>
        )}
        {empty && welcome}
        {state.turns.some((turn) => turn.recorded) && (
          <p className="note-info recorded-demo">
            Recorded demo: the model's words and code were recorded. The workbooks, the code's run, the checks and the
            notebook are real, and made just now.
          </p>
        )}
        <Suspense>{state.turns.length > 0 && <Turns turns={state.turns} actions={actions} wanted={wanted} />}</Suspense>
        {pending.map((each, ahead) => (
          <PendingView
            key={each.key}
            pending={each}
            ahead={running + ahead}
            cancel={actions.cancel}
            again={() => again(each)}
            drop={() => drop(each.key)}
          />
        ))}
        {state.waiting && <p className="line quiet">{state.waiting}</p>}
        {state.mergedInto && <p className="line quiet">This branch was merged into “{state.mergedInto}”. Go on there.</p>}
      </Log>
      <Announcer words={announced(state)} />
      {children}
    </div>
  );
}
