import { useMemo } from "react";
import { ApiError, api } from "../api/client";
import type { TurnActions } from "../chat/turn";
import type { ExcelActions } from "../office/use_excel";
import { foundError, type PathStore } from "../state/path_store";
import type { Opened } from "./opened";
import type { Work } from "./use_work";

/** What can be done with a turn and what it made. */
export function useActions({ store, work: { guarded, run }, insert, show, goTo }: {
  store: PathStore | null;
  work: Work;
  insert: ExcelActions["insert"] | null;
  show: (opened: Opened) => void;
  goTo: (cell: string) => void;
}): TurnActions {
  const path = store?.path ?? null;
  const merged = (store?.state.mergedInto ?? null) !== null;
  return useMemo(() => ({
    path: path ?? { conversation: "", path: "main" },
    preview: (name) => show({ over: "preview", name }),
    branch: merged ? null : (turn) => show({ over: "branch", turn }),
    undo: merged || !store ? null : (turn) =>
      guarded(
        api.undo(store.path, turn, false).catch((error: unknown) => {
          if (!(error instanceof ApiError && error.code === "restore-needs-confirmation")) throw error;
          show({ over: "undo", asked: { turn, refusal: foundError(error) } });
        }),
      ),
    cancel: (turn) => guarded(store?.cancel(turn) ?? Promise.resolve()),
    rate: (turn, rating) => guarded(store?.rate(turn, rating) ?? Promise.resolve()),
    run: merged || !store ? null : (code, language) => guarded(run(code, language)),
    show: goTo,
    insert: insert && path ? (name) => insert(path, name) : null,
  }), [path, merged, store, guarded, run, insert, show, goTo]);
}
