// What the service sends over the websocket of a path; the payloads come from its own document.
import type { components } from "./schema";

export type Schemas = components["schemas"];
export type EventData = Schemas["Events"];

export interface Envelope<Kind extends string, Data> {
  /** Number in the path's log; null for a refusal that concerns this socket alone. */
  seq: number | null;
  kind: Kind;
  turn: string | null;
  at: string;
  data: Data;
}

export type KnownEvent = { [K in keyof EventData]: Envelope<K, EventData[K]> }[keyof EventData];
/** Any event: a newer service may send kinds that this page does not know. */
export type PathEvent = Envelope<string, unknown>;

export type FoundError = Schemas["FoundError"];
export type RiskFinding = Schemas["RiskFinding"];
export type CheckFinding = Schemas["CheckFinding"];
export type PermissionRequired = Schemas["PermissionRequired"];
export type OfficeRequested = Schemas["OfficeRequested"];
export type RouteChosen = Schemas["RouteChosen"];
export type ContextUsed = Schemas["ContextUsed"];
export type AskedCall = Schemas["AskedCall"];
export type EgressFinding = Schemas["EgressFinding"];
export type NetworkCalled = Schemas["NetworkCalled"];
export type PlannedStep = Schemas["PlannedStep"];
