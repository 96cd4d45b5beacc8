import { useMemo } from "react";
import { ApiError, api } from "../api/client";
import type { TurnActions } from "../chat/turn";
import type { ExcelActions } from "../office/use_excel";
import { foundError, type PathStore } from "../state/path_store";
import { useMay } from "../state/may";
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
  const may = useMay();
  return useMemo(() => ({
    path: path ?? { conversation: "", path: "main" },
    preview: (name) => show({ over: "preview", name }),
    branch: merged || !may.can("run") ? null : (turn) => show({ over: "branch", turn }),
    undo: merged || !store || !may.can("undo") ? null : (turn) =>
      guarded(
        api.undo(store.path, turn, false).catch((error: unknown) => {
          if (!(error instanceof ApiError && error.code === "restore-needs-confirmation")) throw error;
          show({ over: "undo", asked: { turn, refusal: foundError(error) } });
        }),
      ),
    cancel: !may.can("run") ? null : (turn) => guarded(store?.cancel(turn) ?? Promise.resolve()),
    rate: !may.can("run") ? null : (turn, rating) => guarded(store?.rate(turn, rating) ?? Promise.resolve()),
    run: merged || !store || !may.can("run") ? null : (code, language) => guarded(run(code, language)),
    show: goTo,
    insert: insert && path ? (name) => insert(path, name) : null,
  }), [path, merged, may, store, guarded, run, insert, show, goTo]);
}
