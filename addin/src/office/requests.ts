// Does what the service asks of this pane, each request once, and gives its reply until it is taken.
import { ApiError } from "../api/client";
import type { Schemas } from "../api/events";
import { perform, supportedTools } from "./operations/registry";
import { currentWorkbook } from "./workbook";

export type OfficeRequest = Schemas["OfficeRequested"];
export type OfficeReply =
  | { id: string; result: object }
  | { id: string; error: { code: string; message: string; hint: string } };
/** Keeps what a request is about to change; raises if nothing may be changed for it any more. */
export type Keep = (request: OfficeRequest, signal: AbortSignal) => Promise<{ checkpoint: string | null; note: string }>;
export type Send = (message: { kind: string } & Record<string, unknown>) => boolean;

const KEY = "tallybook.office";
const MOST_REPLY = 4_000_000;
const KEPT = 30;
const KEPT_CHARACTERS = 200_000;

/** Which requests this pane began and how they ended; survives a reload of the pane. */
interface Known { id: string; reply: OfficeReply | null }

const storage = {
  read(): { pane: string; known: Known[] } {
    try {
      const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null") as { pane: string; known: Known[] } | null;
      if (kept) return kept;
    } catch {
      // Without storage a pane is another one after each reload.
    }
    return { pane: `pane-${crypto.randomUUID()}`, known: [] };
  },
  write(state: { pane: string; known: Known[] }): void {
    const short = state.known.map((each) =>
      each.reply && JSON.stringify(each.reply).length > KEPT_CHARACTERS ? { id: each.id, reply: lost(each.id) } : each);
    try {
      sessionStorage.setItem(KEY, JSON.stringify({ pane: state.pane, known: short }));
    } catch {
      // see above
    }
  },
};

const lost = (id: string): OfficeReply => ({
  id,
  error: {
    code: "outcome-unknown",
    message: "The pane was closed while Excel worked on this, so what came of it is not known.",
    hint: "Read the cells before you do it again.",
  },
});

export class OfficeRequests {
  readonly state = storage.read();
  /** Requests that run now, and how to stop them. */
  private readonly running = new Map<string, AbortController>();
  private line: Promise<unknown> = Promise.resolve();

  constructor(private readonly send: Send, private readonly keep: Keep) {
    storage.write(this.state);
  }

  get pane(): string {
    return this.state.pane;
  }

  /** Tell the service which workbook is open here and what can be done in it. */
  async announce(): Promise<void> {
    const workbook = await currentWorkbook().catch(() => null);
    if (workbook?.name) this.send({ kind: "office.pane", pane: this.pane, workbook, tools: supportedTools() });
  }

  /** Do *request*, or reply once more if it was done already. */
  take(request: OfficeRequest): void {
    if (request.pane !== this.pane || this.running.has(request.id)) return;
    const known = this.state.known.find((each) => each.id === request.id);
    if (known) {
      this.reply(known.reply ?? lost(request.id));
      return;
    }
    const abort = new AbortController();
    this.running.set(request.id, abort);
    this.remember({ id: request.id, reply: null });
    this.line = this.line.then(() => this.perform(request, abort.signal));
  }

  /** Stop everything that is not in *wanted* any more. */
  keepOnly(wanted: string | null): void {
    for (const [id, abort] of this.running) if (id !== wanted) abort.abort();
  }

  private async perform(request: OfficeRequest, signal: AbortSignal): Promise<void> {
    let reply: OfficeReply;
    try {
      const { checkpoint, note } = request.mutates ? await this.keep(request, signal) : { checkpoint: null, note: "" };
      const result = await perform(request.tool, request.arguments, request.workbook, signal);
      const kept = { ...(checkpoint ? { checkpoint } : {}), ...(note ? { checkpoint_note: note } : {}) };
      reply = fitting({ id: request.id, result: { ...result, ...kept } });
    } catch (error) {
      reply = { id: request.id, error: inWords(error) };
    }
    this.running.delete(request.id);
    this.remember({ id: request.id, reply });
    if (!signal.aborted) this.reply(reply);
    if ("error" in reply && reply.error.code === "workbook-switched") await this.announce();
  }

  private reply(reply: OfficeReply): void {
    this.send({ kind: "office.reply", ...reply }); // if it is away, the service asks again
  }

  private remember(known: Known): void {
    this.state.known = [...this.state.known.filter((each) => each.id !== known.id), known].slice(-KEPT);
    storage.write(this.state);
  }
}

function fitting(reply: { id: string; result: object }): OfficeReply {
  if (JSON.stringify(reply.result).length <= MOST_REPLY) return reply;
  const error = { code: "reply-too-big", message: "What Excel gave is more than 4 MB.", hint: "Ask for fewer cells at once." };
  return { id: reply.id, error };
}

function inWords(error: unknown): { code: string; message: string; hint: string } {
  const known = error instanceof ApiError ? error : null;
  const hint = known?.code === "too-big-for-excel" && known.hint.startsWith("Download")
    ? "Take fewer cells at once, or have the workbook uploaded and use run_code."
    : (known?.hint ?? "Look at the workbook, then try again.");
  return { code: known?.code ?? "pane-failed", message: (known?.message ?? String(error)).slice(0, 2000) || "It failed.", hint };
}
