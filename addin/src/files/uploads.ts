// Uploads, one file after the other, each with its progress.
import { ApiError, type PathName, upload } from "../api/client";
import type { FoundError } from "../api/events";
import { size } from "../parts/words";
import { foundError } from "../state/path_store";

export interface UploadEntry {
  id: number;
  name: string;
  size: number;
  /** The part that is sent, 0 to 1. */
  progress: number;
  state: "waiting" | "sending" | "problem";
  problem: FoundError | null;
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
  private abort: (() => void) | null = null;

  constructor(
    private readonly changed: () => void,
    private readonly done: () => void,
  ) {}

  add(path: PathName, files: Iterable<File>, limitBytes: number): void {
    for (const file of files) {
      const problem = problemOf(file, limitBytes);
      const entry: UploadEntry = {
        id: this.nextId++,
        name: file.name,
        size: file.size,
        progress: 0,
        state: problem ? "problem" : "waiting",
        problem,
      };
      this.entries = [...this.entries, entry];
      if (!problem) this.waiting.push({ entry, file, path });
    }
    this.changed();
    if (!this.running) void this.run();
  }

  dismiss(id: number): void {
    const sending = this.entries.find((entry) => entry.id === id)?.state === "sending";
    this.waiting = this.waiting.filter((each) => each.entry.id !== id);
    this.remove(id);
    if (sending) this.abort?.();
  }

  private async run(): Promise<void> {
    this.running = true;
    for (let next = this.waiting.shift(); next; next = this.waiting.shift()) {
      const { entry, file, path } = next;
      this.change(entry.id, { state: "sending" });
      const sent = upload(path, file, (progress) => this.change(entry.id, { progress }));
      this.abort = sent.abort;
      try {
        const { files, rejected } = await sent.done;
        const refused = rejected[0]?.error;
        const unread = files.find((each) => each.problem)?.problem as FoundError | undefined;
        if (refused) this.change(entry.id, { state: "problem", problem: refused });
        else if (unread) this.change(entry.id, { state: "problem", problem: { ...unread, message: `${entry.name} was kept, but: ${unread.message}` } });
        else this.remove(entry.id);
      } catch (error) {
        if (!(error instanceof ApiError && error.code === "cancelled")) {
          this.change(entry.id, { state: "problem", problem: foundError(error) });
        }
      }
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
