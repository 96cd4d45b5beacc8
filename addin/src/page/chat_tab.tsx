import { type RefObject, useCallback, useState } from "react";
import { Chat } from "../chat/chat";
import type { Command } from "../chat/commands";
import { Composer } from "../chat/composer";
import type { TurnActions } from "../chat/turn";
import { Welcome } from "../chat/welcome";
import { isTourNew, keepTour, Tour } from "../help/tour";
import { ModePicker } from "../modes/picker";
import type { ConversationMode } from "../modes/use_mode";
import { SelectionBar } from "../office/selection_bar";
import type { SelectionSwitch } from "../office/use_excel";
import { READS_ONLY, useMay } from "../state/may";
import type { PathState } from "../state/model";
import type { PathStore } from "../state/path_store";
import type { Work } from "./use_work";

/** The conversation, and the box to ask in. */
export function ChatTab({ place, store, state, actions, work, wanted, model, mode, selection, draft, commands, pick, terminal }: {
  place: string;
  store: PathStore | null;
  state: PathState;
  actions: TurnActions;
  work: Work;
  wanted: { cell: string } | null;
  /** Name of the model; null without one, undefined while that is not known. */
  model: string | null | undefined;
  mode: ConversationMode;
  selection: SelectionSwitch | null;
  draft: RefObject<string>;
  commands: readonly Command[];
  pick: () => void;
  terminal: () => void;
}) {
  const merged = state.mergedInto !== null;
  const [tour, setTour] = useState(isTourNew);
  const endTour = useCallback(() => {
    keepTour(true);
    setTour(false);
  }, []);
  const may = useMay();
  const reads = !may.can("run");
  const closed = merged || reads || model === null;
  return (
    <Chat
      place={place}
      state={state}
      actions={actions}
      wanted={wanted}
      again={(pending) => store?.again(pending)}
      drop={(key) => store?.drop(key)}
      welcome={
        <>
          {tour && <Tour end={endTour} />}
          <Welcome reads={reads} model={model} pick={pick} ask={(idea) => work.guarded(work.ask(idea))} terminal={terminal} demo={work.demo} />
        </>
      }
    >
      {selection && !closed && <SelectionBar selection={selection} />}
      <Composer
        disabled={closed}
        reason={reads ? READS_ONLY : model === null ? "There is no language model yet" : merged ? "This branch was merged" : ""}
        pick={pick}
        send={work.ask}
        draft={draft}
        commands={commands}
        mode={<ModePicker mode={mode.mode} until={mode.until} disabled={closed} choose={(request) => work.shown(mode.choose(request))} />}
      />
    </Chat>
  );
}
