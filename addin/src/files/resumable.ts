// Uploads in pieces, by tus 1.0.0: one that is cut off goes on where it was.
import { addressOf, ApiError, errorOf, fetched, type PathName } from "../api/client";
import type { Schemas } from "../api/events";
import { paneToken } from "../api/pane_token";

const TUS = { "Tus-Resumable": "1.0.0" };
/** One request's bytes: a proxy may refuse larger ones. */
const PIECE_BYTES = 16_000_000;
/** Files up to this size are sent anew when the page was left: looking for them costs a request more. */
const SOUGHT_BYTES = 1_000_000;
const STALLED_MS = 45_000;
const PAUSES_MS = [500, 1000, 2000, 4000, 8000, 15_000];

export type Unfinished = Schemas["ResumableUpload"];
export interface Progress {
  /** The part that is sent, 0 to 1. */
  progress: number;
  /** The service does not answer; it is asked again. */
  paused: boolean;
}

const uploadsOf = (path: PathName) => `${addressOf(path)}/uploads`;

/** The user's unfinished uploads to *path*. */
export async function unfinishedOf(path: PathName): Promise<readonly Unfinished[]> {
  const response = await asked(uploadsOf(path), "GET");
  return ((await response.json()) as Schemas["ResumableUploads"]).uploads;
}

/** Remove an unfinished upload; if that fails, it ends by itself later. */
export const dropUpload = (url: string): void => void asked(url, "DELETE", TUS).catch(() => undefined);

/** Whether *upload* began with this very *file*, as far as can be seen. */
export const isOf = (upload: Unfinished, file: File): boolean =>
  upload.name === file.name.normalize("NFC").trim() && upload.size === file.size && upload.last_modified === file.lastModified;

async function asked(url: string, method: string, headers: Record<string, string> = {}): Promise<Response> {
  const response = await fetched(url, { method, headers: { ...paneToken.headers(), ...headers } });
  if (!response.ok) throw errorOf(response.status, await response.json().catch(() => null));
  return response;
}

/** Whether the same may be tried again. */
const passes = (error: ApiError): boolean => error.unanswered || error.status === 429 || error.code === "upload-moved";

/** One file on its way to *path*. */
export class Sending {
  /** The upload's address, once there is one. */
  url: string | null = null;
  readonly done: Promise<Schemas["UploadedFile"]>;
  private request: XMLHttpRequest | null = null;
  private part = 0;
  private ended = false;
  private wake: () => void = () => undefined;

  constructor(
    private readonly path: PathName,
    private readonly file: File,
    private readonly changed: (progress: Progress) => void,
  ) {
    this.done = this.run();
  }

  /** Stop, and remove what was sent. */
  abort(): void {
    this.ended = true;
    this.request?.abort();
    this.wake();
    if (this.url) dropUpload(this.url);
  }

  private async run(): Promise<Schemas["UploadedFile"]> {
    for (let failures = 0; ; ) {
      try {
        return await this.goOn(() => (failures = 0), failures > 0);
      } catch (error) {
        if (this.ended) throw new ApiError("cancelled", "The upload was cancelled.", "", 0);
        if (!(error instanceof ApiError) || !passes(error)) throw error;
        if (error.code !== "upload-moved") this.changed({ progress: this.part, paused: true });
        const pause = PAUSES_MS[Math.min(failures, PAUSES_MS.length - 1)] ?? 0;
        failures += 1;
        await new Promise<void>((resolve) => {
          this.wake = resolve;
          setTimeout(resolve, pause);
        });
      }
    }
  }

  private async goOn(moved: () => void, again: boolean): Promise<Schemas["UploadedFile"]> {
    let offset = await this.begin(again);
    do {
      offset = await this.send(offset);
      moved();
    } while (offset < this.file.size);
    const state = (await (await asked(this.url ?? "", "GET")).json()) as Unfinished;
    if (state.file === null) throw new ApiError("no-answer", "The service does not answer.", "", 503);
    return state.file;
  }

  /** Find the upload or make it; return how much of the file is there. */
  private async begin(again: boolean): Promise<number> {
    if (this.url === null && (again || this.file.size > SOUGHT_BYTES)) {
      const found = (await unfinishedOf(this.path)).find((each) => isOf(each, this.file));
      this.url = found?.url ?? null;
    }
    if (this.url !== null) {
      try {
        return Number((await asked(this.url, "HEAD", TUS)).headers.get("Upload-Offset"));
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 404) throw error;
      }
    }
    const metadata = [["filename", this.file.name], ["lastmodified", String(this.file.lastModified)]] as const;
    const made = await asked(`${uploadsOf(this.path)}?replace=true`, "POST", {
      ...TUS,
      "Upload-Length": String(this.file.size),
      "Upload-Metadata": metadata.map(([key, value]) => `${key} ${base64(value)}`).join(","),
    });
    this.url = made.headers.get("Location");
    return 0;
  }

  /** Send one piece from *offset* on; return how much is there then. */
  private send(offset: number): Promise<number> {
    const piece = this.file.slice(offset, offset + PIECE_BYTES);
    const request = (this.request = new XMLHttpRequest());
    return new Promise<number>((resolve, reject) => {
      const away = () => reject(new ApiError("no-answer", "The service does not answer.", "", 0));
      let stalled = setTimeout(() => request.abort(), STALLED_MS);
      request.open("PATCH", this.url ?? "");
      request.responseType = "json";
      const headers = { ...paneToken.headers(), ...TUS, "Content-Type": "application/offset+octet-stream", "Upload-Offset": String(offset) };
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      request.upload.onprogress = (event) => {
        clearTimeout(stalled);
        stalled = setTimeout(() => request.abort(), STALLED_MS);
        this.part = this.file.size ? (offset + event.loaded) / this.file.size : 1;
        this.changed({ progress: this.part, paused: false });
      };
      request.onload = () =>
        request.status === 204
          ? resolve(Number(request.getResponseHeader("Upload-Offset")))
          : reject(errorOf(request.status, request.response));
      request.onerror = away;
      request.onabort = away;
      request.onloadend = () => clearTimeout(stalled);
      request.send(piece);
    });
  }
}

function base64(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}
