import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import type { PathName } from "../api/client";
import { PathStore } from "./path_store";
import { firstPlace, hashOf, keepPlace, placeFromHash } from "./place";

const nothing = () => () => undefined;

/** The open path, and how to open another; `null` is a conversation that is not made yet. */
export function usePath(): { store: PathStore | null; open: (place: PathName | null) => PathStore | null } {
  const [store, setStore] = useState<PathStore | null>(null);
  const now = useRef<PathStore | null>(null);
  const open = useCallback((place: PathName | null) => {
    const before = now.current;
    if (before && place && hashOf(before.path) === hashOf(place)) return before;
    before?.close();
    now.current = place === null ? null : new PathStore(place);
    setStore(now.current);
    keepPlace(place);
    if (location.hash !== hashOf(place)) history.pushState(null, "", hashOf(place));
    return now.current;
  }, []);
  useEffect(() => {
    open(firstPlace());
    const moved = () => open(placeFromHash(location.hash));
    addEventListener("hashchange", moved);
    addEventListener("popstate", moved);
    return () => {
      removeEventListener("hashchange", moved);
      removeEventListener("popstate", moved);
      now.current?.close();
      now.current = null;
    };
  }, [open]);
  useSyncExternalStore(store?.subscribe ?? nothing, () => store?.version ?? 0);
  return { store, open };
}
