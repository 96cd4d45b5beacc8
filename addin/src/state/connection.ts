// The websocket of a path's events: it comes back by itself, from the event it saw last.
import { ApiError, api, eventsAddress, type PathName } from "../api/client";
import type { PathEvent } from "../api/events";
import { paneToken } from "../api/pane_token";

export type Link =
  | { state: "connecting" }
  | { state: "live" }
  | { state: "away"; retryAt: number }
  /** The access token has ended: somebody has to sign in again. */
  | { state: "signed-out" }
  | { state: "gone" };

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;
/** After the socket has opened, events are gathered until none has come for so long … */
const PAUSE_MS = 40;
/** … or until this time is over. */
const MOST_GATHERED_MS = 1500;
const TOKEN_ENDED = 4401;
const DELETED = 4404;

/** Wait before attempt *number* (from 0), in ms; *chance* is from 0 to 1. */
export const waitBefore = (number: number, chance: number): number =>
  Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(number, 10)) * (0.5 + chance / 2);

export interface Follower {
  /** Number of the last event that was seen. */
  seq: () => number;
  events: (events: readonly PathEvent[]) => void;
  link: (link: Link) => void;
}

export class Connection {
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private frame: ReturnType<typeof setTimeout> | undefined;
  private attempts = 0;
  private closed = false;
  private batch: PathEvent[] = [];
  /** Until when what was recorded before may be gathered: it is shown at once, not bit by bit. */
  private gathersUntil = 0;
  private readonly online = () => this.now();

  constructor(
    private readonly path: PathName,
    private readonly follower: Follower,
  ) {
    globalThis.addEventListener?.("online", this.online);
    this.open();
  }

  /** Try at once, if it is away. */
  now(): void {
    if (this.closed || this.socket !== null) return;
    clearTimeout(this.timer);
    this.open();
  }

  /** Send *message*; false if the socket is not open. */
  send(message: object): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    clearTimeout(this.frame);
    globalThis.removeEventListener?.("online", this.online);
    this.socket?.close();
  }

  private open(): void {
    this.follower.link({ state: "connecting" });
    const socket = new WebSocket(eventsAddress(this.path, this.follower.seq()), paneToken.protocols());
    this.socket = socket;
    this.gathersUntil = performance.now() + MOST_GATHERED_MS;
    socket.onopen = () => {
      this.attempts = 0;
      this.follower.link({ state: "live" });
    };
    socket.onmessage = (message) => this.take(JSON.parse(String(message.data)) as PathEvent);
    socket.onclose = (event) => {
      this.flush();
      this.socket = null;
      if (!this.closed) void this.lost(event.code);
    };
  }

  // Events that come together are shown together: a thousand lines cost one rendering.
  private take(event: PathEvent): void {
    this.batch.push(event);
    if (performance.now() < this.gathersUntil) {
      clearTimeout(this.frame);
      this.frame = setTimeout(() => this.flush(), PAUSE_MS);
    } else this.frame ??= setTimeout(() => this.flush(), 16);
  }

  private flush(): void {
    clearTimeout(this.frame);
    this.frame = undefined;
    this.gathersUntil = 0;
    const events = this.batch;
    this.batch = [];
    if (events.length > 0 && !this.closed) this.follower.events(events);
  }

  private async lost(code: number): Promise<void> {
    if (code === TOKEN_ENDED) return this.follower.link({ state: "signed-out" });
    if (code === DELETED) return this.follower.link({ state: "gone" });
    const wait = waitBefore(this.attempts++, Math.random());
    this.follower.link({ state: "away", retryAt: Date.now() + wait });
    this.timer = setTimeout(() => this.open(), wait);
    // A refused upgrade has no reason that scripts may see; a plain request has.
    const status = await api.look(this.path).then(
      () => 200,
      (error: unknown) => (error instanceof ApiError ? error.status : 0),
    );
    if (this.closed || (status !== 401 && status !== 404)) return;
    clearTimeout(this.timer);
    this.follower.link({ state: status === 401 ? "signed-out" : "gone" });
  }
}
