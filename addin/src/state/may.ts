// Who has signed in, and what their roles let them do: only that is offered.
import { createContext, useContext } from "react";
import type { Schemas } from "../api/events";

export type Scope = Schemas["Me"]["scopes"][number];

export interface May {
  /** The user's name; null where it is not known. */
  user: string | null;
  can: (scope: Scope) => boolean;
}

const MayContext = createContext<May>({ user: null, can: () => true });
export const MayProvider = MayContext.Provider;
export const useMay = (): May => useContext(MayContext);

export const mayOf = ({ user, scopes }: Schemas["Me"]): May => ({ user, can: (scope) => scopes.includes(scope) });

/** Said where something is not offered. */
export const READS_ONLY = "Your role can read here, but not ask or change anything";
