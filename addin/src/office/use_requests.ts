import { useEffect, useMemo } from "react";
import type { PathStore } from "../state/path_store";
import type { PathName } from "../api/client";
import { keepBefore } from "../recovery/checkpoints";
import { type Keep, OfficeRequests } from "./requests";

const keepOn = (path: PathName): Keep => (request, signal) =>
  keepBefore(path, request.id, request.tool, request.arguments, request.workbook, signal);

/** Do what the service asks of this pane on the open path; *store* is null outside Excel. */
export function useOfficeRequests(store: PathStore | null): void {
  const requests = useMemo(() => (store ? new OfficeRequests(store.tell, keepOn(store.path)) : null), [store]);
  const live = store?.link.state === "live";
  const asked = store?.state.office ?? null;
  useEffect(() => {
    if (live) void requests?.announce();
  }, [requests, live]);
  useEffect(() => {
    requests?.keepOnly(asked?.request.id ?? null);
    if (live && asked) requests?.take(asked.request);
  }, [requests, live, asked]);
  useEffect(() => () => requests?.keepOnly(null), [requests]);
}
