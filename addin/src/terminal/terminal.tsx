import { Button } from "@fluentui/react-components";
import { PlayRegular } from "@fluentui/react-icons";
import { type RefObject, useEffect, useMemo, useState } from "react";
import { Log } from "../chat/log";
import { PendingView } from "../chat/pending";
import type { TurnActions } from "../chat/turn";
import { Turns } from "../chat/turns";
import type { PathState, Pending } from "../state/model";
import { detectLanguage, type Language, languageName, LANGUAGES } from "./languages";

/** Code to run as it is, in the conversation's kernel; what it shows comes as it runs. */
export function Terminal({ place, state, actions, disabled, draft, run, again, drop }: {
  /** Which path it is: another one has its log begin anew; the code that is being written stays. */
  place: string;
  state: PathState;
  actions: TurnActions;
  disabled: boolean;
  /** Keeps the code that is being written while another tab is shown. */
  draft: RefObject<string>;
  /** Resolves once the code is on its way; if it rejects, the code comes back. */
  run: (code: string, language: string) => Promise<unknown>;
  again: (pending: Pending) => void;
  drop: (key: string) => void;
}) {
  const [code, setCode] = useState(draft.current);
  useEffect(() => void (draft.current = code), [draft, code]);
  /** The user's choice; empty: the language is seen by the code. */
  const [chosen, choose] = useState<Language | "">("");
  const detected = useMemo(() => detectLanguage(code), [code]);
  const turns = state.turns.filter((turn) => turn.kind !== "turn" && turn.kind !== "merge");
  const pending = state.pending.filter((each) => each.kind === "execute");
  const empty = turns.length === 0 && pending.length === 0;
  const busy = pending.some((each) => each.state === "sending") || turns.some((turn) => turn.finishedAt === null);
  const submit = () => {
    if (!code.trim() || disabled || busy) return;
    setCode("");
    run(code, chosen || detected).catch(() => setCode((now) => now || code));
  };
  return (
    <div className="chat">
      <Log key={place} label="Terminal" changes={state} empty={empty}>
        {empty && (
          <div className="welcome">
            <h2>Run code yourself</h2>
            <p className="quiet">
              Python, in the same kernel as the conversation: its variables and files are here. JavaScript, TypeScript
              and Bash run in kernels of their own, on the same files. What runs is recorded in the notebook. Uploads are in <code className="inline-code">inputs/</code>, results belong in{" "}
              <code className="inline-code">outputs/</code>.
            </p>
          </div>
        )}
        <Turns turns={turns} actions={actions} />
        {pending.map((each) => (
          <PendingView
            key={each.key}
            pending={each}
            ahead={0}
            cancel={actions.cancel}
            again={() => again(each)}
            drop={() => drop(each.key)}
          />
        ))}
      </Log>
      <form
        className="composer terminal-composer"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <textarea
          id="code"
          className="mono"
          rows={4}
          value={code}
          spellCheck={false}
          autoCapitalize="off"
          autoComplete="off"
          aria-label="Code"
          aria-describedby="terminal-help"
          placeholder="import pandas as pd"
          onChange={(event) => setCode(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.shiftKey || event.ctrlKey || event.metaKey)) {
              event.preventDefault();
              submit();
            }
          }}
        />
        <div className="composer-bar">
          <select aria-label="Language" className="plain-input language" value={chosen} onChange={(event) => choose(event.target.value as Language | "")}>
            <option value="">{languageName(detected)} (detected)</option>
            {LANGUAGES.map(([name, words]) => <option key={name} value={name}>{words}</option>)}
          </select>
          <span id="terminal-help" className="quiet grow composer-help">Shift+Enter runs</span>
          <Button id="run" type="submit" appearance="primary" icon={<PlayRegular />} disabled={disabled || busy || !code.trim()}>
            Run
          </Button>
        </div>
      </form>
    </div>
  );
}
