// One open path: its state, its connection, and what can be asked of it.
import { ApiError, api, type PathName } from "../api/client";
import type { FoundError } from "../api/events";
import { Connection, type Link } from "./connection";
import { EMPTY, type PathState, type Pending } from "./model";
import { type Action, reduce } from "./reducer";
import { keyOf } from "./user";

const RETRY_MS = 2000;

export const foundError = (error: unknown): FoundError =>
  error instanceof ApiError
    ? { code: error.code, message: error.message, hint: error.hint, details: error.details }
    : { code: "page-error", message: String(error), hint: "Load the page again.", details: {} };

/** Keeps requests that nobody has answered yet, so that closing the page loses none. */
const outbox = {
  key: ({ conversation, path }: PathName) => keyOf(`outbox.${conversation}/${path}`),
  read(path: PathName): Pending[] {
    try {
      return JSON.parse(localStorage.getItem(this.key(path)) ?? "[]") as Pending[];
    } catch {
      return [];
    }
  },
  write(path: PathName, pending: readonly Pending[]): void {
    try {
      const unsent = pending.filter((each) => each.turn === null && each.kind === "turn");
      if (unsent.length > 0) localStorage.setItem(this.key(path), JSON.stringify(unsent));
      else localStorage.removeItem(this.key(path));
    } catch {
      // Without storage a request lives as long as the page.
    }
  },
};

export class PathStore {
  state: PathState = EMPTY;
  link: Link = { state: "connecting" };
  /** Grows with every change: what useSyncExternalStore compares. */
  version = 0;
  private readonly listeners = new Set<() => void>();
  private readonly connection: Connection;
  /** Keys of the requests that are on their way just now. */
  private readonly underway = new Set<string>();
  private retry: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly path: PathName) {
    for (const pending of outbox.read(path)) this.dispatch({ type: "sent", pending });
    this.connection = new Connection(path, {
      seq: () => this.state.seq,
      events: (events) => this.dispatch({ type: "events", events }),
      link: (link) => this.linked(link),
    });
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  close(): void {
    clearTimeout(this.retry);
    this.connection.close();
    this.listeners.clear();
  }

  reconnect(): void {
    this.connection.now();
  }

  /** Send a message of this pane over the path's socket; false if it is away. */
  tell = (message: object): boolean => this.connection.send(message);

  ask(request: string): void {
    void this.send(this.newPending("turn", request));
  }

  execute(code: string, language: string): void {
    void this.send({ ...this.newPending("execute", code), language });
  }

  /** Send a refused request once more. */
  again(pending: Pending): void {
    void this.send({ ...pending, state: "sending", error: null });
  }

  drop(key: string): void {
    this.dispatch({ type: "dropped", key });
  }

  async cancel(turn: string | null): Promise<void> {
    const { cancelled } = await api.cancel(this.path, turn);
    const waiting = this.state.pending.filter((each) => each.turn && cancelled.includes(each.turn));
    for (const each of waiting) this.drop(each.key);
  }

  /** Keep what the user thinks of the answer of *turn*. */
  async rate(turn: string, rating: "up" | "down"): Promise<void> {
    await api.rate(turn, rating);
    this.dispatch({ type: "rated", ratings: [{ id: turn, rating }] });
  }

  private newPending(kind: Pending["kind"], request: string): Pending {
    const known = this.state.turns.map((turn) => turn.id);
    for (const each of this.state.pending) if (each.turn) known.push(each.turn);
    const key = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
    return { key, kind, request, language: "python", state: "sending", turn: null, error: null, known };
  }

  private async send(pending: Pending): Promise<void> {
    this.dispatch({ type: "sent", pending });
    this.underway.add(pending.key);
    try {
      const reply =
        pending.kind === "turn"
          ? await api.ask(this.path, pending.request)
          : await api.execute(this.path, pending.request, pending.language);
      this.dispatch({ type: "accepted", key: pending.key, turn: reply.turn });
    } catch (error) {
      // Without an answer it stays in line, and is sent again once the service is back.
      if (error instanceof ApiError && error.unanswered) this.catchUpLater();
      else this.dispatch({ type: "refused", key: pending.key, error: foundError(error) });
    } finally {
      this.underway.delete(pending.key);
    }
  }

  private linked(link: Link): void {
    this.link = link;
    this.changed();
    if (link.state === "live") this.catchUpLater(0);
  }

  private catchUpLater(wait = RETRY_MS): void {
    clearTimeout(this.retry);
    this.retry = setTimeout(() => {
      if (this.link.state === "live") void this.catchUp().catch(() => this.catchUpLater());
    }, wait);
  }

  /** Ask which requests the service has got; send those again that it has not. */
  private async catchUp(): Promise<void> {
    const unsent = this.state.pending.filter(
      (each) => each.turn === null && each.state === "sending" && !this.underway.has(each.key),
    );
    const { turns } = await api.turns(this.path);
    const taken = new Set(this.state.pending.map((each) => each.turn));
    for (const pending of unsent) {
      const got = turns.find(
        (turn) =>
          turn.kind === pending.kind &&
          turn.request === pending.request &&
          !taken.has(turn.id) &&
          !pending.known.includes(turn.id),
      );
      if (got) {
        taken.add(got.id);
        this.dispatch({ type: "accepted", key: pending.key, turn: got.id });
      } else if (this.state.pending.some((each) => each.key === pending.key && each.turn === null)) {
        await this.send(pending);
      }
    }
    this.dispatch({ type: "rated", ratings: turns });
    const queued = turns.filter((turn) => turn.status === "queued");
    this.dispatch({ type: "queued", turns: queued });
  }

  private dispatch(action: Action): void {
    const before = this.state.pending;
    this.state = reduce(this.state, action);
    if (this.state.pending !== before) outbox.write(this.path, this.state.pending);
    this.changed();
  }

  private changed(): void {
    this.version += 1;
    for (const listener of this.listeners) listener();
  }
}
