import { useCallback, useEffect, useState } from "react";
import { api } from "../api/client";
import type { Schemas } from "../api/events";
import type { ModeName } from "./words";

type Request = Schemas["ModeRequest"];
const AUTO: Request & { until: string | null } = { name: "auto", scope: [], until: null, cells: null };

export interface ConversationMode {
  mode: ModeName;
  /** When an autonomous mode ends, in ms. */
  until: number | null;
  choose: (request: Request) => Promise<void>;
  /** Give the mode that was chosen before there was a conversation to the new one. */
  begin: (conversation: string) => Promise<void>;
}

/** The mode of *conversation*; *revision* grows whenever it changes. */
export function useMode(conversation: string | null, revision: number): ConversationMode {
  const [mode, setMode] = useState<{ name: ModeName; until: string | null }>(AUTO);
  const [wanted, setWanted] = useState<Request>(AUTO);
  useEffect(() => setMode(AUTO), [conversation]);
  useEffect(() => {
    if (conversation === null) return setWanted(AUTO);
    let current = true;
    api.mode(conversation).then((found) => current && setMode(found), () => undefined);
    return () => {
      current = false;
    };
  }, [conversation, revision]);
  const choose = useCallback(async (request: Request) => {
    if (conversation === null) return setWanted(request);
    setMode(await api.setMode(conversation, request));
  }, [conversation]);
  const begin = useCallback(async (made: string) => {
    if (wanted.name === "auto") return;
    setMode(await api.setMode(made, wanted));
  }, [wanted]);
  const now = conversation === null ? wanted : mode;
  return { mode: now.name, until: now.until === null ? null : Date.parse(now.until), choose, begin };
}
