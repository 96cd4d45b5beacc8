import { useCallback, useEffect, useState } from "react";
import { api } from "../api/client";
import type { Schemas } from "../api/events";
import type { PathStore } from "../state/path_store";

/** What the service says of itself, and of the paths of the open conversation. */
export function useFacts(store: PathStore | null): { health: Schemas["Health"] | null; paths: readonly Schemas["Path"][] } {
  const [health, setHealth] = useState<Schemas["Health"] | null>(null);
  const [paths, setPaths] = useState<readonly Schemas["Path"][]>([]);
  const conversation = store?.path.conversation ?? null;
  useEffect(() => void api.health().then(setHealth, () => undefined), [store]);
  const list = useCallback(() => {
    if (conversation === null) return setPaths([]);
    api.paths(conversation).then((found) => setPaths(found.paths), () => undefined);
  }, [conversation]);
  useEffect(list, [list, store?.state.mergedInto, store?.path.path]);
  return { health, paths };
}
