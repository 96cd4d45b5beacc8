import { useCallback, useState } from "react";
import { api, type PathName } from "../api/client";
import type { FoundError } from "../api/events";
import type { Uploads } from "../files/uploads";
import { foundError, type PathStore } from "../state/path_store";

/** Conversations that have the name of their first file until something is asked. */
const namedByFiles = new Set<string>();

const shortTitle = (words: string): string => {
  const line = words.trim().split("\n")[0] ?? "";
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
};

export interface Work {
  problem: FoundError | null;
  setProblem: (problem: FoundError | null) => void;
  /** Show it if *work* fails; the caller gets the failure too. */
  shown: (work: Promise<unknown>) => Promise<void>;
  /** Show it if *work* fails. */
  guarded: (work: Promise<unknown>) => void;
  /** The three below make a conversation if there is none. They reject if it failed, which is shown. */
  ask: (request: string) => Promise<void>;
  run: (code: string, language: string) => Promise<void>;
  attach: (chosen: Iterable<File>, limit: number) => void;
  /** Play the recorded conversation. */
  demo: () => void;
}

/** What a user does with the open path; *behind* puts what goes along behind a request. */
export function useWork({ store, open, list, uploads, behind, made }: {
  store: PathStore | null;
  open: (place: PathName) => PathStore | null;
  list: () => Promise<void>;
  uploads: Uploads;
  behind: ((request: string) => Promise<string>) | null;
  /** Called with a new conversation before anything is asked in it. */
  made: (conversation: string) => Promise<void>;
}): Work {
  const [problem, setProblem] = useState<FoundError | null>(null);
  /** The open path; a conversation called *title* is made if there is none. */
  const begin = useCallback(async (title: string) => {
    if (store) return store;
    const { id } = await api.create(shortTitle(title));
    await made(id);
    void list();
    const opened = open({ conversation: id, path: "main" });
    if (!opened) throw new Error("no path is open");
    return opened;
  }, [store, open, list, made]);
  const shown = useCallback(async (work: Promise<unknown>) => {
    setProblem(null);
    await work.catch((error: unknown) => {
      setProblem(foundError(error));
      throw error;
    });
  }, []);
  const guarded = useCallback((work: Promise<unknown>) => void shown(work).catch(() => undefined), [shown]);
  const ask = useCallback((request: string) =>
    shown(
      Promise.all([begin(request), behind?.(request) ?? request]).then(([opened, whole]) => {
        opened.ask(whole);
        const { conversation: id } = opened.path;
        if (namedByFiles.delete(id)) api.rename(id, shortTitle(request)).then(list, () => undefined);
      }),
    ), [shown, begin, behind, list]);
  const run = useCallback(
    (code: string, language: string) => shown(begin(code).then((opened) => opened.execute(code, language))),
    [shown, begin],
  );
  const attach = useCallback((chosen: Iterable<File>, limit: number) => {
    const all = [...chosen];
    const first = all[0];
    if (!first) return;
    const title = all.length === 1 ? first.name : `${first.name} and ${all.length - 1} more`;
    guarded(
      begin(title).then((opened) => {
        if (!store) namedByFiles.add(opened.path.conversation);
        uploads.add(opened.path, all, limit);
      }),
    );
  }, [begin, guarded, uploads, store]);
  const demo = useCallback(
    () => guarded(api.demo().then(({ conversation: { id } }) => Promise.all([open({ conversation: id, path: "main" }), list()]))),
    [guarded, open, list],
  );
  return { problem, setProblem, shown, guarded, ask, run, attach, demo };
}
