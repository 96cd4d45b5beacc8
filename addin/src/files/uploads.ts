// Uploads, one file after the other, each with its progress.
import { ApiError, type PathName } from "../api/client";
import type { FoundError } from "../api/events";
import { size } from "../parts/words";
import { foundError } from "../state/path_store";
import { dropUpload, isOf, Sending, type Unfinished } from "./resumable";

export interface UploadEntry {
  id: number;
  name: string;
  size: number;
  /** The part that is sent, 0 to 1. */
  progress: number;
  /** `paused`: the service is away; `unfinished`: of an earlier visit, and needs its file again. */
  state: "waiting" | "sending" | "paused" | "unfinished" | "problem";
  problem: FoundError | null;
  /** Its address, of one of an earlier visit. */
  url: string | null;
}

/** What is wrong with a file before it is sent; null if nothing is. */
export function problemOf(file: { name: string; size: number }, limitBytes: number): FoundError | null {
  const refused = (code: string, message: string, hint: string) => ({ code, message, hint, details: {} });
  if (file.size === 0) {
    return refused("file-empty", `${file.name} is empty (0 bytes).`, "Save it again, or choose another file.");
  }
  if (file.size > limitBytes) {
    return refused(
      "file-too-large",
      `${file.name} has ${size(file.size)}; a file may have ${size(limitBytes)}.`,
      "Split the file, or ask the operator for a higher limit.",
    );
  }
  return null;
}

export class Uploads {
  entries: readonly UploadEntry[] = [];
  private nextId = 1;
  private running = false;
  private waiting: { entry: UploadEntry; file: File; path: PathName }[] = [];
  private sending: { id: number; sending: Sending } | null = null;
  private left: readonly Unfinished[] = [];

  constructor(
    private readonly changed: () => void,
    private readonly done: () => void,
  ) {}

  add(path: PathName, files: Iterable<File>, limitBytes: number): void {
    for (const file of files) {
      const problem = problemOf(file, limitBytes);
      const entry = this.entry(file.name, file.size, problem ? "problem" : "waiting", problem);
      const same = this.left.find((each) => isOf(each, file));
      this.entries = [...this.entries.filter((each) => each.url === null || each.url !== same?.url), entry];
      if (!problem) this.waiting.push({ entry, file, path });
    }
    this.changed();
    if (!this.running) void this.run();
  }

  /** List the uploads that an earlier visit left unfinished, in place of another path's. */
  show(left: readonly Unfinished[]): void {
    const own = this.sending?.sending.url ?? null;
    this.left = left.filter((each) => each.url !== own);
    this.entries = [
      ...this.entries.filter((each) => each.state !== "unfinished"),
      ...this.left.map((each) => ({
        ...this.entry(each.name, each.size, "unfinished", null),
        progress: each.size ? each.offset / each.size : 1,
        url: each.url,
      })),
    ];
    this.changed();
  }

  dismiss(id: number): void {
    const entry = this.entries.find((each) => each.id === id);
    this.waiting = this.waiting.filter((each) => each.entry.id !== id);
    this.remove(id);
    if (this.sending?.id === id) this.sending.sending.abort();
    else if (entry?.url) dropUpload(entry.url);
  }

  private entry(name: string, size: number, state: UploadEntry["state"], problem: FoundError | null): UploadEntry {
    return { id: this.nextId++, name, size, progress: 0, state, problem, url: null };
  }

  private async run(): Promise<void> {
    this.running = true;
    for (let next = this.waiting.shift(); next; next = this.waiting.shift()) {
      const { entry, file, path } = next;
      this.change(entry.id, { state: "sending" });
      const sending = new Sending(path, file, ({ progress, paused }) =>
        this.change(entry.id, { progress, state: paused ? "paused" : "sending" }),
      );
      this.sending = { id: entry.id, sending };
      try {
        const { problem } = await sending.done;
        if (problem) {
          const unread = problem as unknown as FoundError;
          this.change(entry.id, { state: "problem", problem: { ...unread, message: `${entry.name} was kept, but: ${unread.message}` } });
        } else this.remove(entry.id);
      } catch (error) {
        if (!(error instanceof ApiError && error.code === "cancelled")) {
          this.change(entry.id, { state: "problem", problem: foundError(error), url: sending.url });
        }
      }
      this.sending = null;
      this.done();
    }
    this.running = false;
  }

  private change(id: number, change: Partial<UploadEntry>): void {
    this.entries = this.entries.map((entry) => (entry.id === id ? { ...entry, ...change } : entry));
    this.changed();
  }

  private remove(id: number): void {
    this.entries = this.entries.filter((entry) => entry.id !== id);
    this.changed();
  }
}
