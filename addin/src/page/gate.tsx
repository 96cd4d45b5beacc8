import { useCallback, useEffect, useState } from "react";
import { ApiError, api } from "../api/client";
import type { FoundError, Schemas } from "../api/events";
import { ErrorCard } from "../chat/cards";
import type { Host } from "../office/host";
import { SignIn } from "../parts/sign_in";
import type { Look } from "../parts/theme";
import { foundError } from "../state/path_store";
import { type May, MayProvider, mayOf } from "../state/may";
import { keptFor } from "../state/user";
import { Page } from "./page";

export interface Surroundings {
  look: Look;
  choose: (look: Look) => void;
  host: Host;
}
type Signed = "unknown" | "in" | "out" | "ended";

/** The page for who has signed in; for others, the place to do so. */
export function Gate(surroundings: Surroundings) {
  const [signed, setSigned] = useState<Signed>("unknown");
  const [conversations, setConversations] = useState<readonly Schemas["Conversation"][]>([]);
  const [may, setMay] = useState<May | null>(null);
  const [problem, setProblem] = useState<FoundError | null>(null);
  const list = useCallback(async () => {
    try {
      const [found, me] = await Promise.all([api.conversations(), api.me()]);
      keptFor(me.user);
      setMay(mayOf(me));
      setConversations(found.conversations);
      setSigned("in");
      setProblem(null);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) setSigned((before) => (before === "in" ? "ended" : "out"));
      else setProblem(foundError(error));
    }
  }, []);
  useEffect(() => void list(), [list]);
  useEffect(() => {
    if (!problem) return;
    const timer = setTimeout(() => void list(), 3000);
    return () => clearTimeout(timer);
  }, [problem, list]);
  if (signed === "out" || signed === "ended") {
    return <SignIn ended={signed === "ended"} done={() => void list()} />;
  }
  if (signed === "unknown" || may === null) {
    return problem ? <main className="sign-in"><ErrorCard error={problem} retry={() => void list()} /></main> : null;
  }
  return (
    <MayProvider value={may}>
      <Page {...surroundings} conversations={conversations} list={list} ended={() => setSigned("ended")} />
    </MayProvider>
  );
}
