// Calls of the service's public API. Every failure is an ApiError with words for the user.
import type { Schemas } from "./events";
import { paneToken } from "./pane_token";

const API = "/api/v1";

export class ApiError extends Error {
  override name = "ApiError";
  constructor(
    readonly code: string,
    message: string,
    readonly hint: string,
    /** HTTP status; 0 if no answer came. */
    readonly status: number,
    readonly details: Record<string, unknown> = {},
  ) {
    super(message);
  }
  /** Nobody knows whether the service got the request: it may be sent again after a look. */
  get unanswered(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

export interface PathName {
  conversation: string;
  path: string;
}

const enc = encodeURIComponent;
const fileName = (name: string) => name.split("/").map(enc).join("/");

export const addressOf = ({ conversation, path }: PathName) =>
  `${API}/conversations/${enc(conversation)}/paths/${enc(path)}`;
export const fileAddress = (path: PathName, name: string) => `${addressOf(path)}/files/${fileName(name)}`;
export const notebookAddress = (path: PathName) => `${addressOf(path)}/notebook`;
export const EXPORTS = ["html", "pdf", "py", "ipynb", "bundle"] as const;
export const exportAddress = (path: PathName, to: (typeof EXPORTS)[number]) => `${addressOf(path)}/notebook/export?to=${to}`;
export const rerunReportAddress = (path: PathName, id: string) => `${addressOf(path)}/notebook/reruns/${enc(id)}?as=html`;
export function eventsAddress(path: PathName, after: number): string {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return `${scheme}//${location.host}${addressOf(path)}/events?after=${after}`;
}

export function errorOf(status: number, body: unknown): ApiError {
  const error = (body as { error?: Partial<Schemas["Error"]> } | null)?.error;
  if (error?.message) {
    return new ApiError(error.code ?? "error", error.message, error.hint ?? "", status, error.details ?? {});
  }
  return new ApiError("no-answer", `The service answered with status ${status}.`, "Try again.", status);
}

const AWAY = () =>
  new ApiError("no-answer", "The service does not answer.", "It is asked again until it does.", 0);

const call = <T>(method: string, address: string, body?: unknown): Promise<T> => answerOf<T>(method, API + address, body);

/** `fetch`, whose failure is an ApiError. */
export async function fetched(address: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(address, init);
  } catch {
    throw AWAY();
  }
}

async function answerOf<T>(method: string, address: string, body?: unknown): Promise<T> {
  const response = await fetched(address, {
    method,
    headers: { ...paneToken.headers(), ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const value: unknown = await response.json().catch(() => null);
  if (!response.ok) throw errorOf(response.status, value);
  return value as T;
}

const of = (path: PathName) => addressOf(path).slice(API.length);

export const api = {
  health: async (): Promise<Schemas["Health"]> => {
    const response = await fetch(`${API}/health`).catch(() => null);
    if (!response) throw AWAY();
    return (await response.json()) as Schemas["Health"];
  },
  /** Who has signed in, and what they may do. */
  me: () => call<Schemas["Me"]>("GET", "/me"),
  conversations: () => call<Schemas["Conversations"]>("GET", "/conversations"),
  create: (title: string) => call<Schemas["Conversation"]>("POST", "/conversations", { title }),
  /** Start the recorded demo conversation. */
  demo: () => call<Schemas["DemoStarted"]>("POST", "/demo"),
  rename: (id: string, title: string) =>
    call<Schemas["Conversation"]>("PATCH", `/conversations/${enc(id)}`, { title }),
  remove: (id: string) => call<Schemas["Deleted"]>("DELETE", `/conversations/${enc(id)}`),
  paths: (id: string) => call<Schemas["Paths"]>("GET", `/conversations/${enc(id)}/paths`),
  branch: (id: string, body: Schemas["NewPath"]) =>
    call<Schemas["NewBranch"]>("POST", `/conversations/${enc(id)}/paths`, body),
  merge: (path: PathName, body: Schemas["MergeRequest"]) =>
    call<Schemas["TurnReply"]>("POST", `${of(path)}/merge`, body),
  look: (path: PathName) => call<Schemas["PathDetail"]>("GET", of(path)),
  turns: (path: PathName) => call<Schemas["Turns"]>("GET", `${of(path)}/turns`),
  ask: (path: PathName, request: string) =>
    call<Schemas["TurnReply"]>("POST", `${of(path)}/turns`, { request }),
  execute: (path: PathName, code: string, language: string) =>
    call<Schemas["TurnReply"]>("POST", "/execute", { code, language, ...path }),
  cancel: (path: PathName, turn: string | null) =>
    call<Schemas["Cancelled"]>("POST", `${of(path)}/cancel`, turn === null ? {} : { turn }),
  decide: (permission: string, decision: Schemas["PermissionReply"]["decision"], until?: Date) =>
    call<Schemas["Decided"]>("POST", `/permissions/${enc(permission)}`, {
      decision,
      ...(until ? { until: until.toISOString() } : {}),
    }),
  rate: (turn: string, rating: "up" | "down") =>
    call<Schemas["Rated"]>("POST", `/turns/${enc(turn)}/rating`, { rating }),
  undo: (path: PathName, turn: string, confirm: boolean) =>
    call<Schemas["TurnReply"]>("POST", `${of(path)}/history/undo`, { turn, confirm }),
  ranges: (path: PathName) => call<Schemas["RangeHistory"]>("GET", `${of(path)}/history/ranges`),
  range: (path: PathName, id: string) =>
    call<Schemas["RangeCheckpointContent"]>("GET", `${of(path)}/history/ranges/${enc(id)}`),
  keepRange: (path: PathName, body: Schemas["NewRangeCheckpoint"]) =>
    call<Schemas["RangeCheckpoint"]>("POST", `${of(path)}/history/ranges`, body),
  dropRange: (path: PathName, id: string | null) =>
    call<Schemas["CheckpointsGone"]>("DELETE", `${of(path)}/history/ranges${id === null ? "" : `/${enc(id)}`}`),
  /** Where a cell comes from: by the record alone, or with what the *rows* of the files say. */
  trace: (path: PathName, file: string, cell: string, rows: boolean) =>
    call<Schemas["CellTrace"]>("GET", `${of(path)}/notebook/trace?file=${enc(file)}&cell=${enc(cell)}&rows=${rows}`),
  verification: (path: PathName) => call<Schemas["Verification"]>("GET", `${of(path)}/notebook/verification`),
  notebook: (path: PathName) => call<unknown>("GET", `${of(path)}/notebook`),
  signOff: (path: PathName, kind: Schemas["SignOffRequest"]["kind"], note: string) =>
    call<Schemas["SignedOff"]>("POST", `${of(path)}/notebook/sign-off`, { kind, note }),
  parameters: (path: PathName) => call<Schemas["NotebookParameters"]>("GET", `${of(path)}/notebook/parameters`),
  reruns: (path: PathName) => call<Schemas["Reruns"]>("GET", `${of(path)}/notebook/reruns`),
  rerun: (path: PathName, body: Schemas["NewRerun"]) => call<Schemas["Rerun"]>("POST", `${of(path)}/notebook/reruns`, body),
  rerunReport: (path: PathName, id: string) => call<Schemas["Rerun"]>("GET", `${of(path)}/notebook/reruns/${enc(id)}`),
  dropRerun: (path: PathName, id: string) => call<unknown>("DELETE", `${of(path)}/notebook/reruns/${enc(id)}`),
  mode: (conversation: string) => call<Schemas["ModeReply"]>("GET", `/conversations/${enc(conversation)}/mode`),
  setMode: (conversation: string, body: Schemas["ModeRequest"]) =>
    call<Schemas["ModeReply"]>("PUT", `/conversations/${enc(conversation)}/mode`, body),
  preferences: () => call<Schemas["Preferences"]>("GET", "/preferences"),
  statePreference: (text: string) => call<Schemas["PreferenceReply"]>("POST", "/preferences", { text }),
  changePreference: (id: string, text: string) => call<Schemas["PreferenceReply"]>("PATCH", `/preferences/${enc(id)}`, { text }),
  dropPreference: (id: string) => call<unknown>("DELETE", `/preferences/${enc(id)}`),
  grants: () => call<Schemas["Grants"]>("GET", "/grants"),
  revoke: (grant: string) => call<Schemas["Revoked"]>("DELETE", `/grants/${enc(grant)}`),
  files: (path: PathName) => call<Schemas["Files"]>("GET", `${of(path)}/files`),
  profile: (path: PathName, name: string) =>
    call<Schemas["FileProfile"]>("GET", `${of(path)}/files/${fileName(name)}/profile`),
  preview: (path: PathName, name: string, sheet: string, first: number, count: number) =>
    call<Schemas["FilePreview"]>(
      "GET",
      `${of(path)}/files/${fileName(name)}/preview?sheet=${enc(sheet)}&first=${first}&count=${count}`,
    ),
  versions: (path: PathName, name: string) =>
    call<Schemas["FileVersions"]>("GET", `${of(path)}/versions/${fileName(name)}`),
  putBack: (path: PathName, name: string, sha256: string) =>
    call<Schemas["FileVersions"]>("POST", `${of(path)}/versions/${fileName(name)}`, { sha256 }),
};

/**
 * Sign this browser in; the service sets a cookie that scripts can't read.
 *
 * In a frame of Excel on the web no cookie would come back, so there the page keeps the token.
 */
export async function signIn(token: string): Promise<void> {
  const response = paneToken.used
    ? await fetched(`${API}/conversations`, { headers: paneToken.headers(token) })
    : await fetched("/", { method: "POST", body: new URLSearchParams({ token }) });
  if (!response.ok) throw errorOf(response.status, await response.json().catch(() => null));
  if (paneToken.used) paneToken.keep(token);
}

/** The content of a file of the service, such as a result. */
export async function fileContent(address: string): Promise<Blob> {
  const response = await fetched(address, { headers: paneToken.headers() });
  if (!response.ok) throw errorOf(response.status, await response.json().catch(() => null));
  return response.blob();
}
